/* SPDX-License-Identifier: MIT */
/*
 * supervisor/call.h - one connection of a test to a front.
 *
 * Its life: the caller is found; its tenant's slot is waited for; the slot's
 * server is connected to; then the two are a joint until either ends. Whoever
 * cannot be served is told so in the words of the server's own protocol.
 */
#ifndef SUPERVISOR_CALL_H
#define SUPERVISOR_CALL_H

#include "supervisor/front.h"
#include "supervisor/joint.h"
#include "supervisor/leases.h"
#include "supervisor/refuse.h"
#include "supervisor/rename.h"

struct call {
	struct call *prev, *next;
	struct front *front;
	int fd;            /* the client's; -1 once handed on */
	int server_fd;     /* -1: none */
	uv_poll_t *poll;   /* of the descriptor waited for; NULL: none */
	uv_timer_t *timer; /* how long this step may take */
	struct tenant_wait wait;
	struct tenant_use use;
	struct joint *joint;
	unsigned slot;
	unsigned attempts; /* at connecting */
	bool told; /* that its server's machine is gone, or about to be */
	enum refuse_heard heard;
	struct rename rename; /* isolation: database; else unset */
	struct buf early;     /* for the server, before the joint */
};

/* Takes the descriptor. */
void call_begin(struct front *f, int fd, bool tcp);
/* Ends it at once. */
void call_cut(struct call *c);

#endif
