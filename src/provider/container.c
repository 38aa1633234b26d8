/* SPDX-License-Identifier: MIT */
#include "provider/container.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/ident.h"
#include "base/log.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "dialect/clone.h"
#include "dialect/db.h"
#include "docker/engine.h"
#include "docker/events.h"
#include "docker/self.h"
#include "provider/cache.h"
#include "provider/choose.h"
#include "provider/clean.h"
#include "provider/labels.h"
#include "provider/sweep.h"

#include <stdlib.h>
#include <string.h>

enum {
	CLOSE_WIDTH = 8,
	/* the usual second, on a machine that has much else to do */
	REMOVE_MS = 10000,
	LOG_MS = 5000
};

static struct container_provider *of(struct provider *p)
{
	return (struct container_provider *)p;
}

/* On the watch's thread: wakes whoever waits for a server that is gone. */
static void on_event(void *ctx, const struct engine_event *event)
{
	struct container_provider *p = ctx;

	if (!strcmp(event->action, "lost")) {
		atomic_store(&p->watch_lost, true);
		return;
	}
	/* podman says died */
	if (strcmp(event->action, "die") != 0 &&
	    strcmp(event->action, "died") != 0)
		return;
	pthread_mutex_lock(&p->mutex);
	for (size_t i = 0; i < p->n_servers; i++) {
		struct server *s = p->servers[i];

		/* not by its name, which one before it may have had */
		if (!*event->id || strcmp(s->watched, event->id) != 0)
			continue;
		atomic_store(&s->exit_code, event->exit_code);
		atomic_store(&s->ended, true);
	}
	pthread_mutex_unlock(&p->mutex);
}

void container_address(const struct container_provider *p,
		       const struct server *server, const char *database,
		       struct db_address *ret)
{
	db_address_copy(&server->address, ret);
	free(ret->user);
	free(ret->password);
	free(ret->database);
	ret->user = xstrdup(p->base.spec.user);
	ret->password = xstrdup(p->slot_password);
	ret->database = xstrdup(database);
}

static struct db *take_idle(struct container_provider *p, struct server *server)
{
	struct db *db = NULL;

	pthread_mutex_lock(&p->mutex);
	for (size_t i = 0; i < SERVER_IDLE && !db; i++)
		db = take_ptr(&server->idle[i]);
	pthread_mutex_unlock(&p->mutex);
	return db;
}

void container_admin_done(struct container_provider *p, struct server *server,
			  struct db **db)
{
	/* MariaDB's are cheap, and keep what was set in their sessions */
	if (p->base.spec.dialect != DIALECT_POSTGRES)
		return;
	pthread_mutex_lock(&p->mutex);
	for (size_t i = 0; i < SERVER_IDLE && *db; i++)
		if (!server->idle[i])
			server->idle[i] = take_ptr(db);
	pthread_mutex_unlock(&p->mutex);
}

int container_admin(struct container_provider *p, struct server *server,
		    const struct deadline *deadline, struct db **ret,
		    struct error *err)
{
	auto_db_address struct db_address a = {.dialect = DIALECT_POSTGRES};
	struct db *idle;

	/* tests may have ended any connection of their server */
	while ((idle = take_idle(p, server))) {
		if (db_exec(idle, "SELECT 1", deadline, NULL) == 0) {
			*ret = idle;
			return 0;
		}
		db_close(idle);
	}
	db_address_copy(&server->address, &a);
	free(a.database);
	a.database = xstrdup(
	    p->base.spec.dialect == DIALECT_POSTGRES ? "postgres" : "mysql");
	/* one that is a single slot's is sooner replaced than recovered */
	if (p->base.spec.isolation != ISOLATE_DATABASE || p->swarm)
		return db_connect(&a, deadline, ret, err);
	return server_reach(p, server, &a, deadline, ret, err);
}

/* All servers of a template are alike. */
static void note_way(struct container_provider *p, const struct server *s)
{
	const char *way = "a new server";

	if (s->clones)
		way = clones_describe(s->clones);
	if (s->slot == SERVER_SHARED &&
	    (!s->clones || clones_only_in_place(s->clones)))
		way = "migrations";
	atomic_store(&p->restored_by, way);
}

/*
 * Waits for it and gives its roles the session's passwords: the template's are
 * known to every session that uses it.
 */
static int claim(struct container_provider *p, struct server *s,
		 const struct deadline *deadline, struct error *err)
{
	auto_db struct db *db = NULL;
	bool mariadb = p->base.spec.dialect == DIALECT_MARIADB;
	const char *admin = mariadb ? p->slot_root_password : p->slot_password;

	if (server_wait(p, s, &s->address, deadline, &db, err) < 0)
		return -1;
	if (db_set_passwords(db, p->base.spec.user, p->slot_password,
			     mariadb ? admin : NULL, deadline, err) < 0 ||
	    clones_open(db,
			s->slot == SERVER_SHARED ? NULL : p->base.spec.database,
			deadline, &s->clones, err) < 0)
		return error_wrap(err, "server '%s'", s->name);
	note_way(p, s);
	free(s->address.password);
	s->address.password = xstrdup(admin);
	return 0;
}

int container_about_disk(struct container_provider *p, const struct server *s,
			 struct error *err)
{
	auto_error struct error log = ERROR_INIT;
	auto_buf struct buf tail = BUF_INIT_MAX(SERVER_LOG_BYTES_ALL);
	struct deadline limit = deadline_in(LOG_MS, NULL);

	if (!err || err->kind == ERROR_CANCELLED || err->kind == ERROR_NO_SPACE)
		return -1;
	if (s && !error_is_disk_full(err) &&
	    (err->kind == ERROR_DATABASE || err->kind == ERROR_SERVER ||
	     err->kind == ERROR_TIMEOUT) &&
	    server_log_tail(p, s, SERVER_LOG_LINES_ALL, &limit, &tail) == 0)
		error_set(&log, ERROR_SERVER, "%s", tail.s);
	if (!error_is_disk_full(err) && !error_is_disk_full(&log))
		return -1;
	/* pages of what else failed for it */
	error_detail(err, NULL);
	return engine_disk_full(err);
}

int container_start_server(struct container_provider *p, int slot,
			   const struct deadline *deadline, struct server **ret,
			   struct error *err)
{
	struct server_plan plan = {
	    .slot = slot,
	    .image = p->template_id,
	    .image_name = p->template_ref,
	    .role = "server",
	    .password = p->password,
	    .root_password = p->root_password,
	    .socket = true,
	};
	struct server *s;

	if (server_run(p, &plan, deadline, &s, err) < 0)
		return container_about_disk(p, NULL, err);
	if (claim(p, s, deadline, err) < 0) {
		struct deadline cleanup = deadline_in(20000, NULL);

		container_about_disk(p, s, err);
		server_remove(p, s, &cleanup, NULL);
		return -1;
	}
	*ret = s;
	return 0;
}

static int slot_start(struct provider *base, unsigned slot,
		      const struct deadline *deadline, struct db_address *ret,
		      struct error *err)
{
	struct server *s;

	if (container_start_server(of(base), (int)slot, deadline, &s, err) < 0)
		return -1;
	container_address(of(base), s, base->spec.database, ret);
	return 0;
}

/* As clean_restore. */
static int restore(struct container_provider *p, struct server *s,
		   const struct deadline *deadline, struct error *err)
{
	auto_db struct db *db = NULL;
	int done;

	if (p->swarm && swarm_server_check(p, s, deadline, err) < 0)
		return 0;
	if (s->clones && container_admin(p, s, deadline, &db, err) < 0)
		return err->kind == ERROR_CANCELLED ? -1 : 0;
	done = clean_restore(&p->base, s->clones, db, s->name, deadline, err);
	if (done == 1)
		container_admin_done(p, s, &db);
	return done;
}

static int slot_clean(struct provider *base, unsigned slot, bool same_owner,
		      const struct deadline *deadline, struct db_address *ret,
		      struct error *err)
{
	struct container_provider *p = of(base);
	struct server *s = server_find(p, (int)slot);
	auto_error struct error why = ERROR_INIT;
	int done = 0;

	(void)same_owner; /* its way there is the same, whatever is behind */
	if (s)
		done = restore(p, s, deadline, &why);
	if (done < 0)
		return error_move(err, &why);
	if (done > 0) {
		container_address(p, s, base->spec.database, ret);
		return 0;
	}
	/* whatever is wrong with it, a new one from the template is right */
	log_debug("slot %u gets a new server: %s", slot, error_text(&why));
	if (s && server_remove(p, s, deadline, err) < 0)
		return -1;
	return slot_start(base, slot, deadline, ret, err);
}

static int no_database(unsigned slot, struct error *err)
{
	return error_set(err, ERROR_REFUSED, "slot %u has no database", slot);
}

static int slot_states(struct provider *base, unsigned slot,
		       const struct deadline *deadline,
		       struct db_state *ret_template, struct db_state *ret_now,
		       struct error *err)
{
	struct container_provider *p = of(base);
	bool shared = base->spec.isolation == ISOLATE_DATABASE;
	auto_free char *name =
	    shared ? clean_name(base, slot) : xstrdup(base->spec.database);
	struct server *s = server_find(p, shared ? SERVER_SHARED : (int)slot);
	auto_db struct db *db = NULL;

	if (!s)
		return no_database(slot, err);
	if (container_admin(p, s, deadline, &db, err) < 0 ||
	    clean_states(base, s->clones, db, name, deadline, ret_template,
			 ret_now, err) < 0)
		return -1;
	container_admin_done(p, s, &db);
	return 0;
}

static int slot_stop(struct provider *base, unsigned slot,
		     const struct deadline *deadline, struct error *err)
{
	struct server *s = server_find(of(base), (int)slot);

	if (!s)
		return 0;
	if (of(base)->swarm)
		swarm_server_check(of(base), s, deadline, NULL);
	return server_remove(of(base), s, deadline, err);
}

static int template_ensure(struct provider *base,
			   const struct deadline *deadline, struct error *err)
{
	if (container_template_ensure(base, deadline, err) < 0)
		return container_about_disk(of(base), NULL, err);
	return of(base)->swarm ? swarm_share_template(of(base), deadline, err)
			       : 0;
}

static char *slot_name(struct provider *base, unsigned slot)
{
	if (base->spec.isolation == ISOLATE_DATABASE)
		return xasprintf("testenv-%s-%s-shared", base->owner.session,
				 base->spec.service);
	return xasprintf("testenv-%s-%s-%u", base->owner.session,
			 base->spec.service, slot);
}

static char *slot_node(struct provider *base, unsigned slot)
{
	return server_node(of(base), base->spec.isolation == ISOLATE_DATABASE
					 ? SERVER_SHARED
					 : (int)slot);
}

static void facts(const struct provider *base, struct provider_facts *ret)
{
	const struct container_provider *p =
	    (const struct container_provider *)base;

	*ret = (struct provider_facts){
	    .image = p->image_name,
	    .image_id = p->image.id,
	    .image_digest = image_digest_of(&p->image, p->image_name),
	    .template_key = p->key,
	    .template_built = p->built,
	    .server_version = p->server_version,
	    .via = p->swarm                 ? "port of a node"
		   : p->way == REACH_DIRECT ? "container's address"
		   : p->shared == SHARED_NO ? "published port"
					    : "unix socket",
	    .cpus = p->swarm ? p->swarm->cpus : 0,
	    .restored_by = atomic_load(&p->restored_by),
	};
}

struct close_ctx {
	struct container_provider *p;
	struct server **servers;
	const struct deadline *deadline;
};

static int close_one(void *arg, size_t i, struct error *err)
{
	struct close_ctx *ctx = arg;
	auto_error struct error why = ERROR_INIT;

	(void)err; /* the others are still to be removed */
	if (server_remove(ctx->p, ctx->servers[i], ctx->deadline, &why) < 0)
		log_debug("once more: %s", why.text);
	return 0;
}

static void close_provider(struct provider *base,
			   const struct deadline *deadline)
{
	struct container_provider *p = of(base);
	auto_free struct server **servers = NULL;
	size_t n = p->n_servers;
	/* one that hangs leaves time to look at what there is */
	int64_t left_ms = deadline_left_ms(deadline);
	struct deadline half = deadline_sooner(
	    *deadline, left_ms / 2 < REMOVE_MS ? left_ms / 2 : REMOVE_MS);
	struct close_ctx ctx = {p, NULL, &half};
	auto_error struct error why = ERROR_INIT;

	engine_watch_stop(p->watch);
	/* a copy: each removal takes its own out of the list */
	if (n) {
		servers = xcalloc(n, sizeof(struct server *));
		memcpy(servers, p->servers, n * sizeof(struct server *));
	}
	ctx.servers = servers;
	parallel_run(n, CLOSE_WIDTH, close_one, &ctx, NULL);
	if (base->spec.no_cache && p->template_id &&
	    image_remove(p->engine, p->template_id, &half, NULL) < 0)
		p->unsure = true;
	if (p->unsure && sweep_may_work(p->engine, base->progress, deadline) &&
	    sweep_session(p->engine, base->owner.session, base->owner.run_dir,
			  p->swarm != NULL, deadline, &why) < 0)
		progress_notice(base->progress, "%s (left to 'testenv gc')",
				why.text);
	lock_release(&p->hold);
	/* not when it was made: then somebody waited for it */
	if (p->built && !base->spec.no_cache)
		cache_trim(
		    &(struct cache){p->engine, base->owner.cache_dir, NULL},
		    base->spec.cache_bytes, deadline);
	pthread_mutex_destroy(&p->start_mutex);
	pthread_mutex_destroy(&p->mutex);
	image_free(&p->image);
	free(p->servers);
	free(p->image_name);
	free(p->template_ref);
	free(p->template_id);
	free(p->network);
	free(p->password);
	free(p->root_password);
	free(p->server_version);
	swarm_free(p->swarm);
	free(p);
}

static const struct provider_ops container_ops = {
    .template_ensure = template_ensure,
    .slot_start = slot_start,
    .slot_clean = slot_clean,
    .slot_states = slot_states,
    .slot_stop = slot_stop,
    .slot_name = slot_name,
    .slot_node = slot_node,
    .facts = facts,
    .close = close_provider,
};

static const struct provider_ops shared_ops = {
    .template_ensure = template_ensure,
    .slot_start = shared_slot_start,
    .slot_clean = shared_slot_clean,
    .slot_states = slot_states,
    .slot_stop = shared_slot_stop,
    .slot_name = slot_name,
    .slot_node = slot_node,
    .facts = facts,
    .close = close_provider,
};

static void make_key(struct container_provider *p)
{
	const struct provider_spec *spec = &p->base.spec;
	struct contract contract = {
	    .dialect = spec->dialect,
	    .user = spec->user,
	    .database = spec->database,
	    .extra_env = spec->env,
	};
	auto_buf struct buf settings = BUF_INIT;

	contract_settings(&contract, &settings);
	migrations_key(spec->migrations, spec->dialect, p->image.id, settings.s,
		       p->key);
	if (spec->no_cache)
		p->template_ref = xasprintf(PRIVATE_REPO ":%s-%u",
					    p->base.owner.session, spec->index);
	else
		p->template_ref = xasprintf(TEMPLATE_REPO ":%s", p->key);
}

/* A swarm's servers have their own way. */
static int find_ourselves(struct container_provider *p,
			  const struct deadline *deadline, struct error *err)
{
	int inside = p->swarm ? 0
			      : engine_own_network(p->engine, deadline,
						   &p->network, err);

	if (inside < 0 ||
	    engine_confines_binds(p->engine, deadline, &p->no_label, err) < 0)
		return -1;
	p->inside = inside == 1;
	if (p->inside)
		log_debug("this is a container of the engine, on network '%s'",
			  p->network ? p->network : "(default)");
	return 0;
}

static int open_provider(struct engine *engine,
			 const struct provider_spec *spec,
			 const struct ownership *owner, struct swarm *swarm,
			 const struct deadline *deadline,
			 const struct progress *progress, struct provider **ret,
			 struct error *err)
{
	struct image_wish wish = {spec->dialect,    spec->version,
				  spec->image,      spec->mirror,
				  spec->pull_age_s, spec->platform};
	auto_free char *label = xasprintf(LABEL_SESSION "=%s", owner->session);
	auto_image struct image image = IMAGE_INIT;
	char *name = NULL;
	struct container_provider *p;

	if (image_choose(engine, &wish, deadline, progress, &name, &image,
			 err) < 0) {
		swarm_free(swarm);
		return -1;
	}
	p = xcalloc(1, sizeof(*p));
	p->base = (struct provider){
	    spec->isolation == ISOLATE_DATABASE ? &shared_ops : &container_ops,
	    *spec, *owner, progress};
	p->hold = (struct lock)LOCK_INIT;
	ident_random(p->slot_password, CONTAINER_PASSWORD);
	ident_random(p->slot_root_password, CONTAINER_PASSWORD);
	p->engine = engine;
	p->swarm = swarm;
	p->image_name = name;
	p->image = image;
	image = (struct image)IMAGE_INIT;
	pthread_mutex_init(&p->mutex, NULL);
	pthread_mutex_init(&p->start_mutex, NULL);
	make_key(p);
	if (find_ourselves(p, deadline, err) < 0 ||
	    engine_watch_start(engine, label, on_event, p, &p->watch, err) <
		0) {
		provider_close(&p->base, deadline);
		return -1;
	}
	*ret = &p->base;
	return 0;
}

int provider_open_container(struct engine *engine,
			    const struct provider_spec *spec,
			    const struct ownership *owner,
			    const struct deadline *deadline,
			    const struct progress *progress,
			    struct provider **ret, struct error *err)
{
	return open_provider(engine, spec, owner, NULL, deadline, progress, ret,
			     err);
}

int provider_open_swarm(struct engine *engine, const struct provider_spec *spec,
			const struct ownership *owner,
			const struct deadline *deadline,
			const struct progress *progress, struct provider **ret,
			struct error *err)
{
	struct swarm *swarm;

	if (swarm_open(engine, spec, deadline, &swarm, err) < 0)
		return -1;
	return open_provider(engine, spec, owner, swarm, deadline, progress,
			     ret, err);
}
