/* SPDX-License-Identifier: MIT */
#include "provider/companion.h"

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

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	CLEANUP_MS = 20000,
	REMOVE_MS = 10000,
	CLOSE_WIDTH = 8,
	START_ATTEMPTS = 3,
	PORT_MS = 10000,
	/* one attempt; a deadline for all of them is the caller's */
	PROBE_MS = 10000,
	PAUSE_MS = 20,
	PAUSE_MAX_MS = 500,
	/* what runs in a container of any image, threads included */
	PIDS_LIMIT = 4096,
};
static const int64_t default_memory = 1024LL * 1024 * 1024;

/* One container. It is the companion's from its creation on; one thread works
 * on it at a time. */
struct instance {
	int slot;
	char *name;
	struct container container; /* id "": not made */
	int pid;                    /* see probe_listens */
	bool ready;
	struct companion_address address;
};

struct companion {
	struct companion_spec spec;
	struct engine *engine;
	struct ownership owner;
	const struct progress *progress;
	char *image; /* NULL: not prepared */
	uint16_t ports[CONTAINER_PORTS_MAX + 1];
	size_t n_ports;
	enum probe probe;
	struct strvec probe_cmd;
	/* as container_provider has them */
	bool inside;
	char *network;
	bool no_label;
	pthread_mutex_t mutex; /* guards what follows */
	struct instance **instances;
	size_t n_instances;
	bool unsure; /* there may be a container that is not in the list */
};

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
	int inside = engine_own_network(c->engine, deadline, &c->network, err);

	if (inside < 0 ||
	    (c->spec.n_mounts &&
	     engine_confines_binds(c->engine, deadline, &c->no_label, err) < 0))
		return error_wrap(err, "service '%s'", c->spec.name);
	c->inside = inside == 1;
	if (image_choose(c->engine, &wish, deadline, c->progress, &c->image,
			 &image, err) < 0 ||
	    choose_ports(c, &image, err) < 0 ||
	    choose_probe(c, &image, err) < 0)
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
	free(which->name);
	free(which);
}

static void set_unsure(struct companion *c)
{
	pthread_mutex_lock(&c->mutex);
	c->unsure = true;
	pthread_mutex_unlock(&c->mutex);
}

static int instance_remove(struct companion *c, struct instance *i,
			   const struct deadline *deadline, struct error *err)
{
	int result = 0;

	if (i->container.id[0])
		result =
		    container_remove(c->engine, i->container.id, deadline, err);
	if (result < 0)
		set_unsure(c);
	instance_free(c, i);
	return result;
}

/* Starting */

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
	    .memory_bytes =
		spec->memory_bytes ? spec->memory_bytes : default_memory,
	    .pids_limit = PIDS_LIMIT,
	    .no_label = c->no_label,
	    .no_healthcheck = true, /* its command is run by us, and sooner */
	};

	labels_for(&c->owner, spec->name, i->slot, "service", &labels);
	s.labels = (const char *const *)labels.v;
	result = launch_create(c->engine, &c->owner, &s, deadline,
			       &i->container, &unsure, err);
	if (unsure)
		set_unsure(c);
	return result;
}

/* What the engine published it as, the main port first. */
static void take_ports(struct companion *c, const struct container_state *state,
		       struct companion_address *a)
{
	a->n_ports = 0;
	for (size_t want = 0; want < c->n_ports; want++)
		for (size_t i = 0; i < state->n_ports; i++)
			if (state->ports[i].inside == c->ports[want])
				a->ports[a->n_ports++] = state->ports[i];
	for (size_t i = 0; c->inside && i < a->n_ports; i++)
		a->ports[i].outside = a->ports[i].inside;
}

/* Engines fill the ports in a moment after the start. One that has ended has
 * none; whoever waits for it finds out. */
static int find_address(struct companion *c, struct instance *i,
			const struct deadline *deadline, struct error *err)
{
	struct deadline limit = deadline_sooner(*deadline, PORT_MS);
	struct companion_address *a = &i->address;
	struct container_state state;

	snprintf(a->host, sizeof(a->host), "%s",
		 engine_publish_host(c->engine));
	for (;;) {
		if (container_inspect(c->engine, i->container.id, &limit,
				      &state, err) < 0)
			return -1;
		take_ports(c, &state, a);
		snprintf(a->ip, sizeof(a->ip), "%s", state.ip);
		i->pid = state.pid;
		if (c->inside)
			snprintf(a->host, sizeof(a->host), "%s", state.ip);
		if (a->n_ports == c->n_ports || !state.running)
			return 0;
		if (deadline_poll(&limit, NULL, 0, PAUSE_MS, "published port",
				  err) < 0)
			return -1;
	}
}

static int probe_port(struct companion *c, const struct instance *i,
		      const struct deadline *deadline, struct error *err)
{
	const struct companion_address *a = &i->address;
	int listens = probe_listens(i->container.id, i->pid, c->ports[0], err);

	if (listens == 0 || !a->n_ports)
		return listens == 0 ? -1
				    : error_set(err, ERROR_SERVER,
						"its port is not published");
	return probe_tcp(a->host, a->ports[0].outside, listens == 1, deadline,
			 err);
}

static int probe_once(struct companion *c, const struct instance *i,
		      const struct deadline *deadline, struct error *err)
{
	const struct companion_address *a = &i->address;
	const char *path = c->spec.probe_path ? c->spec.probe_path : "/";
	uint16_t port = a->n_ports ? a->ports[0].outside : 0;

	switch (c->probe) {
	case PROBE_TCP:
		return probe_port(c, i, deadline, err);
	case PROBE_REDIS:
		return probe_redis(a->host, port, deadline, err);
	case PROBE_HTTP:
		return probe_http(a->host, port, path, deadline, err);
	case PROBE_EXEC:
	case PROBE_IMAGE_HEALTHCHECK:
		return probe_exec(c->engine, i->container.id,
				  (const char *const *)c->probe_cmd.v, deadline,
				  err);
	case PROBE_EXIT:
		return error_set(err, ERROR_SERVER, "it still runs");
	case PROBE_AUTO:
	case PROBE_NONE:
		break;
	}
	return 0;
}

static int describe_end(struct companion *c, const struct instance *i,
			const struct container_state *state, struct error *err)
{
	if (state->oom_killed) {
		error_set(err, ERROR_SERVER,
			  "service '%s' used more memory than it may",
			  c->spec.name);
		error_hint(err, "give it more with 'mem_limit'");
	} else {
		error_set(err, ERROR_SERVER,
			  "service '%s' ended with exit code %d before it was "
			  "ready%s%s",
			  c->spec.name, state->exit_code,
			  state->error[0] ? ": " : "", state->error);
	}
	launch_add_log(c->engine, i->container.id, err);
	return -1;
}

/* 1: it is done; 0: it runs; -1: it has ended otherwise. */
static int look_for_end(struct companion *c, const struct instance *i,
			const struct deadline *deadline, struct error *err)
{
	struct container_state state;

	if (container_inspect(c->engine, i->container.id, deadline, &state,
			      err) < 0)
		return -1;
	if (state.running)
		return 0;
	if (c->probe == PROBE_EXIT && !state.exit_code && !state.oom_killed)
		return 1;
	return describe_end(c, i, &state, err);
}

static int not_in_time(struct companion *c, const struct instance *i,
		       int64_t since_ms, const struct error *last,
		       struct error *err)
{
	error_set(err, ERROR_TIMEOUT,
		  "service '%s' was not ready within %lld s: %s", c->spec.name,
		  (long long)((clock_now_ms() - since_ms + 500) / 1000),
		  error_text(last));
	launch_add_log(c->engine, i->container.id, err);
	return -1;
}

static int given_up(const struct companion *c, struct error *err)
{
	return error_set(err, ERROR_CANCELLED,
			 "service '%s': another one failed", c->spec.name);
}

static int wait_ready(struct companion *c, const struct instance *i,
		      const atomic_bool *give_up,
		      const struct deadline *deadline, struct error *err)
{
	int64_t since_ms = clock_now_ms();
	int64_t pause = PAUSE_MS;
	auto_error struct error last = ERROR_INIT;

	for (;; pause = pause * 2 > PAUSE_MAX_MS ? PAUSE_MAX_MS : pause * 2) {
		struct deadline attempt = deadline_sooner(*deadline, PROBE_MS);
		auto_error struct error now = ERROR_INIT;
		auto_error struct error late = ERROR_INIT;
		bool answered = probe_once(c, i, &attempt, &now) == 0;
		int ended = 0;

		/* one that ran out of time says less than the one before it */
		if (!last.kind || deadline_left_ms(&attempt) > 0)
			error_move(&last, &now);

		if (deadline_left_ms(deadline) > 0)
			ended = look_for_end(c, i, deadline, err);
		if (ended < 0)
			return -1;
		if (ended || answered)
			return 0;
		if (give_up && atomic_load(give_up))
			return given_up(c, err);
		if (deadline_poll(deadline, NULL, 0, pause, "service", &late) ==
		    0)
			continue;
		if (late.kind != ERROR_TIMEOUT)
			return error_move(err, &late);
		return not_in_time(c, i, since_ms, &last, err);
	}
}

static int start_once(struct companion *c, int slot, const char *const *hosts,
		      const atomic_bool *give_up,
		      const struct deadline *deadline, struct error *err)
{
	struct instance *i = instance_new(c, slot);
	struct deadline limit = *deadline;
	struct deadline cleanup;

	if (create(c, i, hosts, deadline, err) < 0 ||
	    container_start(c->engine, &i->container, deadline, err) < 0 ||
	    find_address(c, i, deadline, err) < 0) {
		error_wrap(err, "service '%s'", c->spec.name);
	} else {
		if (c->spec.start_timeout_ms)
			limit =
			    deadline_sooner(limit, c->spec.start_timeout_ms);
		if (wait_ready(c, i, give_up, &limit, err) == 0) {
			pthread_mutex_lock(&c->mutex);
			i->ready = true;
			pthread_mutex_unlock(&c->mutex);
			return 0;
		}
	}
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

		if (start_once(c, slot, hosts, give_up, deadline, &why) == 0)
			return 0;
		if (attempt == START_ATTEMPTS || !launch_port_was_taken(&why))
			return error_move(err, &why);
		log_debug("another port: %s", why.text);
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
	    sweep_session(c->engine, c->owner.session, c->owner.run_dir, false,
			  deadline, &why) < 0)
		progress_notice(c->progress, "%s (left to 'testenv gc')",
				why.text);
	pthread_mutex_destroy(&c->mutex);
	strvec_free(&c->probe_cmd);
	free(c->network);
	free(c->instances);
	free(c->image);
	free(c);
}
