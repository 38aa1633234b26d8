/* SPDX-License-Identifier: MIT */
/*
 * route/preload/route.h - from a path to the one to use instead.
 */
#ifndef ROUTE_PRELOAD_ROUTE_H
#define ROUTE_PRELOAD_ROUTE_H

#include "route/map.h"

#include <stdbool.h>

/* Room for a replaced path; nothing else is put on the caller's stack. */
struct routed {
	char path[ROUTE_MAX_PATH];
};

/*
 * Replaces *path by the real one, in room, if it is one of the kinds (enum
 * route_kind, or-ed); any other path stays what it is. False with errno set
 * when the supervisor did not give it; else errno stays. base: the directory
 * descriptor that a relative path goes from, or AT_FDCWD. From the folder that
 * a service's file is in, which a program may have open to sync it, app.sqlite
 * is the file of who asks, and a folder of another owner's (inherited by fork)
 * has nothing in it.
 */
bool route(unsigned kinds, int base, const char **path, struct routed *room);

/* For realpath(): true when path is routed; its clean form, and the real one:
 * "" with errno set when the supervisor did not give it. */
bool route_is_ours(const char *path, struct routed *ret_real,
		   struct routed *ret_clean);

/* Is it the folder of a service's file? Then errno is ENOENT, else it stays. */
bool route_handed_out(int fd);

#endif
