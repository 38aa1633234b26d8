/* SPDX-License-Identifier: MIT */
/*
 * dialect/driver.h - what each dialect's file gives to db.c. Private to
 * dialect/.
 *
 * Errors of a driver are ERROR_DATABASE with the server's (or library's) own
 * words and nothing in front: db.c says what was being done. A call that fails
 * on its deadline leaves a connection that can only be closed.
 */
#ifndef DIALECT_DRIVER_H
#define DIALECT_DRIVER_H

#include "dialect/db.h"
#include "dialect/split.h"

#include <stdbool.h>

struct driver {
	int (*connect)(const struct db_address *a, const struct deadline *d,
		       struct db **ret, struct error *err);
	void (*close)(struct db *db);
	/* db_connect_beside; NULL where it is not for. */
	int (*beside)(struct db *db, const char *database,
		      const struct deadline *d, struct db **ret,
		      struct error *err);
	/* One or more statements. ret_value, unless NULL: as db_value. */
	int (*query)(struct db *db, const char *sql, const struct deadline *d,
		     char **ret_value, struct error *err);
	/*
	 * One statement of a script. SQLite finds its end itself and sets
	 * st->len; the script behind it ends in a NUL. On failure *ret_place
	 * says where, as far as is known.
	 */
	int (*statement)(struct db *db, struct sql_statement *st,
			 const struct deadline *d, struct sql_place *ret_place,
			 struct error *err);
	/* Back to how a new connection is, between two scripts. */
	int (*reset)(struct db *db, const struct deadline *d,
		     struct error *err);
	bool (*in_transaction)(struct db *db);
	/* Fails while this is not the final server (see db_wait_ready). */
	int (*check_final)(struct db *db, const struct deadline *d,
			   struct error *err);
	int (*set_passwords)(struct db *db, const char *user,
			     const char *password, const char *admin_password,
			     const struct deadline *d, struct error *err);
};

/* Each driver's connection begins with this. */
struct db {
	const struct driver *driver;
	enum dialect dialect;
	bool used_by_script; /* a script ran on it: reset before the next */
	/* the statement that failed last cannot be part of a transaction */
	bool not_in_transaction;
};

extern const struct driver postgres_driver;
extern const struct driver mariadb_driver;
extern const struct driver sqlite_driver;

const struct driver *db_driver(enum dialect d);
/* "127.0.0.1:5432", a socket's or a file's path, for messages. */
void db_put_place(const struct db_address *a, struct buf *b);

void mariadb_global_init(void);
/* db_seal_file's work; frees db. */
int sqlite_seal(struct db *db, struct error *err);

#endif
