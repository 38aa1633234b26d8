/* SPDX-License-Identifier: MIT */
/*
 * The template of a container service: a server of the chosen image, migrated,
 * stopped cleanly, and committed in one step under the key of what made it. The
 * passwords of its roles are random and stay in the image's environment, where
 * the images' own contract puts them; each server made from it gets new ones.
 */
#include "provider/container.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/ident.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/progress.h"
#include "dialect/db.h"
#include "provider/clean.h"
#include "provider/labels.h"
#include "template/hold.h"

#include <stdlib.h>
#include <string.h>

enum {

	STOP_S = 60,
	STOP_MS = 90000
};

/* 1: the template is on the engine and its passwords are known; 0; -1. */
static int find(struct container_provider *p, const struct deadline *deadline,
		struct error *err)
{
	auto_image struct image image = IMAGE_INIT;
	int found =
	    image_inspect(p->engine, p->template_ref, deadline, &image, err);
	const char *password;
	const char *root;

	if (found != 1)
		return found;
	if (!contract_passwords(p->base.spec.dialect, &image.env, &password,
				&root)) {
		log_debug("'%s' has no passwords: made again", p->template_ref);
		return 0;
	}
	free(p->template_id);
	free(p->password);
	free(p->root_password);
	free(p->server_version);
	p->template_id = xstrdup(image.id);
	p->password = xstrdup(password);
	p->root_password = xstrdup_or_null(root);
	p->server_version = xstrdup_or_null(image_label(&image, LABEL_SERVER));
	return 1;
}

static int read_version(struct container_provider *p, struct db *db,
			const struct deadline *deadline, struct error *err)
{
	free(p->server_version);
	p->server_version = NULL;
	return db_value(db,
			p->base.spec.dialect == DIALECT_MARIADB
			    ? "SELECT VERSION()"
			    : "SHOW server_version",
			deadline, &p->server_version, err);
}

/*
 * MariaDB's test user may do everything on a server that is its own, as the
 * user that Postgres' image makes may. A fast shutdown of kind 2, which the
 * tuned image sets for its servers, would leave a log to recover to each of
 * them.
 */
static int prepare(struct container_provider *p, struct db *db,
		   const struct deadline *deadline, struct error *err)
{
	auto_buf struct buf sql = BUF_INIT;

	if (p->base.spec.dialect != DIALECT_MARIADB)
		return 0;
	buf_puts(&sql, "GRANT ALL PRIVILEGES ON *.* TO ");
	db_put_literal(DIALECT_MARIADB, &sql, p->base.spec.user);
	buf_puts(&sql, "@'%' WITH GRANT OPTION");
	if (db_exec(db, sql.s, deadline, err) < 0)
		return -1;
	return db_exec(db, "SET GLOBAL innodb_fast_shutdown=1", deadline, err);
}

static int keep_original(struct container_provider *p, struct server *s,
			 const struct deadline *deadline, struct error *err)
{
	auto_db struct db *db = NULL;

	if (container_admin(p, s, deadline, &db, err) < 0)
		return -1;
	return clean_keep(&p->base, db, deadline, err);
}

static int fill(struct container_provider *p, struct server *s,
		const struct server_plan *plan, const struct deadline *deadline,
		struct error *err)
{
	auto_db struct db *db = NULL;

	if (server_wait(p, s, &s->address, deadline, &db, err) < 0 ||
	    read_version(p, db, deadline, err) < 0 ||
	    prepare(p, db, deadline, err) < 0)
		return -1;
	/* stored cheap to check: every slot's first log-in pays for it */
	if (db_set_passwords(db, p->base.spec.user, plan->password,
			     plan->root_password, deadline, err) < 0)
		return -1;
	if (clean_migrate(&p->base, &s->address, p->base.spec.database,
			  plan->password, deadline, err) < 0)
		return -1;
	return keep_original(p, s, deadline, err);
}

static int stop_cleanly(struct container_provider *p, struct server *s,
			const struct deadline *deadline, struct error *err)
{
	struct deadline limit = deadline_sooner(*deadline, STOP_MS);
	struct container_state state;

	if (container_stop(p->engine, &s->c, STOP_S, &limit, err) < 0 ||
	    container_inspect(p->engine, s->c.id, &limit, &state, err) < 0)
		return -1;
	if (state.running || state.exit_code != 0)
		return error_set(err, ERROR_SERVER,
				 "server '%s' did not shut down cleanly (exit "
				 "code %d)",
				 s->name, state.exit_code);
	return 0;
}

/* In one step: the name leads to the whole template or to nothing. */
static int commit(struct container_provider *p, struct server *s,
		  const struct deadline *deadline, struct error *err)
{
	struct template_mark mark = {
	    .key = p->key,
	    .dialect = dialect_name(p->base.spec.dialect),
	    .server = p->server_version,
	    .base = p->image.id,
	    .base_name = p->image_name,
	    .base_size = p->image.size,
	    .private = p->base.spec.no_cache,
	};
	auto_strvec struct strvec changes = STRVEC_INIT;
	const char *tag = strchr(p->template_ref, ':') + 1;
	char *id = NULL;

	labels_of_template(&mark, &changes);
	if (image_commit(p->engine, s->c.id,
			 p->base.spec.no_cache ? PRIVATE_REPO : TEMPLATE_REPO,
			 tag, (const char *const *)changes.v, deadline, &id,
			 err) < 0) {
		/* it may be there all the same */
		p->unsure = p->unsure || p->base.spec.no_cache;
		return -1;
	}
	free(p->template_id);
	p->template_id = id;
	return 0;
}

static int build_in(struct container_provider *p, struct server *s,
		    const struct server_plan *plan,
		    const struct deadline *deadline, struct error *err)
{
	if (fill(p, s, plan, deadline, err) < 0 ||
	    stop_cleanly(p, s, deadline, err) < 0)
		return -1;
	return commit(p, s, deadline, err);
}

static int build(struct container_provider *p, const struct deadline *deadline,
		 struct error *err)
{
	char password[CONTAINER_PASSWORD + 1];
	char root[CONTAINER_PASSWORD + 1];
	bool mariadb = p->base.spec.dialect == DIALECT_MARIADB;
	struct server_plan plan = {
	    .slot = SERVER_BUILDER,
	    .image = p->image_name,
	    .role = "builder",
	    .password = password,
	    .root_password = mariadb ? root : NULL,
	    /* the project's own command may know TCP only */
	    .socket = !migrations_has_command(p->base.spec.migrations),
	};
	struct deadline cleanup;
	struct server *s;
	int result;

	ident_random(password, CONTAINER_PASSWORD);
	ident_random(root, CONTAINER_PASSWORD);
	if (server_run(p, &plan, deadline, &s, err) < 0)
		return -1;
	result = build_in(p, s, &plan, deadline, err);
	cleanup = deadline_in(20000, NULL);
	if (server_remove(p, s, &cleanup, NULL) < 0)
		log_debug("builder of '%s' left to gc", p->template_ref);
	if (result < 0)
		return -1;
	p->password = xstrdup(password);
	p->root_password = mariadb ? xstrdup(root) : NULL;
	p->built = true;
	return 0;
}

char *container_template_lock(const struct ownership *owner, const char *key)
{
	const char *slash = strrchr(owner->run_dir, '/');

	return xasprintf("%.*s/template-%s.lock", (int)(slash - owner->run_dir),
			 owner->run_dir, key);
}

static int build_and_say(struct container_provider *p,
			 const struct deadline *deadline, struct error *err)
{
	const struct provider *base = &p->base;
	const char *service = base->spec.service;
	auto_free char *what = migrations_describe(base->spec.migrations);

	progress_step(base->progress, service,
		      "making the template of '%s' from '%s'", service,
		      p->image_name);
	if (build(p, deadline, err) < 0)
		return -1;
	progress_done(base->progress, service, "made the template of '%s'%s%s",
		      service, what ? ": " : "", what ? what : "");
	return 0;
}

/* Another process may have made it while we waited for the lock. */
static int find_or_build(struct container_provider *p,
			 const struct deadline *deadline, struct error *err)
{
	auto_free char *path = container_template_lock(&p->base.owner, p->key);
	struct lock lock = LOCK_INIT;
	int found = 0;

	if (template_lock(&p->base, &lock, path, deadline, err) < 0)
		return -1;
	if (!p->base.spec.rebuild)
		found = find(p, deadline, err);
	if (found == 0)
		found = build_and_say(p, deadline, err);
	lock_remove(&lock);
	return found < 0 ? -1 : 0;
}

int container_template_ensure(struct provider *base,
			      const struct deadline *deadline,
			      struct error *err)
{
	struct container_provider *p = (struct container_provider *)base;
	int found = 0;

	if (base->spec.no_cache)
		return build_and_say(p, deadline, err);
	if (hold_take(&p->hold, base->owner.cache_dir, p->key, deadline, err) <
	    0)
		return -1;
	if (!base->spec.rebuild)
		found = find(p, deadline, err);
	if (found)
		return found < 0 ? -1 : 0;
	if (find_or_build(p, deadline, err) == 0)
		return 0;
	hold_give_up(&p->hold);
	return -1;
}
