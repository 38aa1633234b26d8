/* SPDX-License-Identifier: MIT */
/*
 * Many rows into one table: COPY where there is one, else inserts of many rows
 * each.
 */
#include "dialect/db.h"

#include "base/alloc.h"
#include "base/error.h"
#include "dialect/driver.h"

#include <string.h>

enum {
	BATCH_ROWS = 500,
	BATCH_BYTES = 512 * 1024,
	COPY_BYTES = 512 * 1024 * 1024
};

/* "audit.users": each part is quoted. */
static void put_table(const struct db *db, struct buf *b, const char *table)
{
	const char *dot = strchr(table, '.');
	auto_free char *schema =
	    dot ? xstrndup(table, (size_t)(dot - table)) : NULL;

	if (schema && *schema && dot[1]) {
		db_put_identifier(db->dialect, b, schema);
		buf_putc(b, '.');
		table = dot + 1;
	}
	db_put_identifier(db->dialect, b, table);
}

static void put_columns(const struct db *db, struct buf *b,
			const struct db_rows *rows)
{
	for (size_t i = 0; i < rows->n_columns; i++) {
		buf_puts(b, i ? ", " : " (");
		db_put_identifier(db->dialect, b, rows->columns[i]);
	}
	buf_puts(b, ")");
}

/* Postgres */

static void put_copy_text(struct buf *b, const char *value)
{
	if (!value) {
		buf_puts(b, "\\N");
		return;
	}
	for (; *value; value++) {
		switch (*value) {
		case '\\':
			buf_puts(b, "\\\\");
			break;
		case '\n':
			buf_puts(b, "\\n");
			break;
		case '\r':
			buf_puts(b, "\\r");
			break;
		case '\t':
			buf_puts(b, "\\t");
			break;
		default:
			buf_putc(b, *value);
		}
	}
}

static void put_copy_rows(struct buf *b, const struct db_rows *rows)
{
	size_t n = rows->n * rows->n_columns;

	for (size_t i = 0; i < n; i++) {
		put_copy_text(b, rows->values[i]);
		buf_putc(b, (i + 1) % rows->n_columns ? '\t' : '\n');
	}
}

/*
 * Rows that bring their own numbers leave a serial or identity column where it
 * was, and the next row that asks for one would get a number that is taken.
 */
static int advance_sequences(struct db *db, const struct db_rows *rows,
			     const struct deadline *d, struct error *err)
{
	auto_buf struct buf name = BUF_INIT;
	auto_buf struct buf sql = BUF_INIT;
	auto_free char *set = NULL;

	put_table(db, &name, rows->table);
	buf_puts(&sql, "SELECT string_agg(format('SELECT "
		       "pg_catalog.setval(%L, greatest(m, (SELECT last_value "
		       "FROM %s))) FROM (SELECT max(%I)::bigint AS m FROM %s) "
		       "AS q WHERE m IS NOT NULL', s, s, c, t), '; ') FROM "
		       "(SELECT c, t, pg_get_serial_sequence(t, c) AS s FROM "
		       "unnest(ARRAY[");
	for (size_t i = 0; i < rows->n_columns; i++) {
		buf_puts(&sql, i ? ", " : "");
		db_put_literal(DIALECT_POSTGRES, &sql, rows->columns[i]);
	}
	buf_puts(&sql, "]::text[]) AS c, (SELECT ");
	db_put_literal(DIALECT_POSTGRES, &sql, name.s);
	buf_puts(&sql, "::text AS t) AS t) AS x WHERE s IS NOT NULL");
	if (db_value(db, sql.s, d, &set, err) < 0)
		return -1;
	return set ? db_exec(db, set, d, err) : 0;
}

static int copy_rows(struct db *db, const struct db_rows *rows,
		     const struct deadline *d, size_t *ret_row,
		     struct error *err)
{
	auto_buf struct buf sql = BUF_INIT;
	auto_buf struct buf data = BUF_INIT_MAX(COPY_BYTES);
	struct sql_statement st = {0};
	struct sql_place place = {0};

	buf_puts(&sql, "COPY ");
	put_table(db, &sql, rows->table);
	put_columns(db, &sql, rows);
	buf_puts(&sql, " FROM stdin");
	put_copy_rows(&data, rows);
	if (data.full)
		return error_set(err, ERROR_DATABASE, "too many rows");
	st.sql = sql.s;
	st.len = sql.len;
	st.data = data.s;
	st.data_len = data.len;
	if (db->driver->statement(db, &st, d, &place, err) == 0)
		return advance_sequences(db, rows, d, err);
	if (place.in_data && place.line > 0 && place.line <= rows->n)
		*ret_row = place.line - 1;
	return -1;
}

/* The others */

static void put_row(const struct db *db, struct buf *b,
		    const struct db_rows *rows, size_t row)
{
	const char *const *v = rows->values + row * rows->n_columns;

	for (size_t i = 0; i < rows->n_columns; i++) {
		buf_puts(b, i ? ", " : "(");
		if (v[i])
			db_put_literal(db->dialect, b, v[i]);
		else
			buf_puts(b, "NULL");
	}
	buf_putc(b, ')');
}

/* Rows from `row` on in one statement, at most `most`; how many. */
static size_t put_insert(const struct db *db, struct buf *b,
			 const struct db_rows *rows, size_t row, size_t most)
{
	size_t n = 0;

	buf_puts(b, "INSERT INTO ");
	put_table(db, b, rows->table);
	put_columns(db, b, rows);
	buf_puts(b, " VALUES ");
	while (n < most && row + n < rows->n && b->len < BATCH_BYTES) {
		buf_puts(b, n ? ", " : "");
		put_row(db, b, rows, row + n++);
	}
	return n;
}

static int insert(struct db *db, const struct db_rows *rows, size_t row,
		  size_t most, const struct deadline *d, size_t *ret_n,
		  struct error *err)
{
	auto_buf struct buf sql = BUF_INIT_MAX(COPY_BYTES);

	*ret_n = put_insert(db, &sql, rows, row, most);
	return db_exec(db, sql.s, d, err);
}

/* A statement that failed left nothing: which of its rows it was is found out
 * one by one. */
static int find_row(struct db *db, const struct db_rows *rows, size_t row,
		    size_t n, const struct deadline *d, size_t *ret_row,
		    struct error *err)
{
	for (size_t i = row; i < row + n; i++) {
		auto_error struct error one = ERROR_INIT;
		size_t ignored;

		if (insert(db, rows, i, 1, d, &ignored, &one) == 0)
			continue;
		*ret_row = i;
		return error_move(err, &one);
	}
	return -1;
}

static int insert_all(struct db *db, const struct db_rows *rows,
		      const struct deadline *d, size_t *ret_row,
		      struct error *err)
{
	size_t n;

	for (size_t row = 0; row < rows->n; row += n) {
		auto_error struct error why = ERROR_INIT;

		if (insert(db, rows, row, BATCH_ROWS, d, &n, &why) == 0)
			continue;
		if (why.kind == ERROR_DATABASE)
			find_row(db, rows, row, n, d, ret_row, &why);
		return error_move(err, &why);
	}
	return 0;
}

/* Whether the table has these columns. SQLite takes an unknown one in a SELECT
 * for a text, so they are named as those of an INSERT. */
static int insert_none(struct db *db, const struct db_rows *rows,
		       const struct deadline *d, struct error *err)
{
	auto_buf struct buf sql = BUF_INIT;

	buf_puts(&sql, "INSERT INTO ");
	put_table(db, &sql, rows->table);
	put_columns(db, &sql, rows);
	for (size_t i = 0; i < rows->n_columns; i++)
		buf_puts(&sql, i ? ", NULL" : " SELECT NULL");
	buf_puts(&sql, " FROM (SELECT 1 AS x) AS one WHERE 1 = 0");
	return db_exec(db, sql.s, d, err);
}

static int insert_rows(struct db *db, const struct db_rows *rows,
		       const struct deadline *d, size_t *ret_row,
		       struct error *err)
{
	auto_error struct error why = ERROR_INIT;
	auto_error struct error ignored = ERROR_INIT;

	if (db_exec(db, "BEGIN", d, err) < 0)
		return -1;
	if (insert_all(db, rows, d, ret_row, &why) == 0)
		return db_exec(db, "COMMIT", d, err);
	if (why.kind == ERROR_DATABASE)
		db_exec(db, "ROLLBACK", d, &ignored);
	return error_move(err, &why);
}

int db_insert_rows(struct db *db, const struct db_rows *rows,
		   const struct deadline *deadline, size_t *ret_row,
		   struct error *err)
{
	*ret_row = rows->n;
	if (db->used_by_script && db->driver->reset(db, deadline, err) < 0)
		return -1;
	db->used_by_script = true;
	if (db->dialect == DIALECT_POSTGRES)
		return copy_rows(db, rows, deadline, ret_row, err);
	if (!rows->n)
		return insert_none(db, rows, deadline, err);
	return insert_rows(db, rows, deadline, ret_row, err);
}
