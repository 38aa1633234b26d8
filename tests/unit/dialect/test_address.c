/* SPDX-License-Identifier: MIT */
#include "dialect/address.h"

#include "base/alloc.h"
#include "base/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char host[] = "127.0.0.1";
static char user[] = "app";
static char password[] = "s3cret";
static char database[] = "shop";
/* every character that means something to some URL, shell or driver */
static char nasty[] = "a:b@c/d?e#f%g&h=i j+k'l\"m\\n[o]\xc3\xa9";
static char nasty_url[] = "a%3Ab%40c%2Fd%3Fe%23f%25g%26h%3Di%20j%2Bk%27l%22m"
			  "%5Cn%5Bo%5D%C3%A9";

static const struct db_address pg = {.dialect = DIALECT_POSTGRES,
				     .host = host,
				     .port = 40001,
				     .user = user,
				     .password = password,
				     .database = database};
static const struct db_address maria = {.dialect = DIALECT_MARIADB,
					.host = host,
					.port = 40002,
					.user = user,
					.password = password,
					.database = database};
static char pg_dir[] = "/run/t e/s";
static char pg_socket[] = "/run/t e/s/.s.PGSQL.5432";
static const struct db_address pg_unix = {.dialect = DIALECT_POSTGRES,
					  .socket_dir = pg_dir,
					  .socket = pg_socket,
					  .user = user,
					  .password = password,
					  .database = database};
static char maria_socket[] = "/run/t/mysqld.sock";
static const struct db_address maria_unix = {.dialect = DIALECT_MARIADB,
					     .socket = maria_socket,
					     .user = user,
					     .password = password,
					     .database = database};
static char path[] = "/tmp/a b/w0.db";
static const struct db_address file = {.dialect = DIALECT_SQLITE, .path = path};

static void expands(const struct db_address *a, const char *text,
		    const char *expected)
{
	const struct db_template_extra extra = {"gw0", "3", "/tmp/s c"};
	auto_error struct error err = ERROR_INIT;
	auto_buf struct buf b = BUF_INIT;

	if (db_expand(a, text, &extra, &b, &err) < 0)
		fail_msg("%s: %s", text, error_text(&err));
	assert_string_equal(b.s, expected);
}

static void names(void **state)
{
	enum dialect d;

	(void)state;
	assert_int_equal(dialect_parse("PG", &d), 0);
	assert_int_equal(d, DIALECT_POSTGRES);
	assert_int_equal(dialect_parse("mysql", &d), 0);
	assert_int_equal(d, DIALECT_MARIADB);
	assert_int_equal(dialect_parse("sqlite3", &d), 0);
	assert_int_equal(d, DIALECT_SQLITE);
	assert_int_equal(dialect_parse("oracle", &d), -1);
	assert_int_equal(dialect_parse("", &d), -1);
	assert_string_equal(dialect_name(DIALECT_MARIADB), "mariadb");
}

static void urls_over_tcp(void **state)
{
	(void)state;
	expands(&pg, "{url}", "postgresql://app:s3cret@127.0.0.1:40001/shop");
	expands(&maria, "{url}", "mysql://app:s3cret@127.0.0.1:40002/shop");
	expands(&maria, "{mariadb_url}",
		"mariadb://app:s3cret@127.0.0.1:40002/shop");
	expands(&pg, "{jdbc_url}",
		"jdbc:postgresql://127.0.0.1:40001/"
		"shop?user=app&password=s3cret");
	expands(&maria, "{jdbc_url}",
		"jdbc:mariadb://127.0.0.1:40002/shop?user=app&password=s3cret");
	expands(&pg, "{go_dsn}",
		"postgresql://app:s3cret@127.0.0.1:40001/"
		"shop?sslmode=disable");
	expands(&maria, "{go_dsn}", "app:s3cret@tcp(127.0.0.1:40002)/shop");
	expands(&pg, "{sqlalchemy_url}",
		"postgresql+psycopg://app:s3cret@127.0.0.1:40001/shop");
	expands(&maria, "{sqlalchemy_url}",
		"mysql+pymysql://app:s3cret@127.0.0.1:40002/shop");
	expands(&pg, "{libpq}",
		"host='127.0.0.1' port='40001' user='app' password='s3cret' "
		"dbname='shop'");
	expands(&maria, "{libpq}", "");
}

static void urls_over_a_socket(void **state)
{
	static char odd[] = "/run/x/.s.PGSQL.6000";
	struct db_address a = pg_unix;

	(void)state;
	expands(&pg_unix, "{url}",
		"postgresql://app:s3cret@/shop?host=%2Frun%2Ft%20e%2Fs");
	expands(&pg_unix, "{go_dsn}",
		"postgresql://app:s3cret@/"
		"shop?host=%2Frun%2Ft%20e%2Fs&sslmode=disable");
	expands(&pg_unix, "{libpq}",
		"host='/run/t e/s' port='5432' user='app' password='s3cret' "
		"dbname='shop'");
	expands(&pg_unix, "{jdbc_url}",
		"jdbc:postgresql://localhost/shop?user=app&password=s3cret&"
		"socketFactory=org.newsclub.net.unix.AFUNIXSocketFactory%24"
		"FactoryArg&socketFactoryArg=%2Frun%2Ft%20e%2Fs%2F.s.PGSQL."
		"5432");
	a.socket = odd;
	a.socket_dir = NULL;
	expands(&a, "{url}",
		"postgresql://app:s3cret@/shop?host=%2Frun%2Fx&port=6000");
	expands(&maria_unix, "{url}",
		"mysql://app:s3cret@localhost/"
		"shop?unix_socket=%2Frun%2Ft%2Fmysqld.sock");
	expands(&maria_unix, "{go_dsn}",
		"app:s3cret@unix(/run/t/mysqld.sock)/shop");
	expands(&maria_unix, "{jdbc_url}",
		"jdbc:mariadb://localhost/shop?user=app&password=s3cret&"
		"localSocket=%2Frun%2Ft%2Fmysqld.sock");
	expands(&maria_unix, "{sqlalchemy_url}",
		"mysql+pymysql://app:s3cret@localhost/"
		"shop?unix_socket=%2Frun%2Ft%2Fmysqld.sock");
	expands(&maria_unix, "[{host}][{port}][{socket}]",
		"[][][/run/t/mysqld.sock]");
}

static void urls_of_a_file(void **state)
{
	(void)state;
	expands(&file, "{url}", "sqlite:////tmp/a%20b/w0.db");
	expands(&file, "{jdbc_url}", "jdbc:sqlite:/tmp/a b/w0.db");
	expands(&file, "{go_dsn}", "file:/tmp/a%20b/w0.db");
	expands(&file, "{sqlalchemy_url}", "sqlite:////tmp/a b/w0.db");
	expands(&file, "{mariadb_url}", "sqlite:////tmp/a%20b/w0.db");
	expands(&file, "{path}|{host}|{port}|{user}|{password}|{database}",
		"/tmp/a b/w0.db|||||");
	expands(&file, "file://{path}?mode=rw",
		"file:///tmp/a%20b/w0.db?mode=rw");
}

static void nasty_characters(void **state)
{
	struct db_address a = pg;
	auto_free char *url = xasprintf("postgresql://%s:%s@127.0.0.1:40001/%s",
					nasty_url, nasty_url, nasty_url);
	auto_free char *own =
	    xasprintf("x://%s@h/%s %s", nasty_url, nasty_url, nasty_url);

	(void)state;
	a.user = a.password = a.database = nasty;
	expands(&a, "{url}", url);
	/* bare values are as they are; behind "://" they are parts of a URL */
	expands(&a, "{password}", nasty);
	expands(&a, "x://{user}@h/{database} {password}", own);
	expands(&a, "{libpq}",
		"host='127.0.0.1' port='40001' "
		"user='a:b@c/d?e#f%g&h=i j+k\\'l\"m\\\\n[o]\xc3\xa9' "
		"password='a:b@c/d?e#f%g&h=i j+k\\'l\"m\\\\n[o]\xc3\xa9' "
		"dbname='a:b@c/d?e#f%g&h=i j+k\\'l\"m\\\\n[o]\xc3\xa9'");
	/* go-sql-driver does not decode what stands before the '@' */
	a = maria;
	a.password = nasty;
	expands(&a, "{go_dsn}",
		"app:a:b@c/d?e#f%g&h=i j+k'l\"m\\n[o]\xc3\xa9@tcp(127.0.0.1:"
		"40002)/shop");
}

static void ipv6_hosts(void **state)
{
	static char six[] = "::1";
	struct db_address a = maria;

	(void)state;
	a.host = six;
	expands(&a, "{url}", "mysql://app:s3cret@[::1]:40002/shop");
	expands(&a, "{go_dsn}", "app:s3cret@tcp([::1]:40002)/shop");
	expands(&a, "{host}", "::1");
	expands(&a, "redis://{host}:1", "redis://[::1]:1");
}

static void templates(void **state)
{
	(void)state;
	expands(&pg, "{worker} {slot} {scratch}", "gw0 3 /tmp/s c");
	expands(&pg, "{{\"h\": \"{host}\"}}", "{\"h\": \"127.0.0.1\"}");
	expands(&pg, "a } b", "a } b");
	expands(&pg, "", "");
}

static void template_errors(void **state)
{
	auto_error struct error err = ERROR_INIT;
	auto_buf struct buf b = BUF_INIT;

	(void)state;
	assert_int_equal(db_expand(&pg, "x {jdbc} y", NULL, &b, &err), -1);
	assert_int_equal(err.kind, ERROR_CONFIG);
	assert_string_equal(
	    err.text,
	    "'{jdbc}' is not something to export; there are {url} {host} "
	    "{port} {user} {password} {database} {socket} {path} {jdbc_url} "
	    "{go_dsn} {sqlalchemy_url} {mariadb_url} {libpq} {worker} {slot} "
	    "{scratch}");
	assert_int_equal(b.len, 0);
	assert_int_equal(db_expand(&pg, "x {url", NULL, &b, &err), -1);
	assert_string_equal(err.text, "'{' without '}' in an export; '{{' is "
				      "a brace");
	assert_int_equal(db_expand(&pg, "{}", NULL, &b, &err), -1);
	assert_int_equal(err.kind, ERROR_CONFIG);
	assert_int_equal(db_expand(&pg, "{{url}", NULL, &b, &err), 0);
	assert_string_equal(b.s, "{url}");
}

static void expect_env(const struct strvec *env, const char *const *expected)
{
	size_t n = 0;

	for (; expected[n]; n++)
		if (!strvec_has(env, expected[n]))
			fail_msg("no %s", expected[n]);
	assert_int_equal(env->n, n);
}

static void variables(void **state)
{
	static const char *const for_pg[] = {
	    "HOME=/root",
	    "DATABASE_URL=postgresql://app:s3cret@127.0.0.1:40001/shop",
	    "PGHOST=127.0.0.1",
	    "PGPORT=40001",
	    "PGUSER=app",
	    "PGPASSWORD=s3cret",
	    "PGDATABASE=shop",
	    NULL};
	static const char *const for_maria[] = {
	    "HOME=/root",
	    "DATABASE_URL=mysql://app:s3cret@localhost/"
	    "shop?unix_socket=%2Frun%2Ft%2Fmysqld.sock",
	    "MYSQL_HOST=localhost",
	    "MYSQL_UNIX_PORT=/run/t/mysqld.sock",
	    "MYSQL_USER=app",
	    "MYSQL_PWD=s3cret",
	    "MYSQL_DATABASE=shop",
	    NULL};
	static const char *const for_file[] = {
	    "HOME=/root", "DATABASE_URL=sqlite:////tmp/a%20b/w0.db", NULL};
	auto_strvec struct strvec env = STRVEC_INIT;

	(void)state;
	strvec_push(&env, "HOME=/root");
	strvec_push(&env, "PGSERVICE=production");
	strvec_push(&env, "PGPASSFILE=/home/me/.pgpass");
	strvec_push(&env, "PGSSLMODE=require");
	strvec_push(&env, "MYSQL_HOST=production");
	strvec_push(&env, "MYSQL_TCP_PORT=1");
	db_variables(&pg, NULL, &env);
	expect_env(&env, for_pg);
	db_variables(&maria_unix, NULL, &env);
	expect_env(&env, for_maria);
	db_variables(&file, NULL, &env);
	expect_env(&env, for_file);
}

static void prefixed_variables(void **state)
{
	static const char *const for_pg[] = {
	    "PGHOST=kept",
	    "DB_URL=postgresql://app:s3cret@127.0.0.1:40001/shop",
	    "DB_HOST=127.0.0.1",
	    "DB_PORT=40001",
	    "DB_USER=app",
	    "DB_PASSWORD=s3cret",
	    "DB_NAME=shop",
	    NULL};
	static const char *const for_file[] = {
	    "PGHOST=kept", "DB_URL=sqlite:////tmp/a%20b/w0.db",
	    "DB_PATH=/tmp/a b/w0.db", NULL};
	auto_strvec struct strvec env = STRVEC_INIT;

	(void)state;
	strvec_push(&env, "PGHOST=kept");
	strvec_push(&env, "DB_SOCKET=/of/another/run");
	db_variables(&pg, "DB", &env);
	expect_env(&env, for_pg);
	db_variables(&file, "DB", &env);
	expect_env(&env, for_file);
}

static void prefixes(void **state)
{
	static const char *const pairs[][2] = {
	    {"db", "DB"}, {"my-db", "MY_DB"}, {"2nd.x", "_2ND_X"}};

	(void)state;
	for (size_t i = 0; i < array_len(pairs); i++) {
		auto_free char *prefix = db_variable_prefix(pairs[i][0]);

		assert_string_equal(prefix, pairs[i][1]);
	}
}

static void copies(void **state)
{
	auto_db_address struct db_address a = {.dialect = DIALECT_SQLITE};

	(void)state;
	db_address_copy(&maria_unix, &a);
	assert_int_equal(a.dialect, DIALECT_MARIADB);
	assert_string_equal(a.socket, maria_socket);
	assert_ptr_not_equal(a.socket, maria_socket);
	assert_null(a.host);
}

static void same_server(void **state)
{
	struct db_address other = pg;
	static const struct db_address none = {.dialect = DIALECT_POSTGRES};

	(void)state;
	other.database = user;
	other.password = NULL;
	assert_true(db_address_same_server(&pg, &other));
	assert_true(db_address_same_server(&pg_unix, &pg_unix));
	other.port++;
	assert_false(db_address_same_server(&pg, &other));
	assert_false(db_address_same_server(&pg, &pg_unix));
	assert_false(db_address_same_server(&pg_unix, &maria_unix));
	assert_false(db_address_same_server(&file, &file));
	assert_false(db_address_same_server(&none, &none));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names),
	    cmocka_unit_test(same_server),
	    cmocka_unit_test(urls_over_tcp),
	    cmocka_unit_test(urls_over_a_socket),
	    cmocka_unit_test(urls_of_a_file),
	    cmocka_unit_test(nasty_characters),
	    cmocka_unit_test(ipv6_hosts),
	    cmocka_unit_test(templates),
	    cmocka_unit_test(template_errors),
	    cmocka_unit_test(variables),
	    cmocka_unit_test(prefixed_variables),
	    cmocka_unit_test(prefixes),
	    cmocka_unit_test(copies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
