/* SPDX-License-Identifier: MIT */
/*
 * dialect/copy.h - mariadb: a database made like another of the same server, by
 * a user who need not be its administrator.
 *
 * For existing servers (provider/existing.h): the template is kept whole, and
 * only its definitions are read, once. A database is made by replaying them and
 * copying the rows. Nothing tells what was changed there later, so it comes
 * back by being dropped and made anew; where the server is ours alone, clone.h
 * does better.
 */
#ifndef DIALECT_COPY_H
#define DIALECT_COPY_H

#include "base/buf.h"

#include <stdbool.h>

struct db;
struct deadline;
struct db_copy;
struct error;

/*
 * Reads what `from` is, which nobody changes any more. 1; 0 when this schema
 * cannot be replayed under another name, *ret_why (the caller frees) says why;
 * -1. Afterwards db has another database chosen.
 */
int db_copy_open(struct db *db, const char *from,
		 const struct deadline *deadline, struct db_copy **ret,
		 char **ret_why, struct error *err);
void db_copy_free(struct db_copy *copy);

/* Fills the empty database `to`, whose comment stays. A failure may leave a
 * part of it. Several threads may do so at once, each on its own connection. */
int db_copy_fill(const struct db_copy *copy, struct db *db, const char *to,
		 const struct deadline *deadline, struct error *err);

/*
 * 1: `to` is equal in definitions and, with `rows`, in every row; 0:
 * *ret_difference (added to) names what differs, a line each.
 */
int db_copy_compare(const struct db_copy *copy, struct db *db, const char *to,
		    bool rows, const struct deadline *deadline,
		    struct buf *ret_difference, struct error *err);

#endif
