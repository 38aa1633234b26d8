/* SPDX-License-Identifier: MIT */
/*
 * session/logs.h - one server of a session, from outside: its log, and its own
 * client program.
 *
 * `engine` is as the session's owner tells it (encoded), `container` the name
 * of a slot's container, or of its service on a swarm.
 */
#ifndef SESSION_LOGS_H
#define SESSION_LOGS_H

#include "base/buf.h"
#include "base/clock.h"
#include "dialect/address.h"

#include <stdbool.h>

struct error;

/* Pieces of output; anything but 0 ends the call as success. */
typedef int session_output_fn(void *ctx, const char *data, size_t len);

struct session_log_options {
	bool follow;
	int tail; /* lines; 0: all */
	bool timestamps;
};
int session_logs(const char *engine, const char *container,
		 const struct session_log_options *options,
		 const struct deadline *deadline, session_output_fn *fn,
		 void *ctx, struct error *err);

/* The same of a local server, by the name that its session gives the slot. Its
 * lines have their times by themselves. Follows until the server is gone. */
int session_file_logs(const char *name,
		      const struct session_log_options *options,
		      const struct deadline *deadline, session_output_fn *fn,
		      void *ctx, struct error *err);

/*
 * Runs a script with the client inside the container (psql, mariadb): what it
 * prints goes to fn. The password travels in a file that only root can read,
 * and that is removed again. ERROR_NOT_FOUND where the image has no client, or
 * another node of a swarm than the engine's own has the container.
 */
int session_container_sql(const char *engine, const char *container,
			  const struct db_address *address, const char *sql,
			  size_t len, const struct deadline *deadline,
			  session_output_fn *fn, void *ctx, int *ret_exit_code,
			  struct error *err);

#endif
