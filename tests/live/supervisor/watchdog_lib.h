/* SPDX-License-Identifier: MIT */
/*
 * What the tests of the watchdog share. The program makes itself a child
 * subreaper, so that after each test "no child" means
 * "no process of the test is left".
 */
#ifndef TESTS_WATCHDOG_LIB_H
#define TESTS_WATCHDOG_LIB_H

#include "supervisor/watchdog.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/strvec.h"
#include "supervisor/passon.h"
#include "supervisor/proctree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

extern char **environ;

static char dir[] = "/tmp/testenv-watchdog.XXXXXX";

/* A pipe whose write end goes to everything a test starts: its end of file
 * says that all of them are dead. */
static int alive[2] = {-1, -1};

static inline void make_alive(void)
{
	assert_int_equal(pipe(alive), 0);
	assert_int_equal(fcntl(alive[0], F_SETFD, FD_CLOEXEC), 0);
}

static inline void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* Reads what comes within `ms`, up to the end of file or `until`. */
static inline bool read_until(int fd, const char *until, int ms,
			      struct buf *ret)
{
	int64_t end = clock_now_ms() + ms;

	for (;;) {
		struct pollfd p = {fd, POLLIN, 0};
		int64_t left = end - clock_now_ms();
		char chunk[4096];
		ssize_t n;

		if (until && strstr(ret->s, until))
			return true;
		if (poll(&p, 1, left > 0 ? (int)left : 0) <= 0)
			return false;
		n = read(fd, chunk, sizeof(chunk));
		if (n <= 0)
			return !until;
		buf_put(ret, chunk, (size_t)n);
	}
}

static inline void assert_all_dead(int ms)
{
	auto_buf struct buf out = BUF_INIT;

	close_fd(&alive[1]);
	if (!read_until(alive[0], NULL, ms, &out))
		fail_msg("something still runs");
	close_fd(&alive[0]);
}

static inline void assert_no_child(int ms)
{
	int64_t end = clock_now_ms() + ms;
	pid_t pid;

	while ((pid = waitpid(-1, NULL, WNOHANG)) >= 0) {
		if (clock_now_ms() > end)
			fail_msg("a child is left");
		if (!pid)
			usleep(2000);
	}
	assert_int_equal(errno, ECHILD);
}

static inline struct watchdog *start(watchdog_clean_fn *clean)
{
	auto_error struct error err = ERROR_INIT;
	struct watchdog *w = NULL;

	if (watchdog_start(clean, &w, &err) < 0)
		fail_msg("%s", error_text(&err));
	return w;
}

static inline int spawn(struct watchdog *w, char *const *argv,
			struct error *err)
{
	const struct watchdog_command c = {argv, environ, true};
	pid_t pid = 0;

	if (watchdog_spawn(w, &c, &pid, err) < 0)
		return -1;
	assert_true(pid > 0);
	return 0;
}

static inline void spawn_sh(struct watchdog *w, const char *script)
{
	auto_error struct error err = ERROR_INIT;
	auto_free char *copy = xstrdup(script);
	char sh[] = "sh", c[] = "-c";
	char *argv[] = {sh, c, copy, NULL};

	if (spawn(w, argv, &err) < 0)
		fail_msg("%s", error_text(&err));
}

static inline int wait_for(struct watchdog *w, struct watchdog_wait wait,
			   bool *ret_timed_out)
{
	auto_error struct error err = ERROR_INIT;
	bool timed_out;
	int status = -1;

	if (!wait.fn)
		wait.fd = -1;
	if (watchdog_wait(w, &wait, &status, &timed_out, &err) < 0)
		fail_msg("%s", error_text(&err));
	if (ret_timed_out)
		*ret_timed_out = timed_out;
	else
		assert_false(timed_out);
	return status;
}

static inline int run_sh(const char *script)
{
	struct watchdog *w = start(NULL);
	int status;

	spawn_sh(w, script);
	status = wait_for(w, (struct watchdog_wait){0}, NULL);
	watchdog_end(w, 1000);
	assert_no_child(0);
	return status;
}

static inline void assert_exit(int status, int code)
{
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), code);
}

static inline void assert_signalled(int status, int signo)
{
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), signo);
}

static inline pid_t find_watchdog(void)
{
	auto_pids struct pids tree = PIDS_INIT;

	/* parents come before their children */
	proctree_list(getpid(), &tree);
	assert_true(tree.n > 0);
	return tree.v[0];
}

static inline int set_up(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static inline int tear_down(void **state)
{
	(void)state;
	return fs_remove_tree(dir, NULL);
}

#endif
