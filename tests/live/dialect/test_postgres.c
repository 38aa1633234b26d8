/* SPDX-License-Identifier: MIT */
/* needs-packages: postgresql */
#include "live/dialect/server.h"

static struct server server;
static char user[] = "app";
static char password[] = "first 'pw\\";
static char database[] = "postgres";
static char loopback[] = "127.0.0.1";

static void start(unsigned pause_ms, const char *listen)
{
	auto_free char *postgres =
	    program("/usr/lib/postgresql/*/bin/postgres");
	auto_strvec struct strvec argv = STRVEC_INIT;

	strvec_push(&argv, postgres);
	strvec_push(&argv, "-D");
	strvec_pushf(&argv, "%s/data", server.dir);
	strvec_push(&argv, "-k");
	strvec_push(&argv, server.dir);
	strvec_pushf(&argv, "-p%u", server.port);
	strvec_push(&argv, "-cfsync=off");
	strvec_pushf(&argv, "-clisten_addresses=%s", listen);
	server.pid = spawn(&server, argv.v, pause_ms, SIGQUIT);
}

static struct db_address tcp(void)
{
	return (struct db_address){.dialect = DIALECT_POSTGRES,
				   .host = loopback,
				   .port = server.port,
				   .user = user,
				   .password = password,
				   .database = database};
}

static struct db_address unix_socket(char **ret_socket)
{
	*ret_socket = xasprintf("%s/.s.PGSQL.%u", server.dir, server.port);
	return (struct db_address){.dialect = DIALECT_POSTGRES,
				   .socket_dir = server.dir,
				   .socket = *ret_socket,
				   .user = user,
				   .password = password,
				   .database = database};
}

static struct db *open_db(void)
{
	struct deadline d = within(30000);
	auto_error struct error err = ERROR_INIT;
	struct db_address a = tcp();
	struct db *db = NULL;

	if (!server.pid)
		start(0, "127.0.0.1");
	ok(db_wait_ready(&a, NULL, &d, &db, &err), &err);
	return db;
}

static int set_up(void **state)
{
	auto_free char *initdb = program("/usr/lib/postgresql/*/bin/initdb");
	auto_free char *data = NULL;
	auto_free char *pwfile = NULL;
	auto_free char *pw_option = NULL;

	(void)state;
	server_dir(&server);
	data = fs_join(server.dir, "data");
	pwfile = fs_join(server.dir, "pw");
	pw_option = xasprintf("--pwfile=%s", pwfile);
	assert_int_equal(
	    fs_write_file(pwfile, password, strlen(password), 0644, NULL), 0);
	{
		char *argv[] = {initdb,
				(char[]){"-D"},
				data,
				(char[]){"-Uapp"},
				pw_option,
				(char[]){"-Ascram-sha-256"},
				(char[]){"--no-sync"},
				(char[]){"--no-locale"},
				(char[]){"--encoding=UTF8"},
				NULL};

		run_to_end(&server, argv);
	}
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	server_remove(&server);
	return 0;
}

static void nobody_there(void **state)
{
	auto_error struct error err = ERROR_INIT;
	struct deadline d = within(30000);
	struct db_address a = tcp();
	auto_free char *socket = NULL;
	auto_free char *text = NULL;
	struct db *db = NULL;

	(void)state;
	text = xasprintf("cannot connect to '127.0.0.1:%u': Connection refused",
			 server.port);
	expect_error(db_connect(&a, &d, &db, &err), &err, ERROR_DATABASE, text);
	free(text);
	text = xasprintf("postgres at '127.0.0.1:%u': no answer to a query "
			 "within 1 s: Connection refused",
			 server.port);
	d = within(ROUNDED_1_S);
	expect_error(db_wait_ready(&a, NULL, &d, &db, &err), &err,
		     ERROR_TIMEOUT, text);
	a = unix_socket(&socket);
	free(text);
	text = xasprintf("cannot connect to '%s': No such file or directory",
			 socket);
	expect_error(db_connect(&a, &d, &db, &err), &err, ERROR_DATABASE, text);
	assert_null(db);
}

/* A port that is accepted by a proxy with nobody behind it. */
static void accepts_and_says_nothing(void **state)
{
	struct sockaddr_in sa = {.sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(sa);
	auto_close int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	auto_error struct error err = ERROR_INIT;
	auto_free char *text = NULL;
	struct deadline d;
	struct db_address a = tcp();

	(void)state;
	bind(fd, (struct sockaddr *)&sa, len);
	listen(fd, 5);
	getsockname(fd, (struct sockaddr *)&sa, &len);
	a.port = ntohs(sa.sin_port);
	text = xasprintf("postgres at '127.0.0.1:%u': no answer to a query "
			 "within 1 s: connections are neither refused "
			 "nor answered",
			 a.port);
	d = within(ROUNDED_1_S);
	expect_error(db_wait_ready(&a, NULL, &d, NULL, &err), &err,
		     ERROR_TIMEOUT, text);
}

static int is_dead(void *ctx, struct error *err)
{
	if (++*(int *)ctx < 3)
		return 0;
	return error_set(err, ERROR_SERVER, "it died");
}

static void dead_while_waiting(void **state)
{
	auto_error struct error err = ERROR_INIT;
	struct deadline d = within(30000);
	struct db_address a = tcp();
	int asked = 0;
	struct db_wait w = {.dead = is_dead, .ctx = &asked};

	(void)state;
	expect_error(db_wait_ready(&a, &w, &d, NULL, &err), &err, ERROR_SERVER,
		     "it died");
	assert_int_equal(asked, 3);
}

static void cancelled_while_waiting(void **state)
{
	auto_error struct error err = ERROR_INIT;
	struct cancel *c = cancel_new(NULL);
	struct deadline d = deadline_in(30000, c);
	struct db_address a = tcp();
	struct meanwhile m = {.ms = 50, .cancel = c};

	(void)state;
	meanwhile_start(&m);
	expect_error(db_wait_ready(&a, NULL, &d, NULL, &err), &err,
		     ERROR_CANCELLED, "wait: interrupted by SIGINT");
	meanwhile_end(&m);
	cancel_free(c);
}

static void starts_late(void **state)
{
	auto_error struct error err = ERROR_INIT;
	struct deadline d = within(30000);
	auto_free char *socket = NULL;
	struct db_address a = unix_socket(&socket);
	struct db_wait w = {.watch_dir = server.dir};
	auto_db struct db *db = NULL;

	(void)state;
	start(300, "127.0.0.1");
	ok(db_wait_ready(&a, &w, &d, &db, &err), &err);
	gives(db, "SELECT 'a' || 1", "a1");
	gives(db, "SELECT NULL", NULL);
	gives(db, "SELECT 1 WHERE false", NULL);
	gives(db, "SELECT 1; SELECT 2", "1");
	gives(db, "SHOW client_encoding", "UTF8");
	db_close(db);
	db = open_db();
}

/* As the official image's first server: over the socket it answers, but is not
 * the one to wait for. */
static void temporary_server(void **state)
{
	auto_error struct error err = ERROR_INIT;
	struct deadline d = within(30000);
	auto_free char *socket = NULL;
	auto_free char *text = NULL;
	struct db_address a = unix_socket(&socket);
	auto_db struct db *db = NULL;

	(void)state;
	server_stop(&server, SIGINT);
	start(0, "");
	while (db_connect(&a, &d, &db, &err) < 0)
		ok(deadline_poll(&d, NULL, 0, 10, "start", &err), &err);
	error_clear(&err);
	text = xasprintf("postgres at '%s': no answer to a query within 2 s: "
			 "its first start is not over (it listens on no "
			 "address yet)",
			 socket);
	d = within(ROUNDED_2_S);
	expect_error(db_wait_ready(&a, NULL, &d, NULL, &err), &err,
		     ERROR_TIMEOUT, text);
	server_stop(&server, SIGQUIT);
	start(0, "127.0.0.1");
	d = within(30000);
	ok(db_wait_ready(&a, NULL, &d, NULL, &err), &err);
}

static void wrong_password(void **state)
{
	auto_error struct error err = ERROR_INIT;
	struct deadline d = within(30000);
	struct db_address a = tcp();
	char wrong[] = "wrong";
	struct db *db = NULL;
	auto_free char *text = xasprintf(
	    "cannot connect to '127.0.0.1:%u': password authentication failed "
	    "for user \"app\"",
	    server.port);

	(void)state;
	db = open_db();
	db_close(db);
	a.password = wrong;
	expect_error(db_connect(&a, &d, &db, &err), &err, ERROR_DATABASE, text);
}

static void environment_is_ignored(void **state)
{
	static const char *const traps[][2] = {
	    {"PGSERVICE", "nowhere"},
	    {"PGHOSTADDR", "192.0.2.1"},
	    {"PGPASSFILE", "/dev/zero"},
	    {"PGSSLMODE", "verify-full"},
	    {"PGOPTIONS", "-c nonsense=1"},
	    {"PGTZ", "Nowhere/Land"},
	    {"PGREQUIREPEER", "nobody2"},
	    {"PGCLIENTENCODING", "LATIN1"},
	    {"PGTARGETSESSIONATTRS", "standby"},
	    {"PGUSER", "other"},
	    {"PGDATABASE", "other"},
	};
	auto_db struct db *db = NULL;

	(void)state;
	for (size_t i = 0; i < array_len(traps); i++)
		setenv(traps[i][0], traps[i][1], 1);
	db_global_init();
	db = open_db();
	gives(db, "SHOW client_encoding", "UTF8");
	for (size_t i = 0; i < array_len(traps); i++)
		unsetenv(traps[i][0]);
}

static void query_errors(void **state)
{
	auto_error struct error err = ERROR_INIT;
	struct deadline d = within(30000);
	auto_db struct db *db = open_db();
	char *value = NULL;

	(void)state;
	expect_error(db_exec(db, "SELECT 1; SELEC 2", &d, &err), &err,
		     ERROR_DATABASE, "syntax error at or near \"SELEC\"");
	expect_error(db_value(db, "SELECT * FROM nowhere", &d, &value, &err),
		     &err, ERROR_DATABASE,
		     "relation \"nowhere\" does not exist");
	ok(db_exec(db, "CREATE TEMP TABLE c (a int)", &d, &err), &err);
	expect_error(db_exec(db, "COPY c FROM stdin", &d, &err), &err,
		     ERROR_DATABASE,
		     "COPY from stdin failed: no rows follow the statement");
	ok(db_exec(db, "COPY (SELECT generate_series(1, 100000)) TO stdout", &d,
		   &err),
	   &err);
	gives(db, "SELECT 3", "3");
}

static void quoting(void **state)
{
	static const char *const values[] = {"plain", "it's", "back\\slash",
					     "\"q\"", "a`b",  "\xc3\xa9;--"};
	auto_db struct db *db = open_db();

	(void)state;
	for (size_t i = 0; i < array_len(values); i++) {
		auto_buf struct buf sql = BUF_INIT;

		buf_puts(&sql, "SELECT a FROM (SELECT");
		db_put_literal(DIALECT_POSTGRES, &sql, values[i]);
		buf_puts(&sql, " AS a) AS ");
		db_put_identifier(DIALECT_POSTGRES, &sql, values[i]);
		gives(db, sql.s, values[i]);
	}
}

/* The server goes on with what its client has given up, and who builds an index
 * concurrently waits for all of that. */
static void end_sleepers(void)
{
	auto_db struct db *db = open_db();

	gives(db,
	      "SELECT count(pg_terminate_backend(pid)) < 9 FROM "
	      "pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'",
	      "t");
}

static void deadline_in_a_query(void **state)
{
	auto_error struct error err = ERROR_INIT;
	struct deadline d = within(100);
	auto_db struct db *db = open_db();

	(void)state;
	expect_error(db_exec(db, "SELECT pg_sleep(30)", &d, &err), &err,
		     ERROR_TIMEOUT, "waiting for postgres: timed out");
	end_sleepers();
}

static void cancelled_in_a_query(void **state)
{
	auto_error struct error err = ERROR_INIT;
	struct cancel *c = cancel_new(NULL);
	struct deadline d = deadline_in(30000, c);
	auto_db struct db *db = open_db();
	struct meanwhile m = {.ms = 50, .cancel = c};

	(void)state;
	meanwhile_start(&m);
	expect_error(db_exec(db, "SELECT pg_sleep(30)", &d, &err), &err,
		     ERROR_CANCELLED,
		     "waiting for postgres: interrupted by SIGINT");
	meanwhile_end(&m);
	cancel_free(c);
	end_sleepers();
}

static void scripts(void **state)
{
	auto_db struct db *db = open_db();

	(void)state;
	run_script(
	    db, "1.sql",
	    "\xef\xbb\xbf-- first\r\n"
	    "CREATE SCHEMA s; SET search_path = s;\n"
	    "CREATE TABLE item (id int PRIMARY KEY, name text);\n"
	    "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $body$\n"
	    "BEGIN NEW.name := 'it''s; ' || NEW.name; RETURN NEW; END\n"
	    "$body$;\n"
	    "CREATE FUNCTION g(x int) RETURNS int LANGUAGE sql BEGIN ATOMIC\n"
	    "  SELECT CASE WHEN x > 1 THEN 1 ELSE 2 END;\n"
	    "  SELECT x + 1;\nEND;\n"
	    "CREATE RULE r AS ON DELETE TO item DO INSTEAD (SELECT 1; SELECT "
	    "2);\n"
	    "COPY item (id, name) FROM stdin;\n1\ta;b\n2\t$$\n\\.\n"
	    "INSERT INTO item VALUES (3, E'\\';\\n');\n"
	    "CREATE TRIGGER t BEFORE INSERT ON item FOR EACH ROW EXECUTE "
	    "FUNCTION f();\n"
	    "INSERT INTO item VALUES (4, 'z') /* last; no semicolon */");
	gives(db, "SELECT string_agg(name, '|' ORDER BY id) FROM s.item",
	      "a;b|$$|';\n|it's; z");
	gives(db, "SELECT s.g(4)", "5");
	gives(db, "SHOW search_path", "s");
	/* the next file does not see the first one's settings */
	run_script(db, "2.sql", "CREATE TABLE other (a int)");
	gives(db, "SELECT to_regclass('public.other')::text", "other");
	run_script(db, "3.sql", "");
	run_script(db, "4.sql",
		   "BEGIN; CREATE TABLE tx (a int); COMMIT;\n-- end\n");
}

static void migrate(struct db *db, const char *name, const char *sql)
{
	struct deadline d = within(30000);
	auto_error struct error err = ERROR_INIT;

	ok(db_run_migration(db, name, sql, strlen(sql), &d, &err), &err);
}

static void migrate_fails(struct db *db, const char *sql, const char *text)
{
	struct deadline d = within(30000);
	auto_error struct error err = ERROR_INIT;

	assert_int_equal(
	    db_run_migration(db, "x.sql", sql, strlen(sql), &d, &err), -1);
	assert_string_equal(error_text(&err), text);
	assert_int_equal(err.kind, ERROR_MIGRATION);
}

static void one_transaction(void **state)
{
	auto_db struct db *db = open_db();

	(void)state;
	migrate_fails(db, "CREATE TABLE half (x int);\nBAD;",
		      "x.sql:2: syntax error at or near \"BAD\"");
	gives(db, "SELECT to_regclass('half')::text", NULL);
	migrate_fails(db,
		      "CREATE TABLE p (id int PRIMARY KEY);\n"
		      "CREATE TABLE c (p int REFERENCES p DEFERRABLE INITIALLY "
		      "DEFERRED);\nINSERT INTO c VALUES (1);",
		      "x.sql: at its end: insert or update on table \"c\" "
		      "violates foreign key constraint \"c_p_fkey\" (Key "
		      "(p)=(1) is not present in table \"p\".)");
	/* SET LOCAL means something */
	migrate(db, "1.sql",
		"CREATE SCHEMA z; SET LOCAL search_path = z; CREATE TABLE w (x "
		"int)");
	gives(db, "SELECT to_regclass('z.w')::text", "z.w");
	/* none of these can be part of a transaction */
	migrate(db, "2.sql",
		"CREATE TABLE big (x int); CREATE INDEX CONCURRENTLY i ON big "
		"(x); VACUUM big;");
	migrate(db, "3.sql",
		"CREATE TABLE once (x int);\n"
		"CREATE PROCEDURE steps() LANGUAGE plpgsql AS $$ BEGIN\n"
		"INSERT INTO once VALUES (1); COMMIT; END $$;\n"
		"CALL steps();");
	gives(db, "SELECT count(*) FROM once", "1");
	migrate(db, "4.sql",
		"CREATE TYPE mood AS ENUM ('sad'); CREATE TABLE m (x mood);");
	migrate(db, "5.sql",
		"ALTER TYPE mood ADD VALUE 'glad'; INSERT INTO m VALUES "
		"('glad');");
	migrate(db, "6.sql",
		"CREATE TABLE q (id int PRIMARY KEY, q int REFERENCES q "
		"DEFERRABLE INITIALLY DEFERRED);\n"
		"INSERT INTO q VALUES (1, 1);\n"
		"ALTER TABLE q ADD z int;\nCREATE DATABASE beside;");
	gives(db, "SELECT count(*) FROM q", "1");
}

static void scripts_that_fail(void **state)
{
	auto_db struct db *db = open_db();
	auto_free char *syntax = script_with(
	    "CREATE TABLE bad (\n\ta int,,\n\tb text\n);\nSELECT 1;\n");
	auto_free char *runtime =
	    script_with("\n  INSERT INTO t5\n  VALUES (1 / 0, 'x');\n");
	auto_free char *copy =
	    script_with("COPY t5 FROM stdin;\n1\ta\nx\tb\n3\tc\n\\.\n");

	(void)state;
	expect_script_error(db, syntax,
			    "db/001.sql:37: syntax error at or near \",\"",
			    "CREATE TABLE bad (\n\ta int,,\n\tb text\n)");
	run_script(db, "drop",
		   "DROP SCHEMA public CASCADE; CREATE SCHEMA public");
	expect_script_error(db, runtime, "db/001.sql:37: division by zero",
			    "INSERT INTO t5\n  VALUES (1 / 0, 'x')");
	run_script(db, "drop",
		   "DROP SCHEMA public CASCADE; CREATE SCHEMA public");
	expect_script_error(
	    db, copy,
	    "db/001.sql:38: invalid input syntax for type integer: \"x\"",
	    "COPY t5 FROM stdin");
	expect_script_error(db, "SELECT 1;\n\nBEGIN;\nSELECT 1;\n",
			    "db/001.sql: a transaction is still open at the "
			    "end of the file",
			    "(null)");
	db_close(db);
	db = open_db();
	expect_script_error(db, "SELECT 1;\nSELECT '\n;\n",
			    "db/001.sql:2: string without an end", "(null)");
	expect_script_error(db, "SELECT 1;\n\\connect other\n",
			    "db/001.sql:2: '\\connect' is a command to psql, "
			    "which is not used here",
			    "(null)");
	expect_script_error(db, "-- \xc3\xa9\nSELECT '\xc3\xa9',\n 1 2;\n",
			    "db/001.sql:3: syntax error at or near \"2\"",
			    "SELECT '\xc3\xa9',\n 1 2");
}

static void long_statement_is_cut(void **state)
{
	auto_db struct db *db = open_db();

	(void)state;
	expect_script_error(
	    db, "SELECT\n1,\n2,\n3,\n4,\n5,\n6,\n7,\n8,\n9,\n10,\n11 12;\n",
	    "db/001.sql:12: syntax error at or near \"12\"",
	    "SELECT\n1,\n2,\n3,\n4,\n5,\n6,\n7,\n8,\n9,\n…");
}

static void big_copy(void **state)
{
	auto_db struct db *db = open_db();
	auto_buf struct buf sql = BUF_INIT;

	(void)state;
	buf_puts(&sql, "CREATE TABLE big (a int, b text);\n"
		       "COPY big FROM stdin;\n");
	for (unsigned i = 0; i < 200000; i++)
		buf_printf(&sql, "%u\tsome text of some length, %u\n", i, i);
	run_script(db, "big.sql", sql.s);
	gives(db, "SELECT count(*) FROM big", "200000");
}

static void passwords(void **state)
{
	static char second[] = "s;e'c\"o\\nd";
	struct deadline d = within(30000);
	auto_error struct error err = ERROR_INIT;
	auto_db struct db *db = open_db();

	(void)state;
	ok(db_set_passwords(db, user, second, NULL, &d, &err), &err);
	gives(db,
	      "SELECT substr(rolpassword, 1, 18) FROM pg_authid WHERE "
	      "rolname = 'app'",
	      "SCRAM-SHA-256$4096");
	db_close(db);
	memcpy(password, second, sizeof(second));
	db = open_db();
	expect_error(db_set_passwords(db, "nobody", "x", NULL, &d, &err), &err,
		     ERROR_DATABASE,
		     "cannot set the password of 'nobody': role \"nobody\" "
		     "does not exist");
}

static void killed_in_a_query(void **state)
{
	auto_error struct error err = ERROR_INIT;
	struct deadline d = within(30000);
	auto_db struct db *db = open_db();
	auto_free char *backend = NULL;
	struct meanwhile m = {.ms = 50};

	(void)state;
	ok(db_value(db, "SELECT pg_backend_pid()", &d, &backend, &err), &err);
	m.pid = (pid_t)strtol(backend, NULL, 10);
	meanwhile_start(&m);
	expect_error(db_exec(db, "SELECT pg_sleep(30)", &d, &err), &err,
		     ERROR_DATABASE,
		     "server closed the connection unexpectedly");
	meanwhile_end(&m);
	assert_int_equal(db_exec(db, "SELECT 1", &d, &err), -1);
	assert_int_equal(err.kind, ERROR_DATABASE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nobody_there),
	    cmocka_unit_test(accepts_and_says_nothing),
	    cmocka_unit_test(dead_while_waiting),
	    cmocka_unit_test(cancelled_while_waiting),
	    cmocka_unit_test(starts_late),
	    cmocka_unit_test(temporary_server),
	    cmocka_unit_test(wrong_password),
	    cmocka_unit_test(environment_is_ignored),
	    cmocka_unit_test(query_errors),
	    cmocka_unit_test(quoting),
	    cmocka_unit_test(deadline_in_a_query),
	    cmocka_unit_test(cancelled_in_a_query),
	    cmocka_unit_test(scripts),
	    cmocka_unit_test(one_transaction),
	    cmocka_unit_test(scripts_that_fail),
	    cmocka_unit_test(long_statement_is_cut),
	    cmocka_unit_test(big_copy),
	    cmocka_unit_test(passwords),
	    cmocka_unit_test(killed_in_a_query),
	};

	db_global_init();
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
