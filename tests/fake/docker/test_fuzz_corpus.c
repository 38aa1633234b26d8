/* SPDX-License-Identifier: MIT */
/* The corpus of the engine's replies, without the fuzzer. */
#include "../../fuzz/fuzz_engine.c"

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
	/* twice: what one reply left behind, the next one finds */
	for (int i = 0; i < 2; i++)
		LLVMFuzzerTestOneInput((const uint8_t *)b.s, b.len);
}

static void corpus(void **state)
{
	static const char inputs[] = TESTS_DIR "/fuzz/corpus/engine";
	DIR *d = opendir(inputs);
	const struct dirent *e;
	int n = 0;

	(void)state;
	assert_non_null(d);
	while ((e = readdir(d))) {
		auto_free char *path = fs_join(inputs, e->d_name);

		if (e->d_name[0] == '.')
			continue;
		replay(path);
		n++;
	}
	closedir(d);
	assert_true(n >= 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(corpus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
