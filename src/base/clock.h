/* SPDX-License-Identifier: MIT */
/*
 * base/clock.h - time, deadlines, and the wish to stop.
 *
 * Every wait in the program is against one absolute deadline on
 * CLOCK_MONOTONIC, made at the top and handed down, together with a token that
 * a signal can trip: a Ctrl-C ends any wait at once with ERROR_CANCELLED.
 * Clean-up uses deadlines with no token, so that it cannot be cancelled.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

struct error;

/* Milliseconds of CLOCK_MONOTONIC, or of the fake clock of a test. */
int64_t clock_now_ms(void);
/* Microseconds of CLOCK_MONOTONIC, for timings only. */
int64_t clock_now_us(void);
/* Seconds since the epoch, for labels and reports only. */
int64_t clock_wall_s(void);

/* Tests: from now on clock_now_ms() is this value. Negative: the real clock. */
void clock_fake_ms(int64_t now);

/*
 * A token that many threads may wait on and any thread or signal handler may
 * trip, once and for all. The reason is a signal number.
 */
struct cancel;
/* NULL with *err set when the kernel has no descriptors left. */
struct cancel *cancel_new(struct error *err);
void cancel_free(struct cancel *c); /* nobody may wait on it any more */
/* Async-signal-safe. The first reason stays. */
void cancel_trip(struct cancel *c, int signo);
/* 0, or the signal. NULL is a token that is never tripped. */
int cancel_reason(const struct cancel *c);
/* Readable once tripped; -1 for NULL. Owned by the token. */
int cancel_fd(const struct cancel *c);

/* A plain value; copy it down. */
struct deadline {
	int64_t at_ms;               /* clock_now_ms() of the end */
	const struct cancel *cancel; /* NULL: cannot be cancelled */
};

struct deadline deadline_in(int64_t ms, const struct cancel *cancel);
/* The earlier of d and `ms` from now, with d's token. */
struct deadline deadline_sooner(struct deadline d, int64_t ms);
/* Milliseconds left, 0 when it has passed or was cancelled. */
int64_t deadline_left_ms(const struct deadline *d);
/* 0 while it is neither passed nor cancelled; else -1 with ERROR_TIMEOUT
 * "WHAT: timed out" or ERROR_CANCELLED "WHAT: interrupted by SIGINT". */
int deadline_check(const struct deadline *d, const char *what,
		   struct error *err);

/*
 * poll(2) for these descriptors, up to `ms` (negative: as long as d allows).
 * Returns how many are ready, 0 when `ms` passed first, -1 with *err as
 * deadline_check says. Restarts after signals. n may be 0.
 */
int deadline_poll(const struct deadline *d, struct pollfd *fds, unsigned n,
		  int64_t ms, const char *what, struct error *err);

#endif
