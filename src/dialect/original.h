/* SPDX-License-Identifier: MIT */
/*
 * dialect/original.h - a Postgres database kept inside its own server, to be
 * cloned from.
 *
 * The original is a copy under a reserved name that nobody can connect to
 * (ALLOW_CONNECTIONS false): so it cannot change, and a clone never meets "is
 * being accessed by other users". A clone takes along what CREATE DATABASE
 * leaves behind: settings of the database and privileges on it.
 *
 * `admin` is a superuser's connection to another database of the server than
 * the one worked on.
 */
#ifndef DIALECT_ORIGINAL_H
#define DIALECT_ORIGINAL_H

#include "base/clock.h"

struct db;
struct error;

#define ORIGINAL_NAME "testenv_original"

/* Copies `database`, to which nobody may be connected, to the original. */
int original_keep(struct db *admin, const char *database,
		  const struct deadline *deadline, struct error *err);

/* Makes database `name`, which must not exist, from the original. */
int original_clone(struct db *admin, const char *name,
		   const struct deadline *deadline, struct error *err);

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
