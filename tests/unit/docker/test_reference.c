/* SPDX-License-Identifier: MIT */
#include "docker/reference.h"

#include "base/alloc.h"
#include "base/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define DIGEST "sha256:0123456789abcdef"

static void names_are_taken_apart(void **state)
{
	static const struct {
		const char *name, *repository, *version, *qualified, *registry;
	} cases[] = {
	    {"postgres", "postgres", "latest", "docker.io/library/postgres",
	     "docker.io"},
	    {"postgres:16", "postgres", "16", "docker.io/library/postgres",
	     "docker.io"},
	    {"testenv/postgres:16.1-a_b", "testenv/postgres", "16.1-a_b",
	     "docker.io/testenv/postgres", "docker.io"},
	    {"localhost:5000/a/b", "localhost:5000/a/b", "latest",
	     "localhost:5000/a/b", "localhost:5000"},
	    {"localhost/a", "localhost/a", "latest", "localhost/a",
	     "localhost"},
	    {"ghcr.io/X/y:1", NULL, NULL, NULL, NULL},
	    {"ghcr.io/x/y:1@" DIGEST, "ghcr.io/x/y", DIGEST, "ghcr.io/x/y",
	     "ghcr.io"},
	    {"a@" DIGEST, "a", DIGEST, "docker.io/library/a", "docker.io"},
	    {"[::1]:5000/a:t", "[::1]:5000/a", "t", "[::1]:5000/a",
	     "[::1]:5000"},
	};

	(void)state;
	for (size_t i = 0; i < array_len(cases); i++) {
		auto_reference struct reference r = REFERENCE_INIT;
		auto_error struct error err = ERROR_INIT;
		auto_free char *qualified = NULL;
		auto_free char *registry = NULL;
		int rc = reference_parse(cases[i].name, &r, &err);

		if (!cases[i].repository) {
			assert_int_equal(rc, -1);
			continue;
		}
		if (rc < 0)
			fail_msg("%s", err.text);
		qualified = reference_qualified(&r);
		registry = reference_registry(&r);
		assert_string_equal(r.repository, cases[i].repository);
		assert_string_equal(reference_version(&r), cases[i].version);
		assert_string_equal(qualified, cases[i].qualified);
		assert_string_equal(registry, cases[i].registry);
	}
}

static void what_is_no_name_is_refused(void **state)
{
	static const char *const names[] = {
	    "",      ":",     "a:", "a b",  "A",   "a//b",    "/a",    "a/",
	    "a?x=1", "a:b c", "a@", "a%2f", "a\n", "../etc/", "a:b/c:"};

	(void)state;
	for (size_t i = 0; i < array_len(names); i++) {
		auto_reference struct reference r = REFERENCE_INIT;
		auto_error struct error err = ERROR_INIT;

		if (reference_parse(names[i], &r, &err) == 0)
			fail_msg("'%s' was taken for a name", names[i]);
		assert_int_equal(err.kind, ERROR_CONFIG);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names_are_taken_apart),
	    cmocka_unit_test(what_is_no_name_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
