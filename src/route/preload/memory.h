/* SPDX-License-Identifier: MIT */
/*
 * route/preload/memory.h - what a process has learnt from the supervisor.
 *
 * Any thread, any signal handler, also behind fork() and vfork(). Bounded; what
 * finds no room is asked again, or refused.
 */
#ifndef ROUTE_PRELOAD_MEMORY_H
#define ROUTE_PRELOAD_MEMORY_H

#include "route/map.h"

#include <stdbool.h>

/* Once, before there are threads. Without it nothing is remembered. */
void memory_init(void);

/*
 * The owner's file of a service. A process knows its own only: a child may be
 * another owner's, and asks for itself.
 */
bool memory_find_file(const char *service, char file[ROUTE_MAX_PATH]);
void memory_keep_file(const char *service, const char *file);

/*
 * The folders of which this process, or one that it was forked from, has had a
 * descriptor. False: no room, so it must not have one.
 */
bool memory_hand_out(const char *service, const char *dir);
bool memory_has_handed_out(void);
/* Whose folder it is; false: nobody's. */
bool memory_find_dir(const char *dir, char service[ROUTE_MAX_SERVICE]);

#endif
