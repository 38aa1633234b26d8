/* SPDX-License-Identifier: MIT */
#include "supervisor/frame.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

struct header {
	uint32_t type;
	uint32_t len;
};

void frame_put(struct buf *out, enum frame_type type, const void *data,
	       size_t len)
{
	struct header h = {(uint32_t)type, (uint32_t)len};

	if (len > FRAME_MAX || len + sizeof(h) > out->max - out->len) {
		out->full = true;
		return;
	}
	buf_put(out, &h, sizeof(h));
	buf_put(out, data, len);
}

int frame_peek(const struct buf *in, struct frame *ret)
{
	struct header h;

	if (in->len < sizeof(h))
		return 0;
	memcpy(&h, in->s, sizeof(h));
	if (h.len > FRAME_MAX)
		return -1;
	if (in->len - sizeof(h) < h.len)
		return 0;
	ret->type = (enum frame_type)h.type;
	ret->data = in->s + sizeof(h);
	ret->len = h.len;
	return 1;
}

void frame_drop(struct buf *in)
{
	struct frame f;

	if (frame_peek(in, &f) == 1)
		buf_consume(in, sizeof(struct header) + f.len);
}

int frame_read(int fd, struct buf *in)
{
	char chunk[65536];
	ssize_t n = recv(fd, chunk, sizeof(chunk), MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 1 : -1;
	buf_put(in, chunk, (size_t)n);
	return n > 0;
}

int frame_write(int fd, struct buf *out)
{
	ssize_t n = send(fd, out->s, out->len, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 1 : -1;
	buf_consume(out, (size_t)n);
	return 1;
}

int32_t frame_int32(const struct frame *f)
{
	int32_t value = 0;

	if (f->len == sizeof(value))
		memcpy(&value, f->data, sizeof(value));
	return value;
}

int64_t frame_int64(const struct frame *f)
{
	int64_t value = 0;

	if (f->len == sizeof(value))
		memcpy(&value, f->data, sizeof(value));
	return value;
}
