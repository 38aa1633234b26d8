/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
#include "base/log.h"
#include "supervisor/internal.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

static void flush(struct peer *p);

static void on_closed(uv_handle_t *handle)
{
	struct peer *p = handle->data;

	wire_in_free(&p->in);
	wire_out_free(&p->out);
	free(p->flight);
	free(p);
}

void peer_close(struct peer *p)
{
	struct supervisor *s = p->server;

	if (p->closing)
		return;
	p->closing = true;
	ops_forget_peer(p);
	lease_ops_forget_peer(p);
	compare_forget_peer(p);
	owners_drop(&s->owners, p);
	DL_DELETE(s->peers, p);
	s->n_peers--;
	uv_close((uv_handle_t *)&p->pipe, on_closed);
	supervisor_touch(s);
	if (p->starter)
		supervisor_starter_left(s);
}

void peer_leave(struct peer *p)
{
	if (p->closing)
		return;
	p->leaving = true;
	uv_read_stop((uv_stream_t *)&p->pipe);
	if (!p->flight)
		flush(p);
}

static void on_written(uv_write_t *write, int status)
{
	struct peer *p = write->data;

	free(take_ptr(&p->flight));
	if (status < 0)
		peer_close(p);
	else
		flush(p);
}

/* Writes what waits, if nothing is under way: one block at a time, so that the
 * bound of `out` bounds it all. */
static void flush(struct peer *p)
{
	uv_buf_t block;
	size_t len;

	if (p->closing || p->flight)
		return;
	p->flight = wire_out_take(&p->out, &len);
	if (!p->flight) {
		if (p->leaving)
			peer_close(p);
		return;
	}
	block = uv_buf_init(p->flight, (unsigned)len);
	p->write.data = p;
	if (uv_write(&p->write, (uv_stream_t *)&p->pipe, &block, 1,
		     on_written) < 0) {
		free(take_ptr(&p->flight));
		peer_close(p);
	}
}

void peer_send_line(struct peer *p, const char *line)
{
	int status;

	if (p->closing)
		return;
	status = wire_out_line(&p->out, line, strlen(line));
	if (status < 0) {
		log_debug("client dropped: %s", wire_status_text(status));
		peer_close(p);
		return;
	}
	flush(p);
}

void peer_send(struct peer *p, cJSON *json)
{
	char *line = cJSON_PrintUnformatted(json);

	peer_send_line(p, line);
	cJSON_free(line);
	cJSON_Delete(json);
}

/* One buffer serves all: what is read is used before the next read. */
static void give_buffer(uv_handle_t *handle, size_t size, uv_buf_t *ret)
{
	static char piece[65536];

	(void)handle;
	(void)size;
	*ret = uv_buf_init(piece, sizeof(piece));
}

static void say_goodbye(struct peer *p, int status)
{
	auto_error struct error err = ERROR_INIT;

	error_set(&err, ERROR_PROTOCOL, "%s", wire_status_text(status));
	ops_refuse(p, NULL, &err);
	peer_leave(p);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *piece)
{
	struct peer *p = stream->data;
	char *line;
	size_t len;
	int status;

	if (n == 0)
		return;
	if (n < 0) {
		/* what it asked for before is still answered, if it can be */
		ops_forget_peer(p);
		if (n == UV_EOF)
			peer_leave(p);
		else
			peer_close(p);
		return;
	}
	wire_in_put(&p->in, piece->base, (size_t)n);
	while (!p->closing && !p->leaving) {
		status = wire_in_next(&p->in, &line, &len);
		if (status < 0)
			say_goodbye(p, status);
		if (status != WIRE_LINE)
			break;
		if (len)
			ops_request(p, line, len);
	}
	supervisor_touch(p->server);
}

static struct peer *peer_new(struct supervisor *s)
{
	struct peer *p = xcalloc(1, sizeof(*p));

	p->server = s;
	wire_in_init(&p->in, WIRE_MAX_LINE);
	wire_out_init(&p->out, MAX_QUEUE);
	uv_pipe_init(&s->loop, &p->pipe, 0);
	p->pipe.data = p;
	DL_APPEND(s->peers, p);
	s->n_peers++;
	return p;
}

/* Reads from it, unless it may not be served: then it is told why. */
static int begin(struct peer *p)
{
	auto_error struct error err = ERROR_INIT;
	uv_os_fd_t fd;

	if (uv_fileno((uv_handle_t *)&p->pipe, &fd) < 0)
		return -1;
	if (protocol_check_peer(fd, &err) < 0) {
		log_debug("client refused: %s", error_text(&err));
		return -1;
	}
	if (p->server->n_peers > MAX_PEERS) {
		error_set(&err, ERROR_BUSY, "the session has %d clients",
			  MAX_PEERS);
		ops_refuse(p, NULL, &err);
		peer_leave(p);
		return 0;
	}
	return uv_read_start((uv_stream_t *)&p->pipe, give_buffer, on_read);
}

void peer_accept(struct supervisor *s, uv_stream_t *accepting)
{
	struct peer *p = peer_new(s);

	if (uv_accept(accepting, (uv_stream_t *)&p->pipe) < 0 || begin(p) < 0)
		peer_close(p);
	supervisor_touch(s);
}

struct peer *peer_adopt(struct supervisor *s, int fd)
{
	struct peer *p = peer_new(s);

	if (uv_pipe_open(&p->pipe, fd) < 0 || begin(p) < 0) {
		peer_close(p);
		return NULL;
	}
	return p;
}
