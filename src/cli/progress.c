/* SPDX-License-Identifier: MIT */
#include "cli/render.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/progress.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
	STEPS_MAX = 8,         /* under way at once; more are not shown live */
	ITEMS_MAX = 64,        /* of one step; more are not counted */
	REDRAW_MS = 50,        /* between two drawings of the live lines */
	PLAIN_MS = 5000,       /* between two plain lines of one step */
	BYTES_FROM = 10 * 1000 /* a total from here on is bytes, not pieces */
};

struct item {
	char *name;
	int64_t current, total;
};

struct step {
	char *name;  /* NULL: the place is free */
	char *text;  /* "pulling 'postgres:16'" */
	char *state; /* what its last item said, or NULL */
	struct item items[ITEMS_MAX];
	unsigned n_items;
	int64_t plain_at; /* not another plain line before this */
};

struct renderer {
	struct progress progress;
	pthread_mutex_t lock;
	int fd;
	unsigned flags;
	struct step steps[STEPS_MAX];
	unsigned drawn; /* live lines on the terminal now */
	int64_t drawn_at;
};

static void step_clear(struct step *s)
{
	for (unsigned i = 0; i < s->n_items; i++)
		free(s->items[i].name);
	free(s->name);
	free(s->text);
	free(s->state);
	*s = (struct step){0};
}

static struct step *step_find(struct renderer *r, const char *name)
{
	for (unsigned i = 0; name && i < STEPS_MAX; i++)
		if (r->steps[i].name && !strcmp(r->steps[i].name, name))
			return &r->steps[i];
	return NULL;
}

static struct step *step_begin(struct renderer *r, const char *name)
{
	struct step *s = step_find(r, name);

	for (unsigned i = 0; !s && i < STEPS_MAX; i++)
		if (!r->steps[i].name)
			s = &r->steps[i];
	if (!s || !name)
		return NULL;
	step_clear(s);
	s->name = xstrdup(name);
	return s;
}

static void step_item(struct step *s, const struct progress_event *e)
{
	const char *name = e->item ? e->item : "";
	unsigned i = 0;

	free(s->state);
	s->state = e->item && e->text
		       ? xasprintf("%s %s", e->item, e->text)
		       : xstrdup_or_null(e->item ? e->item : e->text);
	while (i < s->n_items && strcmp(s->items[i].name, name) != 0)
		i++;
	if (i == ITEMS_MAX)
		return;
	if (i == s->n_items)
		s->items[s->n_items++].name = xstrdup(name);
	/* a layer's later states come without a total: it is still counted */
	if (e->total) {
		s->items[i].current = e->current;
		s->items[i].total = e->total;
	}
}

static void put_counts(struct buf *out, const struct step *s)
{
	int64_t current = 0;
	int64_t total = 0;

	for (unsigned i = 0; i < s->n_items; i++) {
		current += s->items[i].current;
		total += s->items[i].total;
	}
	if (!total)
		return;
	buf_puts(out, ": ");
	if (total < BYTES_FROM) {
		buf_printf(out, "%lld of %lld", (long long)current,
			   (long long)total);
		return;
	}
	render_bytes(out, current);
	buf_puts(out, " of ");
	render_bytes(out, total);
}

/* "pulling 'x': 3.1 MB of 9.0 MB: a1b2 Downloading", one line. */
static void put_step(struct buf *out, const struct step *s)
{
	size_t from = out->len;

	buf_puts(out, "testenv: ");
	buf_puts(out, s->text ? s->text : s->name);
	put_counts(out, s);
	if (s->state)
		buf_printf(out, ": %s", s->state);
	for (size_t i = from; i < out->len; i++)
		if ((unsigned char)out->s[i] < 0x20 || out->s[i] == 0x7f)
			out->s[i] = ' ';
}

/* Nobody is helped if the terminal is gone: what cannot be written is lost. */
static void put_out(struct renderer *r, const struct buf *out)
{
	size_t done = 0;

	while (done < out->len) {
		ssize_t n = write(r->fd, out->s + done, out->len - done);

		if (n <= 0)
			return;
		done += (size_t)n;
	}
}

static void put_erase(struct renderer *r, struct buf *out)
{
	if (r->drawn)
		buf_printf(out, "\033[%uA\r\033[J", r->drawn);
	r->drawn = 0;
}

static unsigned terminal_width(int fd)
{
	struct winsize ws;

	if (ioctl(fd, TIOCGWINSZ, &ws) < 0 || ws.ws_col < 20)
		return 80;
	return ws.ws_col;
}

/* Cut before `width` columns, not inside a character of several bytes. A
 * byte counts as a column, which errs on the short side. */
static void cut_line(struct buf *line, unsigned width)
{
	size_t len = width - 1;

	if (line->len <= len)
		return;
	while (len && ((unsigned char)line->s[len] & 0xc0) == 0x80)
		len--;
	buf_truncate(line, len);
}

static void draw(struct renderer *r, struct buf *out)
{
	unsigned width = terminal_width(r->fd);

	put_erase(r, out);
	for (unsigned i = 0; i < STEPS_MAX; i++) {
		auto_buf struct buf line = BUF_INIT_MAX(4096);

		if (!r->steps[i].name)
			continue;
		put_step(&line, &r->steps[i]);
		cut_line(&line, width);
		if (r->flags & RENDER_COLOUR)
			buf_printf(out, "\033[2m%s\033[0m\n", line.s);
		else
			buf_printf(out, "%s\n", line.s);
		r->drawn++;
	}
	r->drawn_at = clock_now_ms();
}

static void on_terminal(struct renderer *r, bool now)
{
	auto_buf struct buf out = BUF_INIT_MAX(65536);

	if (!now && clock_now_ms() < r->drawn_at + REDRAW_MS)
		return;
	draw(r, &out);
	put_out(r, &out);
}

/* A line that stays, above the live ones. */
static void lasting_line(struct renderer *r, const char *text)
{
	auto_buf struct buf out = BUF_INIT_MAX(65536);

	put_erase(r, &out);
	buf_puts(&out, "testenv: ");
	render_clean(&out, text);
	buf_putc(&out, '\n');
	if (r->flags & RENDER_TERMINAL && !(r->flags & RENDER_QUIET))
		draw(r, &out);
	put_out(r, &out);
}

static void plain_step(struct renderer *r, struct step *s, bool now)
{
	auto_buf struct buf out = BUF_INIT_MAX(65536);

	if (!now && clock_now_ms() < s->plain_at)
		return;
	s->plain_at = clock_now_ms() + PLAIN_MS;
	put_step(&out, s);
	buf_putc(&out, '\n');
	put_out(r, &out);
}

static void show(struct renderer *r, const struct progress_event *e)
{
	struct step *s = e->kind == PROGRESS_STEP ? step_begin(r, e->step)
						  : step_find(r, e->step);

	if (e->kind == PROGRESS_DONE) {
		if (s)
			step_clear(s);
		if (e->text)
			lasting_line(r, e->text);
		else if (r->flags & RENDER_TERMINAL)
			on_terminal(r, true);
		return;
	}
	if (!s) {
		if (e->kind == PROGRESS_STEP && e->text)
			lasting_line(r, e->text);
		return;
	}
	if (e->kind == PROGRESS_STEP)
		s->text = xstrdup_or_null(e->text);
	else
		step_item(s, e);
	if (r->flags & RENDER_TERMINAL)
		on_terminal(r, e->kind == PROGRESS_STEP);
	else
		plain_step(r, s, e->kind == PROGRESS_STEP);
}

static void on_event(void *ctx, const struct progress_event *e)
{
	struct renderer *r = ctx;

	pthread_mutex_lock(&r->lock);
	if (e->kind == PROGRESS_NOTICE)
		lasting_line(r, e->text ? e->text : "");
	else if (!(r->flags & RENDER_QUIET))
		show(r, e);
	pthread_mutex_unlock(&r->lock);
}

unsigned render_flags_of(int fd)
{
	const char *term = getenv("TERM");
	const char *no_colour = getenv("NO_COLOR");

	if (!isatty(fd) || !term || !*term || !strcmp(term, "dumb"))
		return 0;
	if (no_colour && *no_colour)
		return RENDER_TERMINAL;
	return RENDER_TERMINAL | RENDER_COLOUR;
}

struct renderer *renderer_new(int fd, unsigned flags)
{
	struct renderer *r = xcalloc(1, sizeof(*r));

	r->progress = (struct progress){on_event, r};
	pthread_mutex_init(&r->lock, NULL);
	r->fd = fd;
	r->flags = flags;
	return r;
}

const struct progress *renderer_progress(struct renderer *r)
{
	return &r->progress;
}

void render_pause(const struct progress *progress)
{
	auto_buf struct buf out = BUF_INIT;
	struct renderer *r;

	if (!progress || progress->fn != on_event)
		return;
	r = progress->ctx;
	pthread_mutex_lock(&r->lock);
	put_erase(r, &out);
	put_out(r, &out);
	pthread_mutex_unlock(&r->lock);
}

void renderer_free(struct renderer *r)
{
	if (!r)
		return;
	render_pause(&r->progress);
	for (unsigned i = 0; i < STEPS_MAX; i++)
		step_clear(&r->steps[i]);
	pthread_mutex_destroy(&r->lock);
	free(r);
}
