/* SPDX-License-Identifier: MIT */
/*
 * SQLite's own check of a file. A schema may name functions and collations that
 * only the application defines (Django's REGEXP in a CHECK); SQLite then checks
 * nothing at all, so that each table is tried alone.
 */
#include "dialect/sqlite_handle.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/log.h"
#include "dialect/db.h"

#include <string.h>

static bool is_of_application(const struct error *err)
{
	static const char *const texts[] = {
	    "unknown function: ", "no such function: ",
	    "no such collation sequence: ", "no such module: "};

	for (size_t i = 0; i < array_len(texts); i++)
		if (strstr(error_text(err), texts[i]))
			return true;
	return false;
}

/* 1; 0: it cannot be told, the application would have to; -1: damaged. */
static int check(struct db *db, const char *pragma,
		 const struct deadline *deadline, struct error *err)
{
	auto_free char *verdict = NULL;
	auto_error struct error why = ERROR_INIT;

	if (db_value(db, pragma, deadline, &verdict, &why) < 0) {
		if (!is_of_application(&why))
			return error_move(err, &why);
		log_debug("%s: %s", pragma, error_text(&why));
		return 0;
	}
	if (verdict && !strcmp(verdict, "ok"))
		return 1;
	return error_set(err, ERROR_DATABASE, "%s",
			 verdict ? verdict : "no answer");
}

static int check_tables(struct db *db, const struct deadline *deadline,
			struct error *err)
{
	sqlite3 *handle = sqlite_handle(db);
	sqlite3_stmt *stmt = NULL;
	int result = 0;
	int rc = sqlite3_prepare_v2(
	    handle, "SELECT name FROM sqlite_schema WHERE type = 'table'", -1,
	    &stmt, NULL);

	while (rc == SQLITE_OK && result >= 0 &&
	       sqlite3_step(stmt) == SQLITE_ROW) {
		auto_buf struct buf sql = BUF_INIT;

		buf_puts(&sql, "PRAGMA integrity_check(");
		db_put_literal(DIALECT_SQLITE, &sql,
			       (const char *)sqlite3_column_text(stmt, 0));
		buf_putc(&sql, ')');
		result = check(db, sql.s, deadline, err);
	}
	rc = sqlite3_finalize(stmt);
	if (result >= 0 && rc != SQLITE_OK)
		return sqlite_error(handle, rc, err);
	return result < 0 ? -1 : 0;
}

int sqlite_check(struct db *db, const struct deadline *deadline,
		 struct error *err)
{
	int result = check(db, "PRAGMA integrity_check(1)", deadline, err);

	if (result == 0)
		return check_tables(db, deadline, err);
	return result < 0 ? -1 : 0;
}
