/* SPDX-License-Identifier: MIT */
/* dialect/sqlite_handle.h - the library's own handle, for dialect/sqlite*.c. */
#ifndef DIALECT_SQLITE_HANDLE_H
#define DIALECT_SQLITE_HANDLE_H

#include <sqlite3.h>

struct db;
struct error;

sqlite3 *sqlite_handle(struct db *db);
/* Translates what the library returned; -1. */
int sqlite_error(sqlite3 *handle, int rc, struct error *err);

#endif
