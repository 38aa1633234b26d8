/* SPDX-License-Identifier: MIT */
/*
 * docker/outcome.h - how a pull or build ended, which only its stream tells:
 * its HTTP status is 200 whatever happens. Private to docker/.
 */
#ifndef DOCKER_OUTCOME_H
#define DOCKER_OUTCOME_H

#include <cjson/cJSON.h>
#include <stdbool.h>

struct outcome {
	char *error; /* the first, or NULL */
};

/* Whether the object is an error: {"errorDetail":{"message":…}}, or the older
 * {"error":…} that podman still sends alone. The first is kept. */
bool outcome_take_error(struct outcome *o, const cJSON *object);
void outcome_free(struct outcome *o);

#endif
