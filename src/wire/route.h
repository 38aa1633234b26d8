/* SPDX-License-Identifier: MIT */
/*
 * wire/route.h - what the supervisor and libtestenv-route.so agree on.
 *
 * All owners are told one path for a SQLite file,
 *
 *	$TESTENV_ROUTE_DIR/SERVICE/app.sqlite
 *
 * in a directory that does not exist. The library, preloaded, opens the file of
 * its process's owner instead; without it there is no such file. The last part
 * of the directory's name says what is missing, as drivers show the path and
 * little else; the library looks at no path without it.
 *
 * The owner's file may have any name, in a directory of this owner alone:
 * SQLite puts -wal, -shm and -journal beside it and syncs the directory.
 */
#ifndef WIRE_ROUTE_H
#define WIRE_ROUTE_H

#define ROUTE_LIBRARY  "libtestenv-route.so"
#define ROUTE_DIR_VAR  "TESTENV_ROUTE_DIR"
#define ROUTE_DIR_NAME "needs-libtestenv-route.so"
#define ROUTE_FILE     "app.sqlite"

#endif
