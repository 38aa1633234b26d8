/* SPDX-License-Identifier: MIT */
/*
 * base/buf.h - the growable buffer that builds every string.
 *
 * `s` is never NULL and always ends in a NUL that `len` does not count, so it
 * is a C string whenever nobody put a NUL byte in. A buffer has an upper bound:
 * what would pass it is not added, and `full` is set and stays, so that a
 * caller may build first and ask once.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct buf {
	char *s;
	size_t len;
	size_t size; /* allocated; 0 while s is the shared empty string */
	size_t max;  /* bytes that len may reach */
	bool full;   /* something was left out */
};

enum {
	BUF_MAX_DEFAULT = 64 * 1024 * 1024
};

extern char buf_empty[1];
#define BUF_INIT BUF_INIT_MAX(BUF_MAX_DEFAULT)
#define BUF_INIT_MAX(bytes)                     \
	{                                       \
		buf_empty, 0, 0, (bytes), false \
	}

/* Empties it and gives its memory back; usable again. */
void buf_free(struct buf *b);
#define auto_buf __attribute__((cleanup(buf_free)))
/* Empties it, keeping the memory; `full` is false again. */
void buf_clear(struct buf *b);

void buf_put(struct buf *b, const void *data, size_t len);
void buf_puts(struct buf *b, const char *s);
void buf_putc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *b, const char *fmt, va_list args)
    __attribute__((format(printf, 2, 0)));

/* Percent-encodes all but the unreserved characters of RFC 3986. */
void buf_put_percent(struct buf *b, const char *s);
/* Adds "?k=v" or "&k=v" with both encoded; '?' if b holds none yet. */
void buf_put_query(struct buf *b, const char *key, const char *value);
/* A word for POSIX sh: as it is where that is safe, else in single quotes. */
void buf_put_shell(struct buf *b, const char *s);

/* Drops the first n bytes (n <= len). */
void buf_consume(struct buf *b, size_t n);
/* Cuts it to len bytes (len <= b->len). */
void buf_truncate(struct buf *b, size_t len);
/* The string, now the caller's to free(); the buffer is empty again. */
char *buf_take(struct buf *b);

#endif
