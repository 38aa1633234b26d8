/* SPDX-License-Identifier: MIT */
#include "dialect/transaction.h"

#include "unit/cm.h"

#include <string.h>

static void all(enum dialect d, bool fits, const char *const *scripts)
{
	for (; *scripts; scripts++)
		if (sql_fits_transaction(d, *scripts, strlen(*scripts)) != fits)
			fail_msg("'%s' %s", *scripts,
				 fits ? "does not fit" : "fits");
}

static void postgres(void **state)
{
	static const char *const fit[] = {
	    "",
	    "CREATE TABLE t (x int); INSERT INTO t VALUES (1)",
	    "SELECT 'BEGIN'; -- COMMIT;\n/* VACUUM; */ SELECT 1",
	    "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$\n"
	    "BEGIN\nRETURN 1;\nEND $$;",
	    "CREATE INDEX \"concurrently\" ON t (x)",
	    "PREPARE p AS SELECT 1",
	    "SELECT 'unterminated",
	    NULL};
	static const char *const unfit[] = {
	    "BEGIN; SELECT 1; COMMIT",
	    "SELECT 1;\n/* x */ start transaction; SELECT 1; END",
	    "-- x\nVACUUM t",
	    "SELECT 1; CREATE UNIQUE INDEX CONCURRENTLY i ON t (x)",
	    "drop index concurrently i",
	    "REINDEX (VERBOSE) TABLE CONCURRENTLY t",
	    "PREPARE TRANSACTION 'x'",
	    "ROLLBACK",
	    NULL};

	(void)state;
	all(DIALECT_POSTGRES, true, fit);
	all(DIALECT_POSTGRES, false, unfit);
}

static void sqlite(void **state)
{
	static const char *const fit[] = {
	    "",
	    "CREATE TABLE t (x); INSERT INTO t VALUES ('; COMMIT;')",
	    "CREATE TRIGGER a AFTER INSERT ON t BEGIN\n UPDATE t SET x = CASE "
	    "WHEN 1 THEN 2 END; -- ; END;\nEND; CREATE TABLE [end] (y)",
	    "create temp trigger a after insert on t begin select 1; end",
	    "PRAGMA user_version = 3; PRAGMA main.defer_foreign_keys",
	    NULL};
	static const char *const unfit[] = {
	    "BEGIN; CREATE TABLE t (x); COMMIT",
	    "CREATE TABLE t (x); PRAGMA foreign_keys = OFF",
	    "/* x */ VACUUM",
	    "CREATE TRIGGER a AFTER INSERT ON t BEGIN SELECT 1; END; SAVEPOINT "
	    "s",
	    "ATTACH 'x' AS y",
	    NULL};

	(void)state;
	all(DIALECT_SQLITE, true, fit);
	all(DIALECT_SQLITE, false, unfit);
}

static void mariadb(void **state)
{
	static const char *const unfit[] = {"", "CREATE TABLE t (x int)", NULL};

	(void)state;
	all(DIALECT_MARIADB, false, unfit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(postgres),
	    cmocka_unit_test(sqlite),
	    cmocka_unit_test(mariadb),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
