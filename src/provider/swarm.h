/* SPDX-License-Identifier: MIT */
/*
 * provider/swarm.h - servers as services of a swarm; for provider/ only.
 *
 * All else is the container provider's: the template is built in a container
 * of the manager that is asked, and committed there. With more than one node
 * it is pushed to a registry, and services run it by digest; without a registry
 * they run by image id, on the manager's own node alone, and nothing is pulled.
 *
 * No password is part of a service: the template's are in its image, and the
 * session's replace them when the server is claimed.
 */
#ifndef PROVIDER_SWARM_H
#define PROVIDER_SWARM_H

#include "docker/service.h"
#include "provider/container.h"

struct swarm {
	char node[SWARM_ID]; /* the manager's own */
	char *repo; /* "registry.local:5000/ci/testenv-template", or NULL */
	struct strvec constraints;
	unsigned cpus; /* of all nodes that take tasks */
	char *image;   /* what services run, once the template is there */
	/* where the own node's ports are reached, once that was found out;
	 * under the provider's mutex */
	char *own_host;
	char avoid[SWARM_ID]; /* a node that did not answer, until then */
	int64_t avoid_until_ms;
};

/* ERROR_CONFIG with what to do: the engine manages no swarm, or has nodes that
 * cannot get the template. */
int swarm_open(struct engine *engine, const struct provider_spec *spec,
	       const struct deadline *deadline, struct swarm **ret,
	       struct error *err);
void swarm_free(struct swarm *swarm);

/* Brings p's template to where every node can have it. */
int swarm_share_template(struct container_provider *p,
			 const struct deadline *deadline, struct error *err);

/* As server_run and server_wait's look at the container. */
int swarm_server_run(struct container_provider *p,
		     const struct server_plan *plan,
		     const struct deadline *deadline, struct server **ret,
		     struct error *err);
int swarm_server_look(struct container_provider *p, struct server *s,
		      struct error *err);
/*
 * Does its port take connections? -1 and ERROR_SERVER if not. Bounded by
 * seconds, where a node that is gone would let a log-in wait for minutes. Such
 * a node gets no new server for a while: the swarm itself takes some twenty
 * seconds to see that it is down.
 */
int swarm_server_check(struct container_provider *p, struct server *s,
		       const struct deadline *deadline, struct error *err);

#endif
