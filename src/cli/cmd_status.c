/* SPDX-License-Identifier: MIT */
#include "cli/command.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "cli/find.h"
#include "cli/status_text.h"
#include "supervisor/protocol.h"

#include <stdio.h>

enum {
	CALL_MS = 30000
};

/* One that ends while it is asked is none that runs. */
static cJSON *ask_all(const struct session_list *list,
		      const struct deadline *deadline)
{
	cJSON *all = cJSON_CreateArray();

	for (size_t i = 0; i < list->n; i++) {
		auto_error struct error err = ERROR_INIT;
		cJSON *status;

		if (session_client_call(list->clients[i], "status", NULL, NULL,
					deadline, &status, &err) < 0) {
			log_debug("status: %s", error_text(&err));
			continue;
		}
		cJSON_DeleteItemFromObject(status, "ok");
		cJSON_DeleteItemFromObject(status, "id");
		cJSON_AddItemToArray(all, status);
	}
	return all;
}

/* Nothing to show: with --all, or --json, that is the answer. Else the error
 * of who looks for a session tells what runs elsewhere. */
static int explain_none(struct cli *cli, const struct options *options,
			const struct deadline *deadline, struct error *err)
{
	auto_session_client struct session_client *client = NULL;

	if (find_session(cli, options, deadline, &client, err) < 0)
		return -1;
	return error_set(err, ERROR_NO_SESSION, "the session has ended");
}

static void print_json(cJSON *all)
{
	auto_cjson cJSON *json = cJSON_CreateObject();
	char *text;

	cJSON_AddItemToObject(json, "sessions", cJSON_Duplicate(all, true));
	text = cJSON_Print(json);
	puts(text);
	cJSON_free(text);
}

static int run(struct cli *cli, const struct options *options,
	       struct error *err)
{
	struct deadline deadline = deadline_in(CALL_MS, cli->cancel);
	auto_session_list struct session_list list = SESSION_LIST_INIT;
	bool every = options_get(options, "all") != NULL;
	auto_cjson cJSON *all = NULL;
	auto_buf struct buf out = BUF_INIT;
	const cJSON *status;

	if (find_sessions(cli, options, every, &deadline, &list, err) < 0)
		return -1;
	all = ask_all(&list, &deadline);
	if (options_get(options, "json")) {
		print_json(all);
		return 0;
	}
	if (!cJSON_GetArraySize(all) && !every)
		return explain_none(cli, options, &deadline, err);
	cJSON_ArrayForEach (status, all) {
		status_text(status, &out);
	}
	fputs(out.s, stdout);
	return 0;
}

static const struct option_spec options[] = {
    {"all", 'a', NULL, "of every project, not only of this one", false},
    {"json", 0, NULL, "as JSON, with all there is to know", false},
    {0},
};

const struct command cmd_status = {
    .name = "status",
    .summary = "show what runs, where, and why there",
    .synopsis = "[OPTIONS]",
    .text =
	"Shows the sessions of this project: each service with its backend, "
	"image and slots, and the reason where a fall-back serves; the other "
	"services; then each database, whose it is now, and why. Passwords are "
	"not shown; 'testenv "
	"env' has them. Inside a session ('testenv exec') it is that one, "
	"whatever the working directory.\n\n"
	"With --json the answer is an object whose \"sessions\" is a list, "
	"empty when nothing runs.",
    .examples = "$ testenv status --all\n"
		"  every session of this user\n",
    .options = options,
    .groups = OPTIONS_SESSION,
    .run = run,
};
