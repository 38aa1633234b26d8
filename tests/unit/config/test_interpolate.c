/* SPDX-License-Identifier: MIT */
#include "config/interpolate.h"

#include "base/alloc.h"
#include "base/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static const char *lookup(void *ctx, const char *name)
{
	(void)ctx;
	if (!strcmp(name, "SET"))
		return "value";
	return strcmp(name, "EMPTY") ? NULL : "";
}

static void on_unset(void *ctx, const char *name)
{
	buf_printf(ctx, "%s ", name);
}

static void test_forms(void **state)
{
	static const char *const rows[][3] = {
	    {"plain", "plain", ""},
	    {"", "", ""},
	    {"a$$b$$", "a$b$", ""},
	    {"$SET.x", "value.x", ""},
	    {"${SET}x", "valuex", ""},
	    {"${UNSET}", "", "UNSET "},
	    {"$UNSET/y", "/y", "UNSET "},
	    {"${EMPTY}", "", ""},
	    {"${SET:-d}", "value", ""},
	    {"${UNSET:-d}", "d", ""},
	    {"${EMPTY:-d}", "d", ""},
	    {"${EMPTY-d}", "", ""},
	    {"${UNSET-d}", "d", ""},
	    {"${UNSET:-}", "", ""},
	    {"${SET:+o}", "o", ""},
	    {"${EMPTY:+o}", "", ""},
	    {"${EMPTY+o}", "o", ""},
	    {"${UNSET:-${SET}}", "value", ""},
	    {"${UNSET:-${UNSET:-x}}y", "xy", ""},
	    {"${SET:?needed}", "value", ""},
	    {"${EMPTY?needed}", "", ""},
	    {"${UNSET:-a$$b}", "a$b", ""},
	};

	(void)state;
	for (size_t i = 0; i < array_len(rows); i++) {
		auto_buf struct buf out = BUF_INIT;
		auto_buf struct buf unset = BUF_INIT;
		const struct interpolation with = {lookup, on_unset, &unset};

		assert_int_equal(interpolate(rows[i][0], &with, &out, NULL), 0);
		assert_string_equal(out.s, rows[i][1]);
		assert_string_equal(unset.s, rows[i][2]);
	}
}

static void test_mistakes(void **state)
{
	static const char *const rows[][2] = {
	    {"${UNSET:?say it}", "variable 'UNSET' is not set: say it"},
	    {"${UNSET?}", "variable 'UNSET' is not set: it is required"},
	    {"${EMPTY:?say it}", "variable 'EMPTY' is empty: say it"},
	    {"${SET", "'${' without a '}'"},
	    {"${}", "'${}' is not a variable ('$$' is a '$')"},
	    {"${1A}", "'${1A}' is not a variable ('$$' is a '$')"},
	    {"${A B}", "'${A B}' is not a variable ('$$' is a '$')"},
	    {"${A:x}", "'${A:x}' is not a variable ('$$' is a '$')"},
	    {"cost: 5$", "a '$' that begins no variable ('$$' is a '$')"},
	    {"$(date)", "a '$' that begins no variable ('$$' is a '$')"},
	    {"${A-${A-${A-${A-${A-${A-${A-${A-${A-x}}}}}}}}}",
	     "variables nested too deeply"},
	};
	const struct interpolation with = {lookup, NULL, NULL};

	(void)state;
	for (size_t i = 0; i < array_len(rows); i++) {
		auto_buf struct buf out = BUF_INIT;
		auto_error struct error err = ERROR_INIT;

		assert_int_equal(interpolate(rows[i][0], &with, &out, &err),
				 -1);
		assert_int_equal(err.kind, ERROR_CONFIG);
		assert_string_equal(error_text(&err), rows[i][1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_forms),
	    cmocka_unit_test(test_mistakes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
