/* SPDX-License-Identifier: MIT */
#include "docker/frames.h"

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct seen {
	struct buf out;
	struct buf err;
	int stop; /* from fn */
};

static int see(void *ctx, int stream, const char *data, size_t len)
{
	struct seen *s = ctx;

	assert_true(stream == 1 || stream == 2);
	assert_true(len > 0);
	buf_put(stream == 2 ? &s->err : &s->out, data, len);
	return s->stop;
}

static const char wire[] = "\1\0\0\0\0\0\0\5hello"
			   "\2\0\0\0\0\0\0\3bad"
			   "\1\0\0\0\0\0\0\0"
			   "\1\0\0\0\0\0\0\1!";

static void frames_split_anywhere_are_the_same(void **state)
{
	const size_t len = sizeof(wire) - 1;

	(void)state;
	for (size_t first = 0; first <= len; first++) {
		for (size_t second = first; second <= len; second++) {
			struct seen s = {BUF_INIT, BUF_INIT, 0};
			struct frames f = {.fn = see, .ctx = &s};

			assert_int_equal(frames_put(&f, wire, first), 0);
			assert_int_equal(
			    frames_put(&f, wire + first, second - first), 0);
			assert_int_equal(
			    frames_put(&f, wire + second, len - second), 0);
			assert_true(frames_complete(&f));
			assert_string_equal(s.out.s, "hello!");
			assert_string_equal(s.err.s, "bad");
			buf_free(&s.out);
			buf_free(&s.err);
		}
	}
}

static void a_cut_stream_is_not_complete(void **state)
{
	(void)state;
	for (size_t len = 1; len < 13; len++) {
		struct seen s = {BUF_INIT, BUF_INIT, 0};
		struct frames f = {.fn = see, .ctx = &s};

		assert_int_equal(frames_put(&f, wire, len), 0);
		assert_false(frames_complete(&f));
		buf_free(&s.out);
	}
}

static void what_is_no_frame_is_told(void **state)
{
	struct frames f = {.fn = see};

	(void)state;
	assert_int_equal(frames_put(&f, "plain text", 10), 1);
	assert_true(f.unreadable);
	assert_false(frames_complete(&f));
}

static void a_terminal_has_no_frames(void **state)
{
	struct seen s = {BUF_INIT, BUF_INIT, 0};
	struct frames f = {.raw = true, .fn = see, .ctx = &s};

	(void)state;
	assert_int_equal(frames_put(&f, wire, 20), 0);
	assert_memory_equal(s.out.s, wire, 20);
	assert_true(frames_complete(&f));
	buf_free(&s.out);
}

static void the_reader_may_stop_it(void **state)
{
	struct seen s = {BUF_INIT, BUF_INIT, 1};
	struct frames f = {.fn = see, .ctx = &s};

	(void)state;
	assert_int_equal(frames_put(&f, wire, sizeof(wire) - 1), 1);
	assert_true(f.stopped);
	assert_string_equal(s.out.s, "hello");
	assert_int_equal(s.err.len, 0);
	buf_free(&s.out);
}

static void a_huge_length_is_only_a_number(void **state)
{
	struct seen s = {BUF_INIT, BUF_INIT, 0};
	struct frames f = {.fn = see, .ctx = &s};

	(void)state;
	assert_int_equal(frames_put(&f,
				    "\1\0\0\0\xff\xff\xff\xff"
				    "abc",
				    11),
			 0);
	assert_string_equal(s.out.s, "abc");
	assert_false(frames_complete(&f));
	buf_free(&s.out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(frames_split_anywhere_are_the_same),
	    cmocka_unit_test(a_cut_stream_is_not_complete),
	    cmocka_unit_test(what_is_no_frame_is_told),
	    cmocka_unit_test(a_terminal_has_no_frames),
	    cmocka_unit_test(the_reader_may_stop_it),
	    cmocka_unit_test(a_huge_length_is_only_a_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
