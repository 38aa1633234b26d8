/* SPDX-License-Identifier: MIT */
#include "supervisor/rename.h"

#include "base/alloc.h"
#include "base/error.h"
#include "dialect/db.h"
#include "router/startup_mariadb.h"
#include "router/startup_postgres.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
	USE_MAX = 512 /* a packet with one statement USE */
};

void rename_init(struct rename *r, const char *from, const char *to)
{
	*r = (struct rename){
	    .from = xstrdup(from),
	    .to = xstrdup(to),
	    .in = BUF_INIT_MAX(2 * MARIADB_PACKET_MAX),
	};
}

void rename_user(struct rename *r, const char *from, const char *to)
{
	r->user_from = xstrdup(from);
	r->user_to = xstrdup(to);
}

void rename_free(struct rename *r)
{
	if (!r->from)
		return;
	buf_free(&r->in);
	free(take_ptr(&r->from));
	free(take_ptr(&r->to));
	free(take_ptr(&r->user_from));
	free(take_ptr(&r->user_to));
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

static int check_name(const struct rename *r, const struct postgres_startup *p,
		      struct error *err)
{
	const char *const own[] = {r->from, p->user, "postgres", "template1"};

	for (size_t i = 0; i < array_len(own); i++)
		if (own[i] && !strcmp(p->database, own[i]))
			return 0;
	return error_set(err, ERROR_REFUSED,
			 "database '%s' cannot be reached: isolation "
			 "'database' gives each owner one, '%s'",
			 p->database, r->from);
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
			if (check_name(r, &p, err) < 0 ||
			    postgres_startup_rewrite(r->in.s, &p, r->to, server,
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

static bool is(const char *name, const char *text, size_t len)
{
	return len == strlen(name) && !memcmp(text, name, len);
}

static int put_packet(struct rename *r, const struct mariadb_packet *p,
		      struct buf *server, struct error *err)
{
	const char *user = NULL, *database = NULL;

	if (p->user && r->user_from && !strcmp(p->user, r->user_from))
		user = r->user_to;
	if (p->database && is(r->from, p->database, p->database_len))
		database = r->to;
	return mariadb_rewrite(r->in.s, p, user, database, server, err);
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

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The name in "USE name;", as it stands there: *ret_len, 0 if it is none. */
static const char *used_name(const char *sql, size_t len, size_t *ret_len)
{
	const char *end = sql + len;

	*ret_len = 0;
	while (sql < end && is_blank(*sql))
		sql++;
	if (end - sql < 4 || strncasecmp(sql, "use", 3) != 0 ||
	    (!is_blank(sql[3]) && sql[3] != '`'))
		return NULL;
	for (sql += 3; sql < end && is_blank(*sql); sql++)
		;
	while (end > sql && (is_blank(end[-1]) || end[-1] == ';'))
		end--;
	*ret_len = (size_t)(end - sql);
	return sql;
}

/* Several drivers choose their database by such a statement. */
static bool put_use(struct rename *r, const struct mariadb_packet *p,
		    struct buf *server)
{
	auto_buf struct buf quoted = BUF_INIT;
	auto_buf struct buf use = BUF_INIT;
	size_t len, name_len;
	const char *sql = mariadb_query(r->in.s, p, &len);
	const char *name = sql ? used_name(sql, len, &name_len) : NULL;

	if (!name)
		return false;
	db_put_identifier(DIALECT_MARIADB, &quoted, r->from);
	if (!is(r->from, name, name_len) && !is(quoted.s, name, name_len))
		return false;
	buf_puts(&use, "USE ");
	db_put_identifier(DIALECT_MARIADB, &use, r->to);
	mariadb_put_query(server, use.s);
	return true;
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
	if (!goes_on(&r->in) && p.len <= USE_MAX) {
		if (r->in.len < p.len)
			return 0;
		if (put_use(r, &p, server)) {
			buf_consume(&r->in, p.len);
			return 1;
		}
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
