/* SPDX-License-Identifier: MIT */
/* support/fake_internal.h - between the scripted server and the canned one. */
#ifndef SUPPORT_FAKE_INTERNAL_H
#define SUPPORT_FAKE_INTERNAL_H

#include "fake_engine.h"

/* A request as the handlers see it. */
struct fake_request {
	char method[16];
	char target[4096]; /* as sent: "/v1.41/containers/json?all=1" */
	char path[4096];   /* without version and query */
	const char *query; /* into target, after '?'; "" if none */
	const char *body;
	size_t body_len;
};

struct canned;
struct canned *canned_new(void);
void canned_free(struct canned *c);
void canned_add_image(struct canned *c, const char *name, const char *labels);
void canned_publish(struct canned *c, int port);
unsigned canned_containers(const struct canned *c);
/* The reply; its body is owned by `c` until the next call. */
struct fake_reply canned_reply(struct canned *c,
			       const struct fake_request *request);

#endif
