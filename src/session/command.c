/* SPDX-License-Identifier: MIT */
/*
 * A command of the project's own, run against the template.
 */
#include "session/internal.h"

#include "base/alloc.h"
#include "base/child.h"
#include "base/error.h"
#include "base/log.h"

#include <string.h>
#include <sys/wait.h>

enum {
	TAIL_BYTES = 8 * 1024,
	TAIL_LINES = 30
};

/* The last lines, from the beginning of one. */
static const char *last_lines(const struct buf *tail)
{
	const char *p = tail->s + tail->len;
	unsigned lines = 0;

	for (; p > tail->s; p--)
		if (p[-1] == '\n' && p < tail->s + tail->len &&
		    ++lines == TAIL_LINES)
			return p;
	return p;
}

/* What it says of its database may hold the password; it is not to be read
 * in a log. */
static void put_clean(struct buf *out, const char *text, const char *secret)
{
	size_t n = secret ? strlen(secret) : 0;
	const char *at;

	while (n && (at = strstr(text, secret))) {
		buf_put(out, text, (size_t)(at - text));
		buf_puts(out, "***");
		text = at + n;
	}
	buf_puts(out, text);
}

static int explain(const char *command, int status, struct error *err)
{
	if (WIFSIGNALED(status))
		return error_set(err, ERROR_MIGRATION,
				 "'%s' was killed by signal %d (%s)", command,
				 WTERMSIG(status), strsignal(WTERMSIG(status)));
	return error_set(err, ERROR_MIGRATION, "'%s' ended with exit code %d",
			 command, WEXITSTATUS(status));
}

static const char *directory_of(const struct config_service *c,
				const char *command)
{
	bool migrates = c->migrate && !strcmp(c->migrate, command);

	return migrates ? c->migrate_dir : c->seed_dir;
}

static int run(struct service *service, const char *command,
	       const struct strvec *env, const struct deadline *deadline,
	       struct buf *tail, int *ret_status, struct error *err)
{
	auto_strvec struct strvec argv = STRVEC_INIT;
	struct child_command child = {
	    .envp = env->v,
	    .dir = directory_of(service->config, command),
	};

	strvec_push(&argv, "/bin/sh");
	strvec_push(&argv, "-c");
	strvec_push(&argv, command);
	child.argv = argv.v;
	if (child_run(&child, deadline, tail, ret_status, err) == 0)
		return 0;
	error_wrap(err, "'%s'", command);
	if (err && err->kind == ERROR_TIMEOUT)
		error_hint(err, "give it more time with --start-timeout");
	return -1;
}

int service_run_command(void *ctx, const char *command,
			const struct db_address *address,
			const struct deadline *deadline, struct error *err)
{
	struct service *service = ctx;
	auto_strvec struct strvec env = STRVEC_INIT;
	auto_buf struct buf tail = BUF_INIT_MAX(TAIL_BYTES);
	auto_buf struct buf said = BUF_INIT;
	int status = 0;
	int result;

	strvec_extend(&env, service->session->environment.v);
	if (template_variables(service, address, &env, err) < 0)
		return -1;
	result = run(service, command, &env, deadline, &tail, &status, err);
	if (result == 0 && status != 0)
		result = explain(command, status, err);
	put_clean(&said, last_lines(&tail), address->password);
	if (result < 0 && said.len)
		error_detail(err, said.s);
	if (result == 0 && said.len)
		log_debug("'%s' said: %s", command, said.s);
	return result;
}
