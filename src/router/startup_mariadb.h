/* SPDX-License-Identifier: MIT */
/*
 * router/startup_mariadb.h - the first packets between a MariaDB (or MySQL)
 * client and its server, and those that name a database later.
 *
 * Pure: bytes in, bytes out. The server speaks first, so the caller connects
 * to it, passes its greeting on (mariadb_greeting_restrict), and rewrites the
 * client's answer. A packet is three bytes of length, one of sequence, then
 * the payload. Layouts: the MariaDB knowledge base, "Connection", "COM_CHANGE_
 * USER", "ERR_Packet"; capabilities by the names of MySQL's manual.
 *
 * The caller gathers what comes (never more than MARIADB_PACKET_MAX bytes are
 * needed) and asks again while it is told MARIADB_MORE.
 */
#ifndef ROUTER_STARTUP_MARIADB_H
#define ROUTER_STARTUP_MARIADB_H

#include "base/buf.h"

#include <stddef.h>
#include <stdint.h>

struct error;

enum {
	/* a user, a password, names and 64 KiB of connection attributes */
	MARIADB_PACKET_MAX = 128 * 1024,
	MARIADB_HEADER = 4,
	MARIADB_TOO_MANY = 1040, /* 08004 */
	MARIADB_GONE = 1053,     /* 08S01, "server shutdown" */
	MARIADB_DENIED = 1045    /* 28000 */
};

enum mariadb_packet_kind {
	MARIADB_MORE, /* cannot be told yet */
	MARIADB_TLS,  /* the client goes on in TLS, which it was not offered */
	MARIADB_RESPONSE, /* the client's answer to the greeting */
	MARIADB_CHANGE_USER,
	MARIADB_INIT_DB,
	MARIADB_OTHER /* pass `len` bytes on; they need not all be there yet */
};

struct mariadb_packet {
	enum mariadb_packet_kind kind;
	size_t len;       /* with its header; what follows is the next one's */
	uint32_t caps;    /* the client's, for later commands */
	unsigned seq;     /* an answer has the next one */
	const char *user; /* borrowed; NULL for MARIADB_INIT_DB */
	/* where the database's name stands; not ended by NUL */
	const char *database; /* NULL: none is named */
	size_t database_len;
	/* for mariadb_rewrite(): what stands before and behind the name */
	size_t head;
	size_t tail;
};

/* The client's first packet. ERROR_PROTOCOL: nothing a server would take. */
int mariadb_response_parse(const void *data, size_t len,
			   struct mariadb_packet *ret, struct error *err);

/* A later one, which begins a command (sequence 0); `caps` is the response's.
 */
int mariadb_command_parse(const void *data, size_t len, uint32_t caps,
			  struct mariadb_packet *ret, struct error *err);

/*
 * Appends the packet of `p` (which is at `data`) with this user (not of a
 * MARIADB_INIT_DB) and this database, whether it named one or not, and all else
 * as it was, sequence included; NULL: as it was, too. A user's proof of his
 * password does not depend on his name. ERROR_PROTOCOL when that would be too
 * long; then nothing was appended.
 */
int mariadb_rewrite(const void *data, const struct mariadb_packet *p,
		    const char *user, const char *database, struct buf *ret,
		    struct error *err);

/* A command that is a statement: its text, borrowed, and its length in a packet
 * that is all there; else NULL. */
const char *mariadb_query(const void *data, const struct mariadb_packet *p,
			  size_t *ret_len);
/* Appends one. */
void mariadb_put_query(struct buf *ret, const char *sql);

/*
 * Takes TLS and compression out of what a server's greeting offers, in place:
 * whoever reads on must be able to. *ret_len is the packet's length, 0 while it
 * is not all there. ERROR_PROTOCOL when it is no greeting (an error
 * packet, which is passed on as it is, counts as a whole one).
 */
int mariadb_greeting_restrict(void *data, size_t len, size_t *ret_len,
			      struct error *err);

/*
 * Appends a greeting of our own, to refuse a client before any server was
 * chosen: it answers, and then gets mariadb_put_error(). `scramble` is 20 bytes
 * that the client mixes into its password; any will do.
 */
void mariadb_put_greeting(struct buf *ret, const char *version,
			  const char scramble[20]);

/*
 * Appends an error packet. `sqlstate` (five characters) goes to a client that
 * has answered the greeting; NULL in place of the greeting itself (sequence 0),
 * where a server sends none since it does not know the client yet. A client
 * may add there that it cannot trust the message, so greet first if you can.
 */
void mariadb_put_error(struct buf *ret, unsigned seq, unsigned code,
		       const char *sqlstate, const char *message);

#endif
