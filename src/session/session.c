/* SPDX-License-Identifier: MIT */
#include "session/internal.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/ident.h"
#include "base/log.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "dialect/db.h"
#include "docker/engine.h"
#include "session/companions.h"
#include "session/estate.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	END_MS = 60000,
};

int session_make_dir(const char *parent, const char *id, struct lock *lock,
		     char **ret, struct error *err)
{
	auto_free char *early = xasprintf("%s/" ESTATE_EARLY "%s", parent, id);
	auto_free char *early_lock = fs_join(early, ESTATE_LOCK);
	auto_free char *dir = fs_join(parent, id);
	int got;

	if (mkdir(early, 0700) < 0)
		return error_set_errno(err, ERROR_IO, errno,
				       "cannot make directory '%s'", early);
	got = lock_try(lock, early_lock, err);
	if (got == 1 && rename(early, dir) == 0) {
		*ret = take_ptr(&dir);
		return 0;
	}
	if (got == 1)
		error_set_errno(err, ERROR_IO, errno,
				"cannot make directory '%s'", dir);
	else if (got == 0)
		error_set(err, ERROR_BUSY, "lock '%s' is held", early_lock);
	lock_release(lock);
	fs_remove_tree(early, NULL);
	return -1;
}

static int make_run_dir(struct session *s, struct error *err)
{
	auto_free char *runtime = NULL;
	auto_free char *wanted = NULL;

	if (fs_runtime_dir(&runtime, err) < 0)
		return -1;
	/* before it is there: we may be killed as soon as it is */
	wanted = fs_join(runtime, s->id);
	if (s->listener.fn)
		s->listener.fn(s->listener.ctx, ESTATE_RUN_DIR, wanted);
	if (session_make_dir(runtime, s->id, &s->lock, &s->run_dir, err) < 0)
		return -1;
	s->lock_path = fs_join(s->run_dir, ESTATE_LOCK);
	return 0;
}

/* Beside the cache, so that a copy of a template can be a reflink; in the run
 * directory where the cache cannot be written. */
static int make_data_dir(struct session *s, struct error *err)
{
	auto_free char *sessions = NULL;
	auto_free char *wanted = NULL;

	s->cache_dir = fs_cache_dir();
	sessions = fs_join(s->cache_dir, "sessions");
	wanted = fs_join(sessions, s->id);
	if (session_tell(s, ESTATE_DATA_DIR, wanted, err) < 0)
		return -1;
	if (fs_mkdir_p(sessions, 0700, NULL) == 0 &&
	    session_make_dir(sessions, s->id, &s->data_lock, &s->data_dir,
			     NULL) == 0)
		return 0;
	log_debug("'%s' cannot be written", sessions);
	s->data_dir = fs_join(s->run_dir, "data");
	return fs_private_dir(s->data_dir, err);
}

int session_tell(struct session *s, enum estate_kind kind, const char *value,
		 struct error *err)
{
	if (s->listener.fn)
		s->listener.fn(s->listener.ctx, kind, value);
	return estate_note(s->run_dir, kind, value, err);
}

int session_new(const struct config *config,
		const struct estate_listener *listener,
		const struct progress *progress, struct session **ret,
		struct error *err)
{
	struct session *s = xcalloc(1, sizeof(*s));

	s->environment = (struct strvec)STRVEC_INIT;
	strvec_extend(&s->environment, environ);
	db_global_init();
	s->config = config;
	s->progress = progress;
	s->lock = (struct lock)LOCK_INIT;
	s->data_lock = (struct lock)LOCK_INIT;
	s->local_lock = (struct lock)LOCK_INIT;
	if (listener)
		s->listener = *listener;
	ident_random(s->id, SESSION_ID);
	config_identity(config, s->identity);
	if (make_run_dir(s, err) < 0 || make_data_dir(s, err) < 0) {
		session_end(s);
		return error_wrap(err, "new session");
	}
	s->owner = (struct ownership){
	    .session = s->id,
	    .run_dir = s->run_dir,
	    .data_dir = s->data_dir,
	    .cache_dir = s->cache_dir,
	    .project = config->project_dir ? config->project_dir : "/",
	    .lock_path = s->lock_path,
	    .expires_s = clock_wall_s() + SESSION_EXPIRES_S,
	};
	*ret = s;
	return 0;
}

static void free_addresses(struct db_address *list, unsigned n)
{
	for (unsigned i = 0; list && i < n; i++)
		db_address_free(&list[i]);
	free(list);
}

static void free_service(struct session *s, struct service *service,
			 const struct deadline *deadline)
{
	provider_close(service->provider, deadline);
	free_addresses(service->slots, s->max_slots);
	free_addresses(service->coming, s->max_slots);
	free_addresses(service->public_slots, service->n_slots);
	db_address_free(&service->public_address);
	migrations_free(&service->migrations);
	free(service->migrations_text);
}

static void remove_dir(struct session *s, const char *path)
{
	auto_error struct error err = ERROR_INIT;

	if (path && fs_remove_tree(path, &err) < 0)
		progress_notice(s->progress, "%s", err.text);
}

struct end_ctx {
	struct session *s;
	const struct deadline *deadline;
};

/* The databases, and what is beside them. */
static int end_part(void *arg, size_t part, struct error *err)
{
	struct end_ctx *ctx = arg;
	struct session *s = ctx->s;

	(void)err;
	if (part == 1)
		companions_free(s->companions, ctx->deadline);
	else
		for (unsigned i = s->n_services; i-- > 0;)
			free_service(s, &s->services[i], ctx->deadline);
	return 0;
}

void session_end(struct session *s)
{
	struct deadline deadline = deadline_in(END_MS, NULL);
	struct end_ctx end = {s, &deadline};

	if (!s)
		return;
	gc_thread_stop(s->gc);
	parallel_run(2, 2, end_part, &end, NULL);
	engine_free(s->engine);
	remove_dir(s, s->local_dir);
	remove_dir(s, s->data_dir);
	remove_dir(s, s->run_dir);
	lock_release(&s->local_lock);
	lock_release(&s->data_lock);
	lock_release(&s->lock);
	for (unsigned i = 0; s->slot_locks && i < s->max_slots; i++)
		pthread_mutex_destroy(&s->slot_locks[i]);
	free(s->slot_locks);
	strvec_free(&s->environment);
	free(s->services);
	free(s->fallback_reason);
	free(s->run_dir);
	free(s->data_dir);
	free(s->local_dir);
	free(s->local_cache);
	free(s->cache_dir);
	free(s->lock_path);
	free(s);
}

const char *session_id(const struct session *s)
{
	return s->id;
}

const char *session_run_dir(const struct session *s)
{
	return s->run_dir;
}

const char *session_identity(const struct session *s)
{
	return s->identity;
}

unsigned session_n_services(const struct session *s)
{
	return s->n_services;
}

void session_service(const struct session *s, unsigned i,
		     struct session_service *ret)
{
	const struct service *service = &s->services[i];

	*ret = (struct session_service){
	    .name = service->config->name,
	    .backend = config_backend_name(service->backend),
	    .dialect = service->dialect,
	    .migrations = service->migrations_text,
	    .slots = service->slots,
	    .n_slots = service->n_slots,
	};
	provider_facts(service->provider, &ret->facts);
}

const char *session_backend(const struct session *s)
{
	return s->n_services ? config_backend_name(s->services[0].backend)
			     : "none";
}

const char *session_fallback_reason(const struct session *s)
{
	return s->fallback_reason;
}

const char *session_engine_host(const struct session *s)
{
	return s->engine ? engine_host(s->engine) : NULL;
}

char *session_slot_name(const struct session *s, unsigned service,
			unsigned slot)
{
	return provider_slot_name(s->services[service].provider, slot);
}

char *session_slot_node(const struct session *s, unsigned service,
			unsigned slot)
{
	return provider_slot_node(s->services[service].provider, slot);
}

unsigned session_ready_slots(const struct session *s)
{
	return s->n_services ? s->services[0].n_slots : 0;
}

unsigned session_max_slots(const struct session *s)
{
	return s->max_slots;
}

const struct db_address *session_slot_address(const struct session *s,
					      unsigned service, unsigned slot)
{
	return &s->services[service].slots[slot];
}

bool session_slot_is_astray(const struct session *s, unsigned slot,
			    unsigned made)
{
	for (unsigned i = 0; i < s->n_services; i++) {
		const struct service *service = &s->services[i];
		const struct db_address *a = &service->slots[slot];

		if (service->spec.isolation == ISOLATE_DATABASE &&
		    (a->host || a->socket) &&
		    !db_address_same_server(a, &service->slots[made]))
			return true;
	}
	return false;
}

void session_set_public(struct session *s, unsigned service, int slot,
			const struct db_address *address)
{
	struct service *to = &s->services[service];
	struct db_address *a =
	    slot < 0 ? &to->public_address : &to->public_slots[slot];
	/* every slot's user and password are the same */
	const struct db_address *login = &to->slots[0];

	/* what is in front of a server speaks no TLS */
	if (login->params && db_demands_tls(login))
		return;
	db_address_free(a);
	*a = (struct db_address){
	    .dialect = address->dialect,
	    .params = db_plain_params(login),
	    .host = xstrdup_or_null(address->host),
	    .port = address->port,
	    .socket_dir = xstrdup_or_null(address->socket_dir),
	    .socket = xstrdup_or_null(address->socket),
	    .path = xstrdup_or_null(address->path),
	    .user = xstrdup_or_null(login->user),
	    .password = xstrdup_or_null(login->password),
	    .database = xstrdup_or_null(to->spec.database),
	};
	if (to->dialect == DIALECT_SQLITE)
		free(take_ptr(&a->database));
}

const char *session_data_dir(const struct session *s)
{
	return s->data_dir;
}

const char *session_public_database(const struct session *s, unsigned service)
{
	return s->services[service].spec.database;
}
