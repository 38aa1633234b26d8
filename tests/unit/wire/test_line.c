/* SPDX-License-Identifier: MIT */
#include "wire/line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_line(struct wire_in *in, const char *want)
{
	char *line = NULL;
	size_t len = 0;

	assert_int_equal(wire_in_next(in, &line, &len), WIRE_LINE);
	assert_string_equal(line, want);
	assert_int_equal(len, strlen(want));
}

static void assert_status(struct wire_in *in, int want)
{
	char *line = NULL;
	size_t len = 77;

	assert_int_equal(wire_in_next(in, &line, &len), want);
	assert_null(line);
	assert_int_equal(len, 77);
}

static void lines_in_any_pieces(void **state)
{
	static const char text[] = "{\"a\":1}\n\n{\"b\":\"x y\"}\nrest";

	(void)state;
	for (size_t step = 1; step < sizeof(text); step++) {
		struct wire_in in;
		char got[64] = "";

		wire_in_init(&in, WIRE_MAX_LINE);
		for (size_t at = 0; at < sizeof(text) - 1; at += step) {
			size_t n = sizeof(text) - 1 - at;
			char *line;
			size_t len;

			n = n < step ? n : step;
			assert_int_equal(wire_in_put(&in, text + at, n), 0);
			while (wire_in_next(&in, &line, &len) == WIRE_LINE) {
				strncat(got, line, 30);
				strncat(got, "|", 2);
			}
		}
		assert_string_equal(got, "{\"a\":1}||{\"b\":\"x y\"}|");
		assert_status(&in, WIRE_MORE);
		wire_in_free(&in);
	}
}

static void bound_is_exact(void **state)
{
	struct wire_in in;

	(void)state;
	wire_in_init(&in, 4);
	assert_int_equal(wire_in_put(&in, "abcd\nabc", 8), 0);
	assert_line(&in, "abcd");
	assert_status(&in, WIRE_MORE);
	assert_int_equal(wire_in_put(&in, "d", 1), 0);
	assert_status(&in, WIRE_MORE);
	assert_int_equal(wire_in_put(&in, "e\n", 2), 0);
	assert_status(&in, WIRE_TOO_LONG);
	assert_int_equal(wire_in_put(&in, "ok\n", 3), WIRE_TOO_LONG);
	assert_status(&in, WIRE_TOO_LONG);
	wire_in_free(&in);
}

static void too_long_without_newline(void **state)
{
	struct wire_in in;

	(void)state;
	wire_in_init(&in, 4);
	assert_int_equal(wire_in_put(&in, "a\nbcdef", 7), 0);
	assert_line(&in, "a");
	assert_status(&in, WIRE_TOO_LONG);
	wire_in_free(&in);
}

static void max_is_capped(void **state)
{
	struct wire_in in;

	(void)state;
	wire_in_init(&in, SIZE_MAX);
	assert_int_equal(in.max, WIRE_MAX_LINE);
	wire_in_free(&in);
}

static void nul_is_refused(void **state)
{
	struct wire_in in;

	(void)state;
	wire_in_init(&in, 100);
	assert_int_equal(wire_in_put(&in, "a\0b\n", 4), WIRE_BAD_BYTE);
	assert_status(&in, WIRE_BAD_BYTE);
	wire_in_free(&in);
}

/* A stream of many lines keeps no more than one of them. */
static void memory_stays_small(void **state)
{
	struct wire_in in;
	char *line;
	size_t len;

	(void)state;
	wire_in_init(&in, 1000);
	for (int i = 0; i < 100000; i++) {
		assert_int_equal(wire_in_put(&in, "0123456789\n01", 13), 0);
		while (wire_in_next(&in, &line, &len) == WIRE_LINE)
			;
	}
	assert_true(in.size <= 1024);
	wire_in_free(&in);
}

static void out_is_bounded_and_whole(void **state)
{
	struct wire_out out;
	char *data;
	size_t len;

	(void)state;
	wire_out_init(&out, 8);
	assert_null(wire_out_take(&out, &len));
	assert_int_equal(len, 0);
	assert_int_equal(wire_out_line(&out, "abc", 3), 0);
	assert_int_equal(wire_out_line(&out, "abcd", 4), WIRE_FULL);
	assert_int_equal(wire_out_line(&out, "a\nb", 3), WIRE_BAD_BYTE);
	assert_int_equal(wire_out_line(&out, "a\0b", 3), WIRE_BAD_BYTE);
	assert_int_equal(wire_out_line(&out, "xyz", 3), 0);
	assert_int_equal(wire_out_line(&out, "", 0), WIRE_FULL);
	data = wire_out_take(&out, &len);
	assert_int_equal(len, 8);
	assert_memory_equal(data, "abc\nxyz\n", 8);
	free(data);
	assert_int_equal(wire_out_line(&out, "again", 5), 0);
	wire_out_free(&out);
}

static void out_refuses_a_line_over_the_bound(void **state)
{
	struct wire_out out;
	char *big = malloc(WIRE_MAX_LINE + 1);

	(void)state;
	assert_non_null(big);
	memset(big, 'x', WIRE_MAX_LINE + 1);
	wire_out_init(&out, SIZE_MAX);
	assert_int_equal(wire_out_line(&out, big, WIRE_MAX_LINE + 1),
			 WIRE_TOO_LONG);
	assert_int_equal(wire_out_line(&out, big, WIRE_MAX_LINE), 0);
	wire_out_free(&out);
	free(big);
}

static void what_goes_in_comes_out(void **state)
{
	unsigned seed = 1;
	struct wire_out out;
	struct wire_in in;

	(void)state;
	wire_out_init(&out, 1 << 20);
	wire_in_init(&in, 4096);
	for (int i = 0; i < 300; i++) {
		char want[600];
		size_t n = 0;
		char *data, *line;
		size_t len, at = 0, line_len;

		seed = seed * 1103515245U + 12345U;
		n = (seed >> 16) % sizeof(want);
		for (size_t k = 0; k < n; k++)
			want[k] = (char)(' ' + (int)((seed >> 8) + k) % 90);
		assert_int_equal(wire_out_line(&out, want, n), 0);
		data = wire_out_take(&out, &len);
		for (; at < len; at += 7)
			wire_in_put(&in, data + at,
				    len - at < 7 ? len - at : 7);
		assert_int_equal(wire_in_next(&in, &line, &line_len),
				 WIRE_LINE);
		assert_int_equal(line_len, n);
		assert_memory_equal(line, want, n);
		free(data);
	}
	wire_in_free(&in);
	wire_out_free(&out);
}

static void every_status_has_words(void **state)
{
	(void)state;
	assert_string_equal(wire_status_text(WIRE_TOO_LONG), "line too long");
	assert_string_equal(wire_status_text(WIRE_BAD_BYTE),
			    "line with a forbidden byte");
	assert_string_equal(wire_status_text(WIRE_NO_MEMORY), "out of memory");
	assert_string_equal(wire_status_text(WIRE_FULL), "too much unread");
	assert_string_equal(wire_status_text(0), "no error");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lines_in_any_pieces),
	    cmocka_unit_test(bound_is_exact),
	    cmocka_unit_test(too_long_without_newline),
	    cmocka_unit_test(max_is_capped),
	    cmocka_unit_test(nul_is_refused),
	    cmocka_unit_test(memory_stays_small),
	    cmocka_unit_test(out_is_bounded_and_whole),
	    cmocka_unit_test(out_refuses_a_line_over_the_bound),
	    cmocka_unit_test(what_goes_in_comes_out),
	    cmocka_unit_test(every_status_has_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
