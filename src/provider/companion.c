/* SPDX-License-Identifier: MIT */
#include "provider/companion_internal.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/log.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "docker/engine.h"
#include "docker/probe.h"
#include "docker/self.h"
#include "provider/choose.h"
#include "provider/labels.h"
#include "provider/launch.h"
#include "provider/sweep.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	CLEANUP_MS = 20000,
	REMOVE_MS = 10000,
	CLOSE_WIDTH = 8,
	START_ATTEMPTS = 3,
};
static const int64_t default_memory = 1024LL * 1024 * 1024;

struct companion *companion_open(struct engine *engine,
				 const struct companion_spec *spec,
				 const struct ownership *owner,
				 const struct progress *progress)
{
	struct companion *c = xcalloc(1, sizeof(*c));

	c->spec = *spec;
	c->engine = engine;
	c->owner = *owner;
	c->progress = progress;
	c->probe_cmd = (struct strvec)STRVEC_INIT;
	pthread_mutex_init(&c->mutex, NULL);
	return c;
}

bool companion_is_redis(const char *image)
{
	static const char *const names[] = {"redis", "valkey", "keydb",
					    "redis-stack-server", NULL};
	const char *slash = strrchr(image, '/');
	const char *name = slash ? slash + 1 : image;
	size_t len = strcspn(name, ":@");

	for (const char *const *n = names; *n; n++)
		if (strlen(*n) == len && !strncmp(*n, name, len))
			return true;
	return false;
}

/* Preparing */

static int several_ports(const struct companion *c, const struct image *image,
			 struct error *err)
{
	auto_buf struct buf list = BUF_INIT;

	for (size_t i = 0; i < image->ports.n; i++)
		buf_printf(&list, "%s%s", i ? ", " : "", image->ports.v[i]);
	error_set(err, ERROR_CONFIG, "'%s' exposes several ports: %s",
		  c->spec.image, list.s);
	error_hint(err, "name the one to be used with 'ports', or with 'port' "
			"under its x-testenv");
	return -1;
}

/* The one that was asked for, else the only one that the image exposes. */
static int choose_ports(struct companion *c, const struct image *image,
			struct error *err)
{
	if (c->spec.n_ports) {
		c->n_ports = c->spec.n_ports < CONTAINER_PORTS_MAX
				 ? c->spec.n_ports
				 : CONTAINER_PORTS_MAX;
		memcpy(c->ports, c->spec.ports, c->n_ports * sizeof(*c->ports));
		return 0;
	}
	for (size_t i = 0; !c->spec.no_port && i < image->ports.n; i++) {
		char *end;
		long port = strtol(image->ports.v[i], &end, 10);

		if (strcmp(end, "/tcp") != 0 || port < 1 || port > UINT16_MAX)
			continue;
		if (c->n_ports)
			return several_ports(c, image, err);
		c->ports[c->n_ports++] = (uint16_t)port;
	}
	return 0;
}

/* As a container's healthcheck says it. */
static bool take_healthcheck(struct companion *c, const struct strvec *test)
{
	if (test->n > 1 && !strcmp(test->v[0], "CMD")) {
		strvec_extend(&c->probe_cmd, test->v + 1);
	} else if (test->n > 1 && !strcmp(test->v[0], "CMD-SHELL")) {
		strvec_push(&c->probe_cmd, "/bin/sh");
		strvec_push(&c->probe_cmd, "-c");
		strvec_push(&c->probe_cmd, test->v[1]);
	}
	return c->probe_cmd.n > 0;
}

static int choose_probe(struct companion *c, const struct image *image,
			struct error *err)
{
	enum probe wanted = c->spec.probe;

	if (wanted == PROBE_EXEC && c->spec.probe_cmd)
		strvec_extend(&c->probe_cmd,
			      (char *const *)(uintptr_t)c->spec.probe_cmd);
	else if (wanted == PROBE_AUTO &&
		 take_healthcheck(c, &image->healthcheck))
		wanted = PROBE_EXEC;
	else if (wanted == PROBE_AUTO && companion_is_redis(c->spec.image))
		wanted = PROBE_REDIS;
	else if (wanted == PROBE_AUTO)
		wanted = c->n_ports ? PROBE_TCP : PROBE_NONE;
	else if (wanted == PROBE_IMAGE_HEALTHCHECK) {
		if (!take_healthcheck(c, &image->healthcheck))
			return error_set(err, ERROR_CONFIG,
					 "'%s' has no healthcheck",
					 c->spec.image);
		wanted = PROBE_EXEC;
	}
	c->probe = wanted;
	if (!c->n_ports && (wanted == PROBE_TCP || wanted == PROBE_REDIS ||
			    wanted == PROBE_HTTP)) {
		error_set(err, ERROR_CONFIG, "'%s' exposes no port to probe",
			  c->spec.image);
		error_hint(err, "name it with 'ports', or with 'port' under "
				"its x-testenv");
		return -1;
	}
	return 0;
}

/* Where its containers will be, and we. */
static int find_place(struct companion *c, const struct deadline *deadline,
		      struct error *err)
{
	int inside;

	if (c->spec.swarm)
		return companion_swarm_open(c, deadline, err);
	inside = engine_own_network(c->engine, deadline, &c->network, err);
	c->inside = inside == 1;
	return inside < 0 ? -1 : 0;
}

int companion_prepare(struct companion *c, const struct deadline *deadline,
		      struct error *err)
{
	auto_image struct image image = IMAGE_INIT;
	struct image_wish wish = {
	    .image = c->spec.image,
	    .mirror = c->spec.mirror,
	    .pull_age_s = c->spec.pull_age_s,
	    .platform = c->spec.platform,
	};

	if (find_place(c, deadline, err) < 0 ||
	    (c->spec.n_mounts &&
	     engine_confines_binds(c->engine, deadline, &c->no_label, err) <
		 0) ||
	    image_choose(c->engine, &wish, deadline, c->progress, &c->image,
			 &image, err) < 0 ||
	    choose_ports(c, &image, err) < 0 ||
	    choose_probe(c, &image, err) < 0 ||
	    (c->swarm && companion_swarm_share(c, &image, deadline, err) < 0))
		return error_wrap(err, "service '%s'", c->spec.name);
	return 0;
}

const char *companion_image(const struct companion *c)
{
	return c->image;
}

enum probe companion_probe(const struct companion *c)
{
	return c->probe;
}

const char *companion_probe_name(const struct companion *c)
{
	static const char *const names[] = {
	    [PROBE_AUTO] = "auto",   [PROBE_TCP] = "tcp",
	    [PROBE_REDIS] = "redis", [PROBE_HTTP] = "http",
	    [PROBE_EXEC] = "exec",   [PROBE_IMAGE_HEALTHCHECK] = "exec",
	    [PROBE_EXIT] = "exit",   [PROBE_NONE] = "none",
	};

	return names[c->probe];
}

/* Instances */

static struct instance *instance_new(struct companion *c, int slot)
{
	struct instance *i = xcalloc(1, sizeof(*i));

	i->slot = slot;
	if (slot == COMPANION_SHARED)
		i->name = xasprintf("testenv-%s-%s-shared", c->owner.session,
				    c->spec.name);
	else
		i->name = xasprintf("testenv-%s-%s-%d", c->owner.session,
				    c->spec.name, slot);
	pthread_mutex_lock(&c->mutex);
	c->instances = xreallocarray(c->instances, c->n_instances + 1,
				     sizeof(struct instance *));
	c->instances[c->n_instances++] = i;
	pthread_mutex_unlock(&c->mutex);
	return i;
}

/* Caller holds the mutex. */
static struct instance *find(struct companion *c, int slot)
{
	for (size_t i = 0; i < c->n_instances; i++)
		if (c->instances[i]->slot == slot)
			return c->instances[i];
	return NULL;
}

static struct instance *find_locked(struct companion *c, int slot)
{
	struct instance *i;

	pthread_mutex_lock(&c->mutex);
	i = find(c, slot);
	pthread_mutex_unlock(&c->mutex);
	return i;
}

static void instance_free(struct companion *c, struct instance *which)
{
	pthread_mutex_lock(&c->mutex);
	for (size_t i = 0; i < c->n_instances; i++) {
		if (c->instances[i] != which)
			continue;
		c->instances[i] = c->instances[--c->n_instances];
		break;
	}
	pthread_mutex_unlock(&c->mutex);
	swarm_unit_free(&which->unit);
	free(which->name);
	free(which);
}

void companion_set_unsure(struct companion *c)
{
	pthread_mutex_lock(&c->mutex);
	c->unsure = true;
	pthread_mutex_unlock(&c->mutex);
}

static int instance_remove(struct companion *c, struct instance *i,
			   const struct deadline *deadline, struct error *err)
{
	int result = 0;

	/* a service's container goes with it */
	if (i->unit.service[0])
		result =
		    service_remove(c->engine, i->unit.service, deadline, err);
	else if (i->container.id[0])
		result =
		    container_remove(c->engine, i->container.id, deadline, err);
	if (result < 0)
		companion_set_unsure(c);
	instance_free(c, i);
	return result;
}

/* Starting */

int64_t companion_memory_limit(const struct companion *c)
{
	return c->spec.memory_bytes ? c->spec.memory_bytes : default_memory;
}

static int create(struct companion *c, struct instance *i,
		  const char *const *hosts, const struct deadline *deadline,
		  struct error *err)
{
	auto_strvec struct strvec labels = STRVEC_INIT;
	const struct companion_spec *spec = &c->spec;
	bool unsure = false;
	int result;
	struct container_spec s = {
	    .image = c->image,
	    .name = i->name,
	    .env = spec->env,
	    .cmd = spec->cmd,
	    .entrypoint = spec->entrypoint,
	    .user = spec->user,
	    .working_dir = spec->working_dir,
	    .network_mode = c->network,
	    .port = c->ports[0],
	    .more_ports = c->n_ports ? c->ports + 1 : NULL,
	    .publish_ip = launch_publish_ip(c->engine),
	    .mounts = spec->mounts,
	    .n_mounts = spec->n_mounts,
	    .tmpfs = spec->tmpfs,
	    .hosts = hosts,
	    .memory_bytes = companion_memory_limit(c),
	    .pids_limit = COMPANION_PIDS,
	    .no_label = c->no_label,
	    .no_healthcheck = true, /* its command is run by us, and sooner */
	};

	labels_for(&c->owner, spec->name, i->slot, "service", &labels);
	s.labels = (const char *const *)labels.v;
	result = launch_create(c->engine, &c->owner, &s, deadline,
			       &i->container, &unsure, err);
	if (unsure)
		companion_set_unsure(c);
	return result;
}

static int run_container(struct companion *c, struct instance *i,
			 const char *const *hosts,
			 const struct deadline *deadline, struct error *err)
{
	if (create(c, i, hosts, deadline, err) < 0 ||
	    container_start(c->engine, &i->container, deadline, err) < 0 ||
	    companion_find_address(c, i, deadline, err) < 0)
		return error_wrap(err, "service '%s'", c->spec.name);
	return 0;
}

static int run_and_wait(struct companion *c, struct instance *i,
			const char *const *hosts, const atomic_bool *give_up,
			const struct deadline *deadline, struct error *err)
{
	struct deadline limit = *deadline;
	int result = c->swarm ? companion_swarm_start(c, i, hosts, give_up,
						      deadline, err)
			      : run_container(c, i, hosts, deadline, err);

	if (result < 0)
		return -1;
	if (c->spec.start_timeout_ms)
		limit = deadline_sooner(limit, c->spec.start_timeout_ms);
	return companion_wait(c, i, give_up, &limit, err);
}

/* *ret_again: it may work at another try. */
static int start_once(struct companion *c, int slot, const char *const *hosts,
		      const atomic_bool *give_up,
		      const struct deadline *deadline, bool *ret_again,
		      struct error *err)
{
	struct instance *i = instance_new(c, slot);
	struct deadline cleanup;

	if (run_and_wait(c, i, hosts, give_up, deadline, err) == 0) {
		pthread_mutex_lock(&c->mutex);
		i->ready = true;
		pthread_mutex_unlock(&c->mutex);
		return 0;
	}
	*ret_again = i->unit.node_gone || launch_port_was_taken(err);
	cleanup = deadline_in(CLEANUP_MS, NULL);
	instance_remove(c, i, &cleanup, NULL);
	return -1;
}

int companion_start(struct companion *c, int slot, const char *const *hosts,
		    const atomic_bool *give_up, const struct deadline *deadline,
		    struct error *err)
{
	for (int attempt = 1;; attempt++) {
		auto_error struct error why = ERROR_INIT;
		bool again = false;

		if (start_once(c, slot, hosts, give_up, deadline, &again,
			       &why) == 0)
			return 0;
		if (attempt == START_ATTEMPTS || !again)
			return error_move(err, &why);
		log_debug("once more: %s", why.text);
	}
}

bool companion_address(struct companion *c, int slot,
		       struct companion_address *ret)
{
	const struct instance *i;
	bool there;

	pthread_mutex_lock(&c->mutex);
	i = find(c, slot);
	there = i && i->ready;
	if (there)
		*ret = i->address;
	pthread_mutex_unlock(&c->mutex);
	return there;
}

int companion_reset(struct companion *c, int slot,
		    const struct deadline *deadline, struct error *err)
{
	struct instance *i = find_locked(c, slot);

	if (!i || !c->spec.reset_cmd || !c->spec.reset_cmd[0])
		return 0;
	if (probe_exec(c->engine, i->container.id, c->spec.reset_cmd, deadline,
		       err) < 0)
		return error_wrap(err, "reset service '%s'", c->spec.name);
	return 0;
}

bool companion_is_running(struct companion *c, int slot,
			  const struct deadline *deadline)
{
	struct instance *i = find_locked(c, slot);
	struct container_state state;

	if (i && i->ready && c->swarm)
		return companion_swarm_serves(c, i, deadline);
	return i && i->ready &&
	       container_inspect(c->engine, i->container.id, deadline, &state,
				 NULL) == 0 &&
	       state.running;
}

int companion_stop(struct companion *c, int slot,
		   const struct deadline *deadline, struct error *err)
{
	struct instance *i = find_locked(c, slot);

	return i ? instance_remove(c, i, deadline, err) : 0;
}

char *companion_name(struct companion *c, int slot)
{
	const struct instance *i;
	char *name;

	pthread_mutex_lock(&c->mutex);
	i = find(c, slot);
	name = i && i->ready ? xstrdup(i->name) : NULL;
	pthread_mutex_unlock(&c->mutex);
	return name;
}

struct close_ctx {
	struct companion *c;
	struct instance **instances;
	const struct deadline *deadline;
};

static int close_one(void *arg, size_t i, struct error *err)
{
	struct close_ctx *ctx = arg;
	auto_error struct error why = ERROR_INIT;

	(void)err; /* the others are still to be removed */
	if (instance_remove(ctx->c, ctx->instances[i], ctx->deadline, &why) < 0)
		log_debug("once more: %s", why.text);
	return 0;
}

void companion_close(struct companion *c, const struct deadline *deadline)
{
	auto_error struct error why = ERROR_INIT;
	struct deadline half;
	struct close_ctx ctx;
	int64_t left_ms;
	size_t n;

	if (!c)
		return;
	/* one that hangs leaves time to look at what there is */
	left_ms = deadline_left_ms(deadline);
	half = deadline_sooner(*deadline, left_ms / 2 < REMOVE_MS ? left_ms / 2
								  : REMOVE_MS);
	n = c->n_instances;
	/* a copy: each removal takes its own out of the list */
	ctx = (struct close_ctx){c, xcalloc(n + 1, sizeof(struct instance *)),
				 &half};
	for (size_t i = 0; i < n; i++)
		ctx.instances[i] = c->instances[i];
	parallel_run(n, CLOSE_WIDTH, close_one, &ctx, NULL);
	free(ctx.instances);
	if (c->unsure && sweep_may_work(c->engine, c->progress, deadline) &&
	    sweep_session(c->engine, c->owner.session, c->owner.run_dir,
			  c->swarm != NULL, deadline, &why) < 0)
		progress_notice(c->progress, "%s (left to 'testenv gc')",
				why.text);
	pthread_mutex_destroy(&c->mutex);
	strvec_free(&c->probe_cmd);
	swarm_free(c->swarm);
	free(c->network);
	free(c->instances);
	free(c->image);
	free(c);
}
