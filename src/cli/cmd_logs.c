/* SPDX-License-Identifier: MIT */
#include "cli/command.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "cli/find.h"
#include "cli/target.h"
#include "session/logs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	CALL_MS = 60000
};
/* As good as for ever: until the log ends, or a signal comes. */
static const int64_t follow_ms = 365LL * 24 * 60 * 60 * 1000;

static int print(void *ctx, const char *data, size_t len)
{
	(void)ctx;
	fwrite(data, 1, len, stdout);
	/* a reader that has gone ends the call */
	return fflush(stdout) != 0;
}

static int tail_of(const struct options *o, int *ret, struct error *err)
{
	const char *text = options_get(o, "tail");
	size_t n = text ? strspn(text, "0123456789") : 0;

	*ret = 0;
	if (!text || !strcmp(text, "all"))
		return 0;
	if (!n || n > 8 || text[n] || !strtol(text, NULL, 10))
		return error_set(err, ERROR_USAGE,
				 "--tail '%s' is no number of lines", text);
	*ret = (int)strtol(text, NULL, 10);
	return 0;
}

static int run(struct cli *cli, const struct options *options,
	       struct error *err)
{
	struct session_log_options log = {
	    .follow = options_get(options, "follow") != NULL,
	    .timestamps = options_get(options, "timestamps") != NULL,
	};
	struct deadline deadline =
	    deadline_in(log.follow ? follow_ms : CALL_MS, cli->cancel);
	auto_target struct target target = TARGET_INIT;

	if (tail_of(options, &log.tail, err) < 0 ||
	    target_find(cli, options, options->args[0], &target, err) < 0)
		return -1;
	if (target.address.dialect == DIALECT_SQLITE) {
		error_set(err, ERROR_REFUSED,
			  "service '%s' is a SQLite file and has no log",
			  target.service);
		return -1;
	}
	if (target.backend && !strcmp(target.backend, "server")) {
		error_set(err, ERROR_REFUSED,
			  "service '%s' is an existing server, whose log is "
			  "not testenv's",
			  target.service);
		return -1;
	}
	if (!target.name)
		return error_set(err, ERROR_NO_SERVER,
				 "the slot has no server now");
	if (target.backend && !strcmp(target.backend, "local"))
		return session_file_logs(target.name, &log, &deadline, print,
					 NULL, err);
	return session_logs(target.engine, target.name, &log, &deadline, print,
			    NULL, err);
}

static const struct option_spec options[] = {
    {"follow", 'f', NULL, "go on with what comes, until it ends", false},
    {"tail", 'n', "LINES|all", "begin with the last lines (all)", false},
    {"timestamps", 't', NULL,
     "put the time in front of each line (a container's)", false},
    {0},
};

const struct command cmd_logs = {
    .name = "logs",
    .summary = "show a server's log",
    .synopsis = "[OPTIONS] [SERVICE[.SLOT]]",
    .text = "Prints what the server of a slot has logged, by default slot 0 of "
	    "the first service, or another service of the session. Slots are "
	    "numbered as in 'testenv status'.",
    .examples = "$ testenv logs -f db.2\n"
		"  follows the log of slot 2 of service db\n",
    .options = options,
    .groups = OPTIONS_SESSION,
    .max_args = 1,
    .run = run,
};
