/* SPDX-License-Identifier: MIT */
/*
 * route/ask.h - asks the supervisor for the file of this process's owner.
 *
 * Runs inside open(2) of any program: allocates nothing, raises no signal,
 * leaves no descriptor, waits ROUTE_TIMEOUT_MS at most.
 */
#ifndef ROUTE_ASK_H
#define ROUTE_ASK_H

#include <stddef.h>

enum {
	ROUTE_TIMEOUT_MS = 60000
};

/*
 * 0 with the absolute path in buf, or an errno value: ENOENT when there is no
 * supervisor at socket_path, EACCES when it refuses, ETIMEDOUT, EIO for an
 * answer that cannot be used, or what a system call gave.
 */
int route_ask(const char *socket_path, const char *service, char *buf,
	      size_t size);

#endif
