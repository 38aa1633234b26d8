/* SPDX-License-Identifier: MIT */
/*
 * Global options, the command, its error printed once, the exit code. See
 * cli/command.h for how a command comes to be here.
 */
#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/progress.h"
#include "base/secret.h"
#include "cli/command.h"
#include "cli/help.h"
#include "cli/render.h"
#include "supervisor/passon.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	OWN_FAILURE = 125 /* of a command that hands on another's exit code */
};

static struct cancel *the_cancel; /* for the signal handler */

static void on_signal(int signo)
{
	cancel_trip(the_cancel, signo);
}

/* A signal that our parent had ignored (nohup, a shell's background job) stays
 * so. Returns whether it was. */
static bool handle_signal(int signo, void (*handler)(int))
{
	struct sigaction old;
	struct sigaction new = {.sa_handler = handler, .sa_flags = SA_RESTART};

	sigaction(signo, NULL, &old);
	if (old.sa_handler == SIG_IGN)
		return true;
	sigemptyset(&new.sa_mask);
	sigaction(signo, &new, NULL);
	return false;
}

static int set_up_signals(struct cli *cli, struct error *err)
{
	static const int stop[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

	the_cancel = cancel_new(err);
	if (!the_cancel)
		return -1;
	cli->cancel = the_cancel;
	for (size_t i = 0; i < array_len(stop); i++)
		handle_signal(stop[i], on_signal);
	cli->sigpipe_ignored = handle_signal(SIGPIPE, SIG_IGN);
	return 0;
}

/* Else the first socket or file opened becomes somebody's standard output. */
static void open_standard_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR); /* inherited: no O_CLOEXEC */
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

static bool variable_is_on(const char *name)
{
	const char *value = getenv(name);

	return value && *value && strcmp(value, "0") != 0 &&
	       strcmp(value, "false") != 0 && strcmp(value, "no") != 0;
}

static void print_error(const struct error *err)
{
	auto_buf struct buf out = BUF_INIT;

	render_error(&out, err);
	fflush(stdout);
	fputs(out.s, stderr);
}

static int exit_code(const struct command *command, const struct cli *cli,
		     const struct error *err)
{
	int signo = cancel_reason(cli->cancel);

	if (err->kind == ERROR_CANCELLED && signo)
		return 128 + signo;
	if (!command || !command->own_codes)
		return error_exit_code(err->kind);
	if (err->kind == ERROR_CANNOT_RUN || err->kind == ERROR_NOT_FOUND)
		return error_exit_code(err->kind);
	return OWN_FAILURE;
}

/* `code`, unless what was printed could not be written. */
static int flush_answer(int code, struct error *err)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	/* a reader that has seen enough (| head) is no failure to report */
	if (errno == EPIPE)
		return 128 + SIGPIPE;
	return error_set_errno(err, ERROR_IO, errno,
			       "cannot write standard output");
}

/* True when --help or --version was there, and is answered. */
static bool answer_common(const struct options *o,
			  const struct command *command)
{
	auto_buf struct buf out = BUF_INIT;

	if (options_get(o, "help")) {
		if (command)
			help_command(&out, command);
		else
			help_overview(&out);
	} else if (options_get(o, "version")) {
		buf_printf(&out, "testenv %s\n", TESTENV_VERSION);
	} else {
		return false;
	}
	fputs(out.s, stdout);
	return true;
}

static void note_common(struct cli *cli, const struct options *o)
{
	cli->quiet = cli->quiet || options_get(o, "quiet");
	cli->debug = cli->debug || options_get(o, "debug");
	log_enable(cli->debug);
}

static int run_command(struct cli *cli, const struct command *command, int argc,
		       char **argv, struct error *err)
{
	struct options options = {0};
	struct renderer *renderer;
	unsigned flags = render_flags_of(STDERR_FILENO);
	int code;

	if (options_parse(command, argc, argv, &options, err) < 0)
		return -1;
	note_common(cli, &options);
	if (answer_common(&options, command)) {
		options_free(&options);
		return 0;
	}
	renderer = renderer_new(STDERR_FILENO,
				flags | (cli->quiet ? RENDER_QUIET : 0));
	cli->progress = renderer_progress(renderer);
	code = command->run(cli, &options, err);
	renderer_free(renderer);
	cli->progress = NULL;
	options_free(&options);
	return code;
}

/* What stands before the command, which is this one's first argument. */
static const struct command top = {
    .name = "COMMAND",
    .synopsis = "[OPTIONS] [ARG...]",
    .max_args = -1,
    .takes_command = true,
};

static int run_line(struct cli *cli, int argc, char **argv,
		    const struct command **ret_command, struct error *err)
{
	struct options options = {0};
	bool answered;
	char **rest;
	int n_rest;

	if (options_parse(&top, argc, argv, &options, err) < 0)
		return -1;
	note_common(cli, &options);
	answered = answer_common(&options, NULL);
	rest = options.args;
	n_rest = options.n_args;
	options_free(&options);
	if (answered)
		return 0;
	if (!n_rest) {
		error_set(err, ERROR_USAGE, "no command given");
		error_hint(err, "'testenv help' lists the commands");
		return -1;
	}
	*ret_command = command_get(rest[0], err);
	if (!*ret_command)
		return -1;
	return run_command(cli, *ret_command, n_rest, rest, err);
}

/* Without what the libraries do on the way out: it frees what the kernel frees,
 * and that takes half a megabyte of their code. A build for development ends in
 * full: there sanitizers and coverage report. */
static _Noreturn void end_process(int code)
{
	fflush(NULL);
#ifdef NDEBUG
	_exit(code);
#else
	exit(code);
#endif
}

int main(int argc, char **argv)
{
	static char **args; /* reachable, for those who look for leaks */
	auto_error struct error err = ERROR_INIT;
	cJSON_Hooks hooks = {xmalloc, free};
	const struct command *command = NULL;
	struct cli cli = {
	    .program = argc ? argv[0] : "testenv",
	    .quiet = variable_is_on("TESTENV_QUIET"),
	    .debug = variable_is_on("TESTENV_DEBUG"),
	};
	int code = -1;

	signals_save();
	args = secret_take_args(argc, argv);
	open_standard_descriptors();
	cJSON_InitHooks(&hooks);
	if (!argc)
		error_set(&err, ERROR_USAGE, "started without a name");
	else if (set_up_signals(&cli, &err) == 0)
		code = run_line(&cli, argc, args, &command, &err);
	if (code >= 0)
		code = flush_answer(code, &err);
	if (code < 0) {
		print_error(&err);
		code = exit_code(command, &cli, &err);
	}
	/* cli.cancel stays: a signal may still come */
	end_process(code);
}
