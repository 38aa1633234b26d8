/* SPDX-License-Identifier: MIT */
#include "cli/command.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/progress.h"
#include "base/strvec.h"
#include "cli/attach.h"
#include "cli/env_format.h"
#include "cli/render.h"
#include "session/session.h"
#include "supervisor/client.h"
#include "supervisor/lookup.h"
#include "supervisor/passon.h"
#include "supervisor/protocol.h"
#include "supervisor/watchdog.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum {
	WAIT_MS = 60000, /* for a database, unless --wait says otherwise */
	MAX_WAIT_MS = 24 * 60 * 60 * 1000,
	CALL_MS = 10000,
	GRACE_MS = 5000, /* between TERM and KILL */
	KILLED = 128     /* and the signal's number, as a shell */
};

struct leasing {
	struct cli *cli;
	const struct options *options;
	struct attached session;
	char *lease; /* its id; NULL: none */
	/* What it means for the environment. */
	struct strvec set, unset;
};

/* A misspelt command must not cost the start of a server. */
static int check_command(const struct options *options, struct error *err)
{
	auto_free char *file = NULL;

	if (!options->n_args)
		return 0;
	return command_lookup(options->args[0], getenv("PATH"), &file, err);
}

static int wait_of(const struct options *options, int64_t *ret,
		   struct error *err)
{
	const char *text = options_get(options, "wait");

	*ret = text ? config_duration_ms(text) : WAIT_MS;
	if (*ret < 0 || *ret > MAX_WAIT_MS)
		return error_set(err, ERROR_USAGE,
				 "--wait '%s' is no duration up to 24h", text);
	return 0;
}

static int read_lease(struct leasing *x, const cJSON *reply, struct error *err)
{
	const cJSON *env = cJSON_GetObjectItemCaseSensitive(reply, "env");
	const cJSON *entry;

	x->lease = xstrdup_or_null(protocol_string(reply, "lease"));
	if (!x->lease || !cJSON_IsArray(env))
		return error_set(err, ERROR_PROTOCOL,
				 "the session granted no lease");
	cJSON_ArrayForEach (entry, env) {
		if (cJSON_IsString(entry))
			strvec_env_put(&x->set, entry->valuestring);
	}
	return 0;
}

/* The session's variables first: they also say what has to go. */
static int take_lease(struct leasing *x, int64_t wait_ms, struct error *err)
{
	struct deadline soon = deadline_in(CALL_MS, x->cli->cancel);
	struct deadline granted =
	    deadline_in(wait_ms + CALL_MS, x->cli->cancel);
	const char *worker = options_get(x->options, "worker");
	auto_strvec struct strvec env = STRVEC_INIT;
	auto_cjson cJSON *reply = NULL;
	cJSON *args = cJSON_CreateObject();

	cJSON_AddNumberToObject(args, "timeout_ms", (double)wait_ms);
	if (worker)
		cJSON_AddStringToObject(args, "worker", worker);
	strvec_extend(&env, environ);
	if (session_client_changes(x->session.client, SESSION_SLOT_ANY, &env,
				   &soon, &x->set, &x->unset, err) < 0) {
		cJSON_Delete(args);
		return -1;
	}
	if (session_client_call(x->session.client, "lease", args, NULL,
				&granted, &reply, err) < 0)
		return -1;
	return read_lease(x, reply, err);
}

/* The answer means that nobody is let in any more; if there is none, the end of
 * the connection says the same. */
static void release(struct leasing *x)
{
	struct deadline soon = deadline_in(CALL_MS, NULL);
	auto_error struct error err = ERROR_INIT;
	auto_cjson cJSON *reply = NULL;
	cJSON *args = cJSON_CreateObject();

	cJSON_AddStringToObject(args, "lease", x->lease);
	if (session_client_call(x->session.client, "release", args, NULL, &soon,
				&reply, &err) < 0)
		log_debug("release: %s", error_text(&err));
}

static void make_environment(const struct leasing *x, struct strvec *env)
{
	const struct strvec *own = &x->session.config.env;

	strvec_extend(env, environ);
	for (size_t i = 0; i < x->unset.n; i++)
		strvec_env_set(env, x->unset.v[i], NULL);
	for (size_t i = 0; i < x->set.n; i++)
		strvec_env_put(env, x->set.v[i]);
	for (size_t i = 0; i < own->n; i++)
		strvec_env_put(env, own->v[i]);
}

static int run_command(struct leasing *x, struct error *err)
{
	auto_strvec struct strvec env = STRVEC_INIT;
	struct attached_command command = {.argv = x->options->args,
					   .lease = x->lease};
	int code;

	make_environment(x, &env);
	command.envp = env.v;
	code = attach_run(x->cli, &x->session, &command, err);
	/* nothing may use the database when it goes to somebody else */
	watchdog_sweep(x->session.watchdog, GRACE_MS);
	return code;
}

static int print_lease(const struct leasing *x, struct error *err)
{
	const char *name = options_get(x->options, "format");
	const char *url = strvec_env_get(&x->set, "DATABASE_URL");
	auto_buf struct buf text = BUF_INIT;
	enum env_format format = ENV_SH;

	if (name &&
	    (env_format_parse(name, &format, err) < 0 ||
	     env_format_write(format, &x->set, &x->unset, &text, err) < 0))
		return -1;
	if (!name)
		buf_printf(&text, "%s\n", url ? url : "");
	fputs(text.s, stdout);
	if (fflush(stdout) != 0)
		return error_set_errno(err, ERROR_IO, errno,
				       "cannot write standard output");
	return 0;
}

/* 1 at the end of standard input, else 0. */
static int skip_input(void)
{
	char piece[4096];
	ssize_t n = read(STDIN_FILENO, piece, sizeof(piece));

	return n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN);
}

/* It said something that nobody asked for, or has ended. */
static int look_at_session(struct leasing *x, struct error *err)
{
	struct deadline soon = deadline_in(CALL_MS, x->cli->cancel);
	auto_cjson cJSON *reply = NULL;

	return session_client_call(x->session.client, "status", NULL, NULL,
				   &soon, &reply, err);
}

/* Until standard input ends, or a signal comes. */
static int hold(struct leasing *x, struct error *err)
{
	int64_t limit = x->session.config.timeout_ms;
	struct deadline end =
	    deadline_in(limit ? limit : INT32_MAX, x->cli->cancel);
	auto_error struct error why = ERROR_INIT;

	for (;;) {
		struct pollfd p[] = {
		    {STDIN_FILENO, POLLIN, 0},
		    {session_client_fd(x->session.client), POLLIN, 0},
		};

		if (deadline_poll(&end, p, array_len(p), -1, "lease", &why) < 0)
			break;
		if (p[0].revents && skip_input())
			return 0;
		if (p[1].revents && look_at_session(x, err) < 0)
			return -1;
	}
	if (cancel_reason(x->cli->cancel))
		return KILLED + cancel_reason(x->cli->cancel);
	if (why.kind == ERROR_TIMEOUT && limit)
		return attach_timed_out(x->cli, &x->session, "lease");
	return error_move(err, &why);
}

static int check_usage(const struct options *options, int64_t *ret_wait_ms,
		       struct error *err)
{
	const char *format = options_get(options, "format");
	enum env_format ignored;

	if (format && env_format_parse(format, &ignored, err) < 0)
		return -1;
	if (format && options->n_args)
		return error_set(err, ERROR_USAGE,
				 "--format is for a lease without a command");
	if (wait_of(options, ret_wait_ms, err) < 0)
		return -1;
	return check_command(options, err);
}

static int lease(struct leasing *x, struct error *err)
{
	int64_t wait_ms;
	int code;

	if (check_usage(x->options, &wait_ms, err) < 0 ||
	    attach(x->cli, x->options, &x->session, err) < 0)
		return -1;
	if (x->options->n_args && attach_watchdog(&x->session, err) < 0)
		return -1;
	if (take_lease(x, wait_ms, err) < 0)
		return -1;
	if (x->options->n_args)
		code = run_command(x, err);
	else
		code = print_lease(x, err) < 0 ? -1 : hold(x, err);
	release(x);
	return code;
}

static int run(struct cli *cli, const struct options *options,
	       struct error *err)
{
	struct leasing x = {.cli = cli,
			    .options = options,
			    .set = STRVEC_INIT,
			    .unset = STRVEC_INIT};
	int code = lease(&x, err);
	bool interrupted = x.session.interrupted;

	attach_end(cli, &x.session);
	free(x.lease);
	strvec_free(&x.set);
	strvec_free(&x.unset);
	if (interrupted)
		signals_die_of(SIGINT);
	return code;
}

static const struct option_spec options[] = {
    {"worker", 0, "LABEL", "what 'testenv status' calls it, TESTENV_WORKER",
     false},
    {"wait", 0, "DURATION", "wait so long for a database (60s)", false},
    {"format", 0, "sh|fish|dotenv|json|github|gitlab|cmake",
     "print all variables so, instead of the URL", false},
    {0},
};

const struct command cmd_lease = {
    .name = "lease",
    .summary = "take a fresh database, for a command or by hand",
    .synopsis = "[OPTIONS] [-- COMMAND [ARG...]]",
    .text =
	"Takes a database that nobody else has, as the template left it, and "
	"gives it back at the end; the next who gets it sees none of its "
	"rows. TESTENV_LEASE names the lease, TESTENV_SCRATCH an empty "
	"directory that goes with it.\n\n"
	"With COMMAND: runs it with the lease's variables, hands on its "
	"signals and its exit code, and ends whatever it left running. "
	"--timeout limits it. The exit code is as of 'testenv exec'.\n\n"
	"Without: prints the URL, or with --format all variables, and holds "
	"the lease until standard input ends, a signal comes, or --timeout "
	"is over (124). Either ends with this process, also when that is "
	"killed.\n\n"
	"The session is the one this runs in, else the running one of this "
	"project, else one of its own as 'testenv exec' makes it. With --db, "
	"--image or --file it is the running one of that configuration, else "
	"one of its own. If all databases are in use, --wait limits the wait "
	"for one; --workers says how many a session has.",
    .examples =
	"$ testenv lease -- ./import-test\n"
	"$ testenv lease --db postgres --timeout 5m -- make check\n"
	"$ testenv exec --db mariadb -- sh -c 'testenv lease ./a; ./b'\n"
	"  a has a database of its own, and b another\n",
    .options = options,
    .groups = OPTIONS_SESSION | OPTIONS_CONFIG,
    .max_args = -1,
    .run = run,
    .own_codes = true,
    .takes_command = true,
};
