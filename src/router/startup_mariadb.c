/* SPDX-License-Identifier: MIT */
#include "router/startup_mariadb.h"

#include "base/error.h"

#include <stdbool.h>
#include <string.h>

enum {
	CAP_CONNECT_WITH_DB = 1 << 3,
	CAP_COMPRESS = 1 << 5,
	CAP_PROTOCOL_41 = 1 << 9,
	CAP_SSL = 1 << 11,
	CAP_TRANSACTIONS = 1 << 13,
	CAP_SECURE_CONNECTION = 1 << 15,
	CAP_PLUGIN_AUTH = 1 << 19,
	CAP_LENENC_AUTH = 1 << 21,
	CAP_ZSTD = 1 << 26
};

enum {
	/* capabilities, packet size, character set, reserved */
	RESPONSE_FIXED = 32,
	COM_INIT_DB = 0x02,
	COM_QUERY = 0x03,
	COM_CHANGE_USER = 0x11,
	GREETING_VERSION = 10,
	GREETING_MAX = 1024,
	ERR = 0xff,
	CHARSET_UTF8MB4 = 45,
	STATUS_AUTOCOMMIT = 2,
	TEXT_MAX = 480 /* clients keep 512 bytes of it */
};

/* What is left to read of a packet; `bad` once something reached past it. */
struct reader {
	const unsigned char *p;
	const unsigned char *end;
	bool bad;
};

static int malformed(struct error *err, const char *what)
{
	return error_set(err, ERROR_PROTOCOL, "not a MariaDB client: %s", what);
}

static size_t left(const struct reader *r)
{
	return (size_t)(r->end - r->p);
}

static const unsigned char *skip(struct reader *r, uint64_t n)
{
	const unsigned char *at = r->p;

	if (n > left(r)) {
		r->bad = true;
		r->p = r->end;
		return NULL;
	}
	r->p += n;
	return at;
}

static unsigned get8(struct reader *r)
{
	const unsigned char *p = skip(r, 1);

	return p ? *p : 0;
}

/* Length-encoded: a byte up to 250, or a mark and 2, 3 or 8 bytes. */
static uint64_t get_lenenc(struct reader *r)
{
	unsigned first = get8(r);
	unsigned n = first == 0xfc ? 2 : first == 0xfd ? 3 : 8;
	const unsigned char *p;
	uint64_t value = 0;

	if (first <= 0xfa)
		return first;
	p = skip(r, n);
	if (!p || first == 0xfb || first == 0xff) {
		r->bad = true;
		return 0;
	}
	while (n-- > 0)
		value = value << 8 | p[n];
	return value;
}

/* Up to and with its NUL. */
static const char *get_string(struct reader *r, size_t *ret_len)
{
	const unsigned char *nul = memchr(r->p, '\0', left(r));
	const char *s = (const char *)r->p;

	if (!nul) {
		r->bad = true;
		r->p = r->end;
		*ret_len = 0;
		return NULL;
	}
	*ret_len = (size_t)(nul - r->p);
	r->p = nul + 1;
	return s;
}

static uint32_t get32le(const unsigned char *p)
{
	return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 |
	       (uint32_t)p[1] << 8 | p[0];
}

/* The whole length by the header; there must be one. */
static size_t packet_len(const unsigned char *data)
{
	return MARIADB_HEADER +
	       (data[0] | (size_t)data[1] << 8 | (size_t)data[2] << 16);
}

static void skip_auth(struct reader *r, uint32_t caps, bool response)
{
	size_t n;

	if (response && (caps & CAP_LENENC_AUTH))
		skip(r, get_lenenc(r));
	else if (caps & CAP_SECURE_CONNECTION)
		skip(r, get8(r));
	else
		get_string(r, &n);
}

/* User, authentication, database: the same in both packets, but that the
 * response says beforehand whether there is a database. */
static int read_names(const unsigned char *data, struct reader *r,
		      struct mariadb_packet *p, bool has_database,
		      struct error *err)
{
	size_t n;

	p->user = get_string(r, &n);
	skip_auth(r, p->caps, p->kind == MARIADB_RESPONSE);
	p->head = p->tail = (size_t)(r->p - data);
	/* some say they name one and then end the packet */
	if (!r->bad && has_database && left(r) > 0) {
		p->database = get_string(r, &p->database_len);
		p->tail = (size_t)(r->p - data);
	}
	if (r->bad)
		return malformed(err, "its packet ends in the middle");
	return 0;
}

static int read_response(const unsigned char *data, struct mariadb_packet *p,
			 struct error *err)
{
	struct reader r = {data + MARIADB_HEADER, data + p->len, false};
	size_t payload = left(&r);

	if (payload < RESPONSE_FIXED)
		return malformed(err, "its first packet is too short");
	p->caps = get32le(data + MARIADB_HEADER);
	if (!(p->caps & CAP_PROTOCOL_41))
		return malformed(err, "it speaks a protocol older than 4.1");
	if (payload == RESPONSE_FIXED && (p->caps & CAP_SSL)) {
		p->kind = MARIADB_TLS;
		return 0;
	}
	p->kind = MARIADB_RESPONSE;
	skip(&r, RESPONSE_FIXED);
	return read_names(data, &r, p, p->caps & CAP_CONNECT_WITH_DB, err);
}

int mariadb_response_parse(const void *data, size_t len,
			   struct mariadb_packet *ret, struct error *err)
{
	const unsigned char *bytes = data;
	struct mariadb_packet p = {.kind = MARIADB_MORE};

	if (len >= 3 && packet_len(bytes) > MARIADB_PACKET_MAX)
		return malformed(err, "its first packet is too long");
	if (len < MARIADB_HEADER || len < packet_len(bytes)) {
		*ret = p;
		return 0;
	}
	p.len = packet_len(bytes);
	p.seq = bytes[3];
	if (read_response(bytes, &p, err) < 0)
		return -1;
	*ret = p;
	return 0;
}

static int read_command(const unsigned char *data, struct mariadb_packet *p,
			struct error *err)
{
	struct reader r = {data + MARIADB_HEADER + 1, data + p->len, false};

	if (p->kind == MARIADB_CHANGE_USER)
		return read_names(data, &r, p, true, err);
	p->database = (const char *)r.p;
	p->database_len = left(&r);
	p->head = MARIADB_HEADER + 1;
	p->tail = p->len;
	return 0;
}

static enum mariadb_packet_kind command_kind(unsigned char command)
{
	return command == COM_CHANGE_USER ? MARIADB_CHANGE_USER
	       : command == COM_INIT_DB   ? MARIADB_INIT_DB
					  : MARIADB_OTHER;
}

int mariadb_command_parse(const void *data, size_t len, uint32_t caps,
			  struct mariadb_packet *ret, struct error *err)
{
	const unsigned char *bytes = data;
	struct mariadb_packet more = {.kind = MARIADB_MORE};
	struct mariadb_packet p = {.kind = MARIADB_OTHER, .caps = caps};

	if (len < MARIADB_HEADER) {
		*ret = more;
		return 0;
	}
	p.len = packet_len(bytes);
	p.seq = bytes[3];
	if (p.len > MARIADB_HEADER) {
		if (len == MARIADB_HEADER) {
			*ret = more;
			return 0;
		}
		p.kind = command_kind(bytes[MARIADB_HEADER]);
	}
	if (p.kind != MARIADB_OTHER) {
		if (p.len > MARIADB_PACKET_MAX)
			return malformed(err, "a database's name is too long");
		if (len < p.len) {
			*ret = more;
			return 0;
		}
		if (read_command(bytes, &p, err) < 0)
			return -1;
	}
	*ret = p;
	return 0;
}

static void put_le(struct buf *b, uint64_t n, int bytes)
{
	while (bytes-- > 0) {
		buf_putc(b, (char)(n & 0xff));
		n >>= 8;
	}
}

static void put_packet(struct buf *ret, unsigned seq, const struct buf *payload)
{
	put_le(ret, payload->len, 3);
	put_le(ret, seq, 1);
	buf_put(ret, payload->s, payload->len);
}

/* From `*at` to `to`, and on from there. */
static void put_until(struct buf *b, const char *bytes, size_t *at, size_t to)
{
	buf_put(b, bytes + *at, to - *at);
	*at = to;
}

int mariadb_rewrite(const void *data, const struct mariadb_packet *p,
		    const char *user, const char *database, struct buf *ret,
		    struct error *err)
{
	const char *bytes = data;
	size_t at = MARIADB_HEADER;
	auto_buf struct buf b =
	    BUF_INIT_MAX(MARIADB_PACKET_MAX - MARIADB_HEADER);

	if (p->kind == MARIADB_RESPONSE && database) {
		put_le(&b, p->caps | CAP_CONNECT_WITH_DB, 4);
		at += 4;
	}
	if (user && p->user) {
		put_until(&b, bytes, &at, (size_t)(p->user - bytes));
		buf_puts(&b, user);
		at += strlen(p->user);
	}
	if (database) {
		put_until(&b, bytes, &at, p->head);
		buf_puts(&b, database);
		if (p->kind != MARIADB_INIT_DB)
			buf_putc(&b, '\0');
		at = p->tail;
	}
	put_until(&b, bytes, &at, p->len);
	if (b.full)
		return malformed(err, "its packet is too long");
	put_packet(ret, p->seq, &b);
	return 0;
}

const char *mariadb_query(const void *data, const struct mariadb_packet *p,
			  size_t *ret_len)
{
	const char *bytes = data;

	if (p->len <= MARIADB_HEADER || bytes[MARIADB_HEADER] != COM_QUERY)
		return NULL;
	*ret_len = p->len - MARIADB_HEADER - 1;
	return bytes + MARIADB_HEADER + 1;
}

void mariadb_put_query(struct buf *ret, const char *sql)
{
	auto_buf struct buf b = BUF_INIT;

	buf_putc(&b, COM_QUERY);
	buf_puts(&b, sql);
	put_packet(ret, 0, &b);
}

static int no_greeting(struct error *err)
{
	return error_set(err, ERROR_PROTOCOL,
			 "the server sent no greeting of MariaDB or MySQL");
}

/* Version 10, the server's version, a number, 8 bytes and a NUL; then the
 * capabilities in two halves with 3 bytes between. */
static int restrict_offers(unsigned char *data, size_t len, struct error *err)
{
	unsigned char *version = data + MARIADB_HEADER + 1;
	unsigned char *end = data + len;
	unsigned char *nul = memchr(version, '\0', (size_t)(end - version));
	unsigned char *caps;

	if (!nul || end - nul < 1 + 4 + 9 + 2 + 3 + 2)
		return no_greeting(err);
	caps = nul + 1 + 4 + 9;
	caps[0] &= (unsigned char)~CAP_COMPRESS;
	caps[1] &= (unsigned char)~(CAP_SSL >> 8);
	caps[6] &= (unsigned char)~(CAP_ZSTD >> 24);
	return 0;
}

int mariadb_greeting_restrict(void *data, size_t len, size_t *ret_len,
			      struct error *err)
{
	unsigned char *bytes = data;
	size_t whole;

	*ret_len = 0;
	if (len < MARIADB_HEADER)
		return 0;
	whole = packet_len(bytes);
	if (whole > GREETING_MAX || whole == MARIADB_HEADER)
		return no_greeting(err);
	if (len < whole)
		return 0;
	if (bytes[MARIADB_HEADER] != ERR) {
		if (bytes[MARIADB_HEADER] != GREETING_VERSION)
			return no_greeting(err);
		if (restrict_offers(bytes, whole, err) < 0)
			return -1;
	}
	*ret_len = whole;
	return 0;
}

void mariadb_put_greeting(struct buf *ret, const char *version,
			  const char scramble[20])
{
	static const char zeros[10];
	const uint32_t caps = CAP_CONNECT_WITH_DB | CAP_PROTOCOL_41 |
			      CAP_TRANSACTIONS | CAP_SECURE_CONNECTION |
			      CAP_PLUGIN_AUTH |
			      1 /* no extensions of MariaDB */;
	auto_buf struct buf b = BUF_INIT;

	buf_putc(&b, GREETING_VERSION);
	buf_put(&b, version, strlen(version) + 1);
	put_le(&b, 1, 4); /* a connection's number: nobody can kill it */
	buf_put(&b, scramble, 8);
	buf_putc(&b, '\0');
	put_le(&b, caps & 0xffff, 2);
	put_le(&b, CHARSET_UTF8MB4, 1);
	put_le(&b, STATUS_AUTOCOMMIT, 2);
	put_le(&b, caps >> 16, 2);
	put_le(&b, 21, 1); /* the scramble and its NUL */
	buf_put(&b, zeros, sizeof(zeros));
	buf_put(&b, scramble + 8, 12);
	buf_putc(&b, '\0');
	buf_put(&b, "mysql_native_password", sizeof("mysql_native_password"));
	put_packet(ret, 0, &b);
}

void mariadb_put_error(struct buf *ret, unsigned seq, unsigned code,
		       const char *sqlstate, const char *message)
{
	auto_buf struct buf b = BUF_INIT;

	put_le(&b, ERR, 1);
	put_le(&b, code, 2);
	if (sqlstate) {
		buf_putc(&b, '#');
		buf_put(&b, sqlstate, strnlen(sqlstate, 5));
	}
	buf_put(&b, message, strnlen(message, TEXT_MAX));
	put_packet(ret, seq, &b);
}
