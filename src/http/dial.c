/* SPDX-License-Identifier: MIT */
#include "http/dial.h"

#include "base/alloc.h"
#include "base/net.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	END_MS = 500, /* for a program whose input has ended */
	SAID_MAX = 4096
};

struct dialed {
	int fd;
	int said; /* its standard error; non-blocking on both ends */
	pid_t pid;
	struct dialed *next;
};

static int spawn(char *const *argv, int fd, int said, pid_t *ret)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none;
	int rc;

	sigemptyset(&none);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fd, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, fd, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, said, STDERR_FILENO);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setflags(&attr,
				 POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK);
	rc = posix_spawnp(ret, argv[0], &actions, &attr, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);
	errno = rc;
	return rc ? -1 : 0;
}

int dials_listen(struct dials *dials)
{
	int failure;

	if (dials->path[0])
		return 0;
	failure = net_listen_nameless(&dials->listener, &dials->file);
	if (failure) {
		errno = failure;
		return -1;
	}
	snprintf(dials->path, sizeof(dials->path), "/proc/self/fd/%d",
		 dials->file);
	return 0;
}

/* Of this process's own connection; others are closed. -1: there is none. */
static int accept_own(int listener)
{
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		struct ucred peer = {0};
		socklen_t len = sizeof(peer);

		if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
		    peer.pid == getpid())
			return fd;
		close(fd);
	}
	return -1;
}

int dials_serve(struct dials *dials, int fd, char *const *argv)
{
	int said[2];
	struct dialed *d;
	int end = accept_own(dials->listener);
	pid_t pid;
	int rc;
	int saved;

	if (end < 0)
		return errno == EAGAIN ? 0 : -1;
	if (pipe2(said, O_CLOEXEC | O_NONBLOCK) < 0) {
		close(end);
		return -1;
	}
	rc = spawn(argv, end, said[1], &pid);
	saved = errno;
	close(end);
	close(said[1]);
	if (rc < 0) {
		close(said[0]);
		errno = saved;
		return -1;
	}
	d = xmalloc(sizeof(*d));
	*d = (struct dialed){fd, said[0], pid, dials->first};
	dials->first = d;
	return 0;
}

/* The last line that is not empty, of the last SAID_MAX bytes. */
static void keep_said(struct dials *dials, int fd)
{
	char text[SAID_MAX + 1];
	size_t len = 0;
	ssize_t n;
	char *line;

	while ((n = read(fd, text + len, SAID_MAX - len)) > 0) {
		len += (size_t)n;
		if (len == SAID_MAX) {
			memmove(text, text + len / 2, len - len / 2);
			len -= len / 2;
		}
	}
	while (len && strchr("\r\n \t", text[len - 1]))
		len--;
	text[len] = '\0';
	line = strrchr(text, '\n');
	if (!len)
		return;
	free(dials->said);
	dials->said = xstrdup(line ? line + 1 : text);
}

static bool ended(pid_t pid)
{
	/* somebody else's wait may have been faster: gone is gone */
	return waitpid(pid, NULL, WNOHANG) != 0;
}

/* Its output ends with it: everything it said is there then. */
static void wait_end(const struct dialed *d)
{
	struct pollfd end = {d->said, 0, 0}; /* POLLHUP only */

	poll(&end, 1, END_MS);
	if (ended(d->pid))
		return;
	kill(d->pid, SIGTERM);
	poll(&end, 1, END_MS);
	if (ended(d->pid))
		return;
	kill(d->pid, SIGKILL);
	while (waitpid(d->pid, NULL, 0) < 0 && errno == EINTR)
		;
}

void dials_close(struct dials *dials, int fd)
{
	struct dialed **at = &dials->first;
	struct dialed *d;

	close(fd);
	while (*at && (*at)->fd != fd)
		at = &(*at)->next;
	d = *at;
	if (!d)
		return;
	*at = d->next;
	wait_end(d);
	keep_said(dials, d->said);
	close(d->said);
	free(d);
}

const char *dials_said(struct dials *dials)
{
	/* libcurl may close a broken connection later */
	if (dials->first)
		keep_said(dials, dials->first->said);
	return dials->said;
}

void dials_free(struct dials *dials)
{
	if (dials->path[0]) {
		close(dials->listener);
		close(dials->file);
	}
	free(dials->said);
}
