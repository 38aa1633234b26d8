/* SPDX-License-Identifier: MIT */
#include "base/child.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/strvec.h"
#include "unit/cm.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[] = "/tmp/te-child-XXXXXX";

static int set_up(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	return fs_remove_tree(dir, NULL);
}

static int sh(const char *script, const struct deadline *d, struct buf *tail,
	      int *status, struct error *err)
{
	auto_strvec struct strvec argv = STRVEC_INIT;
	auto_strvec struct strvec envp = STRVEC_INIT;
	struct child_command c;

	strvec_push(&argv, "/bin/sh");
	strvec_push(&argv, "-c");
	strvec_push(&argv, script);
	strvec_push(&envp, "PATH=/usr/bin:/bin");
	strvec_push(&envp, "WORD=of its own");
	c = (struct child_command){argv.v, envp.v, dir};
	return child_run(&c, d, tail, status, err);
}

static void gives(const char *script, int code, const char *text)
{
	struct deadline d = deadline_in(60000, NULL);
	auto_error struct error err = ERROR_INIT;
	auto_buf struct buf tail = BUF_INIT_MAX(64);
	int status = -1;

	if (sh(script, &d, &tail, &status, &err) < 0)
		fail_msg("%s", error_text(&err));
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), code);
	assert_string_equal(tail.s, text);
}

/* The process that wrote its pid to the file is no more; it may be dying. */
static void is_gone(const char *name)
{
	auto_free char *path = fs_join(dir, name);
	auto_buf struct buf text = BUF_INIT;
	struct deadline d = deadline_in(60000, NULL);
	pid_t pid;

	assert_int_equal(fs_read_file(path, &text, NULL), 0);
	pid = (pid_t)strtol(text.s, NULL, 10);
	assert_true(pid > 1);
	while (kill(pid, 0) == 0)
		assert_int_equal(deadline_poll(&d, NULL, 0, 5, "", NULL), 0);
	unlink(path);
}

static void output_and_code(void **state)
{
	(void)state;
	gives("true", 0, "");
	gives("echo out; echo err >&2; exit 3", 3, "out\nerr\n");
	gives("pwd | grep -c te-child; echo $WORD; cat", 0, "1\nof its own\n");
	gives("head -c 200 /dev/zero | tr '\\0' x; echo end", 0,
	      "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
	      "end\n");
}

static void killed_by_itself(void **state)
{
	struct deadline d = deadline_in(60000, NULL);
	auto_error struct error err = ERROR_INIT;
	auto_buf struct buf tail = BUF_INIT_MAX(64);
	int status = -1;

	(void)state;
	assert_int_equal(sh("kill -9 $$", &d, &tail, &status, &err), 0);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
}

static void what_it_left_running(void **state)
{
	(void)state;
	gives("sleep 600 & echo $! >bg", 0, "");
	is_gone("bg");
	gives("setsid sh -c 'echo $$ >daemon; sleep 600 & sleep 600' & "
	      "while ! [ -s daemon ]; do :; done",
	      0, "");
	is_gone("daemon");
}

static void cannot_run(void **state)
{
	char nowhere[] = "/proc/no/such";
	char nothing[] = "/bin/true";
	char *argv[] = {nowhere, NULL};
	char *envp[] = {NULL};
	struct child_command c = {argv, envp, dir};
	struct deadline d = deadline_in(60000, NULL);
	auto_error struct error err = ERROR_INIT;
	auto_buf struct buf tail = BUF_INIT_MAX(64);
	int status = -1;

	(void)state;
	assert_int_equal(child_run(&c, &d, &tail, &status, &err), -1);
	assert_int_equal(err.kind, ERROR_CANNOT_RUN);
	assert_string_equal(
	    err.text, "cannot run '/proc/no/such': No such file or directory");
	error_clear(&err);
	argv[0] = nothing;
	c.dir = "/proc/none";
	assert_int_equal(child_run(&c, &d, &tail, &status, &err), -1);
	assert_int_equal(err.kind, ERROR_CANNOT_RUN);
	assert_int_equal(status, -1);
}

static void deadline_passes(void **state)
{
	struct deadline d = deadline_in(3000, NULL);
	auto_error struct error err = ERROR_INIT;
	auto_buf struct buf tail = BUF_INIT_MAX(64);
	int status = -1;

	(void)state;
	/* one that does not listen to TERM */
	assert_int_equal(sh("trap '' TERM; echo $$ >deaf; echo said; "
			    "while :; do sleep 1; done",
			    &d, &tail, &status, &err),
			 -1);
	assert_int_equal(err.kind, ERROR_TIMEOUT);
	assert_string_equal(err.text, "waiting for the command: timed out");
	assert_string_equal(tail.s, "said\n");
	is_gone("deaf");
}

static void *trip(void *cancel)
{
	auto_free char *path = fs_join(dir, "there");
	struct deadline d = deadline_in(60000, NULL);

	while (!fs_exists(path))
		deadline_poll(&d, NULL, 0, 5, "", NULL);
	cancel_trip(cancel, SIGINT);
	return NULL;
}

static void cancelled(void **state)
{
	struct cancel *cancel = cancel_new(NULL);
	struct deadline d = deadline_in(60000, cancel);
	auto_error struct error err = ERROR_INIT;
	auto_buf struct buf tail = BUF_INIT_MAX(64);
	pthread_t thread;
	int status = -1;

	(void)state;
	pthread_create(&thread, NULL, trip, cancel);
	/* it may clean up */
	assert_int_equal(sh("trap 'echo bye; exit' TERM; echo $$ >pid; "
			    ": >there; while :; do sleep 0.1; done",
			    &d, &tail, &status, &err),
			 -1);
	pthread_join(thread, NULL);
	assert_int_equal(err.kind, ERROR_CANCELLED);
	assert_non_null(strstr(tail.s, "bye\n"));
	is_gone("pid");
	cancel_free(cancel);
}

/* We die with it under way. */
static void owner_is_killed(void **state)
{
	auto_free char *path = fs_join(dir, "orphan");
	struct deadline d = deadline_in(60000, NULL);
	pid_t owner = fork();
	int status;

	(void)state;
	if (owner == 0) {
		auto_buf struct buf tail = BUF_INIT_MAX(64);

		sh("trap '' TERM; sleep 600 & echo $! >new; mv new orphan; "
		   "wait; sleep 600",
		   &d, &tail, &status, NULL);
		_exit(0);
	}
	while (!fs_exists(path))
		assert_int_equal(deadline_poll(&d, NULL, 0, 5, "", NULL), 0);
	kill(owner, SIGKILL);
	waitpid(owner, NULL, 0);
	is_gone("orphan");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(output_and_code),
	    cmocka_unit_test(killed_by_itself),
	    cmocka_unit_test(what_it_left_running),
	    cmocka_unit_test(cannot_run),
	    cmocka_unit_test(deadline_passes),
	    cmocka_unit_test(cancelled),
	    cmocka_unit_test(owner_is_killed),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
