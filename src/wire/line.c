/* SPDX-License-Identifier: MIT */
#include "wire/line.h"

#include <stdlib.h>
#include <string.h>

/* Doubling, so that n puts cost O(n). */
static char *grow(char *data, size_t *size, size_t need)
{
	size_t n = *size ? *size : 256;
	char *p;

	if (need <= *size)
		return data;
	while (n < need)
		n *= 2;
	p = realloc(data, n);
	if (p)
		*size = n;
	return p;
}

void wire_in_init(struct wire_in *in, size_t max)
{
	memset(in, 0, sizeof(*in));
	in->max = max < WIRE_MAX_LINE ? max : WIRE_MAX_LINE;
}

void wire_in_free(struct wire_in *in)
{
	free(in->data);
	wire_in_init(in, in->max);
}

static int fail(struct wire_in *in, int status)
{
	in->failed = status;
	return status;
}

/* Lines that were given out need not be kept. */
static void compact(struct wire_in *in)
{
	if (!in->pos)
		return;
	memmove(in->data, in->data + in->pos, in->len - in->pos);
	in->len -= in->pos;
	in->scanned -= in->pos;
	in->pos = 0;
}

int wire_in_put(struct wire_in *in, const void *data, size_t len)
{
	char *p;

	if (in->failed)
		return in->failed;
	if (!len)
		return 0;
	compact(in);
	if (memchr(data, '\0', len))
		return fail(in, WIRE_BAD_BYTE);
	p = grow(in->data, &in->size, in->len + len);
	if (!p)
		return fail(in, WIRE_NO_MEMORY);
	in->data = p;
	memcpy(p + in->len, data, len);
	in->len += len;
	return 0;
}

int wire_in_next(struct wire_in *in, char **ret_line, size_t *ret_len)
{
	char *end;
	size_t n;

	if (in->failed)
		return in->failed;
	if (in->scanned == in->len)
		return WIRE_MORE;
	end = memchr(in->data + in->scanned, '\n', in->len - in->scanned);
	n = (end ? (size_t)(end - in->data) : in->len) - in->pos;
	if (n > in->max)
		return fail(in, WIRE_TOO_LONG);
	if (!end) {
		in->scanned = in->len;
		return WIRE_MORE;
	}
	*end = '\0';
	*ret_line = in->data + in->pos;
	*ret_len = n;
	in->pos = in->scanned = in->pos + n + 1;
	return WIRE_LINE;
}

void wire_out_init(struct wire_out *out, size_t max)
{
	memset(out, 0, sizeof(*out));
	out->max = max;
}

void wire_out_free(struct wire_out *out)
{
	free(out->data);
	wire_out_init(out, out->max);
}

int wire_out_line(struct wire_out *out, const char *line, size_t len)
{
	char *p;

	if (len > WIRE_MAX_LINE)
		return WIRE_TOO_LONG;
	if (memchr(line, '\n', len) || memchr(line, '\0', len))
		return WIRE_BAD_BYTE;
	if (out->len >= out->max || len + 1 > out->max - out->len)
		return WIRE_FULL;
	p = grow(out->data, &out->size, out->len + len + 1);
	if (!p)
		return WIRE_NO_MEMORY;
	out->data = p;
	memcpy(p + out->len, line, len);
	p[out->len + len] = '\n';
	out->len += len + 1;
	return 0;
}

char *wire_out_take(struct wire_out *out, size_t *ret_len)
{
	char *data = out->data;

	*ret_len = out->len;
	if (!out->len)
		return NULL;
	out->data = NULL;
	out->len = out->size = 0;
	return data;
}

const char *wire_status_text(int status)
{
	switch (status) {
	case WIRE_TOO_LONG:
		return "line too long";
	case WIRE_BAD_BYTE:
		return "line with a forbidden byte";
	case WIRE_NO_MEMORY:
		return "out of memory";
	case WIRE_FULL:
		return "too much unread";
	default:
		return "no error";
	}
}
