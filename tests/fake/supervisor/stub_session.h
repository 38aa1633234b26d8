/* SPDX-License-Identifier: MIT */
/*
 * fake/supervisor/stub_session.h - a session without databases, for tests of
 * the server alone. Included by one file of a test program; replaces session/,
 * the watchdog and the configuration's identity.
 */
#ifndef FAKE_STUB_SESSION_H
#define FAKE_STUB_SESSION_H

#include "base/alloc.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/progress.h"
#include "config/config.h"
#include "dialect/state.h"
#include "session/ctest.h"
#include "session/session.h"
#include "supervisor/watchdog.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What it does; set before the server is forked. */
static struct {
	int new_fails;
	int start_ms;     /* how long it takes, unless cancelled */
	int start_fails;  /* with ERROR_MIGRATION */
	int start_events; /* so many progress items */
	int end_ms;
	unsigned n_slots;
	uint16_t server_port; /* of every slot; 0: where nobody listens */
} stub;

struct session {
	char *dir;
	const struct progress *progress;
	struct db_address slots[4];
};

void config_identity(const struct config *config, char ret[CONFIG_IDENTITY])
{
	(void)config;
	memcpy(ret, "0123456789abcdef", CONFIG_IDENTITY);
}

int session_new(const struct config *config,
		const struct estate_listener *listener,
		const struct progress *progress, struct session **ret,
		struct error *err)
{
	struct session *s;
	auto_free char *runtime = NULL;

	(void)config;
	if (stub.new_fails)
		return error_set(err, ERROR_CONFIG, "no service asked for");
	if (fs_runtime_dir(&runtime, err) < 0)
		return -1;
	s = xcalloc(1, sizeof(*s));
	s->dir = fs_join(runtime, "s1");
	s->progress = progress;
	for (unsigned i = 0; i < stub.n_slots; i++)
		s->slots[i] = (struct db_address){
		    .dialect = DIALECT_POSTGRES,
		    .host = xstrdup("127.0.0.1"),
		    .port = stub.server_port ? stub.server_port
					     : (uint16_t)(1000 + i),
		    .user = xstrdup("app"),
		    .password = xstrdup("secret"),
		    .database = xstrdup("app"),
		};
	listener->fn(listener->ctx, ESTATE_RUN_DIR, s->dir);
	listener->fn(listener->ctx, ESTATE_ENGINE, "engine-code");
	*ret = s;
	return fs_private_dir(s->dir, err);
}

int session_start(struct session *s, const struct deadline *deadline,
		  struct error *err)
{
	progress_step(s->progress, "db", "starting 'db'");
	for (int i = 0; i < stub.start_events; i++) {
		struct progress_event e = {.kind = PROGRESS_ITEM,
					   .step = "db",
					   .item = "layer",
					   .current = i + 1,
					   .total = stub.start_events};

		progress_emit(s->progress, &e);
	}
	if (stub.start_ms && deadline_poll(deadline, NULL, 0, stub.start_ms,
					   "start 'db'", err) < 0)
		return -1;
	if (stub.start_fails) {
		error_set(err, ERROR_MIGRATION, "001.sql:37: syntax error");
		error_hint(err, "look at line 37");
		error_detail(err, "CREATE TABEL x");
		return -1;
	}
	progress_notice(s->progress, "something worth knowing");
	progress_done(s->progress, "db", "ready");
	return 0;
}

void session_end(struct session *s)
{
	struct deadline d = deadline_in(60000, NULL);

	progress_step(s->progress, "end", "removing 'db'");
	if (stub.end_ms)
		deadline_poll(&d, NULL, 0, stub.end_ms, "end", NULL);
	fs_remove_tree(s->dir, NULL);
	for (unsigned i = 0; i < stub.n_slots; i++)
		db_address_free(&s->slots[i]);
	free(s->dir);
	free(s);
}

const char *session_id(const struct session *s)
{
	(void)s;
	return "s1";
}

const char *session_run_dir(const struct session *s)
{
	return s->dir;
}

unsigned session_n_services(const struct session *s)
{
	(void)s;
	return 1;
}

void session_service(const struct session *s, unsigned i,
		     struct session_service *ret)
{
	(void)i;
	*ret = (struct session_service){
	    .name = "db",
	    .backend = "container",
	    .dialect = DIALECT_POSTGRES,
	    .facts = {.image = "postgres:16", .via = "published port"},
	    .slots = s->slots,
	    .n_slots = stub.n_slots,
	};
}

const char *session_backend(const struct session *s)
{
	(void)s;
	return "container";
}

const char *session_fallback_reason(const struct session *s)
{
	(void)s;
	return NULL;
}

const char *session_engine_host(const struct session *s)
{
	(void)s;
	return "unix:///nowhere";
}

char *session_slot_node(const struct session *s, unsigned service,
			unsigned slot)
{
	(void)s;
	(void)service;
	(void)slot;
	return NULL;
}

char *session_slot_name(const struct session *s, unsigned service,
			unsigned slot)
{
	(void)s;
	(void)service;
	return xasprintf("testenv-s1-%u", slot);
}

static int own_variables(const struct session *s, unsigned slot,
			 struct strvec *ret, struct error *err)
{
	(void)s;
	if (slot == SESSION_SLOT_ANY)
		slot = 0;
	if (slot >= stub.n_slots)
		return error_set(err, ERROR_USAGE, "there is no slot %u", slot);
	strvec_pushf(ret, "PGPORT=%u", 1000 + slot);
	strvec_push(ret, "ODD=a=b\n'\"c");
	return 0;
}

int session_variables(const struct session *s, unsigned slot,
		      struct strvec *env, struct error *err)
{
	strvec_env_set(env, "PGSERVICE", NULL);
	return own_variables(s, slot, env, err);
}

int session_lease_variables(const struct session *s,
			    const struct session_lease *lease,
			    struct strvec *env, struct error *err)
{
	strvec_env_set(env, "TESTENV_LEASE", lease->id);
	return own_variables(s, lease->slot, env, err);
}

unsigned session_ready_slots(const struct session *s)
{
	(void)s;
	return stub.n_slots;
}

unsigned session_max_slots(const struct session *s)
{
	(void)s;
	return 4;
}

int session_slot_start(struct session *s, unsigned slot,
		       const struct deadline *deadline, struct error *err)
{
	(void)s;
	(void)slot;
	return deadline_check(deadline, "slot", err);
}

int session_slot_clean(struct session *s, unsigned slot, bool same_owner,
		       const struct deadline *deadline, struct error *err)
{
	(void)same_owner;
	return session_slot_start(s, slot, deadline, err);
}

/* Slot 0 has a table more than the template, 1 fails, the others are equal. */
int session_slot_states(struct session *s, unsigned service, unsigned slot,
			const struct deadline *deadline,
			struct db_state *ret_template, struct db_state *ret_now,
			struct error *err)
{
	static char kind[] = "table", name[] = "a.b", definition[] = "x";
	struct state_entry *e;

	(void)s;
	(void)service;
	if (deadline_check(deadline, "slot", err) < 0)
		return -1;
	if (slot == 1)
		return error_set(err, ERROR_DATABASE, "cannot be read");
	*ret_template = (struct db_state)DB_STATE_INIT;
	*ret_now = (struct db_state)DB_STATE_INIT;
	if (slot)
		return 0;
	e = xcalloc(1, sizeof(*e));
	*e = (struct state_entry){kind, name, definition, -1};
	*ret_now = (struct db_state){.v = e, .n = 1};
	return 0;
}

bool session_slot_is_astray(const struct session *s, unsigned slot,
			    unsigned made)
{
	(void)s;
	(void)slot;
	(void)made;
	return false;
}

void session_slot_taken(struct session *s, unsigned slot)
{
	(void)s;
	(void)slot;
}

const struct db_address *session_slot_address(const struct session *s,
					      unsigned service, unsigned slot)
{
	(void)service;
	return &s->slots[slot];
}

/* Whoever looks for the port of the one address finds it in a file. */
/* It has databases alone. */
unsigned session_n_companions(const struct session *s)
{
	(void)s;
	return 0;
}

void session_companion(const struct session *s, unsigned i,
		       struct session_companion *ret)
{
	(void)s;
	(void)i;
	*ret = (struct session_companion){.missing = true};
}

bool session_companion_address(const struct session *s, unsigned i,
			       unsigned slot, struct companion_address *ret)
{
	(void)s;
	(void)i;
	(void)slot;
	(void)ret;
	return false;
}

char *session_companion_name(const struct session *s, unsigned i, unsigned slot)
{
	(void)s;
	(void)i;
	(void)slot;
	return NULL;
}

void session_set_companion_public(struct session *s, unsigned i, int slot,
				  const struct companion_address *address)
{
	(void)s;
	(void)i;
	(void)slot;
	(void)address;
}

void session_set_public(struct session *s, unsigned service, int slot,
			const struct db_address *address)
{
	auto_free char *path = fs_join(s->dir, "port");

	(void)service;
	if (slot < 0)
		fs_write_file(path, &address->port, sizeof(address->port), 0600,
			      NULL);
}

const char *session_public_database(const struct session *s, unsigned service)
{
	(void)s;
	(void)service;
	return "app";
}

const char *session_data_dir(const struct session *s)
{
	return s->dir;
}

void session_ctest_spec(const struct session *s, struct buf *ret)
{
	(void)s;
	buf_puts(ret, "{}\n");
}

int estate_clean(const struct estate *estate, const struct deadline *deadline,
		 struct error *err)
{
	(void)deadline;
	return fs_remove_tree(estate->run_dir, err);
}

/* No watchdog: the server is told to use none. */
int watchdog_tell_session(struct watchdog *w, const char *session)
{
	(void)w;
	(void)session;
	return 0;
}

int watchdog_tell(struct watchdog *w, enum estate_kind kind, const char *value)
{
	(void)w;
	(void)kind;
	(void)value;
	return 0;
}

#endif
