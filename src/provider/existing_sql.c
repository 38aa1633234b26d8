/* SPDX-License-Identifier: MIT */
/* How marked databases are made, found and dropped, in either dialect. */
#include "provider/existing.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/log.h"
#include "dialect/clone.h"
#include "dialect/db.h"
#include "dialect/held.h"
#include "provider/labels.h"
#include "provider/slot_user.h"

#include <stdlib.h>
#include <string.h>

/* Begins the comment of each database of ours. */
#define MARK "testenv 1"

void existing_dbs_free(struct existing_dbs *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->list[i].name);
		strvec_free(&l->list[i].labels);
	}
	free(l->list);
	*l = (struct existing_dbs)EXISTING_DBS_INIT;
}

int existing_address(const char *url, struct db_address *ret, struct error *err)
{
	if (db_url_parse(url, ret, err) < 0)
		return -1;
	if (!ret->host && !ret->socket)
		ret->host = xstrdup("localhost");
	if (!ret->database)
		ret->database = xstrdup(ret->dialect == DIALECT_POSTGRES
					    ? "postgres"
					    : "information_schema");
	return 0;
}

/* "NAME 0x02 COMMENT", separated by 0x01: no identifier or label holds those.
 */
static void put_list_query(enum dialect d, struct buf *sql)
{
	if (d == DIALECT_POSTGRES)
		buf_puts(sql,
			 "SELECT string_agg(datname || E'\\x02' || "
			 "coalesce(shobj_description(oid, 'pg_database'), ''), "
			 "E'\\x01' ORDER BY datname) FROM pg_database "
			 "WHERE starts_with(datname, '" EXISTING_PREFIX "')");
	else
		buf_puts(sql,
			 "SET SESSION group_concat_max_len = 16777216; "
			 "SELECT GROUP_CONCAT(schema_name, CHAR(2), "
			 "schema_comment ORDER BY schema_name "
			 "SEPARATOR '\x01') FROM information_schema.schemata "
			 "WHERE LEFT(schema_name, 8) = '" EXISTING_PREFIX "'");
}

static void take_comment(struct existing_db *d, const char *comment)
{
	size_t mark = strlen(MARK);

	if (strncmp(comment, MARK, mark) != 0 ||
	    (comment[mark] && comment[mark] != '\n'))
		return;
	d->marked = true;
	while (*(comment += strcspn(comment, "\n"))) {
		auto_free char *line = NULL;

		comment++;
		line = xstrndup(comment, strcspn(comment, "\n"));
		strvec_push(&d->labels, line);
	}
}

static void take_row(struct existing_dbs *l, const char *row, size_t len)
{
	auto_free char *text = xstrndup(row, len);
	char *comment = strchr(text, '\x02');
	struct existing_db *d;

	l->list = xreallocarray(l->list, l->n + 1, sizeof(*l->list));
	d = &l->list[l->n++];
	*d = (struct existing_db){.labels = STRVEC_INIT};
	if (comment) {
		*comment = '\0';
		take_comment(d, comment + 1);
	}
	d->name = xstrdup(text);
}

int existing_list(struct db *db, enum dialect d,
		  const struct deadline *deadline, struct existing_dbs *ret,
		  struct error *err)
{
	auto_buf struct buf sql = BUF_INIT;
	auto_free char *rows = NULL;
	struct existing_dbs l = EXISTING_DBS_INIT;

	put_list_query(d, &sql);
	if (db_value(db, sql.s, deadline, &rows, err) < 0)
		return error_wrap(err, "list databases");
	for (const char *p = rows; p && *p;) {
		size_t len = strcspn(p, "\x01");

		take_row(&l, p, len);
		p += len + (p[len] != '\0');
	}
	*ret = l;
	return 0;
}

static void put_comment(enum dialect d, struct buf *sql,
			const struct strvec *labels)
{
	auto_buf struct buf text = BUF_INIT;

	buf_puts(&text, MARK);
	for (size_t i = 0; i < labels->n; i++)
		buf_printf(&text, "\n%s", labels->v[i]);
	db_put_literal(d, sql, text.s);
}

int existing_mark(struct db *db, enum dialect d, const char *name,
		  const struct strvec *labels, const struct deadline *deadline,
		  struct error *err)
{
	auto_buf struct buf sql = BUF_INIT;

	buf_puts(&sql, d == DIALECT_POSTGRES ? "COMMENT ON DATABASE "
					     : "ALTER DATABASE ");
	db_put_identifier(d, &sql, name);
	buf_puts(&sql, d == DIALECT_POSTGRES ? " IS " : " COMMENT ");
	put_comment(d, &sql, labels);
	if (db_exec(db, sql.s, deadline, err) < 0)
		return error_wrap(err, "mark '%s'", name);
	return 0;
}

int existing_create(struct db *db, enum dialect d, const char *name,
		    const char *template, const struct strvec *labels,
		    const struct deadline *deadline, struct error *err)
{
	auto_buf struct buf sql = BUF_INIT;

	buf_puts(&sql, "CREATE DATABASE ");
	db_put_identifier(d, &sql, name);
	if (d == DIALECT_POSTGRES && template) {
		buf_puts(&sql, " TEMPLATE ");
		db_put_identifier(d, &sql, template);
	}
	if (d == DIALECT_MARIADB) {
		buf_puts(&sql, " COMMENT ");
		put_comment(d, &sql, labels);
	}
	if (db_exec(db, sql.s, deadline, err) < 0)
		return error_wrap(err, "make database '%s'", name);
	if (d == DIALECT_MARIADB)
		return 0;
	if (existing_mark(db, d, name, labels, deadline, err) < 0)
		return -1;
	return template ? existing_carry(db, template, name, deadline, err) : 0;
}

static bool is_sessions(const char *name, const char *session)
{
	auto_free char *prefix =
	    xasprintf(EXISTING_PREFIX "s_%s_", session ? session : "");

	return session && !strncmp(name, prefix, strlen(prefix));
}

static const struct existing_db *find(const struct existing_dbs *l,
				      const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (!strcmp(l->list[i].name, name))
			return &l->list[i];
	return NULL;
}

/* A template of Postgres cannot be dropped as one. */
static int unmake_template(struct db *db, enum dialect d, const char *name,
			   const struct deadline *deadline, struct error *err)
{
	auto_buf struct buf sql = BUF_INIT;

	if (d != DIALECT_POSTGRES ||
	    strncmp(name, EXISTING_PREFIX "t_", strlen(EXISTING_PREFIX) + 2))
		return 0;
	buf_puts(&sql, "ALTER DATABASE ");
	db_put_identifier(d, &sql, name);
	buf_puts(&sql, " IS_TEMPLATE false");
	return db_exec(db, sql.s, deadline, err);
}

void existing_user_address(const struct db_address *server, const char *name,
			   struct db_address *ret)
{
	db_address_copy(server, ret);
	free(ret->user);
	free(ret->database);
	ret->user = xstrdup(name);
	ret->database = NULL;
}

/* The user goes before the database, which alone says that there is one. */
static int drop_user(struct db *db, const struct db_address *server,
		     const struct existing_db *there,
		     const struct deadline *deadline, struct error *err)
{
	auto_db_address struct db_address login = {.dialect = server->dialect};
	const char *maker = strvec_env_get(&there->labels, LABEL_USER);
	auto_error struct error why = ERROR_INIT;

	if (!maker)
		return 0;
	existing_user_address(server, there->name, &login);
	if (slot_user_leave(db, &login, deadline, &why) == 0)
		return 0;
	/* who may not drop users could not make one, either */
	if (why.kind != ERROR_DATABASE || strcmp(maker, server->user) != 0)
		return error_move(err, &why);
	log_debug("user '%s': %s", there->name, why.text);
	return 0;
}

int existing_drop(struct db *db, const struct db_address *server,
		  const char *name, const char *session,
		  const struct deadline *deadline, struct error *err)
{
	enum dialect d = server->dialect;
	auto_existing_dbs struct existing_dbs l = EXISTING_DBS_INIT;
	const struct existing_db *there;

	if (existing_list(db, d, deadline, &l, err) < 0)
		return -1;
	there = find(&l, name);
	if (!there)
		return 0;
	if (!there->marked && !is_sessions(name, session))
		return error_set(err, ERROR_REFUSED,
				 "database '%s' is not testenv's: it has no "
				 "mark",
				 name);
	if (drop_user(db, server, there, deadline, err) < 0 ||
	    unmake_template(db, d, name, deadline, err) < 0)
		return error_wrap(err, "drop '%s'", name);
	return d == DIALECT_MARIADB ? db_drop_held(db, name, deadline, err)
				    : clone_drop(db, name, deadline, err);
}

/*
 * What a dead process, or one in a hurry, asked for goes on in the server: a
 * database that is being made would appear after we looked.
 */
static int end_statements(struct db *db, enum dialect d, const char *session,
			  const struct deadline *deadline, struct error *err)
{
	auto_buf struct buf like = BUF_INIT;
	auto_buf struct buf sql = BUF_INIT;

	buf_printf(&like, "%%" EXISTING_PREFIX "s_%s_%%", session);
	if (d == DIALECT_POSTGRES)
		buf_puts(&sql, "SELECT count(pg_terminate_backend(pid)) FROM "
			       "pg_stat_activity WHERE pid <> "
			       "pg_backend_pid() AND usename = current_user "
			       "AND state = 'active' AND query LIKE ");
	else
		buf_puts(&sql, "SELECT COUNT(*) FROM "
			       "information_schema.processlist WHERE id <> "
			       "CONNECTION_ID() AND info LIKE ");
	db_put_literal(d, &sql, like.s);
	for (;;) {
		auto_free char *n = NULL;

		if (db_value(db, sql.s, deadline, &n, err) < 0)
			return -1;
		if (!n || !strcmp(n, "0"))
			return 0;
		if (deadline_poll(deadline, NULL, 0, 5, "statements to end",
				  err) < 0)
			return -1;
	}
}

/* By its name, or by its mark: a template in the making. */
static bool belongs_to(const struct existing_db *d, const char *session)
{
	const char *marked = strvec_env_get(&d->labels, LABEL_SESSION);

	return is_sessions(d->name, session) ||
	       (d->marked && marked && !strcmp(marked, session));
}

int existing_sweep(const char *url, const char *session,
		   const struct deadline *deadline, struct error *err)
{
	auto_db_address struct db_address a = {.dialect = DIALECT_POSTGRES};
	auto_existing_dbs struct existing_dbs l = EXISTING_DBS_INIT;
	auto_error struct error held = ERROR_INIT;
	auto_db struct db *db = NULL;

	if (existing_address(url, &a, err) < 0 ||
	    db_connect(&a, deadline, &db, err) < 0 ||
	    end_statements(db, a.dialect, session, deadline, err) < 0 ||
	    existing_list(db, a.dialect, deadline, &l, err) < 0)
		return -1;
	for (size_t i = 0; i < l.n; i++) {
		auto_error struct error why = ERROR_INIT;

		if (!belongs_to(&l.list[i], session) ||
		    existing_drop(db, &a, l.list[i].name, session, deadline,
				  &why) == 0)
			continue;
		/* one that is held does not keep the others */
		if (why.kind != ERROR_BUSY)
			return error_move(err, &why);
		error_move(&held, &why);
	}
	return held.kind ? error_move(err, &held) : 0;
}
