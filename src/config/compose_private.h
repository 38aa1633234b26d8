/* SPDX-License-Identifier: MIT */
/*
 * config/compose_private.h - what the readers of a Compose file share.
 */
#ifndef CONFIG_COMPOSE_PRIVATE_H
#define CONFIG_COMPOSE_PRIVATE_H

#include "base/buf.h"
#include "base/strvec.h"
#include "config/config.h"
#include "config/yaml.h"

#include <stdbool.h>

struct config_companion;
struct error;

struct compose_reader {
	const char *name; /* of the file, in messages */
	const char *dir;
	struct config *c;
	struct error *err;
	struct strvec notices;
	struct strvec passed_over; /* services that are not started */
	const struct yaml *at;     /* for the notice about an unset variable */
	bool relevant;
};

/* "FILE:LINE:COLUMN: …"; -1. */
int compose_fail(struct compose_reader *r, const struct yaml *at,
		 const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Told at the end, if the file turns out to be ours to read. */
void compose_notice(struct compose_reader *r, const struct yaml *at,
		    const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* A scalar with its variables filled in; nothing (null) is "". */
int compose_text(struct compose_reader *r, const struct yaml *node,
		 struct buf *ret);
/* "K: V" of a map, or an item "K=V", as "K=V"; a K without a value is the
 * environment's. */
int compose_assignment(struct compose_reader *r, const struct yaml *node,
		       struct buf *ret, bool *ret_there);
/* "FILE:LINE:COLUMN"; the caller frees. */
char *compose_where(const struct compose_reader *r, const struct yaml *at);

/*
 * A service that is no database: adds it to r->c->companions, or says why it is
 * not started. `image` is its image, or NULL. compose_companion.c.
 */
int compose_companion(struct compose_reader *r, const struct yaml *node,
		      const char *image);
/* Its x-testenv; compose_extension.c. */
int companion_extension(struct compose_reader *r, struct config_companion *c,
			const struct yaml *x);
/* Once all were read: what depends on a service that is not started is not
 * started, either. */
void compose_settle(struct compose_reader *r);

/* What reads one key of such a service. */
struct compose_key {
	const char *name;
	int (*read)(struct compose_reader *r, struct config_companion *c,
		    const struct yaml *node);
};
/* The list ends with a NULL name; NULL: none has it. */
const struct compose_key *compose_find_key(const struct compose_key *keys,
					   const char *name);

/* "yes", "true", "no", "false" */
int compose_flag(struct compose_reader *r, const struct yaml *node, bool *ret);
/* The items of a list, or a single value. */
int compose_items(struct compose_reader *r, const struct yaml *node,
		  struct strvec *ret);
/* A command: a list is its words; a text is for the container's shell. */
int compose_shell(struct compose_reader *r, const struct yaml *node,
		  struct strvec *ret);
/* A text in the place of *slot; nothing is NULL. */
int compose_replace(struct compose_reader *r, const struct yaml *node,
		    char **slot);
int companion_add_port(struct compose_reader *r, struct config_companion *c,
		       const struct yaml *node, const char *text);
int companion_memory(struct compose_reader *r, struct config_companion *c,
		     const struct yaml *node);
int companion_pull(struct compose_reader *r, struct config_companion *c,
		   const struct yaml *node);

#endif
