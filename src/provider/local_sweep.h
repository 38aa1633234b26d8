/* SPDX-License-Identifier: MIT */
/*
 * provider/local_sweep.h - what a dead session's local servers left.
 *
 * In the session's directory each server has NAME/ with its data, NAME.log, and
 * while it runs NAME.pid: "PID START", which names one process for ever,
 * and its process group.
 */
#ifndef PROVIDER_LOCAL_SWEEP_H
#define PROVIDER_LOCAL_SWEEP_H

#include "base/clock.h"

#include <sys/types.h>

struct error;

#define LOCAL_PID ".pid"
#define LOCAL_LOG ".log"

int local_pid_write(const char *path, pid_t pid, struct error *err);

/* Frees the shared memory that a killed Postgres on this data directory left;
 * the kernel keeps it for ever. Not while anybody is attached to it. */
void local_free_memory(const char *data);

/*
 * Waits until the servers named in `dir` have ended, as they do by themselves
 * when their owner dies, and kills those that do not; then frees their
 * memory. Removes no file. A
 * directory that is not there is success.
 */
int local_sweep(const char *dir, const struct deadline *deadline,
		struct error *err);

#endif
