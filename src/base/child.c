/* SPDX-License-Identifier: MIT */
#include "base/child.h"

#include "base/alloc.h"
#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	GRACE_MS = 2000,    /* between SIGTERM and SIGKILL */
	CLEAN_UP_MS = 15000 /* for the keeper to end what the command left */
};

enum report_kind {
	REPORT_CANNOT_RUN, /* value: errno */
	REPORT_ENDED       /* value: wait status */
};

struct report {
	int32_t kind, value;
};

/* The keeper's ends; each is close-on-exec. */
struct ends {
	int null;
	int life;   /* its other end is closed: end it all */
	int report; /* struct reports go here */
	int output; /* the command's stdout and stderr */
};

/*
 * From here to keeper(): in a process forked from one that may have threads, so
 * only calls that are safe in a signal handler.
 */

static void send_report(int fd, enum report_kind kind, int value)
{
	struct report r = {(int32_t)kind, (int32_t)value};
	ssize_t ignored = write(fd, &r, sizeof(r));

	(void)ignored;
}

static void close_range_of(unsigned first, unsigned last)
{
	if (first > last || syscall(SYS_close_range, first, last, 0) == 0)
		return;
	for (unsigned fd = first; fd <= last && fd < 65536; fd++)
		close((int)fd);
}

/* Locks and sockets of ours must not live on in the keeper. */
static void close_others(const struct ends *e)
{
	unsigned from = 3;
	unsigned next;

	do {
		const int keep[] = {e->life, e->report, e->output};

		next = ~0U;
		for (size_t i = 0; i < array_len(keep); i++)
			if ((unsigned)keep[i] >= from &&
			    (unsigned)keep[i] < next)
				next = (unsigned)keep[i];
		close_range_of(from, next - (next != ~0U));
		from = next + 1;
	} while (next != ~0U);
}

static void run_command(const struct child_command *c, const struct ends *e,
			pid_t keeper)
{
	sigset_t none;

	sigemptyset(&none);
	setpgid(0, 0);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != keeper ||
	    dup2(e->output, 1) < 0 || dup2(e->output, 2) < 0 ||
	    chdir(c->dir) < 0) {
		send_report(e->report, REPORT_CANNOT_RUN, errno);
		_exit(127);
	}
	signal(SIGPIPE, SIG_DFL);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execve(c->argv[0], c->argv, c->envp);
	send_report(e->report, REPORT_CANNOT_RUN, errno);
	_exit(127);
}

/* Our children by the kernel's list: what was orphaned below us is among them.
 */
static void kill_children(void)
{
	char text[4096];
	int fd = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text));
	pid_t pid = 0;

	for (ssize_t i = 0; i < n; i++) {
		if (text[i] >= '0' && text[i] <= '9') {
			pid = pid * 10 + (text[i] - '0');
			continue;
		}
		if (pid > 0)
			kill(pid, SIGKILL);
		pid = 0;
	}
	if (fd >= 0)
		close(fd);
}

/* Each round's orphans are the next one's children, until there is none. */
static void end_all(pid_t group)
{
	kill(-group, SIGKILL);
	do
		kill_children();
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR);
}

/* Reaps what has ended; is the command among it? */
static bool reap(pid_t command, int *status)
{
	int one;
	pid_t pid;
	bool ended = false;

	while ((pid = waitpid(-1, &one, WNOHANG)) > 0) {
		if (pid != command)
			continue;
		*status = one;
		ended = true;
	}
	return ended;
}

/* Waits for the command's end, and after `life` ended asks for it. */
static int watch(pid_t command, int life, int children)
{
	struct pollfd fds[] = {{.fd = children, .events = POLLIN},
			       {.fd = life, .events = POLLIN}};
	struct signalfd_siginfo info;
	int status = 0;
	nfds_t n = 2;

	for (;;) {
		ssize_t ignored;
		int ready = poll(fds, n, n == 2 ? -1 : GRACE_MS);

		if (reap(command, &status))
			return status;
		if (ready == 0)
			return SIGKILL;
		if (n == 2 && fds[1].revents) {
			kill(-command, SIGTERM);
			n = 1;
		}
		if (fds[0].revents) {
			ignored = read(children, &info, sizeof(info));
			(void)ignored;
		}
	}
}

static void keeper(const struct child_command *c, const struct ends *e)
{
	pid_t self = getpid();
	pid_t command;
	sigset_t child;
	int children, status;

	setpgid(0, 0);
	if (dup2(e->null, 0) < 0 || dup2(e->null, 1) < 0 ||
	    dup2(e->null, 2) < 0)
		_exit(1);
	close_others(e);
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	children = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
	if (children < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		_exit(1);
	command = fork();
	if (command == 0)
		run_command(c, e, self);
	if (command < 0) {
		send_report(e->report, REPORT_CANNOT_RUN, errno);
		_exit(1);
	}
	setpgid(command, command);
	close(e->output);
	status = watch(command, e->life, children);
	end_all(command);
	send_report(e->report, REPORT_ENDED, status);
	_exit(0);
}

/* Our side */

struct run {
	int life, report, output; /* our ends */
	pid_t keeper;
	struct buf *tail;
	bool ended, failed;
	int status, failure;
};

/* Above 2, where the keeper puts what it has for stdio. */
static int lift(int *fd)
{
	int high = *fd < 0 ? -1 : fcntl(*fd, F_DUPFD_CLOEXEC, 3);

	if (high < 0)
		return -1;
	close(*fd);
	*fd = high;
	return 0;
}

static int make_pipe(int *ret_read, int *ret_write, struct error *err)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return error_set_errno(err, ERROR_INTERNAL, errno, "pipe");
	*ret_read = fds[0];
	*ret_write = fds[1];
	if (lift(ret_read) < 0 || lift(ret_write) < 0)
		return error_set_errno(err, ERROR_INTERNAL, errno, "pipe");
	return 0;
}

static void close_ends(struct ends *e)
{
	cleanup_close(&e->null);
	cleanup_close(&e->life);
	cleanup_close(&e->report);
	cleanup_close(&e->output);
}

static void cleanup_run(struct run *r)
{
	cleanup_close(&r->life);
	cleanup_close(&r->report);
	cleanup_close(&r->output);
}

static int fork_keeper(const struct child_command *c, const struct ends *e,
		       struct error *err)
{
	sigset_t all, before;
	pid_t pid;

	/* no handler of ours may run in the keeper */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pid = fork();
	if (pid == 0)
		keeper(c, e);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (pid < 0)
		return error_set_errno(err, ERROR_INTERNAL, errno, "start '%s'",
				       c->argv[0]);
	return pid;
}

static int start(const struct child_command *c, struct run *r,
		 struct error *err)
{
	struct ends e = {-1, -1, -1, -1};
	int result = -1;

	e.null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (lift(&e.null) < 0)
		error_set_errno(err, ERROR_IO, errno, "cannot open /dev/null");
	else if (make_pipe(&e.life, &r->life, err) == 0 &&
		 make_pipe(&r->report, &e.report, err) == 0 &&
		 make_pipe(&r->output, &e.output, err) == 0)
		result = r->keeper = fork_keeper(c, &e, err);
	close_ends(&e);
	return result < 0 ? -1 : 0;
}

/* Of what is too much, the beginning goes. */
static void keep_tail(struct buf *tail, const char *data, size_t n)
{
	if (n > tail->max) {
		data += n - tail->max;
		n = tail->max;
	}
	if (tail->len + n > tail->max)
		buf_consume(tail, tail->len + n - tail->max);
	buf_put(tail, data, n);
}

/* False at the end of the output. */
static bool read_output(struct run *r)
{
	char data[4096];
	ssize_t n = read(r->output, data, sizeof(data));

	if (n > 0)
		keep_tail(r->tail, data, (size_t)n);
	return n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN));
}

static void read_report(struct run *r)
{
	struct report report;
	ssize_t n = read(r->report, &report, sizeof(report));

	if (n < 0 && errno == EINTR)
		return;
	r->ended = n != (ssize_t)sizeof(report) || report.kind == REPORT_ENDED;
	if (n != (ssize_t)sizeof(report)) {
		r->failed = true; /* the keeper is gone */
	} else if (report.kind == REPORT_CANNOT_RUN) {
		r->failed = true;
		r->failure = report.value;
	} else {
		r->status = report.value;
	}
}

/* Until the keeper has reported the end, and all output is read. */
static int follow(struct run *r, const struct deadline *d, struct error *err)
{
	bool more = true;

	while (!r->ended || more) {
		struct pollfd fds[] = {
		    {.fd = r->ended ? -1 : r->report, .events = POLLIN},
		    {.fd = more ? r->output : -1, .events = POLLIN}};

		if (deadline_poll(d, fds, 2, -1, "waiting for the command",
				  err) < 0)
			return -1;
		if (fds[1].revents)
			more = read_output(r);
		else if (fds[0].revents)
			read_report(r);
	}
	return 0;
}

/* The keeper ends it all; one that cannot is not waited for for ever. */
static void give_up(struct run *r)
{
	struct deadline cleanup = deadline_in(CLEAN_UP_MS, NULL);
	auto_error struct error ignored = ERROR_INIT;

	close(take_fd(&r->life));
	if (follow(r, &cleanup, &ignored) < 0)
		kill(r->keeper, SIGKILL);
}

static int outcome(const struct run *r, const char *name, struct error *err)
{
	if (r->failure)
		return error_set_errno(err, ERROR_CANNOT_RUN, r->failure,
				       "cannot run '%s'", name);
	if (r->failed)
		return error_set(err, ERROR_INTERNAL,
				 "what watched over '%s' was killed", name);
	return 0;
}

int child_run(const struct child_command *command,
	      const struct deadline *deadline, struct buf *tail,
	      int *ret_status, struct error *err)
{
	__attribute__((cleanup(cleanup_run))) struct run r = {
	    .life = -1, .report = -1, .output = -1, .tail = tail};
	int result;

	if (deadline_check(deadline, "waiting for the command", err) < 0 ||
	    start(command, &r, err) < 0)
		return -1;
	result = follow(&r, deadline, err);
	if (result < 0)
		give_up(&r);
	while (waitpid(r.keeper, NULL, 0) < 0 && errno == EINTR)
		;
	if (result < 0 || outcome(&r, command->argv[0], err) < 0)
		return -1;
	*ret_status = r.status;
	return 0;
}
