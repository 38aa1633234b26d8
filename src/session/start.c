/* SPDX-License-Identifier: MIT */
/*
 * Which backend serves, and the way from nothing to every slot ready.
 */
#include "session/internal.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "docker/engine.h"
#include "session/companions.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* An engine serialises most of a start: more at once only wait inside it. */
enum {
	START_WIDTH = 8,
	ENGINE_MS = 10000,
	CLEAN_UP_MS = 20000,
	MAX_FILES = 256,
	MAX_DATABASES = 32,
};

static int parse_dialect(const struct config_service *c, enum dialect *ret,
			 struct error *err)
{
	if (dialect_parse(c->db, ret) < 0)
		return error_set(err, ERROR_CONFIG,
				 "service '%s': unknown database '%s'", c->name,
				 c->db);
	return 0;
}

/* Reads the migrations for a dialect and says what the provider is to make. */
static int describe(struct session *s, unsigned i, enum dialect dialect,
		    struct error *err)
{
	struct service *service = &s->services[i];
	const struct config_service *c = service->config;
	struct migrations_source source = {
	    .dir = c->migrations,
	    .no_bookkeeping = c->no_bookkeeping,
	    .seeds = c->seeds.v,
	    .migrate = c->migrate,
	    .seed_command = c->seed_command,
	    .inputs = c->migrate_inputs.v,
	    .base = s->config->project_dir,
	    .runner = {service_run_command, service},
	};

	migrations_free(&service->migrations);
	service->migrations = (struct migrations)MIGRATIONS_INIT;
	if (c->layout && layout_parse(c->layout, &source.layout) < 0)
		return error_set(err, ERROR_CONFIG,
				 "service '%s': unknown layout '%s'", c->name,
				 c->layout);
	if (migrations_load(&source, dialect, &service->migrations, err) < 0)
		return error_wrap(err, "service '%s'", c->name);
	free(service->migrations_text);
	service->migrations_text = migrations_describe(&service->migrations);
	service->dialect = dialect;
	if (dialect == DIALECT_SQLITE)
		service->backend = BACKEND_SQLITE;
	else
		service->backend = c->url ? BACKEND_SERVER : BACKEND_CONTAINER;
	service->spec = (struct provider_spec){
	    .service = c->name,
	    .index = i,
	    .dialect = dialect,
	    .version = c->version,
	    .image = c->image,
	    .mirror = s->config->mirror,
	    .pull_age_s = c->pull_age_s,
	    .platform = c->platform,
	    .database = c->database ? c->database : "app",
	    .user = c->user ? c->user : "app",
	    .env = (const char *const *)c->env.v,
	    .url = c->url,
	    .allow_remote = s->config->allow_remote,
	    .swarm_registry = s->config->swarm_registry,
	    .swarm_constraints =
		(const char *const *)s->config->swarm_constraints.v,
	    .workers = (unsigned)s->config->workers,
	    .migrations = &service->migrations,
	    .isolation = s->config->isolation == ISOLATION_DATABASE || c->url
			     ? ISOLATE_DATABASE
			     : ISOLATE_SERVER,
	    .memory_bytes = c->memory_bytes,
	    .rebuild = s->config->rebuild,
	    .no_cache = s->config->no_cache || !service->migrations.may_be_kept,
	    .cache_bytes = s->config->cache_bytes,
	    .verify = s->config->verify,
	};
	return 0;
}

static int describe_all(struct session *s, struct error *err)
{
	const struct config *config = s->config;

	s->services = xcalloc(config->n_services, sizeof(*s->services));
	s->n_services = (unsigned)config->n_services;
	for (unsigned i = 0; i < s->n_services; i++) {
		enum dialect dialect;

		s->services[i].session = s;
		s->services[i].config = &config->services[i];
		s->services[i].migrations = (struct migrations)MIGRATIONS_INIT;
		if (parse_dialect(&config->services[i], &dialect, err) < 0)
			return -1;
		if (config->backend == BACKEND_SQLITE)
			dialect = DIALECT_SQLITE;
		if (describe(s, i, dialect, err) < 0)
			return -1;
	}
	return 0;
}

/* A server of our own: neither a file nor an existing one. */
static bool is_ours_to_start(const struct service *service)
{
	return service->dialect != DIALECT_SQLITE && !service->config->url;
}

static bool needs_servers(const struct session *s)
{
	for (unsigned i = 0; i < s->n_services; i++)
		if (is_ours_to_start(&s->services[i]))
			return true;
	return false;
}

static bool only_files(const struct session *s)
{
	for (unsigned i = 0; i < s->n_services; i++)
		if (s->services[i].dialect != DIALECT_SQLITE)
			return false;
	return true;
}

int session_open_engine(struct session *s, bool swarm,
			const struct deadline *deadline, struct error *err)
{
	auto_engine_candidates struct engine_candidates candidates =
	    ENGINE_CANDIDATES_INIT;
	auto_free char *encoded = NULL;
	struct deadline limit = deadline_sooner(*deadline, ENGINE_MS);

	if (engine_discover(s->config->host, &candidates, err) < 0 ||
	    engine_open(&candidates, 0, &limit, &s->engine, err) < 0)
		return -1;
	encoded = engine_encode(s->engine, swarm);
	return session_tell(s, ESTATE_ENGINE, encoded, err);
}

/* Both databases and other services may want it. */
static int need_engine(struct session *s, bool swarm,
		       const struct deadline *deadline, struct error *err)
{
	if (s->engine)
		return 0;
	if (session_open_engine(s, swarm, deadline, err) < 0)
		return -1;
	s->gc = gc_thread_start(s->engine, swarm);
	return 0;
}

static int open_containers(struct session *s, const struct deadline *deadline,
			   struct error *err)
{
	if (need_engine(s, false, deadline, err) < 0)
		return -1;
	for (unsigned i = 0; i < s->n_services; i++) {
		struct service *service = &s->services[i];

		if (is_ours_to_start(service) &&
		    provider_open_container(s->engine, &service->spec,
					    &s->owner, deadline, s->progress,
					    &service->provider, err) < 0)
			return error_wrap(err, "service '%s'",
					  service->config->name);
	}
	return 0;
}

static int open_swarm(struct session *s, const struct deadline *deadline,
		      struct error *err)
{
	if (need_engine(s, true, deadline, err) < 0)
		return -1;
	for (unsigned i = 0; i < s->n_services; i++) {
		struct service *service = &s->services[i];

		if (!is_ours_to_start(service))
			continue;
		if (provider_open_swarm(s->engine, &service->spec, &s->owner,
					deadline, s->progress,
					&service->provider, err) < 0)
			return error_wrap(err, "service '%s'",
					  service->config->name);
		service->backend = BACKEND_SWARM;
	}
	return 0;
}

static int open_local(struct session *s, const struct deadline *deadline,
		      struct error *err)
{
	if (session_local_place(s, err) < 0)
		return -1;
	if (!s->gc)
		s->gc = gc_thread_start(NULL, false);
	for (unsigned i = 0; i < s->n_services; i++) {
		struct service *service = &s->services[i];

		if (!is_ours_to_start(service))
			continue;
		if (provider_open_local(&service->spec, &s->owner, deadline,
					s->progress, &service->provider,
					err) < 0)
			return error_wrap(err, "service '%s'",
					  service->config->name);
		service->backend = BACKEND_LOCAL;
	}
	return 0;
}

/* What a backend cannot give at all may be had elsewhere; a server or a
 * migration that fails is an answer, and is reported. */
static bool may_fall_back(const struct error *why)
{
	switch (why->kind) {
	case ERROR_NO_ENGINE:
	case ERROR_NO_IMAGE:
	case ERROR_PULL:
	case ERROR_ENGINE:
	case ERROR_PROTOCOL:
	case ERROR_TIMEOUT:
	case ERROR_NO_SERVER:
		return true;
	default:
		return false;
	}
}

static bool is_required(const struct config *config, const char *backend)
{
	return config->require && !strcmp(config->require, backend);
}

bool session_wants_swarm(const struct config *config)
{
	return config->backend == BACKEND_SWARM || is_required(config, "swarm");
}

static void close_providers(struct session *s)
{
	struct deadline cleanup = deadline_in(CLEAN_UP_MS, NULL);

	for (unsigned i = 0; i < s->n_services; i++) {
		provider_close(s->services[i].provider, &cleanup);
		s->services[i].provider = NULL;
	}
}

static int use_sqlite(struct session *s, struct error *err)
{
	for (unsigned i = 0; i < s->n_services; i++)
		if (is_ours_to_start(&s->services[i]) &&
		    describe(s, i, DIALECT_SQLITE, err) < 0)
			return -1;
	return 0;
}

/* 1: it serves; 0: it cannot, *why has grown by that; -1. */
static int fall_back_to(struct session *s, const char *backend,
			const struct deadline *deadline, struct error *why,
			struct error *err)
{
	auto_error struct error failure = ERROR_INIT;

	if (!strcmp(backend, "sqlite"))
		return use_sqlite(s, err) < 0 ? -1 : 1;
	if (open_local(s, deadline, &failure) == 0)
		return 1;
	if (!may_fall_back(&failure))
		return error_move(err, &failure);
	close_providers(s);
	error_set(why, why->kind, "%s; %s", why->text, failure.text);
	return 0;
}

/* Gives up what containers were to serve and turns to the next of the list. */
static int fall_back(struct session *s, const struct deadline *deadline,
		     struct error *why, struct error *err)
{
	const struct strvec *list = &s->config->fallback;
	int served = 0;
	size_t i;

	close_providers(s);
	for (i = 0; i < list->n && !served; i++) {
		served = fall_back_to(s, list->v[i], deadline, why, err);
		if (served < 0)
			return -1;
	}
	if (!served)
		return error_move(err, why);
	s->fallback_reason = take_ptr(&why->text);
	progress_notice(s->progress, "no containers, using %s instead: %s",
			!strcmp(list->v[i - 1], "sqlite") ? "SQLite"
							  : "local programs",
			s->fallback_reason);
	return 0;
}

static int choose_backend(struct session *s, const struct deadline *deadline,
			  struct error *err)
{
	const struct config *config = s->config;
	auto_error struct error why = ERROR_INIT;

	if (!needs_servers(s))
		return 0;
	if (is_required(config, "sqlite"))
		return error_set(err, ERROR_REQUIRED,
				 "sqlite is required, but service '%s' asks "
				 "for '%s'",
				 s->services[0].config->name,
				 s->services[0].config->db);
	/* with auto, what is required is what is chosen */
	if (config->backend == BACKEND_LOCAL || is_required(config, "local"))
		return open_local(s, deadline, err);
	if (session_wants_swarm(config))
		return open_swarm(s, deadline, err);
	if (open_containers(s, deadline, &why) == 0)
		return 0;
	if (!may_fall_back(&why))
		return error_move(err, &why);
	if (is_required(config, "container")) {
		why.kind = ERROR_REQUIRED;
		error_wrap(&why, "containers are required");
		return error_move(err, &why);
	}
	if (config->backend != BACKEND_AUTO)
		return error_move(err, &why);
	return fall_back(s, deadline, &why, err);
}

static int open_files(struct session *s, struct error *err)
{
	for (unsigned i = 0; i < s->n_services; i++) {
		struct service *service = &s->services[i];

		if (service->dialect == DIALECT_SQLITE &&
		    provider_open_sqlite(&service->spec, &s->owner, s->progress,
					 &service->provider, err) < 0)
			return error_wrap(err, "service '%s'",
					  service->config->name);
	}
	if (is_required(s->config, "container") && !needs_servers(s))
		return error_set(err, ERROR_REQUIRED,
				 "containers are required, but every service "
				 "asks for sqlite");
	if (is_required(s->config, "local") && !needs_servers(s))
		return error_set(err, ERROR_REQUIRED,
				 "local programs are required, but every "
				 "service asks for sqlite");
	return 0;
}

struct start_ctx {
	struct session *s;
	const struct deadline *deadline;
	unsigned slots;
};

static int ensure_template(void *arg, size_t i, struct error *err)
{
	struct start_ctx *ctx = arg;

	return provider_template_ensure(ctx->s->services[i].provider,
					ctx->deadline, err);
}

static int start_slot(void *arg, size_t i, struct error *err)
{
	struct start_ctx *ctx = arg;
	struct service *service = &ctx->s->services[i / ctx->slots];
	unsigned slot = (unsigned)(i % ctx->slots);

	return provider_slot_start(service->provider, slot, ctx->deadline,
				   &service->slots[slot], err);
}

/* Of a swarm; 0: servers run on this machine, or it is not known. */
static long cores_of_nodes(const struct session *s)
{
	long cores = 0;

	for (unsigned i = 0; i < s->n_services; i++) {
		struct provider_facts facts;

		provider_facts(s->services[i].provider, &facts);
		if ((long)facts.cpus > cores)
			cores = (long)facts.cpus;
	}
	return cores;
}

/* How many are made at once. */
static unsigned first_slots(const struct session *s)
{
	return s->config->workers > 0 ? (unsigned)s->config->workers : 1;
}

/* A file costs next to nothing, a server memory and half a second. One beyond
 * those asked for: each of them may be held through its TESTENV_URL_n while the
 * command itself, or a script around the runner, uses DATABASE_URL. A service
 * of which each slot has its own costs as much as a server. */
static unsigned choose_max_slots(const struct session *s)
{
	unsigned wanted = (unsigned)s->config->workers;
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	long nodes_cores = cores_of_nodes(s);
	bool own = companions_any_per_worker(s->companions);
	/* files with a number are nobody else's */
	unsigned taken = only_files(s) ? first_slots(s) : 0;

	if (taken && !own)
		return wanted > MAX_FILES ? wanted : MAX_FILES;
	if (wanted)
		return wanted + 1 + taken;
	if (!own &&
	    (s->config->isolation == ISOLATION_DATABASE || !needs_servers(s)))
		return MAX_DATABASES;
	if (nodes_cores)
		cores = nodes_cores;
	return (cores > 0 ? 2 * (unsigned)cores : 2) + taken;
}

static int start_slots(struct session *s, const struct deadline *deadline,
		       struct error *err)
{
	struct start_ctx ctx = {s, deadline, first_slots(s)};

	if (parallel_run(s->n_services, START_WIDTH, ensure_template, &ctx,
			 err) < 0)
		return -1;
	s->max_slots = choose_max_slots(s);
	s->slot_locks = xcalloc(s->max_slots, sizeof(*s->slot_locks));
	for (unsigned i = 0; i < s->max_slots; i++)
		pthread_mutex_init(&s->slot_locks[i], NULL);
	for (unsigned i = 0; i < s->n_services; i++) {
		struct service *service = &s->services[i];

		service->slots =
		    xcalloc(s->max_slots, sizeof(struct db_address));
		service->coming =
		    xcalloc(s->max_slots, sizeof(struct db_address));
		service->public_slots =
		    xcalloc(ctx.slots, sizeof(struct db_address));
		service->n_slots = ctx.slots;
	}
	return parallel_run((size_t)s->n_services * ctx.slots, START_WIDTH,
			    start_slot, &ctx, err);
}

int session_prepare(struct session *s, const struct deadline *deadline,
		    struct error *err)
{
	if (describe_all(s, err) < 0 ||
	    session_open_existing(s, deadline, err) < 0 ||
	    choose_backend(s, deadline, err) < 0)
		return -1;
	return open_files(s, err);
}

static int open_companions(struct session *s, const struct deadline *deadline,
			   struct error *err)
{
	auto_error struct error why = ERROR_INIT;

	if (!s->config->n_companions)
		return 0;
	if (need_engine(s, session_wants_swarm(s->config), deadline, &why) <
		0 &&
	    why.kind == ERROR_CANCELLED)
		return error_move(err, &why);
	s->companions = companions_new(s, &why, err);
	return s->companions ? 0 : -1;
}

/* The databases, and what is beside them; each may be slow. */
static int start_part(void *arg, size_t part, struct error *err)
{
	struct start_ctx *ctx = arg;
	struct session *s = ctx->s;

	if (part == 1)
		return companions_start(s->companions, ctx->slots,
					ctx->deadline, err);
	if (session_prepare(s, ctx->deadline, err) == 0 &&
	    start_slots(s, ctx->deadline, err) == 0)
		return 0;
	companions_give_up(s->companions);
	return -1;
}

int session_start(struct session *s, const struct deadline *deadline,
		  struct error *err)
{
	struct start_ctx ctx = {s, deadline, first_slots(s)};

	if (open_companions(s, deadline, err) < 0)
		return -1;
	return parallel_run(s->companions ? 2 : 1, 2, start_part, &ctx, err);
}

enum making {
	MAKE_NEW,
	CLEAN,
	CLEAN_IN_PLACE /* for the same owner */
};

/* For one service, into `coming`. */
static int make_slot(struct service *service, unsigned slot, enum making how,
		     const struct deadline *deadline, struct error *err)
{
	struct db_address *a = &service->coming[slot];

	db_address_free(a);
	if (how == MAKE_NEW)
		return provider_slot_start(service->provider, slot, deadline, a,
					   err);
	return provider_slot_clean(service->provider, slot,
				   how == CLEAN_IN_PLACE, deadline, a, err);
}

/* All services of a slot, or none: what was made is stopped again. */
static int make_slots(struct session *s, unsigned slot, enum making how,
		      const struct deadline *deadline, struct error *err)
{
	struct deadline cleanup;
	int result = 0;

	for (unsigned i = 0; i < s->n_services && result == 0; i++)
		result = make_slot(&s->services[i], slot, how, deadline, err);
	if (result == 0)
		return 0;
	cleanup = deadline_in(CLEAN_UP_MS, NULL);
	for (unsigned i = 0; i < s->n_services; i++)
		provider_slot_stop(s->services[i].provider, slot, &cleanup,
				   NULL);
	return -1;
}

static int stop_and_make(struct session *s, unsigned slot,
			 const struct deadline *deadline, struct error *err)
{
	struct deadline cleanup = deadline_in(CLEAN_UP_MS, NULL);

	/* a broken one may still be there */
	for (unsigned i = 0; i < s->n_services; i++)
		if (provider_slot_stop(s->services[i].provider, slot, &cleanup,
				       err) < 0)
			return -1;
	if (companions_start_slot(s->companions, slot, deadline, err) < 0)
		return -1;
	return make_slots(s, slot, MAKE_NEW, deadline, err);
}

int session_slot_start(struct session *s, unsigned slot,
		       const struct deadline *deadline, struct error *err)
{
	int result;

	pthread_mutex_lock(&s->slot_locks[slot]);
	result = stop_and_make(s, slot, deadline, err);
	pthread_mutex_unlock(&s->slot_locks[slot]);
	return result;
}

int session_slot_clean(struct session *s, unsigned slot, bool same_owner,
		       const struct deadline *deadline, struct error *err)
{
	int result;

	pthread_mutex_lock(&s->slot_locks[slot]);
	result = companions_reset_slot(s->companions, slot, deadline, err);
	if (result == 0)
		result =
		    make_slots(s, slot, same_owner ? CLEAN_IN_PLACE : CLEAN,
			       deadline, err);
	pthread_mutex_unlock(&s->slot_locks[slot]);
	return result;
}

int session_slot_states(struct session *s, unsigned service, unsigned slot,
			const struct deadline *deadline,
			struct db_state *ret_template, struct db_state *ret_now,
			struct error *err)
{
	int result;

	pthread_mutex_lock(&s->slot_locks[slot]);
	result = provider_slot_states(s->services[service].provider, slot,
				      deadline, ret_template, ret_now, err);
	pthread_mutex_unlock(&s->slot_locks[slot]);
	return result;
}

void session_slot_taken(struct session *s, unsigned slot)
{
	for (unsigned i = 0; i < s->n_services; i++) {
		struct service *service = &s->services[i];

		db_address_free(&service->slots[slot]);
		service->slots[slot] = service->coming[slot];
		service->coming[slot] =
		    (struct db_address){.dialect = service->dialect};
	}
}
