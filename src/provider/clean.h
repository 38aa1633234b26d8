/* SPDX-License-Identifier: MIT */
/*
 * provider/clean.h - databases in a server that any provider has, by the
 * original that is kept in it (dialect/clone.h); for provider/ only.
 *
 * `clones` NULL: the server holds no original. `admin` is as clone.h wants it.
 */
#ifndef PROVIDER_CLEAN_H
#define PROVIDER_CLEAN_H

#include "provider/impl.h"

struct clones;
struct db;
struct db_address;
struct db_state;

/* Keeps the migrated database in the server it was made in, for clones; nobody
 * is connected to it any more. */
int clean_keep(const struct provider *p, struct db *admin,
	       const struct deadline *deadline, struct error *err);

/*
 * The database of a server that is one owner's: 1, it is the original again; 0
 * with *err: only a new server is right, or it cannot be done; -1: cancelled,
 * or it turned out another (--verify).
 */
int clean_restore(const struct provider *p, struct clones *clones,
		  struct db *admin, const char *server,
		  const struct deadline *deadline, struct error *err);

/* A slot's database on a server of many, made or brought back: from the
 * original, or by the migrations where that cannot be. `login` is the
 * administrator's address. */
int clean_database(const struct provider *p, struct clones *clones,
		   struct db *admin, const struct db_address *login,
		   const char *database, const char *password,
		   const char *server, const struct deadline *deadline,
		   struct error *err);

/* What the original and a database hold; ERROR_REFUSED without an original. */
int clean_states(const struct provider *p, struct clones *clones,
		 struct db *admin, const char *database,
		 const struct deadline *deadline, struct db_state *ret_template,
		 struct db_state *ret_now, struct error *err);

/* Runs the migrations as the tests' user, whose the objects then are. */
int clean_migrate(const struct provider *p, const struct db_address *login,
		  const char *database, const char *password,
		  const struct deadline *deadline, struct error *err);

/* The name of a slot's database: "app_3". The caller frees. */
char *clean_name(const struct provider *p, unsigned slot);

#endif
