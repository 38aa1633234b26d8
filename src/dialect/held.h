/* SPDX-License-Identifier: MIT */
/*
 * dialect/held.h - mariadb: dropping a database that a prepared transaction may
 * hold.
 *
 * What XA PREPARE leaves outlives its connection with its locks, and a DROP
 * waits for them. Nothing that the server tells joins the name of such a
 * transaction with its locks or its user, so it is not ours to roll back.
 */
#ifndef DIALECT_HELD_H
#define DIALECT_HELD_H

struct db;
struct deadline;
struct error;

/* As clone_drop (dialect/clone.h); with prepared transactions on the server the
 * wait for a table's lock is short, and its end is ERROR_BUSY, which names
 * them. */
int db_drop_held(struct db *db, const char *name,
		 const struct deadline *deadline, struct error *err);

#endif
