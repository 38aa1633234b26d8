/* SPDX-License-Identifier: MIT */
/*
 * cli/find.h - which of the running sessions a command is about.
 *
 * --session ID names it. Without that, in this order: the session of
 * TESTENV_SESSION, if it runs; the one of this very configuration; the only one
 * of this project; the only one of the nearest folder above. One that has
 * failed or is ending counts only where no other does, and that of an exec only
 * if it is named by either. Two that fit equally
 * well are ERROR_NO_SESSION, as is none, and the hint tells what runs.
 */
#ifndef CLI_FIND_H
#define CLI_FIND_H

#include "base/clock.h"
#include "supervisor/client.h"

#include <stdbool.h>

struct cli;
struct error;
struct options;

int find_session(const struct cli *cli, const struct options *options,
		 const struct deadline *deadline, struct session_client **ret,
		 struct error *err);

/* All that fit, those of an exec as well: the one of TESTENV_SESSION, if it
 * runs, else those of this project; with `all` every one of this user. None is
 * success. */
int find_sessions(const struct cli *cli, const struct options *options,
		  bool all, const struct deadline *deadline,
		  struct session_list *ret, struct error *err);

/* The pure part, for find_session: index of the one that is meant, -1 with
 * *err. `dir` is the project's or working directory. */
struct find_wish {
	const char *session;   /* --session, or NULL */
	const char *inherited; /* TESTENV_SESSION, or NULL */
	const char *identity;  /* or NULL */
	bool inner; /* those of an exec, which may end at any time, too */
	const char *dir;
};
int find_choose(const struct find_wish *wish, const struct session_hello *list,
		size_t n, struct error *err);
/* Is `dir` the folder `project` or below it? */
bool find_is_below(const char *dir, const char *project);

/* "db", "db.2", ".2" or NULL: *ret_service is the caller's, NULL for the first
 * one. ERROR_USAGE. */
int find_parse_target(const char *text, char **ret_service, unsigned *ret_slot,
		      struct error *err);

#endif
