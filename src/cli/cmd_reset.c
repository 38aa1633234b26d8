/* SPDX-License-Identifier: MIT */
#include "cli/command.h"

#include "base/clock.h"
#include "cli/attach.h"
#include "cli/find.h"
#include "supervisor/client.h"
#include "supervisor/protocol.h"

#include <stdlib.h>
#include <string.h>

enum {
	FIND_MS = 30000,
	RESET_MS = 2 * 60 * 1000
};

static bool is_url(const char *text)
{
	return strstr(text, "://") != NULL;
}

/* A path or a name of anything else is not what this is for. */
static int check_lease(const char *lease, struct error *err)
{
	static const char letters[] = "0123456789abcdefghijklmnopqrstuvwxyz";
	size_t n = strlen(lease);

	if (is_url(lease) || (n && n <= 20 && strspn(lease, letters) == n))
		return 0;
	error_set(err, ERROR_REFUSED, "'%s' is not the id of a lease", lease);
	error_hint(err, "only databases that testenv made can be reset: one's "
			"own, or that of a lease");
	return -1;
}

static int find(struct cli *cli, const struct options *options,
		struct session_client **ret, bool *ret_inside,
		struct error *err)
{
	struct deadline deadline = deadline_in(FIND_MS, cli->cancel);

	*ret_inside = false;
	*ret = NULL;
	if (!options_get(options, "session") && !options_get(options, "file"))
		attach_inherited(&deadline, ret);
	if (*ret) {
		*ret_inside = true;
		return 0;
	}
	return find_session(cli, options, &deadline, ret, err);
}

static int run(struct cli *cli, const struct options *options,
	       struct error *err)
{
	struct deadline deadline = deadline_in(RESET_MS, cli->cancel);
	auto_session_client struct session_client *client = NULL;
	const char *lease = options->args[0];
	const char *url = getenv("DATABASE_URL");
	auto_cjson cJSON *reply = NULL;
	cJSON *args;
	bool inside;

	if ((lease && check_lease(lease, err) < 0) ||
	    find(cli, options, &client, &inside, err) < 0)
		return -1;
	if (!lease && inside)
		lease = getenv("TESTENV_LEASE");
	args = cJSON_CreateObject();
	if (lease && is_url(lease)) {
		cJSON_AddStringToObject(args, "url", lease);
		cJSON_AddTrueToObject(args, "strict");
	} else if (lease && *lease)
		cJSON_AddStringToObject(args, "lease", lease);
	else if (url && !strncmp(url, "sqlite:", 7))
		cJSON_AddStringToObject(args, "url", url);
	return session_client_call(client, "reset", args, NULL, &deadline,
				   &reply, err);
}

const struct command cmd_reset = {
    .name = "reset",
    .summary = "bring a database back to the template's state",
    .synopsis = "[OPTIONS] [LEASE|URL]",
    .text =
	"Makes the caller's own database as it was when it got it: migrated, "
	"seeded, and nothing else. Inside 'testenv lease' that is the lease's; "
	"inside 'testenv exec' it is that of the process or worker that this "
	"was started from. With LEASE, the id in TESTENV_LEASE, it is that "
	"lease's, and with a URL the one that it leads to. Who has no database "
	"yet is told so. Other databases are not touched, and none that "
	"testenv "
	"did not make can be.\n\n"
	"The database keeps its address. Connections to a server are cut, the "
	"owner's own as well. One that is open to a SQLite file goes on, with "
	"what was brought back; if its transaction does not end within two "
	"seconds it keeps the old file, which nobody else sees.",
    .examples = "$ testenv lease -- sh -c './one; testenv reset; ./two'\n",
    .groups = OPTIONS_SESSION,
    .max_args = 1,
    .run = run,
};
