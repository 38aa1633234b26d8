/* SPDX-License-Identifier: MIT */
#include "cli/env_format.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"

#include <cjson/cJSON.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static const char *const nasty[] = {
    "",
    "plain",
    "two words",
    "it's",
    "'",
    "''",
    "\"quoted\"",
    "$HOME ${HOME} $(id) `id`",
    "back\\slash \\' \\\\",
    "line\nend",
    "\nfirst",
    "last\n",
    "carriage\rreturn",
    "#no comment",
    "a=b=c",
    "!bang; & | < > * ? [x] {y} ~",
    "]]",
    "]=]",
    "]",
    "]==",
    "[[x]]",
    "TESTENV_END",
    "x\nTESTENV_END\ny",
    "tab\there",
    "\x01\x7f",
    "unicode \xc3\xa4\xe2\x82\xac",
    "postgresql://u:p%40@127.0.0.1:5432/db?host=/tmp&x=%2F",
};

static char *written(enum env_format format, const char *value)
{
	auto_strvec struct strvec set = STRVEC_INIT;
	auto_strvec struct strvec unset = STRVEC_INIT;
	auto_buf struct buf b = BUF_INIT;

	strvec_env_set(&set, "X", value);
	assert_int_equal(env_format_write(format, &set, &unset, &b, NULL), 0);
	return buf_take(&b);
}

/* What a program makes of the text on its standard input. */
static void run_with_input(const char *const *argv, const char *input,
			   struct buf *ret)
{
	int in[2], out[2];
	char piece[4096];
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe(in), 0);
	assert_int_equal(pipe(out), 0);
	pid = fork();
	if (pid == 0) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		close(in[1]);
		close(out[0]);
		execvp(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	assert_int_equal(write(in[1], input, strlen(input)), strlen(input));
	close(in[1]);
	while ((n = read(out[0], piece, sizeof(piece))) > 0)
		buf_put(ret, piece, (size_t)n);
	close(out[0]);
	waitpid(pid, NULL, 0);
}

static void a_shell_reads_back_sh(void **state)
{
	static const char *const argv[] = {"sh", NULL};

	(void)state;
	for (size_t i = 0; i < array_len(nasty); i++) {
		auto_free char *text = written(ENV_SH, nasty[i]);
		auto_free char *script =
		    xasprintf("%sprintf '%%s|' \"$X\"\n", text);
		auto_buf struct buf got = BUF_INIT;

		run_with_input(argv, script, &got);
		assert_true(got.len > 0);
		buf_truncate(&got, got.len - 1);
		assert_string_equal(got.s, nasty[i]);
	}
}

static void random_values_through_a_shell(void **state)
{
	static const char *const argv[] = {"sh", NULL};
	auto_strvec struct strvec set = STRVEC_INIT;
	auto_strvec struct strvec unset = STRVEC_INIT;
	auto_buf struct buf script = BUF_INIT;
	auto_buf struct buf want = BUF_INIT;
	auto_buf struct buf got = BUF_INIT;
	unsigned seed = 42;

	(void)state;
	for (int i = 0; i < 200; i++) {
		char name[16], value[40];
		size_t n;

		snprintf(name, sizeof(name), "V%d", i);
		seed = seed * 1103515245U + 12345U;
		n = (seed >> 16) % sizeof(value);
		for (size_t k = 0; k < n; k++) {
			seed = seed * 1103515245U + 12345U;
			value[k] = (char)(1 + (seed >> 16) % 127);
		}
		value[n ? n - 1 : 0] = '\0';
		strvec_env_set(&set, name, value);
		buf_printf(&want, "%s|", value);
	}
	assert_int_equal(env_format_write(ENV_SH, &set, &unset, &script, NULL),
			 0);
	for (int i = 0; i < 200; i++)
		buf_printf(&script, "printf '%%s|' \"$V%d\"\n", i);
	run_with_input(argv, script.s, &got);
	assert_string_equal(got.s, want.s);
}

static void json_reads_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < array_len(nasty); i++) {
		auto_free char *text = written(ENV_JSON, nasty[i]);
		cJSON *json = cJSON_Parse(text);

		assert_string_equal(
		    cJSON_GetStringValue(cJSON_GetObjectItem(json, "X")),
		    nasty[i]);
		cJSON_Delete(json);
	}
}

/* A GITHUB_ENV file by its documented rules. */
static void read_github(const char *text, struct buf *ret)
{
	const char *end = strchr(text, '\n');

	if (!strncmp(text, "X=", 2)) {
		buf_put(ret, text + 2, (size_t)(end - text - 2));
		assert_int_equal(end[1], '\0');
		return;
	}
	assert_memory_equal(text, "X<<", 3);
	auto_free char *word = xstrndup(text + 3, (size_t)(end - text - 3));
	auto_free char *closing = xasprintf("\n%s\n", word);
	const char *last = strstr(end, closing);

	assert_non_null(last);
	assert_int_equal(last[strlen(closing)], '\0');
	if (last > end)
		buf_put(ret, end + 1, (size_t)(last - end - 1));
}

static void github_reads_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < array_len(nasty); i++) {
		auto_free char *text = written(ENV_GITHUB, nasty[i]);
		auto_buf struct buf got = BUF_INIT;

		read_github(text, &got);
		assert_string_equal(got.s, nasty[i]);
	}
}

static void exact_texts(void **state)
{
	static const struct {
		enum env_format format;
		const char *value, *want;
	} cases[] = {
	    {ENV_SH, "it's", "export X='it'\\''s'\n"},
	    {ENV_SH, "a", "export X='a'\n"},
	    {ENV_FISH, "it's a \\", "set -gx X 'it\\'s a \\\\'\n"},
	    {ENV_DOTENV, "postgresql://u:p@h/db?a=b&c",
	     "X=postgresql://u:p@h/db?a=b&c\n"},
	    {ENV_DOTENV, "", "X=\n"},
	    {ENV_DOTENV, "two words", "X='two words'\n"},
	    {ENV_DOTENV, "$HOME", "X='$HOME'\n"},
	    {ENV_DOTENV, "#x", "X='#x'\n"},
	    {ENV_DOTENV, "it's $1 \"x\" \\",
	     "X=\"it's \\$1 \\\"x\\\" \\\\\"\n"},
	    {ENV_DOTENV, "a\nb", "X=\"a\\nb\"\n"},
	    {ENV_JSON, "a\"b", "{\n\t\"X\":\t\"a\\\"b\"\n}\n"},
	    {ENV_GITHUB, "a'b", "X=a'b\n"},
	    {ENV_GITHUB, "a\nb", "X<<TESTENV_END\na\nb\nTESTENV_END\n"},
	    {ENV_GITLAB, "a b", "X=a b\n"},
	    {ENV_CMAKE, "a;b", "set(ENV{X} [[a;b]])\n"},
	    {ENV_CMAKE, "a]]b", "set(ENV{X} [=[a]]b]=])\n"},
	    {ENV_CMAKE, "\na", "set(ENV{X} [[\n\na]])\n"},
	    {ENV_CMAKE, "a]", "set(ENV{X} [=[a]]=])\n"},
	};

	(void)state;
	for (size_t i = 0; i < array_len(cases); i++) {
		auto_free char *text = written(cases[i].format, cases[i].value);

		assert_string_equal(text, cases[i].want);
	}
}

static void unset_where_there_is_a_word(void **state)
{
	static const struct {
		enum env_format format;
		const char *want;
	} cases[] = {
	    {ENV_SH, "unset PGSERVICE\n"},
	    {ENV_FISH, "set -e PGSERVICE\n"},
	    {ENV_CMAKE, "unset(ENV{PGSERVICE})\n"},
	    {ENV_DOTENV, ""},
	    {ENV_GITHUB, ""},
	    {ENV_GITLAB, ""},
	};

	(void)state;
	for (size_t i = 0; i < array_len(cases); i++) {
		auto_strvec struct strvec set = STRVEC_INIT;
		auto_strvec struct strvec unset = STRVEC_INIT;
		auto_buf struct buf b = BUF_INIT;

		strvec_push(&unset, "PGSERVICE");
		strvec_push(&unset, "BASH_FUNC_x%%");
		assert_int_equal(
		    env_format_write(cases[i].format, &set, &unset, &b, NULL),
		    0);
		assert_string_equal(b.s, cases[i].want);
	}
}

static void what_cannot_be_written(void **state)
{
	auto_strvec struct strvec set = STRVEC_INIT;
	auto_strvec struct strvec odd = STRVEC_INIT;
	auto_error struct error err = ERROR_INIT;
	auto_buf struct buf b = BUF_INIT;
	enum env_format format = ENV_SH;

	(void)state;
	strvec_push(&set, "X=a\nb");
	assert_int_equal(env_format_write(ENV_GITLAB, &set, &odd, &b, &err),
			 -1);
	assert_int_equal(err.kind, ERROR_CONFIG);
	assert_string_equal(err.text, "the value of 'X' has a line end, which "
				      "format 'gitlab' cannot hold");
	strvec_push(&odd, "X;id=1");
	assert_int_equal(env_format_write(ENV_SH, &odd, &set, &b, &err), -1);
	assert_int_equal(err.kind, ERROR_CONFIG);
	assert_string_equal(err.text, "'X;id' is no name for a variable");
	assert_int_equal(env_format_parse("yaml", &format, &err), -1);
	assert_int_equal(err.kind, ERROR_USAGE);
	assert_string_equal(err.text, "unknown format 'yaml'");
	assert_int_equal(env_format_parse("cmake", &format, &err), 0);
	assert_int_equal(format, ENV_CMAKE);
}

static void masks(void **state)
{
	auto_strvec struct strvec set = STRVEC_INIT;
	auto_buf struct buf b = BUF_INIT;

	(void)state;
	strvec_push(&set, "DATABASE_URL=x://u:s3cret@h");
	strvec_push(&set, "PGPASSWORD=s3cret");
	strvec_push(&set, "DB_PASSWORD=s3cret");
	strvec_push(&set, "MYSQL_PWD=other");
	strvec_push(&set, "EMPTY_PASSWORD=");
	env_format_masks(&set, &b);
	assert_string_equal(b.s, "::add-mask::s3cret\n::add-mask::other\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_shell_reads_back_sh),
	    cmocka_unit_test(random_values_through_a_shell),
	    cmocka_unit_test(json_reads_back),
	    cmocka_unit_test(github_reads_back),
	    cmocka_unit_test(exact_texts),
	    cmocka_unit_test(unset_where_there_is_a_word),
	    cmocka_unit_test(what_cannot_be_written),
	    cmocka_unit_test(masks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
