/* SPDX-License-Identifier: MIT */
/*
 * db.h - one connection, whichever database DATABASE_URL leads to.
 *
 * SQL is written once, with ? for parameters; what the three databases do not
 * share (row locks, how a writing transaction begins) is asked for here. A
 * failure is a class that means the same everywhere, and the server's own words
 * in db_message(). A connection belongs to one thread.
 */
#ifndef SHOP_DB_H
#define SHOP_DB_H

#include <stddef.h>
#include <stdint.h>

struct db;

enum db_status {
	DB_OK,
	DB_UNIQUE,      /* a UNIQUE constraint or primary key */
	DB_FOREIGN_KEY, /* no such parent, or children still there */
	DB_CHECK,
	DB_NOT_NULL,
	DB_REFUSED, /* a trigger said no */
	DB_BUSY,    /* deadlock or lock not had in time: try again */
	DB_LOST,    /* the connection */
	DB_ERROR
};
const char *db_status_name(enum db_status status);

enum db_type {
	DB_TYPE_NULL,
	DB_TYPE_INT,
	DB_TYPE_TEXT,
	DB_TYPE_BLOB
};

/* A parameter; data is borrowed for the length of the call. */
struct db_value {
	enum db_type type;
	int64_t number;
	const void *data;
	size_t len;
};
struct db_value db_int(int64_t number);
struct db_value db_text(const char *text); /* NULL: null */
struct db_value db_blob(const void *data, size_t len);
struct db_value db_null(void);

/* An answer, whole; each cell ends in a NUL that len does not count. */
struct db_cell {
	char *data; /* NULL: null */
	size_t len;
};
struct db_rows {
	struct db_cell *cells; /* row by row */
	size_t n_rows, n_cols;
};
#define DB_ROWS_INIT    \
	{               \
		0, 0, 0 \
	}
void db_rows_free(struct db_rows *rows);
#define auto_rows __attribute__((cleanup(db_rows_free)))
/* 0 for null; row and column must be there. */
int64_t db_rows_int(const struct db_rows *rows, size_t row, size_t col);
const struct db_cell *db_rows_cell(const struct db_rows *rows, size_t row,
				   size_t col);

/*
 * postgresql://, mysql://, mariadb:// or sqlite:///PATH. On failure *ret is
 * NULL, and why is on stderr: there is no connection to ask.
 */
enum db_status db_open(const char *url, struct db **ret);
void db_close(struct db *db);
void db_cleanup(struct db **db);
#define auto_db __attribute__((cleanup(db_cleanup)))

/* "postgres", "mariadb" or "sqlite". */
const char *db_name(const struct db *db);
/* What the server said to the last failure. */
const char *db_message(const struct db *db);

/* Runs one statement. ret (which may be NULL) is written on success only. */
enum db_status db_run(struct db *db, const char *sql,
		      const struct db_value *params, size_t n_params,
		      struct db_rows *ret);
/* DB_RUN(db, &rows, "select ? from t where id = ?", db_int(1), db_int(2)) */
#define DB_RUN(db, ret, sql, ...)                               \
	db_run(db, sql, (const struct db_value[]){__VA_ARGS__}, \
	       sizeof((const struct db_value[]){__VA_ARGS__}) / \
		   sizeof(struct db_value),                     \
	       ret)

/* A transaction that will write. SQLite takes its one write lock at once: a
 * transaction that reads first and writes later cannot always be let through
 * and would fail without waiting. */
enum db_status db_begin(struct db *db);
enum db_status db_commit(struct db *db);
/* Never fails: a connection that cannot roll back is lost anyway. */
void db_rollback(struct db *db);
/* " for update", or "" where db_begin has locked all there is. */
const char *db_for_update(const struct db *db);

#endif
