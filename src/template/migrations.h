/* SPDX-License-Identifier: MIT */
/*
 * template/migrations.h - what makes an empty database into a project's.
 *
 * A set is read whole before anything runs, so that what is fingerprinted is
 * what is applied. Files are in name order; for a dialect, NAME.postgres.sql
 * (…) replaces NAME.sql and other dialects' files are left out.
 */
#ifndef TEMPLATE_MIGRATIONS_H
#define TEMPLATE_MIGRATIONS_H

#include "base/clock.h"
#include "dialect/address.h"

#include <stddef.h>

struct db;
struct error;
struct progress;

struct migration_file {
	char *path; /* as the user named it, for messages:
		       "db/migrations/001.sql" */
	char *sql;
	size_t len;
};

struct migrations {
	struct migration_file *files; /* seeds last */
	size_t n;
	size_t n_seeds;
};
#define MIGRATIONS_INIT \
	{               \
		0, 0, 0 \
	}
void migrations_free(struct migrations *m);
#define auto_migrations __attribute__((cleanup(migrations_free)))

/*
 * dir NULL: no migrations. Seeds are SQL files (chosen per dialect as above),
 * NULL-terminated, run after the migrations in the order given. ERROR_CONFIG
 * for a directory that is not there or holds no *.sql for this dialect, for a
 * seed that is not there, for two files of one version.
 */
int migrations_load(const char *dir, char *const *seeds, enum dialect dialect,
		    struct migrations *ret, struct error *err);

/*
 * The key of the state these make: file names (not folders), contents and
 * order, with `base` (the image's digest or the engine's version), `settings`
 * (whatever else changes the data) and the format's version. 32 hex digits.
 */
enum {
	TEMPLATE_KEY = 33
};
void migrations_key(const struct migrations *m, enum dialect dialect,
		    const char *base, const char *settings,
		    char ret[TEMPLATE_KEY]);

/* Runs all of them. The first failure stops it: see db_run_script. */
int migrations_apply(const struct migrations *m, struct db *db,
		     const struct deadline *deadline,
		     const struct progress *progress, struct error *err);

#endif
