/* SPDX-License-Identifier: MIT */
/*
 * provider/existing.h - databases of ours on a server that is not ours.
 *
 * A database there is ours if its comment, which only its owner can write,
 * begins with our mark; it then holds a container's labels, a line each. No
 * other database is ever changed, dropped or, but for the one that the URL
 * names, connected to. Names:
 *
 *   testenv_s_SESSION_...  one session's: the slots', a template being made;
 *                          mariadb: the slots' users are called the same
 *   testenv_t_KEY          a template: closed to connections (postgres), kept
 *                          for later runs until EXISTING_KEPT_S unused
 *   testenv_t_KEY_N        mariadb: the same, made again. A database cannot be
 *                          renamed there: one without the label of a template
 *                          is in the making, and its maker's
 *
 * `url` is as the user gave it, password included: it goes into no message.
 */
#ifndef PROVIDER_EXISTING_H
#define PROVIDER_EXISTING_H

#include "base/clock.h"
#include "base/strvec.h"
#include "dialect/address.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct db;
struct error;

enum {
	EXISTING_KEPT_S = 7 * 24 * 60 * 60
};

#define EXISTING_PREFIX "testenv_"

struct existing_db {
	char *name;
	bool marked;
	struct strvec labels; /* "dev.testenv.session=..." */
};
struct existing_dbs {
	struct existing_db *list;
	size_t n;
};
#define EXISTING_DBS_INIT \
	{                 \
		0, 0      \
	}
void existing_dbs_free(struct existing_dbs *l);
#define auto_existing_dbs __attribute__((cleanup(existing_dbs_free)))

/* The address in the URL, with the database to connect to where it names none.
 */
int existing_address(const char *url, struct db_address *ret,
		     struct error *err);
/* Is it by a socket, or does every address of the name lead to this machine's
 * own loopback interface? *ret_ip: the first IPv4 one, or NULL; the caller
 * frees. */
bool existing_is_local(const struct db_address *a, char **ret_ip);

/* Every database whose name begins with our prefix. */
int existing_list(struct db *db, enum dialect d,
		  const struct deadline *deadline, struct existing_dbs *ret,
		  struct error *err);

/* Makes it, with the mark of these labels. `template` NULL: an empty one. What
 * a failure leaves has no mark, or is as asked but for what existing_carry
 * does. */
int existing_create(struct db *db, enum dialect d, const char *name,
		    const char *template, const struct strvec *labels,
		    const struct deadline *deadline, struct error *err);
/* postgres: what a copy does not have of its template by itself: settings of
 * the database, privileges on it (as the owner's), the connection limit. */
int existing_carry(struct db *db, const char *template, const char *copy,
		   const struct deadline *deadline, struct error *err);
/* Writes the mark anew. */
int existing_mark(struct db *db, enum dialect d, const char *name,
		  const struct strvec *labels, const struct deadline *deadline,
		  struct error *err);
/*
 * Drops it with its user, whoever is connected to it; not there is success.
 * ERROR_REFUSED unless it has our mark, or has none and is named as
 * `session`'s: one whose maker was killed between making and marking. session
 * may be NULL. `server` is where db is connected to.
 */
int existing_drop(struct db *db, const struct db_address *server,
		  const char *name, const char *session,
		  const struct deadline *deadline, struct error *err);

/* The address of the database's own user, who has the server's password. */
void existing_user_address(const struct db_address *server, const char *name,
			   struct db_address *ret);

/* Drops all that a session left there. Idempotent. */
int existing_sweep(const char *url, const char *session,
		   const struct deadline *deadline, struct error *err);

#endif
