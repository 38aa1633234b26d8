/* SPDX-License-Identifier: MIT */
/* Servers as services of a swarm. */
#include "provider/container.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/log.h"
#include "provider/labels.h"

#include <stdlib.h>
#include <string.h>

#define SHARED_NAME "testenv-template"

enum {
	CLEANUP_MS = 20000,
	LOOK_MS = 5000,
	PAUSE_FIRST_MS = 20,
	PAUSE_MAX_MS = 200,
	ATTEMPTS = 3,
};

static const struct swarm_kind kind = {"server", "--memory"};

int swarm_share_template(struct container_provider *p,
			 const struct deadline *deadline, struct error *err)
{
	struct swarm_image shared = {p->template_id, SHARED_NAME,
				     strchr(p->template_ref, ':') + 1};

	return swarm_share(p->swarm, &shared, &p->base.owner, deadline,
			   p->base.progress, err);
}

int swarm_server_check(struct container_provider *p, struct server *s,
		       const struct deadline *deadline, struct error *err)
{
	if (!s->address.host)
		return 0; /* it never came to that */
	return swarm_unit_check(p->swarm, &s->unit, s->address.host,
				s->address.port, deadline, err);
}

/* What it was last seen waiting for says more than that a call took too long.
 * Returns -1. */
static int not_in_time(const struct swarm_unit *unit,
		       const struct service_task *seen, struct error *err)
{
	if (err && err->kind == ERROR_TIMEOUT)
		swarm_unit_still(unit, seen, err);
	return -1;
}

/* Until it runs and has a port. The swarm tells of no task by events, so it is
 * asked. */
static int await_task(struct container_provider *p, struct server *s,
		      const struct deadline *deadline, struct service_task *ret,
		      struct error *err)
{
	int64_t pause = PAUSE_FIRST_MS;

	*ret = (struct service_task){0};
	for (;;) {
		if (swarm_unit_look(p->swarm, &s->unit, deadline, ret, err) < 0)
			return not_in_time(&s->unit, ret, err);
		if (ret->running && ret->port)
			return 0;
		if (deadline_poll(deadline, NULL, 0, pause, "server to run",
				  err) < 0)
			return not_in_time(&s->unit, ret, err);
		pause = pause * 2 < PAUSE_MAX_MS ? pause * 2 : PAUSE_MAX_MS;
	}
}

static int create(struct container_provider *p, struct server *s,
		  const struct server_plan *plan,
		  const struct deadline *deadline, struct error *err)
{
	auto_strvec struct strvec labels = STRVEC_INIT;
	auto_strvec struct strvec args = STRVEC_INIT;
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
	bool unsure = false;
	int result;

	s->unit.kind = &kind;
	s->unit.label = s->name;
	labels_for(&p->base.owner, spec->service, plan->slot, plan->role,
		   &labels);
	contract_args(&contract, &args);
	service.labels = (const char *const *)labels.v;
	service.args = (const char *const *)args.v;
	result = swarm_unit_create(p->swarm, &s->unit, &p->base.owner, &service,
				   deadline, &unsure, err);
	if (unsure)
		server_set_unsure(p);
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
	host = swarm_unit_host(p->swarm, &s->unit, &task, deadline, err);
	if (!host)
		return -1;
	server_set_address(p, s, plan, host, task.port);
	log_debug("swarm: '%s' is on node '%s' at %s, port %u", s->name,
		  s->unit.node, host, (unsigned)task.port);
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
	again = s->unit.node_gone;
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

	return swarm_unit_look(p->swarm, &s->unit, &limit, &task, err);
}
