/* SPDX-License-Identifier: MIT */
/*
 * docker/reply.h - what an engine's reply says to people. Private to docker/.
 */
#ifndef DOCKER_REPLY_H
#define DOCKER_REPLY_H

#include <stdbool.h>

struct error;
struct http_reply;

bool reply_ok(const struct http_reply *reply); /* 2xx */

/* The engine's own message, or "HTTP 500: its first line" for a reply that is
 * not the API's (a proxy's HTML, garbage). Bounded; the caller frees. */
char *reply_message(const struct http_reply *reply);
/* Whether the message has this text in it, in any case. */
bool reply_says(const struct http_reply *reply, const char *text);

/* ERROR_PROTOCOL "WHAT: unreadable reply (HTTP 200: '<html>')". Returns -1. */
int reply_unreadable(const struct http_reply *reply, const char *what,
		     struct error *err);

#endif
