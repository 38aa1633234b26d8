/* SPDX-License-Identifier: MIT */
/*
 * supervisor/lane.h - threads that move bytes.
 *
 * What a test sends must not wait while the session's loop walks through /proc
 * or reads JSON, nor one connection for another while a core is free. So
 * connections are carried by lanes, up to four threads, each with a loop of its
 * own; the first one starts with the first connection. Work goes to a lane, and
 * home to the session's loop, as tasks.
 *
 * A lane asks the scheduler for short slices: it never has more than
 * microseconds to do, and then need not wait until a test's slice of
 * milliseconds is over.
 */
#ifndef SUPERVISOR_LANE_H
#define SUPERVISOR_LANE_H

#include <stddef.h>
#include <uv.h>

struct lanes;
struct lane;

enum {
	LANE_PIECE = 64 * 1024
};

/* Embedded in what it is about; not to be posted again before fn has run. */
struct lane_task {
	struct lane_task *next;
	void (*fn)(struct lane_task *t);
};

/* `home` is the session's loop, which calls all of these. NULL: it takes no
 * more handles. */
struct lanes *lanes_new(uv_loop_t *home);
/* The lane with the least to do, one more of which is now its to do, until
 * lane_leave(). NULL: no thread can be had. */
struct lane *lanes_join(struct lanes *l);
void lane_leave(struct lane *l);
/* Once all have left, the home loop is free to end. NULL is nothing. */
void lanes_close(struct lanes *l);
/* After the home loop has run out: ends the threads. NULL is nothing. */
void lanes_free(struct lanes *l);

/* Runs the task on the lane; in the order they were posted. Any thread. */
void lane_post(struct lane *l, struct lane_task *t);

/* The rest: on the lane only. Runs the task on the home loop. */
void lane_post_home(struct lane *l, struct lane_task *t);
uv_loop_t *lane_loop(struct lane *l);
/* LANE_PIECE bytes for the length of one event. */
char *lane_piece(struct lane *l);

#endif
