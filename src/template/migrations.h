/* SPDX-License-Identifier: MIT */
/*
 * template/migrations.h - what makes an empty database into a project's.
 *
 * A set is read whole before anything runs, so that what is fingerprinted is
 * what is applied. Files are in the order of the tool whose layout they have
 * (template/layout.h); for a dialect, NAME.postgres.sql (…) replaces NAME.sql
 * and other dialects' files are left out.
 */
#ifndef TEMPLATE_MIGRATIONS_H
#define TEMPLATE_MIGRATIONS_H

#include "base/clock.h"
#include "dialect/address.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct db;
struct error;
struct progress;

enum layout {
	LAYOUT_AUTO, /* find out */
	LAYOUT_PLAIN,
	LAYOUT_UP, /* *.up.sql, nothing says whether of golang-migrate or sqlx
		    */
	LAYOUT_GOLANG_MIGRATE,
	LAYOUT_SQLX,
	LAYOUT_FLYWAY,
	LAYOUT_DBMATE,
	LAYOUT_GOOSE,
	LAYOUT_SQL_MIGRATE
};
/* "auto", "plain", "golang-migrate", "sqlx", "flyway", "dbmate", "goose",
 * "sql-migrate"; -1 for another. */
int layout_parse(const char *word, enum layout *ret);
/* For people: "Flyway". */
const char *layout_title(enum layout layout);

struct migration_file {
	char *path; /* as the user named it, for messages:
		       "db/migrations/001.sql" */
	char *sql;  /* what is not run of the file is blank: lines count */
	size_t len;
	bool no_transaction; /* its author wants none */
	char *version;       /* "20240102", "1.2"; NULL: it has none */
	char *title;         /* "create_users"; or NULL */
	char *table;         /* of a seed in CSV: `sql` is its rows; or NULL */
	/* Flyway's: runs around the migrations; its name below the directory;
	 * what its history has of its text */
	bool callback;
	char *script;
	int32_t checksum;
};

/*
 * How a command of the project's own is run against a database; session/ gives
 * it. ERROR_MIGRATION when it ends with anything but 0.
 */
struct migrations_runner {
	int (*run)(void *ctx, const char *command,
		   const struct db_address *address,
		   const struct deadline *deadline, struct error *err);
	void *ctx;
};

enum {
	MIGRATIONS_ID = 65
};
struct migrations {
	struct migration_file *files; /* seeds last */
	size_t n;
	size_t n_seeds;
	size_t n_callbacks; /* of the files */
	enum layout layout; /* of the directory; LAYOUT_AUTO: there is none */
	/* a script that notes the files where the layout's tool looks for
	 * what it has applied, behind them; or NULL */
	char *bookkeeping;
	/* statements before the first of the files that are no seeds; or NULL
	 */
	char *prepare;
	char *migrate;      /* a command, behind the files; or NULL */
	char *seed_command; /* behind the seeds; or NULL */
	struct migrations_runner runner;
	/* a digest of what the commands read, or, where nobody said what that
	 * is, random: no other session makes the same */
	char commands_id[MIGRATIONS_ID];
	bool may_be_kept; /* by other sessions */
};
#define MIGRATIONS_INIT             \
	{                           \
		.may_be_kept = true \
	}
void migrations_free(struct migrations *m);
#define auto_migrations __attribute__((cleanup(migrations_free)))

/* Where they come from. Borrowed for the call. */
struct migrations_source {
	const char *dir; /* NULL: none */
	enum layout layout;
	bool no_bookkeeping;
	/* SQL files, or rows as CSV in a file that is named as their table
	 * (users.csv, audit.users.csv); chosen per dialect as above,
	 * NULL-terminated, run after the migrations in the order given; or NULL
	 */
	char *const *seeds;
	const char *migrate, *seed_command; /* for sh -c; or NULL */
	/* what the commands read: files, folders, patterns, below `base`;
	 * NULL-terminated; NULL or none: not known */
	char *const *inputs;
	const char *base;
	struct migrations_runner runner;
};
/*
 * ERROR_CONFIG for a directory that is not there or holds no migration for this
 * dialect, for two layouts in one directory or two files of one version, for a
 * seed that is not there.
 */
int migrations_load(const struct migrations_source *source,
		    enum dialect dialect, struct migrations *ret,
		    struct error *err);

/* "12 migrations (goose), 1 seed"; NULL for none. The caller frees. */
char *migrations_describe(const struct migrations *m);

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

/*
 * Runs all of them in the database: the files, their tool's notes, the command,
 * the seeds, the seeds' command. The first failure stops it: see db_run_script.
 * Nobody of ours is connected while a command runs, nor at the end. A command
 * may know TCP only: where there is one (migrations_has_command), the address
 * should have a port.
 */
int migrations_run(const struct migrations *m, const struct db_address *address,
		   const struct deadline *deadline,
		   const struct progress *progress, struct error *err);
bool migrations_has_command(const struct migrations *m);

#endif
