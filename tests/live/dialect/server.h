/* SPDX-License-Identifier: MIT */
/*
 * live/dialect/server.h - a database server of the test's own.
 *
 * Runs a server program in a directory of its own under /tmp, as an
 * unprivileged user where the test is root, and ends with the test. Without the
 * program the test ends with 77, which CTest reads as "cannot run here".
 */
#ifndef LIVE_DIALECT_SERVER_H
#define LIVE_DIALECT_SERVER_H

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/strvec.h"
#include "dialect/db.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <pthread.h>
#include <pwd.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum {
	/* Deadlines that a message rounds to this many seconds, also when much
	 * of one has passed before it is counted. */
	ROUNDED_1_S = 1480,
	ROUNDED_2_S = 2480
};

struct server {
	char dir[32];
	pid_t pid; /* 0: not running */
	uint16_t port;
};

static struct deadline within(int64_t ms)
{
	return deadline_in(ms, NULL);
}

/* The first file that matches, or the end of the test. */
static char *program(const char *pattern)
{
	glob_t g;
	char *found;

	if (glob(pattern, 0, NULL, &g) != 0) {
		printf("no %s here\n", pattern);
		exit(77);
	}
	found = xstrdup(g.gl_pathv[g.gl_pathc - 1]);
	globfree(&g);
	return found;
}

/* One that nobody has now; below those that a kernel gives to whoever connects,
 * which would take it before the server does. */
static uint16_t free_port(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	uint16_t word;
	uint16_t port;
	bool ours;

	do {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		assert_true(fd >= 0);
		assert_int_equal(getrandom(&word, sizeof(word), 0),
				 sizeof(word));
		port = (uint16_t)(20000 + word % 12000);
		a.sin_port = htons(port);
		ours = bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0;
		close(fd);
	} while (!ours);
	return port;
}

static void become_nobody(void)
{
	struct passwd *pw = getpwnam("nobody");

	if (getuid() != 0)
		return;
	if (!pw || setgid(pw->pw_gid) < 0 || setuid(pw->pw_uid) < 0)
		_exit(126);
}

/* Starts it after a pause, its output going to DIR/log. */
static pid_t spawn(const struct server *s, char *const *argv, unsigned pause_ms,
		   int death_signal)
{
	auto_free char *log = fs_join(s->dir, "log");
	struct timespec pause = {pause_ms / 1000,
				 (long)(pause_ms % 1000) * 1000000};
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	become_nobody();
	prctl(PR_SET_PDEATHSIG, death_signal);
	(void)!freopen(log, "a", stdout);
	dup2(1, 2);
	(void)!chdir(s->dir);
	nanosleep(&pause, NULL);
	execv(argv[0], argv);
	_exit(127);
}

static void run_to_end(const struct server *s, char *const *argv)
{
	pid_t pid = spawn(s, argv, 0, SIGKILL);
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (status != 0) {
		auto_free char *path = fs_join(s->dir, "log");
		auto_buf struct buf log = BUF_INIT;

		(void)fs_read_file(path, &log, NULL);
		fail_msg("%s failed, its log ends:\n%s", argv[0],
			 log.len > 2000 ? log.s + log.len - 2000 : log.s);
	}
}

/* In memory where there is plenty: files are made in microseconds there. */
static bool is_roomy(const char *dir)
{
	struct statvfs v;

	return statvfs(dir, &v) == 0 && access(dir, W_OK) == 0 &&
	       (uint64_t)v.f_bavail * v.f_frsize >= 1ULL << 30;
}

static void server_dir(struct server *s)
{
	struct passwd *pw = getpwnam("nobody");

	*s = (struct server){.dir = "/tmp/te-live-XXXXXX"};
	if (is_roomy("/dev/shm"))
		strncpy(s->dir, "/dev/shm/te-live-XXXXXX", sizeof(s->dir) - 1);
	assert_non_null(mkdtemp(s->dir));
	if (getuid() == 0 && pw)
		assert_int_equal(chown(s->dir, pw->pw_uid, pw->pw_gid), 0);
	s->port = free_port();
}

static void server_stop(struct server *s, int signo)
{
	if (s->pid > 0) {
		kill(s->pid, signo);
		waitpid(s->pid, NULL, 0);
	}
	s->pid = 0;
}

static void server_remove(struct server *s)
{
	server_stop(s, SIGQUIT);
	assert_int_equal(fs_remove_tree(s->dir, NULL), 0);
}

/* ---- something that happens meanwhile ---- */

struct meanwhile {
	pthread_t thread;
	unsigned ms;
	pid_t pid; /* killed with SIGKILL, or */
	struct cancel *cancel;
};

static void *meanwhile_run(void *arg)
{
	struct meanwhile *m = arg;
	struct timespec pause = {0, (long)m->ms * 1000000};

	nanosleep(&pause, NULL);
	if (m->pid)
		kill(m->pid, SIGKILL);
	else
		cancel_trip(m->cancel, SIGINT);
	return NULL;
}

static inline void meanwhile_start(struct meanwhile *m)
{
	assert_int_equal(pthread_create(&m->thread, NULL, meanwhile_run, m), 0);
}

static inline void meanwhile_end(struct meanwhile *m)
{
	pthread_join(m->thread, NULL);
}

/* ---- assertions ---- */

static inline void expect_error(int rc, struct error *err, enum error_kind kind,
				const char *text)
{
	assert_int_equal(rc, -1);
	assert_string_equal(error_kind_name(err->kind), error_kind_name(kind));
	assert_string_equal(error_text(err), text);
	error_clear(err);
}

static void ok(int rc, struct error *err)
{
	if (rc < 0)
		fail_msg("%s", error_text(err));
}

static inline void run_script(struct db *db, const char *name, const char *sql)
{
	struct deadline d = within(30000);
	auto_error struct error err = ERROR_INIT;

	ok(db_run_script(db, name, sql, strlen(sql), &d, &err), &err);
}

static inline void gives(struct db *db, const char *sql, const char *expected)
{
	struct deadline d = within(30000);
	auto_error struct error err = ERROR_INIT;
	auto_free char *value = NULL;

	ok(db_value(db, sql, &d, &value, &err), &err);
	if (expected)
		assert_string_equal(value ? value : "(null)", expected);
	else
		assert_null(value);
}

/* 35 lines that are right (some of them blank or comments), then `bad`. */
static inline char *script_with(const char *bad)
{
	struct buf b = BUF_INIT;

	buf_puts(&b, "-- a comment; with a semicolon\r\n\n");
	buf_puts(&b, "/* and\nanother; */\n");
	for (unsigned line = 5; line <= 35; line++)
		buf_printf(&b, "CREATE TABLE t%u (a int, b text);\n", line);
	buf_puts(&b, bad);
	return buf_take(&b);
}

static inline void expect_script_error(struct db *db, const char *sql,
				       const char *text, const char *detail)
{
	struct deadline d = within(30000);
	auto_error struct error err = ERROR_INIT;

	assert_int_equal(
	    db_run_script(db, "db/001.sql", sql, strlen(sql), &d, &err), -1);
	assert_string_equal(error_text(&err), text);
	assert_string_equal(error_kind_name(err.kind), "migration");
	assert_string_equal(err.detail ? err.detail : "(null)", detail);
}

#endif
