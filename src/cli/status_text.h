/* SPDX-License-Identifier: MIT */
/*
 * cli/status_text.h - a session's status, as its supervisor tells it, in words.
 * Pure.
 */
#ifndef CLI_STATUS_TEXT_H
#define CLI_STATUS_TEXT_H

#include <cjson/cJSON.h>

struct buf;

/* Some lines: the session, each service, a table of its slots. No password. */
void status_text(const cJSON *status, struct buf *out);
/* "12 s", "3 min", "2 h 5 min", "4 d 3 h". */
void status_age(double seconds, struct buf *out);

#endif
