/* SPDX-License-Identifier: MIT */
/*
 * router/chain.h - a process and its ancestors, read as one consistent whole.
 *
 * Private to router/: owner.c and orphan.c decide by it.
 */
#ifndef ROUTER_CHAIN_H
#define ROUTER_CHAIN_H

#include "base/buf.h"
#include "router/owner.h"
#include "router/proc.h"
#include "router/runners.h"

#include <stdbool.h>
#include <stddef.h>

enum {
	CHAIN_MAX = 128
};

/* One process of it. Not to be moved: `program` points into `cmdline`. */
struct link {
	struct proc p;
	struct buf cmdline;
	struct buf environ_;
	struct program program;
	enum runner_kind kind;
	const char *worker_of; /* the runner, or NULL */
};

enum chain_end {
	CHAIN_AT_ROOT,   /* the last link is rules->roots[root] */
	CHAIN_AT_REAPER, /* the last link is a child of root's reaper */
	CHAIN_AT_TOP     /* the last link is a child of init, or has none */
};

struct chain {
	struct link *links[CHAIN_MAX]; /* 0: the process; then upwards */
	size_t n;
	enum chain_end end;
	int root;        /* or OWNER_NO_ROOT */
	struct buf base; /* the root's environment; empty at the top */
};
#define CHAIN_INIT                                                  \
	{                                                           \
		.n = 0, .end = CHAIN_AT_TOP, .root = OWNER_NO_ROOT, \
		.base = BUF_INIT_MAX(PROC_ENVIRON_MAX)              \
	}

/*
 * Reads pid's chain (`start` 0: whatever its start time) up to the nearest
 * root. ERROR_REFUSED: pid has gone, or processes come and go faster than
 * they can be read, or cannot be read at all: what a runner cannot be seen to
 * be is not taken for none.
 */
int chain_read(const struct owner_rules *rules, pid_t pid, uint64_t start,
	       struct chain *ret, struct error *err);
/* Frees what chain_read() gave; CHAIN_INIT is fine. */
void chain_free(struct chain *c);
#define auto_chain __attribute__((cleanup(chain_free)))

/* The directory the rules name. */
const char *chain_proc(const struct owner_rules *rules);

/* Reads the command line and environment, and what they make of it. 0, or the
 * errno for which they could not be read, although the process may be there:
 * then what it is cannot be told. */
int link_read(const char *proc, struct link *l);
void link_free(struct link *l);

#endif
