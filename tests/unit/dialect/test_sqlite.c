/* SPDX-License-Identifier: MIT */
#include "dialect/db.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/fs.h"
#include "dialect/state.h"
#include "unit/cm.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/te-unit-XXXXXX";

static struct deadline within(int64_t ms)
{
	return deadline_in(ms, NULL);
}

static struct db_address at(char *path)
{
	return (struct db_address){.dialect = DIALECT_SQLITE, .path = path};
}

static void ok(int rc, struct error *err)
{
	if (rc < 0)
		fail_msg("%s", error_text(err));
}

static struct db *open_db(const char *name, char **ret_path)
{
	struct deadline d = within(30000);
	auto_error struct error err = ERROR_INIT;
	struct db_address a;
	struct db *db = NULL;

	*ret_path = fs_join(dir, name);
	unlink(*ret_path);
	a = at(*ret_path);
	ok(db_wait_ready(&a, NULL, &d, &db, &err), &err);
	return db;
}

static void gives(struct db *db, const char *sql, const char *expected)
{
	struct deadline d = within(30000);
	auto_error struct error err = ERROR_INIT;
	auto_free char *value = NULL;

	ok(db_value(db, sql, &d, &value, &err), &err);
	assert_string_equal(value ? value : "(null)", expected);
}

static void run(struct db *db, const char *sql)
{
	struct deadline d = within(30000);
	auto_error struct error err = ERROR_INIT;

	ok(db_run_script(db, "x.sql", sql, strlen(sql), &d, &err), &err);
}

static void fails(struct db *db, const char *sql, const char *text,
		  const char *detail)
{
	struct deadline d = within(30000);
	auto_error struct error err = ERROR_INIT;

	assert_int_equal(
	    db_run_script(db, "db/1.sql", sql, strlen(sql), &d, &err), -1);
	assert_string_equal(error_kind_name(err.kind), "migration");
	assert_string_equal(error_text(&err), text);
	assert_string_equal(err.detail ? err.detail : "(null)", detail);
}

static void values(void **state)
{
	auto_free char *path = NULL;
	auto_db struct db *db = open_db("values", &path);

	(void)state;
	gives(db, "SELECT 'a' || 1", "a1");
	gives(db, "SELECT NULL", "(null)");
	gives(db, "SELECT 1 WHERE 0", "(null)");
	gives(db, "CREATE TABLE t (a); SELECT 1; SELECT 2", "1");
	gives(db, "SELECT count(*) FROM t; -- end", "0");
}

static void paths_that_are_refused(void **state)
{
	static const char *const paths[] = {":memory:", "", "relative.db",
					    "file:/tmp/x?mode=memory"};
	struct deadline d = within(30000);
	struct db *db;

	(void)state;
	for (size_t i = 0; i < array_len(paths); i++) {
		auto_error struct error err = ERROR_INIT;
		auto_free char *path = xstrdup(paths[i]);
		auto_free char *text = xasprintf(
		    "cannot connect to '%s': '%s' is not an absolute path",
		    path, path);
		struct db_address a = at(path);

		assert_int_equal(db_connect(&a, &d, &db, &err), -1);
		assert_int_equal(err.kind, ERROR_REFUSED);
		assert_string_equal(err.text, text);
	}
}

static void files_that_cannot_be(void **state)
{
	auto_free char *nowhere = fs_join(dir, "no/where.db");
	auto_free char *text = fs_join(dir, "text");
	auto_free char *expected =
	    xasprintf("cannot connect to '%s': unable to open database file: "
		      "No such file or directory",
		      nowhere);
	auto_error struct error err = ERROR_INIT;
	struct deadline d = within(30000);
	struct db_address a = at(nowhere);
	struct db *db;

	(void)state;
	assert_int_equal(db_connect(&a, &d, &db, &err), -1);
	assert_int_equal(err.kind, ERROR_IO);
	assert_string_equal(err.text, expected);
	assert_int_equal(fs_write_file(text,
				       "hello, this is no database at "
				       "all, it is only text",
				       50, 0600, NULL),
			 0);
	a = at(text);
	assert_int_equal(db_wait_ready(&a, NULL, &d, &db, &err), -1);
	assert_int_equal(err.kind, ERROR_DATABASE);
	assert_string_equal(err.text,
			    "file is not a database: it is encrypted, or "
			    "damaged");
}

static void scripts(void **state)
{
	auto_free char *path = NULL;
	auto_db struct db *db = open_db("scripts", &path);

	(void)state;
	run(db, "\xef\xbb\xbf-- first; comment\r\n"
		"PRAGMA foreign_keys = ON;\n"
		"CREATE TABLE t (a INTEGER PRIMARY KEY, [b;] text, `c'` int);\n"
		"CREATE TRIGGER g AFTER INSERT ON t BEGIN\n"
		"  UPDATE t SET \"b;\" = 'it''s; ' || new.a WHERE a = new.a;\n"
		"  SELECT CASE WHEN 1 THEN 2 END;\n"
		"END;\n"
		"BEGIN; INSERT INTO t (a) VALUES (1); COMMIT;;\n"
		"/* open to the end");
	gives(db, "SELECT \"b;\" FROM t", "it's; 1");
	gives(db, "PRAGMA foreign_keys", "1");
	run(db, "CREATE TABLE u (a)");
	gives(db, "PRAGMA foreign_keys", "0");
	run(db, "");
}

static void scripts_that_fail(void **state)
{
	auto_free char *path = NULL;
	auto_db struct db *db = open_db("fail", &path);
	auto_buf struct buf sql = BUF_INIT;

	(void)state;
	for (int i = 1; i < 35; i++)
		buf_printf(&sql, "CREATE TABLE t%d (a);\r\n", i);
	buf_puts(&sql, "-- here\nCREATE TABLE bad (\n\ta int,,\n\tb text\n);"
		       "\nSELECT 1;");
	fails(db, sql.s, "db/1.sql:37: near \",\": syntax error",
	      "CREATE TABLE bad (\n\ta int,,\n\tb text\n);");
	fails(db, "SELECT 1;\n\n\nCREATE TABLE\n t1 (a);",
	      "db/1.sql:5: table t1 already exists", "CREATE TABLE\n t1 (a);");
	fails(db,
	      "CREATE TABLE n (a NOT NULL);\nINSERT INTO n\nVALUES (NULL);\n",
	      "db/1.sql:2: NOT NULL constraint failed: n.a",
	      "INSERT INTO n\nVALUES (NULL);");
	fails(db, "SELECT 1;\nSELECT 'open;\n\n",
	      "db/1.sql:2: unrecognized token: \"'open;  \"", "SELECT 'open;");
	fails(db, "SELECT 1;\nBEGIN;\nSELECT 2;",
	      "db/1.sql: a transaction is still open at the end of the file",
	      "(null)");
}

static void texts_that_are_refused(void **state)
{
	auto_free char *path = NULL;
	auto_db struct db *db = open_db("refused", &path);
	auto_error struct error err = ERROR_INIT;
	struct deadline d = within(30000);

	(void)state;
	assert_int_equal(
	    db_run_script(db, "1.sql", "SELECT 1;\n\0x", 12, &d, &err), -1);
	assert_string_equal(err.text, "1.sql:2: a NUL byte in the SQL");
	assert_int_equal(err.kind, ERROR_MIGRATION);
	assert_int_equal(db_run_script(db, "1.sql", "\xff\xfeS\0", 4, &d, &err),
			 -1);
	assert_string_equal(err.text,
			    "1.sql:1: the file is UTF-16; UTF-8 is needed");
}

static const char endless[] = "WITH RECURSIVE n(a) AS (SELECT 1 UNION ALL "
			      "SELECT a + 1 FROM n) SELECT max(a) FROM n";

static void deadline_passes(void **state)
{
	auto_free char *path = NULL;
	auto_db struct db *db = open_db("deadline", &path);
	auto_error struct error err = ERROR_INIT;
	struct deadline d = within(50);

	(void)state;
	assert_int_equal(db_exec(db, endless, &d, &err), -1);
	assert_int_equal(err.kind, ERROR_TIMEOUT);
	assert_string_equal(err.text, "waiting for sqlite: timed out");
	d = within(50);
	assert_int_equal(
	    db_run_script(db, "1.sql", endless, strlen(endless), &d, &err), -1);
	assert_int_equal(err.kind, ERROR_TIMEOUT);
	assert_string_equal(err.text, "1.sql:1: waiting for sqlite: timed out");
	gives(db, "SELECT 1", "1");
}

static void *trip(void *cancel)
{
	struct timespec pause = {0, 30 * 1000000};

	nanosleep(&pause, NULL);
	cancel_trip(cancel, SIGTERM);
	return NULL;
}

static void cancelled(void **state)
{
	auto_free char *path = NULL;
	auto_db struct db *db = open_db("cancel", &path);
	auto_error struct error err = ERROR_INIT;
	struct cancel *c = cancel_new(NULL);
	struct deadline d = deadline_in(30000, c);
	pthread_t thread;

	(void)state;
	pthread_create(&thread, NULL, trip, c);
	assert_int_equal(db_exec(db, endless, &d, &err), -1);
	assert_int_equal(err.kind, ERROR_CANCELLED);
	pthread_join(thread, NULL);
	cancel_free(c);
}

static bool beside(const char *path, const char *suffix)
{
	auto_free char *name = xasprintf("%s%s", path, suffix);

	return fs_exists(name);
}

static void sealing(void **state)
{
	auto_free char *path = NULL;
	struct db *db = open_db("seal", &path);
	auto_error struct error err = ERROR_INIT;

	(void)state;
	run(db, "PRAGMA journal_mode = WAL; CREATE TABLE t (a); INSERT INTO t "
		"VALUES (1)");
	assert_true(beside(path, "-wal"));
	ok(db_seal_file(db, &err), &err);
	assert_false(beside(path, "-wal"));
	assert_false(beside(path, "-shm"));
	assert_false(beside(path, "-journal"));
	{
		struct db_address a = at(path);
		struct deadline d = within(30000);

		ok(db_connect(&a, &d, &db, &err), &err);
	}
	/* what the schema's author chose */
	gives(db, "PRAGMA journal_mode", "wal");
	gives(db, "SELECT a FROM t", "1");
	db_close(db);
}

/* A file of no bytes could be what a power cut left. */
static void sealing_an_empty_database(void **state)
{
	auto_free char *path = NULL;
	struct db *db = open_db("empty", &path);
	auto_error struct error err = ERROR_INIT;

	(void)state;
	run(db, "SELECT 1");
	ok(db_seal_file(db, &err), &err);
	assert_true(db_file_is_whole(path));
}

static void sealing_what_others_use(void **state)
{
	auto_free char *path = NULL;
	struct db *db = open_db("used", &path);
	auto_error struct error err = ERROR_INIT;
	auto_free char *text = NULL;
	sqlite3 *other = NULL;

	(void)state;
	run(db, "PRAGMA journal_mode = WAL; CREATE TABLE t (a)");
	assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
	sqlite3_exec(other, "SELECT * FROM t", NULL, NULL, NULL);
	assert_int_equal(db_seal_file(db, &err), -1);
	assert_int_equal(err.kind, ERROR_BUSY);
	text = xasprintf("cannot finish '%s': '%s-wal' is there still: another "
			 "program has the database open",
			 path, path);
	assert_string_equal(err.text, text);
	sqlite3_close(other);
}

/* A journal that is kept for the next transaction is not in use. */
static void sealing_with_a_journal_kept(void **state)
{
	static const char *const modes[] = {
	    "PRAGMA journal_mode = PERSIST; CREATE TABLE t (a)",
	    "PRAGMA journal_mode = TRUNCATE; CREATE TABLE t (a)",
	    ("PRAGMA journal_mode = PERSIST; CREATE TABLE t (a);"
	     "PRAGMA journal_mode = WAL; INSERT INTO t VALUES (1)"),
	};

	(void)state;
	for (size_t i = 0; i < array_len(modes); i++) {
		auto_error struct error err = ERROR_INIT;
		auto_free char *name = xasprintf("kept%zu", i);
		auto_free char *path = NULL;
		auto_free char *journal = NULL;
		sqlite3 *other = NULL;
		struct db *db = open_db(name, &path);

		/* another's, as a command of the project's own leaves it */
		assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
		assert_int_equal(
		    sqlite3_exec(other, modes[i], NULL, NULL, NULL), SQLITE_OK);
		sqlite3_close(other);
		journal = xasprintf("%s-journal", path);
		ok(db_seal_file(db, &err), &err);
		assert_false(fs_exists(journal));
	}
}

/* One in the midst of a transaction is. */
static void sealing_with_a_journal_used(void **state)
{
	auto_free char *path = NULL;
	struct db *db = open_db("in use", &path);
	auto_error struct error err = ERROR_INIT;
	auto_free char *text = NULL;
	sqlite3 *other = NULL;

	(void)state;
	run(db, "CREATE TABLE t (a)");
	assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "BEGIN; INSERT INTO t VALUES (1)",
				      NULL, NULL, NULL),
			 SQLITE_OK);
	assert_int_equal(db_seal_file(db, &err), -1);
	text = xasprintf("cannot finish '%s': '%s-journal' is there still: "
			 "another program has the database open",
			 path, path);
	assert_string_equal(err.text, text);
	assert_int_equal(err.kind, ERROR_BUSY);
	sqlite3_close(other);
}

static void own_function(sqlite3_context *c, int n, sqlite3_value **v)
{
	(void)n, (void)v;
	sqlite3_result_int(c, 1);
}

static int own_order(void *ctx, int n, const void *a, int m, const void *b)
{
	int order = memcmp(a, b, (size_t)(n < m ? n : m));

	(void)ctx;
	return order ? order : n - m;
}

static void make_with_own_functions(const char *path)
{
	sqlite3 *other = NULL;
	int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC;

	assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
	sqlite3_create_function(other, "regexp", 2, flags, NULL, own_function,
				NULL, NULL);
	sqlite3_create_collation(other, "own", SQLITE_UTF8, NULL, own_order);
	assert_int_equal(
	    sqlite3_exec(
		other,
		"CREATE TABLE plain (v UNIQUE); INSERT INTO plain VALUES (1);"
		"CREATE TABLE checked (a CHECK (a REGEXP 'x'));"
		"CREATE TABLE sorted (a COLLATE own UNIQUE);"
		"CREATE TABLE made (a, b AS (a REGEXP 'x'));"
		"CREATE INDEX i ON made (a REGEXP 'y');"
		"INSERT INTO checked VALUES (1); INSERT INTO sorted VALUES"
		" ('b'), ('a'); INSERT INTO made (a) VALUES (1)",
		NULL, NULL, NULL),
	    SQLITE_OK);
	sqlite3_close(other);
}

/* A Django project's functions are in its checks and indexes, and its own: what
 * cannot be looked at without them is not damaged. */
static void sealing_what_others_define(void **state)
{
	static const char zeros[1000];
	auto_free char *path = fs_join(dir, "functions");
	auto_error struct error err = ERROR_INIT;
	auto_db_state struct db_state s = DB_STATE_INIT;
	struct deadline d = within(30000);
	struct db_address a = at(path);
	struct db *db = NULL;
	int fd;

	(void)state;
	make_with_own_functions(path);
	ok(db_connect(&a, &d, &db, &err), &err);
	ok(db_state_read(db, &d, &s, &err), &err);
	ok(db_seal_file(db, &err), &err);
	ok(db_check_sealed(path, &d, &err), &err);
	/* all else still is looked at: the second page is that of 'plain' */
	fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, zeros, sizeof(zeros), 4096), 1000);
	close(fd);
	assert_int_equal(db_check_sealed(path, &d, &err), -1);
	assert_non_null(strstr(err.text, "is damaged"));
}

static void sealing_a_damaged_file(void **state)
{
	auto_free char *path = NULL;
	struct db *db = open_db("damaged", &path);
	auto_error struct error err = ERROR_INIT;
	struct deadline d = within(30000);
	struct db_address a;
	char zeros[1000] = {0};
	int fd;

	(void)state;
	run(db, "CREATE TABLE t (a UNIQUE); INSERT INTO t VALUES (1), (2)");
	ok(db_seal_file(db, &err), &err);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, zeros, sizeof(zeros), 4096), 1000);
	close(fd);
	a = at(path);
	ok(db_connect(&a, &d, &db, &err), &err);
	assert_int_equal(db_seal_file(db, &err), -1);
	assert_int_equal(err.kind, ERROR_DATABASE);
	assert_non_null(strstr(err.text, "damaged"));
}

static void busy(void **state)
{
	auto_free char *path = NULL;
	auto_db struct db *db = open_db("busy", &path);
	auto_error struct error err = ERROR_INIT;
	struct deadline d = within(1000);
	sqlite3 *other = NULL;

	(void)state;
	run(db, "CREATE TABLE t (a)");
	assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
	sqlite3_exec(other, "BEGIN EXCLUSIVE", NULL, NULL, NULL);
	assert_int_equal(db_exec(db, "INSERT INTO t VALUES (1)", &d, &err), -1);
	assert_int_equal(err.kind, ERROR_BUSY);
	assert_string_equal(err.text, "database is locked");
	sqlite3_close(other);
}

static int set_up(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	return fs_remove_tree(dir, NULL);
}

static void one_transaction(void **state)
{
	static const char broken[] = "CREATE TABLE a (x);\nNO;";
	static const char own[] = "BEGIN; CREATE TABLE b (x); COMMIT; NO;";
	static const char late[] =
	    "CREATE TABLE p (id INTEGER PRIMARY KEY);\n"
	    "CREATE TABLE c (p REFERENCES p DEFERRABLE INITIALLY DEFERRED);\n"
	    "INSERT INTO c VALUES (1);";
	struct deadline d = within(30000);
	auto_error struct error err = ERROR_INIT;
	auto_free char *path = NULL;
	auto_db struct db *db = open_db("one", &path);

	(void)state;
	assert_int_equal(
	    db_run_migration(db, "1.sql", broken, strlen(broken), &d, &err),
	    -1);
	assert_string_equal(err.text, "1.sql:2: near \"NO\": syntax error");
	assert_int_equal(err.kind, ERROR_MIGRATION);
	gives(db, "SELECT count(*) FROM sqlite_master", "0");
	assert_int_equal(
	    db_run_migration(db, "2.sql", own, strlen(own), &d, &err), -1);
	gives(db, "SELECT group_concat(name) FROM sqlite_master", "b");
	run(db, "PRAGMA user_version = 1");
	assert_int_equal(db_run_migration(db, "3.sql", "SELECT 1", 8, &d, &err),
			 0);
	ok(db_exec(db, "PRAGMA foreign_keys = ON", &d, &err), &err);
	/* in one piece, or the insert would fail by itself */
	ok(db_run_migration(db, "4.sql", late, strlen(late), &d, &err), &err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(values),
	    cmocka_unit_test(paths_that_are_refused),
	    cmocka_unit_test(files_that_cannot_be),
	    cmocka_unit_test(scripts),
	    cmocka_unit_test(scripts_that_fail),
	    cmocka_unit_test(one_transaction),
	    cmocka_unit_test(texts_that_are_refused),
	    cmocka_unit_test(deadline_passes),
	    cmocka_unit_test(cancelled),
	    cmocka_unit_test(sealing),
	    cmocka_unit_test(sealing_an_empty_database),
	    cmocka_unit_test(sealing_what_others_use),
	    cmocka_unit_test(sealing_with_a_journal_kept),
	    cmocka_unit_test(sealing_with_a_journal_used),
	    cmocka_unit_test(sealing_what_others_define),
	    cmocka_unit_test(sealing_a_damaged_file),
	    cmocka_unit_test(busy),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
