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

static void separate(struct buf *sql)
{
	if (sql->len)
		buf_puts(sql, "; ");
}

static int run(struct db *db, const struct buf *sql,
	       const struct deadline *deadline, struct error *err)
{
	return sql->len ? db_exec(db, sql->s, deadline, err) : 0;
}

/* "CHECKSUM TABLE a, testenv_original.a, …" of the tables wanted. */
static void put_checksums(struct buf *sql, const struct maria_notes *notes,
			  const char *database, bool all)
{
	size_t from = sql->len;

	for (size_t i = 0; i < notes->n_tables; i++) {
		const struct maria_table *t = &notes->tables[i];

		if (t->sequence || (!t->checked && !all))
			continue;
		buf_puts(sql, sql->len == from ? "CHECKSUM TABLE " : ", ");
		name(sql, database);
		buf_putc(sql, '.');
		name(sql, t->name);
		buf_puts(sql, ", ");
		name(sql, maria_notes_original(notes));
		buf_putc(sql, '.');
		name(sql, t->name);
	}
}

/* Rows of one statement come in pairs, ours and the original's, for each table
 * that put_checksums took. */
static bool take_checksum(const struct maria_notes *notes, bool all,
			  const struct maria_answer *answer, size_t *row,
			  size_t table)
{
	const struct maria_table *t = &notes->tables[table];
	const char *a, *b;

	if (t->sequence || (!t->checked && !all))
		return true;
	if (*row + 1 >= answer->n)
		return false;
	a = answer->rows[*row].v[1];
	b = answer->rows[*row + 1].v[1];
	*row += 2;
	return a && b && !strcmp(a, b);
}

static int same_sequence(struct db *db, const struct maria_notes *notes,
			 const char *database, const char *sequence,
			 const struct deadline *deadline, struct error *err)
{
	auto_buf struct buf sql = BUF_INIT;
	auto_free char *n = NULL;

	buf_puts(&sql, "SELECT COUNT(*) FROM (SELECT * FROM ");
	name(&sql, database);
	buf_putc(&sql, '.');
	name(&sql, sequence);
	buf_puts(&sql, " UNION SELECT * FROM ");
	name(&sql, maria_notes_original(notes));
	buf_putc(&sql, '.');
	name(&sql, sequence);
	buf_puts(&sql, ") x");
	if (db_value(db, sql.s, deadline, &n, err) < 0)
		return -1;
	return n && !strcmp(n, "1");
}

/* Marks in `differs` each table whose rows are not the original's. */
static int compare_rows(struct db *db, const struct maria_notes *notes,
			const char *database, bool all, bool *differs,
			const struct deadline *deadline, struct error *err)
{
	auto_maria_answer struct maria_answer answer = {NULL, 0};
	auto_buf struct buf sql = BUF_INIT;
	size_t row = 0;

	put_checksums(&sql, notes, database, all);
	if (sql.len && maria_ask(db, sql.s, deadline, &answer, err) < 0)
		return -1;
	for (size_t i = 0; i < notes->n_tables; i++) {
		const struct maria_table *t = &notes->tables[i];
		int same = take_checksum(notes, all, &answer, &row, i);

		if (t->sequence)
			same = same_sequence(db, notes, database, t->name,
					     deadline, err);
		if (same < 0)
			return -1;
		differs[i] = !same;
	}
	return 0;
}

int maria_plan_compare(struct db *db, const struct maria_notes *notes,
		       const char *database, const struct deadline *deadline,
		       struct maria_plan *plan, struct error *err)
{
	auto_free bool *differs = xcalloc(notes->n_tables + 1, sizeof(bool));

	if (compare_rows(db, notes, database, false, differs, deadline, err) <
	    0)
		return -1;
	for (size_t i = 0; i < notes->n_tables; i++)
		if (differs[i])
			maria_plan_touch(notes, plan, i);
	return 0;
}

static int compare_schema(struct db *db, const struct maria_notes *notes,
			  const char *database, const struct deadline *deadline,
			  struct maria_schema *ret_now,
			  struct buf *ret_difference, struct error *err)
{
	if (maria_session(db, deadline, err) < 0 ||
	    maria_schema_list(db, database, notes->plain, deadline, ret_now,
			      err) < 0 ||
	    maria_schema_define(db, ret_now, deadline, err) < 0)
		return -1;
	return maria_schema_equal(&notes->schema, ret_now, ret_difference);
}

int maria_compare_schema(struct db *db, const struct maria_notes *notes,
			 const char *database, const struct deadline *deadline,
			 struct buf *ret_difference, struct error *err)
{
	auto_maria_schema struct maria_schema now = {0};

	return compare_schema(db, notes, database, deadline, &now,
			      ret_difference, err);
}

/* 1: the table's rows are the original's, and its counter. */
static bool report_table(const struct maria_table *t,
			 const struct maria_schema *now, bool differs,
			 struct buf *ret_difference)
{
	const struct maria_object *o =
	    maria_schema_find(now, MARIA_TABLE, t->name);

	if (!differs && (!o || !strcmp(o->auto_increment, t->auto_increment)))
		return true;
	if (ret_difference && differs)
		buf_printf(ret_difference, "rows of '%s' differ\n", t->name);
	else if (ret_difference)
		buf_printf(ret_difference,
			   "AUTO_INCREMENT of '%s' is %s, not %s\n", t->name,
			   o->auto_increment, t->auto_increment);
	return false;
}

int maria_compare(struct db *db, const struct maria_notes *notes,
		  const char *database, const struct deadline *deadline,
		  struct buf *ret_difference, struct error *err)
{
	auto_maria_schema struct maria_schema now = {0};
	auto_free bool *differs = xcalloc(notes->n_tables + 1, sizeof(bool));
	int equal = compare_schema(db, notes, database, deadline, &now,
				   ret_difference, err);

	if (equal != 1)
		return equal;
	if (compare_rows(db, notes, database, true, differs, deadline, err) < 0)
		return -1;
	for (size_t i = 0; i < notes->n_tables; i++)
		if (!report_table(&notes->tables[i], &now, differs[i],
				  ret_difference))
			equal = 0;
	return equal && db_exec(db, "USE information_schema", deadline, err) < 0
		   ? -1
		   : equal;
}

static int drop_extra(struct db *db, const struct maria_plan *plan,
		      const struct maria_schema *schema,
		      const struct deadline *deadline, struct error *err)
{
	auto_buf struct buf sql = BUF_INIT;

	for (size_t i = 0; i < plan->n_extra; i++) {
		const struct maria_object *o = &schema->v[plan->extra[i]];

		separate(&sql);
		buf_puts(&sql,
			 o->kind == MARIA_VIEW ? "DROP VIEW " : "DROP TABLE ");
		name(&sql, o->name);
	}
	return run(db, &sql, deadline, err);
}

/*
 * Triggers of the tables whose rows go back would fire on it, and nothing but
 * dropping them keeps them from it. If we die in between, their being away is
 * a changed definition.
 */
static int set_triggers(struct db *db, const struct maria_notes *notes,
			const struct maria_plan *plan, bool on,
			const struct deadline *deadline, struct error *err)
{
	auto_buf struct buf sql = BUF_INIT;
	bool any = false;

	for (size_t i = 0; i < notes->schema.n; i++) {
		const struct maria_object *o = &notes->schema.v[i];
		size_t t;

		if (o->kind != MARIA_TRIGGER)
			continue;
		t = maria_notes_table(notes, o->on);
		if (t == notes->n_tables || !(plan->deeds[t] & MARIA_ROWS))
			continue;
		separate(&sql);
		any = true;
		if (on) {
			maria_put_definition(o, &sql);
		} else {
			buf_puts(&sql, "DROP TRIGGER ");
			name(&sql, o->name);
		}
	}
	if (run(db, &sql, deadline, err) < 0)
		return -1;
	return any && on ? maria_session(db, deadline, err) : 0;
}

static int put_rows(struct db *db, const struct maria_notes *notes,
		    const struct maria_plan *plan,
		    const struct deadline *deadline, struct error *err)
{
	auto_buf struct buf sql = BUF_INIT;

	buf_puts(&sql, "BEGIN");
	for (size_t i = 0; i < notes->n_tables; i++) {
		const struct maria_table *t = &notes->tables[i];

		if (!(plan->deeds[i] & MARIA_ROWS))
			continue;
		if (*t->empty)
			buf_printf(&sql, "; %s", t->empty);
		buf_printf(&sql, "; %s", t->put);
	}
	buf_puts(&sql, "; COMMIT");
	return db_exec(db, sql.s, deadline, err);
}

/*
 * Rows put back have numbers below the counter, and leave it where it is: it
 * has to be set only where it had moved. But a table of another engine that is
 * emptied begins anew.
 */
static bool counter_moved(const struct maria_table *t, unsigned deeds,
			  const struct maria_schema *before)
{
	const struct maria_object *o =
	    maria_schema_find(before, MARIA_TABLE, t->name);

	if (!deeds || !*t->auto_increment)
		return false;
	return t->checked || !o ||
	       strcmp(t->auto_increment, o->auto_increment) != 0;
}

static int set_counters(struct maria_clones *c, struct db *db,
			const struct maria_plan *plan,
			const struct maria_schema *before,
			const struct deadline *deadline, struct error *err)
{
	auto_buf struct buf sql = BUF_INIT;
	long long alters = 0;
	int result;

	for (size_t i = 0; i < c->notes.n_tables; i++) {
		const struct maria_table *t = &c->notes.tables[i];

		if (!counter_moved(t, plan->deeds[i], before))
			continue;
		separate(&sql);
		buf_puts(&sql, "ALTER TABLE ");
		name(&sql, t->name);
		buf_printf(&sql, " AUTO_INCREMENT=%s", t->auto_increment);
		alters++;
	}
	if (!alters)
		return 0;
	pthread_mutex_lock(&c->alter_mutex);
	c->own_alters += alters;
	result = db_exec(db, sql.s, deadline, err);
	pthread_mutex_unlock(&c->alter_mutex);
	return result;
}

int maria_put_back(struct maria_clones *c, struct db *db,
		   const struct maria_plan *plan,
		   const struct maria_schema *schema,
		   const struct deadline *deadline, struct error *err)
{
	if (drop_extra(db, plan, schema, deadline, err) < 0 ||
	    set_triggers(db, &c->notes, plan, false, deadline, err) < 0 ||
	    put_rows(db, &c->notes, plan, deadline, err) < 0 ||
	    set_triggers(db, &c->notes, plan, true, deadline, err) < 0)
		return -1;
	return set_counters(c, db, plan, schema, deadline, err);
}
