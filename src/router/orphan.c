/* SPDX-License-Identifier: MIT */
#include "router/orphan.h"

#include "router/chain.h"

#include <string.h>

enum {
	LOOKED_AT_MAX = 2000
};

pid_t orphan_leader(const struct owner_rules *rules, const struct chain *c,
		    bool session)
{
	const struct proc *p = &c->links[c->n - 1]->p;
	pid_t leader = session ? p->session : p->pgrp;
	struct proc l;

	if (leader <= 1 || leader == p->pid ||
	    !proc_read(chain_proc(rules), leader, &l))
		return 0;
	/* one that went to another group leads this one no more */
	return (session ? l.session : l.pgrp) == leader ? leader : 0;
}

int orphan_lease(const struct owner_rules *rules, const struct chain *c)
{
	const char *id =
	    proc_env(&c->links[c->n - 1]->environ_, "TESTENV_LEASE", false);

	for (size_t i = 0; id && i < rules->n_roots; i++) {
		const char *lease = rules->roots[i].lease;

		if (lease && strcmp(lease, id) == 0)
			return (int)i;
	}
	return OWNER_NO_ROOT;
}

static bool is_runner(const char *proc, pid_t pid)
{
	struct link l = {
	    .p = {.pid = pid}, .cmdline = BUF_INIT, .environ_ = BUF_INIT};
	/* one that cannot be read may be */
	bool is = link_read(proc, &l) != 0 || l.kind == RUNNER_STRONG ||
		  l.kind == RUNNER_WEAK || l.worker_of;

	link_free(&l);
	return is;
}

bool orphan_root_has_runner(const struct owner_rules *rules, int root)
{
	const char *proc = chain_proc(rules);
	auto_proc_list struct proc_list queue = {0};

	proc_list_add(&queue, rules->roots[root].pid);
	for (size_t i = 0; i < queue.n; i++) {
		if (i == LOOKED_AT_MAX || is_runner(proc, queue.v[i]))
			return true;
		proc_children(proc, queue.v[i], &queue);
	}
	return false;
}
