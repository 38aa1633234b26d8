/* SPDX-License-Identifier: MIT */
#include "supervisor/watchdog.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/log.h"
#include "supervisor/frame.h"
#include "supervisor/guard.h"
#include "supervisor/passon.h"
#include "supervisor/proctree.h"
#include "supervisor/spawn.h"
#include "supervisor/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

enum {
	DESCRIPTORS_MIN = 64, /* a session uses some twenty before any test */
	/* the watchdog answers at once, or something is badly wrong */
	ANSWER_MS = 30000,
	/* see GIVE_UP_MS of guard.c, with room */
	SWEEP_MS = 25000,
	GRACE_MS = 5000
};

struct watchdog {
	pid_t pid;
	int fd; /* -1: it is gone */
	struct buf in;
	bool was_subreaper;

	struct spawn_result spawned;
	bool answered, swept, exited;
	int status;
	struct stop stop; /* the last one; signo 0: it was followed */

	int signals; /* passon's, or -1 */
	int tty;     /* the command was given this terminal, or -1 */
	struct termios modes;
	bool has_modes;
	bool interrupted;
	int64_t stopped_ms; /* of the time-out's time */
};

/* Its end of the pair, out of the way of 0, 1 and 2, which a command that was
 * started without them must not find open. */
static int raise_fd(int *fd)
{
	int high = fcntl(*fd, F_DUPFD_CLOEXEC, 3);

	if (high < 0)
		return -1;
	close(*fd);
	*fd = high;
	return 0;
}

static int make_pair(int pair[2], struct error *err)
{
	/* a watchdog that was stopped must not stop us */
	struct timeval wait = {ANSWER_MS / 1000, 0};

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return error_set_errno(err, ERROR_INTERNAL, errno,
				       "start the watchdog: socketpair");
	if (raise_fd(&pair[0]) == 0 && raise_fd(&pair[1]) == 0 &&
	    setsockopt(pair[0], SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) ==
		0)
		return 0;
	error_set_errno(err, ERROR_INTERNAL, errno, "start the watchdog");
	close(pair[0]);
	close(pair[1]);
	return -1;
}

/* No signal may come between the fork and the watchdog's own mask. */
static pid_t fork_guard(int fd, watchdog_clean_fn *clean)
{
	int self = (int)syscall(SYS_pidfd_open, getpid(), 0);
	sigset_t all, old;
	pid_t pid;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	pid = fork();
	if (pid == 0)
		guard_run(fd, self, clean);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (self >= 0)
		close(self);
	return pid;
}

/* With fewer, libraries abort or wait for ever, and what was made cannot be
 * removed for want of a descriptor. */
static int check_descriptors(struct error *err)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 ||
	    limit.rlim_cur >= DESCRIPTORS_MIN)
		return 0;
	error_set(err, ERROR_INTERNAL,
		  "too few file descriptors: %llu are allowed, %d are needed",
		  (unsigned long long)limit.rlim_cur, DESCRIPTORS_MIN);
	error_hint(err, "'ulimit -n' sets the limit");
	return -1;
}

int watchdog_start(watchdog_clean_fn *clean, struct watchdog **ret,
		   struct error *err)
{
	int pair[2], subreaper = 0, failure;
	struct watchdog *w;
	pid_t pid;

	signals_save();
	if (check_descriptors(err) < 0 || make_pair(pair, err) < 0)
		return -1;
	prctl(PR_GET_CHILD_SUBREAPER, &subreaper);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	pid = fork_guard(pair[1], clean);
	failure = errno;
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		prctl(PR_SET_CHILD_SUBREAPER, subreaper);
		return error_set_errno(err, ERROR_INTERNAL, failure,
				       "start the watchdog: fork");
	}
	/* both sides do it, so that neither has to wait for it */
	setpgid(pid, pid);
	w = xcalloc(1, sizeof(*w));
	w->pid = pid;
	w->fd = pair[0];
	w->in = (struct buf)BUF_INIT_MAX(FRAME_BUF_MAX);
	w->was_subreaper = subreaper;
	w->signals = w->tty = -1;
	*ret = w;
	return 0;
}

/* The watchdog is dead or does not answer: its orphans are ours now. Our own
 * other children are told from them by their process group. */
static void kill_orphans(void)
{
	const struct proctree_spare spare = {.group = getpgrp()};
	struct deadline deadline = deadline_in(ANSWER_MS, NULL);
	int quiet = 0;

	/* the list may miss what moves while it is read: it has to be empty
	 * twice */
	while (quiet < 2 && deadline_left_ms(&deadline) > 0) {
		auto_pids struct pids tree = PIDS_INIT;

		quiet++;
		if (proctree_signal(getpid(), SIGKILL, &spare))
			quiet = 0;
		proctree_list(getpid(), &tree);
		for (size_t i = 0; i < tree.n; i++) {
			if (getpgid(tree.v[i]) == spare.group)
				continue;
			quiet = 0;
			waitpid(tree.v[i], NULL, WNOHANG);
		}
		if (!quiet)
			deadline_poll(&deadline, NULL, 0, 5, "orphans", NULL);
	}
}

static void bury(struct watchdog *w)
{
	if (w->fd < 0)
		return;
	close(take_fd(&w->fd));
	kill(w->pid, SIGKILL);
	waitpid(w->pid, NULL, 0);
	log_debug("watchdog %d is gone", (int)w->pid);
	kill_orphans();
}

static int gone(struct watchdog *w, struct error *err)
{
	bury(w);
	return error_set(err, ERROR_INTERNAL, "the watchdog process ended");
}

static int say(struct watchdog *w, enum frame_type type, const void *data,
	       size_t len, struct error *err)
{
	auto_buf struct buf out = BUF_INIT_MAX(FRAME_BUF_MAX);
	const char *p;
	size_t left;

	if (w->fd < 0)
		return gone(w, err);
	frame_put(&out, type, data, len);
	if (out.full)
		return error_set(err, ERROR_INTERNAL,
				 "too much for the watchdog: %zu bytes", len);
	for (p = out.s, left = out.len; left;) {
		ssize_t n = send(w->fd, p, left, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return gone(w, err);
		p += n;
		left -= (size_t)n;
	}
	return 0;
}

pid_t watchdog_pid(const struct watchdog *w)
{
	return w->pid;
}

int watchdog_tell_session(struct watchdog *w, const char *session)
{
	return say(w, FRAME_SESSION, session, strlen(session), NULL);
}

int watchdog_tell(struct watchdog *w, enum estate_kind kind, const char *value)
{
	auto_buf struct buf data = BUF_INIT;
	uint32_t k = (uint32_t)kind;

	buf_put(&data, &k, sizeof(k));
	buf_puts(&data, value);
	return say(w, FRAME_ESTATE, data.s, data.len, NULL);
}

static void note(struct watchdog *w, const struct frame *f)
{
	if (f->type == FRAME_SPAWNED && f->len == sizeof(w->spawned)) {
		memcpy(&w->spawned, f->data, sizeof(w->spawned));
		w->answered = true;
	} else if (f->type == FRAME_STOPPED && f->len == sizeof(w->stop)) {
		memcpy(&w->stop, f->data, sizeof(w->stop));
	} else if (f->type == FRAME_EXITED) {
		w->status = frame_int32(f);
		w->exited = true;
	} else if (f->type == FRAME_SWEPT) {
		w->swept = true;
	}
}

static int hear(struct watchdog *w, struct error *err)
{
	struct frame f;
	int got = frame_read(w->fd, &w->in);

	while (frame_peek(&w->in, &f) == 1) {
		note(w, &f);
		frame_drop(&w->in);
	}
	return got > 0 ? 0 : gone(w, err);
}

/* Until the watchdog has said what sets *flag. */
static int await(struct watchdog *w, const bool *flag, int64_t ms,
		 struct error *err)
{
	struct deadline deadline = deadline_in(ms, NULL);

	while (!*flag) {
		struct pollfd fd = {w->fd, POLLIN, 0};

		if (w->fd < 0)
			return gone(w, err);
		if (deadline_poll(&deadline, &fd, 1, -1, "the watchdog", err) <
		    0)
			return -1;
		if (hear(w, err) < 0)
			return -1;
	}
	return 0;
}

static void note_terminal(struct watchdog *w, bool foreground)
{
	w->tty = foreground ? terminal_open() : -1;
	if (!terminal_is(w->tty, getpgrp())) {
		/* not in front now; it may be later, after a stop */
		w->has_modes = false;
		return;
	}
	w->has_modes = tcgetattr(w->tty, &w->modes) == 0;
}

static int ask_spawn(struct watchdog *w, const struct watchdog_command *command,
		     struct error *err)
{
	auto_buf struct buf payload = BUF_INIT_MAX(FRAME_BUF_MAX);
	struct watchdog_command c = *command;

	c.foreground = terminal_is(w->tty, getpgrp());
	if (spawn_encode(&c, &payload, err) < 0)
		return -1;
	w->answered = false;
	if (say(w, FRAME_SPAWN, payload.s, payload.len, err) < 0)
		return -1;
	return await(w, &w->answered, ANSWER_MS, err);
}

static void take_terminal(struct watchdog *w, bool restore_modes)
{
	if (!terminal_is(w->tty, w->spawned.pid))
		return;
	terminal_give(w->tty, getpgrp());
	if (restore_modes && w->has_modes)
		tcsetattr(w->tty, TCSADRAIN, &w->modes);
}

int watchdog_spawn(struct watchdog *w, const struct watchdog_command *command,
		   pid_t *ret_pid, struct error *err)
{
	if (w->signals < 0)
		w->signals = passon_start();
	if (w->signals < 0)
		return error_set_errno(err, ERROR_INTERNAL, errno,
				       "collect signals");
	if (w->tty < 0)
		note_terminal(w, command->foreground);
	if (ask_spawn(w, command, err) < 0)
		return -1;
	if (w->spawned.failure) {
		/* the child may have had it for a moment */
		take_terminal(w, false);
		return spawn_error(command->argv[0], &w->spawned, err);
	}
	*ret_pid = w->spawned.pid;
	return 0;
}

int watchdog_signal(struct watchdog *w, int signo)
{
	int32_t value = signo;

	return say(w, FRAME_SIGNAL, &value, sizeof(value), NULL);
}

/* Without a parent in our session nobody can continue us: the kernel does not
 * stop such a process for a terminal, and it must not keep its command
 * stopped for ever. */
static bool stop_self(int signo)
{
	passon_take(SIGCONT);
	passon_obey(signo, signo != SIGSTOP);
	return passon_take(SIGCONT);
}

/* What was said of stops is dealt with. */
static void followed(struct watchdog *w)
{
	int32_t number = w->stop.number;

	w->stop.signo = 0;
	say(w, FRAME_FOLLOWED, &number, sizeof(number), NULL);
}

static void follow_stop(struct watchdog *w)
{
	int signo = w->stop.signo;
	bool wants_terminal = signo == SIGTTIN || signo == SIGTTOU;
	int64_t since = clock_now_ms();

	take_terminal(w, false);
	/* brought to the front meanwhile: all it needs is the terminal */
	if (!wants_terminal || !terminal_is(w->tty, getpgrp())) {
		if (!stop_self(signo) && wants_terminal)
			watchdog_signal(w, SIGHUP);
	}
	if (terminal_is(w->tty, getpgrp()))
		terminal_give(w->tty, w->spawned.pid);
	followed(w);
	w->stopped_ms += clock_now_ms() - since;
}

static void pass_on(struct watchdog *w, bool *ret_interrupted)
{
	int signo;

	while ((signo = passon_next())) {
		if (signo == SIGINT)
			*ret_interrupted = true;
		/* a continue is for what was stopped, see follow_stop */
		if (signo != SIGCONT)
			watchdog_signal(w, signo);
	}
}

/* When to do the next thing about the time: 0 nothing yet, else the signal. */
struct limit {
	int64_t timeout_ms, grace_ms;
	int64_t start_ms;
	bool terminated, killed;
};

static int64_t limit_left(const struct limit *l, int64_t stopped_ms)
{
	int64_t at = l->start_ms + stopped_ms + l->timeout_ms;
	int64_t now = clock_now_ms();

	if (!l->timeout_ms || l->killed)
		return INT_MAX;
	if (l->terminated)
		at += l->grace_ms;
	return at > now ? at - now : 0;
}

static void limit_enforce(struct limit *l, struct watchdog *w)
{
	if (limit_left(l, w->stopped_ms) > 0)
		return;
	watchdog_signal(w, l->terminated ? SIGKILL : SIGTERM);
	if (!l->terminated)
		watchdog_signal(w, SIGCONT);
	l->killed = l->terminated;
	l->terminated = true;
}

static int wait_turn(struct watchdog *w, const struct watchdog_wait *wait,
		     int64_t left_ms, struct error *err)
{
	struct pollfd fds[] = {{w->fd, POLLIN, 0},
			       {w->signals, POLLIN, 0},
			       {wait->fn ? wait->fd : -1, POLLIN, 0}};
	int timeout = left_ms < INT_MAX ? (int)left_ms : -1;
	auto_error struct error lost = ERROR_INIT;

	if (poll(fds, array_len(fds), timeout) < 0)
		return errno == EINTR ? 0
				      : error_set_errno(err, ERROR_INTERNAL,
							errno, "poll");
	/* what it said last may be all that there was to know */
	if (fds[0].revents && hear(w, &lost) < 0 && !w->exited)
		return error_move(err, &lost);
	if (fds[2].revents)
		wait->fn(wait->ctx);
	return 0;
}

bool watchdog_interrupted(const struct watchdog *w)
{
	return w->interrupted;
}

int watchdog_wait(struct watchdog *w, const struct watchdog_wait *wait,
		  int *ret_status, bool *ret_timed_out, struct error *err)
{
	struct limit limit = {wait->timeout_ms,
			      wait->grace_ms ? wait->grace_ms : GRACE_MS,
			      clock_now_ms(), false, false};
	bool interrupted = false, had_terminal;

	while (!w->exited) {
		if (w->fd < 0)
			return gone(w, err);
		/* first of all what came before the wait */
		pass_on(w, &interrupted);
		if (w->stop.signo)
			follow_stop(w);
		limit_enforce(&limit, w);
		if (wait_turn(w, wait, limit_left(&limit, w->stopped_ms), err) <
		    0)
			return -1;
	}
	pass_on(w, &interrupted);
	if (w->stop.signo)
		followed(w);
	had_terminal = terminal_is(w->tty, w->spawned.pid);
	take_terminal(w, WIFSIGNALED(w->status));
	w->interrupted = had_terminal && !interrupted &&
			 WIFSIGNALED(w->status) &&
			 WTERMSIG(w->status) == SIGINT;
	*ret_status = w->status;
	*ret_timed_out = limit.terminated;
	return 0;
}

void watchdog_sweep(struct watchdog *w, int64_t grace_ms)
{
	auto_error struct error err = ERROR_INIT;

	if (w->fd < 0)
		return;
	w->swept = false;
	if (say(w, FRAME_SWEEP, &grace_ms, sizeof(grace_ms), &err) < 0)
		return;
	if (await(w, &w->swept, grace_ms + SWEEP_MS, &err) < 0)
		bury(w);
	take_terminal(w, true);
}

/* Its end of the socket closes when it has left. */
static void see_off(struct watchdog *w)
{
	struct deadline deadline = deadline_in(ANSWER_MS, NULL);
	struct pollfd fd = {w->fd, POLLIN, 0};

	if (w->fd < 0 || say(w, FRAME_FAREWELL, NULL, 0, NULL) < 0)
		return;
	if (deadline_poll(&deadline, &fd, 1, -1, "the watchdog", NULL) <= 0)
		kill(w->pid, SIGKILL);
	close(take_fd(&w->fd));
	waitpid(w->pid, NULL, 0);
}

void watchdog_end(struct watchdog *w, int64_t grace_ms)
{
	if (!w)
		return;
	if (!w->swept)
		watchdog_sweep(w, grace_ms);
	see_off(w);
	if (!w->was_subreaper)
		prctl(PR_SET_CHILD_SUBREAPER, 0);
	if (w->signals >= 0)
		passon_end();
	if (w->tty >= 0)
		close(w->tty);
	buf_free(&w->in);
	free(w);
}
