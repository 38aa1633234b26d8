/* SPDX-License-Identifier: MIT */
/*
 * provider/slot_user.h - MariaDB: a user for each slot of a server that many
 * share; for provider/ only.
 *
 * Databases there can be named from each other, so a slot has a user who may
 * use its database only. The clients know none of it: the router says this user
 * in place of the public one, with the same password.
 */
#ifndef PROVIDER_SLOT_USER_H
#define PROVIDER_SLOT_USER_H

struct db;
struct db_address;
struct deadline;
struct error;
struct provider;

/* "app_3", or NULL where the dialect needs none. The caller frees. */
char *slot_user_name(const struct provider *p, unsigned slot);

/* Makes it, with `password`, of which only a hash leaves this process, and the
 * privileges on the database that it may use. It must not exist. */
int slot_user_let_in(struct db *db, const char *user, const char *password,
		     const char *database, const struct deadline *deadline,
		     struct error *err);

/* By an administrator: nobody can log in as the user any more, and whoever has
 * is gone: a connection need not have chosen the database to write to it. Not
 * there is success. */
int slot_user_shut_out(struct db *db, const char *user,
		       const struct deadline *deadline, struct error *err);

/*
 * The same by one who may make users, but neither see nor end others'
 * connections: the user itself ends them. `login` is the user's own address. If
 * it cannot be dropped, ERROR_DATABASE.
 */
int slot_user_leave(struct db *db, const struct db_address *login,
		    const struct deadline *deadline, struct error *err);

#endif
