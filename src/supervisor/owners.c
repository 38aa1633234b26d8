/* SPDX-License-Identifier: MIT */
#include "supervisor/owners.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/ident.h"
#include "router/peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int owners_init(struct owners *o, const char *policy, bool any,
		struct error *err)
{
	*o = (struct owners){.rules.any = any};
	o->recent = xcalloc(1, sizeof(*o->recent));
	return policy ? owner_policy_parse(policy, &o->rules.policy,
					   &o->rules.depth, err)
		      : 0;
}

void owners_free(struct owners *o)
{
	for (size_t i = 0; i < o->n; i++)
		free((char *)(uintptr_t)o->roots[i].lease);
	free(o->roots);
	free(o->holders);
	free(o->pids);
	free(o->recent);
	*o = (struct owners){.n = 0};
}

static void grow(struct owners *o)
{
	if (o->n < o->size)
		return;
	o->size = o->size ? 2 * o->size : 8;
	o->roots = xreallocarray(o->roots, o->size, sizeof(*o->roots));
	o->holders = xreallocarray(o->holders, o->size, sizeof(*o->holders));
	o->pids = xreallocarray(o->pids, o->size, sizeof(*o->pids));
}

static void drop(struct owners *o, size_t i)
{
	free((char *)(uintptr_t)o->roots[i].lease);
	o->n--;
	o->roots[i] = o->roots[o->n];
	o->holders[i] = o->holders[o->n];
	o->pids[i] = o->pids[o->n];
	o->rules.n_roots = o->n;
}

/* The reaper stood in for its command. */
static void drop_stand_in(struct owners *o, pid_t reaper, owners_holder holder)
{
	for (size_t i = 0; i < o->n; i++)
		if (o->holders[i] == holder && o->pids[i] == reaper &&
		    !o->roots[i].reaper) {
			drop(o, i);
			return;
		}
}

void owners_add(struct owners *o, pid_t pid, pid_t reaper, const char *lease,
		owners_holder holder)
{
	if (reaper)
		drop_stand_in(o, reaper, holder);
	grow(o);
	o->roots[o->n] = (struct owner_root){
	    .pid = pid,
	    .start = ident_start_time(pid),
	    .reaper = reaper,
	    .reaper_start = reaper ? ident_start_time(reaper) : 0,
	    .lease = xstrdup_or_null(lease),
	};
	o->holders[o->n] = holder;
	o->pids[o->n] = pid;
	o->n++;
	o->rules.roots = o->roots;
	o->rules.n_roots = o->n;
}

void owners_drop(struct owners *o, owners_holder holder)
{
	for (size_t i = 0; i < o->n;) {
		if (o->holders[i] == holder)
			drop(o, i);
		else
			i++;
	}
}

/* What is under no runner: the reaper's, so that it is the same before and
 * after the command's own pid is known. */
static void give_to_reaper(const struct owner_root *root, struct owner *ret)
{
	if (!root->reaper_start)
		return; /* it is its own, or has gone, and all this will end */
	ret->pid = root->reaper;
	ret->start = root->reaper_start;
	snprintf(ret->key, sizeof(ret->key), "%ld:%llu", (long)ret->pid,
		 (unsigned long long)ret->start);
}

/* Once a runner was seen below a command, an orphan there is not master's. */
static int decide(struct owners *o, const struct peer *peer, struct owner *ret,
		  struct error *err)
{
	if (owner_of(&o->rules, peer->pid, peer->start, ret, err) < 0)
		return -1;
	ret->caller = peer->pid;
	if (ret->root == OWNER_NO_ROOT)
		return 0;
	if (ret->kind != OWNER_IS_MASTER)
		o->roots[ret->root].runner_seen = true;
	else
		give_to_reaper(&o->roots[ret->root], ret);
	return 0;
}

int owners_of_tcp(struct owners *o, int fd, struct owner *ret,
		  struct error *err)
{
	struct peer_search where = {
	    .roots = o->pids, .n_roots = o->n, .recent = o->recent};
	struct peer peer;

	if (peer_of_tcp(fd, &where, &peer, err) < 0)
		return -1;
	return decide(o, &peer, ret, err);
}

int owners_of_unix(struct owners *o, int fd, struct owner *ret,
		   struct error *err)
{
	struct peer peer;

	if (peer_of_unix(fd, NULL, &peer, err) < 0)
		return -1;
	return decide(o, &peer, ret, err);
}
