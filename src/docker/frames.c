/* SPDX-License-Identifier: MIT */
#include "docker/frames.h"

#include <string.h>

static int pass_on(struct frames *f, int stream, const char *data, size_t len)
{
	if (len && f->fn && f->fn(f->ctx, stream, data, len)) {
		f->stopped = true;
		return 1;
	}
	return 0;
}

/* Whether n bytes can be the start of a head. */
static bool is_head(const unsigned char *head, size_t n)
{
	if (n && head[0] > 2)
		return false;
	for (size_t i = 1; i < n && i < 4; i++)
		if (head[i])
			return false;
	return true;
}

/* Takes what it can of the head; how many bytes. */
static size_t take_head(struct frames *f, const char *data, size_t len)
{
	size_t n = sizeof(f->head) - f->n_head;

	if (n > len)
		n = len;
	memcpy(f->head + f->n_head, data, n);
	f->n_head += n;
	f->unreadable = !is_head(f->head, f->n_head);
	if (f->n_head < sizeof(f->head))
		return n;
	f->left = (uint32_t)f->head[4] << 24 | (uint32_t)f->head[5] << 16 |
		  (uint32_t)f->head[6] << 8 | (uint32_t)f->head[7];
	return n;
}

int frames_put(void *frames, const char *data, size_t len)
{
	struct frames *f = frames;

	if (f->raw)
		return pass_on(f, 1, data, len);
	while (len) {
		size_t n;

		if (f->n_head < sizeof(f->head)) {
			n = take_head(f, data, len);
			if (f->unreadable)
				return 1;
		} else {
			n = f->left < len ? f->left : len;
			f->left -= (uint32_t)n;
			if (pass_on(f, f->head[0] == 2 ? 2 : 1, data, n))
				return 1;
		}
		if (f->n_head == sizeof(f->head) && !f->left)
			f->n_head = 0;
		data += n;
		len -= n;
	}
	return 0;
}

bool frames_complete(const struct frames *f)
{
	return f->raw || f->n_head == 0;
}
