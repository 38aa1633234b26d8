/* SPDX-License-Identifier: MIT */
#include "supervisor/spawn.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/strvec.h"
#include "supervisor/frame.h"
#include "supervisor/lookup.h"
#include "supervisor/passon.h"
#include "supervisor/terminal.h"
#include "supervisor/watchdog.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* In front of the strings: file, argv, envp, each with its NUL. */
struct head {
	uint32_t foreground;
	uint32_t argc;
	uint32_t envc;
};

static uint32_t put_list(struct buf *b, char *const *list)
{
	uint32_t n = 0;

	for (; list[n]; n++)
		buf_put(b, list[n], strlen(list[n]) + 1);
	return n;
}

static const char *path_of(char *const *envp)
{
	for (; *envp; envp++)
		if (strncmp(*envp, "PATH=", 5) == 0)
			return *envp + 5;
	return NULL;
}

int spawn_encode(const struct watchdog_command *command, struct buf *ret,
		 struct error *err)
{
	struct head head = {command->foreground, 0, 0};
	auto_free char *file = NULL;

	if (command_lookup(command->argv[0], path_of(command->envp), &file,
			   err) < 0)
		return -1;
	buf_put(ret, &head, sizeof(head));
	buf_put(ret, file, strlen(file) + 1);
	head.argc = put_list(ret, command->argv);
	head.envc = put_list(ret, command->envp);
	if (ret->full || ret->len > FRAME_MAX)
		return error_set_errno(err, ERROR_CANNOT_RUN, E2BIG,
				       "cannot run '%s'", command->argv[0]);
	memcpy(ret->s, &head, sizeof(head));
	return 0;
}

int spawn_error(const char *name, const struct spawn_result *result,
		struct error *err)
{
	if (!result->in_exec)
		return error_set_errno(err, ERROR_INTERNAL, result->failure,
				       "start '%s'", name);
	/* the file was there a moment ago: it is what it asks for that is not
	 */
	if (result->failure == ENOENT)
		return error_set(err, ERROR_CANNOT_RUN,
				 "cannot run '%s': its interpreter is missing",
				 name);
	return error_set_errno(err, ERROR_CANNOT_RUN, result->failure,
			       "cannot run '%s'", name);
}

/* The payload taken apart; everything points into it. */
struct job {
	struct head head;
	const char *file;
	char **argv, **envp;
};

static char **take_list(const char **p, const char *end, uint32_t n)
{
	char **list = xcalloc((size_t)n + 1, sizeof(*list));

	for (uint32_t i = 0; i < n && *p < end; i++) {
		union {
			const char *in;
			char *out; /* execve's promise not to write */
		} s = {*p};

		list[i] = s.out;
		*p += strlen(*p) + 1;
	}
	return list;
}

/* A script without a "#!" line, which every shell runs by itself. */
static bool is_text(const char *file)
{
	char start[128];
	auto_close int fd = open(file, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, start, sizeof(start));

	return n > 0 && !memchr(start, '\0', (size_t)n);
}

static void run_with_shell(const struct job *job)
{
	auto_strvec struct strvec argv = STRVEC_INIT;

	strvec_push(&argv, "/bin/sh");
	strvec_push(&argv, job->file);
	if (job->argv[0])
		strvec_extend(&argv, job->argv + 1);
	execve("/bin/sh", argv.v, job->envp);
}

static void child_fail(int report, int in_exec)
{
	struct spawn_result r = {(int32_t)getpid(), errno, in_exec};
	ssize_t ignored = write(report, &r, sizeof(r));

	(void)ignored;
	_exit(127);
}

static void child(const struct job *job, pid_t watchdog, int report)
{
	/* in this order: the watchdog may die before the request is made */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || setpgid(0, 0) < 0)
		child_fail(report, 0);
	if (getppid() != watchdog)
		_exit(127);
	if (job->head.foreground) {
		auto_close int tty = terminal_open();

		terminal_give(tty, getpgrp());
	}
	signals_restore();
	execve(job->file, job->argv, job->envp);
	if (errno == ENOEXEC && is_text(job->file))
		run_with_shell(job);
	child_fail(report, 1);
}

static pid_t start(const struct job *job, int report)
{
	pid_t self = getpid();
	pid_t pid = fork();

	if (pid == 0)
		child(job, self, report);
	if (pid > 0)
		/* both sides do it, so that neither has to wait for it */
		setpgid(pid, pid);
	return pid;
}

static void run_job(const struct job *job, struct spawn_result *ret)
{
	auto_close int from = -1, to = -1;
	int pipe_fds[2];
	ssize_t n;

	if (pipe2(pipe_fds, O_CLOEXEC) < 0) {
		ret->failure = errno;
		return;
	}
	from = pipe_fds[0];
	/* a command that was given no stdin must not get this for one */
	to = fcntl(pipe_fds[1], F_DUPFD_CLOEXEC, 3);
	close(pipe_fds[1]);
	ret->pid = to < 0 ? -1 : start(job, to);
	if (ret->pid < 0) {
		ret->failure = errno;
		return;
	}
	close(take_fd(&to));
	do
		n = read(from, ret, sizeof(*ret));
	while (n < 0 && errno == EINTR);
	if (n == (ssize_t)sizeof(*ret))
		waitpid(ret->pid, NULL, 0);
}

void spawn_run(const char *payload, size_t len, struct spawn_result *ret)
{
	const char *p = payload + sizeof(struct head);
	const char *end = payload + len;
	struct job job = {0};

	*ret = (struct spawn_result){0};
	if (len <= sizeof(job.head) || end[-1] != '\0') {
		ret->failure = EINVAL;
		return;
	}
	memcpy(&job.head, payload, sizeof(job.head));
	job.file = p;
	p += strlen(p) + 1;
	job.argv = take_list(&p, end, job.head.argc);
	job.envp = take_list(&p, end, job.head.envc);
	run_job(&job, ret);
	free(job.argv);
	free(job.envp);
}
