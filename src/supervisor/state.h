/* SPDX-License-Identifier: MIT */
/*
 * supervisor/state.h - the life of a supervised session, as a table. Pure.
 */
#ifndef SUPERVISOR_STATE_H
#define SUPERVISOR_STATE_H

#include <stdbool.h>

enum supervisor_state {
	STATE_STARTING, /* session_start runs */
	STATE_READY,    /* it can be used */
	STATE_ENDING,   /* being taken down; nothing new begins */
	STATE_FAILED,   /* nothing is left but the reason, for who asks */
	STATE_GONE      /* last answers go out */
};
enum {
	N_STATES = STATE_GONE + 1
};

/* "starting" … as clients read it. */
const char *state_name(enum supervisor_state s);
bool state_may_follow(enum supervisor_state from, enum supervisor_state to);

#endif
