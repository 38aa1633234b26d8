/* SPDX-License-Identifier: MIT */
/*
 * supervisor/owners.h - whom the session serves, and who is calling.
 *
 * Keeps the commands that run in the session (their processes are told apart by
 * router/), for as long as the connections that named them last. Loop's thread.
 */
#ifndef SUPERVISOR_OWNERS_H
#define SUPERVISOR_OWNERS_H

#include "router/owner.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct error;
struct peer_recent;

/* Whoever named a command: a peer. Only compared. */
typedef const void *owners_holder;

struct owners {
	struct owner_rules rules;
	struct owner_root *roots; /* rules.roots */
	owners_holder *holders;   /* of each */
	pid_t *pids;              /* of each, for router/peer.h */
	size_t n, size;
	/* a test connects more than once as a rule */
	struct peer_recent *recent;
};

/* any: processes outside every command may call, too (an `up` session). */
int owners_init(struct owners *o, const char *policy, bool any,
		struct error *err);
void owners_free(struct owners *o);

/*
 * A command of this holder's, which may call as soon as it runs, and so before
 * its pid can be known here. Therefore its reaper is named first, as a command
 * without one (reaper 0), and the command itself, with its reaper, takes that
 * one's place. What is under no runner belongs to the reaper in both cases.
 *
 * lease: its id, copied; NULL: none. */
void owners_add(struct owners *o, pid_t pid, pid_t reaper, const char *lease,
		owners_holder holder);
/* Those of the holder are over. */
void owners_drop(struct owners *o, owners_holder holder);

/* Who is at the other end of a connection. ERROR_REFUSED says why nobody. */
int owners_of_tcp(struct owners *o, int fd, struct owner *ret,
		  struct error *err);
int owners_of_unix(struct owners *o, int fd, struct owner *ret,
		   struct error *err);

#endif
