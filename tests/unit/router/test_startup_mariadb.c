/* SPDX-License-Identifier: MIT */
#include "router/startup_mariadb.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
	WITH_DB = 1 << 3,
	V41 = 1 << 9,
	SSL = 1 << 11,
	SECURE = 1 << 15,
	PLUGIN = 1 << 19,
	ATTRS = 1 << 20,
	LENENC = 1 << 21
};

static void begin(struct buf *b, uint32_t caps)
{
	static const char rest[28] = "\0\0\0\1\x2d";

	for (int i = 0; i < 4; i++)
		buf_putc(b, (char)(caps >> 8 * i));
	buf_put(b, rest, sizeof(rest));
}

/* Puts the header in front of what is in `b`. */
static void wrap(struct buf *b, char seq)
{
	auto_buf struct buf payload = BUF_INIT;

	buf_put(&payload, b->s, b->len);
	buf_clear(b);
	buf_putc(b, (char)(payload.len & 0xff));
	buf_putc(b, (char)(payload.len >> 8 & 0xff));
	buf_putc(b, (char)(payload.len >> 16));
	buf_putc(b, seq);
	buf_put(b, payload.s, payload.len);
}

/* A response with the authentication that the capabilities say. */
static void response(struct buf *b, uint32_t caps, const char *database)
{
	begin(b, caps);
	buf_put(b, "ann", 4);
	if (caps & LENENC)
		buf_put(b, "\xfc\x05\0ab\0de", 8); /* a longer form, allowed */
	else if (caps & SECURE)
		buf_put(b,
			"\x05"
			"ab\0de",
			6);
	else
		buf_put(b, "abcde", 6);
	if (database)
		buf_put(b, database, strlen(database) + 1);
	if (caps & PLUGIN)
		buf_put(b, "mysql_native_password", 22);
	if (caps & ATTRS)
		buf_put(b, "\x06\x02_a\x02zz", 7);
	wrap(b, 1);
}

/* From a copy of just that size: see the Postgres test. */
static int parse(const struct buf *b, size_t len, struct mariadb_packet *ret,
		 struct error *err)
{
	auto_free char *copy = malloc(len ? len : 1);
	int rc;

	memcpy(copy, b->s, len);
	rc = mariadb_response_parse(copy, len, ret, err);
	return rc < 0 ? rc : mariadb_response_parse(b->s, len, ret, err);
}

static const uint32_t variants[] = {
    V41,
    V41 | SECURE,
    V41 | SECURE | PLUGIN,
    V41 | SECURE | PLUGIN | ATTRS,
    V41 | SECURE | PLUGIN | ATTRS | LENENC,
};

static void every_form_at_every_split(void **state)
{
	(void)state;
	for (size_t i = 0; i < array_len(variants); i++) {
		auto_buf struct buf b = BUF_INIT;
		struct mariadb_packet p;

		response(&b, variants[i] | WITH_DB, "shop");
		for (size_t n = 0; n < b.len; n++) {
			assert_int_equal(parse(&b, n, &p, NULL), 0);
			assert_int_equal(p.kind, MARIADB_MORE);
		}
		buf_puts(&b, "next");
		assert_int_equal(parse(&b, b.len, &p, NULL), 0);
		assert_int_equal(p.kind, MARIADB_RESPONSE);
		assert_int_equal(p.len, b.len - 4);
		assert_int_equal(p.seq, 1);
		assert_string_equal(p.user, "ann");
		assert_int_equal(p.database_len, 4);
		assert_memory_equal(p.database, "shop", 4);
	}
}

static void rewritten(const struct buf *b, const char *database,
		      struct buf *ret)
{
	struct mariadb_packet p;

	assert_int_equal(parse(b, b->len, &p, NULL), 0);
	assert_int_equal(mariadb_rewrite(b->s, &p, NULL, database, ret, NULL),
			 0);
}

/* Rewriting gives the packet that would have named the database at once. */
static void another_database(void **state)
{
	(void)state;
	for (size_t i = 0; i < array_len(variants); i++) {
		auto_buf struct buf with = BUF_INIT;
		auto_buf struct buf without = BUF_INIT;
		auto_buf struct buf want = BUF_INIT;
		auto_buf struct buf got = BUF_INIT;

		response(&with, variants[i] | WITH_DB, "shop");
		response(&without, variants[i], NULL);
		response(&want, variants[i] | WITH_DB, "clone_12");
		rewritten(&with, "clone_12", &got);
		assert_int_equal(got.len, want.len);
		assert_memory_equal(got.s, want.s, want.len);
		buf_clear(&got);
		rewritten(&without, "clone_12", &got);
		assert_int_equal(got.len, want.len);
		assert_memory_equal(got.s, want.s, want.len);
	}
}

static void a_packet_that_ends_before_the_database(void **state)
{
	auto_buf struct buf b = BUF_INIT;
	struct mariadb_packet p;

	(void)state;
	response(&b, V41 | SECURE | WITH_DB, NULL);
	assert_int_equal(parse(&b, b.len, &p, NULL), 0);
	assert_int_equal(p.kind, MARIADB_RESPONSE);
	assert_null(p.database);
	assert_int_equal(p.head, b.len);
}

static void tls_without_an_offer(void **state)
{
	auto_buf struct buf b = BUF_INIT;
	struct mariadb_packet p;

	(void)state;
	begin(&b, V41 | SSL);
	wrap(&b, 1);
	assert_int_equal(parse(&b, b.len, &p, NULL), 0);
	assert_int_equal(p.kind, MARIADB_TLS);
	assert_int_equal(p.len, 36);
}

static void assert_refused(const struct buf *b, const char *why)
{
	auto_error struct error err = ERROR_INIT;
	struct mariadb_packet p = {.len = 77};

	assert_int_equal(parse(b, b->len, &p, &err), -1);
	assert_int_equal(err.kind, ERROR_PROTOCOL);
	assert_non_null(strstr(error_text(&err), why));
	assert_int_equal(p.len, 77);
}

static void what_no_server_takes(void **state)
{
	auto_buf struct buf b = BUF_INIT;

	(void)state;
	buf_puts(&b, "GET / HTTP/1.1\r\n");
	assert_refused(&b, "too long");
	buf_clear(&b);
	buf_put(&b, "\0\0\0\1", 4);
	assert_refused(&b, "too short");
	buf_clear(&b);
	begin(&b, 0);
	wrap(&b, 1);
	assert_refused(&b, "older than 4.1");
	for (size_t cut = 1; cut < 12; cut++) {
		buf_clear(&b);
		begin(&b, V41 | SECURE);
		buf_put(&b,
			"ann\0\x07"
			"abcdefg",
			cut);
		wrap(&b, 1);
		assert_refused(&b, "ends in the middle");
	}
	/* a length that no packet has */
	buf_clear(&b);
	begin(&b, V41 | LENENC);
	buf_put(&b, "ann\0\xfe\xff\xff\xff\xff\xff\xff\xff\xff", 13);
	wrap(&b, 1);
	assert_refused(&b, "ends in the middle");
	/* a name that no NUL ends */
	buf_clear(&b);
	begin(&b, V41 | SECURE | WITH_DB);
	buf_put(&b, "ann\0\0shop", 9);
	wrap(&b, 1);
	assert_refused(&b, "ends in the middle");
}

static void commands(void **state)
{
	auto_buf struct buf b = BUF_INIT;
	auto_buf struct buf out = BUF_INIT;
	struct mariadb_packet p;

	(void)state;
	buf_put(&b, "\x02shop", 5);
	wrap(&b, 0);
	for (size_t n = 0; n < b.len; n++) {
		assert_int_equal(mariadb_command_parse(b.s, n, V41, &p, NULL),
				 0);
		assert_int_equal(p.kind, MARIADB_MORE);
	}
	assert_int_equal(mariadb_command_parse(b.s, b.len, V41, &p, NULL), 0);
	assert_int_equal(p.kind, MARIADB_INIT_DB);
	assert_int_equal(p.database_len, 4);
	assert_int_equal(mariadb_rewrite(b.s, &p, NULL, "clone", &out, NULL),
			 0);
	assert_int_equal(out.len, 10);
	assert_memory_equal(out.s, "\6\0\0\0\2clone", 10);
}

static void change_user(void **state)
{
	auto_buf struct buf b = BUF_INIT;
	auto_buf struct buf out = BUF_INIT;
	struct mariadb_packet p;

	(void)state;
	buf_put(&b,
		"\x11"
		"bob\0\2xyshop\0\x2d\0plug\0",
		20);
	wrap(&b, 0);
	for (size_t n = 0; n < b.len; n++) {
		assert_int_equal(
		    mariadb_command_parse(b.s, n, V41 | SECURE, &p, NULL), 0);
		assert_int_equal(p.kind, MARIADB_MORE);
	}
	assert_int_equal(
	    mariadb_command_parse(b.s, b.len, V41 | SECURE, &p, NULL), 0);
	assert_int_equal(p.kind, MARIADB_CHANGE_USER);
	assert_string_equal(p.user, "bob");
	assert_memory_equal(p.database, "shop", 4);
	assert_int_equal(mariadb_rewrite(b.s, &p, NULL, "c", &out, NULL), 0);
	assert_int_equal(out.len, 4 + 17);
	assert_memory_equal(out.s,
			    "\x11\0\0\0\x11"
			    "bob\0\2xyc\0\x2d\0plug\0",
			    out.len);
	/* the user alone */
	buf_clear(&out);
	assert_int_equal(mariadb_rewrite(b.s, &p, "bob_12", NULL, &out, NULL),
			 0);
	assert_int_equal(out.len, b.len + 3);
	assert_memory_equal(out.s,
			    "\x17\0\0\0\x11"
			    "bob_12\0\2xyshop\0\x2d\0plug\0",
			    out.len);
}

/* The user too, or alone: nothing else changes, the capabilities neither. */
static void another_user(void **state)
{
	(void)state;
	for (size_t i = 0; i < array_len(variants); i++) {
		auto_buf struct buf b = BUF_INIT;
		auto_buf struct buf with = BUF_INIT;
		auto_buf struct buf back = BUF_INIT;
		struct mariadb_packet p;

		response(&b, variants[i], NULL);
		assert_int_equal(parse(&b, b.len, &p, NULL), 0);
		assert_int_equal(
		    mariadb_rewrite(b.s, &p, "ann_12", NULL, &with, NULL), 0);
		assert_int_equal(with.len, b.len + 3);
		assert_int_equal(parse(&with, with.len, &p, NULL), 0);
		assert_string_equal(p.user, "ann_12");
		assert_null(p.database);
		assert_int_equal(
		    mariadb_rewrite(with.s, &p, "ann", NULL, &back, NULL), 0);
		assert_int_equal(back.len, b.len);
		assert_memory_equal(back.s, b.s, b.len);
		buf_clear(&back);
		assert_int_equal(
		    mariadb_rewrite(with.s, &p, "eve", "shop", &back, NULL), 0);
		assert_int_equal(parse(&back, back.len, &p, NULL), 0);
		assert_string_equal(p.user, "eve");
		assert_memory_equal(p.database, "shop", 4);
	}
}

/* A query may be 16 MiB: its five first bytes are enough. */
static void other_commands_are_not_gathered(void **state)
{
	struct mariadb_packet p;

	(void)state;
	assert_int_equal(
	    mariadb_command_parse("\xff\xff\xff\0\3", 5, V41, &p, NULL), 0);
	assert_int_equal(p.kind, MARIADB_OTHER);
	assert_int_equal(p.len, 0xffffff + 4);
	assert_int_equal(mariadb_command_parse("\0\0\0\1", 4, V41, &p, NULL),
			 0);
	assert_int_equal(p.kind, MARIADB_OTHER);
	assert_int_equal(p.len, 4);
	assert_int_equal(
	    mariadb_command_parse("\xff\xff\xff\0\2", 5, V41, &p, NULL), -1);
}

static void a_name_too_long(void **state)
{
	auto_error struct error err = ERROR_INIT;
	auto_free char *name = xmalloc(MARIADB_PACKET_MAX);
	auto_buf struct buf b = BUF_INIT;
	auto_buf struct buf out = BUF_INIT;
	struct mariadb_packet p;

	(void)state;
	memset(name, 'x', MARIADB_PACKET_MAX - 1);
	name[MARIADB_PACKET_MAX - 1] = '\0';
	response(&b, V41, NULL);
	assert_int_equal(parse(&b, b.len, &p, NULL), 0);
	assert_int_equal(mariadb_rewrite(b.s, &p, NULL, name, &out, &err), -1);
	assert_int_equal(err.kind, ERROR_PROTOCOL);
	assert_int_equal(out.len, 0);
}

static void greetings(void **state)
{
	auto_error struct error err = ERROR_INIT;
	auto_buf struct buf b = BUF_INIT;
	size_t len, whole, caps;

	(void)state;
	mariadb_put_greeting(&b, "5.5.5-10.11.6-MariaDB",
			     "12345678901234567890");
	whole = b.len;
	assert_int_equal((unsigned char)b.s[0], whole - 4);
	caps = 4 + 1 + 22 + 4 + 9;
	b.s[caps] |= 0x20;     /* offers compression, */
	b.s[caps + 1] |= 0x08; /* TLS, */
	b.s[caps + 6] |= 0x04; /* and the other compression */
	for (size_t n = 0; n < whole; n++) {
		assert_int_equal(mariadb_greeting_restrict(b.s, n, &len, &err),
				 0);
		assert_int_equal(len, 0);
	}
	assert_int_equal(mariadb_greeting_restrict(b.s, whole, &len, &err), 0);
	assert_int_equal(len, whole);
	assert_int_equal(b.s[caps] & 0x20, 0);
	assert_int_equal(b.s[caps + 1] & 0x08, 0);
	assert_int_equal(b.s[caps + 6] & 0x04, 0);
	/* all else is as it was */
	assert_int_equal(b.s[caps] & 0x08, 0x08);
	assert_string_equal(b.s + whole - 22, "mysql_native_password");
}

static void no_greetings(void **state)
{
	static char error[] = "\x07\0\0\0\xff\x10\x04nope";
	static char short_one[] = "\x03\0\0\0\x0a\x31\0";
	static char http[] = "HTTP/1.1 400";
	auto_error struct error err = ERROR_INIT;
	size_t len;

	(void)state;
	assert_int_equal(mariadb_greeting_restrict(error, 11, &len, &err), 0);
	assert_int_equal(len, 11);
	assert_int_equal(mariadb_greeting_restrict(short_one, 7, &len, &err),
			 -1);
	assert_int_equal(mariadb_greeting_restrict(http, 12, &len, &err), -1);
	assert_int_equal(err.kind, ERROR_PROTOCOL);
}

static void refusals(void **state)
{
	auto_buf struct buf b = BUF_INIT;

	(void)state;
	mariadb_put_error(&b, 0, MARIADB_TOO_MANY, NULL, "no slot");
	assert_int_equal(b.len, 14);
	assert_memory_equal(b.s, "\x0a\0\0\0\xff\x10\x04no slot", 14);
	buf_clear(&b);
	mariadb_put_error(&b, 2, MARIADB_DENIED, "28000", "no");
	assert_int_equal(b.len, 15);
	assert_memory_equal(b.s, "\x0b\0\0\2\xff\x15\x04#28000no", 15);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_form_at_every_split),
	    cmocka_unit_test(another_database),
	    cmocka_unit_test(a_packet_that_ends_before_the_database),
	    cmocka_unit_test(tls_without_an_offer),
	    cmocka_unit_test(what_no_server_takes),
	    cmocka_unit_test(commands),
	    cmocka_unit_test(change_user),
	    cmocka_unit_test(another_user),
	    cmocka_unit_test(other_commands_are_not_gathered),
	    cmocka_unit_test(a_name_too_long),
	    cmocka_unit_test(greetings),
	    cmocka_unit_test(no_greetings),
	    cmocka_unit_test(refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
