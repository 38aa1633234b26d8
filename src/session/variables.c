/* SPDX-License-Identifier: MIT */
/*
 * What the command sees: product.md's table of variables.
 */
#include "session/internal.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/fs.h"
#include "session/companions.h"
#include "session/ctest.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Whose variables: one address a service, and what is known of the holder. */
struct view {
	const struct db_address **addresses;
	const char *slot, *worker, *lease, *scratch; /* NULL: not known */
};

static bool is_set(const struct db_address *a)
{
	return a->host || a->socket_dir || a->socket || a->path;
}

/* What leads each caller to a database of its own, else the first slot. */
static const struct db_address *public_address(const struct service *service)
{
	return is_set(&service->public_address) ? &service->public_address
						: &service->slots[0];
}

static const struct db_address *slot_address(const struct service *service,
					     unsigned slot)
{
	return is_set(&service->public_slots[slot])
		   ? &service->public_slots[slot]
		   : &service->slots[slot];
}

/* The slots one by one, for a runner that picks by index. */
static void index_variables(const struct session *s, unsigned i,
			    const char *prefix, struct strvec *env)
{
	const struct service *service = &s->services[i];

	for (unsigned n = 0; n < service->n_slots; n++) {
		auto_free char *name = NULL;
		auto_buf struct buf url = BUF_INIT;

		db_url(slot_address(service, n), &url);
		name = xasprintf("%s_URL_%u", i == 0 ? "TESTENV" : prefix, n);
		strvec_env_set(env, name, url.s);
	}
}

static int service_exports(const struct service *service,
			   const struct db_address *address,
			   const struct view *view, struct strvec *env,
			   struct error *err)
{
	struct db_template_extra extra = {
	    .worker = view->worker,
	    .slot = view->slot,
	    .scratch = view->scratch,
	};

	for (size_t i = 0; i < service->config->exports.n; i++) {
		const char *entry = service->config->exports.v[i];
		const char *equals = strchr(entry, '=');
		auto_free char *name = NULL;
		auto_buf struct buf value = BUF_INIT;

		if (!equals)
			return error_set(err, ERROR_CONFIG,
					 "export '%s' is not NAME=TEMPLATE",
					 entry);
		name = xstrndup(entry, (size_t)(equals - entry));
		if (db_expand(address, equals + 1, &extra, &value, err) < 0)
			return error_wrap(err, "export '%s'", name);
		strvec_env_set(env, name, value.s);
	}
	return 0;
}

/* DATABASE_URL and the client's own for the first service; NAME_… for each. */
static int service_variables(const struct session *s, const struct view *view,
			     struct strvec *env, struct error *err)
{
	for (unsigned i = 0; i < s->n_services; i++) {
		const struct service *service = &s->services[i];
		auto_free char *prefix =
		    db_variable_prefix(service->config->name);

		if (i == 0)
			db_variables(view->addresses[i], NULL, env);
		db_variables(view->addresses[i], prefix, env);
		if (service_exports(service, view->addresses[i], view, env,
				    err) < 0)
			return -1;
		index_variables(s, i, prefix, env);
	}
	return 0;
}

/* Once: what it says stays the same, and a lease should not wait for a disk. */
static int write_ctest_spec(const struct session *s, const char *path,
			    struct error *err)
{
	auto_buf struct buf json = BUF_INIT;

	if (access(path, F_OK) == 0)
		return 0;
	session_ctest_spec(s, &json);
	return fs_write_file(path, json.s, json.len, 0600, err);
}

static int session_facts(const struct session *s, const struct view *view,
			 struct strvec *env, struct error *err)
{
	auto_free char *spec = fs_join(s->data_dir, "ctest-spec.json");

	if (write_ctest_spec(s, spec, err) < 0)
		return -1;
	strvec_env_set(env, "TESTENV_BACKEND", session_backend(s));
	strvec_env_set(env, "TESTENV_DIALECT",
		       dialect_name(s->services[0].dialect));
	strvec_env_set(env, "TESTENV_FALLBACK_REASON", s->fallback_reason);
	strvec_env_set(env, "TESTENV_SESSION", s->id);
	strvec_env_set(env, "TESTENV_CTEST_SPEC", spec);
	/* one that is not known is not an outer session's, either */
	strvec_env_set(env, "TESTENV_SLOT", view->slot);
	strvec_env_set(env, "TESTENV_LEASE", view->lease);
	strvec_env_set(env, "TESTENV_SCRATCH", view->scratch);
	if (view->worker)
		strvec_env_set(env, "TESTENV_WORKER", view->worker);
	return 0;
}

static void command_variables(const struct session *s, struct strvec *env)
{
	for (size_t i = 0; i < s->config->env.n; i++)
		strvec_env_put(env, s->config->env.v[i]);
}

static int set_all(const struct session *s, const struct view *view,
		   struct strvec *env, struct error *err)
{
	struct companion_view companions = {
	    .slot = view->slot ? strtol(view->slot, NULL, 10) : -1,
	    .leased = view->lease != NULL,
	    .worker = view->worker,
	};

	if (service_variables(s, view, env, err) < 0 ||
	    companions_variables(s->companions, &companions, env, err) < 0 ||
	    session_facts(s, view, env, err) < 0)
		return -1;
	command_variables(s, env);
	return 0;
}

static const struct db_address *address_for(const struct service *service,
					    unsigned slot)
{
	if (slot == SESSION_SLOT_ROUTED)
		return public_address(service);
	if (slot == SESSION_SLOT_ANY)
		return service->dialect == DIALECT_SQLITE
			   ? &service->slots[0]
			   : public_address(service);
	return slot_address(service, slot);
}

/* A file that is not routed is one slot's, whoever asks. */
static unsigned known_slot(const struct session *s, unsigned slot)
{
	if (slot == SESSION_SLOT_ROUTED)
		return SESSION_SLOT_ANY;
	if (slot == SESSION_SLOT_ANY && s->n_services &&
	    (s->services[0].dialect == DIALECT_SQLITE ||
	     !is_set(&s->services[0].public_address)))
		return 0;
	return slot;
}

/* What names a session would lead back into this one, which is not ready, or
 * out to one around it. */
static void forget_sessions(struct strvec *env)
{
	static const char *const names[] = {
	    "TESTENV_SESSION", "TESTENV_SOCKET",     "TESTENV_SLOT",
	    "TESTENV_LEASE",   "TESTENV_SCRATCH",    "TESTENV_WORKER",
	    "TESTENV_BACKEND", "TESTENV_CTEST_SPEC", "TESTENV_FALLBACK_REASON"};

	for (size_t i = 0; i < array_len(names); i++)
		strvec_env_set(env, names[i], NULL);
}

int template_variables(const struct service *service,
		       const struct db_address *address, struct strvec *env,
		       struct error *err)
{
	auto_free char *prefix = db_variable_prefix(service->config->name);
	struct view view = {0};

	forget_sessions(env);
	db_variables(address, NULL, env);
	db_variables(address, prefix, env);
	if (service_exports(service, address, &view, env, err) < 0)
		return -1;
	strvec_env_set(env, "TESTENV_DIALECT", dialect_name(service->dialect));
	command_variables(service->session, env);
	return 0;
}

int session_variables(const struct session *s, unsigned slot,
		      struct strvec *env, struct error *err)
{
	auto_free const struct db_address **addresses =
	    xcalloc(s->n_services, sizeof(struct db_address *));
	auto_free char *number = NULL;
	struct view view = {.addresses = addresses};
	unsigned known = known_slot(s, slot);

	if (known != SESSION_SLOT_ANY && known >= session_ready_slots(s))
		return error_set(err, ERROR_USAGE, "there is no slot %u", slot);
	if (known != SESSION_SLOT_ANY)
		view.slot = number = xasprintf("%u", known);
	for (unsigned i = 0; i < s->n_services; i++)
		addresses[i] = address_for(&s->services[i], slot);
	return set_all(s, &view, env, err);
}

int session_lease_variables(const struct session *s,
			    const struct session_lease *lease,
			    struct strvec *env, struct error *err)
{
	auto_free const struct db_address **addresses =
	    xcalloc(s->n_services, sizeof(struct db_address *));
	auto_free struct db_address *whole =
	    xcalloc(s->n_services, sizeof(struct db_address));
	auto_free char *number = xasprintf("%u", lease->slot);
	struct view view = {addresses, number, lease->worker, lease->id,
			    lease->scratch};

	for (unsigned i = 0; i < s->n_services; i++) {
		const struct db_address *login = &s->services[i].slots[0];

		/* borrowed throughout: nothing to free but the array */
		whole[i] = lease->addresses[i];
		whole[i].user = login->user;
		whole[i].password = login->password;
		if (s->services[i].dialect != DIALECT_SQLITE)
			whole[i].database =
			    (char *)(uintptr_t)s->services[i].spec.database;
		addresses[i] = &whole[i];
	}
	return set_all(s, &view, env, err);
}
