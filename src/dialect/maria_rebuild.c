/* SPDX-License-Identifier: MIT */
#include "dialect/maria.h"

#include "base/alloc.h"
#include "base/error.h"
#include "dialect/db.h"

#include <stdlib.h>
#include <string.h>

static void name(struct buf *b, const char *s)
{
	db_put_identifier(DIALECT_MARIADB, b, s);
}

static void text(struct buf *b, const char *s)
{
	db_put_literal(DIALECT_MARIADB, b, s);
}

static int make_database(struct db *db, const struct maria_notes *notes,
			 const char *database, const struct deadline *deadline,
			 struct error *err)
{
	auto_buf struct buf sql = BUF_INIT;

	buf_puts(&sql, "USE information_schema; DROP DATABASE IF EXISTS ");
	name(&sql, database);
	buf_puts(&sql, "; CREATE DATABASE ");
	name(&sql, database);
	buf_printf(&sql, " %s; USE ", notes->schema.options);
	name(&sql, database);
	return db_exec(db, sql.s, deadline, err);
}

/* What a routine, a trigger, an event or a view was made under belongs to it.
 * The text is sent in the character set that is named before it. */
void maria_put_definition(const struct maria_object *o, struct buf *sql)
{
	if (o->kind == MARIA_TABLE || o->kind == MARIA_SEQUENCE) {
		maria_put_create(sql, o->sql, o->auto_increment);
		return;
	}
	if (o->kind != MARIA_VIEW) {
		buf_puts(sql, "SET SESSION sql_mode = ");
		text(sql, o->mode);
		buf_puts(sql, "; ");
	}
	if (*o->zone) {
		buf_puts(sql, "SET SESSION time_zone = ");
		text(sql, o->zone);
		buf_puts(sql, "; ");
	}
	buf_puts(sql, "SET SESSION character_set_client = ");
	buf_puts(sql, o->client);
	buf_puts(sql, ", collation_connection = ");
	buf_puts(sql, o->connection);
	buf_printf(sql, "; %s", o->sql);
}

static int make_object(struct db *db, const struct maria_object *o,
		       const struct deadline *deadline, struct error *err)
{
	auto_buf struct buf sql = BUF_INIT;

	maria_put_definition(o, &sql);
	if (db_exec(db, sql.s, deadline, err) < 0)
		return error_wrap(err, "'%s'", o->name);
	return 0;
}

/* Once more as long as it helps: a view may stand on another. */
static int make_views(struct db *db, const struct maria_schema *s,
		      const struct deadline *deadline, struct error *err)
{
	auto_free bool *made = xcalloc(s->n + 1, sizeof(bool));
	auto_error struct error why = ERROR_INIT;
	size_t left, before;

	left = s->n + 1;
	do {
		before = left;
		left = 0;
		for (size_t i = 0; i < s->n; i++) {
			if (s->v[i].kind != MARIA_VIEW || made[i])
				continue;
			error_clear(&why);
			made[i] =
			    make_object(db, &s->v[i], deadline, &why) == 0;
			if (!made[i] && why.kind != ERROR_DATABASE)
				return error_move(err, &why);
			left += !made[i];
		}
	} while (left && left < before);
	return left ? error_move(err, &why) : 0;
}

static int make_kind(struct db *db, const struct maria_schema *s,
		     enum maria_kind kind, const struct deadline *deadline,
		     struct error *err)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].kind == kind &&
		    make_object(db, &s->v[i], deadline, err) < 0)
			return -1;
	return 0;
}

/* One transaction: the tables are locked for us alone, as nobody knows them. */
static int fill_tables(struct db *db, const struct maria_notes *notes,
		       const struct deadline *deadline, struct error *err)
{
	if (db_exec(db, "SET SESSION unique_checks=0; BEGIN", deadline, err) <
	    0)
		return -1;
	for (size_t i = 0; i < notes->n_tables; i++)
		if (db_exec(db, notes->tables[i].fill, deadline, err) < 0)
			return error_wrap(err, "fill '%s'",
					  notes->tables[i].name);
	return db_exec(db, "COMMIT; SET SESSION unique_checks=1", deadline,
		       err);
}

int maria_refill(struct db *db, const struct maria_notes *notes, bool with_rows,
		 const struct deadline *deadline, struct error *err)
{
	const struct maria_schema *s = &notes->schema;

	if (make_kind(db, s, MARIA_SEQUENCE, deadline, err) < 0 ||
	    make_kind(db, s, MARIA_TABLE, deadline, err) < 0 ||
	    (with_rows && fill_tables(db, notes, deadline, err) < 0) ||
	    make_kind(db, s, MARIA_ROUTINE, deadline, err) < 0 ||
	    make_views(db, s, deadline, err) < 0 ||
	    make_kind(db, s, MARIA_TRIGGER, deadline, err) < 0 ||
	    make_kind(db, s, MARIA_EVENT, deadline, err) < 0)
		return -1;
	return maria_session(db, deadline, err);
}

int maria_rebuild(struct db *db, const struct maria_notes *notes,
		  const char *database, bool with_rows,
		  const struct deadline *deadline, struct error *err)
{
	if (maria_session(db, deadline, err) < 0 ||
	    make_database(db, notes, database, deadline, err) < 0)
		return -1;
	return maria_refill(db, notes, with_rows, deadline, err);
}
