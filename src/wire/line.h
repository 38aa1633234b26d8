/* SPDX-License-Identifier: MIT */
/*
 * wire/line.h - lines over a stream socket, bounded in both directions.
 *
 * The protocol is one JSON object a line. This takes bytes as they come and
 * gives whole lines, and queues lines to be sent as the socket takes them.
 * Pure: no socket, no allocation that aborts, libc only, so that the client
 * library can use it in somebody else's process.
 */
#ifndef WIRE_LINE_H
#define WIRE_LINE_H

#include <stddef.h>

enum {
	WIRE_MAX_LINE = 1024 * 1024 /* without its newline */
};

enum wire_status {
	WIRE_MORE = 0,       /* no whole line yet */
	WIRE_LINE = 1,       /* a line */
	WIRE_TOO_LONG = -1,  /* a line over the bound */
	WIRE_BAD_BYTE = -2,  /* a NUL, or a newline within what is one line */
	WIRE_NO_MEMORY = -3, /* not there */
	WIRE_FULL = -4       /* the reader is too slow: the queue is full */
};

/*
 * Bytes in, lines out. A negative status is final: the stream has lost its
 * frame, so every later call gives the same one.
 */
struct wire_in {
	char *data;
	size_t len, size;
	size_t pos;     /* where the next line begins */
	size_t scanned; /* no newline between pos and here */
	size_t max;
	int failed;
};

/* max: bytes a line may have, at most WIRE_MAX_LINE. Allocates nothing. */
void wire_in_init(struct wire_in *in, size_t max);
void wire_in_free(struct wire_in *in);
/* 0, or a negative status. Memory is bounded only for who takes out all lines
 * (until WIRE_MORE) between two puts. */
int wire_in_put(struct wire_in *in, const void *data, size_t len);
/*
 * WIRE_LINE with the next line, NUL-terminated and without its newline, valid
 * until the next call; WIRE_MORE; or a negative status.
 */
int wire_in_next(struct wire_in *in, char **ret_line, size_t *ret_len);

/* Lines in, bytes out. */
struct wire_out {
	char *data;
	size_t len, size;
	size_t max;
};

/* max: bytes that may wait. Allocates nothing. */
void wire_out_init(struct wire_out *out, size_t max);
void wire_out_free(struct wire_out *out);
/* Adds a line and its newline, all or nothing: 0 or a negative status, which
 * leaves the queue as it was and is not final. */
int wire_out_line(struct wire_out *out, const char *line, size_t len);
/* All that waits, now the caller's to free(); NULL and 0 when nothing does. */
char *wire_out_take(struct wire_out *out, size_t *ret_len);

/* "line too long", … for a negative status. */
const char *wire_status_text(int status);

#endif
