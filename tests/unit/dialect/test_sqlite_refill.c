/* SPDX-License-Identifier: MIT */
/* A file made what its template is, while others have it open. */
#include "dialect/db.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/fs.h"
#include "dialect/state.h"
#include "unit/cm.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char dir[] = "/tmp/te-unit-XXXXXX";
static char *template, *file;

static struct deadline soon(void)
{
	return deadline_in(30000, NULL);
}

static void ok(int rc, struct error *err)
{
	if (rc < 0)
		fail_msg("%s", error_text(err));
}

static struct db *open_file(char *path)
{
	struct db_address a = {.dialect = DIALECT_SQLITE, .path = path};
	struct deadline d = soon();
	auto_error struct error err = ERROR_INIT;
	struct db *db = NULL;

	ok(db_connect(&a, &d, &db, &err), &err);
	return db;
}

static void sql(struct db *db, const char *text)
{
	struct deadline d = soon();
	auto_error struct error err = ERROR_INIT;

	ok(db_exec(db, text, &d, &err), &err);
}

static void gives(struct db *db, const char *text, const char *expected)
{
	struct deadline d = soon();
	auto_error struct error err = ERROR_INIT;
	auto_free char *value = NULL;

	ok(db_value(db, text, &d, &value, &err), &err);
	assert_string_equal(value ? value : "(null)", expected);
}

/* A sealed template with what must survive, and a copy of it. */
static void make(const char *script)
{
	auto_error struct error err = ERROR_INIT;
	struct db *db;

	unlink(template);
	fs_remove_tree(file, NULL);
	db = open_file(template);
	sql(db, script);
	ok(db_seal_file(db, &err), &err);
	assert_int_equal(chmod(template, 0400), 0);
	ok(fs_copy_file(template, file, 0600, &err), &err);
}

static void refill(void)
{
	struct deadline d = soon();
	auto_error struct error err = ERROR_INIT;

	ok(db_refill_file(file, template, &d, &err), &err);
}

static void expect_equal(void)
{
	struct deadline d = soon();
	auto_error struct error err = ERROR_INIT;
	auto_db_state struct db_state a = DB_STATE_INIT;
	auto_db_state struct db_state b = DB_STATE_INIT;
	auto_buf struct buf difference = BUF_INIT;
	auto_db struct db *db = open_file(file);

	ok(db_read_sealed(template, &d, &a, &err), &err);
	ok(db_state_read(db, &d, &b, &err), &err);
	db_state_describe(&a, &b, &difference);
	assert_string_equal(difference.s, "");
	ok(db_check_sealed(file, &d, &err), &err);
}

static const char plain[] =
    "PRAGMA page_size = 1024; PRAGMA application_id = 77; "
    "PRAGMA user_version = 12; CREATE TABLE t (id INTEGER PRIMARY KEY "
    "AUTOINCREMENT, v TEXT, b BLOB); CREATE VIRTUAL TABLE f USING fts5 (x);"
    "INSERT INTO t (v, b) VALUES ('a', x'0001'), (NULL, NULL), ('a\tb', 2.5);"
    "INSERT INTO f VALUES ('some words'); CREATE VIEW w AS SELECT v FROM t;"
    "CREATE TRIGGER r AFTER INSERT ON t BEGIN SELECT 1; END";
static const char wal[] =
    "PRAGMA journal_mode = WAL; CREATE TABLE t (id INTEGER PRIMARY KEY, v);"
    "INSERT INTO t VALUES (1, 2)";

static void keeps_what_is_in_the_header(void **state)
{
	auto_db struct db *db = NULL;

	(void)state;
	make(plain);
	db = open_file(file);
	sql(db, "PRAGMA user_version = 1; PRAGMA application_id = 2; "
		"DELETE FROM t; DROP VIEW w; CREATE TABLE n AS SELECT 1; "
		"INSERT INTO t (v) VALUES ('x'); DELETE FROM f");
	refill();
	/* the connection that was open has it all */
	gives(db, "PRAGMA user_version", "12");
	gives(db, "PRAGMA application_id", "77");
	gives(db, "PRAGMA page_size", "1024");
	gives(db, "SELECT count(*) FROM t", "3");
	gives(db, "SELECT count(*) FROM w", "3");
	gives(db, "SELECT seq FROM sqlite_sequence", "3");
	sql(db, "INSERT INTO t (v) VALUES ('more')");
	gives(db, "SELECT max(id) FROM t", "4");
	refill();
	gives(db, "SELECT max(id) FROM t", "3");
	expect_equal();
}

static void keeps_the_journal_mode(void **state)
{
	struct deadline d = soon();
	auto_error struct error err = ERROR_INIT;
	struct db *db;

	(void)state;
	make(wal);
	db = open_file(file);
	sql(db, "INSERT INTO t VALUES (2, 3)");
	refill();
	gives(db, "PRAGMA journal_mode", "wal");
	gives(db, "SELECT count(*) FROM t", "1");
	db_close(db);
	expect_equal();

	/* back from a mode that the owner chose: alone it can be left */
	make(plain);
	db = open_file(file);
	gives(db, "PRAGMA journal_mode = WAL", "wal");
	sql(db, "DELETE FROM t");
	db_close(db);
	db = open_file(file);
	sql(db, "PRAGMA page_size = 4096; PRAGMA journal_mode = DELETE; "
		"VACUUM");
	db_close(db);
	refill();
	expect_equal();

	/* but not while another has it open */
	make(plain);
	db = open_file(file);
	gives(db, "PRAGMA journal_mode = WAL", "wal");
	gives(db, "SELECT count(*) FROM t", "3");
	assert_int_equal(db_refill_file(file, template, &d, &err), -1);
	assert_non_null(strstr(error_text(&err), "cannot bring '"));
	db_close(db);
}

static void refuses_what_is_no_database(void **state)
{
	static const char key[] = "\x93\x11 this is what a key has made of it, "
				  "and nobody can tell what it says at all";
	struct deadline d = soon();
	auto_error struct error err = ERROR_INIT;
	auto_free char *text = NULL;
	auto_db_state struct db_state s = DB_STATE_INIT;

	(void)state;
	make(plain);
	unlink(file);
	ok(fs_write_file(file, key, sizeof(key), 0600, &err), &err);
	text = xasprintf("cannot bring '%s' back: file is not a database: it "
			 "is encrypted, or damaged",
			 file);
	assert_int_equal(db_refill_file(file, template, &d, &err), -1);
	assert_string_equal(err.text, text);
	assert_string_equal(error_kind_name(err.kind), "database");
	assert_int_equal(db_read_sealed(file, &d, &s, &err), -1);
	assert_non_null(strstr(err.text, "it is encrypted, or damaged"));
	unlink(file);
	assert_int_equal(db_refill_file(file, template, &d, &err), -1);
	assert_string_equal(error_kind_name(err.kind), "io");
	assert_false(fs_exists(file));
}

static void finds_damage(void **state)
{
	struct deadline d = soon();
	auto_error struct error err = ERROR_INIT;
	int fd;

	(void)state;
	make(plain);
	assert_int_equal(db_check_sealed(template, &d, &err), 0);
	fd = open(file, O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "nonsense nonsense", 17, 1024), 17);
	close(fd);
	assert_int_equal(db_check_sealed(file, &d, &err), -1);
	assert_non_null(strstr(err.text, "' is damaged"));
}

/* Random changes by several connections, some of them left open. */
static void random_changes(void **state)
{
	static const char *const changes[] = {
	    "INSERT INTO t (v) VALUES (hex(randomblob(2000)))",
	    "DELETE FROM t WHERE id = 2",
	    "UPDATE t SET b = randomblob(50)",
	    "CREATE TABLE IF NOT EXISTS n (x); INSERT INTO n VALUES (1)",
	    "DROP TABLE IF EXISTS t",
	    "ALTER TABLE t ADD COLUMN more",
	    "PRAGMA user_version = 99",
	    "PRAGMA journal_mode = WAL",
	    "VACUUM",
	    "BEGIN; DELETE FROM t; ROLLBACK",
	    "SELECT count(*) FROM t",
	    "CREATE INDEX IF NOT EXISTS i ON t (v)",
	};
	const char *text = getenv("TESTENV_ROUNDS");
	unsigned long rounds = text ? strtoul(text, NULL, 10) : 50;
	struct deadline d = soon();
	auto_error struct error err = ERROR_INIT;

	(void)state;
	text = getenv("TESTENV_SEED");
	srand(text ? (unsigned)strtoul(text, NULL, 10) : 1);
	make(plain);
	for (unsigned long i = 0; i < rounds; i++) {
		struct db *db = open_file(file);

		for (int n = rand() % 5; n > 0; n--)
			(void)db_exec(
			    db, changes[(unsigned)rand() % array_len(changes)],
			    &d, NULL);
		if (rand() % 2) {
			db_close(db);
			db = NULL;
		}
		/* as a reset does */
		if (db_refill_file(file, template, &d, &err) < 0) {
			db_close(db);
			db = NULL;
			refill();
		}
		db_close(db);
		expect_equal();
	}
}

/* Killed in the middle, the file is whole to the next one who looks. */
static void killed_in_the_middle(void **state)
{
	(void)state;
	make(plain);
	for (unsigned ms = 0; ms < 10; ms++) {
		struct timespec pause = {0, (long)ms * 300000};
		pid_t pid = fork();

		if (pid == 0)
			for (;;) {
				struct deadline d = soon();

				db_refill_file(file, template, &d, NULL);
			}
		nanosleep(&pause, NULL);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		refill();
		expect_equal();
	}
}

static int set_up(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	template = fs_join(dir, "odd %41 name?#.sqlite");
	file = fs_join(dir, "copy.sqlite");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	free(template);
	free(file);
	return fs_remove_tree(dir, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(keeps_what_is_in_the_header),
	    cmocka_unit_test(keeps_the_journal_mode),
	    cmocka_unit_test(refuses_what_is_no_database),
	    cmocka_unit_test(finds_damage),
	    cmocka_unit_test(random_changes),
	    cmocka_unit_test(killed_in_the_middle),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
