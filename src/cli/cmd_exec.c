/* SPDX-License-Identifier: MIT */
#include "cli/command.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/progress.h"
#include "base/strvec.h"
#include "cli/render.h"
#include "cli/route.h"
#include "session/session.h"
#include "supervisor/client.h"
#include "supervisor/inner.h"
#include "supervisor/lookup.h"
#include "supervisor/passon.h"
#include "supervisor/protocol.h"
#include "supervisor/watchdog.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum {
	JOIN_MS = 2000,      /* a session that does not answer is not joined */
	GRACE_MS = 5000,     /* between TERM and KILL */
	CALL_MS = 10000,     /* for an answer of our own session */
	END_MS = 90000,      /* for all that it has to remove */
	CLEAN_UP_MS = 60000, /* of the watchdog, for a dead testenv */
	TIMED_OUT = 124,     /* as timeout(1) */
	KILLED = 128         /* and the signal's number, as a shell */
};

struct execution {
	struct cli *cli;
	const struct config *config;
	char **argv;
	struct watchdog *watchdog;
	struct inner *inner;           /* a private session; NULL: joined */
	struct session_client *client; /* of either */
	bool interrupted;              /* see watchdog_interrupted */
};

/* In the watchdog, when testenv was killed. */
static void clean_up(const struct estate *estate)
{
	struct deadline deadline = deadline_in(CLEAN_UP_MS, NULL);

	/* what cannot be reached now is left to gc; nobody listens */
	estate_clean(estate, &deadline, NULL);
}

/* The command's environment, as far as it is known before the session is. */
static void first_environment(const struct config *config, struct strvec *ret)
{
	for (char **e = environ; *e; e++)
		/* an outer session may have more slots than ours */
		if (strncmp(*e, "TESTENV_URL_", 12) != 0)
			strvec_push(ret, *e);
	strvec_env_set(ret, "TESTENV_FALLBACK_REASON", NULL);
	for (size_t i = 0; i < config->env.n; i++) {
		const char *entry = config->env.v[i];
		const char *equals = strchr(entry, '=');
		auto_free char *name = NULL;

		if (!equals)
			continue;
		name = xstrndup(entry, (size_t)(equals - entry));
		strvec_env_set(ret, name, equals + 1);
	}
}

/* A misspelt command must not cost the start of a server. */
static int check_command(const struct execution *x, const struct strvec *env,
			 struct error *err)
{
	auto_free char *file = NULL;

	return command_lookup(x->argv[0], strvec_env_get(env, "PATH"), &file,
			      err);
}

/* The running session of this configuration, if there is one. */
static void try_to_join(struct execution *x)
{
	auto_error struct error err = ERROR_INIT;
	struct deadline deadline = deadline_in(JOIN_MS, x->cli->cancel);
	char identity[CONFIG_IDENTITY];

	config_identity(x->config, identity);
	if (session_client_join(identity, getenv("TESTENV_SESSION"), &deadline,
				&x->client, &err) < 0)
		log_debug("no session to join: %s", error_text(&err));
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
	bool one_owner =
	    x->config->owner && !strcmp(x->config->owner, "command");
	unsigned slot =
	    library && !one_owner ? SESSION_SLOT_ROUTED : SESSION_SLOT_ANY;

	strvec_env_set(env, "TESTENV_ROUTE_DIR", NULL);
	if (session_client_variables(x->client, slot, env, deadline, err) < 0)
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

/* The running session of this configuration, else one of our own. */
static int start_session(struct execution *x, struct strvec *env,
			 struct error *err)
{
	struct deadline deadline =
	    deadline_in(x->config->start_timeout_ms, x->cli->cancel);

	try_to_join(x);
	if (!x->client && inner_start(x->config, x->watchdog, &deadline,
				      &x->inner, &x->client, err) < 0)
		return -1;
	if (session_client_wait(x->client, x->cli->progress, &deadline, err) <
		0 ||
	    take_variables(x, env, &deadline, err) < 0)
		return x->inner ? -1 : error_wrap(err, "running session");
	return 0;
}

static int exit_code(const struct execution *x, int status, bool timed_out)
{
	char text[32];

	if (timed_out) {
		snprintf(text, sizeof(text), "%g",
			 (double)x->config->timeout_ms / 1000);
		progress_notice(x->cli->progress, "'%s' timed out after %s s",
				x->argv[0], text);
		return TIMED_OUT;
	}
	return WIFSIGNALED(status) ? KILLED + WTERMSIG(status)
				   : WEXITSTATUS(status);
}

/* Its processes are told apart; see supervisor/owners.h for the two steps. */
static int name_root(struct execution *x, pid_t pid, pid_t reaper,
		     struct error *err)
{
	struct deadline deadline = deadline_in(CALL_MS, NULL);
	cJSON *args = cJSON_CreateObject();
	auto_cjson cJSON *reply = NULL;

	cJSON_AddNumberToObject(args, "pid", (double)pid);
	if (reaper)
		cJSON_AddNumberToObject(args, "reaper", (double)reaper);
	return session_client_call(x->client, "root", args, NULL, &deadline,
				   &reply, err);
}

static int run_command(struct execution *x, const struct strvec *env,
		       struct error *err)
{
	const struct watchdog_command command = {x->argv, env->v, true};
	const struct watchdog_wait wait = {.timeout_ms = x->config->timeout_ms,
					   .grace_ms = GRACE_MS,
					   .fd = -1};
	bool timed_out = false;
	int status = 0;
	pid_t pid;

	render_pause(x->cli->progress);
	if (name_root(x, watchdog_pid(x->watchdog), 0, err) < 0 ||
	    watchdog_spawn(x->watchdog, &command, &pid, err) < 0 ||
	    name_root(x, pid, watchdog_pid(x->watchdog), err) < 0)
		return -1;
	/* came after the last check, before the watchdog collected them */
	if (cancel_reason(x->cli->cancel))
		watchdog_signal(x->watchdog, cancel_reason(x->cli->cancel));
	if (watchdog_wait(x->watchdog, &wait, &status, &timed_out, err) < 0)
		return -1;
	x->interrupted = watchdog_interrupted(x->watchdog);
	return exit_code(x, status, timed_out);
}

static int start_and_run(struct execution *x, struct strvec *env,
			 struct error *err)
{
	struct deadline never = deadline_in(INT32_MAX, x->cli->cancel);
	int code;

	if (check_command(x, env, err) < 0 ||
	    watchdog_start(clean_up, &x->watchdog, err) < 0)
		return -1;
	code = start_session(x, env, err);
	if (deadline_check(&never, "exec", NULL) < 0)
		/* whatever became of it, that was the reason */
		return deadline_check(&never, "start", err);
	return code < 0 ? -1 : run_command(x, env, err);
}

/* One that failed to start has ended by itself. */
static void end_session(struct execution *x)
{
	struct deadline deadline = deadline_in(END_MS, NULL);
	auto_error struct error err = ERROR_INIT;

	if (x->client && session_client_down(x->client, x->cli->progress,
					     &deadline, &err) < 0)
		log_debug("end of the session: %s", error_text(&err));
}

/* In this order: nothing may use a database when it goes, and until the last is
 * gone the watchdog stands guard. */
static void end(struct execution *x)
{
	if (x->watchdog)
		watchdog_sweep(x->watchdog, GRACE_MS);
	if (x->inner)
		end_session(x);
	session_client_free(x->client);
	inner_join(x->inner);
	watchdog_end(x->watchdog, 0);
}

static int execute(struct execution *x, struct error *err)
{
	auto_strvec struct strvec env = STRVEC_INIT;
	int code;

	if (x->config->keep != KEEP_NEVER)
		return error_set(err, ERROR_CONFIG,
				 "'exec' cannot keep servers: 'keep' has to be "
				 "'never'");
	first_environment(x->config, &env);
	code = start_and_run(x, &env, err);
	end(x);
	return code;
}

static int run(struct cli *cli, const struct options *options,
	       struct error *err)
{
	struct config config;
	struct execution x = {
	    .cli = cli, .config = &config, .argv = options->args};
	int code;

	if (config_load(options->flags, options->n_flags, cli->progress,
			&config, err) < 0)
		return -1;
	code = execute(&x, err);
	config_free(&config);
	if (x.interrupted)
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
