/* SPDX-License-Identifier: MIT */
#include "cli/command.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "cli/env_format.h"
#include "cli/find.h"
#include "session/session.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	CALL_MS = 30000
};

extern char **environ;

static int slot_of(const struct options *o, unsigned *ret, struct error *err)
{
	const char *text = options_get(o, "slot");
	size_t n = text ? strspn(text, "0123456789") : 1;

	if (!n || n > 6 || (text && text[n]))
		return error_set(err, ERROR_USAGE, "--slot '%s' is no number",
				 text);
	*ret = text ? (unsigned)strtoul(text, NULL, 10) : SESSION_SLOT_ANY;
	return 0;
}

/* GITHUB_ENV, unless standard output was led to that very file. */
static const char *github_file(void)
{
	const char *path = getenv("GITHUB_ENV");
	struct stat a, b;

	if (!path || !*path)
		return NULL;
	if (fstat(STDOUT_FILENO, &a) == 0 && stat(path, &b) == 0 &&
	    a.st_dev == b.st_dev && a.st_ino == b.st_ino)
		return NULL;
	return path;
}

static int append(const char *path, const struct buf *text, struct error *err)
{
	auto_close int fd =
	    open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, text->s, text->len) != (ssize_t)text->len)
		return error_set_errno(err, ERROR_IO, errno,
				       "cannot write '%s'", path);
	return 0;
}

/* The masks first, and where the log is: a runner obeys them on either stream,
 * and standard output may be the file. */
static int print_github(const struct strvec *set, const struct buf *text,
			struct error *err)
{
	const char *path = github_file();
	auto_buf struct buf masks = BUF_INIT;

	if (getenv("GITHUB_ACTIONS")) {
		env_format_masks(set, &masks);
		fputs(masks.s, stderr);
	}
	if (path)
		return append(path, text, err);
	fputs(text->s, stdout);
	return 0;
}

static int run(struct cli *cli, const struct options *options,
	       struct error *err)
{
	struct deadline deadline = deadline_in(CALL_MS, cli->cancel);
	const char *name = options_get(options, "format");
	auto_session_client struct session_client *client = NULL;
	auto_strvec struct strvec env = STRVEC_INIT;
	auto_strvec struct strvec set = STRVEC_INIT;
	auto_strvec struct strvec unset = STRVEC_INIT;
	auto_buf struct buf text = BUF_INIT;
	enum env_format format = ENV_SH;
	unsigned slot;

	if ((name && env_format_parse(name, &format, err) < 0) ||
	    slot_of(options, &slot, err) < 0 ||
	    find_session(cli, options, &deadline, &client, err) < 0)
		return -1;
	strvec_extend(&env, environ);
	if (session_client_changes(client, slot, &env, &deadline, &set, &unset,
				   err) < 0 ||
	    env_format_write(format, &set, &unset, &text, err) < 0)
		return -1;
	if (format == ENV_GITHUB)
		return print_github(&set, &text, err);
	fputs(text.s, stdout);
	return 0;
}

static const struct option_spec options[] = {
    {"format", 0, "sh|fish|dotenv|json|github|gitlab|cmake",
     "for whom to write them (sh)", false},
    {"slot", 0, "N", "whose database DATABASE_URL names; else the caller's own",
     false},
    {0},
};

const struct command cmd_env = {
    .name = "env",
    .summary = "print the session's variables",
    .synopsis = "[OPTIONS]",
    .text =
	"Prints the variables that lead programs to the session's databases, "
	"passwords included, so that another program reads them back exactly: "
	"sh and fish to be evaluated, dotenv for .env files, json, github for "
	"later steps of a GitHub workflow, gitlab for a dotenv report, cmake "
	"to be included.\n\n"
	"With --format github they are added to the file named by GITHUB_ENV "
	"where that is set, else printed; and in a workflow (GITHUB_ACTIONS is "
	"set) the passwords are masked in its log first.\n\n"
	"sh, fish and cmake also unset what is set here and would lead a "
	"database client elsewhere, such as PGSERVICE.",
    .examples = "$ eval \"$(testenv env)\"\n"
		"  leads this shell's programs to the session\n"
		"$ testenv env --format dotenv > .env.test\n"
		"  for programs that read such a file\n",
    .options = options,
    .groups = OPTIONS_SESSION,
    .run = run,
};
