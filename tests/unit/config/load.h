/* SPDX-License-Identifier: MIT */
/*
 * unit/config/load.h - configurations of a test's own: a folder to stand in,
 * one for each test, and what was said as a notice.
 */
#ifndef UNIT_CONFIG_LOAD_H
#define UNIT_CONFIG_LOAD_H

#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/progress.h"
#include "config/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[] = "/tmp/testenv-config-XXXXXX";
static struct buf notices = BUF_INIT;

static inline void on_event(void *ctx, const struct progress_event *e)
{
	(void)ctx;
	if (e->kind == PROGRESS_NOTICE)
		buf_printf(&notices, "%s\n", e->text);
}
static const struct progress progress = {on_event, NULL};

static inline int group_setup(void **state)
{
	(void)state;
	unsetenv("TESTENV_SESSION");
	return mkdtemp(dir) ? 0 : -1;
}

static inline int group_teardown(void **state)
{
	(void)state;
	buf_free(&notices);
	return chdir("/") + fs_remove_tree(dir, NULL);
}

static inline int setup(void **state)
{
	(void)state;
	buf_clear(&notices);
	(void)fs_remove_tree(dir, NULL);
	return fs_mkdir_p(dir, 0700, NULL) + chdir(dir);
}

static inline void put_file(const char *name, const char *text)
{
	assert_int_equal(fs_write_file(name, text, strlen(text), 0600, NULL),
			 0);
}

/* "--key value" pairs, ended by NULL. */
static inline int load(struct config *c, struct error *err,
		       const char *const *args)
{
	struct config_flag flags[16];
	size_t n = 0;

	for (; args && args[0]; args += 2)
		flags[n++] = (struct config_flag){args[0], args[1]};
	return config_load(flags, n, &progress, c, err);
}
#define LOAD(c, err, ...) \
	load((c), (err), (const char *const[]){__VA_ARGS__, NULL})

static inline void fails(enum error_kind kind, const char *text,
			 const char *hint, const char *const *args)
{
	auto_error struct error err = ERROR_INIT;
	struct config c;

	assert_int_equal(load(&c, &err, args), -1);
	assert_string_equal(error_text(&err), text);
	assert_int_equal(err.kind, kind);
	if (hint)
		assert_string_equal(err.hint, hint);
}
#define FAILS(kind, text, hint, ...) \
	fails((kind), (text), (hint), (const char *const[]){__VA_ARGS__, NULL})

#endif
