/* SPDX-License-Identifier: MIT */
/*
 * fake/supervisor/server_fixture.h - the server in a process of its own, around
 * a session that is a stub.
 */
#ifndef FAKE_SERVER_FIXTURE_H
#define FAKE_SERVER_FIXTURE_H

#include "fake/supervisor/stub_session.h"

#include "supervisor/client.h"
#include "supervisor/internal.h"
#include "supervisor/protocol.h"
#include "supervisor/server.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

enum {
	TEST_MS = 60000
};

struct fixture {
	char dir[32]; /* XDG_RUNTIME_DIR */
	pid_t pid;    /* of the server, 0: none */
	struct session_client *starter;
	struct config config;
	char project[16];
};

static inline struct deadline in_time(void)
{
	return deadline_in(TEST_MS, NULL);
}

static inline int set_up(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	memset(&stub, 0, sizeof(stub));
	stub.n_slots = 2;
	memcpy(f->dir, "/tmp/te-XXXXXX", 15);
	memcpy(f->project, "/some/project", 14);
	f->config.project_dir = f->project;
	assert_non_null(mkdtemp(f->dir));
	setenv("XDG_RUNTIME_DIR", f->dir, 1);
	*state = f;
	return 0;
}

static inline int tear_down(void **state)
{
	struct fixture *f = *state;

	session_client_free(f->starter);
	if (f->pid) {
		kill(f->pid, SIGKILL);
		waitpid(f->pid, NULL, 0);
	}
	fs_remove_tree(f->dir, NULL);
	free(f);
	return 0;
}

/* Forks it and says hello; -1 with err where it could not begin. */
static inline int start(struct fixture *f, bool detached, int64_t idle_ms,
			struct error *err)
{
	struct deadline d = in_time();
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX,
				    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
				    0, fds),
			 0);
	f->pid = fork();
	if (f->pid == 0) {
		struct supervisor_spec spec = {
		    .config = &f->config,
		    .idle_ms = idle_ms,
		    .starter_fd = fds[1],
		    .detached = detached,
		};

		close(fds[0]);
		_exit(supervisor_run(&spec, NULL) < 0 ? 3 : 0);
	}
	close(fds[1]);
	return session_client_adopt(fds[0], &d, &f->starter, err);
}

static inline void start_ready(struct fixture *f)
{
	struct deadline d = in_time();

	assert_int_equal(start(f, false, 0, NULL), 0);
	assert_int_equal(session_client_wait(f->starter, NULL, &d, NULL), 0);
}

/* The server has ended by itself, with this exit code, and left nothing. */
static inline void assert_gone(struct fixture *f, int code)
{
	auto_free char *dir = xasprintf("%s/testenv/s1", f->dir);
	struct deadline d = in_time();
	int status = 0;

	while (waitpid(f->pid, &status, WNOHANG) == 0)
		assert_int_equal(deadline_poll(&d, NULL, 0, 5, "server", NULL),
				 0);
	f->pid = 0;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), code);
	assert_false(fs_exists(dir));
}

/* A database's server, on a port of the kernel's choice. */
static inline int listen_as_server(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 4), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	stub.server_port = ntohs(a.sin_port);
	return fd;
}

/* As a test does: to the one address. */
static inline int connect_front(struct fixture *f)
{
	auto_free char *path = xasprintf("%s/testenv/s1/port", f->dir);
	auto_buf struct buf port = BUF_INIT;
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	uint16_t number;

	assert_int_equal(fs_read_file(path, &port, NULL), 0);
	memcpy(&number, port.s, sizeof(number));
	a.sin_port = htons(number);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

static inline void assert_alive(struct fixture *f)
{
	auto_cjson cJSON *reply = NULL;
	struct deadline d = in_time();

	assert_int_equal(session_client_call(f->starter, "status", NULL, NULL,
					     &d, &reply, NULL),
			 0);
}

static inline struct session_client *connect_client(struct fixture *f)
{
	auto_free char *path =
	    xasprintf("%s/testenv/s1/" PROTOCOL_SOCKET, f->dir);
	struct session_client *c = NULL;
	struct deadline d = in_time();

	assert_int_equal(session_client_open(path, &d, &c, NULL), 0);
	return c;
}

/* A socket that speaks no protocol by itself. */
static inline int connect_raw(struct fixture *f)
{
	auto_free char *path =
	    xasprintf("%s/testenv/s1/" PROTOCOL_SOCKET, f->dir);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct timeval limit = {TEST_MS / 1000, 0};
	struct sockaddr_un addr;

	assert_int_equal(protocol_address(path, &addr, NULL), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)),
			 0);
	return fd;
}

static inline void say(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

		if (n <= 0)
			return;
		data += n;
		len -= (size_t)n;
	}
}

/* All it says until it closes. */
static inline void hear(int fd, struct buf *ret)
{
	char piece[4096];
	ssize_t n;

	while ((n = recv(fd, piece, sizeof(piece), 0)) > 0)
		buf_put(ret, piece, (size_t)n);
	assert_true(n == 0 || errno == ECONNRESET);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
