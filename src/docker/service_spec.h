/* SPDX-License-Identifier: MIT */
/* docker/service_spec.h - the body of a create call. Private to docker/. */
#ifndef DOCKER_SERVICE_SPEC_H
#define DOCKER_SERVICE_SPEC_H

#include <stdbool.h>

struct service_spec;

/* From here on a service may limit its processes. */
#define SERVICE_PIDS_API 141

/* The caller frees. */
char *service_spec_json(const struct service_spec *spec, bool pids);

#endif
