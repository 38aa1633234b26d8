/* SPDX-License-Identifier: MIT */
/*
 * config/compose.h - a Compose file, read for its databases.
 */
#ifndef CONFIG_COMPOSE_H
#define CONFIG_COMPOSE_H

#include "config/config.h"

#include <stdbool.h>

struct error;
struct progress;

/*
 * Adds the services and settings of the file at this absolute path to c. `name`
 * is what messages call it. *ret_relevant: it has a database service or an
 * x-testenv of its own; if not, c is as it was and nothing is told. Before the
 * call it says whether the file was named by the user: then any service that
 * can be started makes it relevant. ERROR_IO when it cannot be read,
 * ERROR_CONFIG with the position for the rest; c may hold a part then.
 */
int compose_read(const char *path, const char *name, struct config *c,
		 const struct progress *progress, bool *ret_relevant,
		 struct error *err);

#endif
