/* SPDX-License-Identifier: MIT */
/* The fuzzer's corpus, without the fuzzer: each input, and each cut short. */
#include "../../fuzz/fuzz_startup.c"

#include "base/alloc.h"
#include "base/fs.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void replay(const char *path)
{
	auto_error struct error err = ERROR_INIT;
	auto_buf struct buf b = BUF_INIT;

	assert_int_equal(fs_read_file(path, &b, &err), 0);
	for (size_t n = 0; n <= b.len; n++) {
		auto_free uint8_t *copy = xmalloc(n ? n : 1);

		memcpy(copy, b.s, n);
		LLVMFuzzerTestOneInput(copy, n);
	}
}

static void corpus(void **state)
{
	static const char dir[] = TESTS_DIR "/fuzz/corpus/startup";
	DIR *d = opendir(dir);
	const struct dirent *e;
	int n = 0;

	(void)state;
	assert_non_null(d);
	while ((e = readdir(d))) {
		auto_free char *path = fs_join(dir, e->d_name);

		if (e->d_name[0] == '.')
			continue;
		replay(path);
		n++;
	}
	closedir(d);
	assert_true(n >= 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(corpus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
