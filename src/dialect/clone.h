/* SPDX-License-Identifier: MIT */
/*
 * dialect/clone.h - databases made from an original that is kept in the same
 * server, and brought back to it the cheapest way that is right.
 *
 * While the template is made, clone_keep() puts a copy of the migrated database
 * beside it, as `testenv_original`. Each server that is started from the
 * template then has one `struct clones`, opened while the server is still as
 * the template has it; it notes what later tells whether something changed.
 * What is noted lives in this process only: whoever comes after a crash knows
 * nothing, and so takes nothing for clean.
 *
 * How the original is closed, and what is noted:
 *
 *   postgres  nobody can connect to the original; a database is made by CREATE
 *             DATABASE … TEMPLATE and brought back by dropping it and making
 *             it again, unless the server's log and its sequences stand where
 *             they stood (original.h)
 *   mariadb   the server cannot close it, so what is done to it is noticed, as
 *             any change outside the database is; what changed in the database
 *             is put back table by table (maria.h)
 *
 * `admin` is an administrator's connection that no database made here is chosen
 * on (container_admin's); one thread uses it at a time. Calls for different
 * databases of one `struct clones` may run at once, each on its own connection.
 */
#ifndef DIALECT_CLONE_H
#define DIALECT_CLONE_H

#include "base/buf.h"
#include "base/clock.h"

#include <stdbool.h>

struct clones;
struct db;
struct db_state;
struct error;

enum clone_way {
	CLONE_UNCHANGED, /* it was equal: nothing was to be done */
	CLONE_TOUCHED,   /* only what had changed was put back */
	CLONE_REBUILT,   /* mariadb: definitions replayed, rows copied */
	CLONE_TEMPLATE   /* postgres: CREATE DATABASE … TEMPLATE */
};

/* How one database came to its state, for status and logs. */
struct clone_report {
	enum clone_way way;
	unsigned tables; /* whose rows were put back; CLONE_TOUCHED */
	char why[160];   /* in words; "" when the way says it all */
};

/* "unchanged", "touched tables", "rebuilt", "template". */
const char *clone_way_name(enum clone_way way);

/*
 * Keeps `database`, to which nobody is connected, as the server's original.
 * Once, while the template is made. 1; 0 when this database cannot be cloned
 * right inside a server, *ret_why (never NULL; the caller frees) says why, and
 * no original is left: each owner then needs a new server.
 */
int clone_keep(struct db *admin, const char *database,
	       const struct deadline *deadline, char **ret_why,
	       struct error *err);

/*
 * Notes the clean state of a server. With `database`, the server is one
 * owner's, who may change all of it: a change outside his database is noticed
 * by clones_restore. With NULL it is shared, nothing outside the databases made
 * here is looked at, and there is no clean database yet. *ret is NULL when the
 * server holds no original.
 */
int clones_open(struct db *admin, const char *database,
		const struct deadline *deadline, struct clones **ret,
		struct error *err);
void clones_free(struct clones *c);

/* Can databases of other names than the original's be made from it? If not,
 * why: borrowed, else NULL. (mariadb: a routine that names its database.) */
const char *clones_only_in_place(const struct clones *c);

/* The cheapest way in which these databases come back: "touched tables",
 * "rebuilt", "template". Never freed. */
const char *clones_describe(const struct clones *c);

/* Makes database `name`, which must not exist, from the original. A failure
 * may leave a part of it. ret_report may be NULL. */
int clones_make(struct clones *c, struct db *admin, const char *name,
		const struct deadline *deadline,
		struct clone_report *ret_report, struct error *err);

/*
 * Brings database `name` back to the original, after cutting off whoever is
 * connected to it (to the server, where it is one owner's). 1; 0 when only a
 * new server is right, since something outside the database was changed, or
 * what shows changes was itself tampered with: ret_report->why says. After 0 or
 * -1 the database is in no known state; a further call makes it anew.
 * ret_report may be NULL.
 */
int clones_restore(struct clones *c, struct db *admin, const char *name,
		   const struct deadline *deadline,
		   struct clone_report *ret_report, struct error *err);

/* Cuts off whoever is connected to it and drops it; not there is success. */
int clone_drop(struct db *admin, const char *name,
	       const struct deadline *deadline, struct error *err);

/* What `name`, or with NULL the original, holds: to be shown. Reads everything.
 */
int clones_read(struct clones *c, struct db *admin, const char *name,
		const struct deadline *deadline, struct db_state *ret,
		struct error *err);

/*
 * Compares definitions and the rows of every table with the original's. 1:
 * equal; 0: *ret_difference (added to, unless NULL) names what differs, a line
 * each, bounded by its own limit. Reads everything: for --verify and tests.
 */
int clones_compare(struct clones *c, struct db *admin, const char *name,
		   const struct deadline *deadline, struct buf *ret_difference,
		   struct error *err);

#endif
