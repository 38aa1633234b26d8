/* SPDX-License-Identifier: MIT */
/*
 * client/internal.h - what the files of libtestenv share; not installed.
 *
 * malloc() may fail here, and nothing else is taken for granted either: this
 * runs in somebody else's process.
 */
#ifndef CLIENT_INTERNAL_H
#define CLIENT_INTERNAL_H

#include "testenv/testenv.h"
#include "wire/json.h"
#include "wire/line.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	MAX_TEXT = 512,    /* of a message */
	MAX_ID = 128,      /* of a lease */
	MAX_REQUEST = 4096 /* a label all in escapes fits */
};

/* A request whose time was up: its answer may still come. */
struct testenv {
	pid_t pid;
	int fd;
	unsigned long last_request;
	struct wire_in in;
	struct testenv_lease *leases;
	char message[MAX_TEXT];
	char hint[MAX_TEXT];
};

struct testenv_lease {
	struct testenv *env;
	struct testenv_lease *next;
	char id[MAX_ID];
	unsigned slot;
	size_t n;
	char **variables; /* NULL-terminated, one block with their bytes */
};

/* A point on the monotonic clock, in milliseconds. */
int64_t client_now(void);
/* The time at which timeout_ms from now are over; -1 for a negative one. */
int64_t client_deadline(int timeout_ms);

/* Sets the message, without a hint, and returns result. */
enum testenv_result client_fail(struct testenv *env, enum testenv_result result,
				const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The message is the result's own text. */
enum testenv_result client_fail_plain(struct testenv *env,
				      enum testenv_result result);
/* Forgets the last failure; FORKED in a child. */
enum testenv_result client_begin(struct testenv *env);

/* Connects env->fd. */
enum testenv_result client_connect(struct testenv *env, const char *path,
				   int64_t deadline);
/* Ends the connection for whoever else holds its descriptor as well. */
void client_disconnect(struct testenv *env);

/*
 * Sends what was written into out, waits for the answer with the number id
 * and checks its "ok". *ret borrows from env->in, until the next call. After
 * LOST and PROTOCOL the connection is closed.
 */
enum testenv_result client_call(struct testenv *env, struct json_out *out,
				unsigned long id, int64_t deadline,
				struct json *ret);
/* Begins a request in buf, which has MAX_REQUEST bytes; its number. */
unsigned long client_request(struct testenv *env, struct json_out *out,
			     char *buf, const char *op);

/* Unlinks it from its handle and frees it. */
void client_forget_lease(struct testenv_lease *lease);

#endif
