/* SPDX-License-Identifier: MIT */
#include "base/net.h"

#include "base/alloc.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	PROBE_S = 1,
	PROBES = 5
};

bool net_address(const char *host, uint16_t port, struct sockaddr_storage *ret,
		 socklen_t *ret_len)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET,
				 .sin_port = htons(port)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6,
				  .sin6_port = htons(port)};

	*ret = (struct sockaddr_storage){0};
	if (inet_pton(AF_INET, host, &v4.sin_addr) == 1) {
		memcpy(ret, &v4, sizeof(v4));
		*ret_len = sizeof(v4);
		return true;
	}
	if (inet_pton(AF_INET6, host, &v6.sin6_addr) != 1)
		return false;
	memcpy(ret, &v6, sizeof(v6));
	*ret_len = sizeof(v6);
	return true;
}

char *net_place(const char *host, unsigned port)
{
	return xasprintf(strchr(host, ':') ? "[%s]:%u" : "%s:%u", host, port);
}

static void set_tcp(int fd, int option, int value)
{
	setsockopt(fd, IPPROTO_TCP, option, &value, sizeof(value));
}

void net_notice_death(int fd)
{
	int one = 1;

	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	set_tcp(fd, TCP_KEEPIDLE, PROBE_S);
	set_tcp(fd, TCP_KEEPINTVL, PROBE_S);
	set_tcp(fd, TCP_KEEPCNT, PROBES);
}

int net_connect(const struct sockaddr *address, socklen_t len,
		const struct deadline *deadline, int *ret)
{
	auto_close int fd = socket(
	    address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct pollfd p = {fd, POLLOUT, 0};
	socklen_t size = sizeof(int);
	int failure = 0;

	if (fd < 0)
		return errno;
	if (connect(fd, address, len) < 0) {
		if (errno != EINPROGRESS)
			return errno;
		if (deadline_poll(deadline, &p, 1, -1, "connect", NULL) <= 0)
			return ETIMEDOUT;
		if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &size) < 0)
			return errno;
	}
	if (!failure)
		*ret = take_fd(&fd);
	return failure;
}

/* Binds fd to a path that is gone again; ret_file still leads to it. */
static int bind_nameless(int fd, int *ret_file)
{
	const char *tmp = getenv("TMPDIR");
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	auto_free char *dir =
	    xasprintf("%s/testenv-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	int file = -1;
	int failure;

	if (strlen(dir) + 2 >= sizeof(a.sun_path))
		return ENAMETOOLONG;
	if (!mkdtemp(dir))
		return errno;
	snprintf(a.sun_path, sizeof(a.sun_path), "%s/s", dir);
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
		file = open(a.sun_path, O_PATH | O_CLOEXEC);
	failure = file < 0 ? errno : 0;
	unlink(a.sun_path);
	rmdir(dir);
	*ret_file = file;
	return failure;
}

int net_listen_nameless(int *ret_listener, int *ret_file)
{
	auto_close int fd =
	    socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	auto_close int file = -1;
	int failure = fd < 0 ? errno : bind_nameless(fd, &file);

	if (!failure && listen(fd, 4) < 0)
		failure = errno;
	if (failure)
		return failure;
	*ret_listener = take_fd(&fd);
	*ret_file = take_fd(&file);
	return 0;
}
