/* SPDX-License-Identifier: MIT */
/*
 * supervisor/spawn.h - a command as a frame, and as a process.
 */
#ifndef SUPERVISOR_SPAWN_H
#define SUPERVISOR_SPAWN_H

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct watchdog_command;
struct error;

/* How it went; pid is what was started, if it failed later, too. */
struct spawn_result {
	int32_t pid;
	int32_t failure; /* 0: it runs */
	int32_t in_exec; /* the failure is execve's, not one before it */
};

/* Owner's side: the payload of FRAME_SPAWN, with the file looked up. */
int spawn_encode(const struct watchdog_command *command, struct buf *ret,
		 struct error *err);
/* The result as an error. */
int spawn_error(const char *name, const struct spawn_result *result,
		struct error *err);

/* Watchdog's side: forks and waits until it runs or cannot. */
void spawn_run(const char *payload, size_t len, struct spawn_result *ret);

#endif
