/* SPDX-License-Identifier: MIT */
/*
 * db_driver.h - what each of the three databases brings; for db*.c only.
 */
#ifndef SHOP_DB_DRIVER_H
#define SHOP_DB_DRIVER_H

#include "db.h"

struct db_driver {
	const char *name;
	const char *schemes[3]; /* "postgresql:", …, NULL */
	const char *begin;
	const char *for_update;
	enum db_status (*open)(struct db *db, const char *url);
	void (*close)(struct db *db);
	enum db_status (*run)(struct db *db, const char *sql,
			      const struct db_value *params, size_t n_params,
			      struct db_rows *ret);
};
extern const struct db_driver db_postgres, db_mariadb, db_sqlite;

struct db {
	const struct db_driver *driver;
	void *handle; /* PGconn, MYSQL, sqlite3 */
	char message[512];
};

/* How long a statement may wait for another's lock. */
enum {
	DB_LOCK_WAIT_S = 20
};

/* Keeps the text for db_message; returns status. */
enum db_status db_fail(struct db *db, enum db_status status, const char *text);

/* Memory for rows; ends the program when there is none. */
void *db_alloc(size_t n, size_t size);
void db_rows_shape(struct db_rows *rows, size_t n_rows, size_t n_cols);
/* The next cell in order. data NULL: null. */
void db_rows_set(struct db_rows *rows, size_t row, size_t col, const void *data,
		 size_t len);

/* %41 becomes A; a new string, the caller frees. */
char *db_percent_decode(const char *text, size_t len);

#endif
