/* SPDX-License-Identifier: MIT */
#include "cli/command.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/strvec.h"
#include "cli/target.h"
#include "session/logs.h"
#include "supervisor/passon.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	INSIDE_MS = 60 * 60 * 1000,
	MAX_SCRIPT = 64 * 1024 * 1024
};

extern char **environ;

/* The client programs of a dialect, the best first, and their package. */
static const struct client {
	enum dialect dialect;
	const char *names[3];
	const char *package;
	const char *statement; /* the option before a statement; NULL: none */
} clients[] = {
    {DIALECT_POSTGRES, {"psql"}, "postgresql-client", "-c"},
    {DIALECT_MARIADB, {"mariadb", "mysql"}, "mariadb-client", "-e"},
    {DIALECT_SQLITE, {"sqlite3"}, "sqlite3", NULL},
};

static const struct client *client_of(enum dialect d)
{
	for (size_t i = 0; i < array_len(clients); i++)
		if (clients[i].dialect == d)
			return &clients[i];
	return NULL;
}

static bool in_path(const char *name)
{
	const char *path = getenv("PATH");

	while (path && *path) {
		size_t n = strcspn(path, ":");
		auto_free char *file =
		    xasprintf("%.*s/%s", (int)n, n ? path : ".", name);

		if (access(file, X_OK) == 0)
			return true;
		path += n + (path[n] == ':');
	}
	return false;
}

/* Debian's psql of a server that was installed without its client's package. */
static const char *beside_server(const struct client *c)
{
	static char found[256];
	glob_t list;

	if (c->dialect != DIALECT_POSTGRES ||
	    glob("/usr/lib/postgresql/*/bin/psql", 0, NULL, &list) != 0)
		return NULL;
	snprintf(found, sizeof(found), "%s", list.gl_pathv[0]);
	globfree(&list);
	return found;
}

static const char *find_client(const struct client *c)
{
	for (size_t i = 0; i < array_len(c->names) && c->names[i]; i++)
		if (in_path(c->names[i]))
			return c->names[i];
	return beside_server(c);
}

/* The password goes through the environment: arguments are for all to see. */
static void mariadb_args(const struct db_address *a, struct strvec *argv)
{
	if (a->port) {
		strvec_pushf(argv, "--host=%s", a->host);
		strvec_pushf(argv, "--port=%u", a->port);
		strvec_push(argv, "--protocol=tcp");
	} else {
		strvec_pushf(argv, "--socket=%s", a->socket);
	}
	strvec_pushf(argv, "--user=%s", a->user);
	strvec_pushf(argv, "--database=%s", a->database);
}

static int run_here(const char *program, const struct client *c,
		    const struct db_address *a, const char *sql,
		    struct error *err)
{
	auto_strvec struct strvec argv = STRVEC_INIT;
	auto_strvec struct strvec env = STRVEC_INIT;

	strvec_extend(&env, environ);
	db_variables(a, NULL, &env);
	strvec_push(&argv, program);
	if (a->dialect == DIALECT_MARIADB)
		mariadb_args(a, &argv);
	if (a->dialect == DIALECT_SQLITE)
		strvec_push(&argv, a->path);
	if (sql && c->statement)
		strvec_push(&argv, c->statement);
	if (sql)
		strvec_push(&argv, sql);
	signals_restore();
	execvpe(program, argv.v, env.v);
	return error_set_errno(err, ERROR_CANNOT_RUN, errno, "cannot run '%s'",
			       program);
}

static int print(void *ctx, const char *data, size_t len)
{
	(void)ctx;
	fwrite(data, 1, len, stdout);
	return fflush(stdout) != 0;
}

static int read_script(const struct cli *cli, struct buf *ret,
		       struct error *err)
{
	struct deadline deadline = deadline_in(INSIDE_MS, cli->cancel);
	char piece[65536];
	ssize_t n;

	for (;;) {
		struct pollfd p = {STDIN_FILENO, POLLIN, 0};

		if (deadline_poll(&deadline, &p, 1, -1, "standard input", err) <
		    0)
			return -1;
		n = read(STDIN_FILENO, piece, sizeof(piece));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_set_errno(err, ERROR_IO, errno,
					       "cannot read standard input");
		if (n == 0)
			break;
		buf_put(ret, piece, (size_t)n);
	}
	if (ret->full)
		return error_set(err, ERROR_IO,
				 "standard input has more than %d MiB",
				 MAX_SCRIPT >> 20);
	return 0;
}

static int run_inside(struct cli *cli, const struct target *t, const char *sql,
		      struct error *err)
{
	struct deadline deadline = deadline_in(INSIDE_MS, cli->cancel);
	auto_buf struct buf script = BUF_INIT_MAX(MAX_SCRIPT);
	int code;

	if (sql)
		buf_puts(&script, sql);
	else if (read_script(cli, &script, err) < 0)
		return -1;
	buf_putc(&script, '\n');
	if (session_container_sql(t->engine, t->name, &t->address, script.s,
				  script.len, &deadline, print, NULL, &code,
				  err) < 0)
		return -1;
	return code;
}

/* On a swarm it may be out of reach, which its node says. */
static bool in_container(const struct target *t)
{
	return t->backend && (!strcmp(t->backend, "container") ||
			      !strcmp(t->backend, "swarm"));
}

static int refuse(const struct client *c, const struct target *t,
		  struct error *err)
{
	error_set(err, ERROR_NOT_FOUND, "there is no '%s' on this machine",
		  c->names[0]);
	if (t->address.dialect == DIALECT_SQLITE)
		error_hint(err, "install package '%s'; the database is '%s'",
			   c->package, t->address.path);
	else if (!in_container(t))
		error_hint(err, "install package '%s'", c->package);
	else
		error_hint(err,
			   "install package '%s', or give statements with -c "
			   "or on standard input: the client inside the "
			   "container runs them",
			   c->package);
	return -1;
}

static int run(struct cli *cli, const struct options *options,
	       struct error *err)
{
	const char *sql = options_get(options, "command");
	bool inside = options_get(options, "inside") != NULL;
	auto_target struct target target = TARGET_INIT;
	const struct client *client;
	const char *program;
	int code;

	if (target_find(cli, options, options->args[0], &target, err) < 0)
		return -1;
	if (target.no_database)
		return error_set(err, ERROR_REFUSED,
				 "service '%s' is no database", target.service);
	if (inside && !in_container(&target))
		return error_set(err, ERROR_REFUSED,
				 "service '%s' is not in a container",
				 target.service);
	client = client_of(target.address.dialect);
	program = inside ? NULL : find_client(client);
	if (program)
		return run_here(program, client, &target.address, sql, err);
	if (!in_container(&target))
		return refuse(client, &target, err);
	if (!sql && isatty(STDIN_FILENO))
		return refuse(client, &target, err);
	code = run_inside(cli, &target, sql, err);
	if (code < 0 && !inside && err->kind == ERROR_NOT_FOUND)
		error_hint(err, "install package '%s'", client->package);
	return code;
}

static const struct option_spec options[] = {
    {"command", 'c', "SQL", "run these statements and end", false},
    {"inside", 0, NULL, "use the client inside the container", false},
    {0},
};

const struct command cmd_shell = {
    .name = "shell",
    .summary = "open a database with psql, mariadb or sqlite3",
    .synopsis = "[OPTIONS] [SERVICE[.SLOT]]",
    .text =
	"Runs this machine's psql, mariadb or sqlite3 on the database of a "
	"slot, by default slot 0 of the first service; its exit code is this "
	"command's. Without such a program, statements given with -c or on "
	"standard input are run by the client inside the container, at most "
	"64 MiB of them; for a prompt the program is needed here. On a swarm "
	"that is for a container on the engine's own node.",
    .examples = "$ testenv shell db.1\n"
		"  a prompt on slot 1 of service db\n"
		"$ testenv shell -c 'SELECT count(*) FROM orders'\n"
		"  one answer\n",
    .options = options,
    .groups = OPTIONS_SESSION,
    .max_args = 1,
    .run = run,
};
