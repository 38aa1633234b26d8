/* SPDX-License-Identifier: MIT */
/*
 * docker/service.h - services of a swarm, asked of one of its managers.
 *
 * A service here has one task at most, which is never started again: what runs
 * in it is worthless when it has ended. Its port is published on the node that
 * runs it (mode=host), not by the routing mesh: the mesh needs IPVS on every
 * node, is one more hop, and goes on accepting connections for a node that is
 * gone.
 *
 * Calls return 0, or -1 with *err; ret_ arguments are written only on success.
 */
#ifndef DOCKER_SERVICE_H
#define DOCKER_SERVICE_H

#include "base/clock.h"
#include "base/strvec.h"
#include "docker/container.h"

#include <stdbool.h>
#include <stdint.h>

struct engine;
struct error;

enum {
	SWARM_ID = 32 /* its ids have 25 characters */
};

/* What an engine says of the swarm it is in. A plain value. */
struct swarm_info {
	char state[16]; /* "inactive" "pending" "active" "error" "locked" */
	bool manager;   /* can be asked about the swarm */
	char node[SWARM_ID]; /* its own, or "" */
	char managers[128];  /* an address of another one, or "" */
};
int swarm_info(struct engine *engine, const struct deadline *deadline,
	       struct swarm_info *ret, struct error *err);

struct swarm_node {
	char id[SWARM_ID];
	char *hostname;
	char address[64]; /* "" where the swarm does not know it */
	bool ready;       /* it is there, and takes tasks */
	int cpus;
};
struct swarm_nodes {
	struct swarm_node *list;
	size_t n;
};
#define SWARM_NODES_INIT \
	{                \
		0, 0     \
	}
void swarm_nodes_free(struct swarm_nodes *nodes);
#define auto_swarm_nodes __attribute__((cleanup(swarm_nodes_free)))
int swarm_nodes(struct engine *engine, const struct deadline *deadline,
		struct swarm_nodes *ret, struct error *err);
/* Borrowed; NULL: not among them. */
const struct swarm_node *swarm_node_find(const struct swarm_nodes *nodes,
					 const char *id);

/* What to run. Strings are borrowed for the call; zero means default. */
struct service_spec {
	const char *name;
	/* An id ("sha256:…") is never pulled: the node has it, or the task is
	 * rejected. Else by digest; log-ins are sent along for the nodes. */
	const char *image;
	const char *const *env;        /* "KEY=value", NULL-terminated */
	const char *const *entrypoint; /* NULL: the image's */
	const char *const *args;       /* after the entrypoint */
	const char *user;
	const char *working_dir;
	const char *const *labels;      /* the service's and its container's */
	const char *const *constraints; /* "node.id==x", NULL-terminated */
	uint16_t port;                  /* published by its node; 0: none */
	const uint16_t *more_ports; /* these as well; ends with a 0, or NULL */
	const struct container_mount *mounts; /* binds, of its node */
	size_t n_mounts;
	const char *const *tmpfs; /* see service_check_tmpfs() */
	const char *const *hosts; /* "NAME:IP", into its /etc/hosts */
	/* Its task counts as running once this ended with 0, which its node
	 * runs every second. */
	const char *const *health_cmd;
	bool no_healthcheck; /* the image's own is not run */
	bool no_label;       /* as container_spec has it */
	int64_t memory_bytes;
	int64_t pids_limit;
};
/* "/run" or "/run:size=64m,mode=700": ERROR_CONFIG for an option that a swarm
 * has no place for. */
int service_check_tmpfs(const char *tmpfs, struct error *err);
/* ERROR_BUSY when the name is taken; else ERROR_ENGINE. */
int service_create(struct engine *engine, const struct service_spec *spec,
		   const struct deadline *deadline, char ret_id[SWARM_ID],
		   struct error *err);
/* Its container follows within seconds, by the swarm's own doing. Not there is
 * success. */
int service_remove(struct engine *engine, const char *id,
		   const struct deadline *deadline, struct error *err);

struct service_row {
	char id[SWARM_ID];
	char *name;
	struct strvec labels; /* "key=value" */
};
struct service_list {
	struct service_row *rows;
	size_t n;
};
#define SERVICE_LIST_INIT \
	{                 \
		0, 0      \
	}
void service_list_free(struct service_list *list);
#define auto_service_list __attribute__((cleanup(service_list_free)))
/* Those with the label ("key" or "key=value"). An engine that manages no swarm
 * has none. */
int service_list(struct engine *engine, const char *label,
		 const struct deadline *deadline, struct service_list *ret,
		 struct error *err);

/* The one task of a service. A plain value. */
struct service_task {
	char id[SWARM_ID]; /* "": there is none yet */
	char node[SWARM_ID];
	char state[16]; /* "new" "pending" "assigned" … "running", and the ends:
			   "complete" "failed" "rejected" "shutdown" "orphaned"
			   "remove" */
	bool running;
	bool ended;        /* it will not run (any more) */
	char message[256]; /* the swarm's word on why it does not run, or "" */
	int exit_code;
	uint16_t port; /* on its node; 0: not published yet */
	struct container_port ports[CONTAINER_PORTS_MAX]; /* all, likewise */
	size_t n_ports;
	char container[65]; /* its id, known to its node's engine; or "" */
};
int service_task(struct engine *engine, const char *service,
		 const struct deadline *deadline, struct service_task *ret,
		 struct error *err);

/* As container_logs and container_log_tail. */
int service_logs(struct engine *engine, const char *service,
		 const struct container_log_options *options,
		 const struct deadline *deadline, container_log_fn *fn,
		 void *ctx, struct error *err);
int service_log_tail(struct engine *engine, const char *service, int lines,
		     const struct deadline *deadline, struct buf *ret,
		     struct error *err);

#endif
