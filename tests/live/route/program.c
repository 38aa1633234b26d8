/* SPDX-License-Identifier: MIT */
/*
 * program PATH MODE NAME: a test of somebody's that uses SQLite. Adds a row,
 * prints all rows, the journal's mode and what lies beside the file meanwhile.
 * The same in Python, JavaScript and Java beside this.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int print_row(void *data, int n, char **values, char **names)
{
	(void)data;
	(void)n;
	(void)names;
	printf("%s ", values[0]);
	return 0;
}

static void run(sqlite3 *db, const char *sql)
{
	char *message = NULL;

	if (sqlite3_exec(db, sql, print_row, NULL, &message) != SQLITE_OK) {
		printf("%s\n", message);
		exit(1);
	}
}

static const char *beside(const char *path, const char *suffix)
{
	char name[4096];

	snprintf(name, sizeof(name), "%s%s", path, suffix);
	return access(name, F_OK) == 0 ? suffix : "";
}

int main(int argc, char **argv)
{
	sqlite3 *db = NULL;
	char sql[256];

	if (argc != 4)
		return 2;
	if (sqlite3_open(argv[1], &db) != SQLITE_OK) {
		printf("%s\n", sqlite3_errmsg(db));
		sqlite3_close(db);
		return 1;
	}
	snprintf(sql, sizeof(sql), "PRAGMA journal_mode=%s", argv[2]);
	run(db, sql);
	run(db, "CREATE TABLE IF NOT EXISTS t(name TEXT)");
	run(db, "BEGIN");
	snprintf(sql, sizeof(sql), "INSERT INTO t VALUES ('%s')", argv[3]);
	run(db, sql);
	printf("%s%s%s ", beside(argv[1], "-wal"), beside(argv[1], "-shm"),
	       beside(argv[1], "-journal"));
	run(db, "COMMIT");
	run(db, "SELECT name FROM t");
	run(db, "VACUUM");
	printf("\n");
	sqlite3_close(db);
	return 0;
}
