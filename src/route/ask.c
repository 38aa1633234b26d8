/* SPDX-License-Identifier: MIT */
#include "route/ask.h"

#include "wire/json.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
	HELLO = 1, /* the requests' numbers */
	ROUTE = 2,
	MAX_LINE = 8192
};

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int open_socket(const char *path, int *ret_fd)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct timeval tv = {ROUTE_TIMEOUT_MS / 1000, 0};
	size_t len = strlen(path);
	int fd, r, error;

	if (!len || len >= sizeof(address.sun_path))
		return ENOENT;
	memcpy(address.sun_path, path, len + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return errno;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	do {
		r = connect(fd, (struct sockaddr *)&address, sizeof(address));
	} while (r < 0 && errno == EINTR);
	if (r == 0) {
		*ret_fd = fd;
		return 0;
	}
	error = errno;
	close(fd);
	if (error == ECONNREFUSED)
		return ENOENT;
	return error == EAGAIN ? ETIMEDOUT : error;
}

/* Both requests at once; they are far smaller than a socket's buffer. */
static int send_requests(int fd, const char *service)
{
	char buf[512];
	struct json_out out;
	long hello, route;
	ssize_t n;

	json_out_begin(&out, buf, 128);
	json_out_string(&out, "op", "hello");
	json_out_number(&out, "id", HELLO);
	json_out_number(&out, "version", 1);
	hello = json_out_end(&out);
	buf[hello++] = '\n';
	json_out_begin(&out, buf + hello, sizeof(buf) - 128 - 1);
	json_out_string(&out, "op", "route");
	json_out_number(&out, "id", ROUTE);
	json_out_string(&out, "service", service);
	route = json_out_end(&out);
	if (route < 0)
		return ENOENT; /* no service has such a name */
	buf[hello + route++] = '\n';
	do {
		n = send(fd, buf, (size_t)(hello + route), MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EPIPE)
		return ENOENT;
	return n < 0 ? errno : n == hello + route ? 0 : EIO;
}

/* Some more bytes into buf. */
static int receive(int fd, char *buf, size_t size, size_t *len,
		   int64_t deadline)
{
	for (;;) {
		struct pollfd p = {fd, POLLIN, 0};
		int64_t left = deadline - now_ms();
		ssize_t n;

		if (*len == size)
			return EIO;
		n = recv(fd, buf + *len, size - *len, MSG_DONTWAIT);
		if (n > 0) {
			*len += (size_t)n;
			return 0;
		}
		if (n == 0 || (errno != EAGAIN && errno != EINTR))
			return EIO;
		if (left <= 0)
			return ETIMEDOUT;
		poll(&p, 1, (int)left);
	}
}

/* One line: 0 and *ret_path written, -1 when it is not the answer yet, or an
 * errno value. */
static int read_line(const char *line, size_t len, char *path, size_t size)
{
	struct json answer, value;
	unsigned long id = 0;
	long n;

	if (json_parse(line, len, &answer) < 0)
		return EIO;
	if (json_member(&answer, "id", &value))
		id = json_number(&value, ROUTE, 0);
	if (id != HELLO && id != ROUTE)
		return -1;
	if (!json_member(&answer, "ok", &value) || value.type != JSON_TRUE)
		return EACCES;
	if (id == HELLO)
		return -1;
	if (!json_member(&answer, "path", &value))
		return EIO;
	n = json_string(&value, path, size);
	return n > 0 && (size_t)n < size && path[0] == '/' ? 0 : EIO;
}

static int receive_path(int fd, char *path, size_t size)
{
	int64_t deadline = now_ms() + ROUTE_TIMEOUT_MS;
	char buf[MAX_LINE];
	size_t len = 0;
	int r;

	for (;;) {
		char *end = memchr(buf, '\n', len);

		if (!end) {
			r = receive(fd, buf, sizeof(buf), &len, deadline);
			if (r)
				return r;
			continue;
		}
		r = read_line(buf, (size_t)(end - buf), path, size);
		if (r >= 0)
			return r;
		len -= (size_t)(end + 1 - buf);
		memmove(buf, end + 1, len);
	}
}

int route_ask(const char *socket_path, const char *service, char *buf,
	      size_t size)
{
	int fd = -1;
	int r = open_socket(socket_path, &fd);

	if (r)
		return r;
	r = send_requests(fd, service);
	if (!r)
		r = receive_path(fd, buf, size);
	close(fd);
	return r;
}
