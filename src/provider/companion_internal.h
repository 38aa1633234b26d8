/* SPDX-License-Identifier: MIT */
/*
 * provider/companion_internal.h - what the parts of companion.h share:
 * companion.c holds the list, companion_wait.c asks one until it is ready,
 * companion_swarm.c runs it as a service of a swarm.
 */
#ifndef PROVIDER_COMPANION_INTERNAL_H
#define PROVIDER_COMPANION_INTERNAL_H

#include "docker/image.h"
#include "provider/companion.h"
#include "provider/reach.h"
#include "provider/swarm.h"

#include <pthread.h>

enum {
	/* what runs in a container of any image, threads included */
	COMPANION_PIDS = 4096,
	COMPANION_PAUSE_MS = 20
};

/* One container, or service. It is the companion's from its creation on; one
 * thread works on it at a time. */
struct instance {
	int slot;
	char *name;
	/* id "": not made; of a service its task's, where that can be asked */
	struct container container;
	struct swarm_unit unit;
	int pid; /* see probe_listens */
	bool ready;
	struct companion_address address; /* host "": not known */
	/* of a container: as the engine published it, and where its main port
	 * may be until a connection was made */
	struct companion_address published;
	struct reach_place places[REACH_PLACES];
	size_t n_places;
};

struct companion {
	struct companion_spec spec;
	struct engine *engine;
	struct ownership owner;
	const struct progress *progress;
	char *image;         /* NULL: not prepared */
	struct swarm *swarm; /* NULL: containers */
	/* a 0 behind the last */
	uint16_t ports[CONTAINER_PORTS_MAX + 1];
	size_t n_ports;
	enum probe probe;
	struct strvec probe_cmd;
	/* as container_provider has them */
	bool inside;
	char *network;
	bool no_label;
	pthread_mutex_t mutex; /* guards what follows */
	enum reach_way way;
	struct instance **instances;
	size_t n_instances;
	bool unsure; /* there may be a container that is not in the list */
};

void companion_set_unsure(struct companion *c);
int64_t companion_memory_limit(const struct companion *c);

/* Where a started container is. */
int companion_find_address(struct companion *c, struct instance *i,
			   const struct deadline *deadline, struct error *err);
/* Until it is ready; errors as of companion_start(). */
int companion_wait(struct companion *c, struct instance *i,
		   const atomic_bool *give_up, const struct deadline *deadline,
		   struct error *err);
int companion_given_up(const struct companion *c, struct error *err);
/* The given ports in the order of c's, the main one first. */
void companion_take_ports(const struct companion *c,
			  const struct container_port *ports, size_t n,
			  struct companion_address *ret);

/* Of a swarm (spec.swarm): ERROR_CONFIG for what it cannot give. */
int companion_swarm_open(struct companion *c, const struct deadline *deadline,
			 struct error *err);
/* The image, which this engine has, to where it will run. */
int companion_swarm_share(struct companion *c, const struct image *image,
			  const struct deadline *deadline, struct error *err);
/* Makes the service, and waits until its node has got so far as to start it. */
int companion_swarm_start(struct companion *c, struct instance *i,
			  const char *const *hosts, const atomic_bool *give_up,
			  const struct deadline *deadline, struct error *err);
/*
 * 1: its task has ended, successfully, as was wanted. 0: it has not, and once
 * it runs its address is known. -1 also when it has ended otherwise.
 */
int companion_swarm_look(struct companion *c, struct instance *i,
			 const struct deadline *deadline, struct error *err);
/* Is it running, and its node there? */
bool companion_swarm_serves(struct companion *c, struct instance *i,
			    const struct deadline *deadline);
/* Its node runs the probe's command, not we. */
bool companion_swarm_probes(const struct companion *c);

#endif
