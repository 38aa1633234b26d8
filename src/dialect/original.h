/* SPDX-License-Identifier: MIT */
/*
 * dialect/original.h - a Postgres database kept inside its own server, to be
 * cloned from.
 *
 * The original is a copy under a reserved name that nobody can connect to
 * (ALLOW_CONNECTIONS false): so it cannot change, and a clone never meets "is
 * being accessed by other users". A clone takes along what CREATE DATABASE
 * leaves behind: settings of the database, privileges and the comment on it.
 * The original's own comment begins with a line of ours: what was found out.
 *
 * `admin` is a superuser's connection to another database of the server than
 * the one worked on.
 */
#ifndef DIALECT_ORIGINAL_H
#define DIALECT_ORIGINAL_H

#include "base/clock.h"
#include "base/ident.h"

struct db;
struct error;

#define ORIGINAL_NAME "testenv_original"

/* How the server is to copy. Which is the quickest depends on the template and
 * on what is under the server, so it is measured, once, with the template. */
enum original_strategy {
	ORIGINAL_DEFAULT,   /* as the server likes: before 15 there is no choice
			     */
	ORIGINAL_WAL_LOG,   /* through the log: many small writes, no checkpoint
			     */
	ORIGINAL_FILE_COPY, /* file by file: forces two checkpoints */
	ORIGINAL_REFLINK    /* the same by file_copy_method=clone; from 18 on */
};
/* "default", "wal_log", "file_copy", "clone". */
const char *original_strategy_name(enum original_strategy s);

/* What was found out about an original when it was kept. */
struct original {
	enum original_strategy strategy;
	char state[DIGEST_HEX];     /* db_state_digest of it; "" not known */
	char sequences[DIGEST_HEX]; /* original_sequences of it; "" */
};

/*
 * Copies `database`, to which nobody may be connected, to the original, tries
 * and times what strategies the server has, and compares what they make with
 * the database. 1; 0 if a copy is not equal, *ret_why says in what (the caller
 * frees), and there is no original.
 */
int original_keep(struct db *admin, const char *database,
		  const struct deadline *deadline, char **ret_why,
		  struct error *err);

/* 1; 0 if the server holds no original. */
int original_find(struct db *admin, const struct deadline *deadline,
		  struct original *ret, struct error *err);

/* Makes database `name`, which must not exist, from the original. */
int original_clone(struct db *admin, const struct original *o, const char *name,
		   const struct deadline *deadline, struct error *err);

/* A digest of the values of every sequence of the database. They move without
 * a trace in the log. */
int original_sequences(struct db *admin, const char *name,
		       const struct deadline *deadline,
		       char ret_hex[DIGEST_HEX], struct error *err);

/* Cuts off whoever is connected and drops it; not there is success. */
int original_drop(struct db *admin, const char *name,
		  const struct deadline *deadline, struct error *err);

/*
 * What of the server lies outside `database` and could have been changed by its
 * user: roles and memberships, other databases, settings, tablespaces, and the
 * rows written in the maintenance databases. Equal texts: nothing was. NULL if
 * the server holds no original. The caller frees.
 */
int original_surroundings(struct db *admin, const char *database,
			  const struct deadline *deadline, char **ret,
			  struct error *err);

/* Ends every other client's connection to the server and waits until they are
 * gone, so that what they did is counted. */
int original_disconnect_all(struct db *admin, const struct deadline *deadline,
			    struct error *err);

#endif
