/* SPDX-License-Identifier: MIT */
#include "router/peer.h"

#include "base/alloc.h"
#include "base/error.h"
#include "router/proc.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77 /* Linux 6.5; not yet in Debian 12's headers */
#endif

static int refuse_user(uid_t uid, struct error *err)
{
	return error_set(err, ERROR_REFUSED,
			 "the caller belongs to another user (uid %lu)",
			 (unsigned long)uid);
}

static int refuse_gone(pid_t pid, struct error *err)
{
	return error_set(err, ERROR_REFUSED,
			 "the calling process (%ld) has already ended",
			 (long)pid);
}

/* A descriptor that stands for the process that connected, where the kernel
 * has that; -1 elsewhere. */
static int peer_pidfd(int fd)
{
	int pidfd = -1;
	socklen_t len = sizeof(pidfd);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &len) < 0)
		return -1;
	return pidfd;
}

static bool has_ended(int pidfd)
{
	struct pollfd p = {.fd = pidfd, .events = POLLIN};

	return pidfd >= 0 && poll(&p, 1, 0) == 1;
}

int peer_of_unix(int fd, const char *proc, struct peer *ret, struct error *err)
{
	auto_close int pidfd = -1;
	struct ucred cred;
	socklen_t len = sizeof(cred);
	struct proc p;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return error_set_errno(err, ERROR_REFUSED, errno,
				       "ask the socket who is calling");
	if (cred.uid != geteuid())
		return refuse_user(cred.uid, err);
	if (cred.pid <= 0)
		return error_set(err, ERROR_REFUSED,
				 "the caller cannot be seen from here: it runs "
				 "in another container");
	pidfd = peer_pidfd(fd);
	if (!proc_read(proc ? proc : "/proc", cred.pid, &p))
		return refuse_gone(cred.pid, err);
	/* alive after its start time was read: the pid was not another's */
	if (has_ended(pidfd))
		return refuse_gone(cred.pid, err);
	*ret = (struct peer){cred.pid, p.start, cred.uid};
	return 0;
}

/* Takes pid as the caller if it has the socket and is older. */
static bool consider(const char *proc, pid_t pid, uint64_t inode,
		     struct proc *best)
{
	struct proc p;

	if (!proc_holds_socket(proc, pid, inode) || !proc_read(proc, pid, &p))
		return false;
	if (best->pid == 0 || p.start < best->start)
		*best = p;
	return true;
}

/*
 * Breadth first, so that an ancestor comes before its descendants: the first
 * that has the socket is the one that connected.
 */
static bool search_below(const struct peer_search *where, const char *proc,
			 uint64_t inode, struct proc *best)
{
	auto_proc_list struct proc_list queue = {0};

	for (size_t i = 0; i < where->n_roots; i++)
		proc_list_add(&queue, where->roots[i]);
	for (size_t i = 0; i < queue.n; i++) {
		if (consider(proc, queue.v[i], inode, best))
			return true;
		proc_children(proc, queue.v[i], &queue);
	}
	return false;
}

/* The parent of *best among these, born in the same tick; false if none. */
static bool step_up(const char *proc, const struct proc_list *holders,
		    struct proc *best)
{
	struct proc p;

	for (size_t i = 0; i < holders->n; i++) {
		if (holders->v[i] == best->ppid &&
		    proc_read(proc, holders->v[i], &p) &&
		    p.start == best->start) {
			*best = p;
			return true;
		}
	}
	return false;
}

static bool search_all(const char *proc, uid_t uid, uint64_t inode,
		       struct proc *best)
{
	auto_proc_list struct proc_list all = {0};
	auto_proc_list struct proc_list holders = {0};

	proc_all(proc, uid, &all);
	for (size_t i = 0; i < all.n; i++) {
		if (consider(proc, all.v[i], inode, best))
			proc_list_add(&holders, all.v[i]);
	}
	for (size_t i = 0; i < holders.n && step_up(proc, &holders, best);)
		i++;
	return best->pid != 0;
}

int peer_holding(const struct peer_socket *s, const struct peer_search *where,
		 struct peer *ret, struct error *err)
{
	const char *proc = where->proc ? where->proc : "/proc";
	struct proc best = {0};

	if (s->uid != geteuid())
		return refuse_user(s->uid, err);
	if (!search_below(where, proc, s->inode, &best) &&
	    !search_all(proc, s->uid, s->inode, &best))
		return error_set(err, ERROR_REFUSED,
				 "no process that can be seen from here has "
				 "the caller's socket: it has ended, or runs "
				 "in another container");
	*ret = (struct peer){best.pid, best.start, s->uid};
	return 0;
}

int peer_of_tcp(int fd, const struct peer_search *where, struct peer *ret,
		struct error *err)
{
	struct peer_socket s;

	if (peer_socket_of(fd, &s, err) < 0)
		return -1;
	return peer_holding(&s, where, ret, err);
}
