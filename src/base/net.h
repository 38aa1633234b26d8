/* SPDX-License-Identifier: MIT */
/*
 * base/net.h - one connection, under a deadline.
 */
#ifndef BASE_NET_H
#define BASE_NET_H

#include "base/clock.h"

#include <sys/socket.h>

/*
 * Connects a stream socket, non-blocking and close-on-exec. 0: *ret is the
 * caller's to close. Else why not, as an errno, with nothing left open;
 * ETIMEDOUT also when the deadline passed or was cancelled. Thread-safe.
 */
int net_connect(const struct sockaddr *address, socklen_t len,
		const struct deadline *deadline, int *ret);

#endif
