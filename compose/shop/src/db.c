/* SPDX-License-Identifier: MIT */
#include "db.h"

#include "db_driver.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct db_driver *const drivers[] = {&db_postgres, &db_mariadb,
						  &db_sqlite};

const char *db_status_name(enum db_status status)
{
	static const char *const names[] = {"ok",    "unique",   "foreign key",
					    "check", "not null", "refused",
					    "busy",  "lost",     "error"};

	return names[status];
}

struct db_value db_int(int64_t number)
{
	return (struct db_value){DB_TYPE_INT, number, NULL, 0};
}

struct db_value db_text(const char *text)
{
	if (!text)
		return db_null();
	return (struct db_value){DB_TYPE_TEXT, 0, text, strlen(text)};
}

struct db_value db_blob(const void *data, size_t len)
{
	return (struct db_value){DB_TYPE_BLOB, 0, data, len};
}

struct db_value db_null(void)
{
	return (struct db_value){DB_TYPE_NULL, 0, NULL, 0};
}

void *db_alloc(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size ? size : 1);

	if (!p) {
		fputs("shop: out of memory\n", stderr);
		abort();
	}
	return p;
}

void db_rows_shape(struct db_rows *rows, size_t n_rows, size_t n_cols)
{
	rows->cells = db_alloc(n_rows * n_cols, sizeof(*rows->cells));
	rows->n_rows = n_rows;
	rows->n_cols = n_cols;
}

void db_rows_set(struct db_rows *rows, size_t row, size_t col, const void *data,
		 size_t len)
{
	struct db_cell *cell = &rows->cells[row * rows->n_cols + col];

	if (!data)
		return;
	cell->data = db_alloc(len + 1, 1);
	cell->len = len;
	memcpy(cell->data, data, len);
}

void db_rows_free(struct db_rows *rows)
{
	size_t i;

	for (i = 0; i < rows->n_rows * rows->n_cols; i++)
		free(rows->cells[i].data);
	free(rows->cells);
	memset(rows, 0, sizeof(*rows));
}

const struct db_cell *db_rows_cell(const struct db_rows *rows, size_t row,
				   size_t col)
{
	assert(row < rows->n_rows && col < rows->n_cols);
	return &rows->cells[row * rows->n_cols + col];
}

int64_t db_rows_int(const struct db_rows *rows, size_t row, size_t col)
{
	const struct db_cell *cell = db_rows_cell(rows, row, col);

	return cell->data ? strtoll(cell->data, NULL, 10) : 0;
}

static int hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c ? strchr(digits, c | 0x20) : NULL;

	return at ? (int)(at - digits) : -1;
}

char *db_percent_decode(const char *text, size_t len)
{
	char *out = db_alloc(len + 1, 1);
	size_t i, n = 0;

	for (i = 0; i < len; i++) {
		int high = -1, low = -1;

		if (text[i] == '%' && i + 2 < len) {
			high = hex_digit(text[i + 1]);
			low = hex_digit(text[i + 2]);
		}
		if (high < 0 || low < 0) {
			out[n++] = text[i];
			continue;
		}
		out[n++] = (char)(high * 16 + low);
		i += 2;
	}
	return out;
}

enum db_status db_fail(struct db *db, enum db_status status, const char *text)
{
	snprintf(db->message, sizeof(db->message), "%s", text ? text : "");
	return status;
}

static const struct db_driver *driver_for(const char *url)
{
	size_t i, k;

	for (i = 0; i < sizeof(drivers) / sizeof(*drivers); i++)
		for (k = 0; drivers[i]->schemes[k]; k++)
			if (!strncmp(url, drivers[i]->schemes[k],
				     strlen(drivers[i]->schemes[k])))
				return drivers[i];
	return NULL;
}

enum db_status db_open(const char *url, struct db **ret)
{
	const struct db_driver *driver = driver_for(url);
	enum db_status status;
	struct db *db;

	*ret = NULL;
	if (!driver) {
		/* not the whole: there is a password in it */
		fprintf(stderr, "shop: no database is called '%.*s'\n",
			(int)strcspn(url, ":"), url);
		return DB_ERROR;
	}
	db = db_alloc(1, sizeof(*db));
	db->driver = driver;
	status = driver->open(db, url);
	if (status != DB_OK) {
		fprintf(stderr, "shop: cannot open the %s database: %s\n",
			driver->name, db->message);
		db_close(db);
		return status;
	}
	*ret = db;
	return DB_OK;
}

void db_close(struct db *db)
{
	if (!db)
		return;
	if (db->handle)
		db->driver->close(db);
	free(db);
}

void db_cleanup(struct db **db)
{
	db_close(*db);
}

const char *db_name(const struct db *db)
{
	return db->driver->name;
}

const char *db_message(const struct db *db)
{
	return db->message;
}

enum db_status db_run(struct db *db, const char *sql,
		      const struct db_value *params, size_t n_params,
		      struct db_rows *ret)
{
	struct db_rows rows = DB_ROWS_INIT;
	enum db_status status;

	status = db->driver->run(db, sql, params, n_params, &rows);
	if (status == DB_OK && ret)
		*ret = rows;
	else
		db_rows_free(&rows);
	return status;
}

enum db_status db_begin(struct db *db)
{
	return db_run(db, db->driver->begin, NULL, 0, NULL);
}

enum db_status db_commit(struct db *db)
{
	return db_run(db, "commit", NULL, 0, NULL);
}

void db_rollback(struct db *db)
{
	char message[sizeof(db->message)];

	/* what db_message says is why there is something to roll back */
	memcpy(message, db->message, sizeof(message));
	db_run(db, "rollback", NULL, 0, NULL);
	memcpy(db->message, message, sizeof(message));
}

const char *db_for_update(const struct db *db)
{
	return db->driver->for_update;
}
