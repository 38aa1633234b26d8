/* SPDX-License-Identifier: MIT */
#include "provider/swarm.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/log.h"
#include "docker/engine.h"
#include "provider/launch.h"
#include "provider/reach.h"
#include "provider/sweep.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	LOOK_MS = 5000,
	KILLED = 137,
	AVOID_MS = 60000,
	LOG_LINES = 20,
	LOG_BYTES = 8192
};

void swarm_unit_free(struct swarm_unit *unit)
{
	free(unit->node);
	unit->node = NULL;
}

char *swarm_unit_node(struct swarm *swarm, const struct swarm_unit *unit)
{
	char *node;

	pthread_mutex_lock(&swarm->mutex);
	node = xstrdup_or_null(unit->node);
	pthread_mutex_unlock(&swarm->mutex);
	return node;
}

static void avoid(struct swarm *swarm, const char *node)
{
	pthread_mutex_lock(&swarm->mutex);
	memcpy(swarm->avoid, node, sizeof(swarm->avoid));
	swarm->avoid_until_ms = clock_now_ms() + AVOID_MS;
	pthread_mutex_unlock(&swarm->mutex);
}

/* The node to avoid is left out while another one takes tasks. */
static void put_constraints(struct swarm *swarm,
			    const struct deadline *deadline, struct strvec *ret)
{
	auto_swarm_nodes struct swarm_nodes nodes = SWARM_NODES_INIT;
	char bad[SWARM_ID];
	int64_t until;
	bool others = false;

	strvec_extend(ret, swarm->constraints.v);
	pthread_mutex_lock(&swarm->mutex);
	memcpy(bad, swarm->avoid, sizeof(bad));
	until = swarm->avoid_until_ms;
	pthread_mutex_unlock(&swarm->mutex);
	if (!*bad || clock_now_ms() > until ||
	    swarm_nodes(swarm->engine, deadline, &nodes, NULL) < 0)
		return;
	for (size_t i = 0; i < nodes.n; i++)
		others |=
		    nodes.list[i].ready && strcmp(nodes.list[i].id, bad) != 0;
	if (others)
		strvec_pushf(ret, "node.id!=%s", bad);
}

/* 0, or errno. */
static int try_unit(struct swarm *swarm, const struct swarm_unit *unit,
		    const char *host, uint16_t port,
		    const struct deadline *deadline)
{
	int failure = reach_try(host, port, deadline);

	/* refused: from a machine that is there */
	if (failure && failure != ECONNREFUSED &&
	    strcmp(unit->node_id, swarm->node) != 0)
		avoid(swarm, unit->node_id);
	return failure;
}

bool swarm_unit_has_node(struct swarm *swarm, struct swarm_unit *unit,
			 const char *host, uint16_t port,
			 const struct deadline *deadline)
{
	int failure = try_unit(swarm, unit, host, port, deadline);

	return !failure || failure == ECONNREFUSED;
}

int swarm_unit_check(struct swarm *swarm, struct swarm_unit *unit,
		     const char *host, uint16_t port,
		     const struct deadline *deadline, struct error *err)
{
	int failure = try_unit(swarm, unit, host, port, deadline);

	if (!failure)
		return 0;
	return error_set_errno(err, ERROR_SERVER, failure,
			       "%s '%s' on node '%s' is gone", unit->kind->noun,
			       unit->label, unit->node);
}

/*
 * The own node's ports: at its address as the swarm has it, or, where that
 * leads nowhere from here (a virtual machine's, a rootless engine's), where
 * containers' ports are reached. A port that is refused may not be served yet.
 */
static char *find_own_host(struct swarm *swarm, const struct swarm_node *node,
			   uint16_t port, const struct deadline *deadline,
			   struct error *err)
{
	char *known;
	char published[64];
	int failure;

	pthread_mutex_lock(&swarm->mutex);
	known = xstrdup_or_null(swarm->own_host);
	pthread_mutex_unlock(&swarm->mutex);
	if (known)
		return known;
	failure = *node->address ? reach_try(node->address, port, deadline)
				 : EADDRNOTAVAIL;
	if (failure && failure != ECONNREFUSED) {
		log_debug("swarm: '%s' is not reached: %s", node->address,
			  strerror(failure));
		if (reach_resolve(engine_publish_host(swarm->engine), published,
				  err) < 0)
			return NULL;
		known = xstrdup(published);
	} else {
		known = xstrdup(node->address);
	}
	pthread_mutex_lock(&swarm->mutex);
	if (!swarm->own_host)
		swarm->own_host = xstrdup(known);
	pthread_mutex_unlock(&swarm->mutex);
	return known;
}

static void note_node(struct swarm *swarm, struct swarm_unit *unit,
		      const struct swarm_node *node)
{
	pthread_mutex_lock(&swarm->mutex);
	memcpy(unit->node_id, node->id, sizeof(unit->node_id));
	free(unit->node);
	unit->node = xstrdup(node->hostname);
	pthread_mutex_unlock(&swarm->mutex);
}

char *swarm_unit_host(struct swarm *swarm, struct swarm_unit *unit,
		      const struct service_task *task,
		      const struct deadline *deadline, struct error *err)
{
	auto_swarm_nodes struct swarm_nodes nodes = SWARM_NODES_INIT;
	const struct swarm_node *node;

	if (swarm_nodes(swarm->engine, deadline, &nodes, err) < 0)
		return NULL;
	node = swarm_node_find(&nodes, task->node);
	if (!node) {
		error_set(err, ERROR_ENGINE,
			  "its node '%s' is not in the swarm any more",
			  task->node);
		return NULL;
	}
	note_node(swarm, unit, node);
	if (!strcmp(node->id, swarm->node))
		return find_own_host(swarm, node, task->port, deadline, err);
	if (*node->address)
		return xstrdup(node->address);
	error_set(err, ERROR_ENGINE,
		  "the swarm knows no address of its node '%s'",
		  node->hostname);
	return NULL;
}

/* "down" and the like of the task's node, for people; NULL: it is there. */
static char *node_trouble(struct swarm *swarm, const struct service_task *task,
			  const struct deadline *deadline)
{
	auto_swarm_nodes struct swarm_nodes nodes = SWARM_NODES_INIT;
	const struct swarm_node *node;

	if (!*task->node ||
	    swarm_nodes(swarm->engine, deadline, &nodes, NULL) < 0)
		return NULL;
	node = swarm_node_find(&nodes, task->node);
	if (!node)
		return xasprintf("its node has left the swarm");
	if (!node->ready)
		return xasprintf("node '%s' is down or takes no tasks",
				 node->hostname);
	return NULL;
}

void swarm_unit_add_log(struct swarm *swarm, const struct swarm_unit *unit,
			struct error *err)
{
	struct deadline limit = deadline_in(LOOK_MS, NULL);
	auto_buf struct buf tail = BUF_INIT_MAX(LOG_BYTES);

	if (service_log_tail(swarm->engine, unit->service, LOG_LINES, &limit,
			     &tail, NULL) == 0 &&
	    tail.len)
		error_detail(err, tail.s);
}

/* What is known of a task that ended, or never ran. Returns -1. */
static int describe_end(struct swarm *swarm, struct swarm_unit *unit,
			const struct service_task *task, struct error *err)
{
	const struct swarm_kind *kind = unit->kind;
	struct deadline limit = deadline_in(LOOK_MS, NULL);
	auto_free char *trouble = node_trouble(swarm, task, &limit);

	unit->node_gone = trouble != NULL;
	if (trouble)
		return error_set(err, ERROR_SERVER, "%s '%s': %s", kind->noun,
				 unit->label, trouble);
	if (task->exit_code || !*task->message)
		error_set(err, ERROR_SERVER,
			  "%s '%s' ended with exit code %d before it was ready",
			  kind->noun, unit->label, task->exit_code);
	else
		error_set(err, ERROR_SERVER, "%s '%s' is %s: %s", kind->noun,
			  unit->label, task->state, task->message);
	if (task->exit_code == KILLED)
		error_hint(err,
			   "if it used more memory than it may, give it more "
			   "with %s",
			   kind->memory);
	swarm_unit_add_log(swarm, unit, err);
	return -1;
}

int swarm_unit_look(struct swarm *swarm, struct swarm_unit *unit,
		    const struct deadline *deadline, struct service_task *ret,
		    struct error *err)
{
	if (service_task(swarm->engine, unit->service, deadline, ret, err) < 0)
		return -1;
	return ret->ended ? describe_end(swarm, unit, ret, err) : 0;
}

int swarm_unit_still(const struct swarm_unit *unit,
		     const struct service_task *task, struct error *err)
{
	return error_set(err, ERROR_TIMEOUT, "%s '%s' is still %s%s%s",
			 unit->kind->noun, unit->label,
			 *task->state ? task->state : "new",
			 *task->message ? ": " : "", task->message);
}

/* As create_named of containers: a name in use is ours. */
static int create_named(struct engine *engine, struct swarm_unit *unit,
			const struct service_spec *spec,
			const struct deadline *deadline, struct error *err)
{
	if (service_create(engine, spec, deadline, unit->service, err) == 0)
		return 0;
	if (err->kind != ERROR_BUSY)
		return -1;
	log_debug("once more: %s", err->text);
	if (service_remove(engine, spec->name, deadline, err) < 0)
		return -1;
	error_clear(err);
	return service_create(engine, spec, deadline, unit->service, err);
}

int swarm_unit_create(struct swarm *swarm, struct swarm_unit *unit,
		      const struct ownership *owner,
		      const struct service_spec *spec,
		      const struct deadline *deadline, bool *ret_unsure,
		      struct error *err)
{
	auto_strvec struct strvec constraints = STRVEC_INIT;
	struct service_spec service = *spec;
	int result;

	put_constraints(swarm, deadline, &constraints);
	service.constraints = (const char *const *)constraints.v;
	if (pending_begin(owner->run_dir, spec->name, err) < 0)
		return -1;
	result = create_named(swarm->engine, unit, &service, deadline, err);
	*ret_unsure = launch_done(owner, spec->name, result, err);
	return result;
}
