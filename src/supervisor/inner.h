/* SPDX-License-Identifier: MIT */
/*
 * supervisor/inner.h - a session's supervisor on a thread of this process.
 *
 * What `exec` has for a session of its own. It is spoken to like any other,
 * over a connection that was handed over at its birth; when that closes before
 * the session is ready, the session is given up.
 */
#ifndef SUPERVISOR_INNER_H
#define SUPERVISOR_INNER_H

#include "base/clock.h"

struct config;
struct error;
struct inner;
struct session_client;
struct watchdog;

/*
 * Starts the thread, with all signals blocked, and the session. `config` and
 * `watchdog` are borrowed until inner_join. To be called after the environment
 * was copied for the command: see session_new.
 */
int inner_start(const struct config *config, struct watchdog *watchdog,
		const struct deadline *deadline, struct inner **ret,
		struct session_client **ret_client, struct error *err);
/* Waits until the session is gone, which session_client_down or the end of its
 * last client before it is ready sets off. Frees it; NULL is nothing. */
void inner_join(struct inner *inner);

#endif
