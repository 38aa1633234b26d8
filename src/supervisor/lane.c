/* SPDX-License-Identifier: MIT */
#include "supervisor/lane.h"

#include "base/alloc.h"

#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	MAX_LANES = 4,
	SLICE_NS = 100 * 1000 /* the shortest that Linux gives */
};

struct tasks {
	uv_mutex_t mutex;
	uv_async_t wake;
	struct lane_task *first, **end;
};

struct lane {
	struct lanes *lanes;
	uv_thread_t thread;
	uv_loop_t loop;
	struct tasks tasks;
	struct lane_task last; /* ends the thread */
	unsigned n;            /* joined; the home loop's */
	char piece[LANE_PIECE];
};

struct lanes {
	struct tasks home;
	struct lane *lane[MAX_LANES];
	unsigned n, max;
	unsigned n_joined;
	bool closing;
};

static void tasks_run(struct tasks *q)
{
	struct lane_task *t, *next;

	uv_mutex_lock(&q->mutex);
	t = q->first;
	q->first = NULL;
	q->end = &q->first;
	uv_mutex_unlock(&q->mutex);
	for (; t; t = next) {
		next = t->next;
		t->fn(t);
	}
}

static void on_wake(uv_async_t *wake)
{
	tasks_run(wake->data);
}

static int tasks_init(struct tasks *q, uv_loop_t *loop)
{
	q->end = &q->first;
	q->wake.data = q;
	if (uv_mutex_init(&q->mutex) < 0)
		return -1;
	if (uv_async_init(loop, &q->wake, on_wake) == 0)
		return 0;
	uv_mutex_destroy(&q->mutex);
	return -1;
}

static void tasks_post(struct tasks *q, struct lane_task *t)
{
	bool first;

	t->next = NULL;
	uv_mutex_lock(&q->mutex);
	first = !q->first;
	*q->end = t;
	q->end = &t->next;
	/* under the lock: whoever runs the last task may close the handle */
	if (first)
		uv_async_send(&q->wake);
	uv_mutex_unlock(&q->mutex);
}

struct lanes *lanes_new(uv_loop_t *home)
{
	struct lanes *l = xcalloc(1, sizeof(*l));
	unsigned cores = uv_available_parallelism();

	l->max = cores < MAX_LANES ? cores : MAX_LANES;
	if (tasks_init(&l->home, home) == 0)
		return l;
	free(l);
	return NULL;
}

/* sched_setattr(2), for which glibc has no name. Since Linux 6.12 the runtime
 * of a usual thread is its slice; before, this does nothing. */
static void ask_for_short_slices(void)
{
	struct {
		uint32_t size, policy;
		uint64_t flags;
		int32_t nice;
		uint32_t priority;
		uint64_t runtime, deadline, period;
	} attr = {.size = 0};

	if (syscall(SYS_sched_getattr, 0, &attr, sizeof(attr), 0) < 0 ||
	    attr.policy != SCHED_OTHER)
		return;
	attr.runtime = SLICE_NS;
	(void)syscall(SYS_sched_setattr, 0, &attr, 0);
}

static void lane_main(void *arg)
{
	struct lane *l = arg;

	ask_for_short_slices();
	uv_run(&l->loop, UV_RUN_DEFAULT);
}

static void on_last(struct lane_task *t)
{
	struct lane *l =
	    (struct lane *)((char *)t - offsetof(struct lane, last));

	uv_close((uv_handle_t *)&l->tasks.wake, NULL);
}

/* Signals are for the threads that expect them. */
static int start_thread(struct lane *l)
{
	sigset_t all, before;
	int result;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	result = uv_thread_create(&l->thread, lane_main, l);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return result;
}

static void end_loop(struct lane *l)
{
	uv_loop_close(&l->loop);
	uv_mutex_destroy(&l->tasks.mutex);
}

static struct lane *lane_new(struct lanes *lanes)
{
	struct lane *l = xcalloc(1, sizeof(*l));

	l->lanes = lanes;
	l->last.fn = on_last;
	if (uv_loop_init(&l->loop) < 0) {
		free(l);
		return NULL;
	}
	if (tasks_init(&l->tasks, &l->loop) < 0) {
		uv_loop_close(&l->loop);
		free(l);
		return NULL;
	}
	if (start_thread(l) == 0)
		return l;
	uv_close((uv_handle_t *)&l->tasks.wake, NULL);
	uv_run(&l->loop, UV_RUN_DEFAULT);
	end_loop(l);
	free(l);
	return NULL;
}

struct lane *lanes_join(struct lanes *l)
{
	struct lane *least = NULL, *more = NULL;

	for (unsigned i = 0; i < l->n; i++)
		if (!least || l->lane[i]->n < least->n)
			least = l->lane[i];
	if ((!least || least->n) && l->n < l->max)
		more = lane_new(l);
	if (more)
		least = l->lane[l->n++] = more;
	if (!least)
		return NULL;
	least->n++;
	l->n_joined++;
	return least;
}

static void close_home_if_over(struct lanes *l)
{
	uv_handle_t *wake = (uv_handle_t *)&l->home.wake;

	if (l->closing && !l->n_joined && !uv_is_closing(wake))
		uv_close(wake, NULL);
}

void lane_leave(struct lane *l)
{
	l->n--;
	l->lanes->n_joined--;
	close_home_if_over(l->lanes);
}

void lanes_close(struct lanes *l)
{
	if (!l)
		return;
	l->closing = true;
	close_home_if_over(l);
}

void lanes_free(struct lanes *l)
{
	if (!l)
		return;
	for (unsigned i = 0; i < l->n; i++) {
		struct lane *lane = l->lane[i];

		lane_post(lane, &lane->last);
		uv_thread_join(&lane->thread);
		end_loop(lane);
		free(lane);
	}
	uv_mutex_destroy(&l->home.mutex);
	free(l);
}

void lane_post(struct lane *l, struct lane_task *t)
{
	tasks_post(&l->tasks, t);
}

void lane_post_home(struct lane *l, struct lane_task *t)
{
	tasks_post(&l->lanes->home, t);
}

uv_loop_t *lane_loop(struct lane *l)
{
	return &l->loop;
}

char *lane_piece(struct lane *l)
{
	return l->piece;
}
