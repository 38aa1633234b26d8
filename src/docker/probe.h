/* SPDX-License-Identifier: MIT */
/*
 * docker/probe.h - is what runs in a container ready to be used? Asked once.
 *
 * 0: yes. -1: not yet, or not now, with what it answered as ERROR_SERVER
 * ("connection refused", "HTTP 503", "exit code 1: …"); ERROR_CANCELLED when
 * nobody wants to know any more. An attempt takes as long as its deadline at
 * most; whoever repeats it has one for the whole.
 */
#ifndef DOCKER_PROBE_H
#define DOCKER_PROBE_H

#include "base/clock.h"

#include <stdbool.h>
#include <stdint.h>

struct engine;
struct error;

/*
 * Does the container listen on this port of its own? 1 yes, 0 no, with the
 * reason as ERROR_SERVER, -1 not to be found out: the kernel is asked
 * (/proc/PID/net), where the engine's processes can be seen from here. `pid` is
 * the container's, of container_inspect().
 */
int probe_listens(const char *id, int pid, uint16_t inside, struct error *err);
/*
 * Connects. The engine's own proxy takes any connection, and ends it at once
 * when nobody listens in the container: so, unless that is known already, one
 * counts that stays open for a moment, or on which something is said.
 */
int probe_tcp(const char *host, uint16_t port, bool listens,
	      const struct deadline *deadline, struct error *err);
/* PING in Redis' protocol: any answer but one that it is still loading, also
 * that a password is wanted. */
int probe_redis(const char *host, uint16_t port,
		const struct deadline *deadline, struct error *err);
/* GET of a path: a status below 400. */
int probe_http(const char *host, uint16_t port, const char *path,
	       const struct deadline *deadline, struct error *err);
/* A command in the container (by its id) ends with 0. */
int probe_exec(struct engine *engine, const char *id, const char *const *cmd,
	       const struct deadline *deadline, struct error *err);

#endif
