/* SPDX-License-Identifier: MIT */
/*
 * router/owner.h - from a calling process to the owner of a database.
 *
 * An owner is a test process, a runner's worker, an explicit lease, or
 * `master`: everything that no runner stands above. The rules, with
 * --owner left alone (the tables are in router/runners.h):
 *
 * 1. The nearest root above the caller decides: a lease's root makes it the
 *    lease's, a command's root opens the rules below it.
 * 2. Below it the outermost of: a process with a TESTENV_WORKER that the
 *    command has not (all that have the same value are one owner, until the
 *    command ends); a child of a strong runner; a worker process; the topmost
 *    process with a runner's worker variable that the command has not.
 * 3. Else, going down from the outermost weak runner through shells, wrappers
 *    and further weak runners, the child of the last weak one.
 * 4. Else `master`.
 *
 * A process whose parents have exited hangs from the command's reaper. It is
 * its runner's worker's if that is still above it, else its process group's or
 * session's leader's, if alive; master's, if the command has never had a
 * runner; else nobody's: ERROR_REFUSED.
 *
 * A decision is made on a chain that was there as a whole: each process is
 * looked at again at the end, and what changed meanwhile is read anew. So it
 * is never wrong about a process whose parent died or whose pid was reused;
 * at worst it is ERROR_REFUSED. No state; any thread; nothing blocks.
 */
#ifndef ROUTER_OWNER_H
#define ROUTER_OWNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct error;
struct peer;

enum owner_policy {
	OWNER_AUTO,
	OWNER_PROCESS, /* each process that calls */
	OWNER_WORKER,  /* as OWNER_AUTO, but only workers; else master */
	OWNER_COMMAND, /* master */
	OWNER_DEPTH    /* the ancestor `depth` below the command, or nearer */
};
/* "auto", "process", "worker", "command", "depth=3"; else ERROR_USAGE. */
int owner_policy_parse(const char *text, enum owner_policy *ret,
		       unsigned *ret_depth, struct error *err);

/* A command that exec or lease runs. Borrowed strings. */
struct owner_root {
	pid_t pid;
	uint64_t start;
	pid_t reaper; /* orphans below it become this one's children */
	uint64_t reaper_start;
	const char *lease; /* NULL: a command whose processes are told apart */
	bool runner_seen;  /* an owner below it was not master before */
};

struct owner_rules {
	const char *proc; /* NULL: "/proc" */
	const struct owner_root *roots;
	size_t n_roots;
	bool any; /* a session in the background: all of this user may call */
	enum owner_policy policy;
	unsigned depth; /* for OWNER_DEPTH; 0 is the command itself */
};

enum owner_kind {
	OWNER_IS_MASTER,
	OWNER_IS_PROCESS, /* a test */
	OWNER_IS_WORKER,
	OWNER_IS_LEASE
};

enum {
	OWNER_KEY = 96,
	OWNER_NO_ROOT = -1
};

/* A plain value. */
struct owner {
	enum owner_kind kind;
	/* Never another owner's while the session lasts: "PID:START" of the
	 * process below, "TESTENV_WORKER=3@" and the command's key, "lease:ID",
	 * or "master" (no command above). */
	char key[OWNER_KEY];
	/* What successive processes of one worker share ("TEST_TOKEN=3@" and
	 * the command's key), for --fresh worker; "" where there is none: then
	 * the key is the worker's, too. */
	char worker[OWNER_KEY];
	char label[48]; /* "gw0", "3", "master", or the program's name */
	char why[96];   /* "child of ctest" */
	/* The process whose exit ends the owner; 0: the session's end. It may
	 * have exited by now: pidfd_open(2), then compare the start time. */
	pid_t pid;
	uint64_t start;
	int root;     /* which of the rules' roots, or OWNER_NO_ROOT */
	pid_t caller; /* of whom this was told; 0: nobody's */
};

/* ERROR_REFUSED: not below a command, its parents have exited, or gone. */
int owner_of(const struct owner_rules *rules, pid_t pid, uint64_t start,
	     struct owner *ret, struct error *err);

#endif
