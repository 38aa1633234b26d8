/* SPDX-License-Identifier: MIT */
/*
 * supervisor/rename.h - a client's database name becomes its slot's.
 *
 * For isolation: database, where the slots are databases of one server. Pure
 * bytes: what was read goes in, what is to be sent comes out. Postgres clients
 * name a database once, and get the slot's whatever they name; MariaDB's name
 * one at log-in and by COM_INIT_DB and COM_CHANGE_USER, where the public name
 * becomes the slot's and every other stays.
 */
#ifndef SUPERVISOR_RENAME_H
#define SUPERVISOR_RENAME_H

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

struct error;

struct rename {
	char *from, *to; /* owned */
	struct buf in;   /* read, and not yet understood */
	uint32_t caps;   /* mariadb: the client's */
	size_t pass;     /* bytes of a packet under way to leave alone */
};

void rename_init(struct rename *r, const char *from, const char *to);
void rename_free(struct rename *r);

/* 1: `server` has what opens the connection there, and the rest is untouched;
 * 0: more is needed, and `client` has what to answer meanwhile; -1: nonsense.
 */
int rename_postgres(struct rename *r, const char *data, size_t len,
		    struct buf *server, struct buf *client, struct error *err);

/* The server's greeting: 1: `client` has it, without what we could not read on
 * (TLS, compression); *ret_refused: it is an error, and there is no more. */
int rename_greeting(struct rename *r, const char *data, size_t len,
		    struct buf *client, bool *ret_refused, struct error *err);
/* The client's answer to it: 1: `server` has it. */
int rename_response(struct rename *r, const char *data, size_t len,
		    struct buf *server, struct error *err);
/* All that the client sends later; a joint_filter_fn. */
int rename_commands(void *r, const char *data, size_t len, struct buf *server);

#endif
