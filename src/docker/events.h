/* SPDX-License-Identifier: MIT */
/*
 * docker/events.h - what happens to our containers, as it happens.
 *
 * A watch is one thread on one /events stream, filtered by a label. `fn` is
 * called on that thread. The watch reconnects (with `since`) if the stream
 * ends, until it is stopped or its attempts run out; then fn gets one event
 * with action "lost".
 */
#ifndef DOCKER_EVENTS_H
#define DOCKER_EVENTS_H

#include <stdint.h>

struct engine;
struct engine_watch;
struct error;

struct engine_event {
	const char
	    *action;    /* "create" "start" "die" "oom" "destroy" "lost" … */
	const char *id; /* the container's, or "" */
	const char *name; /* the container's, without '/', or "" */
	int exit_code;    /* of a die; -1 where not given */
};
typedef void engine_event_fn(void *ctx, const struct engine_event *event);

/* Returns once the thread runs; nothing that happens after the call began is
 * missed (since=). */
int engine_watch_start(struct engine *engine, const char *label,
		       engine_event_fn *fn, void *ctx,
		       struct engine_watch **ret, struct error *err);
/* Ends the thread (within one poll, not one event) and frees. NULL is fine. */
void engine_watch_stop(struct engine_watch *watch);

#endif
