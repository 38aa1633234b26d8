/* SPDX-License-Identifier: MIT */
/*
 * provider/existing_open.h - may and can this server be used? For provider/
 * only.
 */
#ifndef PROVIDER_EXISTING_OPEN_H
#define PROVIDER_EXISTING_OPEN_H

#include "provider/impl.h"

struct existing_provider {
	struct provider base;
	struct db_address server; /* for administration, and its user's */
	char *place;              /* "localhost:5432", for people */
	char *version;
	char key[TEMPLATE_KEY];
	char *template; /* postgres: its name, once ensured */
	bool built, opened;
};

/*
 * Fills in server, place and version from the spec's URL. ERROR_REFUSED for a
 * server that is not on this machine (unless that is allowed) and for a user
 * who may not make databases, ERROR_NO_SERVER where none answers, ERROR_CONFIG
 * where it takes fewer connections than the workers need.
 */
int existing_open(struct existing_provider *p, const struct deadline *deadline,
		  struct error *err);

#endif
