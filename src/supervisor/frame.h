/* SPDX-License-Identifier: MIT */
/*
 * supervisor/frame.h - what owner and watchdog say to each other.
 *
 * A frame is a type, a length and that many bytes, over a stream socket between
 * a process and its own fork: same program, same byte order.
 */
#ifndef SUPERVISOR_FRAME_H
#define SUPERVISOR_FRAME_H

#include "base/buf.h"

#include <stddef.h>
#include <stdint.h>

enum frame_type {
	/* owner to watchdog */
	FRAME_SESSION = 1, /* the session's id */
	FRAME_ESTATE,      /* uint32_t estate_kind, the value */
	FRAME_SPAWN,       /* see spawn.h */
	FRAME_SIGNAL,      /* int32_t signo */
	FRAME_FOLLOWED,    /* int32_t number of a stop: owner is back */
	FRAME_SWEEP,       /* int64_t grace_ms */
	FRAME_FAREWELL,    /* nothing */
	/* watchdog to owner */
	FRAME_SPAWNED, /* struct spawn_result */
	FRAME_STOPPED, /* struct stop */
	FRAME_EXITED,  /* int32_t wait status */
	FRAME_SWEPT    /* nothing */
};

enum {
	/* the kernel takes at most 6 MiB of arguments and environment */
	FRAME_MAX = 8 * 1024 * 1024,
	/* what may wait to be sent or taken apart */
	FRAME_BUF_MAX = FRAME_MAX + 128 * 1024
};

/* The command's stops, by number: an owner that answers late must not continue
 * a later one. */
struct stop {
	int32_t number, signo;
};

struct frame {
	enum frame_type type;
	const char *data; /* in the buffer, until frame_drop */
	size_t len;
};

/* Adds a frame. One that does not fit sets out->full and adds nothing. */
void frame_put(struct buf *out, enum frame_type type, const void *data,
	       size_t len);

/* The first frame of `in`: 1, 0 when it is not whole yet, -1 when it is longer
 * than FRAME_MAX. */
int frame_peek(const struct buf *in, struct frame *ret);
void frame_drop(struct buf *in);

/* Moves what can be moved without waiting. frame_read: 1, or 0 at the end of
 * the stream; frame_write: 1. Both -1 when the other side is gone. */
int frame_read(int fd, struct buf *in);
int frame_write(int fd, struct buf *out);

/* A frame's whole payload as one number; 0 when it is not that long. */
int32_t frame_int32(const struct frame *f);
int64_t frame_int64(const struct frame *f);

#endif
