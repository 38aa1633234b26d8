/* SPDX-License-Identifier: MIT */
/* dialect/sqlite_handle.h - the library's own handle, for dialect/sqlite*.c. */
#ifndef DIALECT_SQLITE_HANDLE_H
#define DIALECT_SQLITE_HANDLE_H

#include <sqlite3.h>
#include <stdbool.h>

struct db;
struct error;

sqlite3 *sqlite_handle(struct db *db);
/* Whether the file's header says so. */
bool sqlite_file_is_wal(const char *path);
/* Translates what the library returned; -1. */
int sqlite_error(sqlite3 *handle, int rc, struct error *err);

/* A connection around it, which owns it from now on. */
struct db *sqlite_adopt(sqlite3 *handle, const char *path);

#endif
