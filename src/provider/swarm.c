/* SPDX-License-Identifier: MIT */
#include "provider/swarm.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/lock.h"
#include "base/log.h"
#include "docker/engine.h"
#include "docker/image.h"

#include <stdlib.h>
#include <string.h>

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
		swarm->node_ready |=
		    strcmp(nodes->list[i].id, swarm->node) == 0;
	}
	if (!ready)
		return error_set(err, ERROR_CONFIG,
				 "no node of the swarm takes tasks: %zu are "
				 "down, paused or drained",
				 nodes->n);
	if (!others || swarm->registry)
		return 0;
	error_set(err, ERROR_CONFIG,
		  "the swarm has %zu nodes, and no registry is named from "
		  "which they can have our images",
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
	swarm->engine = engine;
	pthread_mutex_init(&swarm->mutex, NULL);
	memcpy(swarm->node, info.node, sizeof(swarm->node));
	swarm->constraints = (struct strvec)STRVEC_INIT;
	if (spec->swarm_constraints)
		strvec_extend(
		    &swarm->constraints,
		    (char *const *)(uintptr_t)spec->swarm_constraints);
	swarm->registry = xstrdup_or_null(spec->swarm_registry);
	if (!swarm->registry)
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
	free(swarm->registry);
	free(swarm->image);
	free(swarm->own_host);
	pthread_mutex_destroy(&swarm->mutex);
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

bool swarm_is_pinned(const struct swarm *swarm)
{
	return !swarm->registry;
}

int swarm_pin(struct swarm *swarm, struct error *err)
{
	if (!swarm->node_ready)
		return error_set(err, ERROR_CONFIG,
				 "the node of the manager that is asked takes "
				 "no tasks");
	if (swarm_is_pinned(swarm))
		return 0;
	free(swarm->registry);
	swarm->registry = NULL;
	strvec_pushf(&swarm->constraints, "node.id==%s", swarm->node);
	return 0;
}

/* By digest, so that all nodes run this very image: another machine may push a
 * template of its own under the same key, with other passwords. */
static int push_named(struct swarm *swarm, const struct swarm_image *image,
		      const char *repo, const struct deadline *deadline,
		      const struct progress *progress, struct error *err)
{
	auto_free char *name = xasprintf("%s:%s", repo, image->tag);
	auto_free char *digest = NULL;
	auto_error struct error why = ERROR_INIT;
	int result;

	if (image_tag(swarm->engine, image->id, repo, image->tag, deadline,
		      err) < 0)
		return -1;
	result =
	    image_push(swarm->engine, name, deadline, progress, &digest, err);
	/* it has a name of its own */
	if (image_remove(swarm->engine, name, deadline, &why) < 0)
		log_debug("'%s' stays: %s", name, why.text);
	if (result < 0)
		return -1;
	free(swarm->image);
	swarm->image = xasprintf("%s@%s", repo, digest);
	return 0;
}

/* One at a time, as the first to be done takes the name away. */
static int push(struct swarm *swarm, const struct swarm_image *image,
		const struct ownership *owner, const struct deadline *deadline,
		const struct progress *progress, struct error *err)
{
	const char *slash = strrchr(owner->run_dir, '/');
	auto_free char *path =
	    xasprintf("%.*s/push-%s.lock", (int)(slash - owner->run_dir),
		      owner->run_dir, image->tag);
	auto_free char *repo = xasprintf("%s/%s", swarm->registry, image->name);
	struct lock lock = LOCK_INIT;
	int result;

	if (lock_take(&lock, path, deadline, err) < 0)
		return -1;
	result = push_named(swarm, image, repo, deadline, progress, err);
	lock_remove(&lock);
	return result;
}

int swarm_share(struct swarm *swarm, const struct swarm_image *image,
		const struct ownership *owner, const struct deadline *deadline,
		const struct progress *progress, struct error *err)
{
	if (!swarm_is_pinned(swarm))
		return push(swarm, image, owner, deadline, progress, err);
	free(swarm->image);
	swarm->image = xstrdup(image->id);
	return 0;
}
