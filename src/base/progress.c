/* SPDX-License-Identifier: MIT */
#include "base/progress.h"

#include "base/alloc.h"

#include <stdarg.h>
#include <stddef.h>

void progress_emit(const struct progress *p, const struct progress_event *e)
{
	if (p && p->fn)
		p->fn(p->ctx, e);
}

static void emit_text(const struct progress *p, enum progress_kind kind,
		      const char *step, const char *fmt, va_list args)
    __attribute__((format(printf, 4, 0)));

static void emit_text(const struct progress *p, enum progress_kind kind,
		      const char *step, const char *fmt, va_list args)
{
	auto_free char *text = NULL;
	struct progress_event e = {.kind = kind, .step = step};

	if (!p || !p->fn)
		return;
	text = xvasprintf(fmt, args);
	e.text = text;
	p->fn(p->ctx, &e);
}

void progress_step(const struct progress *p, const char *step, const char *fmt,
		   ...)
{
	va_list args;

	va_start(args, fmt);
	emit_text(p, PROGRESS_STEP, step, fmt, args);
	va_end(args);
}

void progress_done(const struct progress *p, const char *step, const char *fmt,
		   ...)
{
	va_list args;

	va_start(args, fmt);
	emit_text(p, PROGRESS_DONE, step, fmt, args);
	va_end(args);
}

void progress_notice(const struct progress *p, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	emit_text(p, PROGRESS_NOTICE, NULL, fmt, args);
	va_end(args);
}
