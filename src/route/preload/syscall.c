/* SPDX-License-Identifier: MIT */
/*
 * System calls by syscall(2): for what a libc has no function, or had none when
 * the program was written. libuv asks for statx() so, others for openat2() and
 * faccessat2(). Any other call with our path finds no such file.
 */
#include "route/preload/call.h"

#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	ARGS = 6
};

/* A library that asks whether there is such a call gives no arguments. */
static unsigned kinds_of_openat2(const struct open_how *how, size_t size)
{
	if (!how || size < sizeof(*how))
		return 0;
	return open_kinds((int)how->flags);
}

/* Which files the call takes; 0: it takes no path. ret_path: where among the
 * arguments; in front of it is the directory's descriptor, if it is not the
 * first. */
static unsigned kinds_of(long number, const long args[ARGS], int *ret_path)
{
	*ret_path = 1;
	switch (number) {
	case SYS_statx:
	case SYS_newfstatat:
	case SYS_readlinkat:
	case SYS_faccessat:
#ifdef SYS_faccessat2
	case SYS_faccessat2:
#endif
		return LOOKS;
	case SYS_openat:
		return open_kinds((int)args[2]);
	case SYS_openat2:
		return kinds_of_openat2((const struct open_how *)args[2],
					(size_t)args[3]);
	case SYS_unlinkat:
		return FILES;
	default:
		break;
	}
	*ret_path = 0;
	switch (number) {
#ifdef SYS_open /* not on younger architectures */
	case SYS_open:
		return open_kinds((int)args[1]);
	case SYS_stat:
	case SYS_lstat:
	case SYS_access:
	case SYS_readlink:
		return LOOKS;
	case SYS_unlink:
		return FILES;
#endif
	default:
		return 0;
	}
}

EXPORT long syscall(long number, ...)
{
	typedef long function(long, ...);
	NEXT(known, "syscall");
	struct routed room;
	unsigned kinds;
	union {
		void *object;
		function *function;
	} next;
	va_list args;
	long a[ARGS];
	int at;

	va_start(args, number);
	for (size_t i = 0; i < ARGS; i++)
		a[i] = va_arg(args, long);
	va_end(args);
	kinds = kinds_of(number, a, &at);
	if (kinds) {
		const char *path = (const char *)a[at];

		if (!route(kinds, at ? (int)a[0] : AT_FDCWD, &path, &room))
			return -1;
		a[at] = (long)path;
	}
	next.object = next_find(&known);
	return next.object
		   ? next.function(number, a[0], a[1], a[2], a[3], a[4], a[5])
		   : -1;
}
