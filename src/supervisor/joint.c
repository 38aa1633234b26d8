/* SPDX-License-Identifier: MIT */
#include "supervisor/joint.h"

#include "base/alloc.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * A server's machine that is gone acknowledges nothing: when nothing was heard
 * from it for so long, and what was sent had to be repeated so often, nobody
 * waits for it any more. (Of a connection on which nothing is under way, the
 * kernel finds out; see net_notice_death.) TCP_USER_TIMEOUT would say the same
 * of a server that is there and has other things to do than to read.
 */
enum {
	LOOK_MS = 1000,
	SILENT_MS = 5000,
	TIMEOUTS = 3
};

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

/* The lane's from joint_new() to on_over(), but for the descriptors' numbers,
 * which stay what they are until then. */
struct joint {
	struct lane_task task;
	struct lane *lane;
	struct end ends[2];
	struct half halves[2];
	joint_end_fn *end;
	joint_lost_fn *lost;
	joint_filter_fn *filter;
	void *ctx;
	struct buf filtered;
	int open;         /* handles */
	int polls;        /* of them */
	uv_timer_t timer; /* open where `lost` is not NULL */
	int failure;      /* errno, 0: it ended by itself */
	atomic_int told;  /* by joint_lose(): an errno */
	bool ending;
};

/* The client is on this machine, and a server that died has closed: so only
 * the server's machine ends a connection in this way. */
bool joint_machine_is_gone(int errno_value)
{
	return errno_value == ETIMEDOUT || errno_value == EHOSTUNREACH ||
	       errno_value == ENETUNREACH || errno_value == EHOSTDOWN;
}

/* On the home loop. */
static void on_over(struct lane_task *t)
{
	struct joint *j =
	    (struct joint *)((char *)t - offsetof(struct joint, task));

	close(j->ends[1].fd);
	lane_leave(j->lane);
	if (j->lost && joint_machine_is_gone(j->failure)) {
		j->lost(j->ctx, j->ends[0].fd, j->failure);
	} else {
		close(j->ends[0].fd);
		j->end(j->ctx);
	}
	free(j->halves[0].waiting);
	free(j->halves[1].waiting);
	buf_free(&j->filtered);
	free(j);
}

static void over(struct joint *j)
{
	j->task.fn = on_over;
	lane_post_home(j->lane, &j->task);
}

static void on_closed(uv_handle_t *handle)
{
	struct end *e = handle->data;

	if (--e->joint->open == 0)
		over(e->joint);
}

static void on_timer_closed(uv_handle_t *handle)
{
	struct joint *j = handle->data;

	if (--j->open == 0)
		over(j);
}

static void finish(struct joint *j)
{
	if (j->ending)
		return;
	j->ending = true;
	for (int i = 0; i < j->polls; i++)
		uv_close((uv_handle_t *)&j->ends[i].poll, on_closed);
	if (j->open > j->polls)
		uv_close((uv_handle_t *)&j->timer, on_timer_closed);
	if (!j->open)
		over(j);
}

static bool is_silent(int fd)
{
	struct tcp_info info = {0};
	socklen_t len = sizeof(info);

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 &&
	       info.tcpi_retransmits >= TIMEOUTS &&
	       info.tcpi_last_ack_recv >= SILENT_MS;
}

static void fail(struct joint *j, int errno_value)
{
	if (!j->ending)
		j->failure = errno_value;
	finish(j);
}

static void on_look(uv_timer_t *timer)
{
	struct joint *j = timer->data;
	int told = atomic_load(&j->told);

	if (told)
		fail(j, told);
	else if (is_silent(j->ends[1].fd))
		fail(j, ETIMEDOUT);
}

static void start_looking(struct joint *j)
{
	if (!j->lost || uv_timer_init(lane_loop(j->lane), &j->timer) < 0)
		return;
	j->timer.data = j;
	j->open++;
	uv_timer_start(&j->timer, on_look, LOOK_MS, LOOK_MS);
}

void joint_cut(struct joint *j)
{
	/* the lane sees the end of both */
	shutdown(j->ends[0].fd, SHUT_RDWR);
	shutdown(j->ends[1].fd, SHUT_RDWR);
}

void joint_lose(struct joint *j, int errno_value)
{
	atomic_store(&j->told, errno_value);
	/* the lane sees that; where it does not look just now, its timer does
	 */
	shutdown(j->ends[1].fd, SHUT_RDWR);
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
	if (j->filter(j->ctx, data, len, &j->filtered) < 0 || j->filtered.full)
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
	struct joint *j = e->joint;
	char *piece = lane_piece(j->lane);
	struct half *h = e->out;

	for (int turn = 0; turn < TURN && !h->len && !h->eof; turn++) {
		ssize_t n = recv(e->fd, piece, LANE_PIECE, 0);
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
		if (n < LANE_PIECE)
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

/* libuv says EBADF of any error that a socket has. */
static int socket_error(int fd)
{
	socklen_t len = sizeof(int);
	int error = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		return errno;
	return error;
}

static void on_event(uv_poll_t *poll, int status, int events)
{
	struct end *e = poll->data;
	struct joint *j = e->joint;
	int told = atomic_load(&j->told);
	int broken = status < 0;

	if (told) {
		fail(j, told);
		return;
	}
	errno = broken ? socket_error(e->fd) : 0;
	if (!broken && events & UV_WRITABLE)
		broken = flush(e->in, e->fd) < 0;
	if (!broken && events & UV_READABLE)
		broken = move(e) < 0;
	if (broken && !j->ending)
		j->failure = errno;
	if (broken || (j->halves[0].shut && j->halves[1].shut) ||
	    watch(&j->ends[0]) < 0 || watch(&j->ends[1]) < 0)
		finish(j);
}

/* On the lane. */
static void on_begin(struct lane_task *t)
{
	struct joint *j =
	    (struct joint *)((char *)t - offsetof(struct joint, task));

	for (int i = 0; i < 2; i++) {
		if (uv_poll_init(lane_loop(j->lane), &j->ends[i].poll,
				 j->ends[i].fd) < 0)
			break;
		j->open++;
		j->polls++;
	}
	start_looking(j);
	if (j->polls < 2 || watch(&j->ends[0]) < 0 || watch(&j->ends[1]) < 0)
		finish(j);
}

static void end_init(struct joint *j, int i, int fd)
{
	struct end *e = &j->ends[i];

	e->joint = j;
	e->fd = fd;
	e->out = &j->halves[i];
	e->in = &j->halves[!i];
	e->other = &j->ends[!i];
	e->poll.data = e;
}

struct joint *joint_new(struct lanes *lanes, const struct joint_spec *spec)
{
	struct lane *lane = lanes_join(lanes);
	struct joint *j;

	if (!lane) {
		close(spec->client);
		close(spec->server);
		return NULL;
	}
	j = xcalloc(1, sizeof(*j));
	j->lane = lane;
	j->end = spec->end;
	j->lost = spec->lost;
	j->filter = spec->filter;
	j->ctx = spec->ctx;
	j->filtered = (struct buf)BUF_INIT;
	end_init(j, 0, spec->client);
	end_init(j, 1, spec->server);
	if (spec->early_len)
		keep(&j->halves[0], spec->early, spec->early_len);
	j->task.fn = on_begin;
	lane_post(lane, &j->task);
	return j;
}
