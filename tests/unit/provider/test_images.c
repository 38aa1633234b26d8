/* SPDX-License-Identifier: MIT */
#include "provider/images.h"

#include "unit/cm.h"

#include "base/alloc.h"
#include "provider/embedded.h"

#include <string.h>

static void check_tag(const char *name, const char *version, const char *want)
{
	auto_free char *got = images_tag_of(name, version);

	if (!want)
		assert_null(got);
	else
		assert_string_equal(got, want);
}

static void a_tag_is_the_major_version(void **state)
{
	(void)state;
	check_tag("postgres", "15.20", "15");
	check_tag("postgres", "18", "18");
	check_tag("postgres", "19beta1", "19");
	check_tag("mariadb", "10.11.19", "10.11");
	check_tag("mariadb", "11.8", "11.8");
}

static void what_is_no_version_has_no_tag(void **state)
{
	(void)state;
	check_tag("postgres", "", NULL);
	check_tag("postgres", "version 15", NULL);
	check_tag("mariadb", "11", NULL);
	check_tag("mariadb", "11.", NULL);
	check_tag("mariadb", "11.x", NULL);
}

static void both_servers_are_in_the_program(void **state)
{
	auto_strvec struct strvec names = STRVEC_INIT;
	unsigned executable = 0;

	(void)state;
	images_names(&names);
	assert_int_equal(names.n, 2);
	assert_string_equal(names.v[0], "mariadb");
	assert_string_equal(names.v[1], "postgres");
	for (const struct embedded_file *f = images_embedded; f->path; f++)
		if (strstr(f->path, "/entrypoint")) {
			assert_int_equal(f->mode, 0755);
			assert_memory_equal(f->data, "#!/bin/sh\n", 10);
			executable++;
		}
	assert_int_equal(executable, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_tag_is_the_major_version),
	    cmocka_unit_test(what_is_no_version_has_no_tag),
	    cmocka_unit_test(both_servers_are_in_the_program),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
