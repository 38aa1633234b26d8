/* SPDX-License-Identifier: MIT */
/*
 * provider/programs.h - the database servers installed on this machine.
 *
 * Looked for in PATH and where distributions put them (Debian's
 * /usr/lib/postgresql/N/bin, /usr/pgsql-N/bin, /usr/sbin). A server counts only
 * with the program that makes its data directory.
 */
#ifndef PROVIDER_PROGRAMS_H
#define PROVIDER_PROGRAMS_H

#include "base/clock.h"
#include "dialect/address.h"

#include <stdbool.h>
#include <stddef.h>

struct wards;
struct error;

struct programs {
	char *server;  /* ".../postgres", ".../mariadbd" */
	char *init;    /* ".../initdb", ".../mariadb-install-db" */
	char *version; /* "15.8" */
};
struct programs_list {
	struct programs *list; /* the newest first */
	size_t n;
};
#define PROGRAMS_LIST_INIT \
	{                  \
		0, 0       \
	}
void programs_list_free(struct programs_list *l);
#define auto_programs_list __attribute__((cleanup(programs_list_free)))

/* Asks each for its version; one that does not tell is left out. `scratch` is a
 * directory of ours. None is success. Only the deadline makes it fail. */
int programs_find(enum dialect d, struct wards *wards, const char *scratch,
		  const struct deadline *deadline, struct programs_list *ret,
		  struct error *err);

/* The same for whoever has no wards yet; without a scratch directory, or
 * past the deadline, none. */
void programs_look(enum dialect d, const struct deadline *deadline,
		   struct programs_list *ret);

/* The newest of this version ("15" takes 15.8), or of all with NULL; borrowed.
 * NULL with ERROR_NO_SERVER. Pure. */
const struct programs *programs_choose(const struct programs_list *list,
				       enum dialect d, const char *version,
				       struct error *err);

/* Is it "15", or "15.8", as NULL or "15" asks? Pure. */
bool programs_is_version(const char *version, const char *asked);

/* The version in what "--version" prints, or NULL if it is none of this
 * dialect's (MySQL's own server is not MariaDB's). Pure; the caller frees. */
char *programs_version(enum dialect d, const char *text);

#endif
