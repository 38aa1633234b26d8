/* SPDX-License-Identifier: MIT */
/* needs-packages: mariadb-server */
#include "live/dialect/server.h"

static struct server server;
static char root[] = "root";
static char user[] = "app";
static char password[64] = "fi'r\"st\\";
static char database[] = "app";
static char loopback[] = "127.0.0.1";
static char *socket_path;

static void start(unsigned pause_ms, const char *extra)
{
	auto_free char *mariadbd = program("/usr/sbin/mariadbd");
	auto_strvec struct strvec argv = STRVEC_INIT;

	strvec_push(&argv, mariadbd);
	strvec_push(&argv, "--no-defaults");
	strvec_pushf(&argv, "--datadir=%s/data", server.dir);
	/* where a server starts, it removes others' temporary tables */
	strvec_pushf(&argv, "--tmpdir=%s", server.dir);
	strvec_pushf(&argv, "--pid-file=%s/pid", server.dir);
	strvec_pushf(&argv, "--socket=%s", socket_path);
	strvec_pushf(&argv, "--port=%u", server.port);
	strvec_push(&argv, "--bind-address=127.0.0.1");
	strvec_push(&argv, "--skip-name-resolve");
	strvec_push(&argv, "--innodb-flush-log-at-trx-commit=0");
	strvec_push(&argv, "--innodb-log-file-size=8M");
	strvec_push(&argv, "--innodb-buffer-pool-size=16M");
	if (extra)
		strvec_push(&argv, extra);
	server.pid = spawn(&server, argv.v, pause_ms, SIGKILL);
}

static struct db_address tcp(void)
{
	return (struct db_address){.dialect = DIALECT_MARIADB,
				   .host = loopback,
				   .port = server.port,
				   .user = user,
				   .password = password,
				   .database = database};
}

static struct db_address by_root(void)
{
	return (struct db_address){
	    .dialect = DIALECT_MARIADB, .socket = socket_path, .user = root};
}

static struct db *open_db(void)
{
	struct deadline d = within(30000);
	auto_error struct error err = ERROR_INIT;
	struct db_address a = tcp();
	struct db *db = NULL;

	ok(db_wait_ready(&a, NULL, &d, &db, &err), &err);
	return db;
}

static int set_up(void **state)
{
	auto_free char *install = program("/usr/bin/mariadb-install-db");
	auto_free char *data = NULL;
	auto_free char *tmp = NULL;

	(void)state;
	server_dir(&server);
	socket_path = fs_join(server.dir, "s.sock");
	data = xasprintf("--datadir=%s/data", server.dir);
	tmp = xasprintf("--tmpdir=%s", server.dir);
	{
		char *argv[] = {
		    install,
		    (char[]){"--no-defaults"},
		    data,
		    (char[]){"--auth-root-authentication-method=normal"},
		    (char[]){"--skip-test-db"},
		    tmp,
		    NULL};

		run_to_end(&server, argv);
	}
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	server_stop(&server, SIGKILL);
	server_remove(&server);
	free(socket_path);
	return 0;
}

static void nobody_there(void **state)
{
	auto_error struct error err = ERROR_INIT;
	struct deadline d = within(30000);
	struct db_address a = tcp();
	auto_free char *text = NULL;
	struct db *db = NULL;

	(void)state;
	text = xasprintf("cannot connect to '127.0.0.1:%u': Can't connect to "
			 "server on '127.0.0.1' (Connection refused)",
			 server.port);
	expect_error(db_connect(&a, &d, &db, &err), &err, ERROR_DATABASE, text);
	free(text);
	d = within(ROUNDED_1_S);
	text = xasprintf("mariadb at '%s': no answer to a query within 1 s: "
			 "Can't connect to local server through socket '%s' "
			 "(No such file or directory)",
			 socket_path, socket_path);
	a = by_root();
	expect_error(db_wait_ready(&a, NULL, &d, &db, &err), &err,
		     ERROR_TIMEOUT, text);
	assert_null(db);
}

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
	text = xasprintf("mariadb at '127.0.0.1:%u': no answer to a query "
			 "within 1 s: connections are neither refused nor "
			 "answered",
			 a.port);
	d = within(ROUNDED_1_S);
	expect_error(db_wait_ready(&a, NULL, &d, NULL, &err), &err,
		     ERROR_TIMEOUT, text);
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

/* As the official image's first server: it answers over the socket, but is not
 * the one to wait for. */
static void temporary_server(void **state)
{
	auto_error struct error err = ERROR_INIT;
	struct deadline d = within(30000);
	auto_free char *text = NULL;
	struct db_address a = by_root();
	auto_db struct db *db = NULL;

	(void)state;
	start(0, "--skip-networking");
	while (db_connect(&a, &d, &db, &err) < 0)
		ok(deadline_poll(&d, NULL, 0, 10, "start", &err), &err);
	error_clear(&err);
	text = xasprintf("mariadb at '%s': no answer to a query within 2 s: "
			 "its first start is not over (it runs without "
			 "networking yet)",
			 socket_path);
	d = within(ROUNDED_2_S);
	expect_error(db_wait_ready(&a, NULL, &d, NULL, &err), &err,
		     ERROR_TIMEOUT, text);
	server_stop(&server, SIGTERM);
}

static void starts_late(void **state)
{
	auto_error struct error err = ERROR_INIT;
	struct deadline d = within(30000);
	struct db_address a = by_root();
	struct db_wait w = {.watch_dir = server.dir};
	auto_db struct db *db = NULL;
	auto_buf struct buf sql = BUF_INIT;

	(void)state;
	start(300, NULL);
	ok(db_wait_ready(&a, &w, &d, &db, &err), &err);
	gives(db, "SELECT CONCAT('a', 1)", "a1");
	gives(db, "SELECT NULL", NULL);
	gives(db, "SELECT 1 FROM DUAL WHERE false", NULL);
	gives(db, "SELECT 1; SELECT 2", "1");
	gives(db, "SELECT @@character_set_client", "utf8mb4");
	buf_puts(&sql, "CREATE DATABASE app; CREATE USER app@'%' IDENTIFIED "
		       "BY ");
	db_put_literal(DIALECT_MARIADB, &sql, password);
	buf_puts(&sql, "; GRANT ALL ON *.* TO app@'%'");
	ok(db_exec(db, sql.s, &d, &err), &err);
	db_close(db);
	db = open_db();
	gives(db, "SELECT DATABASE()", "app");
}

static void wrong_password(void **state)
{
	auto_error struct error err = ERROR_INIT;
	struct deadline d = within(30000);
	struct db_address a = tcp();
	char wrong[] = "wrong";
	struct db *db = NULL;
	auto_free char *text =
	    xasprintf("cannot connect to '127.0.0.1:%u': Access denied for "
		      "user 'app'@'127.0.0.1' (using password: YES)",
		      server.port);

	(void)state;
	a.password = wrong;
	expect_error(db_connect(&a, &d, &db, &err), &err, ERROR_DATABASE, text);
}

static void query_errors(void **state)
{
	auto_error struct error err = ERROR_INIT;
	struct deadline d = within(30000);
	auto_db struct db *db = open_db();
	char *value = NULL;

	(void)state;
	expect_error(db_exec(db, "SELECT 1; SELECT * FROM nowhere", &d, &err),
		     &err, ERROR_DATABASE, "Table 'app.nowhere' doesn't exist");
	expect_error(db_value(db, "SELEC 1", &d, &value, &err), &err,
		     ERROR_DATABASE,
		     "You have an error in your SQL syntax; check the manual "
		     "that corresponds to your MariaDB server version for the "
		     "right syntax to use near 'SELEC 1' at line 1");
	ok(db_exec(db, "SELECT * FROM seq_1_to_200000", &d, &err), &err);
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

		buf_puts(&sql, "SELECT a FROM (SELECT ");
		db_put_literal(DIALECT_MARIADB, &sql, values[i]);
		buf_puts(&sql, " AS a) AS ");
		db_put_identifier(DIALECT_MARIADB, &sql, values[i]);
		gives(db, sql.s, values[i]);
	}
}

static void deadline_in_a_query(void **state)
{
	auto_error struct error err = ERROR_INIT;
	struct deadline d = within(100);
	auto_db struct db *db = open_db();

	(void)state;
	expect_error(db_exec(db, "SELECT SLEEP(30)", &d, &err), &err,
		     ERROR_TIMEOUT, "waiting for mariadb: timed out");
	db_close(db);
	db = open_db();
	d = within(100);
	/* in the middle of the rows */
	expect_error(db_exec(db, "SELECT seq, SLEEP(0.01) FROM seq_1_to_20000",
			     &d, &err),
		     &err, ERROR_TIMEOUT, "waiting for mariadb: timed out");
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
	expect_error(db_exec(db, "SELECT SLEEP(30)", &d, &err), &err,
		     ERROR_CANCELLED,
		     "waiting for mariadb: interrupted by SIGINT");
	meanwhile_end(&m);
	cancel_free(c);
}

static void scripts(void **state)
{
	auto_db struct db *db = open_db();

	(void)state;
	run_script(
	    db, "1.sql",
	    "# first; comment\r\n"
	    "-- second; comment\n"
	    "/*!40101 SET NAMES utf8 */;\n"
	    "SET @x = 5--1;\n"
	    "CREATE TABLE item (id int PRIMARY KEY, name varchar(40));\n"
	    "DELIMITER $$\n"
	    "CREATE TRIGGER t BEFORE INSERT ON item FOR EACH ROW\n"
	    "BEGIN\n  SET NEW.name = CONCAT('it\\'s; ', NEW.name);\nEND$$\n"
	    "CREATE PROCEDURE p() BEGIN SELECT 1; SELECT 2; END$$\n"
	    "delimiter ;\n"
	    "/*!50003 CREATE*/ /*!50003 FUNCTION f() RETURNS int RETURN 7 "
	    "*/;\n"
	    "INSERT INTO item VALUES (1, \"a;b\"), (@x, 'c''d');\n"
	    "CALL p();\n"
	    "SET sql_mode = 'ANSI_QUOTES'; CREATE DATABASE other; USE other;\n"
	    "CREATE TABLE here (a int) # last; no semicolon");
	run_script(db, "2.sql", "CREATE TABLE mine (a int);;\n;");
	gives(db,
	      "SELECT GROUP_CONCAT(name ORDER BY id SEPARATOR '|') FROM "
	      "app.item",
	      "it's; a;b|it's; c'd");
	gives(db, "SELECT f()", "7");
	gives(db, "SELECT DATABASE()", "app");
	gives(db,
	      "SELECT COUNT(*) FROM information_schema.tables WHERE "
	      "(table_schema, table_name) IN (('other', 'here'), "
	      "('app', 'mine'))",
	      "2");
	gives(db, "SELECT @@sql_mode LIKE '%ANSI_QUOTES%'", "0");
	run_script(db, "3.sql", "");
}

static void scripts_that_fail(void **state)
{
	auto_db struct db *db = open_db();
	auto_free char *syntax = script_with(
	    "CREATE TABLE bad (\n\ta int,,\n\tb text\n);\nSELECT 1;\n");
	auto_free char *runtime =
	    script_with("\n  INSERT INTO t5\n  VALUES ('nan', 'x');\n");

	(void)state;
	run_script(db, "new", "CREATE DATABASE f1; CREATE DATABASE f2");
	run_script(db, "x", "");
	{
		auto_free char *sql = xasprintf("USE f1;%s", syntax);

		expect_script_error(
		    db, sql,
		    "db/001.sql:37: You have an error in your SQL syntax; "
		    "check the manual that corresponds to your MariaDB server "
		    "version for the right syntax to use near '  b text )'",
		    "CREATE TABLE bad (\n\ta int,,\n\tb text\n)");
	}
	{
		auto_free char *sql = xasprintf("USE f2;%s", runtime);

		expect_script_error(
		    db, sql,
		    "db/001.sql:37: Incorrect integer value: 'nan' for column "
		    "`f2`.`t5`.`a` at row 1",
		    "INSERT INTO t5\n  VALUES ('nan', 'x')");
	}
	expect_script_error(db,
			    "CREATE TABLE tx (a int);\nBEGIN;\nINSERT INTO "
			    "tx VALUES (1);\n",
			    "db/001.sql: a transaction is still open at the "
			    "end of the file",
			    "(null)");
	db_close(db);
	db = open_db();
	expect_script_error(db, "SELECT 1;\nSELECT 'it\\'s\n;\n",
			    "db/001.sql:2: string without an end", "(null)");
	expect_script_error(db, "SELECT 1;\nDELIMITER\n",
			    "db/001.sql:2: DELIMITER needs one short word, "
			    "without a backslash",
			    "(null)");
}

static void passwords(void **state)
{
	static char second[] = "s;e'c\"o\\nd";
	static char admin[] = "adm'in";
	struct deadline d = within(30000);
	auto_error struct error err = ERROR_INIT;
	struct db_address a = by_root();
	struct db *plain;
	auto_db struct db *db = NULL;

	(void)state;
	ok(db_connect(&a, &d, &db, &err), &err);
	ok(db_set_passwords(db, user, second, NULL, &d, &err), &err);
	memcpy(password, second, sizeof(second));
	plain = open_db();
	db_close(plain);
	/* root has no password still */
	ok(db_connect(&a, &d, &plain, &err), &err);
	db_close(plain);
	ok(db_set_passwords(db, user, second, admin, &d, &err), &err);
	assert_int_equal(db_connect(&a, &d, &plain, &err), -1);
	error_clear(&err);
	a.password = admin;
	ok(db_connect(&a, &d, &plain, &err), &err);
	db_close(plain);
}

static void killed_in_a_query(void **state)
{
	auto_error struct error err = ERROR_INIT;
	struct deadline d = within(30000);
	auto_db struct db *db = open_db();
	struct meanwhile m = {.ms = 50, .pid = server.pid};

	(void)state;
	meanwhile_start(&m);
	expect_error(db_exec(db, "SELECT SLEEP(30)", &d, &err), &err,
		     ERROR_DATABASE, "Lost connection to server during query");
	meanwhile_end(&m);
	assert_int_equal(db_exec(db, "SELECT 1", &d, &err), -1);
	assert_int_equal(err.kind, ERROR_DATABASE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nobody_there),
	    cmocka_unit_test(accepts_and_says_nothing),
	    cmocka_unit_test(cancelled_while_waiting),
	    cmocka_unit_test(temporary_server),
	    cmocka_unit_test(starts_late),
	    cmocka_unit_test(wrong_password),
	    cmocka_unit_test(query_errors),
	    cmocka_unit_test(quoting),
	    cmocka_unit_test(deadline_in_a_query),
	    cmocka_unit_test(cancelled_in_a_query),
	    cmocka_unit_test(scripts),
	    cmocka_unit_test(scripts_that_fail),
	    cmocka_unit_test(passwords),
	    cmocka_unit_test(killed_in_a_query),
	};

	db_global_init();
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
