/* SPDX-License-Identifier: MIT */
/*
 * supervisor/rename.h - a client's database name becomes its slot's.
 *
 * For isolation: database, where the slots are databases of one server. Pure
 * bytes: what was read goes in, what is to be sent comes out.
 *
 * postgres  a client names one database, once. The public name becomes the
 *           slot's, as do the names that stand for "any": the user's, which a
 *           server takes where there is none, and those of the databases that
 *           every server has. Another is refused: it is everybody's, if it is
 *           there at all
 * mariadb   at log-in, by COM_INIT_DB and COM_CHANGE_USER, and by a statement
 *           that is nothing but USE, the public name becomes the slot's, and
 *           the public user the slot's, who may use no other database; every
 *           other name stays, and the server says what it thinks of it
 */
#ifndef SUPERVISOR_RENAME_H
#define SUPERVISOR_RENAME_H

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

struct error;

struct rename {
	char *from, *to;           /* databases; owned */
	char *user_from, *user_to; /* mariadb; owned, or NULL: as they are */
	struct buf in;             /* read, and not yet understood */
	uint32_t caps;             /* mariadb: the client's */
	size_t pass; /* bytes of a packet under way to leave alone */
};

void rename_init(struct rename *r, const char *from, const char *to);
/* The user, too. */
void rename_user(struct rename *r, const char *from, const char *to);
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
