/* SPDX-License-Identifier: MIT */
#include "cli/render.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/progress.h"
#include "cli/command.h"
#include "cli/help.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void test_error(void **state)
{
	auto_error struct error err = ERROR_INIT;
	auto_buf struct buf out = BUF_INIT;

	(void)state;
	error_set(&err, ERROR_SERVER, "cannot start '%s': it died", "x");
	error_detail(&err, "one\r\ntwo\033[31m\n\nfour\n");
	error_hint(&err, "look at the log");
	render_error(&out, &err);
	assert_string_equal(out.s, "testenv: cannot start 'x': it died\n"
				   "  one\n"
				   "  two?[31m\n"
				   "  \n"
				   "  four\n"
				   "hint: look at the log\n");
	buf_clear(&out);
	error_set(&err, ERROR_IO, "alone");
	render_error(&out, &err);
	assert_string_equal(out.s, "testenv: alone\n");
}

static void test_wrapped(void **state)
{
	auto_buf struct buf out = BUF_INIT;

	(void)state;
	render_wrapped(&out, "aa bb cc", 0, 0, 5);
	assert_string_equal(out.s, "aa bb\ncc\n");
	buf_clear(&out);
	buf_puts(&out, "--a");
	render_wrapped(&out, "one two  three", 3, 5, 12);
	assert_string_equal(out.s, "--a  one two\n     three\n");
	buf_clear(&out);
	buf_puts(&out, "--much");
	render_wrapped(&out, "one", 6, 4, 12);
	assert_string_equal(out.s, "--much\n    one\n");
	buf_clear(&out);
	render_wrapped(&out, "longerthanall x", 0, 2, 6);
	assert_string_equal(out.s, "  longerthanall\n  x\n");
}

static void test_bytes(void **state)
{
	auto_buf struct buf out = BUF_INIT;

	(void)state;
	render_bytes(&out, 17);
	buf_putc(&out, ' ');
	render_bytes(&out, 812345);
	buf_putc(&out, ' ');
	render_bytes(&out, 12345678);
	buf_putc(&out, ' ');
	render_bytes(&out, 3456789012);
	assert_string_equal(out.s, "17 B 812 kB 12.3 MB 3.46 GB");
}

static void test_help_of_a_command(void **state)
{
	static const struct option_spec options[] = {
	    {"all", 'a', NULL, "everything there is", false},
	    {"a-very-long-option", 0, "WITH-VALUE", "on a line of its own",
	     false},
	    {0},
	};
	static const struct command command = {
	    .name = "demo",
	    .summary = "do nothing",
	    .synopsis = "[-a]",
	    .text = "First.\n\nSecond.",
	    .examples = "$ testenv demo",
	    .options = options,
	};
	auto_buf struct buf out = BUF_INIT;

	(void)state;
	help_command(&out, &command);
	assert_string_equal(
	    out.s,
	    "usage: testenv demo [-a]\n\n"
	    "testenv demo: do nothing\n\n"
	    "First.\n\nSecond.\n\n"
	    "Options:\n"
	    "  -a, --all                  everything there is\n"
	    "      --a-very-long-option WITH-VALUE\n"
	    "                             on a line of its own\n"
	    "  -q, --quiet                show no progress, only what must be "
	    "known\n"
	    "      --debug                log every step on standard error\n"
	    "  -h, --help                 show this help and do nothing else\n"
	    "      --version              show the version and do nothing "
	    "else\n\n"
	    "Examples:\n  $ testenv demo\n");
}

static void test_man_escapes(void **state)
{
	static const struct command command = {
	    .name = "demo",
	    .summary = "do nothing",
	    .synopsis = "",
	    .text = ".dot first. 'quote' and a\\b --opt",
	    .examples = ".x",
	};
	auto_buf struct buf out = BUF_INIT;

	(void)state;
	man_page(&out, &command);
	assert_non_null(strstr(out.s, "\n.Dt TESTENV-DEMO 1\n"));
	assert_non_null(strstr(out.s, "\n\\&.dot first.\n\\(aqquote\\(aq and "
				      "a\\eb \\-\\-opt\n"));
	assert_non_null(strstr(out.s, "\n.Bd -literal\n\\&.x\n.Ed\n"));
}

/* Progress, on a file instead of a terminal. */

static int fd = -1;

static int setup(void **state)
{
	(void)state;
	clock_fake_ms(1000);
	fd = memfd_create("progress", MFD_CLOEXEC);
	return fd < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	(void)state;
	clock_fake_ms(-1);
	return close(fd);
}

static void assert_shown(const char *want)
{
	char got[8192] = "";
	ssize_t n = pread(fd, got, sizeof(got) - 1, 0);

	assert_true(n >= 0);
	got[n] = '\0';
	assert_string_equal(got, want);
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
}

static void item(const struct progress *p, const char *name, const char *text,
		 int64_t current, int64_t total)
{
	const struct progress_event e = {PROGRESS_ITEM, "pull",  name,
					 text,          current, total};

	progress_emit(p, &e);
}

static void test_plain_progress(void **state)
{
	struct renderer *r = renderer_new(fd, 0);
	const struct progress *p = renderer_progress(r);

	(void)state;
	progress_step(p, "pull", "pulling '%s'", "postgres:16");
	for (int i = 0; i < 100; i++)
		item(p, "a1", "Downloading", i * 10000, 1000000);
	item(p, "b2", "Downloading", 500000, 1000000);
	assert_shown("testenv: pulling 'postgres:16'\n");
	clock_fake_ms(7000);
	item(p, "a1", "Download complete", 0, 0);
	item(p, "a1", "Extracting", 1, 1000000);
	assert_shown("testenv: pulling 'postgres:16': 1.5 MB of 2.0 MB: a1 "
		     "Download complete\n");
	progress_notice(p, "no %s", "way");
	assert_shown("testenv: no way\n");
	progress_done(p, "pull", "pulled");
	assert_shown("testenv: pulled\n");
	/* an item of a step that is over is nobody's */
	item(p, "a1", "late", 0, 0);
	assert_shown("");
	renderer_free(r);
	assert_shown("");
}

static void test_quiet_progress(void **state)
{
	struct renderer *r = renderer_new(fd, RENDER_QUIET | RENDER_TERMINAL);
	const struct progress *p = renderer_progress(r);

	(void)state;
	progress_step(p, "pull", "pulling");
	item(p, "a1", "Downloading", 1, 2);
	progress_done(p, "pull", "pulled");
	assert_shown("");
	progress_notice(p, "falling back\033[2J");
	assert_shown("testenv: falling back?[2J\n");
	renderer_free(r);
}

static void test_live_progress(void **state)
{
	struct renderer *r = renderer_new(fd, RENDER_TERMINAL);
	const struct progress *p = renderer_progress(r);
	const struct progress_event done = {PROGRESS_DONE, "pull", NULL,
					    NULL,          0,      0};

	(void)state;
	progress_step(p, "pull", "pulling");
	assert_shown("testenv: pulling\n");
	item(p, NULL, NULL, 1, 4);
	assert_shown(""); /* too soon after the last drawing */
	clock_fake_ms(1100);
	item(p, NULL, NULL, 2, 4);
	assert_shown("\033[1A\r\033[Jtestenv: pulling: 2 of 4\n");
	progress_step(p, "start", "starting");
	assert_shown("\033[1A\r\033[Jtestenv: pulling: 2 of 4\n"
		     "testenv: starting\n");
	progress_notice(p, "hello");
	assert_shown("\033[2A\r\033[Jtestenv: hello\n"
		     "testenv: pulling: 2 of 4\ntestenv: starting\n");
	render_pause(p);
	assert_shown("\033[2A\r\033[J");
	progress_emit(p, &done);
	assert_shown("testenv: starting\n");
	renderer_free(r);
	assert_shown("\033[1A\r\033[J");
}

static void test_live_line_is_cut(void **state)
{
	struct renderer *r = renderer_new(fd, RENDER_TERMINAL | RENDER_COLOUR);
	char text[200];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	/* two bytes across the edge: both go */
	text[69] = '\xc3';
	text[70] = '\xa4';
	progress_step(renderer_progress(r), "s", "%s", text);
	text[69] = '\0';
	{
		auto_free char *want =
		    xasprintf("\033[2mtestenv: %s\033[0m\n", text);

		assert_shown(want);
	}
	renderer_free(r);
}

static void test_terminal_is_asked(void **state)
{
	(void)state;
	assert_int_equal(render_flags_of(fd), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_error),
	    cmocka_unit_test(test_wrapped),
	    cmocka_unit_test(test_bytes),
	    cmocka_unit_test(test_help_of_a_command),
	    cmocka_unit_test(test_man_escapes),
	    cmocka_unit_test_setup_teardown(test_plain_progress, setup,
					    teardown),
	    cmocka_unit_test_setup_teardown(test_quiet_progress, setup,
					    teardown),
	    cmocka_unit_test_setup_teardown(test_live_progress, setup,
					    teardown),
	    cmocka_unit_test_setup_teardown(test_live_line_is_cut, setup,
					    teardown),
	    cmocka_unit_test_setup_teardown(test_terminal_is_asked, setup,
					    teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
