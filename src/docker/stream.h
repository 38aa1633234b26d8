/* SPDX-License-Identifier: MIT */
/*
 * docker/stream.h - JSON objects, one a line, in whatever pieces they arrive:
 * pulls, builds, events. Private to docker/.
 */
#ifndef DOCKER_STREAM_H
#define DOCKER_STREAM_H

#include "base/buf.h"

#include <cjson/cJSON.h>

struct error;

/* Anything but 0 ends the stream. */
typedef int stream_fn(void *ctx, const cJSON *object);

struct stream {
	stream_fn *fn;
	void *ctx;
	struct buf line;   /* what came of the present one; bounded */
	char bad_line[80]; /* the start of the first that is no object */
	bool stopped;      /* fn has ended it */
};

enum {
	STREAM_LINE_MAX = 1024 * 1024
};

#define STREAM_INIT(fn, ctx)                                          \
	{                                                             \
		(fn), (ctx), BUF_INIT_MAX(STREAM_LINE_MAX), "", false \
	}
void stream_free(struct stream *s);
#define auto_stream __attribute__((cleanup(stream_free)))

/* An http_data_fn: 1 when fn ended it or a line cannot be read. */
int stream_put(void *stream, const char *data, size_t len);
/* Hands over a last line without its end, then judges: ERROR_PROTOCOL "WHAT:
 * unreadable reply…" if any line was. */
int stream_end(struct stream *s, const char *what, struct error *err);

#endif
