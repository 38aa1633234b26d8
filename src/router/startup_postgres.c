/* SPDX-License-Identifier: MIT */
#include "router/startup_postgres.h"

#include "base/error.h"

#include <stdbool.h>
#include <string.h>

enum {
	HEADER = 8, /* the length, then the version or a request's code */
	VERSION_MAJOR = 3,
	REQUEST_MAJOR = 1234,
	CANCEL = 5678,
	SSL = 5679,
	GSSENC = 5680,
	CANCEL_KEY_MAX = 256, /* 3.2; 4 before */
	TEXT_MAX = 1000
};

static uint32_t get32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

static void put32(struct buf *b, uint32_t n)
{
	const unsigned char bytes[] = {
	    (unsigned char)(n >> 24), (unsigned char)(n >> 16),
	    (unsigned char)(n >> 8), (unsigned char)n};

	buf_put(b, bytes, sizeof(bytes));
}

static int malformed(struct error *err, const char *what)
{
	return error_set(err, ERROR_PROTOCOL, "not a Postgres client: %s",
			 what);
}

static int check_length(const unsigned char *data, size_t length,
			struct error *err)
{
	if (data[0] == 0x16 && data[1] == 0x03)
		return error_set(err, ERROR_PROTOCOL,
				 "the client speaks TLS at once "
				 "(sslnegotiation=direct); there is none here");
	if (length < HEADER)
		return malformed(err, "its first packet is too short");
	if (length > POSTGRES_STARTUP_MAX)
		return malformed(err, "its first packet is too long");
	return 0;
}

/* The length of the string at p, or -1 when no NUL ends it before `end`. */
static long string_len(const char *p, const char *end)
{
	const char *nul = p < end ? memchr(p, '\0', (size_t)(end - p)) : NULL;

	return nul ? (long)(nul - p) : -1;
}

/* Goes from name to name of the parameters: NULL at the empty name that ends
 * them, where *p is one past it; NULL and *p NULL when the packet ends before
 * that. */
static const char *next_parameter(const char **p, const char *end,
				  const char **ret_value)
{
	const char *name = *p;
	const char *value;
	long n = string_len(name, end);
	long v;

	*p = n == 0 ? name + 1 : NULL;
	if (n <= 0)
		return NULL;
	value = name + n + 1;
	v = string_len(value, end);
	if (v < 0)
		return NULL;
	*ret_value = value;
	*p = value + v + 1;
	return name;
}

static int read_parameters(const unsigned char *data,
			   struct postgres_startup *s, struct error *err)
{
	const char *p = (const char *)data + HEADER;
	const char *end = (const char *)data + s->len;
	const char *name, *value;

	while ((name = next_parameter(&p, end, &value))) {
		/* of two the server takes the last */
		if (strcmp(name, "user") == 0)
			s->user = value;
		else if (strcmp(name, "database") == 0)
			s->database = value;
	}
	if (p != end)
		return malformed(err, "its parameters do not end where the "
				      "packet does");
	if (!s->user || !*s->user)
		return malformed(err, "it names no user");
	if (!s->database || !*s->database)
		s->database = s->user;
	return 0;
}

static int read_cancel(const unsigned char *data, struct postgres_startup *s,
		       struct error *err)
{
	if (s->len < HEADER + 8 || s->len > HEADER + 4 + CANCEL_KEY_MAX)
		return malformed(err, "its cancel request has a wrong length");
	s->kind = POSTGRES_CANCEL_REQUEST;
	s->pid = get32(data + HEADER);
	s->key = data + HEADER + 4;
	s->key_len = s->len - HEADER - 4;
	return 0;
}

static int read_request(const unsigned char *data, uint32_t code,
			struct postgres_startup *s, struct error *err)
{
	if (code == CANCEL)
		return read_cancel(data, s, err);
	if ((code != SSL && code != GSSENC) || s->len != HEADER)
		return malformed(err, "an unknown request");
	s->kind = code == SSL ? POSTGRES_SSL_REQUEST : POSTGRES_GSSENC_REQUEST;
	return 0;
}

int postgres_startup_parse(const void *data, size_t len,
			   struct postgres_startup *ret, struct error *err)
{
	const unsigned char *bytes = data;
	struct postgres_startup s = {.kind = POSTGRES_MORE};
	uint32_t version;
	int rc;

	if (len >= 4 && check_length(bytes, get32(bytes), err) < 0)
		return -1;
	if (len < HEADER || len < get32(bytes)) {
		*ret = s;
		return 0;
	}
	s.len = get32(bytes);
	version = get32(bytes + 4);
	if (version >> 16 == REQUEST_MAJOR) {
		rc = read_request(bytes, version & 0xffff, &s, err);
	} else if (version >> 16 == VERSION_MAJOR) {
		s.kind = POSTGRES_STARTUP;
		rc = read_parameters(bytes, &s, err);
	} else {
		return error_set(err, ERROR_PROTOCOL,
				 "Postgres protocol %u.%u is not supported",
				 version >> 16, version & 0xffff);
	}
	if (rc == 0)
		*ret = s;
	return rc;
}

int postgres_startup_rewrite(const void *data, const struct postgres_startup *p,
			     const char *database, struct buf *ret,
			     struct error *err)
{
	const char *at = (const char *)data + HEADER;
	const char *end = (const char *)data + p->len;
	const char *name, *value;
	auto_buf struct buf b = BUF_INIT_MAX(POSTGRES_STARTUP_MAX - 4);

	buf_put(&b, (const char *)data + 4, 4);
	while ((name = next_parameter(&at, end, &value))) {
		if (strcmp(name, "database") != 0)
			buf_put(&b, name, (size_t)(at - name));
	}
	buf_put(&b, "database", sizeof("database"));
	buf_put(&b, database, strlen(database) + 1);
	buf_putc(&b, '\0');
	if (b.full)
		return malformed(err, "its first packet is too long");
	put32(ret, (uint32_t)b.len + 4);
	buf_put(ret, b.s, b.len);
	return 0;
}

static void put_field(struct buf *b, char type, const char *text)
{
	buf_putc(b, type);
	buf_put(b, text, strnlen(text, TEXT_MAX));
	buf_putc(b, '\0');
}

void postgres_put_error(struct buf *ret, const char *code, const char *message,
			const char *hint)
{
	auto_buf struct buf b = BUF_INIT;

	put_field(&b, 'S', "FATAL");
	put_field(&b, 'V', "FATAL");
	put_field(&b, 'C', code);
	put_field(&b, 'M', message);
	if (hint)
		put_field(&b, 'H', hint);
	buf_putc(&b, '\0');
	buf_putc(ret, 'E');
	put32(ret, (uint32_t)b.len + 4);
	buf_put(ret, b.s, b.len);
}
