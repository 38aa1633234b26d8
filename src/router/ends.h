/* SPDX-License-Identifier: MIT */
/*
 * router/ends.h - a TCP connection's two ends, and two ways to ask whose the
 * other one is. For router/peer.h alone.
 */
#ifndef ROUTER_ENDS_H
#define ROUTER_ENDS_H

#include "router/peer.h"

#include <stdbool.h>
#include <sys/socket.h>

struct peer_ends {
	struct sockaddr_storage ours;
	struct sockaddr_storage theirs;
};

/* Of an accepted connection. ERROR_REFUSED. */
int ends_of(int fd, struct peer_ends *ret, struct error *err);

/* By sock_diag(7). ERROR_REFUSED: there is no such socket, or nobody to ask. */
int ends_ask_diag(const struct peer_ends *e, struct peer_socket *ret,
		  struct error *err);
/* By PROC/net/tcp and tcp6 (proc_net(5)), which list every connection of the
 * network namespace. */
bool ends_find_in_proc(const struct peer_ends *e, const char *proc,
		       struct peer_socket *ret);

#endif
