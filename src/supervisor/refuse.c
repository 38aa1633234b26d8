/* SPDX-License-Identifier: MIT */
#include "supervisor/refuse.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/ident.h"
#include "router/startup_mariadb.h"
#include "router/startup_postgres.h"
#include "supervisor/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

enum {
	LINGER_MS = 2000
};

struct refusal {
	struct refusal *prev, *next;
	struct supervisor *supervisor;
	int fd;
	uv_poll_t *poll;
	uv_timer_t *timer;
	char *reason;
	struct buf in;
	enum dialect dialect;
	bool served; /* before */
	bool said;
};

static void free_handle(uv_handle_t *handle)
{
	free(handle);
}

static void end(struct refusal *r)
{
	DL_DELETE(r->supervisor->refusals, r);
	uv_close((uv_handle_t *)r->poll, free_handle);
	uv_close((uv_handle_t *)r->timer, free_handle);
	close(r->fd);
	buf_free(&r->in);
	free(r->reason);
	free(r);
}

/* Short enough to be taken whole by a socket that next to nothing was written
 * to yet; the other end then reads it, and closes. */
static void say(struct refusal *r, const struct buf *packet)
{
	(void)!send(r->fd, packet->s, packet->len, MSG_NOSIGNAL);
}

static void say_last(struct refusal *r, const struct buf *packet)
{
	say(r, packet);
	shutdown(r->fd, SHUT_WR);
	r->said = true;
}

static void tell_postgres(struct refusal *r)
{
	auto_buf struct buf out = BUF_INIT;
	auto_free char *message = xasprintf("testenv: %s", r->reason);

	postgres_put_error(&out, "08006", message, NULL);
	say_last(r, &out);
}

/* seq: of the client's packet */
static void tell_mariadb(struct refusal *r, unsigned seq)
{
	auto_buf struct buf out = BUF_INIT;
	auto_free char *message = xasprintf("testenv: %s", r->reason);

	if (r->served)
		mariadb_put_error(&out, 1, MARIADB_GONE, "08S01", message);
	else
		mariadb_put_error(&out, seq + 1, MARIADB_TOO_MANY, "08004",
				  message);
	say_last(r, &out);
}

/* Postgres' clients speak first, and ask for encryption before that: an error
 * in place of that answer is not shown by them. */
static int hear_postgres(struct refusal *r)
{
	auto_buf struct buf out = BUF_INIT;
	struct postgres_startup p;

	for (;;) {
		if (postgres_startup_parse(r->in.s, r->in.len, &p, NULL) < 0 ||
		    p.kind == POSTGRES_CANCEL_REQUEST)
			return -1;
		if (p.kind == POSTGRES_MORE)
			return 0;
		if (p.kind == POSTGRES_STARTUP)
			break;
		buf_consume(&r->in, p.len);
		buf_clear(&out);
		buf_putc(&out, 'N');
		say(r, &out);
	}
	tell_postgres(r);
	return 0;
}

/* Newer clients do not trust an error in place of the greeting. */
static void greet_mariadb(struct refusal *r)
{
	auto_buf struct buf out = BUF_INIT;
	char scramble[21];

	ident_random(scramble, 20);
	mariadb_put_greeting(&out, "testenv", scramble);
	say(r, &out);
}

static int hear_mariadb(struct refusal *r)
{
	struct mariadb_packet p;

	if (mariadb_response_parse(r->in.s, r->in.len, &p, NULL) < 0 ||
	    p.kind == MARIADB_TLS)
		return -1;
	if (p.kind == MARIADB_MORE)
		return 0;
	tell_mariadb(r, p.seq);
	return 0;
}

static int hear(struct refusal *r)
{
	return r->dialect == DIALECT_MARIADB ? hear_mariadb(r)
					     : hear_postgres(r);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct refusal *r = poll->data;
	char piece[4096];
	ssize_t n = recv(r->fd, piece, sizeof(piece), 0);

	(void)status;
	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		end(r);
		return;
	}
	if (r->said)
		return; /* until the other end closes, which drops nothing */
	buf_put(&r->in, piece, (size_t)n);
	if (r->in.full || hear(r) < 0)
		end(r);
}

static void on_time(uv_timer_t *timer)
{
	end(timer->data);
}

void refuse_connection(struct supervisor *s, int fd, enum dialect dialect,
		       const char *reason, enum refuse_heard heard)
{
	struct refusal *r = xcalloc(1, sizeof(*r));

	r->poll = xcalloc(1, sizeof(*r->poll));
	if (uv_poll_init(&s->loop, r->poll, fd) < 0) {
		close(fd);
		free(r->poll);
		free(r);
		return;
	}
	r->supervisor = s;
	r->fd = fd;
	r->dialect = dialect;
	r->served = heard == HEARD_COMMAND;
	r->reason = xstrdup(reason);
	r->in = (struct buf)BUF_INIT_MAX(MARIADB_PACKET_MAX);
	r->poll->data = r;
	r->timer = xcalloc(1, sizeof(*r->timer));
	uv_timer_init(&s->loop, r->timer);
	r->timer->data = r;
	DL_APPEND(s->refusals, r);
	uv_timer_start(r->timer, on_time, LINGER_MS, 0);
	uv_poll_start(r->poll, UV_READABLE, on_readable);
	if (dialect == DIALECT_MARIADB && heard)
		tell_mariadb(r, 1);
	else if (dialect == DIALECT_MARIADB)
		greet_mariadb(r);
	else if (heard)
		tell_postgres(r);
}

void refuse_close_all(struct supervisor *s)
{
	while (s->refusals)
		end(s->refusals);
}
