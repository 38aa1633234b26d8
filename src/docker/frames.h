/* SPDX-License-Identifier: MIT */
/*
 * docker/frames.h - takes the engine's log and exec streams out of their
 * frames, in whatever pieces they arrive. Private to docker/.
 *
 * A frame is 1 byte stream (0 in, 1 out, 2 err), 3 zero bytes, 4 bytes
 * big-endian length, payload. With a TTY there are none, all is stdout.
 */
#ifndef DOCKER_FRAMES_H
#define DOCKER_FRAMES_H

#include "docker/container.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct frames {
	bool raw; /* a TTY's: no frames */
	container_log_fn *fn;
	void *ctx;
	unsigned char head[8];
	size_t n_head;   /* bytes of it that are there */
	uint32_t left;   /* of the payload of the present frame */
	bool unreadable; /* met something that is no frame */
	bool stopped;    /* fn has seen enough */
};

/* Payloads go to fn as they come, in pieces. 0; 1 to end the request: fn wants
 * no more, or `unreadable` is set. An http_data_fn. */
int frames_put(void *frames, const char *data, size_t len);
/* Whether the stream ended between two frames. */
bool frames_complete(const struct frames *f);

/* The log of a thing ("/containers/ID"), as container_logs gives one; `what`
 * is it for people. */
int engine_logs(struct engine *engine, const char *thing, const char *what,
		bool tty, const struct container_log_options *options,
		const struct deadline *deadline, container_log_fn *fn,
		void *ctx, struct error *err);

#endif
