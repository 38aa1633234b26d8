/* SPDX-License-Identifier: MIT */
#include "dialect/clone.h"

#include "base/alloc.h"
#include "base/error.h"
#include "dialect/clone_private.h"
#include "dialect/driver.h"
#include "dialect/original.h"
#include "dialect/state.h"

#include <stdlib.h>

static const char *const way_names[] = {
    [CLONE_UNCHANGED] = "unchanged",
    [CLONE_TOUCHED] = "touched tables",
    [CLONE_REBUILT] = "rebuilt",
    [CLONE_TEMPLATE] = "template",
};

const char *clone_way_name(enum clone_way way)
{
	return way_names[way];
}

/* Files have none: they are copied. */
static const struct clones_ops *ops_of(const struct db *admin)
{
	switch (admin->dialect) {
	case DIALECT_POSTGRES:
		return &postgres_clones;
	case DIALECT_MARIADB:
		return &mariadb_clones;
	case DIALECT_SQLITE:
		break;
	}
	return NULL;
}

int clone_keep(struct db *admin, const char *database,
	       const struct deadline *deadline, char **ret_why,
	       struct error *err)
{
	const struct clones_ops *ops = ops_of(admin);

	if (ops)
		return ops->keep(admin, database, deadline, ret_why, err);
	*ret_why = xstrdup("a file is copied whole");
	return 0;
}

int clones_open(struct db *admin, const char *database,
		const struct deadline *deadline, struct clones **ret,
		struct error *err)
{
	const struct clones_ops *ops = ops_of(admin);

	if (ops)
		return ops->open(admin, database, deadline, ret, err);
	*ret = NULL;
	return 0;
}

void clones_free(struct clones *c)
{
	if (c)
		c->ops->free(c);
}

const char *clones_only_in_place(const struct clones *c)
{
	return c->ops->only_in_place ? c->ops->only_in_place(c) : NULL;
}

const char *clones_describe(const struct clones *c)
{
	return clone_way_name(c->ops->best ? c->ops->best(c) : CLONE_TEMPLATE);
}

int clones_make(struct clones *c, struct db *admin, const char *name,
		const struct deadline *deadline,
		struct clone_report *ret_report, struct error *err)
{
	struct clone_report report = {.why = ""};

	if (c->ops->make(c, admin, name, deadline, &report, err) < 0)
		return error_wrap(err, "make '%s' from the original", name);
	if (ret_report)
		*ret_report = report;
	return 0;
}

int clones_restore(struct clones *c, struct db *admin, const char *name,
		   const struct deadline *deadline,
		   struct clone_report *ret_report, struct error *err)
{
	struct clone_report report = {.why = ""};
	int done = c->ops->restore(c, admin, name, deadline, &report, err);

	if (done < 0)
		return error_wrap(err, "bring '%s' back to the original", name);
	if (ret_report)
		*ret_report = report;
	return done;
}

int clone_drop(struct db *admin, const char *name,
	       const struct deadline *deadline, struct error *err)
{
	const struct clones_ops *ops = ops_of(admin);

	return ops ? ops->drop(admin, name, deadline, err) : 0;
}

int clones_read(struct clones *c, struct db *admin, const char *name,
		const struct deadline *deadline, struct db_state *ret,
		struct error *err)
{
	return c->ops->read(c, admin, name, deadline, ret, err);
}

int clones_compare(struct clones *c, struct db *admin, const char *name,
		   const struct deadline *deadline, struct buf *ret_difference,
		   struct error *err)
{
	int equal =
	    c->ops->compare(c, admin, name, deadline, ret_difference, err);

	if (equal < 0)
		return error_wrap(err, "compare '%s' with the original", name);
	return equal;
}
