/* SPDX-License-Identifier: MIT */
/*
 * supervisor/guard.h - the watchdog's own side: what the forked process does.
 */
#ifndef SUPERVISOR_GUARD_H
#define SUPERVISOR_GUARD_H

#include "supervisor/watchdog.h"

/*
 * Never returns. fd: its end of the socket pair. owner: a pidfd of the owner,
 * or -1. Called right after fork with every signal blocked. Its own exit is
 * _exit: what the owner had buffered or registered is the owner's.
 */
void guard_run(int fd, int owner, watchdog_clean_fn *clean)
    __attribute__((noreturn));

#endif
