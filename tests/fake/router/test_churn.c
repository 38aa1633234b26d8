/* SPDX-License-Identifier: MIT */
/*
 * Parents that exit while their children are looked at: who calls is told
 * rightly or refused, never taken for another's.
 */
#include "router/owner.h"
#include "router/peer.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/ident.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum {
	OWNERS = 3,
	CALLS = 600
};

/* Tells over a connection whose it is, and ends when it is closed. */
static void call(int listener, pid_t owner)
{
	struct sockaddr_storage a;
	socklen_t len = sizeof(a);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char c;

	getsockname(listener, (struct sockaddr *)&a, &len);
	close(listener); /* the last to have it would wait for itself */
	if (connect(fd, (struct sockaddr *)&a, len) == 0 &&
	    write(fd, &owner, sizeof(owner)) == sizeof(owner))
		_exit(read(fd, &c, 1) == 1);
	_exit(1);
}

/* owner -> middle -> caller, over and over; the middle exits at once. */
static void owner_runs(int listener)
{
	pid_t owner = getpid();

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		pid_t middle = fork();

		if (middle == 0) {
			if (fork() == 0)
				call(listener, owner);
			_exit(0);
		}
		if (fork() == 0)
			call(listener, owner);
		waitpid(-1, NULL, 0);
		waitpid(-1, NULL, 0);
	}
}

static void command_runs(int listener)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int i = 0; i < OWNERS; i++) {
		if (fork() == 0)
			owner_runs(listener);
	}
	for (;;)
		pause();
}

static bool told_rightly(const struct owner_rules *rules, int fd)
{
	auto_error struct error err = ERROR_INIT;
	struct owner o;
	struct peer p;
	pid_t owner = 0;

	if (peer_of_unix(fd, NULL, &p, &err) < 0 ||
	    owner_of(rules, p.pid, p.start, &o, &err) < 0) {
		assert_int_equal(err.kind, ERROR_REFUSED);
		return false;
	}
	assert_int_equal(read(fd, &owner, sizeof(owner)), sizeof(owner));
	assert_int_equal(o.pid, owner);
	return true;
}

static void parents_that_exit(void **state)
{
	struct sockaddr_storage any = {.ss_family = AF_UNIX};
	auto_close int listener =
	    socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct owner_root root = {.reaper = getpid()};
	const struct owner_rules rules = {
	    .roots = &root, .n_roots = 1, .policy = OWNER_DEPTH, .depth = 1};
	int right = 0;

	(void)state;
	assert_int_equal(
	    bind(listener, (struct sockaddr *)&any, sizeof(sa_family_t)), 0);
	assert_int_equal(listen(listener, 64), 0);
	root.pid = fork();
	if (root.pid == 0)
		command_runs(listener);
	root.start = ident_start_time(root.pid);
	for (int i = 0; i < CALLS; i++) {
		auto_close int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		right += told_rightly(&rules, fd);
		while (waitpid(-1, NULL, WNOHANG) > 0)
			continue;
	}
	kill(root.pid, SIGKILL);
	close(listener);
	listener = -1;
	while (waitpid(-1, NULL, 0) > 0)
		continue;
	print_message("%d of %d told, the others refused\n", right, CALLS);
	assert_true(right >= CALLS / 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(parents_that_exit),
	};

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
