/* SPDX-License-Identifier: MIT */
#include "docker/image.h"

#include "base/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void make(struct buf *ret)
{
	auto_error struct error err = ERROR_INIT;
	struct tar *tar = tar_new();
	char long_name[300];

	memset(long_name, 'n', sizeof(long_name));
	long_name[150] = '/';
	long_name[sizeof(long_name) - 1] = '\0';
	assert_int_equal(tar_add(tar, "Dockerfile", "FROM x\n", 7, 0644, &err),
			 0);
	assert_int_equal(tar_add(tar, "bin/run", "#!/bin/sh\n", 10, 0755, &err),
			 0);
	assert_int_equal(tar_add(tar, "empty", "", 0, 0600, &err), 0);
	assert_int_equal(tar_add(tar, long_name, "x", 1, 0600, &err), 0);
	assert_int_equal(tar_end(tar, ret, &err), 0);
}

static void equal_content_is_an_equal_tar(void **state)
{
	auto_buf struct buf a = BUF_INIT;
	auto_buf struct buf b = BUF_INIT;

	(void)state;
	make(&a);
	make(&b);
	assert_int_equal(a.len, b.len);
	assert_memory_equal(a.s, b.s, a.len);
	assert_int_equal(a.len % 512, 0);
}

static void the_first_header_is_as_asked(void **state)
{
	auto_buf struct buf a = BUF_INIT;

	(void)state;
	make(&a);
	assert_string_equal(a.s, "Dockerfile");
	assert_memory_equal(a.s + 100, "000644 ", 7);
	assert_memory_equal(a.s + 108, "000000 ", 7); /* uid */
	assert_memory_equal(a.s + 124, "00000000007", 11);
	assert_memory_equal(a.s + 136, "00000000000", 11); /* mtime */
	assert_memory_equal(a.s + 512, "FROM x\n", 8);
	assert_memory_equal(a.s + 1024, "bin/run", 8);
	assert_memory_equal(a.s + 1124, "000755 ", 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(equal_content_is_an_equal_tar),
	    cmocka_unit_test(the_first_header_is_as_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
