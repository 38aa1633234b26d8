/* SPDX-License-Identifier: MIT */
#include "cli/command.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/lock.h"
#include "base/progress.h"
#include "cli/status_text.h"
#include "supervisor/client.h"
#include "supervisor/daemon.h"
#include "supervisor/protocol.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	IDLE_MS = 2 * 60 * 60 * 1000,
	HELLO_MS = 30000,
	/* past the start's own limit: for what was made to be removed */
	EXTRA_MS = 120000
};

static int idle_limit(const struct options *o, int64_t *ret, struct error *err)
{
	const char *text = options_get(o, "idle-timeout");

	*ret = text ? config_duration_ms(text) : IDLE_MS;
	if (text && (!strcmp(text, "0") || !strcmp(text, "never")))
		*ret = 0;
	if (*ret >= 0)
		return 0;
	error_set(err, ERROR_USAGE, "--idle-timeout '%s' is no duration", text);
	error_hint(err, "as in 90s, 30m, 2h; 'never' for no limit");
	return -1;
}

/* A start that failed while nobody waited is kept for `wait`; who starts anew
 * has no use for it. */
static int forget_failed(const char *identity, const struct deadline *deadline,
			 struct error *err)
{
	auto_session_list struct session_list list = SESSION_LIST_INIT;

	if (session_client_list(deadline, &list, err) < 0)
		return -1;
	for (size_t i = 0; i < list.n; i++) {
		struct session_hello h;

		session_client_hello(list.clients[i], &h);
		if (!strcmp(h.identity, identity) && !strcmp(h.state, "failed"))
			session_client_down(list.clients[i], NULL, deadline,
					    NULL);
	}
	return 0;
}

/*
 * The configuration's session: the one that runs, else a new one. The lock is
 * held until the new one can be found, so that of two who come at once the
 * second finds the first one's.
 */
static int find_or_start(struct cli *cli, const struct daemon_spec *spec,
			 struct session_client **ret, bool *ret_ours,
			 struct error *err)
{
	struct deadline deadline = deadline_in(HELLO_MS, cli->cancel);
	auto_free char *runtime = NULL;
	auto_free char *path = NULL;
	struct lock lock = LOCK_INIT;
	char identity[CONFIG_IDENTITY];
	int found;

	config_identity(spec->config, identity);
	if (fs_runtime_dir(&runtime, err) < 0)
		return -1;
	path = xasprintf("%s/up-%s.lock", runtime, identity);
	if (lock_take(&lock, path, &deadline, err) < 0)
		return -1;
	found = session_client_join(identity, NULL, &deadline, ret, err);
	if (found == 0) {
		if (forget_failed(identity, &deadline, err) < 0 ||
		    daemon_start(spec, &deadline, ret, err) < 0)
			found = -1;
	}
	lock_remove(&lock);
	*ret_ours = found == 0;
	return found < 0 ? -1 : 0;
}

static int print_status(struct session_client *client, struct error *err)
{
	struct deadline deadline = deadline_in(HELLO_MS, NULL);
	auto_cjson cJSON *status = NULL;
	auto_buf struct buf out = BUF_INIT;

	if (session_client_call(client, "status", NULL, NULL, &deadline,
				&status, err) < 0)
		return -1;
	status_text(status, &out);
	fputs(out.s, stdout);
	return 0;
}

/* A start that we asked for and no longer want ends before we do. */
static int give_up(struct cli *cli, struct session_client *client,
		   struct error *err)
{
	struct deadline deadline = deadline_in(EXTRA_MS, NULL);
	auto_error struct error ignored = ERROR_INIT;

	session_client_down(client, cli->progress, &deadline, &ignored);
	(void)err;
	return -1;
}

static int wait_ready(struct cli *cli, const struct config *config,
		      struct session_client *client, bool ours,
		      struct error *err)
{
	struct deadline deadline =
	    deadline_in(config->start_timeout_ms + EXTRA_MS, cli->cancel);

	if (session_client_wait(client, cli->progress, &deadline, err) == 0)
		return 0;
	if (ours &&
	    (err->kind == ERROR_CANCELLED || deadline_left_ms(&deadline) == 0))
		return give_up(cli, client, err);
	return -1;
}

static int up(struct cli *cli, const struct options *o,
	      const struct config *config, struct error *err)
{
	bool no_wait = options_get(o, "no-wait") != NULL;
	struct daemon_spec spec = {.config = config, .detached = no_wait};
	auto_session_client struct session_client *client = NULL;
	struct session_hello hello;
	bool ours;

	if (no_wait && options_get(o, "wait"))
		return error_set(err, ERROR_USAGE,
				 "--wait and --no-wait exclude each other");
	if (idle_limit(o, &spec.idle_ms, err) < 0 ||
	    find_or_start(cli, &spec, &client, &ours, err) < 0)
		return -1;
	session_client_hello(client, &hello);
	if (!ours)
		progress_notice(cli->progress,
				"session '%s' of this configuration runs "
				"already",
				hello.session);
	if (!no_wait && wait_ready(cli, config, client, ours, err) < 0)
		return -1;
	if (print_status(client, err) < 0)
		return -1;
	if (!cli->quiet && isatty(STDERR_FILENO))
		fputs(no_wait ? "hint: 'testenv wait' waits until it is ready\n"
			      : "hint: eval \"$(testenv env)\" leads this "
				"shell to it\n",
		      stderr);
	return 0;
}

static int run(struct cli *cli, const struct options *options,
	       struct error *err)
{
	struct config config = {0};
	int result;

	if (config_load(options->flags, options->n_flags, cli->progress,
			&config, err) < 0)
		return -1;
	result = up(cli, options, &config, err);
	config_free(&config);
	return result;
}

static const struct option_spec options[] = {
    {"wait", 0, NULL, "return when every server is ready: the default", false},
    {"no-wait", 0, NULL, "return at once, while the servers start", false},
    {"idle-timeout", 0, "DURATION|never",
     "end the session when it has been idle for this long (2h)", false},
    {0},
};

const struct command cmd_up = {
    .name = "up",
    .summary = "start a session in the background",
    .synopsis = "[OPTIONS]",
    .text =
	"Starts what the configuration asks for, waits until it can be used, "
	"prints what runs and how to reach it, and leaves it running in the "
	"background. Where a session of the same configuration runs already, "
	"that one is the answer.\n\n"
	"'testenv env' prints the variables that lead programs to it, "
	"'testenv exec' with the same options runs a command in it, 'testenv "
	"down' ends it. Left alone, it ends itself: a session is idle without "
	"a testenv command that uses it, such as 'exec', and without a "
	"connection to one of its servers; who has a SQLite file open is not "
	"seen. One that is idle for too long ends.\n\n"
	"If the start fails or is interrupted, nothing is left of it. With "
	"--no-wait its failure is kept for 'testenv wait'.",
    .examples = "$ testenv up --db postgres --migrations db/migrations\n"
		"  starts a migrated PostgreSQL server\n"
		"$ eval \"$(testenv env)\"\n"
		"  leads this shell's programs to it\n",
    .options = options,
    .groups = OPTIONS_CONFIG,
    .run = run,
};
