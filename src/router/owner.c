/* SPDX-License-Identifier: MIT */
#include "router/owner.h"

#include "base/error.h"
#include "router/chain.h"
#include "router/orphan.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int owner_policy_parse(const char *text, enum owner_policy *ret,
		       unsigned *ret_depth, struct error *err)
{
	static const struct {
		const char *name;
		enum owner_policy policy;
	} names[] = {{"auto", OWNER_AUTO},
		     {"process", OWNER_PROCESS},
		     {"worker", OWNER_WORKER},
		     {"command", OWNER_COMMAND}};
	const char *digits = strncmp(text, "depth=", 6) == 0 ? text + 6 : "";

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(text, names[i].name) == 0) {
			*ret = names[i].policy;
			*ret_depth = 0;
			return 0;
		}
	}
	if (*digits && strlen(digits) < 4 &&
	    strspn(digits, "0123456789") == strlen(digits)) {
		*ret = OWNER_DEPTH;
		*ret_depth = (unsigned)strtoul(digits, NULL, 10);
		return 0;
	}
	return error_set(err, ERROR_USAGE,
			 "'%s' is not an owner: process, worker, command or "
			 "depth=N",
			 text);
}

/* What the rules found: the owner is link `at` of the chain. */
struct verdict {
	size_t at;
	enum owner_kind kind;
	const struct worker_variable *variable; /* or NULL */
	char why[96];
};

/* The value that the process has and the command has not: NULL if none. */
static const char *own_value(const struct chain *c, size_t i,
			     const struct worker_variable *v)
{
	const char *value = worker_variable_in(v, &c->links[i]->environ_);
	const char *above = worker_variable_in(v, &c->base);

	/* what `env` prints where there is no worker */
	if (value && v->kind == VARIABLE_OURS && strcmp(value, "master") == 0)
		return NULL;
	return value && above && strcmp(above, value) == 0 ? NULL : value;
}

static const struct worker_variable *variable_of(const struct chain *c,
						 size_t i, unsigned kinds)
{
	for (size_t k = 0; k < n_worker_variables; k++) {
		const struct worker_variable *v = &worker_variables[k];

		if ((kinds & (1U << v->kind)) && own_value(c, i, v))
			return v;
	}
	return NULL;
}

static void by_variable(const struct chain *c, size_t i,
			const struct worker_variable *v, struct verdict *ret)
{
	*ret = (struct verdict){i, OWNER_IS_WORKER, v, ""};
	snprintf(ret->why, sizeof(ret->why), "topmost process with %s=%.40s",
		 v->name, own_value(c, i, v));
}

static bool is_boundary(const struct chain *c, size_t i,
			const struct owner_rules *rules, struct verdict *ret)
{
	const struct link *l = c->links[i];
	const struct link *above = i + 1 < c->n ? c->links[i + 1] : NULL;
	unsigned kinds = 1U << VARIABLE_STARTS;
	const struct worker_variable *v =
	    variable_of(c, i, 1U << VARIABLE_OURS);

	*ret = (struct verdict){.at = i, .kind = OWNER_IS_PROCESS};
	if (c->end == CHAIN_AT_ROOT && !above)
		return false; /* the command itself */
	if (v) {
		by_variable(c, i, v, ret);
		return true;
	}
	if (rules->policy == OWNER_WORKER)
		kinds |= 1U << VARIABLE_WEAK;
	else if (above && above->kind == RUNNER_STRONG) {
		snprintf(ret->why, sizeof(ret->why), "child of %s",
			 above->program.name);
		return true;
	}
	if (l->worker_of) {
		ret->kind = OWNER_IS_WORKER;
		snprintf(ret->why, sizeof(ret->why), "worker of %s",
			 l->worker_of);
		return true;
	}
	v = variable_of(c, i, kinds);
	if (v)
		by_variable(c, i, v, ret);
	return v != NULL;
}

/* Rule 2: the outermost of all. */
static bool below_strong(const struct owner_rules *rules, const struct chain *c,
			 struct verdict *ret)
{
	for (size_t i = c->n; i-- > 0;) {
		if (is_boundary(c, i, rules, ret))
			return true;
	}
	return false;
}

/* Rule 3: down from the outermost weak runner while nothing but shells,
 * wrappers and weak runners follow. */
static bool below_weak(const struct chain *c, struct verdict *ret)
{
	size_t runner = 0;

	for (size_t i = c->n; i-- > 1;) {
		enum runner_kind kind = c->links[i]->kind;

		if (kind == RUNNER_WEAK)
			runner = i;
		else if (runner && kind != RUNNER_WRAPPER)
			break;
	}
	if (runner == 0)
		return false;
	*ret = (struct verdict){.at = runner - 1, .kind = OWNER_IS_PROCESS};
	snprintf(ret->why, sizeof(ret->why), "child of %s",
		 c->links[runner]->program.name);
	return true;
}

/* A name for the owner: its own variable; for a worker also one that it set
 * for itself, which its children have. */
static const char *variable_label(const struct chain *c,
				  const struct verdict *v)
{
	unsigned all = ~(1U << VARIABLE_OURS);
	size_t last = v->kind == OWNER_IS_WORKER ? 0 : v->at;

	if (v->variable)
		return own_value(c, v->at, v->variable);
	for (size_t i = v->at + 1; i-- > last;) {
		const struct worker_variable *found = variable_of(c, i, all);

		if (found)
			return own_value(c, i, found);
	}
	return NULL;
}

/* "id:3,slots:1" of a CTest resource is 3. */
static void put_label(char *ret, size_t size, const char *value)
{
	if (strncmp(value, "id:", 3) == 0)
		snprintf(ret, size, "%.*s", (int)strcspn(value + 3, ",;"),
			 value + 3);
	else
		snprintf(ret, size, "%s", value);
	for (char *c = ret; *c; c++) {
		if ((unsigned char)*c < ' ' || *c == 127)
			*c = ' ';
	}
}

static void process_key(char ret[OWNER_KEY], pid_t pid, uint64_t start)
{
	snprintf(ret, OWNER_KEY, "%ld:%" PRIu64, (long)pid, start);
}

/* A worker's key holds in its command only; one too long to hold is none. */
static void put_worker(const struct owner_rules *rules, const struct chain *c,
		       const struct verdict *v, struct owner *o)
{
	unsigned all = ~(1U << VARIABLE_OURS);
	const struct worker_variable *var =
	    v->variable ? v->variable : variable_of(c, v->at, all);
	char root[OWNER_KEY] = "";
	int n;

	if (!var)
		return;
	if (c->root != OWNER_NO_ROOT)
		process_key(root, rules->roots[c->root].pid,
			    rules->roots[c->root].start);
	n = snprintf(o->worker, sizeof(o->worker), "%s=%s@%s", var->name,
		     own_value(c, v->at, var), root);
	if (n < 0 || (size_t)n >= sizeof(o->worker))
		o->worker[0] = '\0';
}

/* Whoever has the same TESTENV_WORKER is one owner, until the command ends. */
static void share(const struct owner_rules *rules, struct owner *o)
{
	const struct owner_root *root =
	    o->root == OWNER_NO_ROOT ? NULL : &rules->roots[o->root];

	o->pid = root ? root->pid : 0;
	o->start = root ? root->start : 0;
	snprintf(o->key, sizeof(o->key), "%s", o->worker);
}

static void owner_at(const struct owner_rules *rules, const struct chain *c,
		     const struct verdict *v, struct owner *ret)
{
	const struct link *l = c->links[v->at];
	const char *label = variable_label(c, v);
	struct owner o = {.kind = v->kind,
			  .pid = l->p.pid,
			  .start = l->p.start,
			  .root = c->root};

	process_key(o.key, l->p.pid, l->p.start);
	put_label(o.label, sizeof(o.label),
		  label                ? label
		  : l->program.name[0] ? l->program.name
				       : "?");
	put_worker(rules, c, v, &o);
	if (v->variable && v->variable->kind == VARIABLE_OURS && o.worker[0])
		share(rules, &o);
	snprintf(o.why, sizeof(o.why), "%s", v->why);
	*ret = o;
}

static void owner_master(const struct owner_rules *rules, int root,
			 const char *why, struct owner *ret)
{
	struct owner o = {.kind = OWNER_IS_MASTER,
			  .key = "master",
			  .label = "master",
			  .root = root};

	if (root != OWNER_NO_ROOT) {
		o.pid = rules->roots[root].pid;
		o.start = rules->roots[root].start;
		process_key(o.key, o.pid, o.start);
	}
	snprintf(o.why, sizeof(o.why), "%s", why);
	*ret = o;
}

static void owner_lease(const struct owner_rules *rules, int root,
			struct owner *ret)
{
	const struct owner_root *r = &rules->roots[root];
	struct owner o = {.kind = OWNER_IS_LEASE,
			  .label = "lease",
			  .why = "below a command with a lease",
			  .pid = r->pid,
			  .start = r->start,
			  .root = root};

	snprintf(o.key, sizeof(o.key), "lease:%s", r->lease);
	*ret = o;
}

static void by_depth(const struct owner_rules *rules, const struct chain *c,
		     struct owner *ret)
{
	size_t top = c->n - 1;
	struct verdict v = {.at = rules->depth < top ? top - rules->depth : 0,
			    .kind = OWNER_IS_PROCESS};

	if (rules->depth == 0 && c->end == CHAIN_AT_ROOT) {
		owner_master(rules, c->root, "depth=0", ret);
		return;
	}
	snprintf(v.why, sizeof(v.why), "depth=%u", rules->depth);
	owner_at(rules, c, &v, ret);
}

static void by_process(const struct owner_rules *rules, const struct chain *c,
		       struct owner *ret)
{
	struct verdict v = {.kind = OWNER_IS_PROCESS,
			    .why = "each process is an owner"};

	owner_at(rules, c, &v, ret);
}

/* A chain that ends at its command, or in a session that all may call. */
static void decide(const struct owner_rules *rules, const struct chain *c,
		   struct owner *ret)
{
	struct verdict v;

	if (rules->policy == OWNER_COMMAND)
		owner_master(rules, c->root, "the command is the owner", ret);
	else if (rules->policy == OWNER_PROCESS)
		by_process(rules, c, ret);
	else if (rules->policy == OWNER_DEPTH)
		by_depth(rules, c, ret);
	else if (below_strong(rules, c, &v) ||
		 (rules->policy == OWNER_AUTO && below_weak(c, &v)))
		owner_at(rules, c, &v, ret);
	else
		owner_master(rules, c->root, "no test runner above it", ret);
}

/* The owner of the group's or session's leader, unless that is master: a
 * test started in the background shares the command's group as well. */
static bool by_leader(const struct owner_rules *rules, const struct chain *c,
		      bool session, struct owner *ret)
{
	pid_t leader = orphan_leader(rules, c, session);
	auto_chain struct chain up = CHAIN_INIT;
	struct owner o;

	if (leader == 0 || chain_read(rules, leader, 0, &up, NULL) < 0 ||
	    up.end != CHAIN_AT_ROOT || up.root != c->root)
		return false;
	decide(rules, &up, &o);
	if (o.kind == OWNER_IS_MASTER)
		return false;
	snprintf(o.why, sizeof(o.why), "%s's leader is the owner's process",
		 session ? "its session" : "its process group");
	*ret = o;
	return true;
}

static int refuse_orphan(pid_t pid, struct error *err)
{
	return error_set(err, ERROR_REFUSED,
			 "the parent of process %ld has exited, so it cannot "
			 "be told which test it belongs to",
			 (long)pid);
}

static int decide_orphan(const struct owner_rules *rules, const struct chain *c,
			 struct owner *ret, struct error *err)
{
	struct verdict v;

	if (rules->policy == OWNER_PROCESS || rules->policy == OWNER_COMMAND) {
		decide(rules, c, ret);
		return 0;
	}
	if (rules->policy != OWNER_DEPTH && below_strong(rules, c, &v)) {
		owner_at(rules, c, &v, ret);
		return 0;
	}
	if (by_leader(rules, c, false, ret) || by_leader(rules, c, true, ret))
		return 0;
	if (rules->policy == OWNER_DEPTH || rules->roots[c->root].runner_seen ||
	    orphan_root_has_runner(rules, c->root))
		return refuse_orphan(c->links[0]->p.pid, err);
	owner_master(rules, c->root, "no test runner in its command", ret);
	return 0;
}

static int refuse_stranger(const struct chain *c, struct error *err)
{
	const struct link *l = c->links[0];

	return error_set(err, ERROR_REFUSED,
			 "process %ld ('%s') was not started by the command "
			 "that this database was made for",
			 (long)l->p.pid, l->program.name);
}

/* The lease that the process is below, or was started under; everything that
 * a lease's command leaves behind hangs from that lease's own reaper. */
static int lease_of(const struct owner_rules *rules, const struct chain *c)
{
	int root = c->root;

	if (root == OWNER_NO_ROOT || !rules->roots[root].lease)
		root = c->end == CHAIN_AT_ROOT ? OWNER_NO_ROOT
					       : orphan_lease(rules, c);
	return root;
}

int owner_of(const struct owner_rules *rules, pid_t pid, uint64_t start,
	     struct owner *ret, struct error *err)
{
	auto_chain struct chain c = CHAIN_INIT;
	int lease;

	if (chain_read(rules, pid, start, &c, err) < 0)
		return -1;
	lease = lease_of(rules, &c);
	if (lease != OWNER_NO_ROOT) {
		owner_lease(rules, lease, ret);
		return 0;
	}
	if (c.end == CHAIN_AT_REAPER)
		return decide_orphan(rules, &c, ret, err);
	if (c.end == CHAIN_AT_TOP && !rules->any)
		return refuse_stranger(&c, err);
	decide(rules, &c, ret);
	return 0;
}
