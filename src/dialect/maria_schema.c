/* SPDX-License-Identifier: MIT */
#include "dialect/maria.h"

#include "base/alloc.h"
#include "base/error.h"
#include "dialect/db.h"

#include <stdlib.h>
#include <string.h>

static void put_name(struct buf *sql, const char *name)
{
	db_put_identifier(DIALECT_MARIADB, sql, name);
}

static void put_text(struct buf *sql, const char *text)
{
	db_put_literal(DIALECT_MARIADB, sql, text);
}

static void object_free(struct maria_object *o)
{
	free(o->type);
	free(o->name);
	free(o->on);
	free(o->sql);
	free(o->mode);
	free(o->client);
	free(o->connection);
	free(o->zone);
	free(o->engine);
	free(o->auto_increment);
}

void maria_schema_free(struct maria_schema *s)
{
	for (size_t i = 0; i < s->n; i++)
		object_free(&s->v[i]);
	free(s->v);
	free(s->options);
	*s = (struct maria_schema){0};
}

struct maria_object *maria_schema_add(struct maria_schema *s,
				      enum maria_kind kind)
{
	struct maria_object *o;

	s->v = xreallocarray(s->v, s->n + 1, sizeof(*s->v));
	o = &s->v[s->n++];
	*o = (struct maria_object){
	    .kind = kind,
	    .type = xstrdup(""),
	    .name = xstrdup(""),
	    .on = xstrdup(""),
	    .sql = xstrdup(""),
	    .mode = xstrdup(""),
	    .client = xstrdup(""),
	    .connection = xstrdup(""),
	    .zone = xstrdup(""),
	    .engine = xstrdup(""),
	    .auto_increment = xstrdup(""),
	};
	return o;
}

static void set(char **at, const char *value)
{
	free(*at);
	*at = xstrdup(value ? value : "");
}

const struct maria_object *maria_schema_find(const struct maria_schema *s,
					     enum maria_kind kind,
					     const char *name)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].kind == kind && !strcmp(s->v[i].name, name))
			return &s->v[i];
	return NULL;
}

int maria_session(struct db *db, const struct deadline *deadline,
		  struct error *err)
{
	return db_exec(
	    db,
	    "SET NAMES utf8mb4; SET SESSION sql_mode='NO_AUTO_VALUE_ON_ZERO',"
	    " foreign_key_checks=0, check_constraint_checks=0,"
	    " time_zone='+00:00', autocommit=1, completion_type=0,"
	    " sql_safe_updates=0, sql_select_limit=DEFAULT,"
	    " sql_quote_show_create=1, max_statement_time=0,"
	    " innodb_strict_mode=0, system_versioning_alter_history=KEEP,"
	    " group_concat_max_len=1073741824,"
	    " tx_isolation='REPEATABLE-READ', tx_read_only=0",
	    deadline, err);
}

static void add_listed(struct maria_schema *s, const struct maria_row *row)
{
	struct maria_object *o;

	switch (row->set) {
	case 0:
		s->exists = true;
		set(&s->options, row->v[0]);
		return;
	case 1:
		if (!strcmp(row->v[1], "VIEW"))
			o = maria_schema_add(s, MARIA_VIEW);
		else if (!strcmp(row->v[1], "SEQUENCE"))
			o = maria_schema_add(s, MARIA_SEQUENCE);
		else
			o = maria_schema_add(s, MARIA_TABLE);
		set(&o->type, o->kind == MARIA_VIEW       ? "VIEW"
			      : o->kind == MARIA_SEQUENCE ? "SEQUENCE"
							  : "TABLE");
		set(&o->engine, row->v[2]);
		set(&o->auto_increment, row->v[3]);
		break;
	case 2:
		o = maria_schema_add(s, MARIA_ROUTINE);
		set(&o->type, row->v[1]);
		break;
	case 3:
		o = maria_schema_add(s, MARIA_EVENT);
		set(&o->type, "EVENT");
		break;
	default:
		o = maria_schema_add(s, MARIA_TRIGGER);
		set(&o->type, "TRIGGER");
		set(&o->on, row->v[2]);
		break;
	}
	set(&o->name, row->v[0]);
}

/* Routines and events: from the server's own tables, or from what shows
 * everybody his own. */
static void put_code_query(struct buf *sql, const char *database, bool plain)
{
	buf_puts(sql, plain ? "SELECT ROUTINE_NAME, ROUTINE_TYPE FROM"
			      " information_schema.ROUTINES WHERE"
			      " ROUTINE_SCHEMA = "
			    : "SELECT name, type FROM mysql.proc WHERE db = ");
	put_text(sql, database);
	buf_puts(sql, plain ? " ORDER BY 2, BINARY ROUTINE_NAME; "
			    : " ORDER BY type, BINARY name; ");
	buf_puts(sql, plain ? "SELECT EVENT_NAME FROM information_schema.EVENTS"
			      " WHERE EVENT_SCHEMA = "
			    : "SELECT name FROM mysql.event WHERE db = ");
	put_text(sql, database);
	buf_puts(sql, plain ? " ORDER BY BINARY EVENT_NAME; "
			    : " ORDER BY BINARY name; ");
}

/* Triggers last: theirs is the order in which they fire. */
static void put_list_query(struct buf *sql, const char *database, bool plain)
{
	buf_puts(sql, "SELECT CONCAT('CHARACTER SET ',"
		      " DEFAULT_CHARACTER_SET_NAME, ' COLLATE ',"
		      " DEFAULT_COLLATION_NAME");
	if (!plain)
		buf_puts(sql, ", ' COMMENT ', QUOTE(SCHEMA_COMMENT)");
	buf_puts(sql, ") FROM information_schema.SCHEMATA"
		      " WHERE SCHEMA_NAME = ");
	put_text(sql, database);
	buf_puts(sql, "; SELECT TABLE_NAME, TABLE_TYPE, ENGINE, AUTO_INCREMENT"
		      " FROM information_schema.TABLES WHERE TABLE_TYPE NOT"
		      " LIKE '%TEMPORARY%' AND TABLE_SCHEMA = ");
	put_text(sql, database);
	buf_puts(sql, " ORDER BY BINARY TABLE_NAME; ");
	put_code_query(sql, database, plain);
	buf_puts(sql, "SHOW TRIGGERS FROM ");
	put_name(sql, database);
}

/* qsort does not keep the order of equals. */
static void sort_by_kind(struct maria_schema *s)
{
	struct maria_object *sorted = xcalloc(s->n + 1, sizeof(*sorted));
	size_t n = 0;

	for (int kind = MARIA_SEQUENCE; kind <= MARIA_EVENT; kind++)
		for (size_t i = 0; i < s->n; i++)
			if ((int)s->v[i].kind == kind)
				sorted[n++] = s->v[i];
	free(s->v);
	s->v = sorted;
}

int maria_schema_list(struct db *db, const char *database, bool plain,
		      const struct deadline *deadline, struct maria_schema *ret,
		      struct error *err)
{
	auto_maria_schema struct maria_schema s = {0};
	auto_maria_answer struct maria_answer answer = {NULL, 0};
	auto_buf struct buf sql = BUF_INIT;

	put_list_query(&sql, database, plain);
	s.options = xstrdup("");
	if (maria_ask(db, sql.s, deadline, &answer, err) < 0)
		return -1;
	for (size_t i = 0; i < answer.n; i++)
		add_listed(&s, &answer.rows[i]);
	sort_by_kind(&s);
	if (s.exists) {
		buf_clear(&sql);
		buf_puts(&sql, "USE ");
		put_name(&sql, database);
		if (db_exec(db, sql.s, deadline, err) < 0)
			return -1;
	}
	*ret = s;
	s = (struct maria_schema){0};
	return 0;
}

static void take_definition(struct maria_object *o, const struct maria_row *row)
{
	switch (o->kind) {
	case MARIA_SEQUENCE:
	case MARIA_TABLE:
		set(&o->sql, row->v[1]);
		maria_cut_auto_increment(o->sql);
		break;
	case MARIA_VIEW:
		set(&o->sql, row->v[1]);
		set(&o->client, row->v[2]);
		set(&o->connection, row->v[3]);
		break;
	case MARIA_ROUTINE:
	case MARIA_TRIGGER:
		set(&o->mode, row->v[1]);
		set(&o->sql, row->v[2]);
		set(&o->client, row->v[3]);
		set(&o->connection, row->v[4]);
		break;
	case MARIA_EVENT:
		set(&o->mode, row->v[1]);
		set(&o->zone, row->v[2]);
		set(&o->sql, row->v[3]);
		set(&o->client, row->v[4]);
		set(&o->connection, row->v[5]);
		break;
	}
}

int maria_schema_define(struct db *db, struct maria_schema *s,
			const struct deadline *deadline, struct error *err)
{
	auto_maria_answer struct maria_answer answer = {NULL, 0};
	auto_buf struct buf sql = BUF_INIT;

	if (!s->n)
		return 0;
	for (size_t i = 0; i < s->n; i++) {
		buf_printf(&sql, "%sSHOW CREATE %s ", i ? ";" : "",
			   s->v[i].type);
		put_name(&sql, s->v[i].name);
	}
	if (maria_ask(db, sql.s, deadline, &answer, err) < 0)
		return -1;
	for (size_t i = 0; i < answer.n; i++) {
		const struct maria_row *row = &answer.rows[i];

		if (row->set < s->n)
			take_definition(&s->v[row->set], row);
	}
	return 0;
}

static void say(struct buf *ret, const struct maria_object *o, const char *what)
{
	auto_buf struct buf type = BUF_INIT;

	if (!ret)
		return;
	for (const char *p = o->type; *p; p++)
		buf_putc(&type, (char)(*p >= 'A' && *p <= 'Z' ? *p + 32 : *p));
	buf_printf(ret, "%s '%s' %s\n", type.s, o->name, what);
}

static bool same(const struct maria_object *a, const struct maria_object *b)
{
	return !strcmp(a->sql, b->sql) && !strcmp(a->type, b->type) &&
	       !strcmp(a->on, b->on) && !strcmp(a->mode, b->mode) &&
	       !strcmp(a->client, b->client) &&
	       !strcmp(a->connection, b->connection) &&
	       !strcmp(a->zone, b->zone);
}

/* Of the same kind, type and name: a function and a procedure may share one. */
static const struct maria_object *twin(const struct maria_schema *s,
				       const struct maria_object *o, size_t at)
{
	if (at < s->n && s->v[at].kind == o->kind &&
	    !strcmp(s->v[at].type, o->type) && !strcmp(s->v[at].name, o->name))
		return &s->v[at];
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].kind == o->kind && !strcmp(s->v[i].type, o->type) &&
		    !strcmp(s->v[i].name, o->name))
			return &s->v[i];
	return NULL;
}

/* Triggers are to fire in the same order. */
static bool trigger_order(const struct maria_schema *a,
			  const struct maria_schema *b)
{
	size_t k = 0;

	for (size_t i = 0; i < a->n; i++) {
		if (a->v[i].kind != MARIA_TRIGGER)
			continue;
		while (k < b->n && b->v[k].kind != MARIA_TRIGGER)
			k++;
		if (k == b->n || strcmp(a->v[i].name, b->v[k].name) != 0)
			return false;
		k++;
	}
	return true;
}

bool maria_schema_equal(const struct maria_schema *want,
			const struct maria_schema *have, struct buf *ret)
{
	bool equal = true;

	if (!have->exists || strcmp(want->options, have->options) != 0) {
		equal = false;
		if (ret)
			buf_puts(ret, have->exists
					  ? "database's options differ\n"
					  : "database is missing\n");
	}
	for (size_t i = 0; i < want->n; i++) {
		const struct maria_object *o = twin(have, &want->v[i], i);

		if (o && same(&want->v[i], o))
			continue;
		say(ret, &want->v[i], o ? "differs" : "is missing");
		equal = false;
	}
	for (size_t i = 0; i < have->n; i++) {
		if (twin(want, &have->v[i], i))
			continue;
		say(ret, &have->v[i], "is not in the template");
		equal = false;
	}
	if (equal && !trigger_order(want, have)) {
		if (ret)
			buf_puts(ret, "triggers fire in another order\n");
		return false;
	}
	return equal;
}
