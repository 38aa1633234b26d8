/* SPDX-License-Identifier: MIT */
/*
 * dialect/clone_private.h - what each dialect gives to clone.c. Private to
 * dialect/.
 */
#ifndef DIALECT_CLONE_PRIVATE_H
#define DIALECT_CLONE_PRIVATE_H

#include "dialect/clone.h"

struct clones_ops {
	int (*keep)(struct db *admin, const char *database,
		    const struct deadline *deadline, char **ret_why,
		    struct error *err);
	int (*open)(struct db *admin, const char *database,
		    const struct deadline *deadline, struct clones **ret,
		    struct error *err);
	void (*free)(struct clones *c);
	const char *(*only_in_place)(const struct clones *c); /* or NULL */
	/* the cheapest it can do */
	enum clone_way (*best)(const struct clones *c);
	/* The report is never NULL for these two. */
	int (*make)(struct clones *c, struct db *admin, const char *name,
		    const struct deadline *deadline,
		    struct clone_report *ret_report, struct error *err);
	int (*restore)(struct clones *c, struct db *admin, const char *name,
		       const struct deadline *deadline,
		       struct clone_report *ret_report, struct error *err);
	int (*drop)(struct db *admin, const char *name,
		    const struct deadline *deadline, struct error *err);
	int (*read)(struct clones *c, struct db *admin, const char *name,
		    const struct deadline *deadline, struct db_state *ret,
		    struct error *err);
	int (*compare)(struct clones *c, struct db *admin, const char *name,
		       const struct deadline *deadline,
		       struct buf *ret_difference, struct error *err);
};

/* Each dialect's own struct begins with this. */
struct clones {
	const struct clones_ops *ops;
};

extern const struct clones_ops postgres_clones;
extern const struct clones_ops mariadb_clones;

#endif
