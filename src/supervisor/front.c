/* SPDX-License-Identifier: MIT */
#include "supervisor/front.h"

#include "base/alloc.h"
#include "base/fs.h"
#include "base/log.h"
#include "config/config.h"
#include "session/session.h"
#include "supervisor/call.h"
#include "supervisor/internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <utlist.h>

enum {
	/* Connections accepted before others get their turn. */
	TURN = 32,
	BACKLOG = 4096
};

static int listen_tcp(struct front *f, struct error *err)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);

	f->tcp_fd =
	    socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (f->tcp_fd < 0 ||
	    bind(f->tcp_fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
	    listen(f->tcp_fd, BACKLOG) < 0 ||
	    getsockname(f->tcp_fd, (struct sockaddr *)&a, &len) < 0)
		return error_set_errno(err, ERROR_IO, errno,
				       "cannot listen on 127.0.0.1");
	f->port = ntohs(a.sin_port);
	return 0;
}

static enum dialect dialect_of(const struct front *f)
{
	struct session_service info;

	session_service(f->supervisor->session, f->service, &info);
	return info.dialect;
}

/* libpq makes the name from its port, so the name carries ours. */
static char *socket_name(const struct front *f)
{
	return dialect_of(f) == DIALECT_MARIADB
		   ? xstrdup("mysqld.sock")
		   : xasprintf(".s.PGSQL.%u", f->port);
}

static int listen_local(struct front *f, const char *name, struct error *err)
{
	auto_free char *file = socket_name(f);
	struct sockaddr_un a;

	f->dir = fs_join(f->supervisor->run_dir, name);
	f->path = fs_join(f->dir, file);
	if (fs_mkdir_p(f->dir, 0700, err) < 0 ||
	    protocol_address(f->path, &a, err) < 0)
		return -1;
	f->local_fd =
	    socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (f->local_fd < 0 ||
	    bind(f->local_fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
	    listen(f->local_fd, BACKLOG) < 0)
		return error_set_errno(err, ERROR_IO, errno,
				       "cannot listen on '%s'", f->path);
	return 0;
}

static struct front *begin(struct supervisor *s, unsigned service,
			   const struct owner *owner)
{
	struct front *f = xcalloc(1, sizeof(*f));

	f->supervisor = s;
	f->service = service;
	f->tcp_fd = f->local_fd = -1;
	f->fixed = owner != NULL;
	if (owner)
		f->owner = *owner;
	return f;
}

struct front *front_new(struct supervisor *s, unsigned service,
			const struct owner *owner, const char *name,
			struct error *err)
{
	struct front *f = begin(s, service, owner);

	if (listen_tcp(f, err) == 0 && listen_local(f, name, err) == 0)
		return f;
	front_close(f);
	return NULL;
}

struct front *front_new_companion(struct supervisor *s, unsigned companion,
				  uint16_t port, const struct owner *owner,
				  struct error *err)
{
	struct front *f = begin(s, companion, owner);

	f->companion_port = port;
	if (listen_tcp(f, err) == 0)
		return f;
	front_close(f);
	return NULL;
}

void front_address(const struct front *f, struct db_address *ret)
{
	static char loopback[] = "127.0.0.1";

	*ret = (struct db_address){.dialect = dialect_of(f)};
	if (f->supervisor->spec.config->transport == CONFIG_TRANSPORT_UNIX) {
		ret->socket_dir = f->dir;
		ret->socket = f->path;
	} else {
		ret->host = loopback;
		ret->port = f->port;
	}
}

/* Without a descriptor to accept with, the connection would stay in the queue
 * and poll would say so for ever: one kept for this is given up for it. */
static void shed(struct front *f, int listener)
{
	int fd;

	cleanup_close(&f->supervisor->spare_fd);
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0)
		close(fd);
	f->supervisor->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	log_debug("no descriptors left: a connection was dropped");
}

static void on_connection(uv_poll_t *poll, int status, int events)
{
	struct front *f = poll->data;
	bool tcp = poll == f->tcp;
	int listener = tcp ? f->tcp_fd : f->local_fd;

	(void)status;
	(void)events;
	for (int i = 0; i < TURN; i++) {
		int fd =
		    accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd < 0 && (errno == EMFILE || errno == ENFILE))
			shed(f, listener);
		if (fd < 0)
			return;
		call_begin(f, fd, tcp);
	}
}

static uv_poll_t *watch(struct front *f, int fd)
{
	uv_poll_t *poll = xcalloc(1, sizeof(*poll));

	if (uv_poll_init(&f->supervisor->loop, poll, fd) < 0) {
		free(poll);
		return NULL;
	}
	poll->data = f;
	uv_poll_start(poll, UV_READABLE, on_connection);
	return poll;
}

int front_listen(struct front *f, struct error *err)
{
	if (!f->tcp)
		f->tcp = watch(f, f->tcp_fd);
	if (!f->local && f->local_fd >= 0)
		f->local = watch(f, f->local_fd);
	if (!f->tcp || (!f->local && f->local_fd >= 0))
		return error_set(err, ERROR_INTERNAL,
				 "cannot watch the services' address");
	return 0;
}

static void free_handle(uv_handle_t *handle)
{
	free(handle);
}

static void stop_listening(uv_poll_t **poll, int *fd)
{
	if (*poll)
		uv_close((uv_handle_t *)take_ptr(poll), free_handle);
	cleanup_close(fd);
}

static void free_if_over(struct front *f)
{
	if (!f->closed || f->n_calls)
		return;
	free(f->dir);
	free(f->path);
	free(f);
}

void front_close(struct front *f)
{
	struct call *c, *next;

	if (!f || f->closed)
		return;
	stop_listening(&f->tcp, &f->tcp_fd);
	stop_listening(&f->local, &f->local_fd);
	if (f->dir)
		fs_remove_tree(f->dir, NULL);
	DL_FOREACH_SAFE(f->calls, c, next)
	call_cut(c);
	f->closed = true;
	free_if_over(f);
}

void front_call_gone(struct front *f)
{
	f->n_calls--;
	f->supervisor->n_calls--;
	supervisor_touch(f->supervisor);
	free_if_over(f);
}
