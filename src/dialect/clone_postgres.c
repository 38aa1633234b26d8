/* SPDX-License-Identifier: MIT */
/*
 * Postgres: a database is made by CREATE DATABASE … TEMPLATE of the original,
 * and brought back by dropping it and making it again.
 */
#include "base/alloc.h"
#include "base/error.h"
#include "dialect/clone_private.h"
#include "dialect/db.h"
#include "dialect/original.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pg_clones {
	struct clones clones;
	char *database; /* the server is its owner's; NULL: shared */
	char *surroundings;
};

static struct pg_clones *of(struct clones *c)
{
	return (struct pg_clones *)c;
}

/* One named as the maintenance database cannot be worked on from there. */
static int pg_keep(struct db *admin, const char *database,
		   const struct deadline *deadline, char **ret_why,
		   struct error *err)
{
	if (!strcmp(database, "postgres")) {
		*ret_why = xstrdup("it is the maintenance database");
		return 0;
	}
	if (original_disconnect_all(admin, deadline, err) < 0 ||
	    original_keep(admin, database, deadline, err) < 0)
		return -1;
	return 1;
}

static void pg_free(struct clones *c)
{
	struct pg_clones *pg = of(c);

	free(pg->database);
	free(pg->surroundings);
	free(pg);
}

static int pg_open(struct db *admin, const char *database,
		   const struct deadline *deadline, struct clones **ret,
		   struct error *err)
{
	auto_free char *surroundings = NULL;
	struct pg_clones *pg;

	if (original_surroundings(admin, database ? database : "", deadline,
				  &surroundings, err) < 0)
		return -1;
	*ret = NULL;
	if (!surroundings)
		return 0;
	pg = xcalloc(1, sizeof(*pg));
	pg->clones.ops = &postgres_clones;
	pg->database = xstrdup_or_null(database);
	pg->surroundings = take_ptr(&surroundings);
	*ret = &pg->clones;
	return 0;
}

static int pg_make(struct clones *c, struct db *admin, const char *name,
		   const struct deadline *deadline,
		   struct clone_report *ret_report, struct error *err)
{
	(void)c;
	ret_report->way = CLONE_TEMPLATE;
	return original_clone(admin, name, deadline, err);
}

/* 1: nothing beside the owner's database was changed. */
static int undisturbed(struct pg_clones *pg, struct db *admin,
		       const struct deadline *deadline,
		       struct clone_report *ret_report, struct error *err)
{
	auto_free char *now = NULL;

	if (!pg->database)
		return 1;
	if (original_disconnect_all(admin, deadline, err) < 0 ||
	    original_surroundings(admin, pg->database, deadline, &now, err) < 0)
		return -1;
	if (now && !strcmp(now, pg->surroundings))
		return 1;
	snprintf(ret_report->why, sizeof(ret_report->why),
		 "something outside '%.60s' was changed", pg->database);
	return 0;
}

static int pg_restore(struct clones *c, struct db *admin, const char *name,
		      const struct deadline *deadline,
		      struct clone_report *ret_report, struct error *err)
{
	int same = undisturbed(of(c), admin, deadline, ret_report, err);

	if (same != 1)
		return same;
	if (original_drop(admin, name, deadline, err) < 0 ||
	    pg_make(c, admin, name, deadline, ret_report, err) < 0)
		return -1;
	return 1;
}

static int pg_compare(struct clones *c, struct db *admin, const char *name,
		      const struct deadline *deadline,
		      struct buf *ret_difference, struct error *err)
{
	(void)c;
	(void)admin;
	(void)name;
	(void)deadline;
	(void)ret_difference;
	return error_set(err, ERROR_INTERNAL,
			 "postgres databases are not compared yet");
}

const struct clones_ops postgres_clones = {
    .keep = pg_keep,
    .open = pg_open,
    .free = pg_free,
    .make = pg_make,
    .restore = pg_restore,
    .drop = original_drop,
    .compare = pg_compare,
};
