/* SPDX-License-Identifier: MIT */
/*
 * route/map.h - which paths are routed. Pure; no allocation.
 */
#ifndef ROUTE_MAP_H
#define ROUTE_MAP_H

#include <stdbool.h>
#include <stddef.h>

enum {
	ROUTE_MAX_PATH = 1024,
	ROUTE_MAX_SERVICE = 64,
	ROUTE_MAX_SUFFIX = 64
};

/* A path is one of these, or none. */
enum route_kind {
	ROUTE_NO = 0,
	ROUTE_IS_FILE = 1,    /* $DIR/SERVICE/app.sqlite and what begins so */
	ROUTE_IS_SERVICE = 2, /* $DIR/SERVICE */
	ROUTE_IS_DIR = 4      /* $DIR */
};

struct route_match {
	enum route_kind kind;
	char service[ROUTE_MAX_SERVICE];
	char suffix[ROUTE_MAX_SUFFIX]; /* "-wal", or "" */
};

/*
 * path made absolute by cwd, without "//", "." and "..", by the text alone.
 * False when it does not fit.
 */
bool route_clean(const char *cwd, const char *path, char *buf, size_t size);

/* What a clean path is under a clean dir. */
enum route_kind route_match(const char *dir, const char *path,
			    struct route_match *ret);

/* Where it really is: file is the owner's, dir as above. For a directory that
 * is the one around it, "/." behind. False when it does not fit. */
bool route_target(const struct route_match *m, const char *dir,
		  const char *file, char *buf, size_t size);

#endif
