/* SPDX-License-Identifier: MIT */
/*
 * session/estate.h - how a session's possessions are written down.
 *
 * RUN_DIR/estate holds a line "kind value" for each; RUN_DIR/owner.lock is held
 * by the owner for life. Together they let a stranger prove the owner dead and
 * clean up.
 */
#ifndef SESSION_ESTATE_H
#define SESSION_ESTATE_H

#include "session/session.h"

#define ESTATE_LOCK "owner.lock"
#define ESTATE_FILE "estate"
/* In front of the id while a directory is made. */
#define ESTATE_EARLY ".new-"

/* Adds one possession to the file. */
int estate_note(const char *run_dir, enum estate_kind kind, const char *value,
		struct error *err);
/* Reads RUN_DIR/estate; what is not there stays NULL. */
int estate_read(const char *run_dir, struct estate *ret, struct error *err);
void estate_free(struct estate *e);
#define auto_estate __attribute__((cleanup(estate_free)))

#endif
