/* SPDX-License-Identifier: MIT */
/*
 * dialect/detour.h - a connection to a Unix socket for a library that insists
 * on making it itself, and must not see it fail.
 *
 * Connector/C (3.3.19), asked in its non-blocking way, closes a socket twice
 * whose connect(2) fails at once. Between the two the number may have become
 * another thread's: of a test's connection, of a file in /proc. So we connect,
 * and the library does to a listener of ours, where nothing fails; then its
 * descriptor is made ours (dup3(2)). It has said nothing by then: with MariaDB
 * the server speaks first.
 */
#ifndef DIALECT_DETOUR_H
#define DIALECT_DETOUR_H

#include "base/clock.h"

#include <stdbool.h>

struct detour {
	int server; /* connected */
	bool direct;
	const char *path; /* what the library is to connect to */
};

/*
 * Connects to the socket at `path`, which is kept. 0, or why not, as an errno;
 * ETIMEDOUT also when the deadline passed or was cancelled. After 0 other
 * threads wait here until detour_end(): so only what does not block may be done
 * in between.
 */
int detour_begin(struct detour *d, const char *path,
		 const struct deadline *deadline);

/* `fd`: the library's, now connected; -1: it has none. 0, or an errno, and then
 * fd leads nowhere. */
int detour_end(struct detour *d, int fd);

#endif
