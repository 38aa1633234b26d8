/* SPDX-License-Identifier: MIT */
/* The watchdog with real processes: its owner dies, or it does itself. */
#include "live/supervisor/watchdog_lib.h"

/* ---- the owner dies ---- */

static void clean(const struct estate *e)
{
	auto_free char *path = fs_join(e->run_dir, "cleaned");

	fs_write_file(path, e->session, strlen(e->session), 0600, NULL);
}

static char *estate_dir(void)
{
	char *path = fs_join(dir, "estate");

	fs_remove_tree(path, NULL);
	assert_int_equal(fs_mkdir_p(path, 0700, NULL), 0);
	return path;
}

static void assert_cleaned(const char *run_dir, const char *session)
{
	auto_free char *path = fs_join(run_dir, "cleaned");
	auto_buf struct buf text = BUF_INIT;

	assert_int_equal(fs_read_file(path, &text, NULL), 0);
	assert_string_equal(text.s, session);
}

enum stage {
	AFTER_START,
	AFTER_SPAWN,
	IN_WAIT,
	IN_SWEEP,
	AFTER_SWEEP
};

/* An owner in a process of its own, which says when it has come so far. */
static void be_owner(enum stage stage, const char *run_dir, int said)
{
	struct watchdog *w = start(clean);
	const struct watchdog_wait wait = {.fd = -1};
	bool timed_out;
	int status;

	watchdog_tell_session(w, "old");
	watchdog_tell_session(w, "s1");
	watchdog_tell(w, ESTATE_RUN_DIR, run_dir);
	if (stage >= AFTER_SPAWN)
		spawn_sh(w, stage >= IN_SWEEP
				? "(trap '' TERM; setsid sleep 60) & exit 6"
				: "(setsid sleep 60 &); sleep 60 & sleep 60");
	if (stage != IN_SWEEP)
		dprintf(said, "r");
	if (stage >= IN_WAIT)
		watchdog_wait(w, &wait, &status, &timed_out, NULL);
	if (stage == IN_SWEEP)
		dprintf(said, "r");
	if (stage >= IN_SWEEP)
		watchdog_sweep(w, stage == IN_SWEEP ? 60000 : 0);
	pause();
	_exit(0);
}

static void killed_at(enum stage stage, unsigned delay_us)
{
	auto_free char *run_dir = estate_dir();
	int said[2];
	pid_t pid;
	char c;

	make_alive();
	assert_int_equal(pipe2(said, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0)
		be_owner(stage, run_dir, said[1]);
	close(said[1]);
	assert_int_equal(read(said[0], &c, 1), 1);
	close(said[0]);
	usleep(delay_us);
	kill(pid, SIGKILL);
	assert_all_dead(30000);
	assert_no_child(30000);
	assert_cleaned(run_dir, "s1");
}

static void owner_killed_at_every_stage(void **state)
{
	(void)state;
	for (unsigned us = 0; us < 6000; us += 1500) {
		killed_at(AFTER_START, us);
		killed_at(AFTER_SPAWN, us);
		killed_at(IN_WAIT, us);
		killed_at(IN_SWEEP, us);
		killed_at(AFTER_SWEEP, us);
	}
	killed_at(AFTER_SWEEP, 100000);
	killed_at(IN_SWEEP, 100000);
}

/* From its first instruction on: whatever it had told is cleaned, and nothing
 * stays. */
static void owner_killed_at_any_time(void **state)
{
	auto_free char *run_dir = estate_dir();

	(void)state;
	for (unsigned us = 0; us < 8000; us += 250) {
		int said[2];
		pid_t pid;

		make_alive();
		assert_int_equal(pipe2(said, O_CLOEXEC), 0);
		pid = fork();
		if (pid == 0)
			be_owner(IN_WAIT, run_dir, said[1]);
		usleep(us);
		kill(pid, SIGKILL);
		close(said[0]);
		close(said[1]);
		assert_all_dead(30000);
		assert_no_child(30000);
	}
}

static void nothing_told_nothing_cleaned(void **state)
{
	auto_free char *run_dir = estate_dir();
	auto_free char *path = fs_join(run_dir, "cleaned");
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		watchdog_tell(start(clean), ESTATE_RUN_DIR, run_dir);
		_exit(0);
	}
	assert_no_child(30000);
	assert_false(fs_exists(path));
}

static void farewell_means_no_cleaning(void **state)
{
	auto_free char *run_dir = estate_dir();
	auto_free char *path = fs_join(run_dir, "cleaned");
	struct watchdog *w = start(clean);

	(void)state;
	watchdog_tell_session(w, "s1");
	watchdog_tell(w, ESTATE_RUN_DIR, run_dir);
	spawn_sh(w, "exit 0");
	wait_for(w, (struct watchdog_wait){0}, NULL);
	watchdog_end(w, 0);
	assert_no_child(0);
	assert_false(fs_exists(path));
}

/* A fork of the owner that never execs holds the socket open. */
static void a_copy_of_the_owner_is_not_the_owner(void **state)
{
	auto_free char *run_dir = estate_dir();
	auto_free char *path = fs_join(run_dir, "cleaned");
	pid_t pid = fork(), copy;
	int64_t end = clock_now_ms() + 30000;

	(void)state;
	if (pid == 0) {
		struct watchdog *w = start(clean);

		watchdog_tell_session(w, "s1");
		watchdog_tell(w, ESTATE_RUN_DIR, run_dir);
		copy = fork();
		if (copy == 0) {
			pause();
			_exit(0);
		}
		_exit(copy > 0 ? 0 : 1);
	}
	while (!fs_exists(path) && clock_now_ms() < end)
		usleep(5000);
	assert_cleaned(run_dir, "s1");
	{
		auto_pids struct pids tree = PIDS_INIT;

		proctree_list(getpid(), &tree);
		for (size_t i = 0; i < tree.n; i++)
			kill(tree.v[i], SIGKILL);
	}
	assert_no_child(30000);
}

/* ---- the watchdog dies ---- */

static void watchdog_killed_while_waiting(void **state)
{
	auto_error struct error err = ERROR_INIT;
	const struct watchdog_wait wait = {.fd = -1};
	struct watchdog *w;
	int status = 77;
	bool timed_out = true;

	(void)state;
	make_alive();
	w = start(NULL);
	spawn_sh(w, "setsid sleep 60 & (setsid sleep 60 &) ; sleep 60");
	kill(find_watchdog(), SIGKILL);
	assert_int_equal(watchdog_wait(w, &wait, &status, &timed_out, &err),
			 -1);
	assert_int_equal(err.kind, ERROR_INTERNAL);
	assert_string_equal(err.text, "the watchdog process ended");
	assert_int_equal(status, 77);
	assert_true(timed_out);
	assert_all_dead(0);
	assert_int_equal(watchdog_signal(w, SIGTERM), -1);
	watchdog_sweep(w, 100);
	watchdog_end(w, 100);
	assert_no_child(0);
}

static void watchdog_killed_before_the_command(void **state)
{
	auto_error struct error err = ERROR_INIT;
	struct watchdog *w = start(NULL);
	char name[] = "true";
	char *argv[] = {name, NULL};

	(void)state;
	kill(find_watchdog(), SIGKILL);
	assert_int_equal(spawn(w, argv, &err), -1);
	assert_int_equal(err.kind, ERROR_INTERNAL);
	assert_string_equal(err.text, "the watchdog process ended");
	watchdog_end(w, 0);
	assert_no_child(0);
}

static void watchdog_killed_after_the_command(void **state)
{
	struct watchdog *w = start(NULL);

	(void)state;
	spawn_sh(w, "setsid sleep 60 & exit 0");
	assert_exit(wait_for(w, (struct watchdog_wait){0}, NULL), 0);
	kill(find_watchdog(), SIGKILL);
	watchdog_end(w, 5000);
	assert_no_child(0);
}

static void slow_clean(const struct estate *e)
{
	auto_free char *path = fs_join(e->run_dir, "go");
	int64_t end = clock_now_ms() + 10000;

	while (!fs_exists(path) && clock_now_ms() < end)
		usleep(5000);
	clean(e);
}

/* A pipe's reader must not wait for the clean-up of a dead owner. */
static void readers_see_the_end(void **state)
{
	auto_free char *run_dir = estate_dir();
	auto_free char *go = fs_join(run_dir, "go");
	auto_buf struct buf out = BUF_INIT;
	int fds[2];
	pid_t pid;

	(void)state;
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		struct watchdog *w;

		dup2(fds[1], STDOUT_FILENO);
		w = start(slow_clean);
		watchdog_tell_session(w, "s1");
		watchdog_tell(w, ESTATE_RUN_DIR, run_dir);
		spawn_sh(w, "echo ready; exec sleep 60");
		pause();
	}
	close(fds[1]);
	assert_true(read_until(fds[0], "ready", 30000, &out));
	kill(pid, SIGKILL);
	assert_true(read_until(fds[0], NULL, 30000, &out));
	close(fds[0]);
	fs_write_file(go, "", 0, 0600, NULL);
	assert_no_child(30000);
	assert_cleaned(run_dir, "s1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(owner_killed_at_every_stage),
	    cmocka_unit_test(owner_killed_at_any_time),
	    cmocka_unit_test(nothing_told_nothing_cleaned),
	    cmocka_unit_test(farewell_means_no_cleaning),
	    cmocka_unit_test(a_copy_of_the_owner_is_not_the_owner),
	    cmocka_unit_test(watchdog_killed_while_waiting),
	    cmocka_unit_test(watchdog_killed_before_the_command),
	    cmocka_unit_test(watchdog_killed_after_the_command),
	    cmocka_unit_test(readers_see_the_end),
	};

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
