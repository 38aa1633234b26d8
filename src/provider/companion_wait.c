/* SPDX-License-Identifier: MIT */
/* Where a service is, and until it is ready. */
#include "provider/companion_internal.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/log.h"
#include "docker/engine.h"
#include "docker/probe.h"
#include "provider/launch.h"

#include <stdio.h>
#include <string.h>

enum {
	PORT_MS = 10000,
	/* one attempt; a deadline for all of them is the caller's */
	PROBE_MS = 10000,
	PAUSE_MAX_MS = 500,
	/* to look once at each of its places */
	PLACES_MS = 300,
};

void companion_take_ports(const struct companion *c,
			  const struct container_port *ports, size_t n,
			  struct companion_address *ret)
{
	ret->n_ports = 0;
	for (size_t want = 0; want < c->n_ports; want++)
		for (size_t i = 0; i < n; i++)
			if (ports[i].inside == c->ports[want] &&
			    ret->n_ports < CONTAINER_PORTS_MAX)
				ret->ports[ret->n_ports++] = ports[i];
}

/* All its ports are where the main one is. */
static void use_place(struct instance *i, const struct reach_place *place)
{
	struct companion_address *a = &i->address;

	*a = i->published;
	memcpy(a->host, place->host, sizeof(place->host));
	for (size_t p = 0; place->way == REACH_DIRECT && p < a->n_ports; p++)
		a->ports[p].outside = a->ports[p].inside;
}

static int set_places(struct companion *c, struct instance *i,
		      struct error *err)
{
	const struct companion_address *a = &i->published;
	struct reach_port port = {
	    .published_host = engine_publish_host(c->engine),
	    .published = a->n_ports ? a->ports[0].outside : 0,
	    .ip = a->ip,
	    .own = c->ports[0],
	    .local = engine_is_local(c->engine),
	    .inside = c->inside,
	};

	pthread_mutex_lock(&c->mutex);
	port.way = c->way;
	pthread_mutex_unlock(&c->mutex);
	if (reach_places(&port, i->places, &i->n_places, err) < 0)
		return -1;
	use_place(i, &i->places[0]);
	return 0;
}

/* Engines fill the ports in a moment after the start. One that has ended has
 * none; whoever waits for it finds out. */
int companion_find_address(struct companion *c, struct instance *i,
			   const struct deadline *deadline, struct error *err)
{
	struct deadline limit = deadline_sooner(*deadline, PORT_MS);
	struct companion_address *a = &i->published;
	struct container_state state;

	for (;;) {
		if (container_inspect(c->engine, i->container.id, &limit,
				      &state, err) < 0)
			return -1;
		companion_take_ports(c, state.ports, state.n_ports, a);
		snprintf(a->ip, sizeof(a->ip), "%s", state.ip);
		i->pid = state.pid;
		if (a->n_ports == c->n_ports || !state.running)
			return set_places(c, i, err);
		if (deadline_poll(&limit, NULL, 0, COMPANION_PAUSE_MS,
				  "published port", err) < 0)
			return -1;
	}
}

/* Which of its places answers; the first, until one does. */
static int choose_place(struct companion *c, struct instance *i,
			const struct deadline *deadline, struct error *err)
{
	struct deadline limit = deadline_sooner(*deadline, PLACES_MS);
	size_t at;

	if (i->n_places < 2 || !i->address.n_ports)
		return 0;
	if (reach_first(i->places, i->n_places, NULL, NULL, &limit, &at, err) <
	    0)
		return -1;
	i->n_places = 1;
	use_place(i, &i->places[at]);
	log_debug("'%s' is reached at %s, port %u", i->name, i->address.host,
		  (unsigned)i->address.ports[0].outside);
	pthread_mutex_lock(&c->mutex);
	c->way = i->places[at].way;
	pthread_mutex_unlock(&c->mutex);
	return 0;
}

static int probe_port(struct companion *c, struct instance *i,
		      const struct deadline *deadline, struct error *err)
{
	const struct companion_address *a = &i->address;
	int listens = probe_listens(i->container.id, i->pid, c->ports[0], err);

	if (listens == 0 || !a->n_ports)
		return listens == 0 ? -1
				    : error_set(err, ERROR_SERVER,
						"its port is not published");
	if (choose_place(c, i, deadline, err) < 0)
		return -1;
	return probe_tcp(a->host, a->ports[0].outside, listens == 1, deadline,
			 err);
}

/* One with a port of its own that has to answer. */
static int probe_net(struct companion *c, struct instance *i,
		     const struct deadline *deadline, struct error *err)
{
	const struct companion_address *a = &i->address;
	const char *path = c->spec.probe_path ? c->spec.probe_path : "/";
	uint16_t port;

	if (c->probe == PROBE_TCP)
		return probe_port(c, i, deadline, err);
	if (choose_place(c, i, deadline, err) < 0)
		return -1;
	port = a->n_ports ? a->ports[0].outside : 0;
	if (c->probe == PROBE_REDIS)
		return probe_redis(a->host, port, deadline, err);
	return probe_http(a->host, port, path, deadline, err);
}

static int probe_once(struct companion *c, struct instance *i,
		      const struct deadline *deadline, struct error *err)
{
	if (!i->address.host[0])
		return error_set(err, ERROR_SERVER, "%s",
				 companion_swarm_probes(c)
				     ? "its node has not found it healthy"
				     : "its task does not run");
	switch (c->probe) {
	case PROBE_TCP:
	case PROBE_REDIS:
	case PROBE_HTTP:
		return probe_net(c, i, deadline, err);
	case PROBE_EXEC:
	case PROBE_IMAGE_HEALTHCHECK:
		if (companion_swarm_probes(c))
			return 0;
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

static void add_log(struct companion *c, const struct instance *i,
		    struct error *err)
{
	if (c->swarm)
		swarm_unit_add_log(c->swarm, &i->unit, err);
	else
		launch_add_log(c->engine, i->container.id, err);
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
	add_log(c, i, err);
	return -1;
}

/* 1: it is done; 0: it runs; -1: it has ended otherwise. */
static int look_for_end(struct companion *c, struct instance *i,
			const struct deadline *deadline, struct error *err)
{
	struct container_state state;

	if (c->swarm)
		return companion_swarm_look(c, i, deadline, err);
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
	add_log(c, i, err);
	return -1;
}

int companion_given_up(const struct companion *c, struct error *err)
{
	return error_set(err, ERROR_CANCELLED,
			 "service '%s': another one failed", c->spec.name);
}

int companion_wait(struct companion *c, struct instance *i,
		   const atomic_bool *give_up, const struct deadline *deadline,
		   struct error *err)
{
	int64_t since_ms = clock_now_ms();
	int64_t pause = COMPANION_PAUSE_MS;
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
		if (ended || answered) {
			/* who asked in another way, has not connected */
			if (!ended)
				choose_place(c, i, deadline, NULL);
			return 0;
		}
		if (give_up && atomic_load(give_up))
			return companion_given_up(c, err);
		if (deadline_poll(deadline, NULL, 0, pause, "service", &late) ==
		    0)
			continue;
		if (late.kind != ERROR_TIMEOUT)
			return error_move(err, &late);
		return not_in_time(c, i, since_ms, &last, err);
	}
}
