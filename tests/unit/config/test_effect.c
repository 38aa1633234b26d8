/* SPDX-License-Identifier: MIT */
/* Settings that mean nothing for what serves. */
#include "config/config.h"
#include "unit/config/load.h"

/* A flag is meant; the file and variables may be for other runs. */
static void test_settings_without_effect(void **state)
{
	struct config c;

	(void)state;
	FAILS(ERROR_USAGE,
	      "--isolation: 'container' has no effect: on an existing server "
	      "each owner gets a database",
	      NULL, "db", "mysql://u@h", "isolation", "container");
	FAILS(ERROR_USAGE,
	      "--pull: 'daily' has no effect: an existing server is no "
	      "container",
	      NULL, "db", "mysql://u@h", "pull", "daily");
	FAILS(ERROR_USAGE,
	      "--fallback: 'local,sqlite' has no effect: nothing stands in for "
	      "an existing server",
	      NULL, "db", "mysql://u@h", "fallback", "local,sqlite");
	FAILS(ERROR_USAGE,
	      "--mirror: 'r.example' has no effect: sqlite is a file and needs "
	      "no container",
	      NULL, "db", "sqlite", "mirror", "r.example");
	FAILS(ERROR_USAGE,
	      "--isolation: 'database' has no effect: each owner gets a file",
	      NULL, "db", "postgres", "backend", "sqlite", "isolation",
	      "database");
	FAILS(ERROR_USAGE,
	      "--transport: 'unix' has no effect: sqlite is a file", NULL, "db",
	      "sqlite", "transport", "unix");
	FAILS(ERROR_USAGE,
	      "--memory: '1g' has no effect: local programs need no container",
	      NULL, "db", "postgres", "require", "local", "memory", "1g");
	FAILS(ERROR_USAGE,
	      "--image: 'postgres:16' has no effect: local programs need no "
	      "container",
	      NULL, "backend", "local", "image", "postgres:16");
	assert_string_equal(notices.s, "");
	assert_int_equal(LOAD(&c, NULL, "db", "mysql://u@h", "isolation",
			      "database", "fallback", "none"),
			 0);
	config_free(&c);
	setenv("TESTENV_MEMORY", "1g", 1);
	put_file("compose.yaml", "services:\n"
				 "  db:\n"
				 "    image: postgres:16\n"
				 "    x-testenv: { pull: daily }\n"
				 "x-testenv: { isolation: container }\n");
	assert_int_equal(LOAD(&c, NULL, "db", "postgresql://u@h"), 0);
	unsetenv("TESTENV_MEMORY");
	assert_null(c.services[0].image);
	assert_string_equal(
	    notices.s,
	    "compose.yaml:5:25: isolation: 'container' has no effect: on an "
	    "existing server each owner gets a database\n"
	    "compose.yaml:4:24: pull: 'daily' has no effect: an existing "
	    "server is no container\n"
	    "TESTENV_MEMORY: '1g' has no effect: an existing server is no "
	    "container\n");
	config_free(&c);
	buf_clear(&notices);
	/* the same command, tried without an engine */
	fs_remove_tree("compose.yaml", NULL);
	setenv("TESTENV_BACKEND", "sqlite", 1);
	assert_int_equal(LOAD(&c, NULL, "db", "postgres", "pull", "daily"), 0);
	unsetenv("TESTENV_BACKEND");
	assert_string_equal(notices.s,
			    "--pull: 'daily' has no effect: sqlite is a file "
			    "and needs no container\n");
	config_free(&c);
	buf_clear(&notices);
	/* for one of two it has one */
	put_file("compose.yaml", "services:\n"
				 "  a: { image: postgres }\n"
				 "  b: { x-testenv: { db: sqlite } }\n");
	assert_int_equal(LOAD(&c, NULL, "isolation", "database"), 0);
	config_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(test_settings_without_effect, setup),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
