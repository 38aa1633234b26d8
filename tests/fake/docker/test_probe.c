/* SPDX-License-Identifier: MIT */
/* What a service may answer before it is ready. */
#include "docker/probe.h"

#include "base/alloc.h"
#include "base/error.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* Takes one connection: says this, or nothing; then waits for its end, or ends
 * it. */
struct server {
	int fd;
	uint16_t port;
	const char *says;
	bool closes;
	pthread_t thread;
};

static void *serve(void *arg)
{
	const struct server *s = arg;
	auto_close int fd = accept(s->fd, NULL, NULL);
	char piece[512];

	/* a client that asks first has asked */
	if (s->says && s->says[0] && recv(fd, piece, sizeof(piece), 0) < 0)
		return NULL;
	if (s->says)
		(void)!send(fd, s->says, strlen(s->says), MSG_NOSIGNAL);
	while (!s->closes && recv(fd, piece, sizeof(piece), 0) > 0)
		;
	return NULL;
}

static void start(struct server *s, const char *says, bool closes)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);

	*s = (struct server){.says = says, .closes = closes};
	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(s->fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(s->fd, 1), 0);
	assert_int_equal(getsockname(s->fd, (struct sockaddr *)&a, &len), 0);
	s->port = ntohs(a.sin_port);
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void stop(struct server *s)
{
	pthread_join(s->thread, NULL);
	close(s->fd);
}

enum way {
	TCP,
	TCP_LISTENS,
	REDIS,
	HTTP
};

static int probe(enum way way, uint16_t port, struct error *err)
{
	struct deadline d = deadline_in(30000, NULL);

	switch (way) {
	case TCP:
	case TCP_LISTENS:
		return probe_tcp("127.0.0.1", port, way == TCP_LISTENS, &d,
				 err);
	case REDIS:
		return probe_redis("127.0.0.1", port, &d, err);
	case HTTP:
		break;
	}
	return probe_http("127.0.0.1", port, "/health", &d, err);
}

static void ready(enum way way, const char *says)
{
	auto_error struct error err = ERROR_INIT;
	struct server s;

	start(&s, says, says != NULL);
	if (probe(way, s.port, &err) < 0)
		fail_msg("'%s': %s", says ? says : "", error_text(&err));
	stop(&s);
}

static void not_ready(enum way way, const char *says, const char *text)
{
	auto_error struct error err = ERROR_INIT;
	struct server s;

	start(&s, says, true);
	assert_int_equal(probe(way, s.port, &err), -1);
	assert_int_equal(err.kind, ERROR_SERVER);
	if (!strstr(err.text, text))
		fail_msg("'%s' is not in '%s'", text, err.text);
	stop(&s);
}

static void nobody(enum way way, const char *text)
{
	auto_error struct error err = ERROR_INIT;
	struct server s;

	/* a port that was somebody's a moment ago */
	start(&s, "", true);
	assert_int_equal(probe(TCP_LISTENS, s.port, &err), 0);
	stop(&s);
	assert_int_equal(probe(way, s.port, &err), -1);
	assert_int_equal(err.kind, ERROR_SERVER);
	if (!strstr(err.text, text))
		fail_msg("'%s' is not in '%s'", text, err.text);
}

static void tcp(void **state)
{
	(void)state;
	ready(TCP, NULL);
	not_ready(TCP, "", "the connection was closed at once");
	nobody(TCP, "Connection refused");
}

static void redis(void **state)
{
	(void)state;
	ready(REDIS, "+PONG\r\n");
	ready(REDIS, "-NOAUTH Authentication required.\r\n");
	not_ready(REDIS, "-LOADING Redis is loading\r\n",
		  "PING was answered '-LOADING Redis is loading'");
	not_ready(REDIS, "HTTP/1.1 400 Bad Request\r\n",
		  "PING was answered 'HTTP/1.1 400 Bad Request'");
	not_ready(REDIS, "+PO", "the connection was closed at once");
	nobody(REDIS, "Connection refused");
}

static void http(void **state)
{
	(void)state;
	ready(HTTP, "HTTP/1.1 204 No Content\r\n\r\n");
	ready(HTTP, "HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n");
	not_ready(HTTP, "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n",
		  "GET /health: HTTP 503");
	not_ready(HTTP, "SSH-2.0-x\r\n", "GET /health: ");
	nobody(HTTP, "GET /health: ");
}

static void listening(void **state)
{
	auto_error struct error err = ERROR_INIT;

	(void)state;
	/* this process is in no container of that name */
	assert_int_equal(probe_listens("feedfeedfeedfeed", getpid(), 1, &err),
			 -1);
	assert_int_equal(probe_listens("", getpid(), 1, &err), -1);
	assert_int_equal(probe_listens("feed", 0, 1, &err), -1);
	assert_int_equal(err.kind, ERROR_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(tcp),
	    cmocka_unit_test(redis),
	    cmocka_unit_test(http),
	    cmocka_unit_test(listening),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
