/* SPDX-License-Identifier: MIT */
#include "base/log.h"

#include "base/buf.h"
#include "base/clock.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <unistd.h>

static atomic_bool enabled;

void log_enable(bool on)
{
	atomic_store(&enabled, on);
}

bool log_enabled(void)
{
	return atomic_load(&enabled);
}

void log_debug(const char *fmt, ...)
{
	auto_buf struct buf line = BUF_INIT_MAX(8192);
	int64_t now = clock_now_us();
	va_list args;
	ssize_t ignored;

	if (!log_enabled())
		return;
	buf_printf(&line, "testenv: debug: %lld.%03lld ",
		   (long long)(now / 1000000), (long long)(now / 1000 % 1000));
	va_start(args, fmt);
	buf_vprintf(&line, fmt, args);
	va_end(args);
	buf_putc(&line, '\n');
	ignored = write(STDERR_FILENO, line.s, line.len);
	(void)ignored;
}
