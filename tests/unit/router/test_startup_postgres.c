/* SPDX-License-Identifier: MIT */
#include "router/startup_postgres.h"

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

/* A string literal's bytes without the NUL that C adds. */
#define BYTES(s) (s), sizeof(s) - 1

static const char ssl_request[] = "\0\0\0\x08\x04\xd2\x16\x2f";
static const char gss_request[] = "\0\0\0\x08\x04\xd2\x16\x30";
static const char startup[] = "\0\0\0\x39\0\x03\0\0"
			      "user\0ann\0"
			      "database\0shop\0"
			      "application_name\0psql\0"
			      "x\0\0\0";

/* Parsed from a copy of just that size, so that a sanitizer sees a byte read
 * past the end; gives an answer that borrows from `data`. */
static int parse(const char *data, size_t len, struct postgres_startup *ret,
		 struct error *err)
{
	auto_free char *copy = malloc(len ? len : 1);
	struct postgres_startup of_copy;
	int rc;

	memcpy(copy, data, len);
	rc = postgres_startup_parse(copy, len, &of_copy, err);
	if (rc == 0)
		assert_int_equal(postgres_startup_parse(data, len, ret, err),
				 0);
	return rc;
}

static void every_split(const char *data, size_t len,
			enum postgres_startup_kind kind)
{
	auto_error struct error err = ERROR_INIT;
	struct postgres_startup p;

	for (size_t n = 0; n < len; n++) {
		assert_int_equal(parse(data, n, &p, &err), 0);
		assert_int_equal(p.kind, POSTGRES_MORE);
	}
	assert_int_equal(parse(data, len, &p, &err), 0);
	assert_int_equal(p.kind, kind);
	assert_int_equal(p.len, len);
}

static void requests(void **state)
{
	(void)state;
	every_split(BYTES(ssl_request), POSTGRES_SSL_REQUEST);
	every_split(BYTES(gss_request), POSTGRES_GSSENC_REQUEST);
	every_split(BYTES("\0\0\0\x10\x04\xd2\x16\x2e\0\0\1\2abcd"),
		    POSTGRES_CANCEL_REQUEST);
}

static void a_cancel_request_names_its_connection(void **state)
{
	static const char cancel[] = "\0\0\0\x12\x04\xd2\x16\x2e\0\0\1\2abcdef";
	struct postgres_startup p;

	(void)state;
	assert_int_equal(parse(BYTES(cancel), &p, NULL), 0);
	assert_int_equal(p.pid, 258);
	assert_int_equal(p.key_len, 6); /* longer since 3.2 */
	assert_memory_equal(p.key, "abcdef", 6);
}

static void a_startup_message(void **state)
{
	struct postgres_startup p;

	(void)state;
	assert_int_equal(sizeof(startup) - 1, 0x39);
	every_split(BYTES(startup), POSTGRES_STARTUP);
	assert_int_equal(parse(BYTES(startup), &p, NULL), 0);
	assert_string_equal(p.user, "ann");
	assert_string_equal(p.database, "shop");
}

static void what_follows_is_not_its(void **state)
{
	static const char two[] = "\0\0\0\x08\x04\xd2\x16\x2f"
				  "\0\0\0\x12\0\x03\0\0user\0ann\0\0";
	struct postgres_startup p;

	(void)state;
	assert_int_equal(parse(BYTES(two), &p, NULL), 0);
	assert_int_equal(p.kind, POSTGRES_SSL_REQUEST);
	assert_int_equal(p.len, 8);
	assert_int_equal(parse(two + 8, sizeof(two) - 9, &p, NULL), 0);
	assert_int_equal(p.kind, POSTGRES_STARTUP);
	assert_string_equal(p.database, "ann");
}

static void assert_refused(const char *data, size_t len, const char *why)
{
	auto_error struct error err = ERROR_INIT;
	struct postgres_startup p = {.len = 77};

	assert_int_equal(parse(data, len, &p, &err), -1);
	assert_int_equal(err.kind, ERROR_PROTOCOL);
	assert_non_null(strstr(error_text(&err), why));
	assert_int_equal(p.len, 77);
}

static void what_no_server_takes(void **state)
{
	(void)state;
	assert_refused(BYTES("GET / HTTP/1.1\r\n"), "too long");
	assert_refused(BYTES("\0\0\x27\x11"), "too long"); /* 10001 */
	assert_refused(BYTES("\0\0\0\x07"), "too short");
	assert_refused(BYTES("\0\0\0\0"), "too short");
	assert_refused(BYTES("\x16\x03\x01\x02"), "sslnegotiation=direct");
	assert_refused(BYTES("\0\0\0\x08\0\x02\0\0"), "protocol 2.0");
	assert_refused(BYTES("\0\0\0\x08\x04\xd2\x16\x31"), "unknown request");
	assert_refused(BYTES("\0\0\0\x09\x04\xd2\x16\x2f?"), "unknown request");
	assert_refused(BYTES("\0\0\0\x0c\x04\xd2\x16\x2e\0\0\1\2"),
		       "wrong length");
	assert_refused(BYTES("\0\0\0\x08\0\x03\0\0"), "do not end");
	assert_refused(BYTES("\0\0\0\x09\0\x03\0\0\0"), "no user");
	assert_refused(BYTES("\0\0\0\x0c\0\x03\0\0user"), "do not end");
	assert_refused(BYTES("\0\0\0\x0d\0\x03\0\0user\0"), "do not end");
	assert_refused(BYTES("\0\0\0\x10\0\x03\0\0user\0ann"), "do not end");
	assert_refused(BYTES("\0\0\0\x11\0\x03\0\0user\0ann\0"), "do not end");
	assert_refused(BYTES("\0\0\0\x13\0\x03\0\0user\0ann\0\0x"),
		       "do not end");
	assert_refused(BYTES("\0\0\0\x0f\0\x03\0\0user\0\0\0"), "no user");
}

static void rewrite(const char *data, size_t len, const char *database,
		    struct buf *ret)
{
	struct postgres_startup p;

	assert_int_equal(parse(data, len, &p, NULL), 0);
	assert_int_equal(
	    postgres_startup_rewrite(data, &p, database, ret, NULL), 0);
}

static void another_database(void **state)
{
	auto_buf struct buf b = BUF_INIT;

	(void)state;
	rewrite(BYTES(startup), "t_12", &b);
	assert_int_equal(b.len, sizeof(startup) - 1);
	assert_memory_equal(b.s,
			    "\0\0\0\x39\0\x03\0\0"
			    "user\0ann\0"
			    "application_name\0psql\0"
			    "x\0\0"
			    "database\0t_12\0",
			    b.len);
}

static void a_database_where_none_was_named(void **state)
{
	struct postgres_startup p;
	auto_buf struct buf b = BUF_INIT;

	(void)state;
	rewrite(BYTES("\0\0\0\x12\0\x03\0\2user\0ann\0\0"), "a\"b'c d", &b);
	assert_int_equal(postgres_startup_parse(b.s, b.len, &p, NULL), 0);
	assert_int_equal(p.len, b.len);
	assert_string_equal(p.user, "ann");
	assert_string_equal(p.database, "a\"b'c d");
	assert_int_equal(b.s[7], 2); /* the protocol's minor version stays */
}

static void the_last_of_two_counts_and_both_go(void **state)
{
	static const char twice[] = "\0\0\0\x26\0\x03\0\0"
				    "database\0a\0user\0u\0database\0b\0\0";
	struct postgres_startup p;
	auto_buf struct buf b = BUF_INIT;

	(void)state;
	assert_int_equal(parse(BYTES(twice), &p, NULL), 0);
	assert_int_equal(p.kind, POSTGRES_STARTUP);
	assert_string_equal(p.database, "b");
	rewrite(BYTES(twice), "c", &b);
	assert_int_equal(b.len, 8 + 7 + 11 + 1);
}

static void a_packet_that_would_grow_too_long(void **state)
{
	auto_error struct error err = ERROR_INIT;
	auto_buf struct buf in = BUF_INIT;
	auto_buf struct buf out = BUF_INIT;
	struct postgres_startup p;

	(void)state;
	buf_put(&in, "\0\0\x27\x10\0\x03\0\0user\0", 13);
	while (in.len < POSTGRES_STARTUP_MAX - 2)
		buf_putc(&in, 'u');
	buf_put(&in, "\0", 2);
	assert_int_equal(parse(in.s, in.len, &p, &err), 0);
	assert_int_equal(p.kind, POSTGRES_STARTUP);
	assert_int_equal(postgres_startup_rewrite(in.s, &p, "db", &out, &err),
			 -1);
	assert_int_equal(err.kind, ERROR_PROTOCOL);
	assert_int_equal(out.len, 0);
}

static void a_refusal(void **state)
{
	static const char want[] = "E\0\0\0\x2eSFATAL\0VFATAL\0C53300\0"
				   "Mno slot free\0Hwait\0";
	auto_buf struct buf b = BUF_INIT;

	(void)state;
	postgres_put_error(&b, "53300", "no slot free", "wait");
	assert_int_equal(b.len, 1 + 0x2e);
	assert_memory_equal(b.s, want, b.len);
	buf_clear(&b);
	postgres_put_error(&b, "28000", "no", NULL);
	assert_int_equal(b.s[4], b.len - 1);
	assert_int_equal(b.s[b.len - 1], 0);
	assert_int_equal(b.s[b.len - 2], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(requests),
	    cmocka_unit_test(a_cancel_request_names_its_connection),
	    cmocka_unit_test(a_startup_message),
	    cmocka_unit_test(what_follows_is_not_its),
	    cmocka_unit_test(what_no_server_takes),
	    cmocka_unit_test(another_database),
	    cmocka_unit_test(a_database_where_none_was_named),
	    cmocka_unit_test(the_last_of_two_counts_and_both_go),
	    cmocka_unit_test(a_packet_that_would_grow_too_long),
	    cmocka_unit_test(a_refusal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
