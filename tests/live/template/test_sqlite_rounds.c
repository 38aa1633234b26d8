/* SPDX-License-Identifier: MIT */
/*
 * SQLite files of the demonstration's and the awkward schemas, in every page
 * size, encoding and mode: each copy is its template to the byte, and so is a
 * file that is brought back after random statements, but for what SQLite counts
 * in the header. TESTENV_ROUNDS rounds altogether (30), from TESTENV_SEED.
 */
#include "base/alloc.h"
#include "base/error.h"
#include "base/fs.h"
#include "dialect/db.h"
#include "dialect/state.h"
#include "template/migrations.h"
#include "unit/cm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const schemas[] = {
    TESTS_DIR "/../compose/shop/db/migrations",
    TESTS_DIR "/corpus/sqlite/kinds",
    TESTS_DIR "/corpus/sqlite/links",
    TESTS_DIR "/corpus/sqlite/odd",
};
/* As the file begins, before its schema; "": as the schema says. */
static const char *const modes[] = {
    "",
    "PRAGMA page_size = 512; PRAGMA encoding = 'UTF-16le'",
    "PRAGMA page_size = 65536; PRAGMA auto_vacuum = FULL",
    "PRAGMA page_size = 1024; PRAGMA journal_mode = WAL",
    "PRAGMA encoding = 'UTF-16be'; PRAGMA auto_vacuum = INCREMENTAL; "
    "PRAGMA journal_mode = WAL",
    "PRAGMA page_size = 65536; PRAGMA encoding = 'UTF-16le'; "
    "PRAGMA journal_mode = WAL",
    "PRAGMA journal_mode = PERSIST; PRAGMA user_version = 2147483647",
    "PRAGMA journal_mode = TRUNCATE; PRAGMA application_id = -2147483648",
};

static char dir[] = "/tmp/te-live-XXXXXX";
/* another file system, which the kernel does not copy to from dir; or NULL */
static char *elsewhere;
static char *template, *file;

static struct deadline soon(void)
{
	return deadline_in(60000, NULL);
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

/* ---- the template ---- */

static void remove_with_sidecars(const char *path)
{
	static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};

	for (size_t i = 0; i < array_len(suffixes); i++) {
		auto_free char *one = xasprintf("%s%s", path, suffixes[i]);

		unlink(one);
	}
}

static void begin(const char *mode)
{
	auto_db struct db *db = open_file(template);
	struct deadline d = soon();
	auto_error struct error err = ERROR_INIT;

	/* the first table is what settles it */
	ok(db_exec(db, mode, &d, &err), &err);
	ok(db_exec(db, "CREATE TABLE begun (x)", &d, &err), &err);
}

static void make(const char *schema, const char *mode)
{
	struct migrations_source source = {.dir = schema};
	struct db_address a = {.dialect = DIALECT_SQLITE, .path = template};
	auto_migrations struct migrations m = MIGRATIONS_INIT;
	auto_error struct error err = ERROR_INIT;
	struct deadline d = soon();

	remove_with_sidecars(template);
	if (*mode)
		begin(mode);
	ok(migrations_load(&source, DIALECT_SQLITE, &m, &err), &err);
	ok(migrations_run(&m, &a, &d, NULL, &err), &err);
	ok(db_seal_file(open_file(template), &err), &err);
	assert_int_equal(chmod(template, 0400), 0);
}

/* ---- equal ---- */

static void expect_same_content(char *path, const char *after)
{
	struct deadline d = soon();
	auto_error struct error err = ERROR_INIT;
	auto_db_state struct db_state a = DB_STATE_INIT;
	auto_db_state struct db_state b = DB_STATE_INIT;
	auto_buf struct buf difference = BUF_INIT;
	auto_db struct db *db = open_file(path);

	ok(db_read_sealed(template, &d, &a, &err), &err);
	ok(db_state_read(db, &d, &b, &err), &err);
	if (db_state_describe(&a, &b, &difference))
		fail_msg("after%s:\n%s", after, difference.s);
}

/* sqlite.org/fileformat2.html: the change counter, the schema cookie, and the
 * change and the library that the size is valid for. */
static void forget_counters(struct buf *b)
{
	assert_true(b->len >= 100);
	memset(b->s + 24, 0, 4);
	memset(b->s + 40, 0, 4);
	memset(b->s + 92, 0, 8);
}

static void expect_same_bytes(const char *path, bool counters,
			      const char *after)
{
	auto_error struct error err = ERROR_INIT;
	auto_buf struct buf a = BUF_INIT;
	auto_buf struct buf b = BUF_INIT;
	auto_free char *journal = xasprintf("%s-journal", path);
	auto_free char *wal = xasprintf("%s-wal", path);

	assert_false(fs_exists(journal));
	assert_false(fs_exists(wal));
	ok(fs_read_file(template, &a, &err), &err);
	ok(fs_read_file(path, &b, &err), &err);
	if (!counters) {
		forget_counters(&a);
		forget_counters(&b);
	}
	if (a.len != b.len)
		fail_msg("%zu bytes, not %zu, after%s", b.len, a.len, after);
	for (size_t i = 0; i < a.len; i++)
		if (a.s[i] != b.s[i])
			fail_msg("byte %zu differs after%s", i, after);
}

static void copy_to(const char *path)
{
	auto_error struct error err = ERROR_INIT;

	remove_with_sidecars(path);
	ok(fs_copy_file(template, path, 0600, &err), &err);
}

static int refill(struct error *err)
{
	struct deadline d = soon();

	return db_refill_file(file, template, &d, err);
}

/* ---- round trips ---- */

static void round_trip(const char *schema, const char *mode)
{
	auto_free char *what = xasprintf(" '%s' with '%s'", schema, mode);
	auto_error struct error err = ERROR_INIT;
	struct deadline d = soon();

	make(schema, mode);
	copy_to(file);
	expect_same_bytes(file, true, what);
	expect_same_content(file, what);
	if (elsewhere) {
		auto_free char *far = fs_join(elsewhere, "far.sqlite");

		copy_to(far);
		expect_same_bytes(far, true, what);
		unlink(far);
	}
	/* from nothing at all, which has another page size and encoding */
	assert_int_equal(truncate(file, 0), 0);
	ok(refill(&err), &err);
	expect_same_bytes(file, false, what);
	expect_same_content(file, what);
	ok(db_check_sealed(file, &d, &err), &err);
	/* and when nothing is to be done */
	ok(refill(&err), &err);
	expect_same_bytes(file, false, what);
}

static void round_trips(void **state)
{
	(void)state;
	for (size_t s = 0; s < array_len(schemas); s++)
		for (size_t m = 0; m < array_len(modes); m++)
			round_trip(schemas[s], modes[m]);
}

/* ---- random statements ---- */

/* %t: a table, %c: one of its columns, %n: a number, %o: anything else of the
 * schema. Many fail; that is not what is tested. */
static const char *const changes[] = {
    "DELETE FROM %t WHERE %c = %n",
    "DELETE FROM %t",
    "DELETE FROM %t WHERE rowid %% 3 = 1",
    "UPDATE %t SET %c = %c + %n",
    "UPDATE OR IGNORE %t SET %c = NULL",
    "UPDATE OR REPLACE %t SET %c = %n",
    "UPDATE %t SET rowid = rowid + 1000",
    "INSERT INTO %t DEFAULT VALUES",
    "INSERT INTO %t (%c) VALUES (%n), (hex(randomblob(3000)))",
    "INSERT OR REPLACE INTO %t SELECT * FROM %t",
    "INSERT INTO %t (%c) VALUES (zeroblob(200000))",
    "REPLACE INTO %t (%c) VALUES (%n)",
    "BEGIN; DELETE FROM %t; ROLLBACK",
    "BEGIN; DELETE FROM %t",
    "BEGIN IMMEDIATE; INSERT INTO %t (%c) VALUES (%n)",
    "SAVEPOINT a; DELETE FROM %t; ROLLBACK TO a; RELEASE a",
    "PRAGMA foreign_keys = ON; DELETE FROM %t",
    "PRAGMA recursive_triggers = ON; INSERT INTO %t (%c) VALUES (%n)",
    "UPDATE sqlite_sequence SET seq = seq + %n",
    "DELETE FROM sqlite_sequence",
    "SELECT * FROM %t",
    "CREATE TEMP TABLE %t AS SELECT %n AS a; DELETE FROM %t",
    "CREATE TABLE made_%n AS SELECT * FROM %t",
    "CREATE TABLE made (a PRIMARY KEY, b) WITHOUT ROWID; INSERT INTO made "
    "VALUES (%n, %n)",
    "CREATE VIRTUAL TABLE made_words USING fts5 (x); INSERT INTO made_words "
    "VALUES ('a b c')",
    "CREATE VIEW made_view AS SELECT * FROM %t",
    "CREATE INDEX made_index ON %t (%c DESC) WHERE %c > %n",
    "CREATE TRIGGER made_trigger BEFORE DELETE ON %t BEGIN SELECT 1; END",
    "ALTER TABLE %t ADD COLUMN made DEFAULT %n",
    "ALTER TABLE %t DROP COLUMN %c",
    "ALTER TABLE %t RENAME TO made",
    "ALTER TABLE %t RENAME COLUMN %c TO made",
    "DROP TABLE %t",
    "DROP TABLE IF EXISTS %o",
    "DROP VIEW %o",
    "DROP TRIGGER %o",
    "DROP INDEX %o",
    "INSERT INTO %t (%t) VALUES ('rebuild')",
    "INSERT INTO %t (%t) VALUES ('delete-all')",
    "PRAGMA user_version = %n",
    "PRAGMA application_id = %n",
    "PRAGMA journal_mode = WAL",
    "PRAGMA journal_mode = DELETE",
    "PRAGMA journal_mode = PERSIST",
    "PRAGMA journal_mode = TRUNCATE",
    "PRAGMA locking_mode = EXCLUSIVE; DELETE FROM %t",
    "PRAGMA page_size = 2048; VACUUM",
    "PRAGMA page_size = 32768; PRAGMA journal_mode = DELETE; VACUUM",
    "PRAGMA auto_vacuum = NONE; VACUUM",
    "PRAGMA auto_vacuum = FULL; VACUUM",
    "PRAGMA incremental_vacuum(%n)",
    "VACUUM",
    "ANALYZE",
    "REINDEX",
    "PRAGMA writable_schema = ON; DELETE FROM sqlite_schema WHERE name = '%n'",
    "PRAGMA writable_schema = ON; DELETE FROM sqlite_schema WHERE type = "
    "'trigger'",
};

static unsigned long random_state;
static unsigned refilled, replaced;

static unsigned next_random(unsigned below)
{
	random_state = random_state * 6364136223846793005UL + 1;
	return (unsigned)(random_state >> 33) % below;
}

/* One of the names that a query gives as x; "nothing" for none. */
static char *pick(struct db *db, const char *query)
{
	auto_free char *sql =
	    xasprintf("SELECT x FROM (SELECT *, row_number() OVER (ORDER BY x) "
		      "AS n FROM (%s)) ORDER BY n * %u %% 1009 LIMIT 1",
		      query, 1 + next_random(1000));
	struct deadline d = soon();
	char *found = NULL;

	if (db_value(db, sql, &d, &found, NULL) < 0)
		return xstrdup("nothing");
	return found ? found : xstrdup("nothing");
}

static char *column_of(struct db *db, const char *table)
{
	auto_buf struct buf sql = BUF_INIT;

	buf_puts(&sql, "SELECT name AS x FROM pragma_table_xinfo(");
	db_put_literal(DIALECT_SQLITE, &sql, table);
	buf_putc(&sql, ')');
	return pick(db, sql.s);
}

static void expand(struct db *db, const char *form, struct buf *ret)
{
	auto_free char *table =
	    pick(db, "SELECT name AS x FROM sqlite_schema WHERE type IN "
		     "('table', 'view')");
	auto_free char *other = pick(db, "SELECT name AS x FROM sqlite_schema "
					 "WHERE type <> 'table'");
	auto_free char *column = column_of(db, table);

	for (; *form; form++) {
		if (*form != '%') {
			buf_putc(ret, *form);
			continue;
		}
		form++;
		if (*form == 't')
			db_put_identifier(DIALECT_SQLITE, ret, table);
		else if (*form == 'c')
			db_put_identifier(DIALECT_SQLITE, ret, column);
		else if (*form == 'o')
			db_put_identifier(DIALECT_SQLITE, ret, other);
		else if (*form == '%')
			buf_putc(ret, '%');
		else
			buf_printf(ret, "%u", next_random(100));
	}
}

/* By two connections, which may still be in the midst of it. */
static void disturb(struct db *const db[2], struct buf *ret_said)
{
	for (unsigned n = next_random(6); n > 0; n--) {
		struct db *by = db[next_random(4) == 0];
		auto_error struct error err = ERROR_INIT;
		auto_buf struct buf sql = BUF_INIT;
		struct deadline d = soon();

		expand(by, changes[next_random(array_len(changes))], &sql);
		buf_printf(ret_said, "\n  %s;", sql.s);
		if (db_exec(by, sql.s, &d, &err) < 0 &&
		    err.kind != ERROR_DATABASE && err.kind != ERROR_BUSY)
			fail_msg("%s, after%s", error_text(&err), ret_said->s);
	}
}

/* As a reset does. */
static void bring_back(const char *after)
{
	auto_error struct error err = ERROR_INIT;

	if (refill(&err) == 0) {
		refilled++;
		return;
	}
	if (err.kind != ERROR_DATABASE && err.kind != ERROR_BUSY)
		fail_msg("%s, after%s", error_text(&err), after);
	replaced++;
	copy_to(file);
}

static void round_of(void)
{
	struct db *db[2] = {open_file(file), open_file(file)};
	auto_buf struct buf said = BUF_INIT;

	disturb(db, &said);
	for (size_t i = 0; i < array_len(db); i++)
		if (next_random(2)) {
			db_close(db[i]);
			db[i] = NULL;
		}
	bring_back(said.s);
	db_close(db[0]);
	db_close(db[1]);
	expect_same_content(file, said.s);
	expect_same_bytes(file, false, said.s);
}

static void always_back_to_equal(void **state)
{
	const char *n_text = getenv("TESTENV_ROUNDS");
	const char *seed = getenv("TESTENV_SEED");
	unsigned n = n_text ? (unsigned)strtoul(n_text, NULL, 10) : 30;

	(void)state;
	random_state = seed ? strtoul(seed, NULL, 10) : 20261122;
	print_message("%u rounds, seed %lu\n", n, random_state);
	for (unsigned i = 0; i < n; i++) {
		if (i % 10 == 0) {
			make(schemas[i / 10 % array_len(schemas)],
			     modes[next_random(array_len(modes))]);
			copy_to(file);
		}
		round_of();
	}
	print_message("refilled: %u, replaced: %u\n", refilled, replaced);
}

static int set_up(void **state)
{
	char shm[] = "/dev/shm/te-live-XXXXXX";

	(void)state;
	if (!mkdtemp(dir))
		return -1;
	if (mkdtemp(shm))
		elsewhere = xstrdup(shm);
	template = fs_join(dir, "template.sqlite");
	file = fs_join(dir, "copy.sqlite");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	free(template);
	free(file);
	if (elsewhere)
		fs_remove_tree(elsewhere, NULL);
	free(elsewhere);
	return fs_remove_tree(dir, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(round_trips),
	    cmocka_unit_test(always_back_to_equal),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
