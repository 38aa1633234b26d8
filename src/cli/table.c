/* SPDX-License-Identifier: MIT */
#include "cli/table.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "cli/render.h"

#include <string.h>

void table_free(struct table *t)
{
	strvec_free(&t->cells);
}

void table_add(struct table *t, const char *text)
{
	auto_buf struct buf clean = BUF_INIT;

	render_clean(&clean, text && *text ? text : "-");
	strvec_push(&t->cells, clean.s);
}

/* Characters, not bytes: those of UTF-8 that continue one do not count. */
static size_t width_of(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

static size_t column_width(const struct table *t, size_t column)
{
	size_t most = 0;

	for (size_t i = column; i < t->cells.n; i += t->columns) {
		size_t w = width_of(t->cells.v[i]);

		most = w > most ? w : most;
	}
	return most;
}

static void blanks(struct buf *out, size_t n)
{
	while (n--)
		buf_putc(out, ' ');
}

void table_print(const struct table *t, unsigned indent, struct buf *out)
{
	for (size_t i = 0; i < t->cells.n; i++) {
		size_t column = i % t->columns;
		bool last = column + 1 == t->columns || i + 1 == t->cells.n;

		if (!column)
			blanks(out, indent);
		buf_puts(out, t->cells.v[i]);
		if (last)
			buf_putc(out, '\n');
		else
			blanks(out, column_width(t, column) + 2 -
					width_of(t->cells.v[i]));
	}
}
