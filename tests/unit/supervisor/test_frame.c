/* SPDX-License-Identifier: MIT */
#include "supervisor/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void frames_come_out_as_they_went_in(void **state)
{
	auto_buf struct buf b = BUF_INIT_MAX(FRAME_BUF_MAX);
	int32_t n = -5;
	struct frame f;

	(void)state;
	frame_put(&b, FRAME_SESSION, "abc", 3);
	frame_put(&b, FRAME_SWEPT, NULL, 0);
	frame_put(&b, FRAME_SIGNAL, &n, sizeof(n));
	assert_int_equal(frame_peek(&b, &f), 1);
	assert_int_equal(f.type, FRAME_SESSION);
	assert_int_equal(f.len, 3);
	assert_memory_equal(f.data, "abc", 3);
	frame_drop(&b);
	assert_int_equal(frame_peek(&b, &f), 1);
	assert_int_equal(f.type, FRAME_SWEPT);
	assert_int_equal(f.len, 0);
	frame_drop(&b);
	assert_int_equal(frame_peek(&b, &f), 1);
	assert_int_equal(frame_int32(&f), -5);
	assert_int_equal(frame_int64(&f), 0);
	frame_drop(&b);
	assert_int_equal(b.len, 0);
	assert_int_equal(frame_peek(&b, &f), 0);
}

static void a_frame_in_pieces_waits_for_the_last(void **state)
{
	auto_buf struct buf whole = BUF_INIT, part = BUF_INIT;
	struct frame f;

	(void)state;
	frame_put(&whole, FRAME_SESSION, "hello", 5);
	for (size_t i = 0; i < whole.len; i++) {
		assert_int_equal(frame_peek(&part, &f), 0);
		frame_drop(&part);
		buf_put(&part, whole.s + i, 1);
	}
	assert_int_equal(frame_peek(&part, &f), 1);
	assert_int_equal(f.len, 5);
}

static void what_is_too_long_is_refused_on_both_sides(void **state)
{
	auto_buf struct buf b = BUF_INIT_MAX(64);
	const uint32_t header[] = {FRAME_SPAWN, FRAME_MAX + 1};
	char data[64] = {0};
	struct frame f;

	(void)state;
	frame_put(&b, FRAME_SESSION, data, sizeof(data));
	assert_true(b.full);
	assert_int_equal(b.len, 0);
	buf_clear(&b);
	buf_put(&b, header, sizeof(header));
	assert_int_equal(frame_peek(&b, &f), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(frames_come_out_as_they_went_in),
	    cmocka_unit_test(a_frame_in_pieces_waits_for_the_last),
	    cmocka_unit_test(what_is_too_long_is_refused_on_both_sides),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
