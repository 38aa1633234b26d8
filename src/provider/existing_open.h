/* SPDX-License-Identifier: MIT */
/*
 * provider/existing_open.h - may and can this server be used? For provider/
 * only.
 */
#ifndef PROVIDER_EXISTING_OPEN_H
#define PROVIDER_EXISTING_OPEN_H

#include "provider/impl.h"

#include <pthread.h>

struct db;
struct db_copy;

/* How MariaDB's slots are made: found out with the first. */
enum existing_way {
	WAY_UNKNOWN,
	WAY_COPY,   /* of the template */
	WAY_MIGRATE /* the template cannot be copied right */
};
enum existing_users {
	USERS_UNKNOWN,
	USERS_OWN,   /* each slot has one */
	USERS_SHARED /* the URL's user may not make any */
};
struct existing_maria {
	pthread_mutex_t mutex; /* guards all of it */
	enum existing_users users;
	_Atomic(enum existing_way) way;
	struct db_copy *copy; /* stays as it is once the way is known */
};

struct existing_provider {
	struct provider base;
	struct db_address server; /* for administration, and its user's */
	char *place;              /* "localhost:5432", for people */
	char *version;
	char key[TEMPLATE_KEY];
	char *template; /* its name, once ensured; NULL: there is none */
	bool built, opened;
	/* "SLOT=N": its database is its Nth, as others before it are held;
	 * guarded by maria.mutex */
	struct strvec moved;
	struct existing_maria maria;
};

/*
 * Fills in server, place and version from the spec's URL. ERROR_REFUSED for a
 * server that is not on this machine (unless that is allowed) and for a user
 * who may not make databases, ERROR_NO_SERVER where none answers, ERROR_CONFIG
 * where it takes fewer connections than the workers need.
 */
int existing_open(struct existing_provider *p, const struct deadline *deadline,
		  struct error *err);

/* existing.c: a name of the session's, "testenv_s_SESSION_0END"; what marks a
 * database as the session's, and one as a template. */
char *existing_own_name(const struct existing_provider *p, const char *end);
void existing_own_labels(const struct existing_provider *p, struct strvec *ret);
void existing_template_labels(const struct existing_provider *p,
			      struct strvec *ret);
void existing_note_use(const struct existing_provider *p, struct db *db,
		       const char *name, const struct deadline *deadline);
void existing_say_making(const struct existing_provider *p);
void existing_say_made(const struct existing_provider *p);

int existing_read(const struct existing_provider *p, const char *database,
		  const struct deadline *deadline, struct db_state *ret,
		  struct error *err);

/* existing_maria.c: as the operations of a provider. `name` is the slot's
 * database, *ret_user its user or NULL. */
int existing_maria_template(struct existing_provider *p, struct db *db,
			    const struct deadline *deadline, struct error *err);
int existing_maria_slot(struct existing_provider *p, struct db *db,
			const char *name, const struct deadline *deadline,
			char **ret_user, struct error *err);
/* As provider_facts has it. */
const char *existing_maria_way(const struct existing_provider *p);
void existing_maria_close(struct existing_provider *p);

#endif
