/* SPDX-License-Identifier: MIT */
#include "supervisor/rename.h"

#include "base/alloc.h"
#include "base/error.h"
#include "router/startup_mariadb.h"
#include "router/startup_postgres.h"

#include <stdlib.h>
#include <string.h>

void rename_init(struct rename *r, const char *from, const char *to)
{
	*r = (struct rename){
	    .from = xstrdup(from),
	    .to = xstrdup(to),
	    .in = BUF_INIT_MAX(2 * MARIADB_PACKET_MAX),
	};
}

void rename_free(struct rename *r)
{
	if (!r->from)
		return;
	buf_free(&r->in);
	free(r->from);
	free(r->to);
	r->from = r->to = NULL;
}

static int gather(struct rename *r, const char *data, size_t len,
		  struct error *err)
{
	buf_put(&r->in, data, len);
	if (r->in.full)
		return error_set(err, ERROR_PROTOCOL,
				 "the first packets are too long");
	return 0;
}

/* What is left behind a packet goes along with it. */
static int flush_rest(struct rename *r, size_t packet, struct buf *server)
{
	buf_put(server, r->in.s + packet, r->in.len - packet);
	buf_clear(&r->in);
	return 1;
}

int rename_postgres(struct rename *r, const char *data, size_t len,
		    struct buf *server, struct buf *client, struct error *err)
{
	struct postgres_startup p;

	if (gather(r, data, len, err) < 0)
		return -1;
	for (;;) {
		if (postgres_startup_parse(r->in.s, r->in.len, &p, err) < 0)
			return -1;
		switch (p.kind) {
		case POSTGRES_MORE:
			return 0;
		case POSTGRES_SSL_REQUEST:
		case POSTGRES_GSSENC_REQUEST:
			buf_putc(client, 'N');
			buf_consume(&r->in, p.len);
			break;
		case POSTGRES_CANCEL_REQUEST:
			return flush_rest(r, 0, server);
		case POSTGRES_STARTUP:
			if (postgres_startup_rewrite(r->in.s, &p, r->to, server,
						     err) < 0)
				return -1;
			return flush_rest(r, p.len, server);
		}
	}
}

int rename_greeting(struct rename *r, const char *data, size_t len,
		    struct buf *client, bool *ret_refused, struct error *err)
{
	size_t packet;

	if (gather(r, data, len, err) < 0 ||
	    mariadb_greeting_restrict(r->in.s, r->in.len, &packet, err) < 0)
		return -1;
	if (!packet)
		return 0;
	*ret_refused = packet > MARIADB_HEADER &&
		       (unsigned char)r->in.s[MARIADB_HEADER] == 0xff;
	return flush_rest(r, 0, client);
}

static bool names_ours(const struct rename *r, const struct mariadb_packet *p)
{
	return p->database && p->database_len == strlen(r->from) &&
	       !memcmp(p->database, r->from, p->database_len);
}

static int put_packet(struct rename *r, const struct mariadb_packet *p,
		      struct buf *server, struct error *err)
{
	if (names_ours(r, p))
		return mariadb_rewrite(r->in.s, p, r->to, server, err);
	buf_put(server, r->in.s, p->len);
	return 0;
}

int rename_response(struct rename *r, const char *data, size_t len,
		    struct buf *server, struct error *err)
{
	struct mariadb_packet p;

	if (gather(r, data, len, err) < 0 ||
	    mariadb_response_parse(r->in.s, r->in.len, &p, err) < 0)
		return -1;
	if (p.kind == MARIADB_MORE)
		return 0;
	if (p.kind == MARIADB_TLS)
		return error_set(err, ERROR_PROTOCOL,
				 "the client insists on TLS");
	r->caps = p.caps;
	if (put_packet(r, &p, server, err) < 0)
		return -1;
	return flush_rest(r, p.len, server);
}

/* A packet that begins no command: an answer in a log-in, a file's data. */
static bool goes_on(const struct buf *in)
{
	return in->len >= MARIADB_HEADER && in->s[MARIADB_HEADER - 1] != 0;
}

static size_t packet_len(const struct buf *in)
{
	const unsigned char *p = (const unsigned char *)in->s;

	return MARIADB_HEADER +
	       ((size_t)p[0] | (size_t)p[1] << 8 | (size_t)p[2] << 16);
}

/* 1: something was taken from `in`; 0: more is needed; -1. */
static int next_command(struct rename *r, struct buf *server)
{
	struct mariadb_packet p = {.kind = MARIADB_OTHER};
	size_t taken;

	if (!r->in.len)
		return 0;
	if (goes_on(&r->in))
		p.len = packet_len(&r->in);
	else if (mariadb_command_parse(r->in.s, r->in.len, r->caps, &p, NULL) <
		 0)
		return -1;
	if (p.kind == MARIADB_MORE)
		return 0;
	if (p.kind != MARIADB_OTHER) {
		if (put_packet(r, &p, server, NULL) < 0)
			return -1;
		buf_consume(&r->in, p.len);
		return 1;
	}
	taken = p.len < r->in.len ? p.len : r->in.len;
	buf_put(server, r->in.s, taken);
	buf_consume(&r->in, taken);
	r->pass = p.len - taken;
	return 1;
}

int rename_commands(void *ctx, const char *data, size_t len, struct buf *server)
{
	struct rename *r = ctx;
	size_t now = r->pass < len ? r->pass : len;
	int more;

	buf_put(server, data, now);
	r->pass -= now;
	if (now == len)
		return 0;
	if (gather(r, data + now, len - now, NULL) < 0)
		return -1;
	while ((more = next_command(r, server)) > 0)
		;
	return more;
}
