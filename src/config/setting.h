/* SPDX-License-Identifier: MIT */
/*
 * config/setting.h - one value of a configuration, wherever it was said.
 *
 * One table serves flags, TESTENV_* variables and x-testenv keys, so that a
 * value means and is refused the same in all three.
 */
#ifndef CONFIG_SETTING_H
#define CONFIG_SETTING_H

#include "config/config.h"

#include <stdbool.h>
#include <stddef.h>

/* Where a value was said. Borrowed. */
struct place {
	enum config_origin origin;
	const char *where; /* "--workers", "TESTENV_WORKERS",
			      "compose.yaml:12:5" */
	const char *key;   /* to be named with it; NULL: `where` says it */
	const char *base;  /* relative paths start here; NULL: where we are */
};

struct setting {
	const char *key;      /* "start-timeout": the flag's name */
	const char *file_key; /* "start_timeout", or NULL: not in a file */
	bool of_service;      /* else of the whole */
	bool list;            /* each value adds one */
	int (*set)(struct config *c, struct config_service *s,
		   const struct place *at, const char *value,
		   struct error *err);
};

/* Ends with a NULL key. In the order in which they have to be applied. */
extern const struct setting settings[];
const struct setting *setting_find(const char *key);

/*
 * Checks, stores and records it. `s` may be NULL for a setting of the whole.
 * ERROR_USAGE for a flag, else ERROR_CONFIG; the text begins with the place.
 */
int setting_apply(const struct setting *setting, struct config *c,
		  struct config_service *s, const struct place *at,
		  const char *value, struct error *err);

/* An existing server's URL for `db`, which its scheme names (NULL: nothing
 * known); setting_url.c. */
int setting_url(struct config_service *s, const char *db,
		const struct place *at, const char *value, struct error *err);

/* Notes where a value came from, replacing what was noted before. */
void config_record(struct config *c, const char *key, const char *value,
		   const struct place *at);
/* ORIGIN_DEFAULT when nobody said it. */
enum config_origin config_origin_of(const struct config *c, const char *key);

/* Forgets what was noted for "SERVICE.START…". */
void config_forget(struct config *c, const char *service, const char *start);

/* "WHERE: KEY: …"; -1. */
int place_error(const struct place *at, struct error *err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Adds an empty service; pointers to the others do not stay. */
struct config_service *config_add_service(struct config *c, const char *name);

/* "postgres", "mariadb" by an image's name ("docker.io/library/postgres:16",
 * "testenv/mariadb"), or NULL. */
const char *config_image_db(const char *image);

/* "K=V" with a K that can be a variable's name. */
bool config_is_assignment(const char *text);

enum {
	CONFIG_SERVICES_MAX = 64,
	CONFIG_WORKERS_MAX = 512,
	CONFIG_LIST_MAX = 1024
};

#endif
