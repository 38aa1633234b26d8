/* SPDX-License-Identifier: MIT */
/*
 * router/startup_postgres.h - the first packets of a Postgres client.
 *
 * Pure: bytes in, bytes out. The caller gathers what the client sends (never
 * more than POSTGRES_STARTUP_MAX bytes are needed) and asks again until there
 * is a whole packet. A client may ask for TLS and for GSSAPI first, in any
 * order: each is answered with the one byte 'N', and the next packet follows.
 * Layouts: the PostgreSQL manual, "Message Formats"; versions 3.0 and 3.2.
 */
#ifndef ROUTER_STARTUP_POSTGRES_H
#define ROUTER_STARTUP_POSTGRES_H

#include "base/buf.h"

#include <stddef.h>
#include <stdint.h>

struct error;

enum {
	POSTGRES_STARTUP_MAX = 10000, /* as the server itself has it */
	POSTGRES_NAME_MAX = 63
};

enum postgres_startup_kind {
	POSTGRES_MORE, /* not a whole packet yet */
	POSTGRES_SSL_REQUEST,
	POSTGRES_GSSENC_REQUEST,
	POSTGRES_CANCEL_REQUEST,
	POSTGRES_STARTUP
};

struct postgres_startup {
	enum postgres_startup_kind kind;
	size_t len; /* of this packet; what follows is the next one's */
	/* POSTGRES_STARTUP; borrowed from the bytes */
	const char *user;
	const char *database; /* as the server takes it: the user's, if none */
	/* POSTGRES_CANCEL_REQUEST: as the server gave them in BackendKeyData */
	uint32_t pid;
	const unsigned char *key;
	size_t key_len;
};

/* ERROR_PROTOCOL: nothing a Postgres server would take; drop the client. */
int postgres_startup_parse(const void *data, size_t len,
			   struct postgres_startup *ret, struct error *err);

/*
 * Appends the packet of `p` (which is at `data`) with another database and all
 * else as it was. ERROR_PROTOCOL when it would be too long for a server; then
 * nothing was appended.
 */
int postgres_startup_rewrite(const void *data, const struct postgres_startup *p,
			     const char *database, struct buf *ret,
			     struct error *err);

/*
 * Appends an ErrorResponse, FATAL: how a server refuses a client, at any time
 * before it is ready. Codes: 53300 too many connections, 28000 not allowed,
 * 08006 connection lost, 57P03 cannot connect now. `hint` may be NULL.
 */
void postgres_put_error(struct buf *ret, const char *code, const char *message,
			const char *hint);

#endif
