/* SPDX-License-Identifier: MIT */
/*
 * Postgres: a database is made by CREATE DATABASE … TEMPLATE of the original,
 * and brought back by dropping it and making it again. That is not needed where
 * nothing was written since: no transaction that changes anything, be it an
 * unlogged table, ends without a record in the log (its commit), so that a
 * server whose log stands where it stood holds what it held. Only sequences
 * move without one, within what they have reserved; their values are compared.
 */
#include "base/alloc.h"
#include "base/error.h"
#include "base/ident.h"
#include "base/log.h"
#include "dialect/clone_private.h"
#include "dialect/db.h"
#include "dialect/original.h"
#include "dialect/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pg_clones {
	struct clones clones;
	char *database; /* the server is its owner's; NULL: shared */
	char *surroundings;
	struct original original;
	/* where the log stood when the database was clean; NULL: not known.
	 * Only where the server is one owner's. */
	char *log_position;
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
	if (original_disconnect_all(admin, deadline, err) < 0)
		return -1;
	return original_keep(admin, database, deadline, ret_why, err);
}

static void pg_free(struct clones *c)
{
	struct pg_clones *pg = of(c);

	free(pg->database);
	free(pg->surroundings);
	free(pg->log_position);
	free(pg);
}

static int read_position(struct db *admin, const struct deadline *deadline,
			 char **ret, struct error *err)
{
	return db_value(admin, "SELECT pg_current_wal_insert_lsn()", deadline,
			ret, err);
}

/* The database is clean now. */
static int note_position(struct pg_clones *pg, struct db *admin,
			 const struct deadline *deadline, struct error *err)
{
	if (!pg->database)
		return 0;
	free(take_ptr(&pg->log_position));
	return read_position(admin, deadline, &pg->log_position, err);
}

static int pg_open(struct db *admin, const char *database,
		   const struct deadline *deadline, struct clones **ret,
		   struct error *err)
{
	auto_free char *surroundings = NULL;
	struct original original;
	struct pg_clones *pg;
	int found = original_find(admin, deadline, &original, err);

	if (found < 0)
		return -1;
	*ret = NULL;
	if (!found)
		return 0;
	if (database && original_surroundings(admin, database, deadline,
					      &surroundings, err) < 0)
		return -1;
	pg = xcalloc(1, sizeof(*pg));
	pg->clones.ops = &postgres_clones;
	pg->original = original;
	pg->database = xstrdup_or_null(database);
	pg->surroundings = take_ptr(&surroundings);
	if (note_position(pg, admin, deadline, err) < 0) {
		pg_free(&pg->clones);
		return -1;
	}
	*ret = &pg->clones;
	return 0;
}

/* Where what was the quickest when the template was made does not work, the
 * server does as it likes. */
static int clone(struct pg_clones *pg, struct db *admin, const char *name,
		 const struct deadline *deadline, struct error *err)
{
	auto_error struct error why = ERROR_INIT;
	struct original plain = pg->original;

	if (original_clone(admin, &pg->original, name, deadline, &why) == 0)
		return 0;
	if (why.kind != ERROR_DATABASE || plain.strategy == ORIGINAL_DEFAULT ||
	    original_drop(admin, name, deadline, NULL) < 0)
		return error_move(err, &why);
	log_debug("not by %s: %s", original_strategy_name(plain.strategy),
		  error_text(&why));
	plain.strategy = ORIGINAL_DEFAULT;
	return original_clone(admin, &plain, name, deadline, err);
}

static int pg_make(struct clones *c, struct db *admin, const char *name,
		   const struct deadline *deadline,
		   struct clone_report *ret_report, struct error *err)
{
	struct pg_clones *pg = of(c);

	if (clone(pg, admin, name, deadline, err) < 0)
		return -1;
	ret_report->way = CLONE_TEMPLATE;
	snprintf(ret_report->why, sizeof(ret_report->why), "by %s",
		 original_strategy_name(pg->original.strategy));
	return note_position(pg, admin, deadline, err);
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

/* 1: nothing was written since the database was clean; 0; -1 */
static int untouched(struct pg_clones *pg, struct db *admin, const char *name,
		     const struct deadline *deadline, struct error *err)
{
	auto_free char *position = NULL;
	char sequences[DIGEST_HEX];

	if (!pg->log_position || !pg->original.sequences[0] ||
	    strcmp(name, pg->database) != 0)
		return 0;
	if (read_position(admin, deadline, &position, err) < 0)
		return -1;
	if (!position || strcmp(position, pg->log_position) != 0)
		return 0;
	if (original_sequences(admin, name, deadline, sequences, err) < 0)
		return -1;
	return !strcmp(sequences, pg->original.sequences);
}

static int pg_restore(struct clones *c, struct db *admin, const char *name,
		      const struct deadline *deadline,
		      struct clone_report *ret_report, struct error *err)
{
	struct pg_clones *pg = of(c);
	int same = undisturbed(pg, admin, deadline, ret_report, err);

	if (same != 1)
		return same;
	same = untouched(pg, admin, name, deadline, err);
	if (same < 0)
		return -1;
	if (same) {
		ret_report->way = CLONE_UNCHANGED;
		return 1;
	}
	free(take_ptr(&pg->log_position));
	if (original_drop(admin, name, deadline, err) < 0 ||
	    pg_make(c, admin, name, deadline, ret_report, err) < 0)
		return -1;
	return 1;
}

/* Nobody can connect to the original: a clone of it is read. Its name is no
 * other's, as several may be read at once. */
static int read_original(struct pg_clones *pg, struct db *admin,
			 const struct deadline *deadline, struct db_state *ret,
			 struct error *err)
{
	char name[32] = "testenv_look_";
	int result;

	ident_random(name + strlen(name), 8);
	if (clone(pg, admin, name, deadline, err) < 0)
		return -1;
	result = db_read_beside(admin, name, deadline, ret, err);
	if (original_drop(admin, name, deadline, result < 0 ? NULL : err) < 0)
		return -1;
	return result;
}

static int pg_read(struct clones *c, struct db *admin, const char *name,
		   const struct deadline *deadline, struct db_state *ret,
		   struct error *err)
{
	return name ? db_read_beside(admin, name, deadline, ret, err)
		    : read_original(of(c), admin, deadline, ret, err);
}

static int pg_compare(struct clones *c, struct db *admin, const char *name,
		      const struct deadline *deadline,
		      struct buf *ret_difference, struct error *err)
{
	struct pg_clones *pg = of(c);
	auto_db_state struct db_state original = DB_STATE_INIT;
	auto_db_state struct db_state now = DB_STATE_INIT;
	char digest[DIGEST_HEX];

	if (db_read_beside(admin, name, deadline, &now, err) < 0)
		return -1;
	db_state_digest(&now, digest);
	if (!strcmp(digest, pg->original.state))
		return 1;
	if (read_original(pg, admin, deadline, &original, err) < 0)
		return -1;
	/* where the template was noted by another version, the digest says
	 * nothing */
	if (ret_difference)
		return !db_state_describe(&original, &now, ret_difference);
	return !db_state_compare(&original, &now, NULL, NULL);
}

const struct clones_ops postgres_clones = {
    .keep = pg_keep,
    .open = pg_open,
    .free = pg_free,
    .make = pg_make,
    .restore = pg_restore,
    .drop = original_drop,
    .read = pg_read,
    .compare = pg_compare,
};
