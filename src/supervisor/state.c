/* SPDX-License-Identifier: MIT */
#include "supervisor/state.h"

static const struct {
	const char *name;
	unsigned next;
} table[N_STATES] = {
    [STATE_STARTING] = {"starting", 1U << STATE_READY | 1U << STATE_ENDING},
    [STATE_READY] = {"ready", 1U << STATE_ENDING},
    [STATE_ENDING] = {"ending", 1U << STATE_FAILED | 1U << STATE_GONE},
    [STATE_FAILED] = {"failed", 1U << STATE_GONE},
    [STATE_GONE] = {"gone", 0},
};

const char *state_name(enum supervisor_state s)
{
	return table[s].name;
}

bool state_may_follow(enum supervisor_state from, enum supervisor_state to)
{
	return table[from].next & 1U << to;
}
