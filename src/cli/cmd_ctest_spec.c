/* SPDX-License-Identifier: MIT */
#include "cli/command.h"

#include "base/clock.h"
#include "base/fs.h"
#include "cli/find.h"
#include "supervisor/protocol.h"

#include <stdio.h>
#include <string.h>

enum {
	CALL_MS = 30000
};

static int run(struct cli *cli, const struct options *options,
	       struct error *err)
{
	struct deadline deadline = deadline_in(CALL_MS, cli->cancel);
	auto_session_client struct session_client *client = NULL;
	const char *path = options_get(options, "output");
	auto_cjson cJSON *reply = NULL;
	const char *spec;

	if (find_session(cli, options, &deadline, &client, err) < 0 ||
	    session_client_call(client, "ctest-spec", NULL, NULL, &deadline,
				&reply, err) < 0)
		return -1;
	spec = protocol_string(reply, "spec");
	if (!spec)
		return error_set(err, ERROR_PROTOCOL,
				 "the session gave no specification");
	if (path && strcmp(path, "-") != 0)
		return fs_write_file(path, spec, strlen(spec), 0644, err);
	fputs(spec, stdout);
	return 0;
}

static const struct option_spec options[] = {
    {"output", 'o', "FILE", "write it there, not to standard output", false},
    {0},
};

const struct command cmd_ctest_spec = {
    .name = "ctest-spec",
    .summary = "write the session's slots as a CTest resource specification",
    .synopsis = "[OPTIONS]",
    .text =
	"CTest hands the slots out to tests that ask for them (the property "
	"RESOURCE_GROUPS): each service is a resource type, each slot a "
	"resource whose id is the slot's number, so that a test finds its "
	"database in TESTENV_URL_ID. Inside 'testenv exec' the variable "
	"TESTENV_CTEST_SPEC names such a file already.",
    .examples = "$ testenv ctest-spec -o spec.json\n"
		"$ ctest -j8 --resource-spec-file spec.json\n"
		"  at most one test at a time on each slot\n",
    .options = options,
    .groups = OPTIONS_SESSION,
    .run = run,
};
