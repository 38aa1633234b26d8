/* SPDX-License-Identifier: MIT */
/* The URLs of existing servers, read. */
#include "unit/cm.h"

#include "base/alloc.h"
#include "base/error.h"
#include "dialect/address.h"

#include <stdlib.h>
#include <string.h>

static void all_parts(void **state)
{
	auto_db_address struct db_address a = {.dialect = DIALECT_POSTGRES};
	auto_error struct error err = ERROR_INIT;
	auto_free char *app = NULL;
	auto_free char *plain = NULL;
	auto_buf struct buf again = BUF_INIT;

	(void)state;
	assert_int_equal(
	    db_url_parse(
		"postgres://us%40er:p%40:w%2Frd@db.example:5433/sh%20op"
		"?sslmode=verify-full&a=b%26c&sslrootcert=/x",
		&a, &err),
	    0);
	assert_int_equal(a.dialect, DIALECT_POSTGRES);
	assert_string_equal(a.user, "us@er");
	assert_string_equal(a.password, "p@:w/rd");
	assert_string_equal(a.host, "db.example");
	assert_int_equal(a.port, 5433);
	assert_string_equal(a.database, "sh op");
	assert_true(db_demands_tls(&a));
	app = db_param(&a, "a");
	assert_string_equal(app, "b&c");
	assert_null(db_param(&a, "ss"));
	plain = db_plain_params(&a);
	assert_string_equal(plain, "a=b%26c");
	db_url(&a, &again);
	assert_string_equal(
	    again.s, "postgresql://us%40er:p%40%3Aw%2Frd@db.example:5433/"
		     "sh%20op?sslmode=verify-full&a=b%26c&sslrootcert=/x");
}

static void few_parts(void **state)
{
	auto_db_address struct db_address a = {.dialect = DIALECT_POSTGRES};
	auto_db_address struct db_address b = {.dialect = DIALECT_POSTGRES};
	auto_db_address struct db_address c = {.dialect = DIALECT_POSTGRES};

	(void)state;
	assert_int_equal(db_url_parse("mysql://root@[::1]", &a, NULL), 0);
	assert_int_equal(a.dialect, DIALECT_MARIADB);
	assert_string_equal(a.host, "::1");
	assert_int_equal(a.port, 3306);
	assert_null(a.password);
	assert_null(a.database);
	assert_false(db_demands_tls(&a));
	assert_int_equal(
	    db_url_parse("postgresql:///x?host=/run/pg&port=5433&b=1", &b,
			 NULL),
	    0);
	assert_int_equal(b.port, 0);
	assert_string_equal(b.socket, "/run/pg/.s.PGSQL.5433");
	assert_string_equal(b.params, "b=1");
	assert_int_equal(
	    db_url_parse("mariadb://u:a@b@localhost/?unix_socket=/run/s", &c,
			 NULL),
	    0);
	assert_string_equal(c.password, "a@b");
	assert_string_equal(c.socket, "/run/s");
	assert_null(c.params);
}

static void is(const char *text, const char *expected)
{
	if (expected)
		assert_string_equal(text, expected);
	else
		assert_null(text);
}

/* As libpq's manual has them, and what drivers of MariaDB say. */
static void parameters(void **state)
{
	static const struct {
		const char *url, *user, *password, *host, *socket, *database,
		    *params;
		uint16_t port;
	} as[] = {
	    {"postgresql://h/x?user=u%40&password=p%26q&application_name=a",
	     "u@", "p&q", "h", NULL, "x", "application_name=a", 5432},
	    {"postgresql://a:b@h:1/x?host=other&port=5433&dbname=y&user=c", "c",
	     "b", "other", NULL, "y", NULL, 5433},
	    {"postgresql:///x?user=u&hostaddr=127.0.0.1", "u", NULL,
	     "127.0.0.1", NULL, "x", NULL, 5432},
	    {"postgresql://u@%2Frun%2Fpg/x", "u", NULL, NULL,
	     "/run/pg/.s.PGSQL.5432", "x", NULL, 0},
	    {"postgresql://u@%2Frun%2Fpg:5433/x?sslmode=prefer", "u", NULL,
	     NULL, "/run/pg/.s.PGSQL.5433", "x", "sslmode=prefer", 0},
	    {"mysql://u:p@%2Frun%2Fs/x", "u", "p", NULL, "/run/s", "x", NULL,
	     0},
	    {"mysql://h/x?user=u&password=p&socket=/run/s&charset=utf8", "u",
	     "p", NULL, "/run/s", "x", "charset=utf8", 0},
	};

	(void)state;
	for (size_t i = 0; i < array_len(as); i++) {
		auto_db_address struct db_address a = {.dialect =
							   DIALECT_POSTGRES};

		assert_int_equal(db_url_parse(as[i].url, &a, NULL), 0);
		is(a.user, as[i].user);
		is(a.password, as[i].password);
		is(a.host, as[i].host);
		is(a.socket, as[i].socket);
		is(a.database, as[i].database);
		is(a.params, as[i].params);
		assert_int_equal(a.port, as[i].port);
	}
}

static void fails(const char *url, const char *text)
{
	struct db_address a;
	auto_error struct error err = ERROR_INIT;

	assert_int_equal(db_url_parse(url, &a, &err), -1);
	assert_int_equal(err.kind, ERROR_CONFIG);
	assert_string_equal(err.text, text);
}

static void unreadable(void **state)
{
	(void)state;
	fails("http://u:secret@h/x",
	      "'http' is not the URL of a server: postgresql://, mysql:// or "
	      "mariadb://");
	fails("postgresql://u:secret%@h",
	      "the server's URL has a password that nobody can read");
	fails("postgresql://u:secret%00x@h",
	      "the server's URL has a password that nobody can read");
	fails("postgresql://u:secret@h:99999",
	      "the server's URL has a port that nobody can read");
	fails("postgresql://u:secret@h:1x",
	      "the server's URL has a port that nobody can read");
	fails("postgresql://u:secret@[::1/x",
	      "the server's URL has a host that nobody can read");
	fails("postgresql://h?user=u&password=secret%",
	      "the server's URL has a parameter that nobody can read");
	fails("postgresql://u@h?host=a,b",
	      "the server's URL names more than one host");
	fails("postgresql://u:secret@a,b/x",
	      "the server's URL names more than one host");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(all_parts),
	    cmocka_unit_test(few_parts),
	    cmocka_unit_test(parameters),
	    cmocka_unit_test(unreadable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
