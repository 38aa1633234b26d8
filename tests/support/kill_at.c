/* SPDX-License-Identifier: MIT */
/*
 * kill_at.so - preloaded, ends the program, or another, by SIGKILL at its n-th
 * step.
 *
 * A step is a call that changes something others can see: a file made, renamed
 * or removed, a file's bytes, a program started, a request to an engine or a
 * statement to a server that is no mere question (before it is sent, and again
 * when it was). Only the program's own process counts: neither what it forks
 * nor what it runs.
 *
 *   KILL_AT=n        at which step; 0: never
 *   KILL_PID=PID     that process (an engine) instead, which is waited for
 *   KILL_STEPS=WORDS net: requests only; sql: statements only; net,sql: both
 *   KILL_CHILDREN=n  the first n that it forked die first: with the first, the
 *                    watchdog, nobody is left to clear up
 *   KILL_TREE=TEXT   of files whose path has that, and of those removed in a
 *                    tree, only each 300th is a step
 *   KILL_AFTER=FILE  steps count from when that is there
 *   KILL_LOG=FILE    a line for each step
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

enum {
	CHILDREN = 64,
	TREE_STEP = 300,
	GONE_MS = 10000
};

static long kill_at;
static pid_t victim; /* 0: this process */
static int counting; /* this is the program itself */
static int with_files, with_requests, with_sql;
static int with_children;
static const char *after, *tree;
static atomic_long in_tree;
static int log_fd = -1;
static atomic_long steps;
static atomic_int n_children;
static pid_t children[CHILDREN];

#define NEXT(name)                     \
	static __typeof__(&name) next; \
	if (!next)                     \
	*(void **)&next = dlsym(RTLD_NEXT, #name)

__attribute__((constructor)) static void begin(void)
{
	const char *at = getenv("KILL_AT");
	const char *log = getenv("KILL_LOG");
	const char *only = getenv("KILL_STEPS");
	const char *victims = getenv("KILL_CHILDREN");
	const char *other = getenv("KILL_PID");

	if (!at)
		return;
	kill_at = strtol(at, NULL, 10);
	with_files = !only;
	with_requests = !only || strstr(only, "net");
	with_sql = !only || strstr(only, "sql");
	victim = other ? (pid_t)strtol(other, NULL, 10) : 0;
	with_children = victims ? (int)strtol(victims, NULL, 10) : 0;
	after = getenv("KILL_AFTER") ? strdup(getenv("KILL_AFTER")) : NULL;
	if (log)
		log_fd = (int)openat(AT_FDCWD, log,
				     O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
				     0600);
	tree = getenv("KILL_TREE") ? strdup(getenv("KILL_TREE")) : NULL;
	unsetenv("KILL_AT");
	unsetenv("LD_PRELOAD");
	counting = 1;
}

static void die(void)
{
	int n = atomic_load(&n_children);

	for (int i = 0; i < with_children && i < n && i < CHILDREN; i++)
		kill(children[i], SIGKILL);
	kill(getpid(), SIGKILL);
	pause();
}

/* Returns when it is gone: what comes next meets it dead. */
static void kill_other(void)
{
	int fd = (int)syscall(SYS_pidfd_open, victim, 0);
	struct pollfd p = {.fd = fd, .events = POLLIN};

	kill(victim, SIGKILL);
	if (fd < 0)
		return;
	poll(&p, 1, GONE_MS);
	close(fd);
}

static void step(const char *what, const char *about)
{
	char line[512];
	long n;
	int len;

	if (!counting || (after && access(after, F_OK) < 0))
		return;
	n = atomic_fetch_add(&steps, 1) + 1;
	len = snprintf(line, sizeof(line), "%ld %s %.300s\n", n, what, about);
	if (log_fd >= 0 && len > 0) {
		ssize_t ignored = write(log_fd, line, (size_t)len);

		(void)ignored;
	}
	if (n != kill_at)
		return;
	if (victim)
		kill_other();
	else
		die();
}

static void file_step(const char *what, const char *about)
{
	if (!with_files)
		return;
	if (tree && (!strchr(about, '/') || strstr(about, tree)) &&
	    atomic_fetch_add(&in_tree, 1) % TREE_STEP != TREE_STEP / 2)
		return;
	step(what, about);
}

pid_t fork(void)
{
	pid_t pid;
	NEXT(fork);

	file_step("fork", "/");
	pid = next();
	if (pid == 0) {
		counting = 0;
	} else if (pid > 0 && counting) {
		int i = atomic_fetch_add(&n_children, 1);

		if (i < CHILDREN)
			children[i] = pid;
	}
	return pid;
}

int rename(const char *from, const char *to)
{
	NEXT(rename);
	file_step("rename", to);
	return next(from, to);
}

int unlink(const char *path)
{
	NEXT(unlink);
	file_step("unlink", path);
	return next(path);
}

int unlinkat(int dir, const char *path, int flags)
{
	NEXT(unlinkat);
	file_step("unlinkat", path);
	return next(dir, path, flags);
}

int rmdir(const char *path)
{
	NEXT(rmdir);
	file_step("rmdir", path);
	return next(path);
}

int mkdir(const char *path, mode_t mode)
{
	NEXT(mkdir);
	/* one that is there already is only asked for */
	if (access(path, F_OK) < 0)
		file_step("mkdir", path);
	return next(path, mode);
}

int chmod(const char *path, mode_t mode)
{
	NEXT(chmod);
	file_step("chmod", path);
	return next(path, mode);
}

#define OPEN(name)                                   \
	int name(const char *path, int flags, ...)   \
	{                                            \
		mode_t mode = 0;                     \
		va_list args;                        \
		NEXT(name);                          \
                                                     \
		if (flags & O_CREAT) {               \
			va_start(args, flags);       \
			mode = va_arg(args, mode_t); \
			va_end(args);                \
			file_step("open", path);     \
		}                                    \
		return next(path, flags, mode);      \
	}
OPEN(open)
OPEN(open64)

#define PWRITE(name, offset_type)                                          \
	ssize_t name(int fd, const void *data, size_t len, offset_type at) \
	{                                                                  \
		NEXT(name);                                                \
		file_step("write", "/");                                   \
		return next(fd, data, len, at);                            \
	}
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

static int is_request(const char *data, size_t len)
{
	return with_requests && len > 6 &&
	       (!memcmp(data, "POST /", 6) || !memcmp(data, "DELETE ", 7) ||
		!memcmp(data, "PUT /", 5));
}

/* Where a statement begins in a Postgres Query or a MariaDB COM_QUERY; 0: it is
 * none, or it asks only. */
static size_t statement(const char *data, size_t len)
{
	static const char *const questions[] = {"SELECT", "SHOW", "WITH"};
	size_t from = 0;

	if (len > 5 && data[0] == 'Q' && data[1] == 0)
		from = 5;
	else if (len > 5 && data[2] == 0 && data[3] == 0 && data[4] == 3)
		from = 5;
	if (!from || !with_sql)
		return 0;
	for (size_t i = 0; i < sizeof(questions) / sizeof(*questions); i++) {
		size_t n = strlen(questions[i]);

		if (len - from > n &&
		    !strncasecmp(data + from, questions[i], n))
			return 0;
	}
	return from;
}

ssize_t send(int fd, const void *data, size_t len, int flags)
{
	const char *text = data;
	size_t from = statement(text, len);
	int counts = from || is_request(text, len);
	char line[120] = "";
	ssize_t n;
	NEXT(send);

	for (size_t i = 0; counts && from + i < len && i + 1 < sizeof(line) &&
			   (from ? text[from + i] : !strchr("\r?", text[i]));
	     i++)
		line[i] = text[from + i] == '\n' ? ' ' : text[from + i];
	if (counts)
		step("before", line);
	n = next(fd, data, len, flags);
	if (counts)
		step("after", line);
	return n;
}
