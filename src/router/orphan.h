/* SPDX-License-Identifier: MIT */
/*
 * router/orphan.h - whose is a process whose parents have exited.
 *
 * Private to router/, called by owner.c.
 */
#ifndef ROUTER_ORPHAN_H
#define ROUTER_ORPHAN_H

#include <stdbool.h>
#include <sys/types.h>

struct chain;
struct owner_rules;

/* The living leader of the process group or session of the chain's last link,
 * or 0. While a group has a member its number is no other process's pid. */
pid_t orphan_leader(const struct owner_rules *rules, const struct chain *c,
		    bool session);

/* Which of the rules' roots is the lease that the chain's last link was
 * started under, by its TESTENV_LEASE; or OWNER_NO_ROOT. */
int orphan_lease(const struct owner_rules *rules, const struct chain *c);

/* Whether the root is a runner or has one below it now. */
bool orphan_root_has_runner(const struct owner_rules *rules, int root);

#endif
