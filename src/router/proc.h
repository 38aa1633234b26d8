/* SPDX-License-Identifier: MIT */
/*
 * router/proc.h - what /proc says about processes.
 *
 * Every call takes the directory to read, "/proc" but in tests. Nothing here
 * fails with an error: a process is there, or it is gone (or not ours to
 * look at), and what that means is the caller's to say. What could not be read
 * for another reason, as without a free descriptor, is no answer: see
 * proc_unreadable(). No state, any thread.
 *
 * A process whose first thread has ended while others run counts as there; what
 * /proc then shows of it is under those.
 */
#ifndef ROUTER_PROC_H
#define ROUTER_PROC_H

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	PROC_CMDLINE_MAX = 8 * 1024,
	/* execve(2) takes up to a quarter of the stack's limit (2 MiB as a
	 * rule); a worker variable behind that much is not worth the time */
	PROC_ENVIRON_MAX = 256 * 1024
};

struct proc {
	pid_t pid;
	pid_t ppid; /* 0: the kernel's, or in another pid namespace */
	pid_t pgrp;
	pid_t session;
	uint64_t start; /* clock ticks since boot, as ident_start_time() */
};

/* False when there is no such process, or it is a zombie: its files are
 * closed, it cannot be anybody's caller. errno says why. */
bool proc_read(const char *root, pid_t pid, struct proc *ret);
/* Whether this errno, of a call here that gave false, says nothing about the
 * process: it may be alive. */
bool proc_unreadable(int errno_value);

/* The arguments, each ended by NUL; the first PROC_CMDLINE_MAX bytes. False:
 * errno says why. */
bool proc_cmdline(const char *root, pid_t pid, struct buf *ret);
/* "NAME=value" entries as at exec, each ended by NUL; the first
 * PROC_ENVIRON_MAX bytes. False: errno says why. */
bool proc_environ(const char *root, pid_t pid, struct buf *ret);

/* The value of a variable in what proc_environ() gave, borrowed, or NULL.
 * `prefix` true: the first whose name begins with `name`. */
const char *proc_env(const struct buf *environ_, const char *name, bool prefix);

/* A growing list of pids. */
struct proc_list {
	pid_t *v;
	size_t n;
	size_t size;
};
void proc_list_free(struct proc_list *l);
#define auto_proc_list __attribute__((cleanup(proc_list_free)))
void proc_list_add(struct proc_list *l, pid_t pid);

/* Adds the children of all of pid's threads. */
void proc_children(const char *root, pid_t pid, struct proc_list *l);
/* Adds every process of this user, in the directory's order. */
void proc_all(const char *root, uid_t uid, struct proc_list *l);

/* Which of pid's descriptors is socket:[inode]; -1: none. */
int proc_find_socket(const char *root, pid_t pid, uint64_t inode);
/* Whether that one is. */
bool proc_is_socket(const char *root, pid_t pid, int fd, uint64_t inode);

#endif
