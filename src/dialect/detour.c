/* SPDX-License-Identifier: MIT */
#include "dialect/detour.h"

#include "base/alloc.h"
#include "base/net.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	FULL_MS = 5 /* a Unix socket whose queue is full says EAGAIN */
};

/* The one listener of this process. Whoever connects to it holds the lock, so
 * that what is to be accepted is its own. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
	pid_t maker; /* not the parent's, whose lock is another */
	int listener;
	char path[32]; /* "/proc/self/fd/9" */
} own;

static int put_address(const char *path, struct sockaddr_un *ret)
{
	*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof(ret->sun_path))
		return ENAMETOOLONG;
	memcpy(ret->sun_path, path, strlen(path) + 1);
	return 0;
}

static int connect_to(const char *path, const struct deadline *deadline,
		      int *ret)
{
	struct sockaddr_un a;
	int failure = put_address(path, &a);

	if (failure)
		return failure;
	do
		failure = net_connect((struct sockaddr *)&a, sizeof(a),
				      deadline, ret);
	while (failure == EAGAIN &&
	       deadline_poll(deadline, NULL, 0, FULL_MS, "connect", NULL) == 0);
	return failure;
}

static void drop_accepted(void)
{
	int fd = accept4(own.listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd >= 0)
		close(fd);
}

/* False: it cannot be had here, as with no place for temporary files. */
static bool have_listener(const struct deadline *deadline)
{
	auto_close int probe = -1;
	int listener, file;

	if (own.maker == getpid())
		return true;
	if (net_listen_nameless(&listener, &file) != 0)
		return false;
	own.listener = listener;
	snprintf(own.path, sizeof(own.path), "/proc/self/fd/%d", file);
	/* without a /proc, or another's */
	if (connect_to(own.path, deadline, &probe) != 0) {
		close(listener);
		close(file);
		return false;
	}
	drop_accepted();
	own.maker = getpid();
	return true;
}

int detour_begin(struct detour *d, const char *path,
		 const struct deadline *deadline)
{
	int failure = connect_to(path, deadline, &d->server);

	if (failure)
		return failure;
	pthread_mutex_lock(&lock);
	d->direct = !have_listener(deadline);
	d->path = d->direct ? path : own.path;
	return 0;
}

/* As the library has left its own: it waits in the calls that it makes when it
 * closes a connection. */
static int put_in_place(int server, int fd)
{
	int flags = fcntl(server, F_GETFL);

	if (flags < 0 || fcntl(server, F_SETFL, flags & ~O_NONBLOCK) < 0)
		return errno;
	return dup3(server, fd, O_CLOEXEC) < 0 ? errno : 0;
}

int detour_end(struct detour *d, int fd)
{
	int failure = 0;

	if (!d->direct) {
		drop_accepted();
		if (fd >= 0)
			failure = put_in_place(d->server, fd);
	}
	pthread_mutex_unlock(&lock);
	cleanup_close(&d->server);
	return failure;
}
