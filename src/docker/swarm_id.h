/* SPDX-License-Identifier: MIT */
/* docker/swarm_id.h - ids of services, tasks and nodes. Private to docker/. */
#ifndef DOCKER_SWARM_ID_H
#define DOCKER_SWARM_ID_H

#include "docker/service.h"

#include <stdbool.h>

/* False, and *ret untouched, for what is none. */
bool swarm_id_copy(const char *id, char ret[SWARM_ID]);

#endif
