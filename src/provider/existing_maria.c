/* SPDX-License-Identifier: MIT */
/*
 * MariaDB on an existing server: the template is a database like any other, and
 * a slot's is made by a copy of it (dialect/copy.h). Databases can be named
 * from each other there, so a slot has a user of its own where the URL's may
 * make users.
 */
#include "provider/existing.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/log.h"
#include "base/progress.h"
#include "dialect/copy.h"
#include "dialect/db.h"
#include "provider/clean.h"
#include "provider/existing_open.h"
#include "provider/labels.h"
#include "provider/slot_user.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
	LOCK_S =
	    5, /* of one try: the server forgets us soon after we are gone */
	VERIFY_BYTES = 16 * 1024
};

/* The template */

/* Of "testenv_t_KEY" 1, of "testenv_t_KEY_3" 3; 0: it is none of this key. */
static unsigned long generation(const char *name, const char *base)
{
	size_t n = strlen(base);
	char *end;
	unsigned long found;

	if (strncmp(name, base, n) != 0)
		return 0;
	if (!name[n])
		return 1;
	found = name[n] == '_' ? strtoul(name + n + 1, &end, 10) : 0;
	return found && !*end ? found : 0;
}

/* The newest finished one into *ret (NULL: there is none), and a name that is
 * free. A database that is called so and has no mark is passed by, too. */
static int find(const struct existing_provider *p, struct db *db,
		const char *base, const struct deadline *deadline, char **ret,
		char **ret_free, struct error *err)
{
	auto_existing_dbs struct existing_dbs l = EXISTING_DBS_INIT;
	const char *found = NULL;
	unsigned long newest = 0;
	unsigned long last = 0;

	if (existing_list(db, p->server.dialect, deadline, &l, err) < 0)
		return -1;
	for (size_t i = 0; i < l.n; i++) {
		const struct existing_db *d = &l.list[i];
		unsigned long n = generation(d->name, base);

		last = n > last ? n : last;
		if (n <= newest || !d->marked ||
		    !strvec_env_get(&d->labels, LABEL_TEMPLATE))
			continue;
		newest = n;
		found = d->name;
	}
	*ret = xstrdup_or_null(found);
	*ret_free = last ? xasprintf("%s_%lu", base, last + 1) : xstrdup(base);
	return 0;
}

/* Until the connection closes. */
static int lock(struct db *db, const char *name,
		const struct deadline *deadline, struct error *err)
{
	auto_free char *sql =
	    xasprintf("SELECT GET_LOCK('%s', %d)", name, LOCK_S);

	for (;;) {
		auto_free char *got = NULL;

		if (db_value(db, sql, deadline, &got, err) < 0)
			return -1;
		if (got && !strcmp(got, "1"))
			return 0;
		if (!got)
			return error_set(err, ERROR_DATABASE,
					 "lock '%s' cannot be had", name);
	}
}

/* What shows it to others is the mark of a template, in one step. */
static int build(struct existing_provider *p, struct db *db, const char *name,
		 const struct deadline *deadline, struct error *err)
{
	auto_strvec struct strvec own = STRVEC_INIT;
	auto_strvec struct strvec finished = STRVEC_INIT;
	const char *session = p->base.owner.session;

	existing_say_making(p);
	existing_own_labels(p, &own);
	existing_template_labels(p, &finished);
	if (existing_drop(db, &p->server, name, session, deadline, err) < 0 ||
	    existing_create(db, DIALECT_MARIADB, name, NULL, &own, deadline,
			    err) < 0)
		return -1;
	if (clean_migrate(&p->base, &p->server, name, p->server.password,
			  deadline, err) < 0 ||
	    (!p->base.spec.no_cache &&
	     existing_mark(db, DIALECT_MARIADB, name, &finished, deadline,
			   err) < 0)) {
		existing_drop(db, &p->server, name, session, deadline, NULL);
		return -1;
	}
	p->built = true;
	existing_say_made(p);
	return 0;
}

static int find_or_build(struct existing_provider *p, struct db *db,
			 const char *base, const struct deadline *deadline,
			 struct error *err)
{
	auto_free char *found = NULL;
	auto_free char *name = NULL;

	if (lock(db, base, deadline, err) < 0 ||
	    find(p, db, base, deadline, &found, &name, err) < 0)
		return -1;
	if (found && !p->base.spec.rebuild) {
		p->template = take_ptr(&found);
		return 0;
	}
	if (build(p, db, name, deadline, err) < 0)
		return -1;
	p->template = take_ptr(&name);
	return 0;
}

static int build_private(struct existing_provider *p, struct db *db,
			 const struct deadline *deadline, struct error *err)
{
	auto_free char *name = existing_own_name(p, "_template");

	if (build(p, db, name, deadline, err) < 0)
		return -1;
	p->template = take_ptr(&name);
	return 0;
}

int existing_maria_template(struct existing_provider *p, struct db *db,
			    const struct deadline *deadline, struct error *err)
{
	auto_free char *base = xasprintf(EXISTING_PREFIX "t_%s", p->key);
	auto_free char *found = NULL;
	auto_free char *name = NULL;

	if (p->base.spec.no_cache)
		return build_private(p, db, deadline, err);
	if (!p->base.spec.rebuild &&
	    find(p, db, base, deadline, &found, &name, err) < 0)
		return -1;
	if (found)
		p->template = take_ptr(&found);
	else if (find_or_build(p, db, base, deadline, err) < 0)
		return -1;
	if (!p->built)
		existing_note_use(p, db, p->template, deadline);
	return 0;
}

/* A slot's database */

static int make_empty(struct existing_provider *p, struct db *db,
		      const char *name, const struct deadline *deadline,
		      struct error *err)
{
	auto_strvec struct strvec labels = STRVEC_INIT;
	bool user;

	pthread_mutex_lock(&p->maria.mutex);
	user = p->maria.users != USERS_SHARED;
	pthread_mutex_unlock(&p->maria.mutex);
	existing_own_labels(p, &labels);
	if (user)
		strvec_pushf(&labels, LABEL_USER "=%s", p->server.user);
	if (existing_drop(db, &p->server, name, p->base.owner.session, deadline,
			  err) < 0)
		return -1;
	return existing_create(db, DIALECT_MARIADB, name, NULL, &labels,
			       deadline, err);
}

/* 1: `name` is a copy of the template, proven by its definitions; 0 with *why:
 * this template cannot be copied; -1. */
static int try_copy(struct existing_provider *p, struct db *db,
		    const char *name, const struct deadline *deadline,
		    char **ret_why, struct error *err)
{
	auto_buf struct buf difference = BUF_INIT_MAX(VERIFY_BYTES);
	auto_error struct error why = ERROR_INIT;
	int done = db_copy_open(db, p->template, deadline, &p->maria.copy,
				ret_why, &why);

	if (done == 1)
		done = db_copy_fill(p->maria.copy, db, name, deadline, &why);
	else if (done == 0)
		return 0;
	if (done == 0)
		done = db_copy_compare(p->maria.copy, db, name, false, deadline,
				       &difference, &why);
	if (done == 1)
		return 1;
	if (done < 0 && why.kind != ERROR_DATABASE)
		return error_move(err, &why);
	*ret_why = done < 0 ? xstrdup(why.text) : xstrdup(difference.s);
	return 0;
}

static int find_way(struct existing_provider *p, struct db *db,
		    const char *name, const struct deadline *deadline,
		    struct error *err)
{
	auto_free char *why = NULL;
	int done = try_copy(p, db, name, deadline, &why, err);

	if (done < 0) {
		/* another slot may have more luck */
		db_copy_free(take_ptr(&p->maria.copy));
		return -1;
	}
	if (!done)
		log_debug("'%s' cannot be copied: %s", p->template, why);
	p->maria.way = done ? WAY_COPY : WAY_MIGRATE;
	return 0;
}

static int verify(struct existing_provider *p, struct db *db, const char *name,
		  const struct deadline *deadline, struct error *err)
{
	auto_buf struct buf difference = BUF_INIT_MAX(VERIFY_BYTES);
	int equal;

	if (!p->base.spec.verify)
		return 0;
	equal = db_copy_compare(p->maria.copy, db, name, true, deadline,
				&difference, err);
	if (equal)
		return equal < 0 ? -1 : 0;
	error_set(err, ERROR_INTERNAL,
		  "'%s' differs from the template it was made from", name);
	error_detail(err, difference.s);
	return -1;
}

static int migrate(struct existing_provider *p, struct db *db, const char *name,
		   const struct deadline *deadline, struct error *err)
{
	if (migrations_has_command(p->base.spec.migrations))
		return error_set(err, ERROR_MIGRATION,
				 "database '%s' cannot be copied from the "
				 "template, and a command runs once, into that",
				 name);
	/* what a copy that failed has left */
	if (make_empty(p, db, name, deadline, err) < 0)
		return -1;
	return clean_migrate(&p->base, &p->server, name, p->server.password,
			     deadline, err);
}

/* The first one finds out for all, who wait for it. */
static int fill(struct existing_provider *p, struct db *db, const char *name,
		const struct deadline *deadline, struct error *err)
{
	bool first;
	int result = 0;

	pthread_mutex_lock(&p->maria.mutex);
	first = p->maria.way == WAY_UNKNOWN;
	if (first)
		result = find_way(p, db, name, deadline, err);
	pthread_mutex_unlock(&p->maria.mutex);
	if (result < 0)
		return -1;
	if (p->maria.way == WAY_MIGRATE)
		return migrate(p, db, name, deadline, err);
	if (!first && db_copy_fill(p->maria.copy, db, name, deadline, err) < 0)
		return -1;
	return verify(p, db, name, deadline, err);
}

const char *existing_maria_way(const struct existing_provider *p)
{
	switch (atomic_load(&p->maria.way)) {
	case WAY_COPY:
		return "a copy of the template";
	case WAY_MIGRATE:
		return "migrations";
	case WAY_UNKNOWN:
		break;
	}
	return NULL;
}

/* A slot's user */

static int let_in(const struct existing_provider *p, struct db *db,
		  const char *name, const struct deadline *deadline,
		  struct error *err)
{
	return slot_user_let_in(db, name, p->server.password, name, deadline,
				err);
}

/* Made, and found good: an anonymous user that the server prefers, or one who
 * has to come by TLS, cannot log in. */
static int try_user(const struct existing_provider *p, struct db *db,
		    const char *name, const struct deadline *deadline,
		    struct error *err)
{
	auto_db_address struct db_address login = {.dialect = DIALECT_MARIADB};
	auto_db struct db *own = NULL;

	if (!p->server.password)
		return error_set(err, ERROR_DATABASE,
				 "its URL has no password");
	if (let_in(p, db, name, deadline, err) < 0)
		return -1;
	existing_user_address(&p->server, name, &login);
	login.database = xstrdup(name);
	return db_connect(&login, deadline, &own, err);
}

/* 0; -1: the slots have to share the URL's user, or it was cancelled. */
static int find_users(struct existing_provider *p, struct db *db,
		      const char *name, const struct deadline *deadline,
		      struct error *err)
{
	auto_db_address struct db_address login = {.dialect = DIALECT_MARIADB};
	auto_error struct error why = ERROR_INIT;

	p->maria.users = USERS_SHARED;
	/* the router is not between */
	if (db_demands_tls(&p->server))
		return 0;
	if (try_user(p, db, name, deadline, &why) == 0) {
		p->maria.users = USERS_OWN;
		return 0;
	}
	if (why.kind != ERROR_DATABASE) {
		p->maria.users = USERS_UNKNOWN;
		return error_move(err, &why);
	}
	existing_user_address(&p->server, name, &login);
	slot_user_leave(db, &login, deadline, NULL);
	progress_notice(p->base.progress,
			"on '%s' all use user '%s', and can name each other's "
			"databases: it cannot make a user for each (%s)",
			p->place, p->server.user, why.text);
	return 0;
}

int existing_maria_slot(struct existing_provider *p, struct db *db,
			const char *name, const struct deadline *deadline,
			char **ret_user, struct error *err)
{
	bool first;
	enum existing_users users;
	int result = 0;

	if (make_empty(p, db, name, deadline, err) < 0 ||
	    fill(p, db, name, deadline, err) < 0)
		return -1;
	pthread_mutex_lock(&p->maria.mutex);
	first = p->maria.users == USERS_UNKNOWN;
	if (first)
		result = find_users(p, db, name, deadline, err);
	users = p->maria.users;
	pthread_mutex_unlock(&p->maria.mutex);
	if (result < 0 || (users == USERS_OWN && !first &&
			   let_in(p, db, name, deadline, err) < 0))
		return -1;
	*ret_user = users == USERS_OWN ? xstrdup(name) : NULL;
	return 0;
}

void existing_maria_close(struct existing_provider *p)
{
	db_copy_free(p->maria.copy);
	pthread_mutex_destroy(&p->maria.mutex);
}
