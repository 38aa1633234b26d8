/* SPDX-License-Identifier: MIT */
/* A loopback address in front of a Unix socket. */
#include "unit/cm.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/fs.h"
#include "provider/doorway.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	CALLERS = 100, /* more than go through at once */
	BYTES = 3 * 1024 * 1024
};

static char root[] = "/tmp/te-unit-XXXXXX";
static char *path;
static int server_fd = -1;

static int set_up(void **state)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	(void)state;
	if (!mkdtemp(root))
		return -1;
	path = fs_join(root, "s");
	memcpy(a.sun_path, path, strlen(path) + 1);
	server_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return bind(server_fd, (struct sockaddr *)&a, sizeof(a)) +
	       listen(server_fd, 16);
}

static int tear_down(void **state)
{
	(void)state;
	close(server_fd);
	free(path);
	return fs_remove_tree(root, NULL);
}

/* Sends back what comes, until that ends. */
static void *echo(void *arg)
{
	int fd = (int)(intptr_t)arg;
	char data[10000];
	ssize_t n;

	while ((n = recv(fd, data, sizeof(data), 0)) > 0)
		if (send(fd, data, (size_t)n, MSG_NOSIGNAL) != n)
			break;
	close(fd);
	return NULL;
}

/* So many callers. */
static void *serve(void *arg)
{
	int n = (int)(intptr_t)arg;
	pthread_t threads[CALLERS];

	for (int i = 0; i < n; i++) {
		int fd = accept4(server_fd, NULL, NULL, SOCK_CLOEXEC);

		pthread_create(&threads[i], NULL, echo, (void *)(intptr_t)fd);
	}
	for (int i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	return NULL;
}

static int call(uint16_t port)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				.sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

static void *send_all(void *arg)
{
	int fd = (int)(intptr_t)arg;
	auto_free char *data = xmalloc(BYTES);
	size_t sent = 0;

	for (size_t i = 0; i < BYTES; i++)
		data[i] = (char)(i * 7 % 251);
	while (sent < BYTES) {
		ssize_t n = send(fd, data + sent, BYTES - sent, MSG_NOSIGNAL);

		if (n <= 0)
			break;
		sent += (size_t)n;
	}
	shutdown(fd, SHUT_WR);
	return NULL;
}

/* All comes back in order, then the end. */
static void many_bytes_and_their_end(void **state)
{
	auto_error struct error err = ERROR_INIT;
	struct doorway *d = NULL;
	pthread_t server, sender;
	uint16_t port = 0;
	size_t got = 0;
	char data[8192];
	ssize_t n;
	int fd;

	(void)state;
	assert_int_equal(doorway_open(path, &d, &port, &err), 0);
	pthread_create(&server, NULL, serve, (void *)(intptr_t)1);
	fd = call(port);
	pthread_create(&sender, NULL, send_all, (void *)(intptr_t)fd);
	while ((n = recv(fd, data, sizeof(data), 0)) > 0)
		for (ssize_t i = 0; i < n; i++, got++)
			assert_int_equal(data[i], (char)(got * 7 % 251));
	assert_int_equal(n, 0);
	assert_int_equal(got, BYTES);
	pthread_join(sender, NULL);
	pthread_join(server, NULL);
	close(fd);
	doorway_close(d);
}

static void more_callers_than_fit(void **state)
{
	auto_error struct error err = ERROR_INIT;
	struct doorway *d = NULL;
	pthread_t server;
	uint16_t port = 0;
	int fds[CALLERS];
	char byte;

	(void)state;
	assert_int_equal(doorway_open(path, &d, &port, &err), 0);
	pthread_create(&server, NULL, serve, (void *)(intptr_t)CALLERS);
	for (int i = 0; i < CALLERS; i++) {
		fds[i] = call(port);
		byte = (char)i;
		assert_int_equal(send(fds[i], &byte, 1, MSG_NOSIGNAL), 1);
	}
	for (int i = 0; i < CALLERS; i++) {
		assert_int_equal(recv(fds[i], &byte, 1, 0), 1);
		assert_int_equal(byte, (char)i);
		close(fds[i]);
	}
	pthread_join(server, NULL);
	doorway_close(d);
}

static void closing_cuts_off(void **state)
{
	auto_error struct error err = ERROR_INIT;
	struct doorway *d = NULL;
	pthread_t server;
	uint16_t port = 0;
	char byte = 'x';
	int fd;

	(void)state;
	assert_int_equal(doorway_open(path, &d, &port, &err), 0);
	pthread_create(&server, NULL, serve, (void *)(intptr_t)1);
	fd = call(port);
	assert_int_equal(send(fd, &byte, 1, 0), 1);
	assert_int_equal(recv(fd, &byte, 1, 0), 1);
	doorway_close(d);
	assert_int_equal(recv(fd, &byte, 1, 0), 0);
	pthread_join(server, NULL);
	close(fd);
	doorway_close(NULL);
}

static void nobody_behind_it(void **state)
{
	auto_error struct error err = ERROR_INIT;
	struct doorway *d = NULL;
	uint16_t port = 0;
	char byte;
	char deep[200];
	int fd;

	(void)state;
	assert_int_equal(doorway_open("/nowhere/s", &d, &port, &err), 0);
	fd = call(port);
	assert_true(recv(fd, &byte, 1, 0) <= 0);
	close(fd);
	doorway_close(d);
	memset(deep, 'x', sizeof(deep) - 1);
	deep[sizeof(deep) - 1] = '\0';
	assert_int_equal(doorway_open(deep, &d, &port, &err), -1);
	assert_int_equal(err.kind, ERROR_IO);
	assert_non_null(strstr(err.text, "is too long for a socket"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(many_bytes_and_their_end),
	    cmocka_unit_test(more_callers_than_fit),
	    cmocka_unit_test(closing_cuts_off),
	    cmocka_unit_test(nobody_behind_it),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
