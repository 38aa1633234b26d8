/* SPDX-License-Identifier: MIT */
/*
 * provider/launch.h - making one container so that it cannot be lost; for
 * provider/ only.
 */
#ifndef PROVIDER_LAUNCH_H
#define PROVIDER_LAUNCH_H

#include "base/clock.h"
#include "docker/container.h"
#include "provider/provider.h"

#include <stdbool.h>

/*
 * Creates it under spec->name, which is noted as pending (sweep.h) meanwhile. A
 * name in use is taken for ours, since it is random. *ret_unsure is set when
 * there may be a container in spite of the failure.
 */
int launch_create(struct engine *engine, const struct ownership *owner,
		  const struct container_spec *spec,
		  const struct deadline *deadline, struct container *ret,
		  bool *ret_unsure, struct error *err);

/* What becomes of a name noted as pending once a create call has ended: true
 * when it may have worked in spite of a failure. */
bool launch_done(const struct ownership *owner, const char *name, int result,
		 const struct error *err);

/* On which of the engine's addresses a port is published: NULL, the default,
 * where that engine is this machine's. */
const char *launch_publish_ip(const struct engine *engine);

/* The port that the engine chose was taken before the start. */
bool launch_port_was_taken(const struct error *err);

/* The last lines of a container's log become the error's detail. */
void launch_add_log(struct engine *engine, const char *id, struct error *err);

#endif
