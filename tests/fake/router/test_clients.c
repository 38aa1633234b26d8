/* SPDX-License-Identifier: MIT */
/* What psql and mariadb send first, and whether they show a refusal. */
#include "router/startup_mariadb.h"
#include "router/startup_postgres.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"

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
	PATIENCE_MS = 30 * 1000
};

/* A client program, the connection it made, and what it printed. */
struct client {
	pid_t pid;
	int output;
	int fd;
	struct buf in;
};

static bool there_is(const char *program)
{
	auto_free char *usr = xasprintf("/usr/bin/%s", program);

	if (access(usr, X_OK) == 0)
		return true;
	print_message("no %s here\n", usr);
	return false;
}

static int listen_here(unsigned *ret_port)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&a, len), 0);
	assert_int_equal(listen(fd, 4), 0);
	getsockname(fd, (struct sockaddr *)&a, &len);
	*ret_port = ntohs(a.sin_port);
	return fd;
}

static void wait_for(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
}

/* Runs sh -c LINE; $PORT in it is the port to call. */
static void client_begin(struct client *c, const char *line)
{
	unsigned port;
	auto_close int listener = listen_here(&port);
	auto_free char *port_text = xasprintf("PORT=%u; %s", port, line);
	int ends[2];

	*c = (struct client){.in = BUF_INIT};
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	c->pid = fork();
	if (c->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(ends[1], 1);
		dup2(ends[1], 2);
		execl("/bin/sh", "sh", "-c", port_text, (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	c->output = ends[0];
	wait_for(listener);
	c->fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	assert_true(c->fd >= 0);
}

static void client_read(struct client *c)
{
	char piece[4096];
	ssize_t n;

	wait_for(c->fd);
	n = read(c->fd, piece, sizeof(piece));
	assert_true(n > 0);
	buf_put(&c->in, piece, (size_t)n);
}

static void client_send(const struct client *c, const struct buf *b)
{
	assert_int_equal(write(c->fd, b->s, b->len), b->len);
}

/* What it printed, to its end. */
static void client_end(struct client *c, struct buf *ret)
{
	char piece[1024];
	ssize_t n;

	close(c->fd);
	while ((n = read(c->output, piece, sizeof(piece))) > 0)
		buf_put(ret, piece, (size_t)n);
	close(c->output);
	waitpid(c->pid, NULL, 0);
	buf_free(&c->in);
}

static void postgres_next(struct client *c, struct postgres_startup *p)
{
	for (;;) {
		assert_int_equal(
		    postgres_startup_parse(c->in.s, c->in.len, p, NULL), 0);
		if (p->kind != POSTGRES_MORE)
			return;
		client_read(c);
	}
}

static void psql(void **state)
{
	auto_buf struct buf reply = BUF_INIT;
	auto_buf struct buf said = BUF_INIT;
	struct postgres_startup p;
	struct client c;

	(void)state;
	if (!there_is("psql"))
		skip();
	client_begin(&c, "psql \"host=127.0.0.1 port=$PORT user=ann "
			 "dbname='my db' sslmode=prefer\" -c 'select 1'");
	postgres_next(&c, &p);
	assert_int_equal(p.kind, POSTGRES_SSL_REQUEST);
	buf_consume(&c.in, p.len);
	assert_int_equal(write(c.fd, "N", 1), 1);
	postgres_next(&c, &p);
	assert_int_equal(p.kind, POSTGRES_STARTUP);
	assert_string_equal(p.user, "ann");
	assert_string_equal(p.database, "my db");
	assert_int_equal(p.len, c.in.len);
	postgres_put_error(&reply, "28000", "the parent has exited", "ask");
	client_send(&c, &reply);
	client_end(&c, &said);
	assert_non_null(strstr(said.s, "FATAL:  the parent has exited"));
	assert_non_null(strstr(said.s, "HINT:  ask"));
}

static void mariadb_response(struct client *c, struct mariadb_packet *p)
{
	auto_buf struct buf greeting = BUF_INIT;

	mariadb_put_greeting(&greeting, "5.5.5-10.11.6-MariaDB",
			     "abcdefghijklmnopqrst");
	client_send(c, &greeting);
	do {
		client_read(c);
		assert_int_equal(
		    mariadb_response_parse(c->in.s, c->in.len, p, NULL), 0);
	} while (p->kind == MARIADB_MORE);
}

static void mariadb(void **state)
{
	static const char *const databases[] = {"shop", ""};

	(void)state;
	if (!there_is("mariadb"))
		skip();
	for (size_t i = 0; i < array_len(databases); i++) {
		auto_free char *line = xasprintf(
		    "mariadb --no-defaults -h 127.0.0.1 -P $PORT -u ann "
		    "-psecret %s -e 'select 1'",
		    databases[i]);
		auto_buf struct buf reply = BUF_INIT;
		auto_buf struct buf said = BUF_INIT;
		struct mariadb_packet p;
		struct client c;

		client_begin(&c, line);
		mariadb_response(&c, &p);
		assert_int_equal(p.kind, MARIADB_RESPONSE);
		assert_string_equal(p.user, "ann");
		assert_int_equal(p.len, c.in.len);
		assert_int_equal(p.database_len, strlen(databases[i]));
		assert_int_equal(
		    mariadb_rewrite(c.in.s, &p, NULL, "x", &said, NULL), 0);
		buf_clear(&said);
		mariadb_put_error(&reply, p.seq + 1, MARIADB_DENIED, "28000",
				  "the parent has exited");
		client_send(&c, &reply);
		client_end(&c, &said);
		assert_non_null(strstr(
		    said.s, "ERROR 1045 (28000): the parent has exited"));
	}
}

/* A newer client says about such a one that it cannot trust it. */
static void mariadb_before_its_greeting(void **state)
{
	auto_buf struct buf reply = BUF_INIT;
	auto_buf struct buf said = BUF_INIT;
	struct client c;

	(void)state;
	if (!there_is("mariadb"))
		skip();
	client_begin(&c, "mariadb --no-defaults -h 127.0.0.1 -P $PORT -e x");
	mariadb_put_error(&reply, 0, MARIADB_TOO_MANY, NULL, "no slot free");
	client_send(&c, &reply);
	client_end(&c, &said);
	assert_non_null(strstr(said.s, "1040"));
	assert_non_null(strstr(said.s, "no slot free"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(psql),
	    cmocka_unit_test(mariadb),
	    cmocka_unit_test(mariadb_before_its_greeting),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
