/* SPDX-License-Identifier: MIT */
#include "supervisor/call.h"

#include "base/alloc.h"
#include "base/log.h"
#include "base/net.h"
#include "config/config.h"
#include "router/owner.h"
#include "session/session.h"
#include "supervisor/internal.h"
#include "supervisor/refuse.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <utlist.h>

enum {
	MAX_CALLS = 4096,
	CONNECT_MS = 10000,
	/* of a machine that is there, one of three answers comes at once */
	CONNECT_NODE_MS = 6000,
	FIRST_MS = 30000, /* a client's first packets */
	/* a Unix socket whose queue is full says EAGAIN instead of waiting */
	RETRY_MS = 5
};

static void begin_connect(struct call *c);

static void free_handle(uv_handle_t *handle)
{
	free(handle);
}

/* libuv: a descriptor may be closed, or watched anew, right after this. */
static void stop_poll(struct call *c)
{
	uv_poll_t *poll = take_ptr(&c->poll);

	if (poll)
		uv_close((uv_handle_t *)poll, free_handle);
}

static void stop_timer(struct call *c)
{
	uv_timer_t *timer = take_ptr(&c->timer);

	if (timer)
		uv_close((uv_handle_t *)timer, free_handle);
}

static void start_timer(struct call *c, int64_t ms, uv_timer_cb fn)
{
	if (!c->timer) {
		c->timer = xcalloc(1, sizeof(*c->timer));
		uv_timer_init(&c->front->supervisor->loop, c->timer);
		c->timer->data = c;
	}
	uv_timer_start(c->timer, fn, (uint64_t)ms, 0);
}

static int start_poll(struct call *c, int fd, int events, uv_poll_cb fn)
{
	c->poll = xcalloc(1, sizeof(*c->poll));
	if (uv_poll_init(&c->front->supervisor->loop, c->poll, fd) < 0) {
		free(take_ptr(&c->poll));
		return -1;
	}
	c->poll->data = c;
	return uv_poll_start(c->poll, events, fn);
}

/* What is not handed on is closed. */
static void call_free(struct call *c)
{
	tenant_wait_stop(&c->wait);
	tenant_use_drop(&c->use);
	stop_timer(c);
	stop_poll(c);
	cleanup_close(&c->fd);
	cleanup_close(&c->server_fd);
	rename_free(&c->rename);
	buf_free(&c->early);
	DL_DELETE(c->front->calls, c);
	front_call_gone(c->front);
	free(c);
}

void call_cut(struct call *c)
{
	if (c->joint)
		joint_cut(c->joint); /* on_joint_end frees c */
	else
		call_free(c);
}

static void on_use_cut(struct tenant_use *u)
{
	call_cut((struct call *)((char *)u - offsetof(struct call, use)));
}

static enum dialect dialect_of(const struct call *c)
{
	struct session_service info;

	session_service(c->front->supervisor->session, c->front->service,
			&info);
	return info.dialect;
}

static void refuse(struct call *c, const struct error *err)
{
	log_debug("connection refused: %s", error_text(err));
	stop_poll(c);
	/* in no protocol that is known */
	if (c->front->companion_port) {
		call_free(c);
		return;
	}
	refuse_connection(c->front->supervisor, take_fd(&c->fd), dialect_of(c),
			  error_text(err), c->heard);
	call_free(c);
}

static void on_joint_end(void *ctx)
{
	struct call *c = ctx;

	c->joint = NULL;
	call_free(c);
}

static bool is_companions(const struct call *c)
{
	return c->front->companion_port != 0;
}

/* What speaks in no protocol that is known is only closed. */
static void tell_lost(struct call *c, int errno_value)
{
	auto_error struct error err = ERROR_INIT;
	auto_free char *node = NULL;

	if (!is_companions(c))
		node = session_slot_node(c->front->supervisor->session,
					 c->front->service, c->slot);
	error_set_errno(&err, ERROR_SERVER, errno_value,
			"the server of slot %u%s%s%s is gone", c->slot,
			node ? ", on node '" : "", node ? node : "",
			node ? "'," : "");
	refuse(c, &err);
}

/* Where its server is, or NULL: by a socket. Of a companion's, *ret is where
 * that is written. */
static const char *host_of(const struct call *c, struct companion_address *ret)
{
	struct session *session = c->front->supervisor->session;

	if (!is_companions(c))
		return session_slot_address(session, c->front->service, c->slot)
		    ->host;
	return session_companion_address(session, c->front->service, c->slot,
					 ret)
		   ? ret->host
		   : NULL;
}

static bool leads_to(const struct call *c, const char *host)
{
	struct companion_address a;
	const char *own = host_of(c, &a);

	return own && !strcmp(own, host);
}

/* Those who have connections there would find out one after the other. */
static void tell_others(struct leases *l, const char *host, int errno_value)
{
	struct tenant *t, *next_tenant;
	struct tenant_use *u, *next;

	HASH_ITER(by_key, l->by_key, t, next_tenant)
	{
		DL_FOREACH_SAFE(t->uses, u, next)
		{
			struct call *c =
			    (struct call *)((char *)u -
					    offsetof(struct call, use));

			if (u->cut != on_use_cut || c->told ||
			    !leads_to(c, host))
				continue;
			c->told = true;
			if (c->joint)
				joint_lose(c->joint, errno_value);
			else
				tell_lost(c, errno_value);
		}
	}
}

static bool is_at(struct session *session, unsigned slot, const char *host)
{
	for (unsigned i = 0; i < session_n_services(session); i++) {
		const struct db_address *a =
		    session_slot_address(session, i, slot);

		if (a->host && !strcmp(a->host, host))
			return true;
	}
	return false;
}

/* All slots there have lost their servers, and are not to be handed out to be
 * found dead one by one. */
static void machine_lost(struct supervisor *s, unsigned slot, const char *host,
			 int errno_value)
{
	tell_others(&s->leases, host, errno_value);
	for (unsigned i = 0; i < s->leases.max_slots; i++)
		if (i == slot || is_at(s->session, i, host))
			leases_slot_lost(&s->leases, i);
}

static void lost(struct call *c, int errno_value)
{
	struct supervisor *s = c->front->supervisor;
	struct companion_address a;
	auto_free char *host = xstrdup_or_null(host_of(c, &a));
	unsigned slot = c->slot;
	bool told = c->told;

	c->told = true;
	tell_lost(c, errno_value);
	if (told)
		return; /* and so are the slots */
	if (host && joint_machine_is_gone(errno_value))
		machine_lost(s, slot, host, errno_value);
	else
		leases_slot_lost(&s->leases, slot);
}

static void on_joint_lost(void *ctx, int client, int errno_value)
{
	struct call *c = ctx;

	c->joint = NULL;
	c->fd = client;
	c->heard = HEARD_COMMAND;
	lost(c, errno_value);
}

/* On the lane, which has c->rename to itself until the joint is over. */
static int filter_commands(void *ctx, const char *data, size_t len,
			   struct buf *ret)
{
	struct call *c = ctx;

	return rename_commands(&c->rename, data, len, ret);
}

/* Is its server on another machine, as far as its address says? */
static bool is_elsewhere(const struct call *c)
{
	struct companion_address a;
	const char *host = host_of(c, &a);
	bool by_socket = !is_companions(c) &&
			 session_slot_address(c->front->supervisor->session,
					      c->front->service, c->slot)
			     ->socket;

	return host && !by_socket && strncmp(host, "127.", 4) != 0 &&
	       strcmp(host, "::1") != 0;
}

static void join(struct call *c)
{
	struct joint_spec spec = {
	    .client = take_fd(&c->fd),
	    .server = take_fd(&c->server_fd),
	    .early = c->early.s,
	    .early_len = c->early.len,
	    .end = on_joint_end,
	    .ctx = c,
	};

	stop_timer(c);
	if (is_elsewhere(c))
		spec.lost = on_joint_lost;
	if (c->rename.from && dialect_of(c) == DIALECT_MARIADB)
		spec.filter = filter_commands;
	c->joint = joint_new(c->front->supervisor->lanes, &spec);
	buf_free(&c->early);
	if (!c->joint)
		call_free(c);
}

static void on_late(uv_timer_t *timer)
{
	log_debug("a client did not say who it is");
	call_free(timer->data);
}

/* One read: how many bytes, or 0 with the call gone. */
static size_t hear(struct call *c, int fd, char *piece, size_t size)
{
	ssize_t n = recv(fd, piece, size, 0);

	if (n > 0)
		return (size_t)n;
	if (n < 0 && fd == c->server_fd && joint_machine_is_gone(errno))
		lost(c, errno);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		call_free(c);
	return 0;
}

/* Short, to a socket that nothing waits for: it is taken whole, or the client
 * is beyond help. */
static int say(struct call *c, const struct buf *b)
{
	ssize_t n =
	    b->len ? send(c->fd, b->s, b->len, MSG_NOSIGNAL | MSG_DONTWAIT) : 0;

	if (n == (ssize_t)b->len)
		return 0;
	call_free(c);
	return -1;
}

static void listen_to(struct call *c, int fd, uv_poll_cb fn)
{
	stop_poll(c);
	start_timer(c, FIRST_MS, on_late);
	if (start_poll(c, fd, UV_READABLE, fn) < 0)
		call_free(c);
}

static void on_response(uv_poll_t *poll, int status, int events)
{
	struct call *c = poll->data;
	auto_error struct error err = ERROR_INIT;
	char piece[4096];
	size_t n = hear(c, c->fd, piece, sizeof(piece));
	int done;

	(void)status;
	(void)events;
	if (!n)
		return;
	done = rename_response(&c->rename, piece, n, &c->early, &err);
	c->heard = done ? HEARD_LOGIN : HEARD_NOTHING;
	if (done < 0) {
		refuse(c, &err);
	} else if (done) {
		stop_poll(c);
		join(c);
	}
}

static void on_greeting(uv_poll_t *poll, int status, int events)
{
	struct call *c = poll->data;
	auto_error struct error err = ERROR_INIT;
	auto_buf struct buf greeting = BUF_INIT;
	char piece[4096];
	size_t n = hear(c, c->server_fd, piece, sizeof(piece));
	bool refused = false;
	int done;

	(void)status;
	(void)events;
	if (!n)
		return;
	done = rename_greeting(&c->rename, piece, n, &greeting, &refused, &err);
	if (done < 0)
		refuse(c, &err);
	else if (done && say(c, &greeting) == 0) {
		if (refused)
			call_free(c);
		else
			listen_to(c, c->fd, on_response);
	}
}

/* The server is there: with isolation: database, MariaDB's speaks first. */
static void connected(struct call *c)
{
	if (c->rename.from && dialect_of(c) == DIALECT_MARIADB)
		listen_to(c, c->server_fd, on_greeting);
	else
		join(c);
}

static void on_startup(uv_poll_t *poll, int status, int events)
{
	struct call *c = poll->data;
	auto_error struct error err = ERROR_INIT;
	auto_buf struct buf answer = BUF_INIT;
	char piece[4096];
	size_t n = hear(c, c->fd, piece, sizeof(piece));
	int done;

	(void)status;
	(void)events;
	if (!n)
		return;
	done = rename_postgres(&c->rename, piece, n, &c->early, &answer, &err);
	c->heard = done ? HEARD_LOGIN : HEARD_NOTHING;
	if (done < 0) {
		refuse(c, &err);
	} else if (say(c, &answer) == 0 && done) {
		stop_poll(c);
		stop_timer(c);
		begin_connect(c);
	}
}

static void on_connect_late(uv_timer_t *timer)
{
	lost(timer->data, ETIMEDOUT);
}

static void on_retry(uv_timer_t *timer)
{
	begin_connect(timer->data);
}

static void on_connected(uv_poll_t *poll, int status, int events)
{
	struct call *c = poll->data;
	socklen_t len = sizeof(int);
	int failure = 0;

	(void)events;
	if (status < 0 ||
	    getsockopt(c->server_fd, SOL_SOCKET, SO_ERROR, &failure, &len) < 0)
		failure = ECONNRESET;
	if (failure) {
		lost(c, failure);
		return;
	}
	stop_poll(c);
	connected(c);
}

static int open_server(const struct db_address *a, int *ret_fd)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	struct sockaddr_storage ip;
	const struct sockaddr *to = (const struct sockaddr *)&un;
	socklen_t len = sizeof(un);
	int one = 1;

	if (a->socket && strlen(a->socket) < sizeof(un.sun_path)) {
		memcpy(un.sun_path, a->socket, strlen(a->socket) + 1);
	} else {
		if (!a->host || !net_address(a->host, a->port, &ip, &len))
			return EADDRNOTAVAIL;
		to = (const struct sockaddr *)&ip;
	}
	*ret_fd = socket(to->sa_family,
			 SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (*ret_fd < 0)
		return errno;
	if (to->sa_family != AF_UNIX) {
		setsockopt(*ret_fd, IPPROTO_TCP, TCP_NODELAY, &one,
			   sizeof(one));
		/* a test that waits for its answer would wait for ever */
		net_notice_death(*ret_fd);
	}
	return connect(*ret_fd, to, len) == 0 ? 0 : errno;
}

static int open_companion(const struct call *c, int *ret_fd)
{
	struct companion_address a;
	struct db_address to = {.host = a.host};

	if (!session_companion_address(c->front->supervisor->session,
				       c->front->service, c->slot, &a))
		return ECONNREFUSED;
	for (size_t i = 0; i < a.n_ports; i++)
		if (a.ports[i].inside == c->front->companion_port)
			to.port = a.ports[i].outside;
	return open_server(&to, ret_fd);
}

static int open_slot(const struct call *c, int *ret_fd)
{
	if (is_companions(c))
		return open_companion(c, ret_fd);
	return open_server(session_slot_address(c->front->supervisor->session,
						c->front->service, c->slot),
			   ret_fd);
}

static bool is_on_node(const struct call *c)
{
	auto_free char *node = NULL;

	if (!is_companions(c))
		node = session_slot_node(c->front->supervisor->session,
					 c->front->service, c->slot);
	return node != NULL;
}

static void begin_connect(struct call *c)
{
	int failure = open_slot(c, &c->server_fd);

	if (failure == EAGAIN && ++c->attempts < CONNECT_MS / RETRY_MS) {
		close(take_fd(&c->server_fd));
		start_timer(c, RETRY_MS, on_retry);
	} else if (failure == EINPROGRESS) {
		start_timer(c, is_on_node(c) ? CONNECT_NODE_MS : CONNECT_MS,
			    on_connect_late);
		if (start_poll(c, c->server_fd, UV_WRITABLE, on_connected) < 0)
			call_free(c);
	} else if (failure) {
		if (c->server_fd >= 0)
			close(take_fd(&c->server_fd));
		lost(c, failure);
	} else {
		connected(c);
	}
}

/* The slots of an existing server are databases of it, whatever was asked. */
static bool has_own_name(const struct call *c)
{
	const struct supervisor *s = c->front->supervisor;
	const struct db_address *slot =
	    session_slot_address(s->session, c->front->service, c->slot);
	const char *name =
	    session_public_database(s->session, c->front->service);

	return s->spec.config->isolation == ISOLATION_DATABASE ||
	       (slot->database && name && strcmp(slot->database, name) != 0);
}

static void begin_rename(struct call *c)
{
	struct session *session = c->front->supervisor->session;
	const struct db_address *slot =
	    session_slot_address(session, c->front->service, c->slot);

	rename_init(&c->rename,
		    session_public_database(session, c->front->service),
		    slot->database);
	if (slot->slot_user)
		rename_user(&c->rename, slot->user, slot->slot_user);
}

/* It has its database: the way there is short. */
static void serve(struct call *c, struct tenant *t)
{

	c->slot = t->slot;
	c->use.cut = on_use_cut;
	tenant_use_add(t, &c->use);
	if (!is_companions(c) && has_own_name(c))
		begin_rename(c);
	/* Postgres' clients speak first */
	if (c->rename.from && dialect_of(c) == DIALECT_POSTGRES)
		listen_to(c, c->fd, on_startup);
	else
		begin_connect(c);
}

static void on_granted(struct tenant_wait *w, struct tenant *t,
		       const struct error *err)
{
	struct call *c =
	    (struct call *)((char *)w - offsetof(struct call, wait));

	stop_timer(c);
	stop_poll(c);
	if (err)
		refuse(c, err);
	else
		serve(c, t);
}

static void on_client_gone(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	call_free(poll->data);
}

static void on_waited_too_long(uv_timer_t *timer)
{
	struct call *c = timer->data;
	auto_error struct error err = ERROR_INIT;

	error_set(
	    &err, ERROR_BUSY,
	    "no database became free within %lld s: all %u are in use",
	    (long long)(c->front->supervisor->spec.config->start_timeout_ms /
			1000),
	    c->front->supervisor->leases.max_slots);
	refuse(c, &err);
}

static void wait_for(struct call *c, struct tenant *t)
{
	if (start_poll(c, c->fd, UV_DISCONNECT, on_client_gone) < 0) {
		call_free(c);
		return;
	}
	start_timer(c, c->front->supervisor->spec.config->start_timeout_ms,
		    on_waited_too_long);
	c->wait.fn = on_granted;
	tenant_wait_for(t, &c->wait);
}

static int identify(struct call *c, bool tcp, struct tenant **ret,
		    struct error *err)
{
	struct supervisor *s = c->front->supervisor;

	if (c->front->fixed)
		return leases_tenant(&s->leases, &c->front->owner, ret, err);
	return leases_caller(&s->leases, c->fd, tcp, ret, err);
}

void call_begin(struct front *f, int fd, bool tcp)
{
	struct call *c = xcalloc(1, sizeof(*c));
	auto_error struct error err = ERROR_INIT;
	struct tenant *t;
	int one = 1;

	c->front = f;
	c->fd = fd;
	c->server_fd = -1;
	c->early = (struct buf)BUF_INIT;
	DL_APPEND(f->calls, c);
	f->n_calls++;
	f->supervisor->n_calls++;
	supervisor_touch(f->supervisor);
	if (tcp)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (f->supervisor->n_calls > MAX_CALLS) {
		error_set(&err, ERROR_BUSY, "%d connections are open already",
			  MAX_CALLS);
		refuse(c, &err);
	} else if (identify(c, tcp, &t, &err) < 0) {
		refuse(c, &err);
	} else if (t->holds) {
		serve(c, t);
	} else {
		wait_for(c, t);
	}
}
