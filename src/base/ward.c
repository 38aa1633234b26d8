/* SPDX-License-Identifier: MIT */
#include "base/ward.h"

#include "base/alloc.h"
#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	LOG_MAX = 512 * 1024,
	/* where the kernel has no pidfd (before Linux 5.3) */
	LOOK_MS = 50,
	/* a killed process that does not end hangs in the kernel */
	KILL_MS = 10000,
	FDS_MAX = 4096
};

struct ward {
	struct wards *all;
	struct ward *next;
	const struct ward_spec *spec; /* until it is started */
	enum {
		WANTED,
		RUNNING,
		ENDED,
		FAILED
	} state;
	int failure; /* errno of FAILED */
	bool in_exec;
	pid_t pid;
	int pidfd;    /* -1: none */
	int out;      /* the pipe it prints into; -1: closed */
	int ended_fd; /* readable once it has ended */
	int status;
	int log_fd;
	char *log;
	size_t log_bytes;
};

struct wards {
	pthread_t thread;
	int wake;
	pthread_mutex_t mutex; /* guards what follows, and each state */
	pthread_cond_t changed;
	struct ward *list;
	bool stopping;
};

/* What a child that could not become its program tells. */
struct failure {
	int32_t number, in_exec;
};

static void wake(struct wards *c)
{
	uint64_t one = 1;
	ssize_t ignored = write(c->wake, &one, sizeof(one));

	(void)ignored;
}

/* In the new process: only what is safe after a fork of one thread of many. */

static void say_failure(int report, int in_exec)
{
	struct failure f = {errno, in_exec};
	ssize_t ignored = write(report, &f, sizeof(f));

	(void)ignored;
	_exit(127);
}

static void close_others(void)
{
#ifdef SYS_close_range
	if (syscall(SYS_close_range, 3U, ~0U, 4U /* CLOEXEC */) == 0)
		return;
#endif
	for (int fd = 3; fd < FDS_MAX; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
}

static void default_signals(void)
{
	sigset_t none;

	for (int s = 1; s < NSIG; s++)
		signal(s, SIG_DFL);
	sigemptyset(&none);
	pthread_sigmask(SIG_SETMASK, &none, NULL);
}

static int become_user(const struct ward_spec *spec)
{
	if (!spec->drop)
		return 0;
	if (setgroups(1, &spec->gid) < 0 || setgid(spec->gid) < 0)
		return -1;
	return setuid(spec->uid);
}

static void become(const struct ward_spec *spec, int out, pid_t parent,
		   int report)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	/* the user first: a change of it takes the death signal back */
	if (setpgid(0, 0) < 0 || become_user(spec) < 0 ||
	    prctl(PR_SET_PDEATHSIG,
		  spec->death_signal ? spec->death_signal : SIGKILL) < 0)
		say_failure(report, 0);
	if (getppid() != parent)
		_exit(127);
	if (null < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 ||
	    dup2(out, 2) < 0 || chdir(spec->dir ? spec->dir : "/") < 0)
		say_failure(report, 0);
	close_others();
	default_signals();
	umask(077);
	execve(spec->argv[0], spec->argv, spec->envp);
	say_failure(report, 1);
}

/* On the thread */

/* Both ends above 2, which the new process makes its own. */
static int high_pipe(int *ret_from, int *ret_to)
{
	auto_close int from = -1, to = -1;
	int low[2];

	if (pipe2(low, O_CLOEXEC) < 0)
		return -1;
	from = fcntl(low[0], F_DUPFD_CLOEXEC, 3);
	to = fcntl(low[1], F_DUPFD_CLOEXEC, 3);
	close(low[0]);
	close(low[1]);
	if (from < 0 || to < 0)
		return -1;
	*ret_from = take_fd(&from);
	*ret_to = take_fd(&to);
	return 0;
}

static void fail(struct ward *ch, int number, bool in_exec)
{
	ch->state = FAILED;
	ch->failure = number;
	ch->in_exec = in_exec;
}

static void start(struct ward *ch)
{
	auto_close int report = -1, report_to = -1, out_to = -1;
	pid_t self = getpid();
	struct failure f;
	ssize_t n;

	if (high_pipe(&report, &report_to) < 0 ||
	    high_pipe(&ch->out, &out_to) < 0) {
		fail(ch, errno, false);
		return;
	}
	ch->pid = fork();
	if (ch->pid == 0)
		become(ch->spec, out_to, self, report_to);
	if (ch->pid < 0) {
		fail(ch, errno, false);
		return;
	}
	close(take_fd(&report_to));
	close(take_fd(&out_to));
	do
		n = read(report, &f, sizeof(f));
	while (n < 0 && errno == EINTR);
	if (n == (ssize_t)sizeof(f)) {
		waitpid(ch->pid, NULL, 0);
		fail(ch, f.number, f.in_exec);
		return;
	}
	fcntl(ch->out, F_SETFL, O_NONBLOCK);
	ch->pidfd = (int)syscall(SYS_pidfd_open, ch->pid, 0);
	ch->state = RUNNING;
}

static void turn_log(struct ward *ch)
{
	auto_free char *old = xasprintf("%s.1", ch->log);
	int fd;

	if (rename(ch->log, old) < 0)
		return;
	fd = open(ch->log, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	close(ch->log_fd);
	ch->log_fd = fd;
	ch->log_bytes = 0;
}

/* What a full disk does not take is lost; the program goes on. */
static void read_output(struct ward *ch)
{
	char piece[16384];
	ssize_t n;

	while ((n = read(ch->out, piece, sizeof(piece))) > 0) {
		if (ch->log_bytes + (size_t)n > LOG_MAX)
			turn_log(ch);
		if (ch->log_bytes + (size_t)n <= LOG_MAX &&
		    write(ch->log_fd, piece, (size_t)n) > 0)
			ch->log_bytes += (size_t)n;
	}
	if (n == 0 || (errno != EAGAIN && errno != EINTR))
		close(take_fd(&ch->out));
}

static void reap(struct ward *ch)
{
	uint64_t one = 1;
	ssize_t ignored;

	if (waitpid(ch->pid, &ch->status, WNOHANG) != ch->pid)
		return;
	if (ch->out >= 0)
		read_output(ch);
	ch->state = ENDED;
	if (ch->pidfd >= 0)
		close(take_fd(&ch->pidfd));
	ignored = write(ch->ended_fd, &one, sizeof(one));
	(void)ignored;
}

/* A turn over all of them; returns how long the next may be put off. */
static int look_at_all(struct wards *c)
{
	int ms = -1;

	for (struct ward *ch = c->list; ch; ch = ch->next) {
		if (ch->state == WANTED)
			start(ch);
		if (ch->out >= 0)
			read_output(ch);
		if (ch->state != RUNNING)
			continue;
		reap(ch);
		if (ch->state == RUNNING && ch->pidfd < 0)
			ms = LOOK_MS;
	}
	pthread_cond_broadcast(&c->changed);
	return ms;
}

static struct pollfd *poll_list(const struct wards *c, nfds_t *ret_n)
{
	struct pollfd *fds;
	size_t n = 1;

	for (const struct ward *ch = c->list; ch; ch = ch->next)
		n += 2;
	fds = xcalloc(n, sizeof(*fds));
	fds[0] = (struct pollfd){c->wake, POLLIN, 0};
	n = 1;
	for (const struct ward *ch = c->list; ch; ch = ch->next) {
		fds[n++] = (struct pollfd){ch->out, POLLIN, 0};
		fds[n++] = (struct pollfd){ch->pidfd, POLLIN, 0};
	}
	*ret_n = n;
	return fds;
}

static void *keep(void *arg)
{
	struct wards *c = arg;
	uint64_t count;
	ssize_t ignored;

	pthread_mutex_lock(&c->mutex);
	while (!c->stopping) {
		int ms = look_at_all(c);
		nfds_t n;
		auto_free struct pollfd *fds = poll_list(c, &n);

		pthread_mutex_unlock(&c->mutex);
		/* a child that is freed meanwhile leaves descriptors that are
		 * somebody else's: that is one turn for nothing */
		poll(fds, n, ms);
		pthread_mutex_lock(&c->mutex);
		ignored = read(c->wake, &count, sizeof(count));
		(void)ignored;
	}
	pthread_mutex_unlock(&c->mutex);
	return NULL;
}

/* For everybody */

int wards_new(struct wards **ret, struct error *err)
{
	struct wards *c = xcalloc(1, sizeof(*c));
	sigset_t all, old;
	int failed;

	c->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	pthread_mutex_init(&c->mutex, NULL);
	pthread_cond_init(&c->changed, NULL);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	failed =
	    c->wake < 0 ? errno : pthread_create(&c->thread, NULL, keep, c);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (!failed) {
		*ret = c;
		return 0;
	}
	if (c->wake >= 0)
		close(c->wake);
	free(c);
	return error_set_errno(err, ERROR_INTERNAL, failed,
			       "cannot start a thread for programs");
}

void wards_free(struct wards *c)
{
	if (!c)
		return;
	while (c->list)
		ward_free(c->list);
	pthread_mutex_lock(&c->mutex);
	c->stopping = true;
	pthread_mutex_unlock(&c->mutex);
	wake(c);
	pthread_join(c->thread, NULL);
	pthread_cond_destroy(&c->changed);
	pthread_mutex_destroy(&c->mutex);
	close(c->wake);
	free(c);
}

static void unlink_ward(struct ward *ch)
{
	struct ward **at = &ch->all->list;

	while (*at && *at != ch)
		at = &(*at)->next;
	if (*at)
		*at = ch->next;
}

static void release(struct ward *ch)
{
	const int fds[] = {ch->out, ch->pidfd, ch->ended_fd, ch->log_fd};

	for (size_t i = 0; i < array_len(fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	free(ch->log);
	free(ch);
}

static int start_error(const struct ward *ch, const char *program,
		       struct error *err)
{
	enum error_kind kind = ERROR_INTERNAL;

	if (ch->in_exec)
		kind =
		    ch->failure == ENOENT ? ERROR_NOT_FOUND : ERROR_CANNOT_RUN;
	return error_set_errno(err, kind, ch->failure, "cannot run '%s'",
			       program);
}

int ward_start(struct wards *c, const struct ward_spec *spec, struct ward **ret,
	       struct error *err)
{
	struct ward *ch = xcalloc(1, sizeof(*ch));
	int result = 0;

	*ch = (struct ward){.all = c,
			    .spec = spec,
			    .pidfd = -1,
			    .out = -1,
			    .ended_fd = eventfd(0, EFD_CLOEXEC),
			    .log = xstrdup(spec->log)};
	ch->log_fd =
	    open(ch->log, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
		 0600);
	if (ch->ended_fd < 0 || ch->log_fd < 0) {
		error_set_errno(err, ERROR_IO, errno, "cannot write '%s'",
				ch->log);
		release(ch);
		return -1;
	}
	pthread_mutex_lock(&c->mutex);
	ch->next = c->list;
	c->list = ch;
	wake(c);
	while (ch->state == WANTED)
		pthread_cond_wait(&c->changed, &c->mutex);
	ch->spec = NULL;
	if (ch->state == FAILED) {
		unlink_ward(ch);
		result = start_error(ch, spec->argv[0], err);
	}
	pthread_mutex_unlock(&c->mutex);
	if (result < 0)
		release(ch);
	else
		*ret = ch;
	return result;
}

pid_t ward_pid(const struct ward *ward)
{
	return ward->pid;
}

bool ward_ended(struct ward *ward, int *ret_status)
{
	bool ended;

	pthread_mutex_lock(&ward->all->mutex);
	ended = ward->state == ENDED;
	if (ended && ret_status)
		*ret_status = ward->status;
	pthread_mutex_unlock(&ward->all->mutex);
	return ended;
}

int ward_wait(struct ward *ward, const struct deadline *deadline,
	      int *ret_status, struct error *err)
{
	while (!ward_ended(ward, ret_status)) {
		struct pollfd p = {ward->ended_fd, POLLIN, 0};

		if (deadline_poll(deadline, &p, 1, -1, "program", err) < 0)
			return -1;
	}
	return 0;
}

void ward_signal(struct ward *ward, int signo, bool group)
{
	pthread_mutex_lock(&ward->all->mutex);
	if (ward->state == RUNNING)
		kill(group ? -ward->pid : ward->pid, signo);
	pthread_mutex_unlock(&ward->all->mutex);
}

void ward_free(struct ward *ward)
{
	struct deadline deadline = deadline_in(KILL_MS, NULL);
	struct wards *all;

	if (!ward)
		return;
	all = ward->all;
	ward_signal(ward, SIGKILL, true);
	ward_wait(ward, &deadline, NULL, NULL);
	pthread_mutex_lock(&all->mutex);
	unlink_ward(ward);
	pthread_mutex_unlock(&all->mutex);
	release(ward);
}

void cleanup_ward(struct ward **ward)
{
	ward_free(*ward);
	*ward = NULL;
}

/* Adds the last bytes of a file. */
static void put_end(const char *path, size_t max, struct buf *ret)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	char piece[16384];
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0)
		return;
	if ((uintmax_t)st.st_size > max)
		lseek(fd, st.st_size - (off_t)max, SEEK_SET);
	while ((n = read(fd, piece, sizeof(piece))) > 0 && !ret->full)
		buf_put(ret, piece, (size_t)n);
}

void ward_log_tail(const char *log, struct buf *ret)
{
	auto_free char *old = xasprintf("%s.1", log);
	auto_buf struct buf both = BUF_INIT;

	put_end(old, ret->max, &both);
	put_end(log, ret->max, &both);
	if (both.len > ret->max)
		buf_consume(&both, both.len - ret->max);
	buf_clear(ret);
	buf_put(ret, both.s, both.len);
}

int ward_run(struct wards *c, const struct ward_spec *spec,
	     const struct deadline *deadline, struct buf *ret_output,
	     int *ret_status, struct error *err)
{
	auto_ward struct ward *ward = NULL;
	auto_free char *old = xasprintf("%s.1", spec->log);
	int result;

	if (ward_start(c, spec, &ward, err) < 0)
		return -1;
	result = ward_wait(ward, deadline, ret_status, err);
	if (result < 0)
		error_wrap(err, "'%s'", spec->argv[0]);
	if (ret_output)
		ward_log_tail(spec->log, ret_output);
	unlink(spec->log);
	unlink(old);
	return result;
}
