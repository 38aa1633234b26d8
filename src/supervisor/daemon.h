/* SPDX-License-Identifier: MIT */
/*
 * supervisor/daemon.h - a session's server put into the background.
 */
#ifndef SUPERVISOR_DAEMON_H
#define SUPERVISOR_DAEMON_H

#include "base/clock.h"

#include <stdbool.h>
#include <stdint.h>

struct config;
struct error;
struct session_client;

struct daemon_spec {
	const struct config *config;
	int64_t idle_ms; /* see struct supervisor_spec */
	bool detached;
	bool private; /* see struct supervisor_spec */
};

/*
 * Forks a process of its own session (setsid), with nothing of ours but the
 * configuration: no descriptor, no terminal, no working directory. It is
 * guarded by a watchdog, so that its death leaves nothing either. Returns once
 * it listens, with the connection over which it was asked: as long as the
 * session starts, closing that ends it again (unless detached).
 *
 * To be called before the program has threads that matter: only the calling
 * one goes on in the new process.
 */
int daemon_start(const struct daemon_spec *spec,
		 const struct deadline *deadline, struct session_client **ret,
		 struct error *err);

#endif
