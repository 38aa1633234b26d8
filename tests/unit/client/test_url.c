/* SPDX-License-Identifier: MIT */
#include "testenv/testenv.h"
#include "unit/cm.h"

#include <string.h>

struct row {
	const char *text;
	struct testenv_url url;
};

static void same(const char *a, const char *b)
{
	if (a && b)
		assert_string_equal(a, b);
	else
		assert_ptr_equal(a, b);
}

static const struct row good[] = {
    {"postgresql://test:p%40s%2Fs@127.0.0.1:5433/app",
     {"postgresql", "test", "p@s/s", "127.0.0.1", 5433, "app", NULL, NULL}},
    {"POSTGRES://localhost",
     {"postgres", NULL, NULL, "localhost", 0, NULL, NULL, NULL}},
    {"postgresql://u:p@/app?host=%2Frun%2Fa+b&port=5432",
     {"postgresql", "u", "p", NULL, 5432, "app", "/run/a+b", NULL}},
    {"postgresql://u@%2Frun%2Fpg/app",
     {"postgresql", "u", NULL, NULL, 0, "app", "/run/pg", NULL}},
    {"postgresql://[::1]:5/x?sslmode=disable#frag",
     {"postgresql", NULL, NULL, "::1", 5, "x", NULL, NULL}},
    {"postgresql://[::1]/",
     {"postgresql", NULL, NULL, "::1", 0, NULL, NULL, NULL}},
    {"postgresql+psycopg://u:@h:/d",
     {"postgresql+psycopg", "u", "", "h", 0, "d", NULL, NULL}},
    {"mysql://u:p@localhost/app?unix_socket=/run/m.sock",
     {"mysql", "u", "p", "localhost", 0, "app", "/run/m.sock", NULL}},
    {"mysql://u:a@b@h/app?host=other&flag&socket=/s",
     {"mysql", "u", "a@b", "h", 0, "app", "/s", NULL}},
    {"mariadb://h:65535/%C3%A9",
     {"mariadb", NULL, NULL, "h", 65535, "\xc3\xa9", NULL, NULL}},
    {"sqlite:////abs/with%20blank.sqlite?mode=ro",
     {"sqlite", NULL, NULL, NULL, 0, NULL, NULL, "/abs/with blank.sqlite"}},
    {"sqlite:///relative.db",
     {"sqlite", NULL, NULL, NULL, 0, NULL, NULL, "relative.db"}},
    {"redis://:secret@h:6379/0",
     {"redis", "", "secret", "h", 6379, "0", NULL, NULL}},
};

static void parts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		const struct testenv_url *want = &good[i].url;
		struct testenv_url *url;

		assert_int_equal(testenv_url_parse(good[i].text, &url),
				 TESTENV_OK);
		same(url->scheme, want->scheme);
		same(url->user, want->user);
		same(url->password, want->password);
		same(url->host, want->host);
		assert_int_equal(url->port, want->port);
		same(url->database, want->database);
		same(url->socket, want->socket);
		same(url->path, want->path);
		testenv_url_free(url);
	}
}

static void no_urls(void **state)
{
	static const char *const bad[] = {
	    "",
	    "app",
	    "://h",
	    "1x://h",
	    "a b://h",
	    "postgresql:/h",
	    "postgresql://h:65536/d",
	    "postgresql://h:0/d",
	    "postgresql://h:5x/d",
	    "postgresql://[::1/d",
	    "postgresql://[::1]x/d",
	    "postgresql://h/%",
	    "postgresql://h/%2",
	    "postgresql://h/%zz",
	    "postgresql://h/%00",
	    "postgresql://u:%@h/d",
	    "postgresql:///d?host=%g0",
	    "postgresql:///d?port=x",
	    "sqlite://host/path",
	    "sqlite://",
	    "sqlite:///",
	    "sqlite://:memory:",
	};
	struct testenv_url *url = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(testenv_url_parse(bad[i], &url),
				 TESTENV_BAD_URL);
	assert_int_equal(testenv_url_parse(NULL, &url), TESTENV_INVALID);
	assert_int_equal(testenv_url_parse("a://b", NULL), TESTENV_INVALID);
	assert_null(url);
	testenv_url_free(NULL);
}

static void results_have_names(void **state)
{
	(void)state;
	assert_string_equal(testenv_result_name(TESTENV_OK), "TESTENV_OK");
	assert_string_equal(testenv_result_name(TESTENV_BAD_URL),
			    "TESTENV_BAD_URL");
	assert_int_equal(TESTENV_BAD_URL, 13);
	assert_string_equal(testenv_result_text(TESTENV_BUSY), "busy");
	assert_string_equal(testenv_result_name((enum testenv_result)99),
			    "unknown");
	assert_string_equal(testenv_result_text((enum testenv_result)99),
			    "unknown");
	assert_string_equal(testenv_version(), TESTENV_VERSION);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(parts),
	    cmocka_unit_test(no_urls),
	    cmocka_unit_test(results_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
