/* SPDX-License-Identifier: MIT */
/*
 * base/progress.h - how long work below cli/ says what it is doing.
 *
 * A struct progress is handed down, by pointer, NULL for silence. Its function
 * may be called from several threads at once; whoever renders takes a lock.
 */
#ifndef BASE_PROGRESS_H
#define BASE_PROGRESS_H

#include <stdint.h>

enum progress_kind {
	PROGRESS_STEP,  /* something began: "pulling 'postgres:16'" */
	PROGRESS_ITEM,  /* one part of it moved on: a layer, a server, a file */
	PROGRESS_DONE,  /* the step ended well; the text may say how */
	PROGRESS_LINE,  /* a line of foreign output (a build's) */
	PROGRESS_NOTICE /* shown even without a terminal: a fall-back, a warning
			 */
};

/* Everything is borrowed for the length of the call. */
struct progress_event {
	enum progress_kind kind;
	const char *step; /* names the step for its items and end */
	const char *item; /* "a1b2c3d4e5f6", "3 of 8"; or NULL */
	const char *text; /* "Downloading"; or NULL */
	int64_t current;  /* of total, in bytes or pieces */
	int64_t total;    /* 0: not known */
};

struct progress {
	void (*fn)(void *ctx, const struct progress_event *event);
	void *ctx;
};

void progress_emit(const struct progress *p, const struct progress_event *e);
void progress_step(const struct progress *p, const char *step, const char *fmt,
		   ...) __attribute__((format(printf, 3, 4)));
void progress_done(const struct progress *p, const char *step, const char *fmt,
		   ...) __attribute__((format(printf, 3, 4)));
void progress_notice(const struct progress *p, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
