/* SPDX-License-Identifier: MIT */
#include "cli/command.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/progress.h"
#include "base/strvec.h"
#include "cli/attach.h"
#include "cli/route.h"
#include "session/session.h"
#include "supervisor/client.h"
#include "supervisor/lookup.h"
#include "supervisor/passon.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

struct execution {
	struct cli *cli;
	char **argv;
	struct attached session;
};

/* The command's environment, as far as it is known before the session is. */
static void first_environment(const struct config *config, struct strvec *ret)
{
	for (char **e = environ; *e; e++)
		/* an outer session may have more slots than ours */
		if (strncmp(*e, "TESTENV_URL_", 12) != 0)
			strvec_push(ret, *e);
	strvec_env_set(ret, "TESTENV_FALLBACK_REASON", NULL);
	for (size_t i = 0; i < config->env.n; i++)
		strvec_env_put(ret, config->env.v[i]);
}

/* A misspelt command must not cost the start of a server. */
static int check_command(const struct execution *x, const struct strvec *env,
			 struct error *err)
{
	auto_free char *file = NULL;

	return command_lookup(x->argv[0], strvec_env_get(env, "PATH"), &file,
			      err);
}

static bool has_files(const struct strvec *env)
{
	const char *dialect = strvec_env_get(env, "TESTENV_DIALECT");

	return dialect && !strcmp(dialect, "sqlite");
}

/*
 * With one owner, files are that one's. With more, each process finds its own
 * through the library; without the library all would share one, which is said.
 */
static int take_variables(struct execution *x, struct strvec *env,
			  const struct deadline *deadline, struct error *err)
{
	auto_free char *library = route_library();
	const char *owner = x->session.config.owner;
	bool one_owner = owner && !strcmp(owner, "command");
	unsigned slot =
	    library && !one_owner ? SESSION_SLOT_ROUTED : SESSION_SLOT_ANY;

	strvec_env_set(env, "TESTENV_ROUTE_DIR", NULL);
	if (session_client_variables(x->session.client, slot, env, deadline,
				     err) < 0)
		return -1;
	if (strvec_env_get(env, "TESTENV_ROUTE_DIR"))
		route_preload(env, library);
	else if (!library && !one_owner && has_files(env))
		progress_notice(x->cli->progress,
				"libtestenv-route.so is not installed: all "
				"processes of the command share one SQLite "
				"file");
	return 0;
}

static int start_session(struct execution *x, struct strvec *env,
			 struct error *err)
{
	struct attached *a = &x->session;
	struct deadline deadline =
	    deadline_in(a->config.start_timeout_ms, x->cli->cancel);

	if ((a->config.keep == KEEP_NEVER ? attach_configured(x->cli, a, err)
					  : attach_keeping(x->cli, a, err)) < 0)
		return -1;
	if (attach_wait(x->cli, a, err) < 0 ||
	    take_variables(x, env, &deadline, err) < 0)
		return a->own ? -1 : error_wrap(err, "running session");
	return 0;
}

static int execute(struct execution *x, struct error *err)
{
	struct deadline never = deadline_in(INT32_MAX, x->cli->cancel);
	auto_strvec struct strvec env = STRVEC_INIT;
	struct attached_command command = {.argv = x->argv};
	enum config_keep keep = x->session.config.keep;
	int started, code;

	first_environment(&x->session.config, &env);
	if (check_command(x, &env, err) < 0 ||
	    attach_watchdog(&x->session, err) < 0)
		return -1;
	started = start_session(x, &env, err);
	if (deadline_check(&never, "exec", NULL) < 0)
		/* whatever became of it, that was the reason */
		return deadline_check(&never, "start", err);
	if (started < 0)
		return -1;
	command.envp = env.v;
	code = attach_run(x->cli, &x->session, &command, err);
	if (code >= 0 &&
	    (keep == KEEP_ALWAYS || (keep == KEEP_FAILURE && code)))
		attach_keep(x->cli, &x->session);
	return code;
}

static int run(struct cli *cli, const struct options *options,
	       struct error *err)
{
	struct execution x = {.cli = cli, .argv = options->args};
	bool interrupted;
	int code;

	if (config_load(options->flags, options->n_flags, cli->progress,
			&x.session.config, err) < 0)
		return -1;
	code = execute(&x, err);
	interrupted = x.session.interrupted;
	attach_end(cli, &x.session);
	if (interrupted)
		signals_die_of(SIGINT);
	return code;
}

const struct command cmd_exec = {
    .name = "exec",
    .summary = "run a command with databases of its own",
    .synopsis = "[OPTIONS] -- COMMAND [ARG...]",
    .text =
	"Starts what the configuration asks for, runs COMMAND with the URLs in "
	"its environment, hands on its signals and its exit code, and removes "
	"everything: servers, databases, files, and whatever COMMAND left "
	"running. If a session of the same configuration is already up in "
	"the background ('testenv up'), that is used, and stays.\n\n"
	"With --keep failure, a command that fails leaves a database behind, "
	"and with --keep always any does: that of the first process of a "
	"runner that failed, else those that were in use at the end. They "
	"stay until nobody has used them for an hour; the line that opens one "
	"is printed.\n\n"
	"A command that does not exist is found out before anything is "
	"started. After --timeout the command gets SIGTERM, and five seconds "
	"later SIGKILL. When testenv itself is killed, a watchdog process ends "
	"the command and cleans up.\n\n"
	"The exit code is the command's own; 128 and N if signal N killed it, "
	"124 if it timed out, 125 if testenv failed, 126 if the command cannot "
	"be run, 127 if there is no such command.",
    .examples = "$ testenv exec --db postgres --migrations db -- ctest -j8\n"
		"$ testenv exec --db sqlite -- sh -c 'echo $DATABASE_URL'\n"
		"$ testenv exec --db mariadb --timeout 10m -- make check",
    .groups = OPTIONS_CONFIG,
    .min_args = 1,
    .max_args = -1,
    .run = run,
    .own_codes = true,
    .takes_command = true,
};
