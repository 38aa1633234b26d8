/* SPDX-License-Identifier: MIT */
#include "cli/command.h"

#include "base/alloc.h"
#include "cli/suggest.h"
#include "config/setting.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static const struct option_spec own[] = {
    {"follow", 'f', NULL, "go on", false},
    {"tail", 'n', "N", "lines", false},
    {"tails", 0, NULL, "not an abbreviation", false},
    {0},
};

static const struct command plain = {
    .name = "logs",
    .synopsis = "[SERVICE]",
    .options = own,
    .groups = OPTIONS_SESSION,
    .max_args = 1,
};

static const struct command runner = {
    .name = "exec",
    .synopsis = "[OPTIONS] -- COMMAND [ARG...]",
    .groups = OPTIONS_CONFIG,
    .min_args = 1,
    .max_args = -1,
    .takes_command = true,
};

enum {
	ARGS_MAX = 16
};

/* options_parse puts argv in order, and its strings stay argv's. */
static char *argv[ARGS_MAX];

static int parse(const struct command *command, struct options *o,
		 struct error *err, const char *const *words)
{
	int argc = 0;

	argv[argc++] = xstrdup(command->name);
	for (; *words; words++)
		argv[argc++] = xstrdup(*words);
	argv[argc] = NULL;
	return options_parse(command, argc, argv, o, err);
}

static void release(struct options *o)
{
	options_free(o);
	for (int i = 0; argv[i]; i++)
		free(argv[i]);
	argv[0] = NULL;
}
#define PARSE(command, o, ...)                                            \
	assert_int_equal(parse((command), (o), NULL,                      \
			       (const char *const[]){__VA_ARGS__, NULL}), \
			 0)

static void fails(const struct command *command, const char *text,
		  const char *hint, const char *const *words)
{
	auto_error struct error err = ERROR_INIT;
	struct options o = {0};

	assert_int_equal(parse(command, &o, &err, words), -1);
	assert_int_equal(err.kind, ERROR_USAGE);
	assert_string_equal(error_text(&err), text);
	if (hint)
		assert_string_equal(err.hint, hint);
	release(&o);
}
#define FAILS(command, text, hint, ...)  \
	fails((command), (text), (hint), \
	      (const char *const[]){__VA_ARGS__, NULL})

static void test_forms(void **state)
{
	struct options o;

	(void)state;
	PARSE(&plain, &o, "--tail", "5", "db", "-f", "--session=abc");
	assert_string_equal(options_get(&o, "tail"), "5");
	assert_string_equal(options_get(&o, "follow"), "");
	assert_string_equal(options_get(&o, "session"), "abc");
	assert_null(options_get(&o, "tails"));
	assert_int_equal(o.n_args, 1);
	assert_string_equal(o.args[0], "db");
	assert_null(o.args[1]);
	assert_false(o.has_separator);
	assert_int_equal(o.n_flags, 3);
	assert_string_equal(o.flags[0].key, "tail");
	assert_string_equal(o.flags[2].key, "session");
	release(&o);
	PARSE(&plain, &o, "-fn7", "--tail=", "--tail", "9");
	assert_string_equal(options_get(&o, "tail"), "9");
	release(&o);
}

static void test_separator(void **state)
{
	struct options o;

	(void)state;
	PARSE(&plain, &o, "-f", "--", "-n");
	assert_true(o.has_separator);
	assert_string_equal(o.args[0], "-n");
	release(&o);
	PARSE(&plain, &o, "--session", "--");
	assert_false(o.has_separator);
	assert_string_equal(options_get(&o, "session"), "--");
	release(&o);
	PARSE(&plain, &o, "db", "--");
	assert_true(o.has_separator);
	assert_int_equal(o.n_args, 1);
	release(&o);
}

static void test_command_is_not_parsed(void **state)
{
	struct options o;

	(void)state;
	PARSE(&runner, &o, "--db", "postgres", "ctest", "-j8", "--db", "x",
	      "--", "y");
	assert_int_equal(o.n_flags, 1);
	assert_int_equal(o.n_args, 6);
	assert_string_equal(o.args[1], "-j8");
	assert_string_equal(o.args[4], "--");
	assert_false(o.has_separator);
	release(&o);
	PARSE(&runner, &o, "--workers=2", "--", "--db");
	assert_true(o.has_separator);
	assert_int_equal(o.n_args, 1);
	assert_string_equal(o.args[0], "--db");
	release(&o);
}

static void test_mistakes(void **state)
{
	(void)state;
	FAILS(&plain, "unknown option '--fellow'", "did you mean '--follow'?",
	      "--fellow");
	FAILS(&plain, "unknown option '--fol'", NULL, "--fol");
	FAILS(&plain, "unknown option '--tai'", "did you mean '--tail'?",
	      "--tai", "3");
	FAILS(&plain, "unknown option '--session-id'", NULL,
	      "--session-id=secret");
	FAILS(&plain, "unknown option '-z'", NULL, "-fz");
	FAILS(&plain, "option '--tail' needs a value: N", NULL, "--tail");
	FAILS(&plain, "option '--tail' needs a value: N", NULL, "-n");
	FAILS(&plain, "option '--follow' takes no value", NULL, "--follow=yes");
	FAILS(&plain, "'logs' does not take 'b'",
	      "usage: testenv logs [SERVICE]", "a", "b");
	FAILS(&runner, "'exec' needs a command to run",
	      "usage: testenv exec [OPTIONS] -- COMMAND [ARG...]", "--");
}

static void test_help_needs_no_arguments(void **state)
{
	struct options o;

	(void)state;
	PARSE(&runner, &o, "--help");
	assert_non_null(options_get(&o, "help"));
	release(&o);
}

static const struct option_spec *find(const struct option_spec *list,
				      const char *name)
{
	for (; list->name; list++)
		if (!strcmp(list->name, name))
			return list;
	return NULL;
}

/* A command's own letter is taken from a group's option, not its name. */
static void test_own_letters_come_first(void **state)
{
	auto_free struct option_spec *list = options_of(&plain);

	(void)state;
	assert_int_equal(find(list, "follow")->letter, 'f');
	assert_int_equal(find(list, "file")->letter, 0);
	assert_non_null(find(list, "quiet"));
}

/* The table of options and that of settings cannot drift apart. */
static void test_every_setting_has_its_option(void **state)
{
	auto_free struct option_spec *list = options_of(&runner);

	(void)state;
	for (const struct option_spec *o = list; o->name; o++)
		if (o->config)
			assert_non_null(setting_find(o->name));
	for (const struct setting *s = settings; s->key; s++) {
		assert_non_null(find(list, s->key));
		assert_true(find(list, s->key)->config);
	}
}

/* One name, one letter, a sentence that ends in no stop. */
static void test_tables_are_in_order(void **state)
{
	(void)state;
	for (const struct command *const *c = commands; *c; c++) {
		auto_free struct option_spec *list = options_of(*c);
		char letters[64] = "";

		assert_non_null((*c)->summary);
		assert_non_null((*c)->synopsis);
		assert_non_null((*c)->text);
		assert_ptr_equal(command_find((*c)->name), *c);
		for (const struct option_spec *o = list; o->name; o++) {
			size_t n = strlen(o->help);

			assert_true(n > 0 && o->help[n - 1] != '.');
			if (!o->letter)
				continue;
			assert_null(strchr(letters, o->letter));
			n = strlen(letters);
			assert_true(n < sizeof(letters) - 1);
			letters[n] = o->letter;
		}
	}
}

static void test_suggest(void **state)
{
	static const char *const words[] = {"exec",   "up",   "env",
					    "status", "down", NULL};

	(void)state;
	assert_string_equal(suggest("exce", words), "exec");
	assert_string_equal(suggest("stauts", words), "status");
	assert_string_equal(suggest("tsatus", words), "status");
	assert_string_equal(suggest("donw", words), "down");
	assert_null(suggest("xyzzy", words));
	assert_null(suggest("", words));
	assert_null(suggest("q", words));
	assert_null(suggest("a-word-much-longer-than-anything-here", words));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_forms),
	    cmocka_unit_test(test_separator),
	    cmocka_unit_test(test_command_is_not_parsed),
	    cmocka_unit_test(test_mistakes),
	    cmocka_unit_test(test_help_needs_no_arguments),
	    cmocka_unit_test(test_own_letters_come_first),
	    cmocka_unit_test(test_every_setting_has_its_option),
	    cmocka_unit_test(test_tables_are_in_order),
	    cmocka_unit_test(test_suggest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
