/* SPDX-License-Identifier: MIT */
/* Errors, buffers, string lists: what every message is made of. */
#include "unit/cm.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/strvec.h"

#include <errno.h>
#include <string.h>

static void a_full_disk_is_known_by_its_words(void **state)
{
	auto_error struct error err = ERROR_INIT;

	(void)state;
	assert_false(error_is_disk_full(&err));
	error_set(&err, ERROR_DATABASE, "could not extend file");
	assert_false(error_is_disk_full(&err));
	error_detail(&err, "LOG: a\nFATAL: write: No space left on device");
	assert_true(error_is_disk_full(&err));
	error_set(&err, ERROR_DATABASE,
		  "could not resize shared memory segment \"x\": No space left "
		  "on device");
	assert_false(error_is_disk_full(&err));
	error_set(&err, ERROR_DATABASE, "Got error (Errcode: 28 \"voll\")");
	assert_true(error_is_disk_full(&err));
	error_set_errno(&err, ERROR_IO, ENOSPC, "write 'x'");
	assert_true(error_is_disk_full(&err));
}

static void error_text_grows_in_front(void **state)
{
	auto_error struct error err = ERROR_INIT;

	(void)state;
	assert_string_equal(error_text(&err), "no error");
	assert_int_equal(error_set(&err, ERROR_ENGINE, "no such %s", "image"),
			 -1);
	error_wrap(&err, "create container from '%s'", "postgres:16");
	assert_string_equal(
	    error_text(&err),
	    "create container from 'postgres:16': no such image");
	assert_int_equal(err.kind, ERROR_ENGINE);
	error_hint(&err, "pull it");
	error_detail(&err, "line 1\nline 2");
	error_set(&err, ERROR_IO, "again");
	assert_null(err.hint);
	assert_null(err.detail);
}

static void error_text_has_no_control_characters(void **state)
{
	auto_error struct error err = ERROR_INIT;

	(void)state;
	error_set(&err, ERROR_ENGINE, "a\nb\033[31mc\x7f");
	assert_string_equal(err.text, "a b [31mc ");
}

static void error_of_a_full_disk_is_a_kind_of_its_own(void **state)
{
	auto_error struct error err = ERROR_INIT;

	(void)state;
	error_set_errno(&err, ERROR_IO, ENOSPC, "cannot write '%s'", "/x");
	assert_int_equal(err.kind, ERROR_NO_SPACE);
	assert_string_equal(err.text,
			    "cannot write '/x': No space left on device");
	error_set_errno(&err, ERROR_IO, EACCES, "cannot write '%s'", "/x");
	assert_int_equal(err.kind, ERROR_IO);
}

static void error_kinds_have_names_and_distinct_codes(void **state)
{
	static const enum error_kind kinds[] = {
#define KIND(kind, code, name) kind,
	    ERROR_KINDS(KIND)
#undef KIND
	};

	(void)state;
	for (size_t i = 0; i < array_len(kinds); i++)
		for (size_t j = 0; j < i; j++) {
			assert_int_not_equal(error_exit_code(kinds[i]),
					     error_exit_code(kinds[j]));
			assert_string_not_equal(error_kind_name(kinds[i]),
						error_kind_name(kinds[j]));
		}
	assert_int_equal(error_exit_code(ERROR_MIGRATION), 11);
	assert_int_equal(error_exit_code(ERROR_NONE), 0);
}

static void error_moves(void **state)
{
	auto_error struct error a = ERROR_INIT;
	auto_error struct error b = ERROR_INIT;

	(void)state;
	error_set(&a, ERROR_PULL, "x");
	assert_int_equal(error_move(&b, &a), -1);
	assert_int_equal(a.kind, ERROR_NONE);
	assert_null(a.text);
	assert_string_equal(b.text, "x");
	error_move(NULL, &b);
	assert_null(b.text);
}

static void buf_keeps_its_bound(void **state)
{
	auto_buf struct buf b = BUF_INIT_MAX(5);

	(void)state;
	assert_string_equal(b.s, "");
	buf_puts(&b, "abc");
	buf_puts(&b, "def");
	assert_true(b.full);
	assert_string_equal(b.s, "abc");
	buf_puts(&b, "x");
	assert_string_equal(b.s, "abc");
	buf_clear(&b);
	assert_false(b.full);
	buf_puts(&b, "abcde");
	assert_false(b.full);
	assert_int_equal(b.len, 5);
	buf_consume(&b, 3);
	assert_string_equal(b.s, "de");
	buf_truncate(&b, 1);
	assert_string_equal(b.s, "d");
}

static void buf_take_leaves_it_usable(void **state)
{
	struct buf b = BUF_INIT;
	auto_free char *first = NULL;
	auto_free char *empty = NULL;

	(void)state;
	buf_puts(&b, "one");
	first = buf_take(&b);
	assert_string_equal(first, "one");
	empty = buf_take(&b);
	assert_string_equal(empty, "");
	buf_putc(&b, 'x');
	assert_string_equal(b.s, "x");
	buf_free(&b);
}

static void buf_escapes(void **state)
{
	auto_buf struct buf b = BUF_INIT;

	(void)state;
	buf_put_percent(&b, "a b/\xc3\xa4~");
	assert_string_equal(b.s, "a%20b%2F%C3%A4~");
	buf_clear(&b);
	buf_puts(&b, "/x");
	buf_put_query(&b, "a", "1&2");
	buf_put_query(&b, "b", "");
	assert_string_equal(b.s, "/x?a=1%262&b=");
	buf_clear(&b);
	buf_put_shell(&b, "plain/word:1");
	buf_putc(&b, ' ');
	buf_put_shell(&b, "it's $HOME");
	buf_putc(&b, ' ');
	buf_put_shell(&b, "");
	assert_string_equal(b.s, "plain/word:1 'it'\\''s $HOME' ''");
}

static void strvec_is_an_environment(void **state)
{
	auto_strvec struct strvec v = STRVEC_INIT;

	(void)state;
	assert_null(v.v[0]);
	strvec_push(&v, "PATH=/bin");
	strvec_push(&v, "PATHX=/x");
	strvec_env_set(&v, "PATH", "/usr/bin");
	strvec_env_put(&v, "NEW=a=b");
	strvec_env_put(&v, "no entry");
	assert_string_equal(strvec_env_get(&v, "PATH"), "/usr/bin");
	assert_string_equal(strvec_env_get(&v, "NEW"), "a=b");
	assert_null(strvec_env_get(&v, "NE"));
	strvec_env_set(&v, "PATH", NULL);
	assert_null(strvec_env_get(&v, "PATH"));
	assert_int_equal(v.n, 2);
	assert_null(v.v[2]);
	strvec_env_set(&v, "PATH", NULL);
	for (int i = 0; i < 100; i++)
		strvec_pushf(&v, "K%d=%d", i, i);
	assert_string_equal(strvec_env_get(&v, "K99"), "99");
	assert_true(strvec_has(&v, "K7=7"));
	assert_false(strvec_has(&v, "K7"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(error_text_grows_in_front),
	    cmocka_unit_test(a_full_disk_is_known_by_its_words),
	    cmocka_unit_test(error_text_has_no_control_characters),
	    cmocka_unit_test(error_of_a_full_disk_is_a_kind_of_its_own),
	    cmocka_unit_test(error_kinds_have_names_and_distinct_codes),
	    cmocka_unit_test(error_moves),
	    cmocka_unit_test(buf_keeps_its_bound),
	    cmocka_unit_test(buf_take_leaves_it_usable),
	    cmocka_unit_test(buf_escapes),
	    cmocka_unit_test(strvec_is_an_environment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
