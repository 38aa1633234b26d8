/* SPDX-License-Identifier: MIT */
/*
 * route/preload/call.h - how a function of libc is intercepted.
 */
#ifndef ROUTE_PRELOAD_CALL_H
#define ROUTE_PRELOAD_CALL_H

#include "route/preload/route.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

#define EXPORT __attribute__((visibility("default")))

enum {
	FILES = ROUTE_IS_FILE,
	OPENS = ROUTE_IS_FILE | ROUTE_IS_SERVICE,
	LOOKS = ROUTE_IS_FILE | ROUTE_IS_SERVICE | ROUTE_IS_DIR
};

/*
 * The functions behind ours, in a section of their own, so that all of them are
 * looked up before main() (next.c): dlsym() may allocate, and a sanitizer that
 * reports a fault calls open() where nothing may be allocated.
 */
struct next {
	const char *name;
	_Atomic(void *) found;
};
#define NEXT(variable, function)    \
	static struct next variable \
	    __attribute__((section("route_next"), used)) = {function, NULL}

/* NULL with ENOSYS: this libc has no such function. */
void *next_find(struct next *next);

/*
 * CALL(type, failure, name, (parameters), (arguments), routing)
 * defines the function `name`: the routing, then the next one. A libc that has
 * no such function gives ENOSYS.
 */
#define CALL(type, failure, name, params, args, routing) \
	EXPORT type name params;                         \
	EXPORT type name params                          \
	{                                                \
		NEXT(known, #name);                      \
		struct routed room[2];                   \
		union {                                  \
			void *object;                    \
			type(*function) params;          \
		} next;                                  \
                                                         \
		if (!(routing))                          \
			return failure;                  \
		next.object = next_find(&known);         \
		if (!next.object)                        \
			return failure;                  \
		return next.function args;               \
	}

#define AT_CWD(kinds)  route(kinds, AT_FDCWD, &path, room)
#define AT_BASE(kinds) route(kinds, base, &path, room)

/* A directory is opened for reading or not at all. */
static inline unsigned open_kinds(int flags)
{
	return (flags & (O_ACCMODE | O_CREAT)) == O_RDONLY ? OPENS : FILES;
}

static inline bool has_mode(int flags)
{
	return (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE;
}

/* The third argument is there only with these flags. */
#define OPEN_MODE(mode, flags)                          \
	do {                                            \
		va_list args_;                          \
                                                        \
		va_start(args_, flags);                 \
		if (has_mode(flags))                    \
			(mode) = va_arg(args_, mode_t); \
		va_end(args_);                          \
	} while (0)

/* As CALL, for what has a mode among its "...". */
#define OPEN_CALL(name, params, args, routing)   \
	EXPORT int name params;                  \
	EXPORT int name params                   \
	{                                        \
		NEXT(known, #name);              \
		struct routed room[1];           \
		mode_t mode = 0;                 \
		union {                          \
			void *object;            \
			int(*function) params;   \
		} next;                          \
                                                 \
		OPEN_MODE(mode, flags);          \
		if (!(routing))                  \
			return -1;               \
		next.object = next_find(&known); \
		if (!next.object)                \
			return -1;               \
		return next.function args;       \
	}

#endif
