/* SPDX-License-Identifier: MIT */
/*
 * base/parallel.h - the same blocking job for n things, a few at a time.
 */
#ifndef BASE_PARALLEL_H
#define BASE_PARALLEL_H

#include <stddef.h>

struct error;

/*
 * Calls fn(ctx, i, err) for each i in 0..n-1 on at most `width` threads, and
 * returns when all have returned. After the first failure no new job starts;
 * that error is the one reported. Jobs already running are left to finish: hand
 * them a deadline. All signals are blocked in the threads. n <= 1 or width <= 1
 * runs on the caller's own thread.
 */
int parallel_run(size_t n, size_t width,
		 int (*fn)(void *ctx, size_t i, struct error *err), void *ctx,
		 struct error *err);

#endif
