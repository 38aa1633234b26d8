/* SPDX-License-Identifier: MIT */
/*
 * docker/credentials.h - what the user's docker configuration says to a
 * registry. Private to docker/.
 *
 * As the docker CLI: DOCKER_AUTH_CONFIG, then config.json's credHelpers for
 * that registry, its credsStore, its auths. Helpers are only ever asked to
 * "get", and only their standard output is read. Nothing found is logged or
 * put into an error.
 */
#ifndef DOCKER_CREDENTIALS_H
#define DOCKER_CREDENTIALS_H

#include "base/clock.h"

struct credentials {
	char *header;  /* "X-Registry-Auth: …", or NULL: anonymous */
	char *trouble; /* why something that is configured gave none, or NULL */
};
#define CREDENTIALS_INIT \
	{                \
		0, 0     \
	}
void credentials_free(struct credentials *c);
#define auto_credentials __attribute__((cleanup(credentials_free)))

/*
 * For a registry as reference_registry() names it. Never fails: an image may be
 * public all the same, so what is wrong with the configuration is `trouble`,
 * to be told if the registry refuses.
 */
void credentials_find(const char *registry, const struct deadline *deadline,
		      struct credentials *ret);

#endif
