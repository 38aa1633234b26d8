/* SPDX-License-Identifier: MIT */
/*
 * provider/swarm.h - what runs as a service of a swarm; for provider/ only.
 *
 * All else is as with containers: the template is built in a container of the
 * manager that is asked, and committed there; what other services run is pulled
 * there. With more than one node an image is pushed to a registry, and services
 * run it by digest; without a registry they run by image id, on the manager's
 * own node alone, and nothing is pulled.
 *
 * No password of a database is part of a service: the template's are in its
 * image, and the session's replace them when the server is claimed.
 */
#ifndef PROVIDER_SWARM_H
#define PROVIDER_SWARM_H

#include "docker/service.h"
#include "provider/provider.h"

#include <pthread.h>
#include <stdbool.h>

struct engine;
struct error;
struct progress;

struct swarm {
	struct engine *engine;
	char node[SWARM_ID]; /* the manager's own */
	bool node_ready;     /* and it takes tasks */
	char *registry;      /* "registry.local:5000/ci", or NULL */
	struct strvec constraints;
	unsigned cpus;         /* of all nodes that take tasks */
	char *image;           /* what services run; NULL: not there yet */
	pthread_mutex_t mutex; /* guards what follows, and units' nodes */
	/* where the own node's ports are reached, once that was found out */
	char *own_host;
	char avoid[SWARM_ID]; /* a node that did not answer, until then */
	int64_t avoid_until_ms;
};

/* ERROR_CONFIG with what to do: the engine manages no swarm, or has nodes that
 * cannot get an image of ours. */
int swarm_open(struct engine *engine, const struct provider_spec *spec,
	       const struct deadline *deadline, struct swarm **ret,
	       struct error *err);
void swarm_free(struct swarm *swarm);
/* What is started from now on runs on the manager's own node alone, where its
 * container can be asked. ERROR_CONFIG: it takes no tasks. */
int swarm_pin(struct swarm *swarm, struct error *err);
bool swarm_is_pinned(const struct swarm *swarm);

/* Brings an image of the manager, by its id, to where the services' nodes can
 * have it; in a registry it is called NAME:TAG. */
struct swarm_image {
	const char *id, *name, *tag;
};
int swarm_share(struct swarm *swarm, const struct swarm_image *image,
		const struct ownership *owner, const struct deadline *deadline,
		const struct progress *progress, struct error *err);

/* The kinds of what runs, as messages call them. */
struct swarm_kind {
	const char *noun;   /* "server" */
	const char *memory; /* what gives it more: "--memory" */
};

/* A service and its one task. One thread works on it at a time. */
struct swarm_unit {
	const struct swarm_kind *kind;
	const char *label;      /* for people; borrowed */
	char service[SWARM_ID]; /* "": not made */
	/* the node that runs it, or "" and NULL; under the swarm's mutex */
	char node_id[SWARM_ID];
	char *node;
	bool node_gone; /* as far as is known */
};
void swarm_unit_free(struct swarm_unit *unit);
/* Its node's name, or NULL; the caller frees. From any thread. */
char *swarm_unit_node(struct swarm *swarm, const struct swarm_unit *unit);

/* As launch_create(); what the swarm says of nodes is added to spec's
 * constraints. */
int swarm_unit_create(struct swarm *swarm, struct swarm_unit *unit,
		      const struct ownership *owner,
		      const struct service_spec *spec,
		      const struct deadline *deadline, bool *ret_unsure,
		      struct error *err);
/* Asks once. -1 and ERROR_SERVER, with the log's tail, for one that has ended,
 * however it did; *ret is written then, too. */
int swarm_unit_look(struct swarm *swarm, struct swarm_unit *unit,
		    const struct deadline *deadline, struct service_task *ret,
		    struct error *err);
/* What it is waiting for, as an error of that kind. Returns -1. */
int swarm_unit_still(const struct swarm_unit *unit,
		     const struct service_task *task, struct error *err);
/* The last lines of its log become the error's detail. */
void swarm_unit_add_log(struct swarm *swarm, const struct swarm_unit *unit,
			struct error *err);
/* Where the ports of its task, which runs, are reached: an address in digits;
 * the caller frees. */
char *swarm_unit_host(struct swarm *swarm, struct swarm_unit *unit,
		      const struct service_task *task,
		      const struct deadline *deadline, struct error *err);
/*
 * Does its port take connections? -1 and ERROR_SERVER if not. Bounded by
 * seconds, where a node that is gone would let a log-in wait for minutes. Such
 * a node gets nothing new for a while: the swarm itself takes some twenty
 * seconds to see that it is down.
 */
int swarm_unit_check(struct swarm *swarm, struct swarm_unit *unit,
		     const char *host, uint16_t port,
		     const struct deadline *deadline, struct error *err);
/* The same of its node alone: a port that is refused will do. */
bool swarm_unit_has_node(struct swarm *swarm, struct swarm_unit *unit,
			 const char *host, uint16_t port,
			 const struct deadline *deadline);

#endif
