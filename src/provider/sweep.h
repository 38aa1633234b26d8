/* SPDX-License-Identifier: MIT */
/*
 * provider/sweep.h - what a session has on an engine, found by its label.
 *
 * A create call whose caller died may still take effect after the caller's
 * death. Therefore a name is written down, as an empty file in the session's
 * run directory, before the call, and struck out when its answer was read:
 * whoever cleans up waits for the names that are left, for a bounded time.
 */
#ifndef PROVIDER_SWEEP_H
#define PROVIDER_SWEEP_H

#include "base/clock.h"

#include <stdbool.h>

struct engine;
struct error;
struct progress;

int pending_begin(const char *run_dir, const char *name, struct error *err);
void pending_end(const char *run_dir, const char *name);

/* Removes every container of the session, in every state, and images that it
 * left unfinished; swarm: its services first, as their containers would be
 * missed. Idempotent. run_dir may be gone, or NULL. */
int sweep_session(struct engine *engine, const char *session,
		  const char *run_dir, bool swarm,
		  const struct deadline *deadline, struct error *err);

/*
 * After a removal that failed: is it worth trying to sweep? An engine that is
 * silent is waited for, some eight seconds, which is told; then it is given up
 * (engine_give_up), which is told with what clears up after it. From several
 * threads, one waits for all.
 */
bool sweep_may_work(struct engine *engine, const struct progress *progress,
		    const struct deadline *deadline);

#endif
