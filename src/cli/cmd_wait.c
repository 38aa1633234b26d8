/* SPDX-License-Identifier: MIT */
#include "cli/command.h"

#include "base/clock.h"
#include "cli/find.h"

enum {
	WAIT_MS = 60 * 60 * 1000,
	FIND_MS = 30000
};

static int run(struct cli *cli, const struct options *options,
	       struct error *err)
{
	struct deadline find = deadline_in(FIND_MS, cli->cancel);
	struct deadline deadline = deadline_in(WAIT_MS, cli->cancel);
	auto_session_client struct session_client *client = NULL;
	const char *text = options_get(options, "timeout");

	if (text) {
		int64_t ms = config_duration_ms(text);

		if (ms < 0)
			return error_set(err, ERROR_USAGE,
					 "--timeout '%s' is no duration", text);
		deadline = deadline_in(ms, cli->cancel);
	}
	if (find_session(cli, options, &find, &client, err) < 0)
		return -1;
	return session_client_wait(client, cli->progress, &deadline, err);
}

static const struct option_spec options[] = {
    {"timeout", 0, "DURATION", "wait no longer than this (1h)", false},
    {0},
};

const struct command cmd_wait = {
    .name = "wait",
    .summary = "wait until a session is ready",
    .synopsis = "[OPTIONS]",
    .text = "Blocks until the session started with 'testenv up --no-wait' can "
	    "be used. If it failed to start, that error is this command's, "
	    "with the exit code of its kind; it is told once.",
    .examples = "$ testenv up --no-wait --db mariadb; make; testenv wait\n"
		"  builds while the server starts\n",
    .options = options,
    .groups = OPTIONS_SESSION,
    .run = run,
};
