/* SPDX-License-Identifier: MIT */
/*
 * dialect/state_private.h - what state.c and each dialect's reader share.
 *
 * A reader adds lines "KIND\tNAME\tROWS\tDEFINITION\n", ROWS empty for what is
 * no table's rows; a backslash, tab or newline within a field is "\\", "\t" or
 * "\n".
 */
#ifndef DIALECT_STATE_PRIVATE_H
#define DIALECT_STATE_PRIVATE_H

#include "dialect/state.h"

int postgres_state(struct db *db, const struct deadline *deadline,
		   struct buf *ret, struct error *err);
/* Only the entries of its sequences. */
int postgres_sequences(struct db *db, const struct deadline *deadline,
		       struct buf *ret, struct error *err);
int mariadb_state(struct db *db, const struct deadline *deadline,
		  struct buf *ret, struct error *err);
int sqlite_state(struct db *db, const struct deadline *deadline,
		 struct buf *ret, struct error *err);

/* Adds the query's only value, which is such lines or NULL. */
int state_add(struct db *db, const char *sql, const struct deadline *deadline,
	      struct buf *ret, struct error *err);
/* The same with the SQL that the query `ask` answers; none: nothing. */
int state_add_made(struct db *db, const char *ask,
		   const struct deadline *deadline, struct buf *ret,
		   struct error *err);

#endif
