/* SPDX-License-Identifier: MIT */
#include "provider/swarm.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/log.h"
#include "docker/engine.h"
#include "provider/labels.h"
#include "provider/reach.h"
#include "provider/sweep.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	CLEANUP_MS = 20000,
	LOOK_MS = 5000,
	PAUSE_FIRST_MS = 20,
	PAUSE_MAX_MS = 200,
	KILLED = 137,
	AVOID_MS = 60000,
	ATTEMPTS = 3,
};

static void avoid(struct container_provider *p, const char *node)
{
	pthread_mutex_lock(&p->mutex);
	memcpy(p->swarm->avoid, node, sizeof(p->swarm->avoid));
	p->swarm->avoid_until_ms = clock_now_ms() + AVOID_MS;
	pthread_mutex_unlock(&p->mutex);
}

/* The constraints of a new server: the node to avoid is left out while another
 * one takes tasks. */
static void put_constraints(struct container_provider *p,
			    const struct deadline *deadline, struct strvec *ret)
{
	auto_swarm_nodes struct swarm_nodes nodes = SWARM_NODES_INIT;
	char bad[SWARM_ID];
	int64_t until;
	bool others = false;

	strvec_extend(ret, p->swarm->constraints.v);
	pthread_mutex_lock(&p->mutex);
	memcpy(bad, p->swarm->avoid, sizeof(bad));
	until = p->swarm->avoid_until_ms;
	pthread_mutex_unlock(&p->mutex);
	if (!*bad || clock_now_ms() > until ||
	    swarm_nodes(p->engine, deadline, &nodes, NULL) < 0)
		return;
	for (size_t i = 0; i < nodes.n; i++)
		others |=
		    nodes.list[i].ready && strcmp(nodes.list[i].id, bad) != 0;
	if (others)
		strvec_pushf(ret, "node.id!=%s", bad);
}

int swarm_server_check(struct container_provider *p, struct server *s,
		       const struct deadline *deadline, struct error *err)
{
	int failure;

	if (!s->address.host)
		return 0; /* it never came to that */
	failure = reach_try(s->address.host, s->address.port, deadline);
	if (!failure)
		return 0;
	/* from a machine that is there */
	if (failure != ECONNREFUSED && strcmp(s->node_id, p->swarm->node) != 0)
		avoid(p, s->node_id);
	return error_set_errno(err, ERROR_SERVER, failure,
			       "server '%s' on node '%s' is gone", s->name,
			       s->node);
}

/*
 * The own node's ports: at its address as the swarm has it, or, where that
 * leads nowhere from here (a virtual machine's, a rootless engine's), where
 * containers' ports are reached. A port that is refused may not be served yet.
 */
static char *find_own_host(struct container_provider *p,
			   const struct swarm_node *node, uint16_t port,
			   const struct deadline *deadline)
{
	char *known;
	int failure;

	pthread_mutex_lock(&p->mutex);
	known = xstrdup_or_null(p->swarm->own_host);
	pthread_mutex_unlock(&p->mutex);
	if (known)
		return known;
	failure = *node->address ? reach_try(node->address, port, deadline)
				 : EADDRNOTAVAIL;
	if (failure && failure != ECONNREFUSED) {
		log_debug("swarm: '%s' is not reached: %s", node->address,
			  strerror(failure));
		known = xstrdup(engine_publish_host(p->engine));
	} else {
		known = xstrdup(node->address);
	}
	pthread_mutex_lock(&p->mutex);
	if (!p->swarm->own_host)
		p->swarm->own_host = xstrdup(known);
	pthread_mutex_unlock(&p->mutex);
	return known;
}

static void note_node(struct container_provider *p, struct server *s,
		      const struct swarm_node *node)
{
	pthread_mutex_lock(&p->mutex);
	memcpy(s->node_id, node->id, sizeof(s->node_id));
	free(s->node);
	s->node = xstrdup(node->hostname);
	pthread_mutex_unlock(&p->mutex);
}

/* Where the task's port is reached; the caller frees. */
static char *find_host(struct container_provider *p, struct server *s,
		       const struct service_task *task,
		       const struct deadline *deadline, struct error *err)
{
	auto_swarm_nodes struct swarm_nodes nodes = SWARM_NODES_INIT;
	const struct swarm_node *node;

	if (swarm_nodes(p->engine, deadline, &nodes, err) < 0)
		return NULL;
	node = swarm_node_find(&nodes, task->node);
	if (!node) {
		error_set(err, ERROR_ENGINE,
			  "its node '%s' is not in the swarm any more",
			  task->node);
		return NULL;
	}
	note_node(p, s, node);
	if (!strcmp(node->id, p->swarm->node))
		return find_own_host(p, node, task->port, deadline);
	if (*node->address)
		return xstrdup(node->address);
	error_set(err, ERROR_ENGINE,
		  "the swarm knows no address of its node '%s'",
		  node->hostname);
	return NULL;
}

/* "down" and the like of the task's node, for people; NULL: it is there. */
static char *node_trouble(struct container_provider *p,
			  const struct service_task *task,
			  const struct deadline *deadline)
{
	auto_swarm_nodes struct swarm_nodes nodes = SWARM_NODES_INIT;
	const struct swarm_node *node;

	if (!*task->node || swarm_nodes(p->engine, deadline, &nodes, NULL) < 0)
		return NULL;
	node = swarm_node_find(&nodes, task->node);
	if (!node)
		return xasprintf("its node has left the swarm");
	if (!node->ready)
		return xasprintf("node '%s' is down or takes no tasks",
				 node->hostname);
	return NULL;
}

/* What is known of a task that ended, or never ran. Returns -1. */
static int describe_end(struct container_provider *p, struct server *s,
			const struct service_task *task, struct error *err)
{
	struct deadline limit = deadline_in(LOOK_MS, NULL);
	auto_free char *trouble = node_trouble(p, task, &limit);
	auto_buf struct buf tail = BUF_INIT_MAX(SERVER_LOG_BYTES);

	s->node_gone = trouble != NULL;
	if (trouble)
		return error_set(err, ERROR_SERVER, "server '%s': %s", s->name,
				 trouble);
	if (task->exit_code || !*task->message)
		error_set(err, ERROR_SERVER,
			  "server '%s' ended with exit code %d before it was "
			  "ready",
			  s->name, task->exit_code);
	else
		error_set(err, ERROR_SERVER, "server '%s' is %s: %s", s->name,
			  task->state, task->message);
	if (task->exit_code == KILLED)
		error_hint(err, "if it used more memory than it may, give it "
				"more with --memory");
	if (service_log_tail(p->engine, s->service, SERVER_LOG_LINES, &limit,
			     &tail, NULL) == 0 &&
	    tail.len)
		error_detail(err, tail.s);
	return -1;
}

/* Until it runs and has a port. The swarm tells of no task by events, so it is
 * asked. */
static int await_task(struct container_provider *p, struct server *s,
		      const struct deadline *deadline, struct service_task *ret,
		      struct error *err)
{
	int64_t pause = PAUSE_FIRST_MS;

	for (;;) {
		if (service_task(p->engine, s->service, deadline, ret, err) < 0)
			return -1;
		if (ret->running && ret->port)
			return 0;
		if (ret->ended)
			return describe_end(p, s, ret, err);
		if (deadline_poll(deadline, NULL, 0, pause, "server to run",
				  err) < 0) {
			if (err && err->kind == ERROR_TIMEOUT)
				error_set(
				    err, ERROR_TIMEOUT,
				    "server '%s' is still %s%s%s", s->name,
				    *ret->state ? ret->state : "new",
				    *ret->message ? ": " : "", ret->message);
			return -1;
		}
		pause = pause * 2 < PAUSE_MAX_MS ? pause * 2 : PAUSE_MAX_MS;
	}
}

/* As create_named of containers: a name in use is ours. */
static int create_named(struct container_provider *p, struct server *s,
			const struct service_spec *spec,
			const struct deadline *deadline, struct error *err)
{
	if (service_create(p->engine, spec, deadline, s->service, err) == 0)
		return 0;
	if (err->kind != ERROR_BUSY)
		return -1;
	log_debug("once more: %s", err->text);
	if (service_remove(p->engine, s->name, deadline, err) < 0)
		return -1;
	error_clear(err);
	return service_create(p->engine, spec, deadline, s->service, err);
}

static int create(struct container_provider *p, struct server *s,
		  const struct server_plan *plan,
		  const struct deadline *deadline, struct error *err)
{
	auto_strvec struct strvec labels = STRVEC_INIT;
	auto_strvec struct strvec args = STRVEC_INIT;
	auto_strvec struct strvec constraints = STRVEC_INIT;
	const struct provider_spec *spec = &p->base.spec;
	struct contract contract = {.dialect = spec->dialect, .tcp = true};
	struct service_spec service = {
	    .name = s->name,
	    .image = p->swarm->image,
	    .port = contract_port(spec->dialect),
	    .memory_bytes = spec->memory_bytes ? spec->memory_bytes
					       : contract_memory(spec->dialect),
	    .pids_limit = SERVER_PIDS,
	};
	int result;

	labels_for(&p->base.owner, spec->service, plan->slot, plan->role,
		   &labels);
	contract_args(&contract, &args);
	put_constraints(p, deadline, &constraints);
	service.constraints = (const char *const *)constraints.v;
	service.labels = (const char *const *)labels.v;
	service.args = (const char *const *)args.v;
	if (pending_begin(p->base.owner.run_dir, s->name, err) < 0)
		return -1;
	result = create_named(p, s, &service, deadline, err);
	server_create_done(p, s, result, err);
	return result;
}

static int run(struct container_provider *p, struct server *s,
	       const struct server_plan *plan, const struct deadline *deadline,
	       struct error *err)
{
	auto_free char *host = NULL;
	struct service_task task;

	if (create(p, s, plan, deadline, err) < 0 ||
	    await_task(p, s, deadline, &task, err) < 0)
		return -1;
	host = find_host(p, s, &task, deadline, err);
	if (!host)
		return -1;
	server_set_address(p, s, plan, host, task.port);
	log_debug("swarm: '%s' is on node '%s' at %s, port %u", s->name,
		  s->node, host, (unsigned)task.port);
	return 0;
}

/* 1; 0 with *err: its node went away meanwhile; -1. */
static int run_once(struct container_provider *p,
		    const struct server_plan *plan,
		    const struct deadline *deadline, struct server **ret,
		    struct error *err)
{
	struct server *s = server_new(p, plan);
	struct deadline cleanup;
	bool again;

	if (run(p, s, plan, deadline, err) == 0) {
		*ret = s;
		return 1;
	}
	again = s->node_gone;
	cleanup = deadline_in(CLEANUP_MS, NULL);
	error_wrap(err, "run '%s'", p->template_ref);
	server_remove(p, s, &cleanup, NULL);
	return again ? 0 : -1;
}

int swarm_server_run(struct container_provider *p,
		     const struct server_plan *plan,
		     const struct deadline *deadline, struct server **ret,
		     struct error *err)
{
	for (int attempt = 1;; attempt++) {
		auto_error struct error why = ERROR_INIT;
		int done = run_once(p, plan, deadline, ret, &why);

		if (done > 0)
			return 0;
		if (done < 0 || attempt == ATTEMPTS)
			return error_move(err, &why);
		log_debug("on another node: %s", why.text);
	}
}

int swarm_server_look(struct container_provider *p, struct server *s,
		      struct error *err)
{
	struct deadline limit = deadline_in(LOOK_MS, NULL);
	struct service_task task;

	if (service_task(p->engine, s->service, &limit, &task, err) < 0)
		return -1;
	return task.running ? 0 : describe_end(p, s, &task, err);
}
