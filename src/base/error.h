/* SPDX-License-Identifier: MIT */
/*
 * base/error.h - the one way in which anything here fails.
 *
 * A call that can fail returns 0, or -1 (or NULL) with *err filled in. *err is
 * never touched on success, so one struct error serves a whole function. The
 * kind decides the exit code and is what tests and programs go by; the text is
 * for people. Each layer that knows more puts it in front (error_wrap).
 *
 * An error owns its strings. Start with ERROR_INIT, or declare it auto_error;
 * setting a set error first forgets the old one.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <stdarg.h>
#include <stdbool.h>

/*
 * kind, exit code, name. Append only: exit codes and names are the contract
 * with scripts. `exec` and `lease` end with 125 for all of their own failures
 * (126, 127, 124 and 128+N as `env` and `timeout` do); every other command
 * ends with the code of the kind.
 */
#define ERROR_KINDS(X)                                                         \
	X(ERROR_INTERNAL, 1, "internal")                                       \
	X(ERROR_USAGE, 2, "usage")         /* options and arguments */         \
	X(ERROR_CONFIG, 3, "config")       /* a configuration's content */     \
	X(ERROR_NO_ENGINE, 4, "no-engine") /* no container engine answers */   \
	X(ERROR_ENGINE, 5, "engine")       /* the engine said no */            \
	X(ERROR_PROTOCOL, 6, "protocol")   /* an answer nobody can read */     \
	X(ERROR_TIMEOUT, 7, "timeout")     /* a deadline passed */             \
	X(ERROR_NO_IMAGE, 8, "no-image")   /* neither here nor to pull */      \
	X(ERROR_PULL, 9, "pull")                                               \
	X(ERROR_BUILD, 10, "build")                                            \
	X(ERROR_MIGRATION, 11, "migration")                                    \
	X(ERROR_SERVER, 12, "server")     /* did not start, or died */         \
	X(ERROR_DATABASE, 13, "database") /* connection or statement */        \
	X(ERROR_IO, 14, "io")                                                  \
	X(ERROR_NO_SPACE, 15, "no-space")                                      \
	X(ERROR_BUSY, 16, "busy") /* somebody else holds it */                 \
	X(ERROR_NO_SESSION, 17, "no-session")                                  \
	X(ERROR_REQUIRED, 18, "required")   /* --require was not met */        \
	X(ERROR_REFUSED, 19, "refused")     /* not ours to touch */            \
	X(ERROR_CANCELLED, 20, "cancelled") /* a signal asked us to stop */    \
	X(ERROR_NO_SERVER, 21,                                                 \
	  "no-server") /* none installed, or at the URL */                     \
	X(ERROR_CANNOT_RUN, 126,                                               \
	  "cannot-run")                      /* the command, not executable */ \
	X(ERROR_NOT_FOUND, 127, "not-found") /* the command is not there */

enum error_kind {
	ERROR_NONE = 0,
#define ERROR_ENUM(kind, code, name) kind,
	ERROR_KINDS(ERROR_ENUM)
#undef ERROR_ENUM
};

struct error {
	enum error_kind kind;
	char *text;   /* one line, no full stop, cause last */
	char *hint;   /* NULL, or one line: the next step */
	char *detail; /* NULL, or lines to show under it: a log's tail */
};

#define ERROR_INIT                  \
	{                           \
		ERROR_NONE, 0, 0, 0 \
	}

/* Forgets it and frees its strings; the struct is as after ERROR_INIT. */
void error_clear(struct error *err);
#define auto_error __attribute__((cleanup(error_clear)))

/*
 * Both return -1, so that a failure is one line. A NULL err is allowed.
 * Control characters in the text become spaces.
 */
int error_set(struct error *err, enum error_kind kind, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* As error_set, with ": " and strerror(errno_value) behind the text; ENOSPC and
 * EDQUOT turn ERROR_IO into ERROR_NO_SPACE. */
int error_set_errno(struct error *err, enum error_kind kind, int errno_value,
		    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* Puts "text: " in front of what is there; the kind stays. Returns -1. */
int error_wrap(struct error *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Each replaces what was there. Neither touches the kind. */
void error_hint(struct error *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void error_detail(struct error *err, const char *lines);

/* Moves *from into *err (clearing what was there), leaving *from empty.
 * Returns -1. With err NULL, *from is only cleared. */
int error_move(struct error *err, struct error *from);
/* The same, leaving *from as it is. */
int error_copy(struct error *err, const struct error *from);

/* Never NULL: the text, or "no error". */
const char *error_text(const struct error *err);
/* Whether it is about a full disk, also in the words of an engine, a server or
 * the end of its log: those are of any kind. */
bool error_is_disk_full(const struct error *err);
/* "no-engine"; "none" for ERROR_NONE. */
const char *error_kind_name(enum error_kind kind);
/* 0 for ERROR_NONE. */
int error_exit_code(enum error_kind kind);

#endif
