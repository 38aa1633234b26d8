/* SPDX-License-Identifier: MIT */
#include "base/parallel.h"

#include "base/alloc.h"
#include "base/error.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>

struct run {
	pthread_mutex_t mutex;
	size_t next;
	size_t n;
	bool failed;
	int (*fn)(void *ctx, size_t i, struct error *err);
	void *ctx;
	struct error *err;
};

/* The next job's number, or n when there is none to start. */
static size_t next_job(struct run *run)
{
	size_t i;

	pthread_mutex_lock(&run->mutex);
	i = run->failed ? run->n : run->next;
	if (i < run->n)
		run->next++;
	pthread_mutex_unlock(&run->mutex);
	return i;
}

static void note_failure(struct run *run, struct error *err)
{
	pthread_mutex_lock(&run->mutex);
	if (!run->failed)
		error_move(run->err, err);
	else
		error_clear(err);
	run->failed = true;
	pthread_mutex_unlock(&run->mutex);
}

static void *work(void *arg)
{
	struct run *run = arg;
	size_t i;

	while ((i = next_job(run)) < run->n) {
		auto_error struct error err = ERROR_INIT;

		if (run->fn(run->ctx, i, &err) < 0)
			note_failure(run, &err);
	}
	return NULL;
}

int parallel_run(size_t n, size_t width,
		 int (*fn)(void *ctx, size_t i, struct error *err), void *ctx,
		 struct error *err)
{
	struct run run = {.n = n, .fn = fn, .ctx = ctx, .err = err};
	auto_free pthread_t *threads = NULL;
	size_t started = 0;
	sigset_t all;
	sigset_t before;

	pthread_mutex_init(&run.mutex, NULL);
	if (width > n)
		width = n;
	/* Signals go to the threads that expect them, never to a worker. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (width > 1) {
		threads = xcalloc(width, sizeof(*threads));
		while (started < width &&
		       !pthread_create(&threads[started], NULL, work, &run))
			started++;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	/* No threads to be had: then the caller does what they would. */
	if (started == 0)
		work(&run);
	for (size_t i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
	pthread_mutex_destroy(&run.mutex);
	return run.failed ? -1 : 0;
}
