/* SPDX-License-Identifier: MIT */
/* Real sockets and real processes. */
#include "router/owner.h"
#include "router/peer.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/ident.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum {
	MANY = 200,
	ROUNDS = 200
};

/* A child that does what it was made for, says so, and waits to be killed. */
struct helper {
	pid_t pid;
	int says; /* read a byte: it is done */
};

static void helper_begin(struct helper *h, int *ret_done)
{
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	h->says = ends[0];
	h->pid = fork();
	assert_true(h->pid >= 0);
	if (h->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* as after an exec: nobody else's descriptors */
		*ret_done = dup2(ends[1], 3);
		close_range(4, ~0U, 0);
		return;
	}
	close(ends[1]);
}

static void helper_stay(int done)
{
	if (write(done, "x", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

static void helper_wait(struct helper *h)
{
	char c;

	assert_int_equal(read(h->says, &c, 1), 1);
	close(h->says);
}

static void helper_end(struct helper *h)
{
	kill(h->pid, SIGKILL);
	waitpid(h->pid, NULL, 0);
}

static int listen_on(struct sockaddr *address, socklen_t len)
{
	int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t got = len;

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, address, len), 0);
	assert_int_equal(listen(fd, 16), 0);
	assert_int_equal(getsockname(fd, address, &got), 0);
	return fd;
}

static int listen_v4(struct sockaddr_in *a)
{
	*a = (struct sockaddr_in){.sin_family = AF_INET,
				  .sin_addr = {htonl(INADDR_LOOPBACK)}};
	return listen_on((struct sockaddr *)a, sizeof(*a));
}

static int connect_to(const void *address, socklen_t len)
{
	const struct sockaddr *sa = address;
	int fd = socket(sa->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, sa, len) < 0)
		_exit(1);
	return fd;
}

static void begin_caller(struct helper *h, const void *address, socklen_t len)
{
	int done;

	helper_begin(h, &done);
	if (h->pid == 0) {
		connect_to(address, len);
		helper_stay(done);
	}
	helper_wait(h);
}

static void assert_peer(int fd, const struct helper *h)
{
	const pid_t self = getpid();
	const struct peer_search below = {.roots = &self, .n_roots = 1};
	const struct peer_search all = {.n_roots = 0};
	auto_error struct error err = ERROR_INIT;
	struct peer p;

	if (peer_of_tcp(fd, &below, &p, &err) < 0)
		fail_msg("%s", error_text(&err));
	assert_int_equal(p.pid, h->pid);
	assert_int_equal(p.start, ident_start_time(h->pid));
	assert_int_equal(p.uid, geteuid());
	assert_int_equal(peer_of_tcp(fd, &all, &p, &err), 0);
	assert_int_equal(p.pid, h->pid);
}

static void over_ipv4(void **state)
{
	struct sockaddr_in a;
	auto_close int listener = listen_v4(&a);
	auto_close int fd = -1;
	struct helper h;

	(void)state;
	begin_caller(&h, &a, sizeof(a));
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	assert_peer(fd, &h);
	helper_end(&h);
}

/* As Java does it: an IPv6 socket that calls ::ffff:127.0.0.1. */
static void over_mapped_ipv4(void **state)
{
	struct sockaddr_in a;
	auto_close int listener = listen_v4(&a);
	struct sockaddr_in6 mapped = {.sin6_family = AF_INET6,
				      .sin6_port = a.sin_port};
	auto_close int fd = -1;
	struct helper h;

	(void)state;
	inet_pton(AF_INET6, "::ffff:127.0.0.1", &mapped.sin6_addr);
	begin_caller(&h, &mapped, sizeof(mapped));
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	assert_peer(fd, &h);
	helper_end(&h);
}

static void over_ipv6(void **state)
{
	struct sockaddr_in6 a = {.sin6_family = AF_INET6,
				 .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	auto_close int probe = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	auto_close int listener = -1;
	auto_close int fd = -1;
	struct helper h;

	(void)state;
	if (probe < 0 || bind(probe, (struct sockaddr *)&a, sizeof(a)) < 0) {
		print_message("no IPv6 here\n");
		skip();
	}
	listener = listen_on((struct sockaddr *)&a, sizeof(a));
	begin_caller(&h, &a, sizeof(a));
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	assert_peer(fd, &h);
	helper_end(&h);
}

static void gone(const char *want)
{
	const struct peer_search all = {.n_roots = 0};
	auto_error struct error err = ERROR_INIT;
	struct sockaddr_in a;
	auto_close int listener = listen_v4(&a);
	auto_close int fd = -1;
	struct helper h;
	struct peer p = {.pid = 77};

	begin_caller(&h, &a, sizeof(a));
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	helper_end(&h);
	assert_int_equal(peer_of_tcp(fd, &all, &p, &err), -1);
	assert_int_equal(err.kind, ERROR_REFUSED);
	assert_string_equal(error_text(&err), want);
	assert_int_equal(p.pid, 77);
}

static void a_caller_that_has_gone(void **state)
{
	(void)state;
	gone("the caller's socket is not on this machine, or has gone");
}

/* Nothing has been found out yet. */
static void a_caller_that_has_gone_without_diag(void **state)
{
	(void)state;
	gone("ask sock_diag who is calling: Address family not supported by "
	     "protocol");
}

/* A socket that a child has, too, is still its parent's. */
static void shared_with_a_child(void **state)
{
	struct sockaddr_in a;
	auto_close int listener = listen_v4(&a);
	auto_close int fd = -1;
	struct helper h;
	int done;

	(void)state;
	helper_begin(&h, &done);
	if (h.pid == 0) {
		connect_to(&a, sizeof(a));
		if (fork() == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			helper_stay(done);
		}
		for (;;)
			pause();
	}
	helper_wait(&h);
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	assert_peer(fd, &h);
	helper_end(&h);
}

static bool first_thread_has_ended(void)
{
	auto_buf struct buf stat = BUF_INIT;

	assert_int_equal(fs_read_file("/proc/self/stat", &stat, NULL), 0);
	return strstr(stat.s, ") Z ");
}

/* What is left of a process. */
struct lone {
	struct sockaddr_in address;
	int done;
};

static void *call_alone(void *arg)
{
	const struct lone *l = arg;

	while (!first_thread_has_ended())
		sched_yield();
	connect_to(&l->address, sizeof(l->address));
	helper_stay(l->done);
	return NULL;
}

/* It is a zombie then, with no descriptors, and the others go on. */
static void its_first_thread_has_ended(void **state)
{
	const pid_t self = getpid();
	const struct owner_root root = {.pid = self,
					.start = ident_start_time(self)};
	const struct owner_rules rules = {
	    .roots = &root, .n_roots = 1, .policy = OWNER_PROCESS};
	auto_error struct error err = ERROR_INIT;
	static struct lone lone; /* outlives the first thread's stack */
	auto_close int listener = listen_v4(&lone.address);
	auto_close int fd = -1;
	struct helper h;
	struct owner o;
	pthread_t thread;

	(void)state;
	helper_begin(&h, &lone.done);
	if (h.pid == 0) {
		pthread_create(&thread, NULL, call_alone, &lone);
		pthread_exit(NULL);
	}
	helper_wait(&h);
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	assert_peer(fd, &h);
	if (owner_of(&rules, h.pid, 0, &o, &err) < 0)
		fail_msg("%s", error_text(&err));
	assert_int_equal(o.pid, h.pid);
	assert_string_equal(o.label, program_invocation_short_name);
	helper_end(&h);
}

static void another_users_socket(void **state)
{
	const struct peer_search all = {.n_roots = 0};
	const struct peer_socket s = {.inode = 1, .uid = geteuid() + 1};
	auto_error struct error err = ERROR_INIT;
	struct peer p;

	(void)state;
	assert_int_equal(peer_holding(&s, &all, &p, &err), -1);
	assert_int_equal(err.kind, ERROR_REFUSED);
	assert_non_null(strstr(error_text(&err), "belongs to another user"));
}

static void over_a_unix_socket(void **state)
{
	auto_error struct error err = ERROR_INIT;
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	auto_close int listener = -1;
	auto_close int fd = -1;
	struct helper h;
	struct peer p;

	(void)state;
	/* an abstract name, which the kernel chooses */
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(
	    bind(listener, (struct sockaddr *)&a, sizeof(a.sun_family)), 0);
	assert_int_equal(listen(listener, 4), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&a,
				     &(socklen_t){sizeof(a)}),
			 0);
	begin_caller(&h, &a, sizeof(a.sun_family) + 6);
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	assert_int_equal(peer_of_unix(fd, NULL, &p, &err), 0);
	assert_int_equal(p.pid, h.pid);
	assert_int_equal(p.start, ident_start_time(h.pid));
	helper_end(&h);
	assert_int_equal(peer_of_unix(fd, NULL, &p, &err), -1);
	assert_int_equal(err.kind, ERROR_REFUSED);
	assert_non_null(strstr(error_text(&err), "has already ended"));
}

static double us_since(const struct timespec *t)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - t->tv_sec) * 1e6 +
	       (double)(now.tv_nsec - t->tv_nsec) / 1e3;
}

static void time_lookups(int fd, const struct helper *h)
{
	const pid_t self = getpid();
	const struct peer_search below = {.roots = &self, .n_roots = 1};
	const struct owner_root root = {
	    .pid = self, .start = ident_start_time(self), .reaper = getppid()};
	const struct owner_rules rules = {.roots = &root, .n_roots = 1};
	struct peer_recent recent = {0};
	struct peer_search again = below;
	struct peer_socket s;
	struct timespec t;
	struct owner o;
	struct peer p;

	clock_gettime(CLOCK_MONOTONIC, &t);
	for (int i = 0; i < ROUNDS; i++)
		assert_int_equal(peer_socket_of(fd, NULL, &s, NULL), 0);
	print_message("socket of the caller: %.1f us\n", us_since(&t) / ROUNDS);
	clock_gettime(CLOCK_MONOTONIC, &t);
	for (int i = 0; i < ROUNDS; i++)
		assert_int_equal(peer_holding(&s, &below, &p, NULL), 0);
	print_message("its process: %.1f us\n", us_since(&t) / ROUNDS);
	assert_int_equal(p.pid, h->pid);
	again.recent = &recent;
	clock_gettime(CLOCK_MONOTONIC, &t);
	for (int i = 0; i < ROUNDS; i++)
		assert_int_equal(peer_holding(&s, &again, &p, NULL), 0);
	print_message("its process, seen before: %.1f us\n",
		      us_since(&t) / ROUNDS);
	assert_int_equal(p.pid, h->pid);
	assert_int_equal(recent.v[0].pid, h->pid);
	assert_int_equal(recent.v[1].pid, 0);
	clock_gettime(CLOCK_MONOTONIC, &t);
	for (int i = 0; i < ROUNDS; i++)
		assert_int_equal(owner_of(&rules, p.pid, p.start, &o, NULL), 0);
	print_message("its owner: %.1f us\n", us_since(&t) / ROUNDS);
	assert_int_equal(o.kind, OWNER_IS_MASTER);
}

static void among_many(void **state)
{
	struct sockaddr_in a;
	auto_close int listener = listen_v4(&a);
	auto_close int fd = -1;
	auto_close int old_fd = -1;
	struct helper others[MANY - 1], h, old;

	(void)state;
	begin_caller(&old, &a, sizeof(a));
	old_fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	for (size_t i = 0; i < MANY - 1; i++) {
		int done;

		helper_begin(&others[i], &done);
		if (others[i].pid == 0)
			helper_stay(done);
		helper_wait(&others[i]);
	}
	begin_caller(&h, &a, sizeof(a));
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	assert_peer(fd, &h);
	print_message("the youngest of %d:\n", MANY);
	time_lookups(fd, &h);
	print_message("the oldest of %d:\n", MANY);
	time_lookups(old_fd, &old);
	helper_end(&old);
	helper_end(&h);
	for (size_t i = 0; i < MANY - 1; i++)
		helper_end(&others[i]);
}

/* As a container may have it: no netlink sockets from here on. */
static bool forbid_netlink(void)
{
	struct sock_filter code[] = {
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		     offsetof(struct seccomp_data, nr)),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 3),
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		     offsetof(struct seccomp_data, args)),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_NETLINK, 0, 1),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAFNOSUPPORT),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/* In a process of its own: what is known of sock_diag is known for ever. */
static int run_without_sock_diag(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_caller_that_has_gone_without_diag),
	    cmocka_unit_test(over_ipv4),
	    cmocka_unit_test(over_mapped_ipv4),
	    cmocka_unit_test(over_ipv6),
	    cmocka_unit_test(a_caller_that_has_gone),
	    cmocka_unit_test(shared_with_a_child),
	    cmocka_unit_test(its_first_thread_has_ended),
	    cmocka_unit_test(among_many),
	};
	int status = 1;
	pid_t pid = fork();

	if (pid == 0) {
		if (!forbid_netlink()) {
			puts("no seccomp here: only with sock_diag");
			exit(0);
		}
		exit(cmocka_run_group_tests_name("without sock_diag", tests,
						 NULL, NULL));
	}
	waitpid(pid, &status, 0);
	return status;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(over_ipv4),
	    cmocka_unit_test(over_mapped_ipv4),
	    cmocka_unit_test(over_ipv6),
	    cmocka_unit_test(a_caller_that_has_gone),
	    cmocka_unit_test(shared_with_a_child),
	    cmocka_unit_test(its_first_thread_has_ended),
	    cmocka_unit_test(another_users_socket),
	    cmocka_unit_test(over_a_unix_socket),
	    cmocka_unit_test(among_many),
	};

	return run_without_sock_diag() |
	       cmocka_run_group_tests(tests, NULL, NULL);
}
