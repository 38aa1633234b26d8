/* SPDX-License-Identifier: MIT */
/*
 * dialect/db.h - one connection to a database, whichever it speaks.
 *
 * Connecting, queries and scripts never block past their deadline: the network
 * dialects are driven through their non-blocking interfaces. A connection
 * belongs to one thread at a time. Foreign errors are translated here: SQL and
 * connection errors are ERROR_DATABASE with the server's own message.
 */
#ifndef DIALECT_DB_H
#define DIALECT_DB_H

#include "base/buf.h"
#include "base/clock.h"
#include "dialect/address.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct db;
struct db_state;
struct error;

int db_connect(const struct db_address *address,
	       const struct deadline *deadline, struct db **ret,
	       struct error *err);
/* Another connection to the same server as the same user, to `database`: an
 * administrator's look at it, in which nothing of the database's own runs
 * (event triggers of a login). Not for sqlite. */
int db_connect_beside(struct db *db, const char *database,
		      const struct deadline *deadline, struct db **ret,
		      struct error *err);
/* What `database` holds (dialect/state.h), by such a connection. */
int db_read_beside(struct db *db, const char *database,
		   const struct deadline *deadline, struct db_state *ret,
		   struct error *err);
void db_close(struct db *db);
void cleanup_db(struct db **db);
#define auto_db __attribute__((cleanup(cleanup_db)))

/* Runs one or more statements, results thrown away. */
int db_exec(struct db *db, const char *sql, const struct deadline *deadline,
	    struct error *err);
/* The first column of the first row as text; *ret NULL for no row or NULL. The
 * caller frees. */
int db_value(struct db *db, const char *sql, const struct deadline *deadline,
	     char **ret, struct error *err);

/* Quoted for SQL of this dialect, with the quotes. */
void db_put_identifier(enum dialect d, struct buf *b, const char *name);
void db_put_literal(enum dialect d, struct buf *b, const char *value);

/*
 * Waits until the server answers a query as the final one (not an official
 * image's temporary initialisation server): tries at once, then after 5 ms
 * growing to 50 ms. `dead`, asked between tries, returns -1 with *err when the
 * wait is pointless (its container died). Failures that waiting cannot mend
 * are not told apart from those it can: the last one is in the ERROR_TIMEOUT's
 * text. On success the open connection, or ret_db may be NULL.
 *
 * Over TCP every answer is the final server's; over a socket it is asked for
 * its TCP side (postgres: listen_addresses is not empty, mariadb:
 * skip_networking is off). For sqlite it opens the file, without waiting.
 */
struct db_wait {
	int (*dead)(void *ctx, struct error *err); /* NULL: never */
	void *ctx;
	const char *watch_dir; /* woken by a file appearing here; NULL */
	bool only_one; /* no initialisation server: whoever answers is it */
};
int db_wait_ready(const struct db_address *address, const struct db_wait *wait,
		  const struct deadline *deadline, struct db **ret_db,
		  struct error *err);

/*
 * Runs a script: each statement by itself, autocommitted, in order, as the
 * dialect's own client would split it. Where it fails: ERROR_MIGRATION with
 * "NAME:LINE: the server's message" and the statement as the error's detail.
 * LINE is the line of the failing token where the server tells it, else that
 * of the statement's beginning; 1-based, in the file. A second script on one
 * connection begins with its session reset (settings, temporary tables, the
 * chosen database), and one that leaves a transaction open has failed.
 */
int db_run_script(struct db *db, const char *name, const char *sql, size_t len,
		  const struct deadline *deadline, struct error *err);

/*
 * The same in one transaction, where the dialect can (Postgres, SQLite) and
 * the script may be one: it neither begins nor ends transactions itself, and
 * has nothing that is refused or does nothing inside of one (CREATE INDEX
 * CONCURRENTLY, VACUUM, PRAGMA foreign_keys). Where only the server finds that
 * out (a procedure that commits, a new enum value in use), what was done is
 * rolled back and the script runs once more without. On failure nothing of the
 * script stays, as far as it was a transaction.
 */
int db_run_migration(struct db *db, const char *name, const char *sql,
		     size_t len, const struct deadline *deadline,
		     struct error *err);

/*
 * Many rows into one table, all or none (where the table's engine can). Values
 * are texts, which the server turns into the columns' types. Postgres: serial
 * and identity columns among them go on behind the highest number. Of no rows
 * the table and its columns are looked for all the same. On failure *ret_row is
 * the row that it is about, n where nobody knows; on success n.
 */
struct db_rows {
	const char *table; /* "users", "audit.users" */
	const char *const *columns;
	size_t n_columns;
	const char *const *values; /* row by row; NULL is NULL */
	size_t n;                  /* rows */
};
int db_insert_rows(struct db *db, const struct db_rows *rows,
		   const struct deadline *deadline, size_t *ret_row,
		   struct error *err);

/*
 * Sets the passwords of the roles that the server's image made. Only hashes
 * leave this process. `admin` is for MariaDB's root, NULL: leave it. Used when
 * a server made from a template becomes a session's own. The connection must be
 * an administrator's; accounts that MariaDB does not have are passed over.
 */
int db_set_passwords(struct db *db, const char *user, const char *password,
		     const char *admin_password,
		     const struct deadline *deadline, struct error *err);

/* sqlite: closes it as a file that may be copied: WAL checkpointed and gone, no
 * -wal, -shm or -journal beside it, integrity checked. Frees db in any case. */
int db_seal_file(struct db *db, struct error *err);

/*
 * sqlite: gives the file at `path` all that the sealed one at `from` holds,
 * through its locks: a connection that is open to it goes on with the new
 * content. ERROR_BUSY if a transaction stays open, ERROR_DATABASE if the file
 * is damaged, or in another mode that cannot be left; it then holds what it
 * held, or half of it, and is to be replaced.
 */
int db_refill_file(const char *path, const char *from,
		   const struct deadline *deadline, struct error *err);

/* sqlite: what a sealed file holds (dialect/state.h). Nothing is made beside
 * it, and nothing is locked. */
int db_read_sealed(const char *path, const struct deadline *deadline,
		   struct db_state *ret, struct error *err);

/* sqlite: SQLite's own check of every page of a sealed file. */
int db_check_sealed(const char *path, const struct deadline *deadline,
		    struct error *err);

/* sqlite: whether the file has the length that its header tells, as one that
 * was sealed has: a cut one, a torn one and another file do not. The pages are
 * not read. False for an empty file, too. */
bool db_file_is_whole(const char *path);

/*
 * Once per process, from the main thread, before any other is started. Takes
 * those of libpq's variables out of this process's environment that libpq obeys
 * whatever is passed to it (PGSERVICE, PGHOSTADDR, PGTZ …): whoever hands an
 * environment to a child copies it before. Without this call everything works,
 * unless the user has such a variable.
 */
void db_global_init(void);

/* "3.40.1": of the SQLite in this program. */
const char *db_sqlite_version(void);

#endif
