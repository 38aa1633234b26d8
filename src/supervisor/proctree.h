/* SPDX-License-Identifier: MIT */
/*
 * supervisor/proctree.h - everything that descends from a process, and how to
 * signal it without ever hitting a stranger.
 *
 * Below a child subreaper nothing gets away: a process that leaves its group,
 * its session or its parent is still in the tree, since orphans move to the
 * subreaper.
 */
#ifndef SUPERVISOR_PROCTREE_H
#define SUPERVISOR_PROCTREE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct pids {
	pid_t *v;
	size_t n, size;
};

#define PIDS_INIT       \
	{               \
		0, 0, 0 \
	}

void pids_free(struct pids *p);
#define auto_pids __attribute__((cleanup(pids_free)))
bool pids_has(const struct pids *p, pid_t pid);

/*
 * Adds the descendants of `root`, parents before children, zombies too. A
 * snapshot of something that moves: a process that is born or reparented
 * meanwhile may be missing, so that callers look again until nothing is left.
 */
void proctree_list(pid_t root, struct pids *ret);

/* What the signal is not for. */
struct proctree_spare {
	pid_t group;       /* a process group; 0: none */
	bool watchdogs;    /* those of other runs, which end by themselves */
	struct pids *once; /* those signalled before; NULL: again and again */
};

/*
 * Signals every descendant of root, TERM with a CONT behind it, so that the
 * stopped ones hear it. A process is held by a pidfd and seen to be in the tree
 * before it is signalled: its number cannot have become another's. Returns how
 * many were signalled.
 */
size_t proctree_signal(pid_t root, int signo, const struct proctree_spare *s);

/* What a watchdog calls itself in /proc/PID/comm. */
#define PROCTREE_WATCHDOG "testenv-watch"

#endif
