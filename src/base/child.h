/* SPDX-License-Identifier: MIT */
/*
 * base/child.h - a command of the user's, run to its end, with nothing left of
 * it.
 *
 * Between it and us stands a keeper, a process of ours that has nothing else to
 * do: it ends all that the command started (also what left its process group or
 * its session) when the command has ended, when it is told to, and when we are
 * gone, whatever ended us. Safe with threads; several may run at once.
 */
#ifndef BASE_CHILD_H
#define BASE_CHILD_H

#include "base/buf.h"
#include "base/clock.h"

struct error;

/* Borrowed for the call. Its stdin is empty. */
struct child_command {
	char *const *argv; /* argv[0] is a path */
	char *const *envp;
	const char *dir; /* its working directory */
};

/*
 * Waits for it: *ret_status as waitpid(2) has it. *tail gets the last of what
 * it wrote to stdout and stderr, at most tail->max bytes, on failure too.
 * When the deadline passes or is cancelled, all of it gets SIGTERM, and SIGKILL
 * two seconds later; ERROR_TIMEOUT or ERROR_CANCELLED. ERROR_CANNOT_RUN when it
 * cannot be executed.
 */
int child_run(const struct child_command *command,
	      const struct deadline *deadline, struct buf *tail,
	      int *ret_status, struct error *err);

#endif
