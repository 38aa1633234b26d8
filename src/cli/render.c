/* SPDX-License-Identifier: MIT */
#include "cli/render.h"

#include "base/buf.h"
#include "base/error.h"

#include <stdbool.h>
#include <string.h>

static bool is_control(unsigned char c)
{
	return (c < 0x20 && c != '\n' && c != '\t') || c == 0x7f;
}

void render_clean(struct buf *out, const char *text)
{
	for (; *text; text++)
		buf_putc(out, is_control((unsigned char)*text) ? '?' : *text);
}

/* Each line of the detail, two blanks in front; a trailing newline is none. */
static void put_indented(struct buf *out, const char *lines)
{
	while (*lines) {
		size_t len = strcspn(lines, "\n");

		buf_puts(out, "  ");
		for (size_t i = 0; i < len; i++) {
			unsigned char c = (unsigned char)lines[i];

			if (c == '\r')
				continue;
			buf_putc(out, is_control(c) ? '?' : (char)c);
		}
		buf_putc(out, '\n');
		lines += len + (lines[len] == '\n');
	}
}

void render_error(struct buf *out, const struct error *err)
{
	buf_puts(out, "testenv: ");
	render_clean(out, error_text(err));
	buf_putc(out, '\n');
	if (err->detail)
		put_indented(out, err->detail);
	if (!err->hint)
		return;
	buf_puts(out, "hint: ");
	render_clean(out, err->hint);
	buf_putc(out, '\n');
}

static void put_blanks(struct buf *out, unsigned n)
{
	while (n--)
		buf_putc(out, ' ');
}

void render_wrapped(struct buf *out, const char *text, unsigned at,
		    unsigned indent, unsigned width)
{
	bool first = true;

	if (at && at != indent && at + 2 > indent) {
		buf_putc(out, '\n');
		at = 0;
	}
	put_blanks(out, indent - at);
	at = indent;
	for (text += strspn(text, " \n"); *text; text += strspn(text, " \n")) {
		size_t len = strcspn(text, " \n");

		if (!first && at + 1 + len > width) {
			buf_putc(out, '\n');
			put_blanks(out, indent);
			at = indent;
			first = true;
		}
		if (!first)
			buf_putc(out, ' ');
		buf_put(out, text, len);
		at += (unsigned)len + !first;
		first = false;
		text += len;
	}
	buf_putc(out, '\n');
}

void render_bytes(struct buf *out, int64_t bytes)
{
	if (bytes < 1000)
		buf_printf(out, "%d B", (int)bytes);
	else if (bytes < 1000 * 1000)
		buf_printf(out, "%.0f kB", (double)bytes / 1e3);
	else if (bytes < 1000 * 1000 * 1000)
		buf_printf(out, "%.1f MB", (double)bytes / 1e6);
	else
		buf_printf(out, "%.2f GB", (double)bytes / 1e9);
}
