/* SPDX-License-Identifier: MIT */
#include "supervisor/daemon.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/log.h"
#include "base/secret.h"
#include "session/session.h"
#include "supervisor/client.h"
#include "supervisor/server.h"
#include "supervisor/watchdog.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	CLEAN_MS = 60000,
	DEATH_MS = 5000,
	STARTER_FD = 3,
	MAX_FD = 65536
};

/* In the watchdog: the daemon was killed. */
static void clean(const struct estate *estate)
{
	struct deadline deadline = deadline_in(CLEAN_MS, NULL);
	auto_error struct error err = ERROR_INIT;

	if (estate_clean(estate, &deadline, &err) < 0)
		log_debug("session %s: %s", estate->session, error_text(&err));
}

/* Where the caller's handlers would trip a token that is not ours. The mask is
 * still full. */
static void reset_signals(const sigset_t *mask)
{
	static const int handled[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
	struct sigaction by_default = {.sa_handler = SIG_DFL};
	sigset_t open_mask = *mask;

	for (size_t i = 0; i < array_len(handled); i++) {
		sigaction(handled[i], &by_default, NULL);
		sigdelset(&open_mask, handled[i]);
	}
	pthread_sigmask(SIG_SETMASK, &open_mask, NULL);
}

/* All but the three standard ones and `keep`, which becomes STARTER_FD: the
 * shell's locks and pipes must not live as long as the session. */
static void close_descriptors(int keep)
{
	if (keep != STARTER_FD)
		dup2(keep, STARTER_FD);
	fcntl(STARTER_FD, F_SETFD, FD_CLOEXEC);
	if (syscall(SYS_close_range, STARTER_FD + 1, ~0U, 0) == 0)
		return;
	for (int fd = STARTER_FD + 1; fd < MAX_FD; fd++)
		close(fd);
}

static void leave_terminal(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	setsid();
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (null >= 0)
			dup2(null, fd);
	if (null > STDERR_FILENO)
		close(null);
	(void)!chdir("/");
}

static int serve(const struct daemon_spec *spec, struct error *err)
{
	struct supervisor_spec server = {
	    .config = spec->config,
	    .idle_ms = spec->idle_ms,
	    .starter_fd = STARTER_FD,
	    .detached = spec->detached,
	    .private = spec->private,
	};
	int result;

	if (watchdog_start(clean, &server.watchdog, err) < 0)
		return -1;
	result = supervisor_run(&server, err);
	watchdog_end(server.watchdog, 0);
	return result;
}

_Noreturn static void be_daemon(const struct daemon_spec *spec, int fd,
				const sigset_t *mask)
{
	auto_error struct error err = ERROR_INIT;

	leave_terminal();
	/* it was read; the command line is hidden since main() */
	secret_hide_variable("TESTENV_DB");
	close_descriptors(fd);
	reset_signals(mask);
	_exit(serve(spec, &err) < 0);
}

static int fork_daemon(const struct daemon_spec *spec, int fds[2],
		       pid_t *ret_pid, struct error *err)
{
	sigset_t all, mask;
	pid_t pid;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &mask);
	pid = fork();
	if (pid == 0)
		be_daemon(spec, fds[1], &mask);
	pthread_sigmask(SIG_SETMASK, &mask, NULL);
	if (pid < 0)
		return error_set_errno(err, ERROR_INTERNAL, errno, "fork");
	*ret_pid = pid;
	return 0;
}

/* It closed the connection without a word: its status tells more. Descriptors
 * are closed a moment before a process can be waited for. */
static int explain_death(pid_t pid, struct error *err)
{
	struct deadline deadline = deadline_in(DEATH_MS, NULL);
	int status = 0;

	while (waitpid(pid, &status, WNOHANG) == 0)
		if (deadline_poll(&deadline, NULL, 0, 5,
				  "the session's process", err) < 0)
			return -1;
	if (WIFSIGNALED(status))
		return error_set(err, ERROR_INTERNAL,
				 "the session's process was killed by signal "
				 "%d",
				 WTERMSIG(status));
	return error_set(err, ERROR_INTERNAL,
			 "the session's process ended with code %d",
			 WEXITSTATUS(status));
}

int daemon_start(const struct daemon_spec *spec,
		 const struct deadline *deadline, struct session_client **ret,
		 struct error *err)
{
	auto_close int ours = -1;
	auto_close int theirs = -1;
	int fds[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
		       fds) < 0)
		return error_set_errno(err, ERROR_INTERNAL, errno,
				       "socketpair");
	ours = fds[0];
	theirs = fds[1];
	if (fork_daemon(spec, fds, &pid, err) < 0)
		return -1;
	close(take_fd(&theirs));
	if (session_client_adopt(take_fd(&ours), deadline, ret, err) == 0)
		return 0;
	if (err && err->kind == ERROR_NO_SESSION)
		return explain_death(pid, err);
	return -1;
}
