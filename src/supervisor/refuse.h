/* SPDX-License-Identifier: MIT */
/*
 * supervisor/refuse.h - says no in the words of the server's protocol.
 *
 * So that a driver shows the reason instead of "connection reset". Takes the
 * descriptor; the connection is closed once the reason was read, or after two
 * seconds.
 */
#ifndef SUPERVISOR_REFUSE_H
#define SUPERVISOR_REFUSE_H

#include "dialect/address.h"

struct supervisor;

/* What the client waits for. */
enum refuse_heard {
	HEARD_NOTHING, /* to be greeted, or to be heard out */
	HEARD_LOGIN,   /* it has said who it is */
	HEARD_COMMAND  /* it was served, and may have asked something */
};
void refuse_connection(struct supervisor *s, int fd, enum dialect dialect,
		       const char *reason, enum refuse_heard heard);
/* Closes those that are still under way. */
void refuse_close_all(struct supervisor *s);

#endif
