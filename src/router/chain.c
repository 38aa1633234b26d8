/* SPDX-License-Identifier: MIT */
#include "router/chain.h"

#include "base/alloc.h"
#include "base/error.h"

#include <errno.h>
#include <stdlib.h>

enum {
	TRIES = 8
};

const char *chain_proc(const struct owner_rules *rules)
{
	return rules->proc ? rules->proc : "/proc";
}

void link_free(struct link *l)
{
	buf_free(&l->cmdline);
	buf_free(&l->environ_);
}

int link_read(const char *proc, struct link *l)
{
	int failure = 0;

	if (!proc_cmdline(proc, l->p.pid, &l->cmdline) &&
	    proc_unreadable(errno))
		failure = errno;
	if (!proc_environ(proc, l->p.pid, &l->environ_) &&
	    proc_unreadable(errno))
		failure = errno;
	program_of(&l->cmdline, &l->program);
	l->kind = runner_kind_of(&l->program, &l->environ_);
	l->worker_of = runner_of_worker(&l->program, &l->cmdline);
	return failure;
}

void chain_free(struct chain *c)
{
	for (size_t i = 0; i < c->n; i++) {
		link_free(c->links[i]);
		free(c->links[i]);
	}
	buf_free(&c->base);
	c->n = 0;
}

static int root_at(const struct owner_rules *rules, const struct proc *p)
{
	for (size_t i = 0; i < rules->n_roots; i++) {
		if (rules->roots[i].pid == p->pid &&
		    rules->roots[i].start == p->start)
			return (int)i;
	}
	return OWNER_NO_ROOT;
}

/* The command whose orphans end up below this process, if there is but one. */
static int root_of_reaper(const struct owner_rules *rules, pid_t reaper)
{
	int found = OWNER_NO_ROOT;

	for (size_t i = 0; i < rules->n_roots; i++) {
		if (rules->roots[i].reaper != reaper || reaper <= 1)
			continue;
		if (found != OWNER_NO_ROOT)
			return OWNER_NO_ROOT;
		found = (int)i;
	}
	return found;
}

/* Whether the chain ends with p; says how. */
static bool ends_at(const struct owner_rules *rules, const struct proc *p,
		    struct chain *c)
{
	c->root = root_at(rules, p);
	if (c->root != OWNER_NO_ROOT) {
		c->end = CHAIN_AT_ROOT;
		return true;
	}
	c->root = root_of_reaper(rules, p->ppid);
	if (c->root != OWNER_NO_ROOT) {
		c->end = CHAIN_AT_REAPER;
		return true;
	}
	c->end = CHAIN_AT_TOP;
	return p->ppid <= 1;
}

static void append(struct chain *c, const struct proc *p)
{
	struct link *l = xmalloc(sizeof(*l));

	*l = (struct link){.p = *p,
			   .cmdline = BUF_INIT_MAX(PROC_CMDLINE_MAX),
			   .environ_ = BUF_INIT_MAX(PROC_ENVIRON_MAX)};
	c->links[c->n++] = l;
}

enum walk {
	WALK_DONE,
	WALK_AGAIN,
	WALK_GONE,
	WALK_TOO_DEEP,
	WALK_UNREADABLE /* errno says why */
};

static enum walk walk_up(const struct owner_rules *rules, pid_t pid,
			 uint64_t start, struct chain *c)
{
	const char *proc = chain_proc(rules);
	struct proc p;

	if (!proc_read(proc, pid, &p))
		return proc_unreadable(errno) ? WALK_UNREADABLE : WALK_GONE;
	if (start && p.start != start)
		return WALK_GONE;
	for (;;) {
		uint64_t born = p.start;

		append(c, &p);
		if (ends_at(rules, &p, c))
			return WALK_DONE;
		if (c->n == CHAIN_MAX)
			return WALK_TOO_DEEP;
		if (!proc_read(proc, p.ppid, &p))
			return proc_unreadable(errno) ? WALK_UNREADABLE
						      : WALK_AGAIN;
		/* younger than its child: the pid is another's already */
		if (p.start > born)
			return WALK_AGAIN;
	}
}

/*
 * A process whose parent is still the same has had that parent all along (it
 * would be the reaper's else), so what was read in between was the parent's.
 */
static bool still_true(const char *proc, const struct chain *c)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct proc *was = &c->links[i]->p;
		struct proc is;

		if (!proc_read(proc, was->pid, &is) || is.start != was->start ||
		    is.ppid != was->ppid)
			return false;
	}
	return true;
}

/* What the command's processes may have inherited: not a runner's doing. An
 * orphan's command may be gone, and then its environment cannot be told. */
static int read_base(const struct owner_rules *rules, struct chain *c)
{
	const struct owner_root *root;
	struct proc p;

	if (c->root == OWNER_NO_ROOT)
		return 0;
	root = &rules->roots[c->root];
	if (!proc_environ(chain_proc(rules), root->pid, &c->base) &&
	    proc_unreadable(errno))
		return errno;
	if (!proc_read(chain_proc(rules), root->pid, &p) ||
	    p.start != root->start)
		buf_clear(&c->base);
	return 0;
}

/* 0, or the errno for which it cannot be told what one of them is. */
static int read_links(const struct owner_rules *rules, struct chain *c)
{
	int failure = 0;

	for (size_t i = 0; i < c->n && !failure; i++)
		failure = link_read(chain_proc(rules), c->links[i]);
	return failure ? failure : read_base(rules, c);
}

static enum walk try_once(const struct owner_rules *rules, pid_t pid,
			  uint64_t start, struct chain *c)
{
	enum walk w = walk_up(rules, pid, start, c);
	int failure;

	if (w != WALK_DONE)
		return w;
	failure = read_links(rules, c);
	if (failure) {
		errno = failure;
		return WALK_UNREADABLE;
	}
	return still_true(chain_proc(rules), c) ? WALK_DONE : WALK_AGAIN;
}

int chain_read(const struct owner_rules *rules, pid_t pid, uint64_t start,
	       struct chain *ret, struct error *err)
{
	enum walk w = WALK_AGAIN;
	int failure = 0;

	for (int i = 0; i < TRIES && w == WALK_AGAIN; i++) {
		chain_free(ret);
		w = try_once(rules, pid, start, ret);
		failure = errno;
	}
	if (w == WALK_DONE)
		return 0;
	chain_free(ret);
	if (w == WALK_UNREADABLE)
		return error_set_errno(err, ERROR_REFUSED, failure,
				       "cannot look at process %ld and its "
				       "ancestors",
				       (long)pid);
	if (w == WALK_GONE)
		return error_set(err, ERROR_REFUSED,
				 "the calling process (%ld) has already ended",
				 (long)pid);
	if (w == WALK_TOO_DEEP)
		return error_set(err, ERROR_REFUSED,
				 "process %ld has more than %d ancestors",
				 (long)pid, CHAIN_MAX);
	return error_set(err, ERROR_REFUSED,
			 "the ancestors of process %ld come and go too fast "
			 "to tell which test it belongs to",
			 (long)pid);
}
