/* SPDX-License-Identifier: MIT */
/*
 * What a SQLite file holds: its schema as it was written, the settings that are
 * in the file, and the rows of each table. What the planner has gathered
 * (sqlite_stat1 …) is not looked at.
 */
#include "dialect/state_private.h"

#include "base/alloc.h"
#include "base/error.h"
#include "dialect/db.h"
#include "dialect/sqlite_handle.h"

#include <stdint.h>

static const char schema[] =
    "SELECT group_concat(CASE WHEN name = 'sqlite_sequence' THEN 'sequence' "
    "ELSE type END || char(9) || replace(replace(replace(name, '\\', '\\\\'),"
    "char(9), '\\t'), char(10), '\\n') || char(9) || char(9) || "
    "replace(replace(replace(coalesce(sql, ''), '\\', '\\\\'), char(9), '\\t'),"
    "char(10), '\\n'), char(10)) FROM sqlite_schema "
    "WHERE name NOT LIKE 'sqlite\\_stat%' ESCAPE '\\'";

/* Of a virtual table, the tables in which it keeps its rows are looked at. */
static const char tables[] =
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE "
    "'sqlite\\_stat%' ESCAPE '\\' AND (sql IS NULL OR upper(sql) NOT LIKE "
    "'CREATE VIRTUAL%') ORDER BY name";

static void cleanup_stmt(sqlite3_stmt **stmt)
{
	sqlite3_finalize(*stmt);
}
#define auto_stmt __attribute__((cleanup(cleanup_stmt)))

/* FNV-1a, 64 bits. */
static uint64_t hash(uint64_t h, const void *data, size_t len)
{
	const unsigned char *p = data;

	while (len--)
		h = (h ^ *p++) * 0x100000001b3ULL;
	return h;
}

static uint64_t hash_row(sqlite3_stmt *stmt)
{
	uint64_t h = 0xcbf29ce484222325ULL;

	for (int i = 0; i < sqlite3_column_count(stmt); i++) {
		int type = sqlite3_column_type(stmt, i);
		double real = sqlite3_column_double(stmt, i);
		const void *value =
		    type == SQLITE_FLOAT ? &real : sqlite3_column_blob(stmt, i);
		int len = type == SQLITE_FLOAT ? (int)sizeof(real)
					       : sqlite3_column_bytes(stmt, i);

		h = hash(h, &type, sizeof(type));
		h = hash(h, &len, sizeof(len));
		h = hash(h, value, value ? (size_t)len : 0);
	}
	return h;
}

static void put_escaped(struct buf *b, const char *s)
{
	for (; *s; s++) {
		if (*s == '\\' || *s == '\t' || *s == '\n')
			buf_putc(b, '\\');
		buf_putc(b, *s == '\t' ? 't' : *s == '\n' ? 'n' : *s);
	}
}

/* Without what is worked out when it is read: by functions, perhaps, that only
 * the application has. */
static int ask_rows(struct db *db, const char *table,
		    const struct deadline *deadline, struct buf *ret,
		    struct error *err)
{
	auto_buf struct buf ask = BUF_INIT;
	auto_free char *columns = NULL;

	buf_puts(&ask,
		 "SELECT group_concat('\"' || replace(name, '\"', '\"\"') "
		 "|| '\"') FROM pragma_table_xinfo(");
	db_put_literal(DIALECT_SQLITE, &ask, table);
	buf_puts(&ask, ") WHERE hidden <> 2");
	if (db_value(db, ask.s, deadline, &columns, err) < 0)
		return -1;
	buf_printf(ret, "SELECT %s FROM ", columns ? columns : "*");
	db_put_identifier(DIALECT_SQLITE, ret, table);
	return 0;
}

/* The sum does not depend on the order in which the rows are found. */
static int add_rows(struct db *db, const char *table,
		    const struct deadline *deadline, struct buf *ret,
		    struct error *err)
{
	sqlite3 *handle = sqlite_handle(db);
	auto_stmt sqlite3_stmt *stmt = NULL;
	auto_buf struct buf sql = BUF_INIT;
	uint64_t sum = 0;
	long long n = 0;
	int rc;

	if (ask_rows(db, table, deadline, &sql, err) < 0)
		return -1;
	rc = sqlite3_prepare_v2(handle, sql.s, -1, &stmt, NULL);
	if (rc != SQLITE_OK)
		return sqlite_error(handle, rc, err);
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		sum += hash_row(stmt);
		if (++n % 4096 == 0 &&
		    deadline_check(deadline, "reading the rows", err) < 0)
			return -1;
	}
	if (rc != SQLITE_DONE)
		return sqlite_error(handle, rc, err);
	buf_puts(ret, "rows\t");
	put_escaped(ret, table);
	buf_printf(ret, "\t%lld\t%016llx\n", n, (unsigned long long)sum);
	return 0;
}

static int add_settings(struct db *db, const struct deadline *deadline,
			struct buf *ret, struct error *err)
{
	static const char *const names[] = {"page_size", "application_id",
					    "user_version", "encoding",
					    "auto_vacuum"};

	for (size_t i = 0; i < array_len(names); i++) {
		auto_free char *ask = xasprintf("PRAGMA %s", names[i]);
		auto_free char *value = NULL;

		if (db_value(db, ask, deadline, &value, err) < 0)
			return -1;
		buf_printf(ret, "setting\t%s\t\t%s\n", names[i],
			   value ? value : "");
	}
	return 0;
}

/* As the file has it: what a connection says may be only its own. */
static void add_journal_mode(sqlite3 *handle, struct buf *ret)
{
	const char *path = sqlite3_db_filename(handle, "main");

	buf_printf(ret, "setting\tjournal_mode\t\t%s\n",
		   path && sqlite_file_is_wal(path) ? "wal" : "delete");
}

int sqlite_state(struct db *db, const struct deadline *deadline,
		 struct buf *ret, struct error *err)
{
	sqlite3 *handle = sqlite_handle(db);
	auto_stmt sqlite3_stmt *stmt = NULL;
	int rc;

	/* its owner may be about to write */
	if (db_exec(db, "PRAGMA busy_timeout = 5000", deadline, err) < 0 ||
	    add_settings(db, deadline, ret, err) < 0 ||
	    state_add(db, schema, deadline, ret, err) < 0)
		return -1;
	add_journal_mode(handle, ret);
	rc = sqlite3_prepare_v2(handle, tables, -1, &stmt, NULL);
	if (rc != SQLITE_OK)
		return sqlite_error(handle, rc, err);
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW)
		if (add_rows(db, (const char *)sqlite3_column_text(stmt, 0),
			     deadline, ret, err) < 0)
			return -1;
	return rc == SQLITE_DONE ? 0 : sqlite_error(handle, rc, err);
}
