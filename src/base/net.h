/* SPDX-License-Identifier: MIT */
/*
 * base/net.h - one connection, under a deadline; addresses in digits; a socket
 * without a name.
 */
#ifndef BASE_NET_H
#define BASE_NET_H

#include "base/clock.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/* Of an IPv4 or IPv6 address in digits, the latter without brackets. False:
 * `host` is none. Asks no name server. */
bool net_address(const char *host, uint16_t port, struct sockaddr_storage *ret,
		 socklen_t *ret_len);
/* "10.0.0.1:80" or "[fd00::1]:80"; the caller frees. */
char *net_place(const char *host, unsigned port);

/*
 * Connects a stream socket, non-blocking and close-on-exec. 0: *ret is the
 * caller's to close. Else why not, as an errno, with nothing left open;
 * ETIMEDOUT also when the deadline passed or was cancelled. Thread-safe.
 */
int net_connect(const struct sockaddr *address, socklen_t len,
		const struct deadline *deadline, int *ret);

/*
 * A machine that is gone says nothing: from now on a TCP connection that is
 * idle is asked every second, and fails (ETIMEDOUT) when nothing was heard for
 * some six.
 */
void net_notice_death(int fd);

/*
 * A Unix socket that listens, non-blocking, and whose name is gone again: only
 * who has *ret_file can connect, to "/proc/self/fd/FILE". For a library that
 * takes nothing but a path. 0, or an errno with nothing left.
 */
int net_listen_nameless(int *ret_listener, int *ret_file);

#endif
