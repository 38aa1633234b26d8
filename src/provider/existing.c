/* SPDX-License-Identifier: MIT */
/*
 * A service on an existing server: a database of ours for each slot, made from
 * a template that is kept there. Here by Postgres' own means; MariaDB's are in
 * existing_maria.c.
 */
#include "provider/existing.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/log.h"
#include "base/progress.h"
#include "dialect/db.h"
#include "dialect/state.h"
#include "provider/clean.h"
#include "provider/existing_open.h"
#include "provider/labels.h"

#include <stdlib.h>
#include <string.h>

static struct existing_provider *of(struct provider *p)
{
	return (struct existing_provider *)p;
}

char *existing_own_name(const struct existing_provider *p, const char *end)
{
	return xasprintf(EXISTING_PREFIX "s_%s_%u%s", p->base.owner.session,
			 p->base.spec.index, end);
}

static char *slot_name(struct provider *base, unsigned slot)
{
	struct existing_provider *p = of(base);
	auto_free char *key = xasprintf("%u", slot);
	auto_buf struct buf end = BUF_INIT;
	const char *moved;

	buf_printf(&end, "_%u", slot);
	pthread_mutex_lock(&p->maria.mutex);
	moved = strvec_env_get(&p->moved, key);
	if (moved)
		buf_printf(&end, "_%s", moved);
	pthread_mutex_unlock(&p->maria.mutex);
	return existing_own_name(p, end.s);
}

/* Its database is held, and stays: the slot gets one of another name. */
static void move_slot(struct existing_provider *p, unsigned slot,
		      const struct error *why)
{
	auto_free char *key = xasprintf("%u", slot);
	auto_free char *next = NULL;
	const char *moved;

	pthread_mutex_lock(&p->maria.mutex);
	moved = strvec_env_get(&p->moved, key);
	next = xasprintf("%ld", moved ? strtol(moved, NULL, 10) + 1 : 2);
	strvec_env_set(&p->moved, key, next);
	pthread_mutex_unlock(&p->maria.mutex);
	progress_notice(p->base.progress, "slot %u gets another database: %s",
			slot, why->text);
}

/* What proves whose it is, of a container's labels; bounded, as MariaDB's
 * comments are. */
void existing_own_labels(const struct existing_provider *p, struct strvec *ret)
{
	static const char *const names[] = {LABEL_SESSION, LABEL_OWNER,
					    LABEL_LOCK, LABEL_CREATED,
					    LABEL_EXPIRES};
	auto_strvec struct strvec all = STRVEC_INIT;

	labels_for(&p->base.owner, p->base.spec.service, -1, "database", &all);
	for (size_t i = 0; i < array_len(names); i++) {
		const char *value = strvec_env_get(&all, names[i]);

		if (value && strlen(value) < 200)
			strvec_pushf(ret, "%s=%s", names[i], value);
	}
}

void existing_template_labels(const struct existing_provider *p,
			      struct strvec *ret)
{
	strvec_pushf(ret, LABEL_TEMPLATE "=%s", p->key);
	/* as of anybody's things: past this it may be removed */
	strvec_pushf(ret, LABEL_EXPIRES "=%lld",
		     (long long)clock_wall_s() + EXISTING_KEPT_S);
}

static int admin(const struct existing_provider *p,
		 const struct deadline *deadline, struct db **ret,
		 struct error *err)
{
	return db_connect(&p->server, deadline, ret, err);
}

void existing_note_use(const struct existing_provider *p, struct db *db,
		       const char *name, const struct deadline *deadline)
{
	auto_strvec struct strvec labels = STRVEC_INIT;
	auto_error struct error why = ERROR_INIT;

	existing_template_labels(p, &labels);
	if (existing_mark(db, p->server.dialect, name, &labels, deadline,
			  &why) < 0)
		log_debug("its use is not noted: %s", why.text);
}

/* 1: the finished template is there, and its use is noted; 0; -1. */
static int find_template(const struct existing_provider *p, struct db *db,
			 const char *name, const struct deadline *deadline,
			 struct error *err)
{
	auto_existing_dbs struct existing_dbs l = EXISTING_DBS_INIT;

	if (existing_list(db, p->server.dialect, deadline, &l, err) < 0)
		return -1;
	for (size_t i = 0; i < l.n; i++) {
		if (strcmp(l.list[i].name, name) != 0)
			continue;
		if (!l.list[i].marked)
			return error_set(err, ERROR_REFUSED,
					 "database '%s' is not testenv's: it "
					 "has no mark",
					 name);
		existing_note_use(p, db, name, deadline);
		return 1;
	}
	return 0;
}

/* Nobody can connect to it any more, so it stays as it is. */
static int close_template(const struct existing_provider *p, struct db *db,
			  const char *name, const struct deadline *deadline,
			  struct error *err)
{
	auto_strvec struct strvec labels = STRVEC_INIT;
	auto_buf struct buf sql = BUF_INIT;

	buf_puts(&sql, "ALTER DATABASE ");
	db_put_identifier(DIALECT_POSTGRES, &sql, name);
	buf_puts(&sql, " ALLOW_CONNECTIONS false");
	if (db_exec(db, sql.s, deadline, err) < 0)
		return -1;
	if (p->base.spec.no_cache)
		return 0;
	existing_template_labels(p, &labels);
	return existing_mark(db, DIALECT_POSTGRES, name, &labels, deadline,
			     err);
}

static int rename_template(struct db *db, const char *from, const char *to,
			   const struct deadline *deadline, struct error *err)
{
	auto_buf struct buf sql = BUF_INIT;

	buf_puts(&sql, "ALTER DATABASE ");
	db_put_identifier(DIALECT_POSTGRES, &sql, from);
	buf_puts(&sql, " RENAME TO ");
	db_put_identifier(DIALECT_POSTGRES, &sql, to);
	return db_exec(db, sql.s, deadline, err);
}

void existing_say_making(const struct existing_provider *p)
{
	const char *service = p->base.spec.service;

	progress_step(p->base.progress, service,
		      "making the template of '%s' on '%s'", service, p->place);
}

void existing_say_made(const struct existing_provider *p)
{
	const char *service = p->base.spec.service;
	auto_free char *what = migrations_describe(p->base.spec.migrations);

	progress_done(p->base.progress, service,
		      "made the template of '%s'%s%s", service,
		      what ? ": " : "", what ? what : "");
}

static int build(struct existing_provider *p, struct db *db, const char *name,
		 const struct deadline *deadline, struct error *err)
{
	auto_strvec struct strvec labels = STRVEC_INIT;
	const char *session = p->base.owner.session;

	existing_own_labels(p, &labels);
	if (existing_drop(db, &p->server, name, session, deadline, err) < 0 ||
	    existing_create(db, DIALECT_POSTGRES, name, NULL, &labels, deadline,
			    err) < 0 ||
	    clean_migrate(&p->base, &p->server, name, p->server.password,
			  deadline, err) < 0 ||
	    close_template(p, db, name, deadline, err) < 0)
		return -1;
	p->built = true;
	return 0;
}

/* The last step shows it to others. One who was faster has made the same. */
static int publish(const struct existing_provider *p, struct db *db,
		   const char *built, const char *name,
		   const struct deadline *deadline, struct error *err)
{
	const char *session = p->base.owner.session;
	auto_error struct error why = ERROR_INIT;
	int found;

	if (p->base.spec.rebuild &&
	    existing_drop(db, &p->server, name, NULL, deadline, err) < 0)
		return -1;
	if (rename_template(db, built, name, deadline, &why) == 0)
		return 0;
	found = find_template(p, db, name, deadline, err);
	if (found < 0)
		return -1;
	if (!found)
		return error_move(err, &why);
	return existing_drop(db, &p->server, built, session, deadline, err);
}

static int make_template(struct existing_provider *p, struct db *db,
			 const char *name, const struct deadline *deadline,
			 struct error *err)
{
	auto_free char *built = existing_own_name(p, "_template");
	auto_free char *lock =
	    xasprintf("SELECT pg_advisory_lock(hashtext('%s')::bigint)", name);
	bool fresh = p->base.spec.rebuild || p->base.spec.no_cache;
	int found;

	/* until this connection closes */
	if (db_exec(db, lock, deadline, err) < 0)
		return -1;
	found = fresh ? 0 : find_template(p, db, name, deadline, err);
	if (found)
		return found < 0 ? -1 : 0;
	existing_say_making(p);
	if (build(p, db, built, deadline, err) < 0)
		return -1;
	if (p->base.spec.no_cache)
		p->template = take_ptr(&built);
	else if (publish(p, db, built, name, deadline, err) < 0)
		return -1;
	existing_say_made(p);
	return 0;
}

static int template_ensure(struct provider *base,
			   const struct deadline *deadline, struct error *err)
{
	struct existing_provider *p = of(base);
	auto_free char *name = xasprintf(EXISTING_PREFIX "t_%s", p->key);
	auto_db struct db *db = NULL;
	int found = 0;

	if (admin(p, deadline, &db, err) < 0)
		return -1;
	if (p->server.dialect == DIALECT_MARIADB)
		return existing_maria_template(p, db, deadline, err);
	if (!base->spec.rebuild && !base->spec.no_cache)
		found = find_template(p, db, name, deadline, err);
	if (found < 0 ||
	    (!found && make_template(p, db, name, deadline, err) < 0))
		return -1;
	if (!p->template)
		p->template = take_ptr(&name);
	return 0;
}

static void slot_address(const struct existing_provider *p,
			 const char *database, struct db_address *ret)
{
	db_address_copy(&p->server, ret);
	free(ret->database);
	ret->database = xstrdup(database);
}

static int make_slot(struct provider *base, unsigned slot,
		     const struct deadline *deadline, struct db_address *ret,
		     struct error *err)
{
	struct existing_provider *p = of(base);
	auto_strvec struct strvec labels = STRVEC_INIT;
	auto_free char *name = slot_name(base, slot);
	auto_free char *user = NULL;
	auto_db struct db *db = NULL;

	if (admin(p, deadline, &db, err) < 0)
		return -1;
	existing_own_labels(p, &labels);
	if (p->server.dialect == DIALECT_MARIADB) {
		if (existing_maria_slot(p, db, name, deadline, &user, err) < 0)
			return -1;
	} else if (existing_drop(db, &p->server, name, base->owner.session,
				 deadline, err) < 0 ||
		   existing_create(db, DIALECT_POSTGRES, name, p->template,
				   &labels, deadline, err) < 0) {
		return -1;
	}
	slot_address(p, name, ret);
	ret->slot_user = take_ptr(&user);
	return 0;
}

static int slot_start(struct provider *base, unsigned slot,
		      const struct deadline *deadline, struct db_address *ret,
		      struct error *err)
{
	auto_error struct error why = ERROR_INIT;

	if (make_slot(base, slot, deadline, ret, &why) == 0)
		return 0;
	if (why.kind != ERROR_BUSY)
		return error_move(err, &why);
	move_slot(of(base), slot, &why);
	return make_slot(base, slot, deadline, ret, err);
}

/* The mark of a slot's database, which is a part of what it holds. */
static int read_labels(struct existing_provider *p, struct db *db,
		       const char *name, const struct deadline *deadline,
		       struct strvec *ret, struct error *err)
{
	auto_existing_dbs struct existing_dbs l = EXISTING_DBS_INIT;

	if (existing_list(db, p->server.dialect, deadline, &l, err) < 0)
		return -1;
	for (size_t i = 0; i < l.n; i++)
		if (!strcmp(l.list[i].name, name))
			strvec_extend(ret, l.list[i].labels.v);
	return 0;
}

/* A template of Postgres' is closed: a database made from it is read, which
 * differs from the slot's in nothing but its content. */
static int read_template(struct existing_provider *p, unsigned slot,
			 const struct deadline *deadline, struct db_state *ret,
			 struct error *err)
{
	auto_strvec struct strvec labels = STRVEC_INIT;
	auto_free char *end = xasprintf("_look_%u", slot);
	auto_free char *name = existing_own_name(p, end);
	auto_free char *beside = slot_name(&p->base, slot);
	const char *session = p->base.owner.session;
	auto_db struct db *db = NULL;
	int result;

	if (admin(p, deadline, &db, err) < 0 ||
	    read_labels(p, db, beside, deadline, &labels, err) < 0 ||
	    existing_drop(db, &p->server, name, session, deadline, err) < 0 ||
	    existing_create(db, DIALECT_POSTGRES, name, p->template, &labels,
			    deadline, err) < 0)
		return -1;
	result = existing_read(p, name, deadline, ret, err);
	if (existing_drop(db, &p->server, name, session, deadline,
			  result < 0 ? NULL : err) < 0)
		return -1;
	return result;
}

int existing_read(const struct existing_provider *p, const char *database,
		  const struct deadline *deadline, struct db_state *ret,
		  struct error *err)
{
	auto_db_address struct db_address a = {.dialect = p->server.dialect};
	auto_db struct db *db = NULL;

	slot_address(p, database, &a);
	if (db_connect(&a, deadline, &db, err) < 0)
		return -1;
	return db_state_read(db, deadline, ret, err);
}

static int slot_states(struct provider *base, unsigned slot,
		       const struct deadline *deadline,
		       struct db_state *ret_template, struct db_state *ret_now,
		       struct error *err)
{
	struct existing_provider *p = of(base);
	auto_db_state struct db_state template = DB_STATE_INIT;
	auto_free char *name = slot_name(base, slot);
	bool maria = p->server.dialect == DIALECT_MARIADB;

	if ((maria ? existing_read(p, p->template, deadline, &template, err)
		   : read_template(p, slot, deadline, &template, err)) < 0 ||
	    existing_read(p, name, deadline, ret_now, err) < 0)
		return -1;
	*ret_template = template;
	template = (struct db_state)DB_STATE_INIT;
	return 0;
}

static int slot_clean(struct provider *base, unsigned slot, bool same_owner,
		      const struct deadline *deadline, struct db_address *ret,
		      struct error *err)
{
	(void)same_owner; /* its name is the same in any case */
	return slot_start(base, slot, deadline, ret, err);
}

static int slot_stop(struct provider *base, unsigned slot,
		     const struct deadline *deadline, struct error *err)
{
	struct existing_provider *p = of(base);
	auto_free char *name = slot_name(base, slot);
	auto_db struct db *db = NULL;

	if (admin(p, deadline, &db, err) < 0)
		return -1;
	return existing_drop(db, &p->server, name, base->owner.session,
			     deadline, err);
}

static void facts(const struct provider *base, struct provider_facts *ret)
{
	const struct existing_provider *p =
	    (const struct existing_provider *)base;

	*ret = (struct provider_facts){
	    .image = p->place,
	    .template_key = p->template ? p->key : NULL,
	    .template_built = p->built,
	    .server_version = p->version,
	    .via = p->server.port ? "TCP" : "unix socket",
	    .restored_by = p->server.dialect == DIALECT_MARIADB
			       ? existing_maria_way(p)
			       : "template",
	};
}

static void close_provider(struct provider *base,
			   const struct deadline *deadline)
{
	struct existing_provider *p = of(base);
	auto_error struct error why = ERROR_INIT;

	if (p->opened && existing_sweep(base->spec.url, base->owner.session,
					deadline, &why) < 0)
		progress_notice(base->progress,
				"databases are left on '%s': %s (the next run "
				"there removes them)",
				p->place, why.text);
	existing_maria_close(p);
	strvec_free(&p->moved);
	db_address_free(&p->server);
	free(p->place);
	free(p->template);
	free(p->version);
	free(p);
}

static const struct provider_ops existing_ops = {
    .template_ensure = template_ensure,
    .slot_start = slot_start,
    .slot_clean = slot_clean,
    .slot_states = slot_states,
    .slot_stop = slot_stop,
    .slot_name = slot_name,
    .facts = facts,
    .close = close_provider,
};

static void make_key(struct existing_provider *p)
{
	const struct provider_spec *spec = &p->base.spec;
	auto_free char *base = xasprintf("server %s", p->version);
	/* 1: the version of how a template is made. What it holds is the
	 * user's, and of use to nobody else */
	auto_free char *settings = xasprintf("1\n%s\n", p->server.user);

	migrations_key(spec->migrations, spec->dialect, base, settings, p->key);
}

int provider_open_server(const struct provider_spec *spec,
			 const struct ownership *owner,
			 const struct deadline *deadline,
			 const struct progress *progress, struct provider **ret,
			 struct error *err)
{
	struct existing_provider *p = xcalloc(1, sizeof(*p));

	p->moved = (struct strvec)STRVEC_INIT;
	pthread_mutex_init(&p->maria.mutex, NULL);
	p->base = (struct provider){&existing_ops, *spec, *owner, progress};
	if (existing_open(p, deadline, err) < 0) {
		provider_close(&p->base, deadline);
		return -1;
	}
	p->base.spec.user = p->server.user;
	p->opened = true;
	make_key(p);
	*ret = &p->base;
	return 0;
}
