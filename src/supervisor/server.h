/* SPDX-License-Identifier: MIT */
/*
 * supervisor/server.h - the process that owns a session, in the background.
 *
 * One event loop serves any number of clients over RUN_DIR/supervisor.sock;
 * what blocks (starting and ending the session) runs on the thread pool. No
 * client can hold up the loop or make it grow: lines, queues, waiting requests
 * and the number of clients are bounded, and who passes a bound is
 * disconnected. Only this user's processes are answered.
 */
#ifndef SUPERVISOR_SERVER_H
#define SUPERVISOR_SERVER_H

#include <stdbool.h>
#include <stdint.h>

struct config;
struct error;
struct session;
struct watchdog;

/* All borrowed for the call. */
struct supervisor_spec {
	const struct config *config;
	/* Ends itself after this long with no client; 0: never. */
	int64_t idle_ms;
	/*
	 * A connected socket of whoever asked for the session, owned from now
	 * on; -1: none. If it closes before the session is ready, the session
	 * is ended: nobody waits for it any more.
	 */
	int starter_fd;
	/* The starter does not wait. A failed start is then kept, with nothing
	 * else of the session, for the first that asks, and for some minutes
	 * only. */
	bool detached;
	/*
	 * Of an exec: only commands that the starter names ("root") and what
	 * they start may call, and the first of them opens the doors. It ends
	 * with its starter, unless that said "keep".
	 */
	bool private;
	/* On a thread of the process that uses it (see inner.h): signals and
	 * standard error are that process's own. */
	bool inner;
	struct watchdog *watchdog; /* told of what there is; NULL */
};

/*
 * Owns the session until a client, a signal (TERM, INT, HUP, QUIT) or idleness
 * ends it; returns when nothing of it is left. -1 with *err when it could not
 * begin; later failures are for the clients. Standard error becomes the
 * session's log, RUN_DIR/supervisor.log, kept under 1 MiB.
 */
int supervisor_run(const struct supervisor_spec *spec, struct error *err);

#endif
