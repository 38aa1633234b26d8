/* SPDX-License-Identifier: MIT */
#include "fake/client/fixture.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

static long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void expect_message(const struct fixture *f, const char *text)
{
	assert_string_equal(testenv_message(f->env), text);
}

static void lease_has_its_variables(void **state)
{
	struct fixture f;
	struct testenv_lease *lease;
	size_t n = 0;

	(void)state;
	fixture_connect(&f);
	assert_int_equal(
	    testenv_acquire(f.env, "a \"label\" \xc3\xbc", 0, &lease),
	    TESTENV_OK);
	assert_string_equal(testenv_lease_id(lease), "s-1");
	assert_int_equal(testenv_lease_slot(lease), 0);
	assert_ptr_equal(testenv_lease_handle(lease), f.env);
	assert_string_equal(testenv_lease_get(lease, "DATABASE_URL"),
			    "postgresql://u:p%40ss@127.0.0.1:5432/db_0");
	assert_string_equal(testenv_lease_get(lease, "TESTENV_SCRATCH"),
			    "/tmp/\xc3\xa9 \"0\"\n");
	assert_string_equal(testenv_lease_get(lease, "EMPTY"), "");
	assert_null(testenv_lease_get(lease, "DATABASE"));
	assert_null(testenv_lease_get(lease, "DATABASE_URL="));
	while (testenv_lease_variable(lease, n))
		n++;
	assert_int_equal(n, 5);
	assert_string_equal(testenv_lease_variable(lease, 1), "TESTENV_SLOT=0");
	assert_int_equal(testenv_reset(lease, 0), TESTENV_OK);
	assert_int_equal(testenv_reset_own(f.env, 0), TESTENV_OK);
	assert_int_equal(fake_supervisor_resets(f.fake), 2);
	assert_int_equal(fake_supervisor_held(f.fake), 1);
	assert_int_equal(testenv_release(lease, 0), TESTENV_OK);
	assert_int_equal(fake_supervisor_held(f.fake), 0);
	fixture_close(&f);
}

static void many_leases_of_one_handle_end_with_it(void **state)
{
	struct testenv_lease *leases[20];
	struct fixture f;

	(void)state;
	fixture_connect(&f);
	for (unsigned i = 0; i < 20; i++) {
		assert_int_equal(testenv_acquire(f.env, NULL, 0, &leases[i]),
				 TESTENV_OK);
		assert_int_equal(testenv_lease_slot(leases[i]), i);
	}
	assert_int_equal(testenv_release(leases[7], 0), TESTENV_OK);
	assert_int_equal(fake_supervisor_held(f.fake), 19);
	testenv_free(f.env);
	f.env = NULL;
	assert_int_equal(fake_supervisor_wait_held(f.fake, 0), 0);
	fixture_close(&f);
}

static void the_socket_comes_from_the_environment(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f, 0, 0);
	unsetenv("TESTENV_SOCKET");
	assert_int_equal(testenv_open(f.env, NULL, 0), TESTENV_NO_SESSION);
	expect_message(&f, "TESTENV_SOCKET is not set: not run by testenv");
	setenv("TESTENV_SOCKET", fake_supervisor_socket(f.fake), 1);
	assert_int_equal(testenv_open(f.env, NULL, 0), TESTENV_OK);
	expect_message(&f, "no error");
	unsetenv("TESTENV_SOCKET");
	fixture_close(&f);
}

static void nobody_listens(void **state)
{
	char path[200];
	struct fixture f;

	(void)state;
	fixture_open(&f, 0, 0);
	assert_int_equal(testenv_open(f.env, "/nonexistent/x", 0),
			 TESTENV_NO_SESSION);
	expect_message(&f, "connect to '/nonexistent/x': No such file or "
			   "directory");
	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(testenv_open(f.env, path, 0), TESTENV_INVALID);
	assert_int_equal(testenv_open(f.env, "/dev/null", 0),
			 TESTENV_NO_SESSION);
	assert_int_equal(testenv_reset_own(f.env, 0), TESTENV_LOST);
	fixture_close(&f);
}

static void another_version(void **state)
{
	struct testenv_lease *lease;
	struct fixture f;

	(void)state;
	fixture_open(&f, 2, 0);
	assert_int_equal(testenv_open(f.env, fake_supervisor_socket(f.fake), 0),
			 TESTENV_VERSION_MISMATCH);
	expect_message(&f, "version is not ours");
	assert_int_equal(testenv_acquire(f.env, NULL, 0, &lease), TESTENV_LOST);
	fixture_close(&f);
}

static void arguments_are_checked(void **state)
{
	char label[TESTENV_MAX_LABEL + 2];
	struct testenv_lease *lease = NULL;
	struct fixture f;

	(void)state;
	fixture_connect(&f);
	memset(label, '\x01', sizeof(label));
	label[sizeof(label) - 1] = '\0';
	assert_int_equal(testenv_acquire(f.env, label, 0, &lease),
			 TESTENV_INVALID);
	expect_message(&f, "label longer than 256 bytes");
	/* the longest there is, each byte six in JSON */
	label[TESTENV_MAX_LABEL] = '\0';
	assert_int_equal(testenv_acquire(f.env, label, 0, &lease), TESTENV_OK);
	assert_int_equal(testenv_acquire(f.env, "\xff", 0, &lease),
			 TESTENV_INVALID);
	expect_message(&f, "label that is no UTF-8 or too long");
	assert_int_equal(testenv_acquire(f.env, NULL, -1, &lease),
			 TESTENV_INVALID);
	assert_int_equal(testenv_acquire(f.env, NULL, 0, NULL),
			 TESTENV_INVALID);
	assert_int_equal(testenv_reset(NULL, 0), TESTENV_INVALID);
	assert_int_equal(testenv_release(NULL, 0), TESTENV_OK);
	assert_int_equal(testenv_open(NULL, NULL, 0), TESTENV_INVALID);
	assert_int_equal(testenv_open(f.env, NULL, -5), TESTENV_INVALID);
	testenv_free(NULL);
	assert_string_equal(testenv_message(NULL), "out of memory");
	assert_string_equal(testenv_hint(NULL), "");
	fixture_close(&f);
}

static void refusals_keep_the_handle(void **state)
{
	static const struct {
		const char *label;
		enum testenv_result result;
	} rows[] = {
	    {"busy", TESTENV_BUSY},
	    {"timeout", TESTENV_TIMEOUT},
	    {"refused", TESTENV_REFUSED},
	    {"server", TESTENV_FAILED},
	};
	struct testenv_lease *lease = NULL;
	struct fixture f;

	(void)state;
	fixture_connect(&f);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_int_equal(
		    testenv_acquire(f.env, rows[i].label, 0, &lease),
		    rows[i].result);
		expect_message(&f, "the session says no");
		assert_string_equal(testenv_hint(f.env), "try this");
		assert_null(lease);
	}
	assert_int_equal(testenv_acquire(f.env, NULL, 0, &lease), TESTENV_OK);
	expect_message(&f, "no error");
	assert_string_equal(testenv_hint(f.env), "");
	fixture_close(&f);
}

static void bad_answers_close_the_connection(void **state)
{
	static const struct {
		const char *label;
		enum testenv_result result;
	} rows[] = {
	    {"garbage", TESTENV_PROTOCOL}, {"hang-up", TESTENV_LOST},
	    {"no-id", TESTENV_PROTOCOL},   {"bad-env", TESTENV_PROTOCOL},
	    {"long-id", TESTENV_PROTOCOL},
	};
	struct testenv_lease *old, *lease;
	struct fixture f;

	(void)state;
	fixture_connect(&f);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_int_equal(testenv_acquire(f.env, NULL, 0, &old),
				 TESTENV_OK);
		assert_int_equal(
		    testenv_acquire(f.env, rows[i].label, 0, &lease),
		    rows[i].result);
		expect_message(&f, testenv_result_text(rows[i].result));
		assert_int_equal(fake_supervisor_wait_held(f.fake, 0), 0);
		/* the old one is there, but of no use */
		assert_string_equal(testenv_lease_get(old, "EMPTY"), "");
		assert_int_equal(testenv_reset(old, 0), TESTENV_LOST);
		assert_int_equal(
		    testenv_open(f.env, fake_supervisor_socket(f.fake), 0),
		    TESTENV_OK);
	}
	fixture_close(&f);
}

static void odd_but_right_answers(void **state)
{
	struct testenv_lease *lease;
	struct fixture f;
	size_t n = 0;

	(void)state;
	fixture_connect(&f);
	assert_int_equal(testenv_acquire(f.env, "event", 0, &lease),
			 TESTENV_OK);
	assert_int_equal(testenv_acquire(f.env, "split", 0, &lease),
			 TESTENV_OK);
	assert_int_equal(testenv_acquire(f.env, "big", 0, &lease), TESTENV_OK);
	while (testenv_lease_variable(lease, n))
		n++;
	assert_int_equal(n, 3005);
	fixture_close(&f);
}

static void time_is_up(void **state)
{
	struct testenv_lease *lease;
	struct fixture f;
	long start;

	(void)state;
	fixture_connect(&f);
	start = now_ms();
	assert_int_equal(testenv_acquire(f.env, "silent", 100, &lease),
			 TESTENV_TIMEOUT);
	assert_in_range(now_ms() - start, 100, 60000);
	expect_message(&f, "timed out");
	assert_int_equal(testenv_acquire(f.env, NULL, 0, &lease), TESTENV_OK);
	fixture_close(&f);
}

/* A lease granted to nobody was held until the handle's end. */
static void a_lease_that_comes_too_late_goes_back(void **state)
{
	struct testenv_lease *lease;
	struct fixture f;

	(void)state;
	fixture_connect(&f);
	assert_int_equal(testenv_acquire(f.env, "late", 20, &lease),
			 TESTENV_TIMEOUT);
	assert_int_equal(fake_supervisor_held(f.fake), 1);
	assert_int_equal(testenv_acquire(f.env, NULL, 0, &lease), TESTENV_OK);
	assert_string_equal(testenv_lease_id(lease), "s-2");
	assert_int_equal(fake_supervisor_wait_held(f.fake, 1), 0);
	assert_int_equal(testenv_release(lease, 0), TESTENV_OK);
	assert_int_equal(fake_supervisor_wait_held(f.fake, 0), 0);
	fixture_close(&f);
}

static void waiting_for_a_free_one(void **state)
{
	struct testenv_lease *lease, *second;
	struct testenv *other = testenv_new();
	struct fixture f;

	(void)state;
	fixture_open(&f, 0, 1);
	assert_int_equal(testenv_open(f.env, fake_supervisor_socket(f.fake), 0),
			 TESTENV_OK);
	assert_int_equal(testenv_open(other, fake_supervisor_socket(f.fake), 0),
			 TESTENV_OK);
	assert_int_equal(testenv_acquire(f.env, NULL, 0, &lease), TESTENV_OK);
	assert_int_equal(testenv_acquire(other, NULL, 50, &second),
			 TESTENV_TIMEOUT);
	assert_int_equal(testenv_release(lease, 0), TESTENV_OK);
	assert_int_equal(testenv_acquire(other, NULL, 2000, &second),
			 TESTENV_OK);
	testenv_free(other);
	fixture_close(&f);
}

/* Without SIGPIPE, which would end this program. */
static void the_supervisor_goes_away(void **state)
{
	struct testenv_lease *lease;
	struct fixture f;

	(void)state;
	signal(SIGPIPE, SIG_DFL);
	fixture_connect(&f);
	assert_int_equal(testenv_acquire(f.env, NULL, 0, &lease), TESTENV_OK);
	fake_supervisor_stop(f.fake);
	f.fake = NULL;
	assert_int_equal(testenv_reset(lease, 0), TESTENV_LOST);
	assert_int_equal(testenv_release(lease, 0), TESTENV_LOST);
	assert_int_equal(testenv_acquire(f.env, NULL, 0, &lease), TESTENV_LOST);
	expect_message(&f, "connection to the session lost");
	fixture_close(&f);
}

/* A listener that takes no connection, then one that says nothing. */
static void a_dead_listener(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct fixture f;

	(void)state;
	fixture_open(&f, 0, 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/dead", f.dir);
	assert_return_code(
	    bind(fd, (struct sockaddr *)&address, sizeof(address)), errno);
	assert_return_code(listen(fd, 0), errno);
	for (int i = 0; i < 3; i++) {
		struct testenv *env = testenv_new();

		/* the first has a place in the queue, then there is none */
		assert_int_equal(testenv_open(env, address.sun_path, 50),
				 TESTENV_TIMEOUT);
		testenv_free(env);
	}
	close(fd);
	unlink(address.sun_path);
	fixture_close(&f);
}

static int in_child(struct fixture *f, struct testenv_lease *lease)
{
	struct testenv_lease *another;
	struct testenv *own;

	if (testenv_reset(lease, 0) != TESTENV_FORKED)
		return 1;
	if (testenv_acquire(f->env, NULL, 0, &another) != TESTENV_FORKED)
		return 2;
	if (strcmp(testenv_message(f->env),
		   "handle belongs to another process") != 0)
		return 3;
	if (testenv_open(f->env, fake_supervisor_socket(f->fake), 0) !=
	    TESTENV_FORKED)
		return 4;
	if (testenv_release(lease, 0) != TESTENV_FORKED)
		return 5;
	testenv_free(f->env);
	own = testenv_new();
	if (testenv_open(own, fake_supervisor_socket(f->fake), 0) != TESTENV_OK)
		return 6;
	if (testenv_acquire(own, NULL, 0, &another) != TESTENV_OK)
		return 7;
	testenv_free(own);
	return 0;
}

static void a_child_does_not_touch_the_parents(void **state)
{
	struct testenv_lease *lease;
	struct fixture f;
	int status;
	pid_t pid;

	(void)state;
	fixture_connect(&f);
	assert_int_equal(testenv_acquire(f.env, NULL, 0, &lease), TESTENV_OK);
	pid = fork();
	if (pid == 0)
		_exit(in_child(&f, lease));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(testenv_reset(lease, 0), TESTENV_OK);
	assert_int_equal(fake_supervisor_wait_held(f.fake, 1), 0);
	fixture_close(&f);
}

/* The child's copy of the descriptor kept the connection open. */
static void leases_end_though_a_child_lives(void **state)
{
	struct testenv_lease *lease;
	struct fixture f;
	int status, pipe_fds[2];
	char byte;
	pid_t pid;

	(void)state;
	fixture_connect(&f);
	assert_int_equal(testenv_acquire(f.env, NULL, 0, &lease), TESTENV_OK);
	assert_return_code(pipe(pipe_fds), errno);
	pid = fork();
	if (pid == 0) {
		close(pipe_fds[1]);
		_exit(read(pipe_fds[0], &byte, 1) != 0);
	}
	testenv_free(f.env);
	f.env = NULL;
	assert_int_equal(fake_supervisor_wait_held(f.fake, 0), 0);
	close(pipe_fds[1]);
	waitpid(pid, &status, 0);
	close(pipe_fds[0]);
	fixture_close(&f);
}

static void *use_a_handle(void *data)
{
	struct testenv *env = testenv_new();
	struct testenv_lease *lease;
	long failures = 0;

	failures += testenv_open(env, data, 0) != TESTENV_OK;
	for (int i = 0; i < 50 && !failures; i++) {
		failures += testenv_acquire(env, "t", 0, &lease) != TESTENV_OK;
		failures += testenv_release(lease, 0) != TESTENV_OK;
	}
	testenv_free(env);
	return failures ? data : NULL;
}

static void handles_of_several_threads(void **state)
{
	pthread_t threads[8];
	struct fixture f;
	void *bad;

	(void)state;
	fixture_connect(&f);
	for (int i = 0; i < 8; i++)
		assert_int_equal(
		    pthread_create(
			&threads[i], NULL, use_a_handle,
			(void *)(uintptr_t)fake_supervisor_socket(f.fake)),
		    0);
	for (int i = 0; i < 8; i++) {
		pthread_join(threads[i], &bad);
		assert_null(bad);
	}
	fixture_close(&f);
}

static void on_alarm(int number)
{
	(void)number;
}

static void signals_do_not_disturb(void **state)
{
	struct sigaction action = {.sa_handler = on_alarm}; /* no SA_RESTART */
	timer_t timer;
	struct itimerspec every = {{0, 1000000}, {0, 1000000}};
	struct testenv_lease *lease;
	struct fixture f;

	(void)state;
	fixture_connect(&f);
	sigaction(SIGALRM, &action, NULL);
	assert_return_code(timer_create(CLOCK_MONOTONIC, NULL, &timer), errno);
	timer_settime(timer, 0, &every, NULL);
	assert_int_equal(testenv_acquire(f.env, "silent", 60, &lease),
			 TESTENV_TIMEOUT);
	for (int i = 0; i < 50; i++) {
		assert_int_equal(testenv_acquire(f.env, NULL, 0, &lease),
				 TESTENV_OK);
		assert_int_equal(testenv_release(lease, 0), TESTENV_OK);
	}
	timer_delete(timer);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lease_has_its_variables),
	    cmocka_unit_test(many_leases_of_one_handle_end_with_it),
	    cmocka_unit_test(the_socket_comes_from_the_environment),
	    cmocka_unit_test(nobody_listens),
	    cmocka_unit_test(another_version),
	    cmocka_unit_test(arguments_are_checked),
	    cmocka_unit_test(refusals_keep_the_handle),
	    cmocka_unit_test(bad_answers_close_the_connection),
	    cmocka_unit_test(odd_but_right_answers),
	    cmocka_unit_test(time_is_up),
	    cmocka_unit_test(a_lease_that_comes_too_late_goes_back),
	    cmocka_unit_test(waiting_for_a_free_one),
	    cmocka_unit_test(the_supervisor_goes_away),
	    cmocka_unit_test(a_dead_listener),
	    cmocka_unit_test(a_child_does_not_touch_the_parents),
	    cmocka_unit_test(leases_end_though_a_child_lives),
	    cmocka_unit_test(handles_of_several_threads),
	    cmocka_unit_test(signals_do_not_disturb),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
