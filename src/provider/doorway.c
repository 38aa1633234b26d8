/* SPDX-License-Identifier: MIT */
#include "provider/doorway.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/fs.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	BYTES = 32 * 1024
};

/* One direction: what was read from one side and is not yet written to the
 * other. */
struct flow {
	size_t from, to; /* of data */
	bool ended;      /* the reader has sent all */
	bool told;       /* and the writer knows */
	char data[BYTES];
};

struct passage {
	int fd[2];           /* the caller's, the server's */
	struct flow flow[2]; /* from fd[0] to fd[1], and back */
};

struct doorway {
	struct sockaddr_un to;
	int listen_fd, stop_fd;
	pthread_t thread;
	struct passage *passages[DOORWAY_CONNECTIONS];
	size_t n;
};

static void passage_free(struct passage *p)
{
	close(p->fd[0]);
	close(p->fd[1]);
	free(p);
}

static void accept_one(struct doorway *d)
{
	auto_close int caller =
	    accept4(d->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	auto_close int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct passage *p;
	int one = 1;

	/* a server's queue that is full is waited for */
	if (caller < 0 || server < 0 ||
	    connect(server, (const struct sockaddr *)&d->to, sizeof(d->to)) < 0)
		return;
	setsockopt(caller, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	p = xcalloc(1, sizeof(*p));
	p->fd[0] = take_fd(&caller);
	p->fd[1] = take_fd(&server);
	d->passages[d->n++] = p;
}

static short wanted(const struct passage *p, int side)
{
	const struct flow *in = &p->flow[side];
	const struct flow *out = &p->flow[!side];
	short events = 0;

	if (!in->ended && in->from == in->to)
		events |= POLLIN;
	if (out->from < out->to)
		events |= POLLOUT;
	return events;
}

/* False: the connection is over. */
static bool fill(struct flow *f, int fd)
{
	ssize_t n = recv(fd, f->data, BYTES, MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	f->from = 0;
	f->to = (size_t)n;
	f->ended = n == 0;
	return true;
}

static bool drain(struct flow *f, int fd)
{
	ssize_t n;

	if (f->from < f->to) {
		n = send(fd, f->data + f->from, f->to - f->from,
			 MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		f->from += (size_t)n;
	}
	if (f->from == f->to && f->ended && !f->told) {
		shutdown(fd, SHUT_WR);
		f->told = true;
	}
	return true;
}

/* False: it is over. */
static bool move(struct passage *p, const struct pollfd *fds)
{
	for (int side = 0; side < 2; side++) {
		struct flow *f = &p->flow[side];

		if (fds[side].revents & (POLLIN | POLLHUP | POLLERR) &&
		    !f->ended && f->from == f->to && !fill(f, p->fd[side]))
			return false;
		if (!drain(f, p->fd[!side]))
			return false;
	}
	return !p->flow[0].told || !p->flow[1].told;
}

/* The stop, the door, and two for each passage. */
static void prepare(const struct doorway *d, struct pollfd *fds)
{
	size_t n = d->n;

	fds[0] = (struct pollfd){.fd = d->stop_fd, .events = POLLIN};
	fds[1] =
	    (struct pollfd){.fd = n < DOORWAY_CONNECTIONS ? d->listen_fd : -1,
			    .events = POLLIN};
	for (size_t i = 0; i < 2 * n; i++) {
		const struct passage *p = d->passages[i / 2];
		short events = wanted(p, (int)(i % 2));

		/* one that only hangs up would wake us for ever */
		fds[2 + i] = (struct pollfd){.fd = events ? p->fd[i % 2] : -1,
					     .events = events};
	}
}

static void *run(void *arg)
{
	struct doorway *d = arg;
	struct pollfd fds[2 + 2 * DOORWAY_CONNECTIONS];

	for (;;) {
		size_t n = d->n;

		prepare(d, fds);
		if (poll(fds, 2 + 2 * n, -1) < 0) {
			if (errno == EINTR)
				continue;
			return NULL;
		}
		if (fds[0].revents)
			return NULL;
		for (size_t i = n; i > 0; i--) {
			struct passage *p = d->passages[i - 1];

			if (move(p, &fds[2 * i]))
				continue;
			passage_free(p);
			d->passages[i - 1] = d->passages[--d->n];
		}
		if (fds[1].revents)
			accept_one(d);
	}
}

static int start_listening(struct doorway *d, uint16_t *ret_port,
			   struct error *err)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);

	d->stop_fd = eventfd(0, EFD_CLOEXEC);
	d->listen_fd =
	    socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (d->stop_fd < 0 || d->listen_fd < 0 ||
	    bind(d->listen_fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
	    listen(d->listen_fd, DOORWAY_CONNECTIONS) < 0 ||
	    getsockname(d->listen_fd, (struct sockaddr *)&a, &len) < 0)
		return error_set_errno(err, ERROR_IO, errno,
				       "cannot listen on 127.0.0.1");
	*ret_port = ntohs(a.sin_port);
	return 0;
}

static void doorway_free(struct doorway *d)
{
	while (d->n)
		passage_free(d->passages[--d->n]);
	if (d->listen_fd >= 0)
		close(d->listen_fd);
	if (d->stop_fd >= 0)
		close(d->stop_fd);
	free(d);
}

int doorway_open(const char *socket_path, struct doorway **ret,
		 uint16_t *ret_port, struct error *err)
{
	struct doorway *d = xcalloc(1, sizeof(*d));
	size_t len = strlen(socket_path);
	int rc;

	d->listen_fd = d->stop_fd = -1;
	d->to.sun_family = AF_UNIX;
	if (len >= sizeof(d->to.sun_path)) {
		doorway_free(d);
		return error_set(err, ERROR_IO, "'%s' is too long for a socket",
				 socket_path);
	}
	memcpy(d->to.sun_path, socket_path, len + 1);
	if (start_listening(d, ret_port, err) < 0) {
		doorway_free(d);
		return -1;
	}
	rc = pthread_create(&d->thread, NULL, run, d);
	if (rc) {
		doorway_free(d);
		return error_set_errno(err, ERROR_INTERNAL, rc, "thread");
	}
	*ret = d;
	return 0;
}

void doorway_close(struct doorway *d)
{
	uint64_t one = 1;

	if (!d)
		return;
	(void)!write(d->stop_fd, &one, sizeof(one));
	pthread_join(d->thread, NULL);
	doorway_free(d);
}
