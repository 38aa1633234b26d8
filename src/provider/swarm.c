/* SPDX-License-Identifier: MIT */
#include "provider/swarm.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/log.h"
#include "docker/engine.h"
#include "provider/labels.h"

#include <stdlib.h>
#include <string.h>

#define SHARED_REPO "testenv-template"

static int no_manager(struct engine *engine, const struct swarm_info *info,
		      struct error *err)
{
	const char *host = engine_host(engine);

	if (!strcmp(info->state, "locked")) {
		error_set(err, ERROR_CONFIG,
			  "the engine at '%s' is in a swarm that is locked",
			  host);
		error_hint(err, "unlock it: docker swarm unlock");
	} else if (!strcmp(info->state, "active")) {
		error_set(err, ERROR_CONFIG,
			  "the engine at '%s' is a worker of its swarm, and "
			  "only a manager can start services",
			  host);
		error_hint(err, "name a manager with --host%s%s",
			   *info->managers ? "; one is at " : "",
			   info->managers);
	} else if (!strcmp(info->state, "inactive")) {
		error_set(err, ERROR_CONFIG,
			  "the engine at '%s' is in no swarm", host);
		error_hint(err, "name a swarm's manager with --host, or make "
				"it one: docker swarm init");
	} else {
		error_set(
		    err, ERROR_CONFIG,
		    "the engine at '%s' is in a swarm whose state is '%s'",
		    host, info->state);
	}
	return -1;
}

static int check_nodes(struct swarm *swarm, const struct swarm_nodes *nodes,
		       struct error *err)
{
	size_t ready = 0;
	bool others = false;

	for (size_t i = 0; i < nodes->n; i++) {
		if (!nodes->list[i].ready)
			continue;
		ready++;
		others |= strcmp(nodes->list[i].id, swarm->node) != 0;
		swarm->cpus += (unsigned)nodes->list[i].cpus;
	}
	if (!ready)
		return error_set(err, ERROR_CONFIG,
				 "no node of the swarm takes tasks: %zu are "
				 "down, paused or drained",
				 nodes->n);
	if (!others || swarm->repo)
		return 0;
	error_set(err, ERROR_CONFIG,
		  "the swarm has %zu nodes, and no registry is named from "
		  "which they can have the template",
		  nodes->n);
	error_hint(err, "name one that every node can pull from: "
			"--swarm-registry HOST[:PORT][/PATH]");
	return -1;
}

int swarm_open(struct engine *engine, const struct provider_spec *spec,
	       const struct deadline *deadline, struct swarm **ret,
	       struct error *err)
{
	auto_swarm_nodes struct swarm_nodes nodes = SWARM_NODES_INIT;
	struct swarm_info info;
	struct swarm *swarm;

	if (swarm_info(engine, deadline, &info, err) < 0)
		return -1;
	if (!info.manager)
		return no_manager(engine, &info, err);
	if (swarm_nodes(engine, deadline, &nodes, err) < 0)
		return -1;
	swarm = xcalloc(1, sizeof(*swarm));
	memcpy(swarm->node, info.node, sizeof(swarm->node));
	swarm->constraints = (struct strvec)STRVEC_INIT;
	if (spec->swarm_constraints)
		strvec_extend(
		    &swarm->constraints,
		    (char *const *)(uintptr_t)spec->swarm_constraints);
	if (spec->swarm_registry)
		swarm->repo =
		    xasprintf("%s/" SHARED_REPO, spec->swarm_registry);
	else
		strvec_pushf(&swarm->constraints, "node.id==%s", swarm->node);
	if (check_nodes(swarm, &nodes, err) < 0) {
		swarm_free(swarm);
		return -1;
	}
	*ret = swarm;
	return 0;
}

void swarm_free(struct swarm *swarm)
{
	if (!swarm)
		return;
	strvec_free(&swarm->constraints);
	free(swarm->repo);
	free(swarm->image);
	free(swarm->own_host);
	free(swarm);
}

int provider_check_swarm(struct engine *engine,
			 const struct provider_spec *spec,
			 const struct deadline *deadline, struct error *err)
{
	struct swarm *swarm;

	if (swarm_open(engine, spec, deadline, &swarm, err) < 0)
		return -1;
	swarm_free(swarm);
	return 0;
}

/*
 * By digest, so that all nodes run this very template: another machine may push
 * its own under the same key, with other passwords. The name is taken back
 * here, as the kept template has its own already.
 */
static int push_template(struct container_provider *p,
			 const struct deadline *deadline, struct error *err)
{
	struct swarm *swarm = p->swarm;
	const char *tag = strchr(p->template_ref, ':') + 1;
	auto_free char *name = xasprintf("%s:%s", swarm->repo, tag);
	auto_free char *digest = NULL;
	auto_error struct error why = ERROR_INIT;
	int result;

	if (image_tag(p->engine, p->template_id, swarm->repo, tag, deadline,
		      err) < 0)
		return -1;
	result = image_push(p->engine, name, deadline, p->base.progress,
			    &digest, err);
	if (image_remove(p->engine, name, deadline, &why) < 0)
		log_debug("'%s' stays: %s", name, why.text);
	if (result < 0)
		return -1;
	free(swarm->image);
	swarm->image = xasprintf("%s@%s", swarm->repo, digest);
	return 0;
}

int swarm_share_template(struct container_provider *p,
			 const struct deadline *deadline, struct error *err)
{
	if (p->swarm->repo)
		return push_template(p, deadline, err);
	free(p->swarm->image);
	p->swarm->image = xstrdup(p->template_id);
	return 0;
}
