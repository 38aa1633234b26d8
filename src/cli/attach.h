/* SPDX-License-Identifier: MIT */
/*
 * cli/attach.h - a session to use: one that runs, else one of our own.
 *
 * With --session the one named. With --db, --image or --file the one of that
 * configuration, else one of our own, as `exec` has it. Without any of them the
 * session that this process runs in (TESTENV_SOCKET), else the one that
 * find_session means, else one of our own if the configuration asks for
 * databases; if it does not, ERROR_NO_SESSION.
 */
#ifndef CLI_ATTACH_H
#define CLI_ATTACH_H

#include "config/config.h"

#include <stdbool.h>

struct cli;
struct deadline;
struct error;
struct inner;
struct options;
struct session_client;
struct watchdog;

struct attached {
	struct config config;
	struct watchdog *watchdog;     /* NULL: not started */
	struct inner *inner;           /* NULL: it runs in another process */
	struct session_client *client; /* of either */
	bool own;                      /* ended by attach_end */
	bool interrupted;              /* see watchdog_interrupted */
};

/* The session in which this process runs: *ret is NULL when there is none, or
 * it does not answer. */
void attach_inherited(const struct deadline *deadline,
		      struct session_client **ret);

/* Loads the configuration, finds or starts the session, and waits until it is
 * ready. After a failure, too, attach_end is to be called. */
int attach(struct cli *cli, const struct options *options, struct attached *ret,
	   struct error *err);
/* With a->config loaded: the running session of that configuration, else one of
 * our own, which may be starting yet. */
int attach_configured(struct cli *cli, struct attached *a, struct error *err);
/* Waits until it is ready, or the start has failed. */
int attach_wait(struct cli *cli, struct attached *a, struct error *err);
/*
 * The same where databases may be kept (--keep): a session of our own is in a
 * process of its own then, which ends with this one, unless attach_keep was
 * called.
 */
int attach_keeping(struct cli *cli, struct attached *a, struct error *err);
/* After attach_run: what the command left in its databases stays, with the
 * session, until nobody has used that for an hour. Says how to reach it.
 * Somebody else's session is left as it is, which is said. */
void attach_keep(struct cli *cli, struct attached *a);
/* Starts the watchdog, if it is not there: before any thread. */
int attach_watchdog(struct attached *a, struct error *err);

/* One command, with the watchdog there and the session ready. Borrowed. */
struct attached_command {
	char *const *argv, *const *envp;
	const char *lease; /* all its processes are that one's, or NULL */
};
/* Runs it within --timeout: its exit code, as of exec. What it left running
 * does so until attach_end, or watchdog_sweep. */
int attach_run(struct cli *cli, struct attached *a,
	       const struct attached_command *command, struct error *err);
/* Says that it took longer than --timeout, and returns the exit code. */
int attach_timed_out(struct cli *cli, const struct attached *a,
		     const char *what);

/* Ends what the command left running, and a session of our own. */
void attach_end(struct cli *cli, struct attached *a);

#endif
