/* SPDX-License-Identifier: MIT */
#include "base/net.h"

#include "base/alloc.h"

#include <errno.h>

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
