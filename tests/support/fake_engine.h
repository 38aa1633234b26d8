/* SPDX-License-Identifier: MIT */
/*
 * support/fake_engine.h - a container engine made of scripted replies.
 *
 * It is no HTTP server: it reads a request and sends the bytes it was told to,
 * wrong ones as gladly as right ones, on a Unix socket and a TCP port of its
 * own. For each request the first of these that applies answers:
 *   1. the script, if there is one: its next step must fit, or the test fails
 *   2. the rules, last added first
 *   3. the canned engine: a small Docker 20.10 that remembers containers and
 *      images (fake_canned.c)
 *
 * Set it up, then let clients come: only counting may be done while it serves.
 * Everything handed in is borrowed until fake_engine_stop().
 */
#ifndef SUPPORT_FAKE_ENGINE_H
#define SUPPORT_FAKE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>

struct fake_engine;

enum fake_flags {
	FAKE_CLOSE = 1 << 0,   /* close after the reply */
	FAKE_HALF = 1 << 1,    /* send half of its bytes, then close */
	FAKE_HANG = 1 << 2,    /* send it all, then neither close nor go on */
	FAKE_SILENT = 1 << 3,  /* send nothing: with FAKE_CLOSE, gone at once */
	FAKE_CHUNKED = 1 << 4, /* the body in chunks of few bytes */
	FAKE_UNENDED = 1 << 5, /* FAKE_CHUNKED without the last chunk */
	FAKE_BYTEWISE = 1 << 6, /* a write for each byte */
	FAKE_VANISH =
	    1 << 7,          /* close, and listen no more: the engine is gone */
	FAKE_EFFECT = 1 << 8 /* the canned engine does it, and this is sent */
};

struct fake_reply {
	int status; /* 0: 200 */
	const char *body;
	size_t body_len;     /* 0: strlen(body) */
	const char *headers; /* further "Name: value\r\n" lines */
	const char *raw;     /* instead of all that: these very bytes */
	size_t raw_len;      /* 0: strlen(raw) */
	int delay_ms;        /* before the first byte */
	unsigned flags;
};

struct fake_step {
	const char *expect;      /* in "METHOD /path?query"; NULL: anything */
	const char *expect_body; /* in the request's body; NULL: anything */
	struct fake_reply reply;
};

/* Serves from here on, with a directory of its own for the socket. Exits with
 * a message when it cannot. */
struct fake_engine *fake_engine_start(void);
/* The same on this socket path, which it replaces. */
struct fake_engine *fake_engine_start_at(const char *socket_path);
/* Ends it, removes the socket and frees. NULL, or what differed from the
 * script, or was left of it: the caller frees. */
char *fake_engine_stop(struct fake_engine *f);

void fake_engine_script(struct fake_engine *f, const struct fake_step *steps,
			size_t n);
/* `path` is a pattern for fnmatch(3), without the version and the query;
 * `method` NULL: any. `times` 0: always. */
void fake_engine_on(struct fake_engine *f, const char *method, const char *path,
		    const struct fake_reply *reply, unsigned times);
/* Answers the request after the next `skip` that fit; once. Rules added later
 * come first, and what they answer does not count. */
void fake_engine_on_nth(struct fake_engine *f, const char *method,
			const char *path, const struct fake_reply *reply,
			unsigned skip);
/* The canned engine has this image: "postgres:16". labels: JSON or NULL. */
void fake_engine_add_image(struct fake_engine *f, const char *name,
			   const char *labels);
/* The canned engine's containers publish their port here (default: port 1,
 * where nobody listens). */
void fake_engine_publish(struct fake_engine *f, int port);

const char *fake_engine_socket(const struct fake_engine *f);
const char *fake_engine_host(const struct fake_engine *f); /* "unix://…" */
const char *fake_engine_tcp(const struct fake_engine *f); /* "tcp://…:port" */

/* Requests that came, by method and pattern as above; NULL: any. */
unsigned fake_engine_count(struct fake_engine *f, const char *method,
			   const char *path);
unsigned fake_engine_connections(struct fake_engine *f);
/* Containers that the canned engine has now. */
unsigned fake_engine_containers(struct fake_engine *f);
/* The log so far, "METHOD /path?query" a line; the caller frees. */
char *fake_engine_log(struct fake_engine *f);
/* Each line of the log is also appended to this file. */
void fake_engine_log_to(struct fake_engine *f, const char *path);

#endif
