/* SPDX-License-Identifier: MIT */
/*
 * provider/local_sweep.h - what a dead session's local servers left.
 *
 * In the session's directory each server has NAME/ with its data, NAME.log, and
 * while it runs NAME.pid: "PID START", which names one process for ever.
 */
#ifndef PROVIDER_LOCAL_SWEEP_H
#define PROVIDER_LOCAL_SWEEP_H

#include "base/clock.h"

#include <sys/types.h>

struct error;

#define LOCAL_PID ".pid"
#define LOCAL_LOG ".log"

int local_pid_write(const char *path, pid_t pid, struct error *err);

/*
 * Waits until the servers named in `dir` have ended, as they do by themselves
 * when their owner dies, and kills those that do not. Removes no file. A
 * directory that is not there is success.
 */
int local_sweep(const char *dir, const struct deadline *deadline,
		struct error *err);

#endif
