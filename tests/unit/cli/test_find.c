/* SPDX-License-Identifier: MIT */
#include "cli/find.h"

#include "base/alloc.h"
#include "base/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct session_hello list[] = {
    {.session = "a", .identity = "1", .project = "/p", .state = "ready"},
    {.session = "b", .identity = "2", .project = "/p", .state = "starting"},
    {.session = "c", .identity = "3", .project = "/p/sub", .state = "ready"},
    {.session = "d", .identity = "4", .project = "/q", .state = "failed"},
    {.session = "e", .identity = "4", .project = "/r", .state = "ready"},
    {.session = "f", .identity = "5", .project = "/r", .state = "ending"},
};

static void the_one_that_is_meant(void **state)
{
	static const struct {
		struct find_wish wish;
		const char *want;
	} cases[] = {
	    {{.session = "b", .dir = "/elsewhere"}, "b"},
	    {{.session = "d", .inherited = "a", .dir = "/p"}, "d"},
	    {{.inherited = "c", .identity = "1", .dir = "/p"}, "c"},
	    {{.inherited = "gone", .identity = "2", .dir = "/p"}, "b"},
	    {{.identity = "1", .dir = "/elsewhere"}, "a"},
	    {{.dir = "/p/sub"}, "c"},
	    {{.dir = "/p/sub/deeper"}, "c"},
	    {{.dir = "/q"}, "d"},
	    /* the live one before the other */
	    {{.dir = "/r"}, "e"},
	};

	(void)state;
	for (size_t i = 0; i < array_len(cases); i++) {
		int got =
		    find_choose(&cases[i].wish, list, array_len(list), NULL);

		assert_true(got >= 0);
		assert_string_equal(list[got].session, cases[i].want);
	}
}

static void none_or_too_many(void **state)
{
	static const struct {
		struct find_wish wish;
		size_t n;
		const char *text, *hint;
	} cases[] = {
	    {{.dir = "/p"},
	     2,
	     "2 sessions run for '/p'",
	     "choose one with --session: a (/p, ready), b (/p, starting)"},
	    {{.dir = "/pp"},
	     1,
	     "no session runs for '/pp'",
	     "choose one with --session: a (/p, ready)"},
	    {{.session = "x", .dir = "/p"},
	     1,
	     "no session 'x' runs",
	     "choose one with --session: a (/p, ready)"},
	    {{.inherited = "x", .dir = "/p"},
	     0,
	     "no session runs for '/p'",
	     "'testenv up' starts one"},
	};

	(void)state;
	for (size_t i = 0; i < array_len(cases); i++) {
		auto_error struct error err = ERROR_INIT;

		assert_int_equal(
		    find_choose(&cases[i].wish, list, cases[i].n, &err), -1);
		assert_int_equal(err.kind, ERROR_NO_SESSION);
		assert_string_equal(err.text, cases[i].text);
		assert_string_equal(err.hint, cases[i].hint);
	}
}

static void below(void **state)
{
	(void)state;
	assert_true(find_is_below("/a/b", "/a"));
	assert_true(find_is_below("/a", "/a"));
	assert_true(find_is_below("/a", "/"));
	assert_false(find_is_below("/ab", "/a"));
	assert_false(find_is_below("/", "/a"));
}

static void targets(void **state)
{
	static const struct {
		const char *text, *service;
		unsigned slot;
	} cases[] = {
	    {NULL, NULL, 0},   {"db", "db", 0},       {"db.3", "db", 3},
	    {".2", NULL, 2},   {"a.b", "a.b", 0},     {"a.b.1", "a.b", 1},
	    {"db.", "db.", 0}, {"db.1x", "db.1x", 0},
	};
	auto_error struct error err = ERROR_INIT;
	char *service;
	unsigned slot;

	(void)state;
	for (size_t i = 0; i < array_len(cases); i++) {
		assert_int_equal(
		    find_parse_target(cases[i].text, &service, &slot, NULL), 0);
		if (cases[i].service)
			assert_string_equal(service, cases[i].service);
		else
			assert_null(service);
		assert_int_equal(slot, cases[i].slot);
		free(service);
	}
	assert_int_equal(find_parse_target("", &service, &slot, &err), -1);
	assert_int_equal(err.kind, ERROR_USAGE);
	assert_string_equal(err.text, "'' names no service");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_one_that_is_meant),
	    cmocka_unit_test(none_or_too_many),
	    cmocka_unit_test(below),
	    cmocka_unit_test(targets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
