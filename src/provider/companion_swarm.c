/* SPDX-License-Identifier: MIT */
/*
 * A manager reaches no container of another node: no command can be run in one,
 * and its own address is not known. What needs that is pinned to the manager's
 * node, where it is as with any container; all else goes where the swarm puts
 * it.
 */
#include "provider/companion_internal.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/log.h"
#include "docker/engine.h"
#include "provider/labels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHARED_NAME "testenv-service"

enum {
	PAUSE_MAX_MS = 200,
	ID_TEXT = 64 /* of "sha256:…" */
};

static const struct swarm_kind kind = {"service", "'mem_limit'"};

/* Nodes do not have this machine's files; the manager does where it is here. */
static int refuse_binds(const struct companion *c, struct error *err)
{
	error_set(err, ERROR_CONFIG,
		  "'%s' is on this machine, not on the swarm's nodes",
		  c->spec.mounts[0].source);
	error_hint(err, "put it into an image, or ask a manager on this "
			"machine by its socket");
	return -1;
}

static const char *why_pinned(const struct companion *c)
{
	if (c->spec.n_mounts)
		return "it uses files of this machine";
	if (c->spec.linked)
		return "it reaches others by name, or they reach it";
	if (c->spec.reset_cmd && c->spec.reset_cmd[0])
		return "its 'reset' runs in its container";
	return NULL;
}

int companion_swarm_open(struct companion *c, const struct deadline *deadline,
			 struct error *err)
{
	const struct companion_spec *spec = &c->spec;
	struct provider_spec of_swarm = {
	    .swarm_registry = spec->swarm_registry,
	    .swarm_constraints = spec->swarm_constraints,
	};
	const char *pinned = why_pinned(c);

	for (const char *const *t = spec->tmpfs; t && *t; t++)
		if (service_check_tmpfs(*t, err) < 0)
			return -1;
	if (spec->n_mounts && !engine_is_local(c->engine))
		return refuse_binds(c, err);
	if (swarm_open(c->engine, &of_swarm, deadline, &c->swarm, err) < 0)
		return -1;
	if (!pinned || swarm_pin(c->swarm, err) == 0)
		return 0;
	error_hint(err, "it has to run there, as %s", pinned);
	return -1;
}

int companion_swarm_share(struct companion *c, const struct image *image,
			  const struct deadline *deadline, struct error *err)
{
	const char *colon = strchr(image->id, ':');
	auto_free char *tag =
	    xasprintf("%.*s", ID_TEXT, colon ? colon + 1 : image->id);
	struct swarm_image shared = {image->id, SHARED_NAME, tag};

	return swarm_share(c->swarm, &shared, &c->owner, deadline, c->progress,
			   err);
}

bool companion_swarm_probes(const struct companion *c)
{
	return c->swarm && c->probe == PROBE_EXEC && !swarm_is_pinned(c->swarm);
}

static int create(struct companion *c, struct instance *i,
		  const char *const *hosts, const struct deadline *deadline,
		  struct error *err)
{
	auto_strvec struct strvec labels = STRVEC_INIT;
	const struct companion_spec *spec = &c->spec;
	bool unsure = false;
	int result;
	struct service_spec s = {
	    .name = i->name,
	    .image = c->swarm->image,
	    .env = spec->env,
	    .entrypoint = spec->entrypoint,
	    .args = spec->cmd,
	    .user = spec->user,
	    .working_dir = spec->working_dir,
	    .port = c->ports[0],
	    .more_ports = c->n_ports ? c->ports + 1 : NULL,
	    .mounts = spec->mounts,
	    .n_mounts = spec->n_mounts,
	    .tmpfs = spec->tmpfs,
	    .hosts = hosts,
	    .no_healthcheck = true,
	    .no_label = c->no_label,
	    .memory_bytes = companion_memory_limit(c),
	    .pids_limit = COMPANION_PIDS,
	};

	if (companion_swarm_probes(c))
		s.health_cmd = (const char *const *)c->probe_cmd.v;
	i->unit.kind = &kind;
	i->unit.label = spec->name;
	labels_for(&c->owner, spec->name, i->slot, "service", &labels);
	s.labels = (const char *const *)labels.v;
	result = swarm_unit_create(c->swarm, &i->unit, &c->owner, &s, deadline,
				   &unsure, err);
	if (unsure)
		companion_set_unsure(c);
	return result < 0 ? error_wrap(err, "service '%s'", spec->name) : 0;
}

/* Of a container of this engine. */
static int look_into(struct companion *c, struct instance *i,
		     const struct service_task *task,
		     const struct deadline *deadline, struct error *err)
{
	struct container_state state;

	if (strcmp(task->node, c->swarm->node) != 0 || !*task->container)
		return 0;
	if (container_inspect(c->engine, task->container, deadline, &state,
			      err) < 0)
		return -1;
	snprintf(i->container.id, sizeof(i->container.id), "%s",
		 task->container);
	snprintf(i->address.ip, sizeof(i->address.ip), "%s", state.ip);
	i->pid = state.pid;
	return 0;
}

/* Once it runs; the swarm tells of its ports a moment later. */
static int take_address(struct companion *c, struct instance *i,
			const struct service_task *task,
			const struct deadline *deadline, struct error *err)
{
	struct companion_address *a = &i->address;
	auto_free char *host = NULL;

	if (*a->host || task->n_ports < c->n_ports)
		return 0;
	if (look_into(c, i, task, deadline, err) == 0)
		host = swarm_unit_host(c->swarm, &i->unit, task, deadline, err);
	if (!host)
		return error_wrap(err, "service '%s'", c->spec.name);
	companion_take_ports(c, task->ports, task->n_ports, a);
	snprintf(a->host, sizeof(a->host), "%s", host);
	log_debug("swarm: '%s' is on node '%s' at %s, port %u", i->name,
		  i->unit.node, host, (unsigned)task->port);
	return 0;
}

static int look(struct companion *c, struct instance *i,
		const struct deadline *deadline, struct service_task *task,
		struct error *err)
{
	auto_error struct error why = ERROR_INIT;

	if (swarm_unit_look(c->swarm, &i->unit, deadline, task, &why) < 0) {
		if (c->probe == PROBE_EXIT && !strcmp(task->state, "complete"))
			return 1;
		return error_move(err, &why);
	}
	return task->running ? take_address(c, i, task, deadline, err) : 0;
}

int companion_swarm_look(struct companion *c, struct instance *i,
			 const struct deadline *deadline, struct error *err)
{
	struct service_task task = {0};

	return look(c, i, deadline, &task, err);
}

/* Has its node the image, and what else it takes? What comes then is its own
 * time to be ready. */
static bool has_begun(const struct service_task *task)
{
	return task->running || !strcmp(task->state, "starting");
}

static int still_waits(const struct companion *c, const struct instance *i,
		       const struct service_task *task, struct error *err)
{
	const char *pinned = why_pinned(c);

	swarm_unit_still(&i->unit, task, err);
	if (pinned)
		error_hint(err,
			   "it has to run on the manager's own node, as %s",
			   pinned);
	return -1;
}

int companion_swarm_start(struct companion *c, struct instance *i,
			  const char *const *hosts, const atomic_bool *give_up,
			  const struct deadline *deadline, struct error *err)
{
	int64_t pause = COMPANION_PAUSE_MS;
	struct service_task task = {0};

	if (create(c, i, hosts, deadline, err) < 0)
		return -1;
	for (;; pause = pause * 2 < PAUSE_MAX_MS ? pause * 2 : PAUSE_MAX_MS) {
		auto_error struct error why = ERROR_INIT;
		int ended = look(c, i, deadline, &task, &why);

		if (ended > 0 || (ended == 0 && has_begun(&task)))
			return 0;
		if (ended == 0 && give_up && atomic_load(give_up))
			return companion_given_up(c, err);
		if (ended == 0 && deadline_poll(deadline, NULL, 0, pause,
						"service", &why) == 0)
			continue;
		return why.kind == ERROR_TIMEOUT ? still_waits(c, i, &task, err)
						 : error_move(err, &why);
	}
}

bool companion_swarm_serves(struct companion *c, struct instance *i,
			    const struct deadline *deadline)
{
	const struct companion_address *a = &i->address;
	struct service_task task = {0};
	auto_error struct error why = ERROR_INIT;

	if (swarm_unit_look(c->swarm, &i->unit, deadline, &task, &why) < 0 ||
	    !task.running)
		return false;
	return !a->n_ports ||
	       swarm_unit_has_node(c->swarm, &i->unit, a->host,
				   a->ports[0].outside, deadline);
}
