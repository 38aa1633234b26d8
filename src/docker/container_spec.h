/* SPDX-License-Identifier: MIT */
/* docker/container_spec.h - a container_spec as the API's JSON. Private. */
#ifndef DOCKER_CONTAINER_SPEC_H
#define DOCKER_CONTAINER_SPEC_H

struct container_spec;

/* The body of POST /containers/create; the caller frees. */
char *container_spec_json(const struct container_spec *spec);

#endif
