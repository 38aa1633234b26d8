/* SPDX-License-Identifier: MIT */
/*
 * router/peer.h - which process is at the other end of a connection.
 *
 * The kernel is asked, the caller never: its credentials on a Unix socket; on
 * TCP the inode of the other end and then whoever has that inode among its
 * descriptors. The inode comes from sock_diag(7), in 5 us; where the kernel has
 * none or a container forbids it, from the list in /proc/net, in a millisecond
 * or more. Which of them, is found out once for the process. No other state but
 * what the caller lends; any thread. Nothing here blocks: sock_diag answers
 * within the send, /proc is memory.
 *
 * A socket that several processes have is the oldest ancestor's among them:
 * sockets are shared by fork, so that is the one that connected, and it stays
 * the caller when it forks while it is connected.
 *
 * All failures are ERROR_REFUSED with a text for people: another user's
 * process, one that has gone, one that cannot be seen (another container).
 */
#ifndef ROUTER_PEER_H
#define ROUTER_PEER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct error;

struct peer {
	pid_t pid;
	uint64_t start; /* as ident_start_time(); with pid, one process */
	uid_t uid;
};

/* The last callers, who are asked first: a program that connects again and
 * again is found without a search, mostly by the very descriptor that it had
 * for its last connection, or the next. Zeroed at first; one thread's. */
enum {
	PEER_RECENT = 32
};
struct peer_recent {
	struct {
		pid_t pid;
		int fd;
	} v[PEER_RECENT]; /* the last one first */
};

/* A process and all its descendants are looked at first, then, since one may
 * be reparented while we look, all processes of the user. Whether a process
 * found outside may call is router/owner.h's to say. */
struct peer_search {
	const char *proc;   /* NULL: "/proc" */
	const pid_t *roots; /* the commands, or NULL */
	size_t n_roots;
	struct peer_recent *recent; /* or NULL */
};

/* A connection accepted on a Unix socket. `proc` NULL: "/proc". */
int peer_of_unix(int fd, const char *proc, struct peer *ret, struct error *err);

/*
 * A connection accepted over TCP, IPv4 or IPv6, from this machine. A socket
 * that is there is somebody's: who has it may hand it to a child and end, or
 * move it to another descriptor, while they are gone through, so it is looked
 * for again before nobody is said to have it.
 */
int peer_of_tcp(int fd, const struct peer_search *where, struct peer *ret,
		struct error *err);

/* What the kernel knows of the other end of an accepted connection. `proc`
 * NULL: "/proc". */
struct peer_socket {
	uint64_t inode;
	uid_t uid;
};
int peer_socket_of(int fd, const char *proc, struct peer_socket *ret,
		   struct error *err);

/* The second half of peer_of_tcp: the oldest process that has the socket. */
int peer_holding(const struct peer_socket *s, const struct peer_search *where,
		 struct peer *ret, struct error *err);

#endif
