/* SPDX-License-Identifier: MIT */
#include "router/peer.h"

#include "base/alloc.h"
#include "base/error.h"
#include "router/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77 /* Linux 6.5; not yet in Debian 12's headers */
#endif

enum {
	SCANNED = 6, /* of the recent callers, whose descriptors are all read */
	LOOKS = 3    /* for who has a socket that is there */
};

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

/* The oldest of the holders that are each other's ancestors: the one that
 * connected and then forked. */
static void climb(const char *proc, uint64_t inode, struct proc *p)
{
	struct proc parent;

	while (p->ppid > 1 && proc_find_socket(proc, p->ppid, inode) >= 0 &&
	       proc_read(proc, p->ppid, &parent) && parent.start <= p->start)
		*p = parent;
}

struct found {
	struct proc p;
	int fd; /* of the process that was looked at first */
};

static bool is_holder(const char *proc, pid_t pid, uint64_t inode,
		      struct found *ret)
{
	ret->fd = proc_find_socket(proc, pid, inode);
	if (ret->fd < 0 || !proc_read(proc, pid, &ret->p))
		return false;
	climb(proc, inode, &ret->p);
	return true;
}

/*
 * The youngest first, each after its descendants: who connects has as a rule
 * just been started, runners have many descriptors, and a look at one process
 * costs 20 us and more. On the stack a negative number is a process whose
 * children have been put there.
 */
static bool search_below(const struct peer_search *where, const char *proc,
			 uint64_t inode, struct found *ret)
{
	auto_proc_list struct proc_list stack = {0};

	for (size_t i = 0; i < where->n_roots; i++)
		proc_list_add(&stack, where->roots[i]);
	while (stack.n > 0) {
		pid_t *last = &stack.v[stack.n - 1];

		if (*last < 0) {
			stack.n--;
			if (is_holder(proc, -*last, inode, ret))
				return true;
			continue;
		}
		*last = -*last;
		proc_children(proc, -*last, &stack);
	}
	return false;
}

static bool search_all(const char *proc, uid_t uid, uint64_t inode,
		       struct found *ret)
{
	auto_proc_list struct proc_list all = {0};

	proc_all(proc, uid, &all);
	while (all.n > 0) {
		if (is_holder(proc, all.v[--all.n], inode, ret))
			return true;
	}
	return false;
}

/* Where its last connection was, or one above: one look, or two. */
static bool is_holder_again(const char *proc, pid_t pid, int fd, uint64_t inode,
			    struct found *ret)
{
	if (proc_is_socket(proc, pid, fd, inode))
		ret->fd = fd;
	else if (proc_is_socket(proc, pid, fd + 1, inode))
		ret->fd = fd + 1;
	else
		return false;
	if (!proc_read(proc, pid, &ret->p))
		return false;
	climb(proc, inode, &ret->p);
	return true;
}

static bool search_recent(const struct peer_recent *recent, const char *proc,
			  uint64_t inode, struct found *ret)
{
	for (size_t i = 0; recent && i < PEER_RECENT && recent->v[i].pid; i++)
		if (is_holder_again(proc, recent->v[i].pid, recent->v[i].fd,
				    inode, ret))
			return true;
	for (size_t i = 0; recent && i < SCANNED && recent->v[i].pid; i++)
		if (is_holder(proc, recent->v[i].pid, inode, ret))
			return true;
	return false;
}

/* To the front; the last falls out. */
static void remember(struct peer_recent *recent, const struct found *f)
{
	size_t i = 0;

	if (!recent)
		return;
	while (i < PEER_RECENT - 1 && recent->v[i].pid &&
	       recent->v[i].pid != f->p.pid)
		i++;
	memmove(recent->v + 1, recent->v, i * sizeof(recent->v[0]));
	recent->v[0].pid = f->p.pid;
	recent->v[0].fd = f->fd;
}

static int refuse_unseen(const char *proc, struct error *err)
{
	auto_close int fd = open(proc, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return error_set_errno(err, ERROR_REFUSED, errno,
				       "cannot look for the caller in '%s'",
				       proc);
	return error_set(err, ERROR_REFUSED,
			 "no process that can be seen from here has the "
			 "caller's socket: it has ended, or runs in another "
			 "container");
}

int peer_holding(const struct peer_socket *s, const struct peer_search *where,
		 struct peer *ret, struct error *err)
{
	const char *proc = where->proc ? where->proc : "/proc";
	struct found best = {.fd = -1};

	if (s->uid != geteuid())
		return refuse_user(s->uid, err);
	if (!search_recent(where->recent, proc, s->inode, &best) &&
	    !search_below(where, proc, s->inode, &best) &&
	    !search_all(proc, s->uid, s->inode, &best))
		return refuse_unseen(proc, err);
	remember(where->recent, &best);
	*ret = (struct peer){best.p.pid, best.p.start, s->uid};
	return 0;
}

int peer_of_tcp(int fd, const struct peer_search *where, struct peer *ret,
		struct error *err)
{
	struct peer_socket s;

	for (int i = 1; i < LOOKS; i++) {
		if (peer_socket_of(fd, where->proc, &s, err) < 0)
			return -1;
		if (peer_holding(&s, where, ret, NULL) == 0)
			return 0;
	}
	return peer_holding(&s, where, ret, err);
}
