/* SPDX-License-Identifier: MIT */
/*
 * cli/target.h - one server or service of a session, for `logs` and `shell`.
 */
#ifndef CLI_TARGET_H
#define CLI_TARGET_H

#include "session/session.h"

struct cli;
struct error;
struct options;

struct target {
	char *service;
	char *backend; /* "container", "local", "sqlite", "service" */
	char *name;    /* the container's, the file's, the local server's */
	char *engine;  /* encoded, or NULL */
	struct db_address address;
	bool no_database; /* a service beside them: no address */
};
#define TARGET_INIT                    \
	{                              \
		0, 0, 0, 0, {0}, false \
	}
void target_free(struct target *t);
#define auto_target __attribute__((cleanup(target_free)))

/* `which` is SERVICE[.SLOT] as the user wrote it, or NULL. */
int target_find(struct cli *cli, const struct options *options,
		const char *which, struct target *ret, struct error *err);

#endif
