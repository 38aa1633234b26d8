/* SPDX-License-Identifier: MIT */
#include "docker/image.h"

#include "unit/cm.h"

#include "base/alloc.h"
#include "base/error.h"

#include <string.h>

static void make_tar(struct buf *ret, const char *text)
{
	auto_error struct error err = ERROR_INIT;
	struct tar *tar = tar_new();

	if (text)
		assert_int_equal(
		    tar_add(tar, "version", text, strlen(text), 0644, &err), 0);
	assert_int_equal(tar_end(tar, ret, &err), 0);
}

static void the_first_file_comes_back(void **state)
{
	auto_error struct error err = ERROR_INIT;
	auto_buf struct buf tar = BUF_INIT;
	auto_buf struct buf text = BUF_INIT_MAX(16);

	(void)state;
	make_tar(&tar, "15.20\n");
	assert_int_equal(tar_first(&tar, &text, &err), 0);
	assert_string_equal(text.s, "15.20\n");
}

static void check_refused(const struct buf *tar)
{
	auto_error struct error err = ERROR_INIT;
	auto_buf struct buf text = BUF_INIT_MAX(16);

	assert_int_equal(tar_first(tar, &text, &err), -1);
	assert_int_equal(err.kind, ERROR_PROTOCOL);
	assert_string_equal(err.text,
			    "there is no file of that size in the archive");
}

static void what_is_no_such_archive_is_refused(void **state)
{
	auto_buf struct buf empty = BUF_INIT;
	auto_buf struct buf big = BUF_INIT;
	auto_buf struct buf cut = BUF_INIT;
	auto_buf struct buf nonsense = BUF_INIT;

	(void)state;
	make_tar(&empty, NULL);
	check_refused(&empty);
	make_tar(&big, "more than sixteen bytes of text");
	check_refused(&big);
	make_tar(&cut, "15.20\n");
	buf_truncate(&cut, 514);
	check_refused(&cut);
	buf_puts(&nonsense, "<html>502 Bad Gateway</html>");
	check_refused(&nonsense);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_first_file_comes_back),
	    cmocka_unit_test(what_is_no_such_archive_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
