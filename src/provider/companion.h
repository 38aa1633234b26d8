/* SPDX-License-Identifier: MIT */
/*
 * provider/companion.h - a service beside the databases, in containers of any
 * image: one for all, or one for each slot.
 *
 * Calling order: open, prepare (once, by one thread), then start for each
 * container (any of them in parallel), and close, which removes what is left.
 * All that is made carries the session's labels, as a server's does.
 *
 * The containers are on the engine's default network, or on that of the
 * container that this process is in. Where their ports are reached is found out
 * as with servers (reach.h). By name they reach those they depend on, which are
 * written into their /etc/hosts: a network of their own for each session would
 * use up the engine's address ranges, of which there are thirty.
 *
 * On a swarm each is a service of one task, where the swarm puts it. What needs
 * its container to be asked or reached (linked, a bind, reset_cmd) is on the
 * manager's own node; the command of a probe is run by its node elsewhere.
 */
#ifndef PROVIDER_COMPANION_H
#define PROVIDER_COMPANION_H

#include "base/clock.h"
#include "docker/container.h"
#include "provider/provider.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct companion;
struct engine;
struct error;
struct progress;

enum {
	COMPANION_SHARED = -1 /* the one for all; others are numbered by slot */
};

enum probe {
	PROBE_AUTO, /* healthcheck, redis by the image's name, tcp, none */
	PROBE_TCP,
	PROBE_REDIS,
	PROBE_HTTP,
	PROBE_EXEC, /* also a healthcheck's command */
	PROBE_IMAGE_HEALTHCHECK,
	PROBE_EXIT, /* it ends by itself, with 0 */
	PROBE_NONE
};

/* Borrowed for the companion's life. */
struct companion_spec {
	const char *name;
	const char *image;
	const char *mirror; /* as image_wish has it */
	int64_t pull_age_s;
	const char *platform; /* or NULL */
	const char *const *env;
	const char *const *cmd, *const *entrypoint; /* NULL: the image's */
	const char *user, *working_dir;
	const struct container_mount *mounts;
	size_t n_mounts;
	const char *const *tmpfs;
	const uint16_t *ports; /* the main one first; none: what it exposes */
	size_t n_ports;
	bool no_port; /* not even what it exposes */
	enum probe probe;
	const char *probe_path;
	const char *const *probe_cmd;
	const char *const *reset_cmd; /* NULL: none */
	int64_t memory_bytes;         /* 0: default */
	int64_t start_timeout_ms;     /* 0: the caller's deadline alone */
	bool swarm; /* its containers are services of the engine's swarm */
	const char *swarm_registry;           /* as provider_spec has them */
	const char *const *swarm_constraints; /* or NULL */
	bool linked; /* it may reach others by name, or they it */
};

/* Where one of its containers is. */
struct companion_address {
	char host[64]; /* an address, in digits */
	struct container_port ports[CONTAINER_PORTS_MAX]; /* the main one first
							   */
	size_t n_ports;
	char ip[64]; /* for other containers; "" where it has none */
};

/* Asks nothing of anybody. */
struct companion *companion_open(struct engine *engine,
				 const struct companion_spec *spec,
				 const struct ownership *owner,
				 const struct progress *progress);
/* Sees that the image is there, pulling it if need be. ERROR_CONFIG when the
 * image does not tell what has to be known: its port, its healthcheck. */
int companion_prepare(struct companion *c, const struct deadline *deadline,
		      struct error *err);
/*
 * Makes one and waits until it is ready. `hosts` ("NAME:IP", NULL-terminated)
 * is what it reaches by name. ERROR_TIMEOUT with the probe's last answer,
 * ERROR_SERVER with the exit code of one that ended; the log's tail is the
 * error's detail. *give_up (or NULL) ends the wait early, as ERROR_CANCELLED.
 * After a failure nothing of it is left.
 */
int companion_start(struct companion *c, int slot, const char *const *hosts,
		    const atomic_bool *give_up, const struct deadline *deadline,
		    struct error *err);
/* Of a started one; false: there is none. */
bool companion_address(struct companion *c, int slot,
		       struct companion_address *ret);
/* Runs the reset command in it; nothing to do without one. ERROR_SERVER when it
 * fails. */
int companion_reset(struct companion *c, int slot,
		    const struct deadline *deadline, struct error *err);
/* false also when that cannot be found out. */
bool companion_is_running(struct companion *c, int slot,
			  const struct deadline *deadline);
/* Not there is success. */
int companion_stop(struct companion *c, int slot,
		   const struct deadline *deadline, struct error *err);
/* The container's name; the caller frees. NULL: there is none. */
char *companion_name(struct companion *c, int slot);
/* What is being run and how it is asked, for status. Borrowed; once prepared.
 */
const char *companion_image(const struct companion *c);
const char *companion_probe_name(const struct companion *c);
enum probe companion_probe(const struct companion *c);
/* Removes all and frees c. NULL is nothing. */
void companion_close(struct companion *c, const struct deadline *deadline);

/* Does an image's name ("docker.io/valkey/valkey:8") say that it speaks Redis'
 * protocol? Pure. */
bool companion_is_redis(const char *image);

#endif
