/* SPDX-License-Identifier: MIT */
/*
 * dialect/state.h - what a database holds, as a list that can be compared.
 *
 * One entry for each object (its definition as text) and one for each table's
 * rows (their number and a checksum that does not depend on their order). Two
 * databases with equal lists have equal schemas, settings and rows; what is not
 * in it: statistics for the planner, the physical order of rows, passwords and
 * whatever else belongs to the server and not to the database.
 *
 * Reading one reads every row; it is for comparing, not for each reset.
 */
#ifndef DIALECT_STATE_H
#define DIALECT_STATE_H

#include "base/buf.h"
#include "base/clock.h"
#include "base/ident.h"

#include <stddef.h>

struct db;
struct error;

struct state_entry {
	char *kind; /* "table", "column", "index", "rows", "setting" … */
	char *name; /* "public.orders", quoted where the dialect would */
	char *definition; /* of rows: their checksum */
	long long rows;   /* -1: not an entry of kind "rows" */
};

struct db_state {
	struct state_entry *v; /* ordered by kind and name */
	size_t n;
	char *text; /* what the entries are cut from */
};
#define DB_STATE_INIT \
	{             \
		0     \
	}
void db_state_free(struct db_state *s);
#define auto_db_state __attribute__((cleanup(db_state_free)))

/* Of the database the connection is in. Its session's settings are changed:
 * the connection is good for nothing else afterwards. */
int db_state_read(struct db *db, const struct deadline *deadline,
		  struct db_state *ret, struct error *err);

/* SHA-256 of the whole, in hex. */
void db_state_digest(const struct db_state *s, char ret_hex[DIGEST_HEX]);

/* How two states differ, in the order of their entries. `from` or `to` is NULL
 * where the object is only in the other. Return non-zero to stop. */
typedef int (*state_difference_fn)(void *ctx, const struct state_entry *from,
				   const struct state_entry *to);
/* 0: equal, 1: not, or what fn returned. fn may be NULL. */
int db_state_compare(const struct db_state *from, const struct db_state *to,
		     state_difference_fn fn, void *ctx);

/* Adds a line for each difference: "column public.t.c: changed"; as far as the
 * buffer's limit reaches. Returns as db_state_compare. */
int db_state_describe(const struct db_state *from, const struct db_state *to,
		      struct buf *ret);

#endif
