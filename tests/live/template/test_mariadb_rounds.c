/* SPDX-License-Identifier: MIT */
/* needs-packages: mariadb-server */
/*
 * Random statements between restores, and after each the database is equal to
 * its original: by our own comparison, and every few rounds by what
 * mariadb-dump writes. TESTENV_ROUNDS rounds altogether (40), from
 * TESTENV_SEED.
 */
#include "live/template/maria.h"

#include <fcntl.h>
#include <sys/stat.h>

/* %t: a table, %c: one of its columns, %n: a number, %o: another object. Half
 * of them fail; that is not what is tested. */
static const char *const rows[] = {
    "DELETE FROM %t LIMIT 2",
    "DELETE FROM %t",
    "SET foreign_key_checks=0; DELETE FROM %t",
    "SET foreign_key_checks=0; TRUNCATE %t",
    "TRUNCATE %t",
    "UPDATE %t SET %c = %c + %n LIMIT 3",
    "UPDATE %t SET %c = NULL",
    "UPDATE IGNORE %t SET %c = 'x'",
    "UPDATE IGNORE %t SET %c = %n",
    "UPDATE %t SET %c = upper(%c)",
    "INSERT INTO %t () VALUES ()",
    "INSERT IGNORE INTO %t (%c) VALUES (%n), (%n + 1)",
    "INSERT INTO %t SELECT * FROM %t",
    "REPLACE INTO %t (%c) VALUES (%n)",
    "INSERT INTO %t (%c) VALUES (%n) ON DUPLICATE KEY UPDATE %c = %c",
    "BEGIN; DELETE FROM %t; ROLLBACK",
    "BEGIN; INSERT INTO %t () VALUES (), (); ROLLBACK",
    "BEGIN; DELETE FROM %t LIMIT 1",
    "BEGIN; SAVEPOINT s; DELETE FROM %t; ROLLBACK TO s; COMMIT",
    "LOCK TABLES %t WRITE; DELETE FROM %t LIMIT 1",
    "LOCK TABLES %t WRITE; UPDATE %t SET %c = %n; UNLOCK TABLES",
    "PREPARE s FROM 'DELETE FROM %t WHERE %c = ?'; EXECUTE s USING %n",
    "SELECT NEXTVAL(%t), NEXTVAL(%t)",
    "SELECT SETVAL(%t, %n)",
    "CREATE TEMPORARY TABLE %t AS SELECT %n AS a; DELETE FROM %t",
    "ANALYZE TABLE %t",
    "OPTIMIZE TABLE %t",
    "DELETE HISTORY FROM %t",
    "CALL grow(2)",
    "DELETE x FROM %t x JOIN %t y USING (%c)",
    "START TRANSACTION READ ONLY; SELECT * FROM %t",
    "FLUSH TABLES %t",
    "CREATE TABLE made (id int PRIMARY KEY) AS SELECT %n AS id",
    "CREATE TABLE made LIKE %t; INSERT INTO made SELECT * FROM %t",
    "CREATE VIEW made_view AS SELECT * FROM %t",
};
static const char *const definitions[] = {
    "ALTER TABLE %t ADD COLUMN made int DEFAULT %n",
    "ALTER TABLE %t DROP COLUMN %c",
    "ALTER TABLE %t AUTO_INCREMENT = %n",
    "ALTER TABLE %t FORCE",
    "ALTER TABLE %t COMMENT = 'made'",
    "ALTER TABLE %t ENGINE = Aria",
    "ALTER TABLE %t MODIFY %c varchar(300)",
    "ALTER TABLE %t RENAME COLUMN %c TO made",
    "ALTER TABLE %t DROP COLUMN %c, ADD COLUMN %c int",
    "ALTER TABLE %t TRUNCATE PARTITION ALL",
    "ALTER TABLE %t REMOVE PARTITIONING",
    "ALTER TABLE %t DROP PRIMARY KEY",
    "SET foreign_key_checks=0; DROP TABLE %t",
    "RENAME TABLE %t TO made",
    "SET foreign_key_checks=0; CREATE OR REPLACE TABLE %t (a int)",
    "CREATE INDEX made ON %t (%c)",
    "CREATE TRIGGER made BEFORE DELETE ON %t FOR EACH ROW SET @a = 1",
    "DROP TRIGGER IF EXISTS nodes_ai",
    "DROP VIEW IF EXISTS z_leaves, doubled, order_values",
    "DROP FUNCTION IF EXISTS weight",
    "DROP PROCEDURE IF EXISTS grow",
    "CREATE PROCEDURE made() DELETE FROM %t",
    "CREATE EVENT made ON SCHEDULE EVERY 1 HOUR DO DELETE FROM %t",
    "DROP EVENT IF EXISTS sweep",
    "CREATE SEQUENCE made",
    "ALTER SEQUENCE %t RESTART %n",
    "ALTER DATABASE CHARACTER SET latin1",
    "SET foreign_key_checks=0; DROP DATABASE IF EXISTS app",
    "FLUSH STATUS",
};

static unsigned long random_state;
static unsigned ways[CLONE_TEMPLATE + 1];

static unsigned next_random(unsigned below)
{
	random_state = random_state * 6364136223846793005UL + 1;
	return (unsigned)(random_state >> 33) % below;
}

/* One of the names that a query gives; "nothing" for none. */
static char *pick(struct db *db, const char *query)
{
	struct deadline d = within(60000);
	auto_free char *sql =
	    xasprintf("SELECT x FROM (%s) y ORDER BY MD5(CONCAT(x, %u)) LIMIT"
		      " 1",
		      query, next_random(1000));
	auto_error struct error err = ERROR_INIT;
	char *found = NULL;

	ok(db_value(db, sql, &d, &found, &err), &err);
	return found ? found : xstrdup("nothing");
}

static void expand(struct db *db, const char *name, const char *form,
		   struct buf *ret)
{
	auto_free char *tables =
	    xasprintf("SELECT TABLE_NAME AS x FROM information_schema.TABLES"
		      " WHERE TABLE_TYPE <> 'VIEW' AND TABLE_SCHEMA = '%s'",
		      name);
	auto_free char *table = pick(db, tables);
	auto_buf struct buf columns = BUF_INIT;
	auto_free char *column = NULL;

	buf_printf(&columns,
		   "SELECT COLUMN_NAME AS x FROM information_schema.COLUMNS"
		   " WHERE TABLE_SCHEMA = '%s' AND TABLE_NAME = ",
		   name);
	db_put_literal(DIALECT_MARIADB, &columns, table);
	column = pick(db, columns.s);
	for (; *form; form++) {
		if (*form != '%') {
			buf_putc(ret, *form);
			continue;
		}
		form++;
		if (*form == 't')
			db_put_identifier(DIALECT_MARIADB, ret, table);
		else if (*form == 'c')
			db_put_identifier(DIALECT_MARIADB, ret, column);
		else
			buf_printf(ret, "%u", next_random(100));
	}
}

/* A few statements, on one connection each; what they were, for messages. */
static void disturb(char *name, struct buf *ret_said)
{
	auto_db struct db *db = admin();
	unsigned n = 1 + next_random(4);

	for (unsigned i = 0; i < n; i++) {
		struct deadline d = within(60000);
		auto_error struct error err = ERROR_INIT;
		auto_error struct error gone = ERROR_INIT;
		auto_buf struct buf sql = BUF_INIT;
		auto_db struct db *app = NULL;
		struct db_address a = {.dialect = DIALECT_MARIADB,
				       .socket = socket_path,
				       .user = app_user,
				       .database = name};

		/* its database may have been dropped */
		if (db_connect(&a, &d, &app, &gone) < 0)
			return;
		if (next_random(6))
			expand(db, name, rows[next_random(array_len(rows))],
			       &sql);
		else
			expand(db, name,
			       definitions[next_random(array_len(definitions))],
			       &sql);
		db_exec(app, sql.s, &d, &err);
		assert_true(err.kind == ERROR_NONE ||
			    err.kind == ERROR_DATABASE);
		buf_printf(ret_said, "\n  %s;", sql.s);
	}
}

static char *dump(const char *name, const char *file)
{
	auto_free char *tool = program("/usr/bin/mariadb-dump");
	auto_free char *path = fs_join(server.dir, file);
	auto_strvec struct strvec argv = STRVEC_INIT;
	auto_error struct error err = ERROR_INIT;
	struct buf b = BUF_INIT;

	strvec_push(&argv, tool);
	strvec_push(&argv, "--no-defaults");
	strvec_push(&argv, "--user=root");
	strvec_pushf(&argv, "--socket=%s", socket_path);
	strvec_push(&argv, "--skip-comments");
	strvec_push(&argv, "--routines");
	strvec_push(&argv, "--events");
	strvec_push(&argv, "--hex-blob");
	strvec_push(&argv, "--order-by-primary");
	strvec_pushf(&argv, "--result-file=%s", path);
	strvec_push(&argv, name);
	run_to_end(&server, argv.v);
	ok(fs_read_file(path, &b, &err), &err);
	return buf_take(&b);
}

static void rounds(char *name, const char *exclusive, unsigned n)
{
	struct clones *c = open_clones(exclusive);
	auto_free char *first = NULL;
	struct clone_report r;

	/* one owner's is as it should be from the start */
	if (!exclusive)
		assert_int_equal(restore(c, name, &r), 1);
	first = dump(name, "first.sql");
	for (unsigned i = 0; i < n; i++) {
		auto_buf struct buf said = BUF_INIT;

		disturb(name, &said);
		if (restore(c, name, &r) != 1)
			fail_msg("a new server: %s, after%s", r.why, said.s);
		ways[r.way]++;
		is_equal(c, name, said.s);
		if (i % 5 == 4 || i == n - 1) {
			auto_free char *now = dump(name, "now.sql");

			if (strcmp(first, now) != 0)
				fail_msg("%s/first.sql and now.sql differ "
					 "after%s",
					 server.dir, said.s);
		}
	}
	clones_free(c);
}

static void always_back_to_equal(void **state)
{
	static char app[] = "app";
	static char other[] = "app_0";
	const char *n_text = getenv("TESTENV_ROUNDS");
	const char *seed = getenv("TESTENV_SEED");
	unsigned n = n_text ? (unsigned)strtoul(n_text, NULL, 10) : 40;

	(void)state;
	random_state = seed ? strtoul(seed, NULL, 10) : 20261122;
	print_message("%u rounds, seed %lu\n", n, random_state);
	for (size_t i = 0; i < array_len(schemas); i++) {
		struct clones *c;
		bool elsewhere;

		keep(schemas[i], NULL);
		/* as a server is that was started from a template */
		stop_server();
		start_server();
		rounds(app, app, n / array_len(schemas) / 2 + 1);
		c = open_clones(NULL);
		elsewhere = !clones_only_in_place(c);
		clones_free(c);
		if (elsewhere)
			rounds(other, NULL, n / array_len(schemas) / 2 + 1);
		forget();
	}
	for (int way = CLONE_UNCHANGED; way <= CLONE_REBUILT; way++)
		print_message("%s: %u\n", clone_way_name((enum clone_way)way),
			      ways[way]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(always_back_to_equal),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
