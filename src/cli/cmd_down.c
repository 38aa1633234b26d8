/* SPDX-License-Identifier: MIT */
#include "cli/command.h"

#include "base/clock.h"
#include "base/progress.h"
#include "cli/find.h"

enum {
	FIND_MS = 30000,
	DOWN_MS = 180000
};

/* Somebody else may end it at the same time: gone is gone. */
static int end_one(struct cli *cli, struct session_client *client,
		   struct error *err)
{
	struct deadline deadline = deadline_in(DOWN_MS, cli->cancel);
	auto_error struct error why = ERROR_INIT;
	struct session_hello hello;

	if (session_client_down(client, cli->progress, &deadline, &why) == 0 ||
	    why.kind == ERROR_NO_SESSION)
		return 0;
	session_client_hello(client, &hello);
	error_wrap(&why, "end session '%s'", hello.session);
	return error_move(err, &why);
}

static int end_all(struct cli *cli, const struct options *options,
		   struct error *err)
{
	struct deadline find = deadline_in(FIND_MS, cli->cancel);
	auto_session_list struct session_list list = SESSION_LIST_INIT;
	int result = 0;

	if (find_sessions(cli, options, true, &find, &list, err) < 0)
		return -1;
	for (size_t i = 0; i < list.n; i++)
		if (end_one(cli, list.clients[i], err) < 0)
			result = -1;
	return result;
}

/* Does a session run here at all? Without one, or when somebody else has just
 * ended it, there is nothing to do; that of an exec ends with it. */
static bool any_here(struct cli *cli, const struct options *options)
{
	struct deadline find = deadline_in(FIND_MS, cli->cancel);
	auto_session_list struct session_list list = SESSION_LIST_INIT;

	if (find_sessions(cli, options, false, &find, &list, NULL) < 0)
		return true;
	for (size_t i = 0; i < list.n; i++) {
		struct session_hello hello;

		session_client_hello(list.clients[i], &hello);
		if (!hello.inner)
			return true;
	}
	return false;
}

static int run(struct cli *cli, const struct options *options,
	       struct error *err)
{
	struct deadline find = deadline_in(FIND_MS, cli->cancel);
	auto_session_client struct session_client *client = NULL;
	auto_error struct error why = ERROR_INIT;

	if (options_get(options, "all"))
		return end_all(cli, options, err);
	if (find_session(cli, options, &find, &client, &why) == 0)
		return end_one(cli, client, err);
	if (why.kind != ERROR_NO_SESSION || options_get(options, "session") ||
	    any_here(cli, options))
		return error_move(err, &why);
	progress_notice(cli->progress, "no session runs here");
	return 0;
}

static const struct option_spec options[] = {
    {"all", 'a', NULL, "every session of this user", false},
    {0},
};

const struct command cmd_down = {
    .name = "down",
    .summary = "end a session",
    .synopsis = "[OPTIONS]",
    .text = "Ends the session of this project and waits until nothing of it is "
	    "left: its servers, their data, its files. That none runs here is "
	    "success, unless --session names one.",
    .examples = "$ testenv down --all\n"
		"  ends every session of this user\n",
    .options = options,
    .groups = OPTIONS_SESSION,
    .run = run,
};
