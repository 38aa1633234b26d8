/* SPDX-License-Identifier: MIT */
/*
 * session/existing.h - what dead sessions left on an existing server.
 */
#ifndef SESSION_EXISTING_H
#define SESSION_EXISTING_H

#include "base/clock.h"

#include <stdbool.h>

struct error;

/* failure NULL: it was removed, or was only looked for. */
typedef void session_found_fn(void *ctx, const char *name, const char *why,
			      const struct error *failure);

/*
 * Drops the databases with our mark whose owners are dead, by the rules for
 * containers (session/death.h), and templates that were unused for long; with
 * only_look names them. Those of other users of the server fail, which is told.
 */
int session_collect_server(const char *url, bool only_look,
			   const struct deadline *deadline,
			   session_found_fn *fn, void *ctx, struct error *err);

#endif
