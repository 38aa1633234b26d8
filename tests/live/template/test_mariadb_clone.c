/* SPDX-License-Identifier: MIT */
/* needs-packages: mariadb-server */
/*
 * Each schema of the corpus is kept, and comes back equal in every way there
 * is; each kind of change is noticed, or answered with "a new server".
 */
#include "live/template/maria.h"

static void expect_way(struct clones *c, const char *after, enum clone_way way)
{
	struct clone_report r;

	if (restore(c, "app", &r) != 1)
		fail_msg("after %s: a new server: %s", after, r.why);
	if (r.way != way)
		fail_msg("after %s: %s (%s)", after, clone_way_name(r.way),
			 r.why);
	is_equal(c, "app", after);
}

static void by_app(const char *sql)
{
	auto_db struct db *app = connect_as(app_user, app_user);

	run(app, sql);
}

static void round_trip(const char *dir)
{
	struct clones *c;

	keep(dir, NULL);
	/* as in a container, the server is another run of the same data */
	stop_server();
	start_server();
	c = open_clones("app");
	is_equal(c, "app", "start");
	expect_way(c, "nothing", CLONE_UNCHANGED);
	by_app("CREATE TABLE extra (id int PRIMARY KEY); CREATE VIEW extra_v"
	       " AS SELECT * FROM extra");
	expect_way(c, "a new table", CLONE_TOUCHED);
	by_app("DROP DATABASE app");
	expect_way(c, "DROP DATABASE", CLONE_REBUILT);
	expect_way(c, "a rebuild", CLONE_UNCHANGED);
	clones_free(c);
	forget();
}

static void every_schema_comes_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < array_len(schemas); i++)
		round_trip(schemas[i]);
}

/* What one statement does to the schema `links` or `types`. */
struct change {
	const char *sql;
	enum clone_way way;
};

static void try_changes(const struct change *changes, size_t n)
{
	struct clones *c = open_clones("app");

	for (size_t i = 0; i < n; i++) {
		by_app(changes[i].sql);
		expect_way(c, changes[i].sql, changes[i].way);
	}
	clones_free(c);
}

static void changes_of_rows(void **state)
{
	static const struct change changes[] = {
	    {"INSERT INTO leaves (node, v) VALUES (1, 2)", CLONE_TOUCHED},
	    {"REPLACE INTO totals VALUES ('nodes', 6)", CLONE_TOUCHED},
	    {"UPDATE leaves l JOIN notes n ON n.leaf = l.id SET l.v = 0,"
	     " n.text = 'x'",
	     CLONE_TOUCHED},
	    {"DELETE l, n FROM leaves l JOIN notes n ON n.leaf = l.id",
	     CLONE_TOUCHED},
	    {"DELETE FROM leaves WHERE id = 2", CLONE_TOUCHED}, /* cascades */
	    {"UPDATE nodes SET id = id + 100 WHERE id = 5", CLONE_TOUCHED},
	    {"DELETE FROM nodes WHERE id = 2", CLONE_TOUCHED},
	    {"DELETE FROM hen WHERE id = 1", CLONE_TOUCHED},
	    {"INSERT INTO nodes (parent, name) VALUES (1, 'n')", CLONE_TOUCHED},
	    {"CALL grow(3)", CLONE_TOUCHED},
	    {"BEGIN; DELETE FROM leaves; INSERT INTO audit (what) VALUES ('x');"
	     " ROLLBACK",
	     CLONE_TOUCHED},
	    {"SET foreign_key_checks=0; TRUNCATE nodes; TRUNCATE leaves",
	     CLONE_TOUCHED},
	    {"SET foreign_key_checks=0; TRUNCATE leaves; INSERT INTO leaves"
	     " SELECT * FROM testenv_original.leaves",
	     CLONE_TOUCHED},
	    {"SELECT NEXTVAL(numbers)", CLONE_TOUCHED},
	    {"SELECT SETVAL(plain, 50)", CLONE_TOUCHED},
	    {"ALTER SEQUENCE numbers RESTART 7", CLONE_TOUCHED},
	    {"CREATE TEMPORARY TABLE leaves (id int); INSERT INTO leaves"
	     " VALUES (1)",
	     CLONE_UNCHANGED},
	    {"LOCK TABLES leaves WRITE; UPDATE leaves SET v = 5",
	     CLONE_TOUCHED},
	    {"UPDATE leaves SET v = 1 WHERE 1 = 0; SELECT * FROM hen"
	     " FOR UPDATE",
	     CLONE_UNCHANGED},
	    {"INSERT INTO checked VALUES (5, 1)", CLONE_TOUCHED},
	    {"PREPARE s FROM 'UPDATE leaves SET v = ?'; EXECUTE s USING 8",
	     CLONE_TOUCHED},
	    {"BEGIN; UPDATE leaves SET v = 9", CLONE_TOUCHED}, /* cut off */
	    {"OPTIMIZE TABLE leaves", CLONE_TOUCHED},
	    {"ANALYZE TABLE leaves", CLONE_UNCHANGED},
	};

	(void)state;
	keep(TESTS_DIR "/corpus/mariadb/links", NULL);
	try_changes(changes, array_len(changes));
	forget();
}

static void changes_of_definitions(void **state)
{
	static const struct change changes[] = {
	    {"ALTER TABLE leaves ADD COLUMN extra int", CLONE_REBUILT},
	    {"ALTER TABLE leaves DROP COLUMN v, ADD COLUMN w int",
	     CLONE_REBUILT},
	    /* nothing but the count of ALTERs shows it */
	    {"ALTER TABLE leaves DROP COLUMN v; ALTER TABLE leaves ADD COLUMN"
	     " v int(11) DEFAULT NULL",
	     CLONE_REBUILT},
	    {"ALTER TABLE audit AUTO_INCREMENT = 77", CLONE_REBUILT},
	    {"CREATE INDEX i ON leaves (v)", CLONE_REBUILT},
	    {"RENAME TABLE audit TO audited", CLONE_REBUILT},
	    {"DROP TABLE notes", CLONE_REBUILT},
	    {"DROP TRIGGER nodes_ai2", CLONE_REBUILT},
	    {"CREATE TRIGGER more AFTER UPDATE ON leaves FOR EACH ROW SET"
	     " @a = 1",
	     CLONE_REBUILT},
	    {"DROP VIEW a_sums", CLONE_REBUILT},
	    {"CREATE OR REPLACE VIEW z_leaves AS SELECT 'n' AS name, 1 AS w",
	     CLONE_REBUILT},
	    {"DROP FUNCTION weight", CLONE_REBUILT},
	    {"CREATE PROCEDURE more() SELECT 1", CLONE_REBUILT},
	    {"CREATE EVENT more ON SCHEDULE EVERY 1 DAY DO SELECT 1",
	     CLONE_REBUILT},
	    {"ALTER EVENT sweep ENABLE", CLONE_REBUILT},
	    {"DROP SEQUENCE plain", CLONE_REBUILT},
	    {"CREATE SEQUENCE more", CLONE_REBUILT},
	    {"ALTER DATABASE app COLLATE utf8mb4_bin", CLONE_REBUILT},
	    {"ALTER TABLE leaves COMMENT 'x'", CLONE_REBUILT},
	};

	(void)state;
	keep(TESTS_DIR "/corpus/mariadb/links", NULL);
	try_changes(changes, array_len(changes));
	forget();
}

static void changes_of_kinds(void **state)
{
	static const struct change changes[] = {
	    {"DELETE FROM old_rows", CLONE_TOUCHED}, /* not counted */
	    {"DELETE FROM aria_rows", CLONE_TOUCHED},
	    {"TRUNCATE old_rows", CLONE_TOUCHED},
	    {"UPDATE old_rows SET v = 'three' WHERE id = 1", CLONE_TOUCHED},
	    {"INSERT INTO aria_rows (v) VALUES ('x')", CLONE_TOUCHED},
	    {"UPDATE texts SET code = 'A' WHERE code = 'a'", CLONE_TOUCHED},
	    {"UPDATE texts SET body = concat(body, ' '), secret = 1",
	     CLONE_TOUCHED},
	    {"SET sql_mode = ''; UPDATE texts SET kind = 0 WHERE code = 'b'",
	     CLONE_TOUCHED},
	    {"UPDATE numbers SET f = 0.10000001", CLONE_TOUCHED},
	    {"UPDATE times SET ts = '2001-10-28 01:00:00'", CLONE_TOUCHED},
	    {"DELETE FROM keyless LIMIT 1", CLONE_TOUCHED},
	    {"INSERT INTO keyless VALUES (1, 'x')", CLONE_TOUCHED},
	    {"UPDATE prefixed SET path = '/etc/pAsswd' WHERE v = 1",
	     CLONE_TOUCHED},
	    {"UPDATE places SET p = point(2, 1)", CLONE_TOUCHED},
	    {"INSERT INTO parts (y, v) VALUES (2006, 9)", CLONE_TOUCHED},
	    {"ALTER TABLE parts TRUNCATE PARTITION p1", CLONE_REBUILT},
	    {"TRUNCATE parts", CLONE_TOUCHED},
	    {"UPDATE t SET t = 9; UPDATE `strange ``name`` é-1` SET t = 0",
	     CLONE_TOUCHED},
	    {"INSERT INTO o VALUES ()", CLONE_TOUCHED},
	    {"UPDATE packed SET v = 'x'", CLONE_TOUCHED},
	};

	(void)state;
	keep(TESTS_DIR "/corpus/mariadb/types", NULL);
	try_changes(changes, array_len(changes));
	forget();
}

static void changes_of_history(void **state)
{
	static const struct change changes[] = {
	    {"UPDATE prices SET price = 12", CLONE_TOUCHED},
	    {"DELETE HISTORY FROM prices", CLONE_TOUCHED},
	    {"DELETE FROM named; INSERT INTO named (id, v) VALUES (1, 'a')",
	     CLONE_TOUCHED},
	    {"UPDATE named SET seen = 1", CLONE_TOUCHED},
	    {"DELETE FROM rooms FOR PORTION OF stay FROM '2020-01-10' TO"
	     " '2020-01-20'",
	     CLONE_TOUCHED},
	    {"INSERT INTO tickets (v) VALUES (9)", CLONE_TOUCHED},
	};

	(void)state;
	keep(TESTS_DIR "/corpus/mariadb/history", NULL);
	try_changes(changes, array_len(changes));
	forget();
}

/* Outside the database: only a new server is right. */
static void changes_elsewhere(void **state)
{
	static const char *const changes[][2] = {
	    {"SET GLOBAL max_connections = 99",
	     "SET GLOBAL max_connections = DEFAULT"},
	    {"CREATE USER bob", "DROP USER bob"},
	    {"GRANT SELECT ON app.* TO app@localhost",
	     "REVOKE SELECT ON app.* FROM app@localhost"},
	    {"CREATE DATABASE other", "DROP DATABASE other"},
	    {"UPDATE testenv_original.leaves SET v = 1", NULL},
	    {"FLUSH TABLE_STATISTICS", NULL},
	    {"CREATE PROCEDURE mysql.p() SELECT 1", "DROP PROCEDURE mysql.p"},
	    {"XA START 'x'; UPDATE leaves SET v = 5; XA END 'x';"
	     " XA PREPARE 'x'",
	     "XA ROLLBACK 'x'"},
	    /* the last: its trace stays with the server */
	    {"SET GLOBAL userstat = 0; UPDATE leaves SET v = 5;"
	     " SET GLOBAL userstat = 1",
	     NULL},
	};

	(void)state;
	for (size_t i = 0; i < array_len(changes); i++) {
		struct clone_report r;
		struct clones *c;

		keep(TESTS_DIR "/corpus/mariadb/links", NULL);
		c = open_clones("app");
		by_app(changes[i][0]);
		if (restore(c, "app", &r) != 0)
			fail_msg("%s was not noticed", changes[i][0]);
		assert_string_equal(
		    r.why, "something outside the database was changed");
		clones_free(c);
		if (changes[i][1])
			by_app(changes[i][1]);
		forget();
	}
}

static void expect_shared(struct clones *c, const char *name, const char *way)
{
	struct clone_report r;

	if (restore(c, name, &r) != 1)
		fail_msg("%s: %s", name, r.why);
	assert_string_equal(clone_way_name(r.way), way);
	is_equal(c, name, way);
}

/* Several databases on one server. */
static void shared_server(void **state)
{
	struct clone_report r;
	struct clones *c;

	(void)state;
	keep(TESTS_DIR "/corpus/mariadb/links", NULL);
	c = open_clones(NULL);
	assert_null(clones_only_in_place(c));
	expect_shared(c, "app_0", "rebuilt");
	expect_shared(c, "app_1", "rebuilt");
	by_app("DELETE FROM app_0.nodes WHERE id = 2; UPDATE app_1.leaves SET"
	       " v = 3");
	expect_shared(c, "app_0", "touched tables");
	/* somebody blinds us: everything is made anew, once each */
	by_app("FLUSH TABLE_STATISTICS");
	expect_shared(c, "app_0", "rebuilt");
	expect_shared(c, "app_1", "rebuilt");
	expect_shared(c, "app_0", "unchanged");
	by_app("UPDATE app_1.leaves SET v = 4; DROP DATABASE app_0");
	expect_shared(c, "app_0", "rebuilt");
	expect_shared(c, "app_1", "touched tables");
	by_app("UPDATE testenv_original.leaves SET v = 4");
	assert_int_equal(restore(c, "app_1", &r), 0);
	clones_free(c);
	forget();
	keep(TESTS_DIR "/corpus/mariadb/history", NULL);
	c = open_clones(NULL);
	assert_string_equal(clones_only_in_place(c),
			    "'tickets' names its database");
	clones_free(c);
	forget();
}

static void not_kept(const char *sql, const char *why)
{
	struct deadline d = within(60000);
	auto_error struct error err = ERROR_INIT;
	auto_free char *reason = NULL;
	auto_db struct db *db = admin();

	run(db, "DROP DATABASE IF EXISTS testenv_original;"
		"DROP DATABASE IF EXISTS app; CREATE DATABASE app");
	by_app(sql);
	assert_int_equal(clone_keep(db, "app", &d, &reason, &err), 0);
	assert_string_equal(reason, why);
	gives(db,
	      "SELECT COUNT(*) FROM information_schema.SCHEMATA WHERE"
	      " SCHEMA_NAME LIKE 'testenv%'",
	      "0");
}

static void what_cannot_be_kept(void **state)
{
	(void)state;
	not_kept("CREATE TABLE m (id int) ENGINE=MEMORY",
		 "table 'm' has the engine MEMORY");
	not_kept("CREATE TABLE `testenv:facts` (id int)",
		 "table 'testenv:facts' has a name of ours");
	not_kept("CREATE TABLE v (id int, a bigint unsigned GENERATED ALWAYS AS"
		 " ROW START, b bigint unsigned GENERATED ALWAYS AS ROW END,"
		 " PERIOD FOR SYSTEM_TIME (a, b)) WITH SYSTEM VERSIONING",
		 "table 'v' is versioned by transactions");
	not_kept("CREATE TABLE p (id int PRIMARY KEY); CREATE DATABASE other;"
		 " CREATE TABLE other.c (p int, FOREIGN KEY (p) REFERENCES"
		 " app.p (id) ON DELETE CASCADE)",
		 "a foreign key leads from 'other' to 'app'");
	by_app("DROP DATABASE other");
	forget();
}

/* Runs fn in a process of its own, and kills that after a while. */
static void kill_in(void (*fn)(void), unsigned ms)
{
	struct timespec pause = {0, (long)ms * 1000000};
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		fn();
		_exit(0);
	}
	nanosleep(&pause, NULL);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void restore_for_ever(void)
{
	struct clones *c = open_clones(NULL);

	for (;;) {
		struct clone_report r;

		restore(c, "app_0", &r);
		by_app("DELETE FROM app_0.nodes WHERE id > 1; TRUNCATE"
		       " app_0.audit");
		restore(c, "app_0", &r);
		by_app("DROP DATABASE app_0");
	}
}

static void keep_for_ever(void)
{
	for (;;)
		keep(TESTS_DIR "/corpus/mariadb/links", NULL);
}

/* Whoever comes after a process that was killed finds what it left, and takes
 * nothing for clean. */
static void killed_midway(void **state)
{
	(void)state;
	keep(TESTS_DIR "/corpus/mariadb/links", NULL);
	for (unsigned ms = 10; ms < 250; ms += 37) {
		struct clones *c;

		kill_in(restore_for_ever, ms);
		c = open_clones(NULL);
		expect_shared(c, "app_0", "rebuilt");
		expect_shared(c, "app_0", "unchanged");
		clones_free(c);
	}
	for (unsigned ms = 10; ms < 250; ms += 83) {
		struct clones *c;

		kill_in(keep_for_ever, ms);
		keep(TESTS_DIR "/corpus/mariadb/links", NULL);
		c = open_clones("app");
		is_equal(c, "app", "a kill");
		clones_free(c);
	}
	forget();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_schema_comes_back),
	    cmocka_unit_test(changes_of_rows),
	    cmocka_unit_test(changes_of_definitions),
	    cmocka_unit_test(changes_of_kinds),
	    cmocka_unit_test(changes_of_history),
	    cmocka_unit_test(changes_elsewhere),
	    cmocka_unit_test(shared_server),
	    cmocka_unit_test(what_cannot_be_kept),
	    cmocka_unit_test(killed_midway),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
