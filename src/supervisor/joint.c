/* SPDX-License-Identifier: MIT */
#include "supervisor/joint.h"

#include "base/alloc.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* How many pieces one end may move before the others get their turn. */
enum {
	TURN = 8
};

/* What goes from one end to the other. */
struct half {
	char *waiting; /* not taken yet by the other end; NULL: nothing */
	size_t start, len;
	bool eof;  /* no more will come */
	bool shut; /* and the other end was told */
};

struct end {
	struct joint *joint;
	uv_poll_t poll;
	int fd;
	int watched;      /* the events now asked for */
	struct half *out; /* read from this end */
	struct half *in;  /* written to this end */
	struct end *other;
};

struct joint {
	struct end ends[2];
	struct half halves[2];
	joint_end_fn *fn;
	void *ctx;
	joint_filter_fn *filter; /* of what the client sends; or NULL */
	void *filter_ctx;
	struct buf filtered;
	int open;
	bool cut;
};

static void on_closed(uv_handle_t *handle)
{
	struct end *e = handle->data;
	struct joint *j = e->joint;

	close(e->fd);
	if (--j->open)
		return;
	j->fn(j->ctx);
	free(j->halves[0].waiting);
	free(j->halves[1].waiting);
	buf_free(&j->filtered);
	free(j);
}

void joint_filter(struct joint *j, joint_filter_fn *fn, void *ctx)
{
	j->filter = fn;
	j->filter_ctx = ctx;
}

void joint_cut(struct joint *j)
{
	if (j->cut)
		return;
	j->cut = true;
	for (int i = 0; i < 2; i++)
		uv_close((uv_handle_t *)&j->ends[i].poll, on_closed);
}

/* 1 all is written, 0 the end takes no more now, -1 it is broken. */
static int flush(struct half *h, int fd)
{
	while (h->len) {
		ssize_t n =
		    send(fd, h->waiting + h->start, h->len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : -1;
		h->start += (size_t)n;
		h->len -= (size_t)n;
	}
	free(h->waiting);
	h->waiting = NULL;
	h->start = 0;
	if (h->eof && !h->shut) {
		h->shut = true;
		shutdown(fd, SHUT_WR);
	}
	return 1;
}

static void keep(struct half *h, const char *data, size_t len)
{
	h->waiting = xmalloc(len);
	memcpy(h->waiting, data, len);
	h->start = 0;
	h->len = len;
}

/* Sends it, keeping what is not taken at once. */
static int pass(struct half *h, int fd, const char *data, size_t len)
{
	ssize_t sent = send(fd, data, len, MSG_NOSIGNAL);

	if (sent < 0 && errno != EAGAIN && errno != EINTR)
		return -1;
	if (sent < 0)
		sent = 0;
	if ((size_t)sent < len)
		keep(h, data + sent, len - (size_t)sent);
	return 0;
}

static int pass_filtered(struct joint *j, const char *data, size_t len)
{
	buf_clear(&j->filtered);
	if (j->filter(j->filter_ctx, data, len, &j->filtered) < 0 ||
	    j->filtered.full)
		return -1;
	if (!j->filtered.len)
		return 0;
	return pass(&j->halves[0], j->ends[1].fd, j->filtered.s,
		    j->filtered.len);
}

/*
 * Moves what there is from `e` to the other end. Most pieces are taken at once,
 * so they go through one buffer that all joints share, and only what is not
 * taken gets memory of its own. -1: the joint is broken.
 */
static int move(struct end *e)
{
	static char piece[JOINT_PIECE];
	struct joint *j = e->joint;
	struct half *h = e->out;

	for (int turn = 0; turn < TURN && !h->len && !h->eof; turn++) {
		ssize_t n = recv(e->fd, piece, sizeof(piece), 0);
		int sent;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : -1;
		if (n == 0) {
			h->eof = true;
			return flush(h, e->other->fd) < 0 ? -1 : 0;
		}
		sent = j->filter && e == &j->ends[0]
			   ? pass_filtered(j, piece, (size_t)n)
			   : pass(h, e->other->fd, piece, (size_t)n);
		if (sent < 0)
			return -1;
		if (n < (ssize_t)sizeof(piece))
			return 0; /* the next read would only say EAGAIN */
	}
	return 0;
}

static void on_event(uv_poll_t *poll, int status, int events);

static int watch(struct end *e)
{
	int events = 0;

	if (!e->out->len && !e->out->eof)
		events |= UV_READABLE;
	if (e->in->len)
		events |= UV_WRITABLE;
	if (events == e->watched)
		return 0;
	e->watched = events;
	return events ? uv_poll_start(&e->poll, events, on_event)
		      : uv_poll_stop(&e->poll);
}

static void on_event(uv_poll_t *poll, int status, int events)
{
	struct end *e = poll->data;
	struct joint *j = e->joint;
	int broken = status < 0;

	if (!broken && events & UV_WRITABLE)
		broken = flush(e->in, e->fd) < 0;
	if (!broken && events & UV_READABLE)
		broken = move(e) < 0;
	if (broken || (j->halves[0].shut && j->halves[1].shut) ||
	    watch(&j->ends[0]) < 0 || watch(&j->ends[1]) < 0)
		joint_cut(j);
}

static int end_open(struct joint *j, int i, uv_loop_t *loop, int fd)
{
	struct end *e = &j->ends[i];

	e->joint = j;
	e->fd = fd;
	e->out = &j->halves[i];
	e->in = &j->halves[!i];
	e->other = &j->ends[!i];
	e->poll.data = e;
	if (uv_poll_init(loop, &e->poll, fd) < 0)
		return -1;
	j->open++;
	return 0;
}

static void forget(void *ctx)
{
	(void)ctx;
}

struct joint *joint_new(uv_loop_t *loop, int client, int server,
			const void *early, size_t len, joint_end_fn *fn,
			void *ctx)
{
	struct joint *j = xcalloc(1, sizeof(*j));

	j->fn = fn;
	j->ctx = ctx;
	j->filtered = (struct buf)BUF_INIT;
	if (len)
		keep(&j->halves[0], early, len);
	if (end_open(j, 0, loop, client) < 0) {
		close(client);
		close(server);
		free(j->halves[0].waiting);
		free(j);
		return NULL;
	}
	if (end_open(j, 1, loop, server) < 0) {
		j->fn = forget;
		close(server);
		j->cut = true;
		uv_close((uv_handle_t *)&j->ends[0].poll, on_closed);
		return NULL;
	}
	if (watch(&j->ends[0]) < 0 || watch(&j->ends[1]) < 0) {
		j->fn = forget;
		joint_cut(j);
		return NULL;
	}
	return j;
}
