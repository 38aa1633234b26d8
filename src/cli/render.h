/* SPDX-License-Identifier: MIT */
/*
 * cli/render.h - what people see: errors, columns, progress.
 */
#ifndef CLI_RENDER_H
#define CLI_RENDER_H

#include <stdint.h>

struct buf;
struct error;
struct progress;

/* "testenv: TEXT", the detail's lines indented, "hint: HINT". Control
 * characters are shown as '?'. */
void render_error(struct buf *out, const struct error *err);

/* Foreign text, made harmless for a terminal: control characters but newline
 * and tab become '?'. */
void render_clean(struct buf *out, const char *text);

/*
 * Words wrapped to `width` columns, each line after `indent` blanks. `at` is
 * the column where the cursor is: at the indent or two blanks before it, else
 * what stands there gets a line of its own.
 */
void render_wrapped(struct buf *out, const char *text, unsigned at,
		    unsigned indent, unsigned width);

/* "12.3 MB", "812 kB", "17 B". */
void render_bytes(struct buf *out, int64_t bytes);

/*
 * The renderer of progress on a descriptor. On a terminal each step under way
 * is one live line with its counts, gone when the step is done; elsewhere a
 * step is a plain line, and while it lasts another every few seconds. With
 * RENDER_QUIET only notices are shown. Thread-safe.
 */
enum render_flags {
	RENDER_QUIET = 1 << 0,
	RENDER_TERMINAL = 1 << 1, /* live lines */
	RENDER_COLOUR = 1 << 2
};
/* What the descriptor and the environment (NO_COLOR, TERM) allow. */
unsigned render_flags_of(int fd);

struct renderer;
struct renderer *renderer_new(int fd, unsigned flags);
const struct progress *renderer_progress(struct renderer *r);
void renderer_free(struct renderer *r); /* takes the live lines away */

/* Takes the live lines away, because somebody else writes to the terminal now.
 * They come back with the next event. */
void render_pause(const struct progress *progress);

#endif
