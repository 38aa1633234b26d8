/* SPDX-License-Identifier: MIT */
/* dialect/sqlite_handle.h - the library's own handle, for dialect/sqlite*.c. */
#ifndef DIALECT_SQLITE_HANDLE_H
#define DIALECT_SQLITE_HANDLE_H

#include <sqlite3.h>
#include <stdbool.h>

struct db;
struct deadline;
struct error;

sqlite3 *sqlite_handle(struct db *db);
/* Whether the file's header says so. */
bool sqlite_file_is_wal(const char *path);

/* SQLite's own check of every page: ERROR_DATABASE names what is wrong. Tables
 * that only the application can read, by functions of its own, are left out. */
int sqlite_check(struct db *db, const struct deadline *deadline,
		 struct error *err);
/* Translates what the library returned; -1. */
int sqlite_error(sqlite3 *handle, int rc, struct error *err);

/* A connection around it, which owns it from now on. */
struct db *sqlite_adopt(sqlite3 *handle, const char *path);

#endif
