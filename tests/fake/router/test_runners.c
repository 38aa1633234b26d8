/* SPDX-License-Identifier: MIT */
/*
 * Real runners, started as a command is: each of their tests is this program
 * again, calling a listener, and what it is told is whose it was.
 */
#include "router/owner.h"
#include "router/peer.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/ident.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum {
	CALLS_MAX = 16,
	PATIENCE_MS = 60 * 1000
};

static char self[4096]; /* this program */

/* What a test does: calls, and goes on when it was seen. */
static int call(const char *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char c;

	a.sin_port = htons((uint16_t)strtoul(port, NULL, 10));
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		return 1;
	return read(fd, &c, 1) == 1 ? 0 : 1;
}

struct run {
	char dir[64];
	int listener;
	unsigned port;
	struct owner_root root;
	/* of each call, in the order in which they came */
	struct owner owners[CALLS_MAX];
	char refused[CALLS_MAX][200]; /* "" where there is an owner */
	size_t n;
};

static void run_begin(struct run *r)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(a);

	*r = (struct run){.dir = "/tmp/testenv-runners-XXXXXX"};
	assert_non_null(mkdtemp(r->dir));
	r->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(r->listener, (struct sockaddr *)&a, len), 0);
	assert_int_equal(listen(r->listener, 16), 0);
	getsockname(r->listener, (struct sockaddr *)&a, &len);
	r->port = ntohs(a.sin_port);
}

static void run_end(struct run *r)
{
	close(r->listener);
	assert_int_equal(fs_remove_tree(r->dir, NULL), 0);
}
#define auto_run __attribute__((cleanup(run_end)))

/* A file of the run's folder; CALL in the text calls. */
static void put(const struct run *r, const char *name, const char *text)
{
	auto_free char *path = fs_join(r->dir, name);
	auto_buf struct buf b = BUF_INIT;
	const char *at;

	for (; (at = strstr(text, "CALL")); text = at + 4) {
		buf_put(&b, text, (size_t)(at - text));
		buf_printf(&b, "%s call %u", self, r->port);
	}
	buf_puts(&b, text);
	assert_int_equal(fs_write_file(path, b.s, b.len, 0700, NULL), 0);
}

static void note(struct run *r, int fd)
{
	const struct peer_search where = {.roots = &r->root.pid, .n_roots = 1};
	const struct owner_rules rules = {.roots = &r->root, .n_roots = 1};
	auto_error struct error err = ERROR_INIT;
	struct peer p;

	assert_true(r->n < CALLS_MAX);
	if (peer_of_tcp(fd, &where, &p, &err) < 0 ||
	    owner_of(&rules, p.pid, p.start, &r->owners[r->n], &err) < 0)
		snprintf(r->refused[r->n], sizeof(r->refused[0]), "%s",
			 error_text(&err));
	r->n++;
	assert_int_equal(write(fd, "x", 1), 1);
}

/* Sees to one call if there is one within `ms`. */
static bool take_call(struct run *r, int ms)
{
	struct pollfd p = {.fd = r->listener, .events = POLLIN};
	auto_close int fd = -1;

	if (poll(&p, 1, ms) != 1)
		return false;
	fd = accept4(r->listener, NULL, NULL, SOCK_CLOEXEC);
	assert_true(fd >= 0);
	note(r, fd);
	return true;
}

/* Runs sh -c "exec LINE" in the folder until `calls` calls were seen, and then
 * to its end. The runner's own output goes to a file there. */
static void run(struct run *r, const char *line, size_t calls)
{
	auto_free char *text = xasprintf("exec %s >out 2>&1 </dev/null", line);
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		unsetenv("MAKEFLAGS");
		if (chdir(r->dir) == 0)
			execl("/bin/sh", "sh", "-c", text, (char *)NULL);
		_exit(127);
	}
	r->root = (struct owner_root){
	    .pid = pid, .start = ident_start_time(pid), .reaper = getpid()};
	while (r->n < calls) {
		if (!take_call(r, PATIENCE_MS)) {
			kill(pid, SIGKILL);
			fail_msg("%s: %zu of %zu calls", line, r->n, calls);
		}
	}
	/* the orphans, too, are ours to wait for */
	while (waitpid(-1, &status, 0) > 0)
		continue;
}

static bool there_is(const char *program)
{
	auto_free char *line =
	    xasprintf("{ command -v %s; } >/dev/null 2>&1", program);
	pid_t pid = fork();
	int status = 1;

	if (pid == 0) {
		execl("/bin/sh", "sh", "-c", line, (char *)NULL);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	if (status)
		print_message("no %s here\n", program);
	return status == 0;
}

/* All calls had an owner for this reason; there were so many owners. */
static void assert_owners(const struct run *r, size_t want, const char *why)
{
	size_t owners = 0;

	for (size_t i = 0; i < r->n; i++) {
		size_t k = 0;

		assert_string_equal(r->refused[i], "");
		assert_string_equal(r->owners[i].why, why);
		while (strcmp(r->owners[k].key, r->owners[i].key) != 0)
			k++;
		owners += k == i;
	}
	assert_int_equal(owners, want);
}

static void a_shell_is_one_owner(void **state)
{
	auto_run struct run r;

	(void)state;
	run_begin(&r);
	put(&r, "script", "CALL; env A=1 nice timeout 60 CALL; (CALL)");
	run(&r, "sh script", 3);
	assert_owners(&r, 1, "no test runner above it");
	assert_string_equal(r.owners[0].label, "master");
}

static void make_in_parallel_and_not(void **state)
{
	static const char makefile[] = "check: a b\n"
				       "a b:\n"
				       "\tCALL; CALL\n";

	(void)state;
	if (!there_is("make"))
		skip();
	for (int jobs = 1; jobs <= 2; jobs++) {
		auto_free char *line = xasprintf("make -kj%d check", jobs);
		auto_run struct run r;

		run_begin(&r);
		put(&r, "Makefile", makefile);
		run(&r, line, 4);
		assert_owners(&r, (size_t)jobs,
			      jobs == 1 ? "no test runner above it"
					: "child of make");
	}
}

static void a_make_below_a_make(void **state)
{
	auto_run struct run r;

	(void)state;
	if (!there_is("make"))
		skip();
	run_begin(&r);
	put(&r, "Makefile",
	    "check:\n\t$(MAKE) parts\nparts: a b\na b:\n\tCALL; CALL\n");
	run(&r, "make -j2 check", 4);
	assert_owners(&r, 2, "child of make");
}

static void xargs(void **state)
{
	auto_run struct run r;

	(void)state;
	run_begin(&r);
	put(&r, "t", "#!/bin/sh\nCALL; CALL\n");
	put(&r, "script", "echo 1 2 3 | xargs -n1 -P 3 ./t");
	run(&r, "sh script", 6);
	assert_owners(&r, 3, "child of xargs");
	assert_string_equal(r.owners[0].label, "t");
}

static void ctest(void **state)
{
	auto_run struct run r;

	(void)state;
	if (!there_is("ctest"))
		skip();
	run_begin(&r);
	put(&r, "t", "#!/bin/sh\nCALL; sh -c 'CALL; :'\n");
	put(&r, "CTestTestfile.cmake",
	    "add_test(a ./t)\nadd_test(b ./t)\nadd_test(c sh ./t)\n");
	put(&r, "Makefile", "test:\n\tctest -j2\n");
	run(&r, there_is("make") ? "make test" : "ctest -j2", 6);
	assert_owners(&r, 3, "child of ctest");
}

static void prove(void **state)
{
	auto_run struct run r;

	(void)state;
	if (!there_is("prove"))
		skip();
	run_begin(&r);
	put(&r, "a.t", "#!/bin/sh\nCALL; CALL; echo 1..1; echo ok 1\n");
	put(&r, "b.t", "#!/bin/sh\nCALL; CALL; echo 1..1; echo ok 1\n");
	run(&r, "prove -j2 a.t b.t", 4);
	assert_owners(&r, 2, "child of prove");
}

static void parallel(void **state)
{
	auto_run struct run r;

	(void)state;
	if (!there_is("parallel"))
		skip();
	run_begin(&r);
	put(&r, "t", "#!/bin/sh\nCALL; CALL\n");
	run(&r, "parallel -j2 ./t ::: 1 2 3", 6);
	assert_owners(&r, 3, "child of parallel");
	assert_non_null(strstr(r.owners[0].worker, "PARALLEL_JOBSLOT="));
}

static void pytest_xdist(void **state)
{
	auto_run struct run r;

	(void)state;
	if (!there_is("pytest && pytest --help | grep -e --numprocesses"))
		skip();
	run_begin(&r);
	put(&r, "test_x.py",
	    "import subprocess, pytest\n"
	    "@pytest.mark.parametrize('n', range(6))\n"
	    "def test(n): subprocess.check_call('CALL'.split())\n");
	run(&r, "pytest -n2 -p no:cacheprovider", 6);
	assert_owners(&r, 2, "worker of pytest");
	assert_int_equal(strncmp(r.owners[0].label, "gw", 2), 0);
}

/* A daemon of a test cannot be told from another test's; one of a command
 * without tests is the command's. */
static void daemons(void **state)
{
	static const char daemon[] = "#!/bin/sh\n"
				     "(setsid sh -c 'sleep 0.3; CALL' &)\n";

	(void)state;
	for (int tests = 0; tests <= 1; tests++) {
		auto_run struct run r;

		if (tests && !there_is("ctest"))
			continue;
		run_begin(&r);
		put(&r, "d", daemon);
		put(&r, "slow", "#!/bin/sh\nsleep 1\n");
		put(&r, "CTestTestfile.cmake",
		    "add_test(a ./d)\nadd_test(b ./slow)\n");
		put(&r, "script", "./d; sleep 1");
		run(&r, tests ? "ctest" : "sh script", 1);
		if (tests) {
			assert_non_null(strstr(r.refused[0], "has exited, so"));
			continue;
		}
		assert_owners(&r, 1, "no test runner in its command");
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_shell_is_one_owner),
	    cmocka_unit_test(make_in_parallel_and_not),
	    cmocka_unit_test(a_make_below_a_make),
	    cmocka_unit_test(xargs),
	    cmocka_unit_test(ctest),
	    cmocka_unit_test(prove),
	    cmocka_unit_test(parallel),
	    cmocka_unit_test(pytest_xdist),
	    cmocka_unit_test(daemons),
	};
	ssize_t n;

	if (argc == 3 && strcmp(argv[1], "call") == 0)
		return call(argv[2]);
	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n <= 0)
		return 1;
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
