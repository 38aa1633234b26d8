/* SPDX-License-Identifier: MIT */
/* Passwords of URLs, where others can read them. */
#include "unit/cm.h"

#include "base/alloc.h"
#include "base/secret.h"

#include <stdlib.h>
#include <string.h>

static void hides_passwords_of_urls(void **state)
{
	static const char *const pairs[][2] = {
	    {"postgresql://dev:secret@host/db", "postgresql://dev:***@host/db"},
	    {"--db=mysql://dev:s3@host", "--db=mysql://dev:**@host"},
	    {"mysql://dev:p@ss:w/rd@host/db", "mysql://dev:***@host/db"},
	    {"mysql://dev:pa/ss@host/db", "mysql://dev:***@host/db"},
	    {"pg://h/db?user=me&password=secret&a=b",
	     "pg://h/db?user=me&password=***&a=b"},
	    {"pg://h?sslpassword=long&password=x", "pg://h?sslpassword=***&"
						   "password=*"},
	    {"postgresql://dev@host:5432/db", "postgresql://dev@host:5432/db"},
	    {"postgresql:///db?host=/tmp", "postgresql:///db?host=/tmp"},
	    {"curl http://a:b@c", "curl http://a:b@c"},
	    {"no url: at@all", "no url: at@all"},
	    {"", ""},
	};

	(void)state;
	for (size_t i = 0; i < array_len(pairs); i++) {
		auto_free char *text = xstrdup(pairs[i][0]);
		bool same = !strcmp(pairs[i][0], pairs[i][1]);

		assert_int_equal(secret_hide(text), !same);
		assert_string_equal(text, pairs[i][1]);
	}
}

/* `ps` shows all of the memory, the zeros as blanks. */
static void leaves_nothing_behind_the_shorter_text(void **state)
{
	char text[] = "mysql://dev:a-long-secret@host";
	char copy[] = "mysql://dev:a-long-secret@host";
	char *argv[] = {text, NULL};
	char **args = secret_take_args(1, argv);

	(void)state;
	assert_string_equal(args[0], copy);
	assert_null(args[1]);
	assert_string_equal(text, "mysql://dev:***@host");
	for (size_t i = strlen(text); i < sizeof(text); i++)
		assert_int_equal(text[i], 0);
	free(args[0]);
	free(args);
}

static void hides_a_variable(void **state)
{
	(void)state;
	setenv("SECRET_TEST", "mysql://dev:secret@host", 1);
	secret_hide_variable("SECRET_TEST");
	secret_hide_variable("SECRET_TEST_NOT_THERE");
	assert_string_equal(getenv("SECRET_TEST"), "mysql://dev:***@host");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(hides_passwords_of_urls),
	    cmocka_unit_test(leaves_nothing_behind_the_shorter_text),
	    cmocka_unit_test(hides_a_variable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
