/* SPDX-License-Identifier: MIT */
/*
 * session/companions_internal.h - what companions.c and companion_vars.c share.
 */
#ifndef SESSION_COMPANIONS_INTERNAL_H
#define SESSION_COMPANIONS_INTERNAL_H

#include "provider/companion.h"
#include "session/companions.h"

#include <pthread.h>
#include <stdatomic.h>

enum member_state {
	MEMBER_WAITS,
	MEMBER_READY,
	MEMBER_MISSING
};

struct member {
	const struct config_companion *config;
	struct companion_spec spec;
	struct container_mount *mounts;
	struct companion *companion; /* NULL: there is no engine */
	enum member_state state;     /* during the start under the mutex */
	/* what leads a caller to its own, and each number to one; n_ports 0:
	 * there is none */
	struct companion_address public;
	struct companion_address *numbered;
	unsigned n_numbered;
};

struct companions {
	struct session *session;
	struct member *members;
	unsigned n;
	atomic_bool give_up;
	pthread_mutex_t mutex;
	pthread_cond_t moved; /* a member's state, or give_up */
};

#endif
