/* SPDX-License-Identifier: MIT */
/*
 * docker/self.h - whether this process runs in a container of the engine that
 * it talks to, as in a CI job that was given the engine's socket.
 */
#ifndef DOCKER_SELF_H
#define DOCKER_SELF_H

#include "base/clock.h"

#include <stdbool.h>

struct engine;
struct error;

/*
 * 1: it does, and containers on *ret_network are reached from here by their own
 * addresses; NULL is the engine's default network. The caller frees. 0: it does
 * not, or has the network of the engine's machine. -1: the engine cannot say.
 * Asks the engine only when this is a container at all.
 */
int engine_own_network(struct engine *engine, const struct deadline *deadline,
		       char **ret_network, struct error *err);

/* The container's id in a /proc/self/mountinfo: engines mount a file of theirs
 * from ".../containers/ID/". False: none is there. Pure. */
bool self_id(const char *mountinfo, char ret[65]);

#endif
