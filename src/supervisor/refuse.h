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

#include <stdbool.h>

struct supervisor;

/* heard: the client has said who it is, and waits for the answer to that. */
void refuse_connection(struct supervisor *s, int fd, enum dialect dialect,
		       const char *reason, bool heard);
/* Closes those that are still under way. */
void refuse_close_all(struct supervisor *s);

#endif
