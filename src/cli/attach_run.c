/* SPDX-License-Identifier: MIT */
#include "cli/attach.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/progress.h"
#include "cli/command.h"
#include "cli/render.h"
#include "supervisor/client.h"
#include "supervisor/protocol.h"
#include "supervisor/watchdog.h"

#include <stdio.h>
#include <sys/wait.h>

enum {
	CALL_MS = 10000, /* for an answer of the session */
	GRACE_MS = 5000, /* between TERM and KILL */
	TIMED_OUT = 124, /* as timeout(1) */
	KILLED = 128     /* and the signal's number, as a shell */
};

/* Its processes are told apart, unless they are a lease's; see
 * supervisor/owners.h for the two steps. */
static int name_root(struct attached *a, pid_t pid, pid_t reaper,
		     const char *lease, struct error *err)
{
	struct deadline deadline = deadline_in(CALL_MS, NULL);
	cJSON *args = cJSON_CreateObject();
	auto_cjson cJSON *reply = NULL;

	cJSON_AddNumberToObject(args, "pid", (double)pid);
	if (reaper)
		cJSON_AddNumberToObject(args, "reaper", (double)reaper);
	if (lease)
		cJSON_AddStringToObject(args, "lease", lease);
	return session_client_call(a->client, "root", args, NULL, &deadline,
				   &reply, err);
}

int attach_timed_out(struct cli *cli, const struct attached *a,
		     const char *what)
{
	char text[32];

	snprintf(text, sizeof(text), "%g", (double)a->config.timeout_ms / 1000);
	progress_notice(cli->progress, "'%s' timed out after %s s", what, text);
	return TIMED_OUT;
}

/* Somebody else's session may be killed, or told to end: then the command saw
 * its connections break, and nothing that says why. It is asked, for one that
 * is being killed may not have closed our connection yet. */
static void check_session(struct cli *cli, struct attached *a, const char *what)
{
	struct deadline soon = deadline_in(CALL_MS, NULL);
	auto_error struct error err = ERROR_INIT;
	auto_cjson cJSON *reply = NULL;
	struct session_hello hello;

	if (a->inner ||
	    session_client_call(a->client, "status", NULL, NULL, &soon, &reply,
				&err) == 0 ||
	    err.kind != ERROR_NO_SESSION)
		return;
	session_client_hello(a->client, &hello);
	progress_notice(cli->progress, "session '%s' ended while '%s' ran",
			hello.session, what);
}

int attach_run(struct cli *cli, struct attached *a,
	       const struct attached_command *command, struct error *err)
{
	const struct watchdog_command spawn = {command->argv, command->envp,
					       true};
	const struct watchdog_wait wait = {
	    .timeout_ms = a->config.timeout_ms, .grace_ms = GRACE_MS, .fd = -1};
	pid_t reaper = watchdog_pid(a->watchdog);
	bool timed_out = false;
	int status = 0;
	pid_t pid;

	render_pause(cli->progress);
	if (name_root(a, reaper, 0, command->lease, err) < 0 ||
	    watchdog_spawn(a->watchdog, &spawn, &pid, err) < 0 ||
	    name_root(a, pid, reaper, command->lease, err) < 0)
		return -1;
	/* came after the last check, before the watchdog collected them */
	if (cancel_reason(cli->cancel))
		watchdog_signal(a->watchdog, cancel_reason(cli->cancel));
	if (watchdog_wait(a->watchdog, &wait, &status, &timed_out, err) < 0)
		return -1;
	a->interrupted = watchdog_interrupted(a->watchdog);
	check_session(cli, a, command->argv[0]);
	if (timed_out)
		return attach_timed_out(cli, a, command->argv[0]);
	return WIFSIGNALED(status) ? KILLED + WTERMSIG(status)
				   : WEXITSTATUS(status);
}
