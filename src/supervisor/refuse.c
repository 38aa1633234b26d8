/* SPDX-License-Identifier: MIT */
#include "supervisor/refuse.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "supervisor/internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

enum {
	LINGER_MS = 2000,
	FIRST_PACKET_MAX = 10000, /* as Postgres' MAX_STARTUP_PACKET_LENGTH */
	SSL_REQUEST = 80877103,
	GSSENC_REQUEST = 80877104,
	CANCEL_REQUEST = 80877102
};

struct refusal {
	struct refusal *prev, *next;
	struct supervisor *supervisor;
	int fd;
	uv_poll_t *poll;
	uv_timer_t *timer;
	char *reason;
	struct buf in;
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

static void put_u32(struct buf *b, uint32_t n)
{
	n = htonl(n);
	buf_put(b, &n, sizeof(n));
}

static uint32_t get_u32(const char *p)
{
	uint32_t n;

	memcpy(&n, p, sizeof(n));
	return ntohl(n);
}

/* An ErrorResponse of Postgres: FATAL 08006. Short enough to be taken whole by
 * a socket that nothing was written to yet. */
static void say_postgres(struct refusal *r)
{
	auto_buf struct buf fields = BUF_INIT;
	auto_buf struct buf packet = BUF_INIT;

	buf_put(&fields, "SFATAL\0VFATAL\0C08006\0M", 22);
	buf_printf(&fields, "testenv: %s", r->reason);
	buf_put(&fields, "\0\0", 2);
	buf_putc(&packet, 'E');
	put_u32(&packet, (uint32_t)fields.len + 4);
	buf_put(&packet, fields.s, fields.len);
	(void)!send(r->fd, packet.s, packet.len, MSG_NOSIGNAL);
	shutdown(r->fd, SHUT_WR);
	r->said = true;
}

/* In place of MariaDB's greeting: an ERR packet without SQLSTATE, as before a
 * handshake, number 1040 (too many connections). */
static void say_mariadb(struct refusal *r)
{
	auto_buf struct buf packet = BUF_INIT;
	size_t len;

	buf_put(&packet, "\0\0\0\0\xff\x10\x04", 7);
	buf_printf(&packet, "testenv: %s", r->reason);
	len = packet.len - 4;
	packet.s[0] = (char)(len & 0xff);
	packet.s[1] = (char)(len >> 8 & 0xff);
	(void)!send(r->fd, packet.s, packet.len, MSG_NOSIGNAL);
	shutdown(r->fd, SHUT_WR);
	r->said = true;
}

/* Postgres' clients speak first, and ask for encryption before that: an error
 * in place of that answer is not shown by them. 0: more is to be read. */
static int hear(struct refusal *r)
{
	while (r->in.len >= 8) {
		uint32_t len = get_u32(r->in.s);
		uint32_t code = get_u32(r->in.s + 4);

		if (len < 8 || len > FIRST_PACKET_MAX || code == CANCEL_REQUEST)
			return -1;
		if (r->in.len < len)
			return 0;
		buf_consume(&r->in, len);
		if (code != SSL_REQUEST && code != GSSENC_REQUEST) {
			say_postgres(r);
			return 0;
		}
		(void)!send(r->fd, "N", 1, MSG_NOSIGNAL);
	}
	return 0;
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
		       const char *reason)
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
	r->reason = xstrdup(reason);
	r->in = (struct buf)BUF_INIT_MAX(2 * FIRST_PACKET_MAX);
	r->poll->data = r;
	r->timer = xcalloc(1, sizeof(*r->timer));
	uv_timer_init(&s->loop, r->timer);
	r->timer->data = r;
	DL_APPEND(s->refusals, r);
	uv_timer_start(r->timer, on_time, LINGER_MS, 0);
	uv_poll_start(r->poll, UV_READABLE, on_readable);
	if (dialect == DIALECT_MARIADB)
		say_mariadb(r);
}

void refuse_close_all(struct supervisor *s)
{
	while (s->refusals)
		end(s->refusals);
}
