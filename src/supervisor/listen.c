/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
#include "supervisor/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * Bound here and not by uv_pipe_bind, because that unlinks the path on close,
 * whoever's socket is there by then. The directory is 0700 and fresh, so a path
 * in use is an error and nothing to clear away.
 */
int listener_open(struct listener *l, const char *path, struct error *err)
{
	auto_close int fd = -1;
	struct sockaddr_un addr;
	struct stat st;

	if (protocol_address(path, &addr, err) < 0)
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return error_set_errno(err, ERROR_IO, errno, "socket");
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    listen(fd, SOMAXCONN) < 0 || stat(path, &st) < 0)
		return error_set_errno(err, ERROR_IO, errno,
				       "cannot listen on '%s'", path);
	l->path = xstrdup(path);
	l->dev = st.st_dev;
	l->ino = st.st_ino;
	l->fd = take_fd(&fd);
	return 0;
}

bool listener_is_current(const struct listener *l)
{
	struct stat st;

	return l->path && lstat(l->path, &st) == 0 && st.st_dev == l->dev &&
	       st.st_ino == l->ino;
}

void listener_close(struct listener *l)
{
	if (listener_is_current(l))
		unlink(l->path);
	if (l->fd >= 0)
		close(l->fd);
	free(l->path);
	*l = (struct listener){.fd = -1};
}
