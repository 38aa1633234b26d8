/* SPDX-License-Identifier: MIT */
#include "base/buf.h"

#include "base/alloc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char buf_empty[1] = "";

void buf_free(struct buf *b)
{
	int saved = errno;

	if (b->size)
		free(b->s);
	b->s = buf_empty;
	b->len = b->size = 0;
	b->full = false;
	errno = saved;
}

void buf_clear(struct buf *b)
{
	b->len = 0;
	b->full = false;
	if (b->size)
		b->s[0] = '\0';
}

/* Room for n more bytes and the NUL; false, with full set, if that is too
 * much. Growth doubles, so that n puts cost O(n). */
static bool reserve(struct buf *b, size_t n)
{
	size_t need;
	size_t size;

	if (b->full || n > b->max - b->len) {
		b->full = true;
		return false;
	}
	need = b->len + n + 1;
	if (need <= b->size)
		return true;
	size = b->size ? b->size : 64;
	while (size < need)
		size *= 2;
	b->s = xreallocarray(b->size ? b->s : NULL, size, 1);
	b->size = size;
	return true;
}

void buf_put(struct buf *b, const void *data, size_t len)
{
	if (!len || !reserve(b, len))
		return;
	memcpy(b->s + b->len, data, len);
	b->len += len;
	b->s[b->len] = '\0';
}

void buf_puts(struct buf *b, const char *s)
{
	buf_put(b, s, strlen(s));
}

void buf_putc(struct buf *b, char c)
{
	buf_put(b, &c, 1);
}

void buf_vprintf(struct buf *b, const char *fmt, va_list args)
{
	auto_free char *text = xvasprintf(fmt, args);

	buf_puts(b, text);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	buf_vprintf(b, fmt, args);
	va_end(args);
}

static bool is_unreserved(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || (c && strchr("-._~", c));
}

void buf_put_percent(struct buf *b, const char *s)
{
	for (; *s; s++) {
		if (is_unreserved(*s))
			buf_putc(b, *s);
		else
			buf_printf(b, "%%%02X", (unsigned char)*s);
	}
}

void buf_put_query(struct buf *b, const char *key, const char *value)
{
	buf_putc(b, strchr(b->s, '?') ? '&' : '?');
	buf_put_percent(b, key);
	buf_putc(b, '=');
	buf_put_percent(b, value);
}

void buf_put_shell(struct buf *b, const char *s)
{
	const char *p = s;

	while (is_unreserved(*p) || (*p && strchr("/:@%+=,", *p)))
		p++;
	if (p != s && !*p) {
		buf_puts(b, s);
		return;
	}
	buf_putc(b, '\'');
	for (; *s; s++) {
		if (*s == '\'')
			buf_puts(b, "'\\''");
		else
			buf_putc(b, *s);
	}
	buf_putc(b, '\'');
}

void buf_consume(struct buf *b, size_t n)
{
	if (!n)
		return;
	b->len -= n;
	memmove(b->s, b->s + n, b->len + 1);
}

void buf_truncate(struct buf *b, size_t len)
{
	if (len >= b->len)
		return;
	b->len = len;
	b->s[len] = '\0';
}

char *buf_take(struct buf *b)
{
	char *s = b->size ? b->s : xstrdup("");

	b->s = buf_empty;
	b->len = b->size = 0;
	b->full = false;
	return s;
}
