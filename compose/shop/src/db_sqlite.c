/* SPDX-License-Identifier: MIT */
#include "db_driver.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

static enum db_status status_of(sqlite3 *handle)
{
	switch (sqlite3_extended_errcode(handle)) {
	case SQLITE_CONSTRAINT_UNIQUE:
	case SQLITE_CONSTRAINT_PRIMARYKEY:
	case SQLITE_CONSTRAINT_ROWID:
		return DB_UNIQUE;
	case SQLITE_CONSTRAINT_FOREIGNKEY:
		return DB_FOREIGN_KEY;
	case SQLITE_CONSTRAINT_CHECK:
		return DB_CHECK;
	case SQLITE_CONSTRAINT_NOTNULL:
		return DB_NOT_NULL;
	case SQLITE_CONSTRAINT_TRIGGER:
		return DB_REFUSED;
	default:
		break;
	}
	switch (sqlite3_errcode(handle) & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return DB_BUSY;
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN:
		return DB_LOST;
	default:
		return DB_ERROR;
	}
}

static enum db_status failed(struct db *db)
{
	return db_fail(db, status_of(db->handle), sqlite3_errmsg(db->handle));
}

static enum db_status sqlite_open(struct db *db, const char *url)
{
	static const char *const pragmas =
	    "pragma foreign_keys = on; pragma journal_mode = wal;"
	    "pragma synchronous = normal";
	const char *path = url + strlen("sqlite:");
	sqlite3 *handle = NULL;
	char *decoded;
	int rc;

	/* sqlite:////abs is an empty host and the path /abs */
	if (!strncmp(path, "//", 2))
		path = strchr(path + 2, '/');
	if (!path || !path[1])
		return db_fail(db, DB_ERROR, "the URL names no file");
	decoded = db_percent_decode(path + 1, strcspn(path + 1, "?"));
	/* without CREATE: a wrong path is an error, not an empty shop */
	rc = sqlite3_open_v2(decoded, &handle, SQLITE_OPEN_READWRITE, NULL);
	free(decoded);
	db->handle = handle;
	if (rc != SQLITE_OK)
		return handle ? failed(db) : db_fail(db, DB_ERROR, "no memory");
	sqlite3_extended_result_codes(handle, 1);
	sqlite3_busy_timeout(handle, DB_LOCK_WAIT_S * 1000);
	if (sqlite3_exec(handle, pragmas, NULL, NULL, NULL) != SQLITE_OK)
		return failed(db);
	return DB_OK;
}

static void sqlite_close(struct db *db)
{
	sqlite3_close_v2(db->handle);
}

static int bind(sqlite3_stmt *stmt, int at, const struct db_value *v)
{
	switch (v->type) {
	case DB_TYPE_INT:
		return sqlite3_bind_int64(stmt, at, v->number);
	case DB_TYPE_TEXT:
		return sqlite3_bind_text64(stmt, at, v->data, v->len,
					   SQLITE_STATIC, SQLITE_UTF8);
	case DB_TYPE_BLOB:
		if (v->len == 0)
			return sqlite3_bind_zeroblob(stmt, at, 0);
		return sqlite3_bind_blob64(stmt, at, v->data, v->len,
					   SQLITE_STATIC);
	case DB_TYPE_NULL:
	default:
		return sqlite3_bind_null(stmt, at);
	}
}

static void add_row(sqlite3_stmt *stmt, struct db_rows *rows, size_t *cap)
{
	size_t col, row = rows->n_rows;

	if (row == *cap) {
		struct db_rows bigger;

		*cap = *cap ? *cap * 2 : 16;
		db_rows_shape(&bigger, *cap, rows->n_cols);
		if (row)
			memcpy(bigger.cells, rows->cells,
			       row * rows->n_cols * sizeof(*rows->cells));
		free(rows->cells);
		rows->cells = bigger.cells;
	}
	for (col = 0; col < rows->n_cols; col++) {
		const void *data = sqlite3_column_blob(stmt, (int)col);
		int len = sqlite3_column_bytes(stmt, (int)col);

		/* an empty blob has no address either */
		if (!data && sqlite3_column_type(stmt, (int)col) != SQLITE_NULL)
			data = "";
		db_rows_set(rows, row, col, data, (size_t)len);
	}
	rows->n_rows++;
}

static enum db_status sqlite_run(struct db *db, const char *sql,
				 const struct db_value *params, size_t n_params,
				 struct db_rows *ret)
{
	enum db_status status = DB_OK;
	sqlite3_stmt *stmt = NULL;
	size_t i, cap = 0;
	int rc;

	if (sqlite3_prepare_v2(db->handle, sql, -1, &stmt, NULL) != SQLITE_OK)
		return failed(db);
	for (i = 0; i < n_params; i++)
		if (bind(stmt, (int)i + 1, &params[i]) != SQLITE_OK)
			status = failed(db);
	ret->n_cols = (size_t)sqlite3_column_count(stmt);
	rc = status == DB_OK ? sqlite3_step(stmt) : SQLITE_DONE;
	for (; rc == SQLITE_ROW; rc = sqlite3_step(stmt))
		add_row(stmt, ret, &cap);
	if (rc != SQLITE_DONE)
		status = failed(db);
	sqlite3_finalize(stmt);
	return status;
}

const struct db_driver db_sqlite = {
    .name = "sqlite",
    .schemes = {"sqlite:", "sqlite3:"},
    .begin = "begin immediate",
    .for_update = "",
    .open = sqlite_open,
    .close = sqlite_close,
    .run = sqlite_run,
};
