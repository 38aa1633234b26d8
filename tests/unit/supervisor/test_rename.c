/* SPDX-License-Identifier: MIT */
#include "supervisor/rename.h"

#include "base/alloc.h"
#include "base/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* "\3" and the text, as a packet. */
static void put_statement(struct buf *b, const char *sql)
{
	buf_putc(b, (char)(strlen(sql) + 1));
	buf_put(b, "\0\0\0\3", 4);
	buf_puts(b, sql);
}

/* What is sent of it, given in pieces of so many bytes. */
static void sent(const char *from, const struct buf *in, size_t piece,
		 struct buf *ret)
{
	struct rename r;

	rename_init(&r, from, "shop_7");
	buf_clear(ret);
	for (size_t at = 0; at < in->len; at += piece) {
		size_t left = in->len - at;

		assert_int_equal(rename_commands(&r, in->s + at,
						 left < piece ? left : piece,
						 ret),
				 0);
	}
	rename_free(&r);
}

static void assert_sent(const char *from, const char *sql, const char *want)
{
	auto_buf struct buf in = BUF_INIT;
	auto_buf struct buf out = BUF_INIT;
	auto_buf struct buf expected = BUF_INIT;

	put_statement(&in, sql);
	put_statement(&in, "SELECT 1");
	put_statement(&expected, want);
	put_statement(&expected, "SELECT 1");
	for (size_t piece = 1; piece <= in.len; piece++) {
		sent(from, &in, piece, &out);
		assert_int_equal(out.len, expected.len);
		assert_memory_equal(out.s, expected.s, out.len);
	}
}

static void use_as_a_statement(void **state)
{
	static const char *const ours[] = {
	    "USE shop",
	    "use `shop`",
	    "Use`shop`;",
	    "\n use\t shop ; \n",
	};
	static const char *const others[] = {
	    "USE shop_8",  "USE shop; SELECT 2", "USE",  "USE ",
	    "use",         "USE Shop",           "us",   "USEshop",
	    "USE `shop`x", "SELECT 'USE shop'",  "USE;", "USE /* */ shop",
	};

	(void)state;
	for (size_t i = 0; i < array_len(ours); i++)
		assert_sent("shop", ours[i], "USE `shop_7`");
	for (size_t i = 0; i < array_len(others); i++)
		assert_sent("shop", others[i], others[i]);
	assert_sent("a`b", "use `a``b`", "USE `shop_7`");
}

/* In the middle of a statement longer than can be looked at. */
static void a_long_statement(void **state)
{
	auto_buf struct buf in = BUF_INIT;
	auto_buf struct buf out = BUF_INIT;

	(void)state;
	buf_put(&in, "\x01\x04\0\0\3", 5);
	for (int i = 0; i < 64; i++)
		buf_puts(&in, "SELECT 123456789");
	for (size_t piece = 1; piece < 600; piece += 13) {
		sent("shop", &in, piece, &out);
		assert_int_equal(out.len, in.len);
		assert_memory_equal(out.s, in.s, in.len);
	}
}

/* user "ann", and what `database` says */
static void startup(struct buf *b, const char *database)
{
	static const char user[] = "user\0ann";
	size_t len = 8 + sizeof(user) + 1;

	if (database)
		len += sizeof("database") + strlen(database) + 1;
	buf_put(b, "\0\0\0", 3);
	buf_putc(b, (char)len);
	buf_put(b, "\0\3\0\0", 4);
	buf_put(b, user, sizeof(user));
	if (database) {
		buf_put(b, "database", sizeof("database"));
		buf_put(b, database, strlen(database) + 1);
	}
	buf_putc(b, '\0');
}

static int begin_with(const char *database, struct buf *server,
		      struct error *err)
{
	auto_buf struct buf b = BUF_INIT;
	auto_buf struct buf client = BUF_INIT;
	struct rename r;
	int done;

	startup(&b, database);
	rename_init(&r, "shop", "shop_7");
	done = rename_postgres(&r, b.s, b.len, server, &client, err);
	rename_free(&r);
	return done;
}

static void which_database(void **state)
{
	static const char *const own[] = {NULL, "ann", "shop", "postgres",
					  "template1"};
	static const char *const others[] = {"shop_7", "shop_8", "Shop",
					     "testenv_original"};
	auto_buf struct buf want = BUF_INIT;

	(void)state;
	startup(&want, "shop_7");
	for (size_t i = 0; i < array_len(own); i++) {
		auto_buf struct buf server = BUF_INIT;

		assert_int_equal(begin_with(own[i], &server, NULL), 1);
		assert_int_equal(server.len, want.len);
		assert_memory_equal(server.s, want.s, want.len);
	}
	for (size_t i = 0; i < array_len(others); i++) {
		auto_buf struct buf server = BUF_INIT;
		auto_error struct error err = ERROR_INIT;
		auto_free char *text =
		    xasprintf("database '%s' cannot be reached: isolation "
			      "'database' gives each owner one, 'shop'",
			      others[i]);

		assert_int_equal(begin_with(others[i], &server, &err), -1);
		assert_int_equal(err.kind, ERROR_REFUSED);
		assert_string_equal(err.text, text);
		assert_int_equal(server.len, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(use_as_a_statement),
	    cmocka_unit_test(a_long_statement),
	    cmocka_unit_test(which_database),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
