/* SPDX-License-Identifier: MIT */
/*
 * Callers whose owner cannot be watched at first, or at all, although they are
 * there: syscall(2) is this program's own.
 */
#include "fake/supervisor/server_fixture.h"

#include <dlfcn.h>
#include <sys/resource.h>
#include <sys/syscall.h>

/* What becomes of pidfd_open in the server; set before it is forked. */
static struct {
	int gone;  /* so many times there is no such process */
	bool full; /* it takes the last descriptor that there is */
} fault;

static void take_last_descriptor(int fd)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = (rlim_t)fd + 1;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static long pass_on(long number, const long a[6])
{
	static long (*next)(long, ...);
	void *symbol = next ? NULL : dlsym(RTLD_NEXT, "syscall");

	if (symbol)
		memcpy(&next, &symbol, sizeof(next));
	return next(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* It takes more than its callers gave, as the library's own does. */
__attribute__((no_sanitize("address"))) long syscall(long number, ...)
{
	va_list list;
	long a[6];
	long result;

	va_start(list, number);
	for (size_t i = 0; i < array_len(a); i++)
		a[i] = va_arg(list, long);
	va_end(list);
	if (number == SYS_pidfd_open && fault.gone > 0) {
		fault.gone--;
		errno = ESRCH;
		return -1;
	}
	result = pass_on(number, a);
	if (number == SYS_pidfd_open && fault.full)
		take_last_descriptor((int)result);
	return result;
}

/* Each process that calls is an owner: this one. */
static void start_for_processes(struct fixture *f)
{
	static char policy[] = "process";

	f->config.owner = policy;
	start_ready(f);
}

/* As libpq begins. */
static int connect_as_client(struct fixture *f)
{
	static const char hello[] =
	    "\0\0\0\x1f\0\3\0\0user\0app\0database\0app\0";
	struct timeval limit = {TEST_MS / 1000, 0};
	int fd = connect_front(f);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	say(fd, hello, sizeof(hello));
	return fd;
}

static void assert_served(struct fixture *f, int server)
{
	auto_close int client = connect_as_client(f);
	auto_close int accepted = -1;
	struct pollfd p[] = {{.fd = server, .events = POLLIN},
			     {.fd = client, .events = POLLIN}};
	char first[4];

	assert_true(poll(p, 2, TEST_MS) > 0);
	/* else it was refused */
	assert_int_equal(p[1].revents, 0);
	accepted = accept4(server, NULL, NULL, SOCK_CLOEXEC);
	assert_true(accepted >= 0);
	assert_int_equal(recv(accepted, first, 4, MSG_WAITALL), 4);
	assert_memory_equal(first, "\0\0\0\x1f", 4);
}

/* The packet is binary: each text in it ends in NUL. */
static void assert_refused(struct fixture *f, const char *want)
{
	auto_close int client = connect_as_client(f);
	auto_buf struct buf said = BUF_INIT;

	hear(client, &said);
	assert_true(said.len > 0);
	assert_int_equal(said.s[0], 'E');
	if (!memmem(said.s, said.len, want, strlen(want) + 1))
		fail_msg("not in the packet: %s", want);
}

static void an_owner_that_seems_gone_is_looked_for_anew(void **state)
{
	struct fixture *f = *state;
	auto_close int server = listen_as_server();

	fault.gone = 2;
	start_for_processes(f);
	assert_served(f, server);
	assert_served(f, server);
}

static void an_owner_that_stays_gone_is_refused(void **state)
{
	struct fixture *f = *state;
	auto_close int server = listen_as_server();
	auto_free char *want =
	    xasprintf("testenv: process %ld (fake.supervisor.callers) has "
		      "ended",
		      (long)getpid());

	fault.gone = 3;
	start_for_processes(f);
	assert_refused(f, want);
	assert_served(f, server);
}

/* What cannot be looked at has not therefore ended. */
static void the_last_descriptor(void **state)
{
	struct fixture *f = *state;
	auto_free char *want =
	    xasprintf("testenv: process %ld (fake.supervisor.callers) is "
		      "there, and cannot be looked at",
		      (long)getpid());

	fault.full = true;
	start_for_processes(f);
	assert_refused(f, want);
	assert_alive(f);
}

static int set_up_faults(void **state)
{
	memset(&fault, 0, sizeof(fault));
	return set_up(state);
}

#define F(name) cmocka_unit_test_setup_teardown(name, set_up_faults, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    F(an_owner_that_seems_gone_is_looked_for_anew),
	    F(an_owner_that_stays_gone_is_refused),
	    F(the_last_descriptor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
