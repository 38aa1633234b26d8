/* SPDX-License-Identifier: MIT */
/*
 * provider/carry.h - kept templates as files, to be taken to another machine.
 *
 * Of an image that is the server's data directory, as a tar, with what has to
 * be known to put it on the same base image again: 4 to 6 MB compressed where
 * the image with all its layers has 76 to 150 (measured: MariaDB 10.11,
 * Postgres 15), and any engine reads it. Of a SQLite template it is the file,
 * of a local server's its directory, as a tar.
 *
 * The passwords in it are the template's own, random, and replaced in every
 * server made from it. What the configuration gives the server's environment is
 * in it as well.
 */
#ifndef PROVIDER_CARRY_H
#define PROVIDER_CARRY_H

#include "provider/cache.h"
#include "provider/provider.h"

struct engine;

/* One template, described, its data in a file. */
struct carried {
	enum cache_place place;
	char key[TEMPLATE_KEY];
	char *path;     /* of its data */
	char *dialect;  /* "postgres" */
	char *server;   /* its version; NULL where it is not known */
	char *platform; /* of a local server: see local_platform() */
	/* the rest of an image only */
	char *base, *base_name;  /* the image's id and name */
	struct strvec env, args; /* of the server's container */
};
#define CARRIED_INIT                                                        \
	{                                                                   \
		CACHE_IMAGE, "", 0, 0, 0, 0, 0, 0, STRVEC_INIT, STRVEC_INIT \
	}
void carried_free(struct carried *c);
#define auto_carried __attribute__((cleanup(carried_free)))

/* Writes one's data to a new file `path`. ERROR_REFUSED for one that keeps data
 * outside of its data directory, or was made by an older testenv. */
int carry_out(struct engine *engine, const struct ownership *owner,
	      const struct cache_row *row, const char *path,
	      const struct deadline *deadline, struct carried *ret,
	      struct error *err);

/*
 * Makes a kept template of it, in one step; c->path may be gone afterwards. 1
 * it was made, 0 there is one of that key. ERROR_NO_IMAGE when its base image
 * is neither on the engine nor what is pulled under that name; ERROR_NO_SERVER
 * when it is of a local server that this machine does not have.
 */
int carry_in(struct engine *engine, const struct ownership *owner,
	     const struct carried *c, const struct deadline *deadline,
	     const struct progress *progress, struct error *err);

#endif
