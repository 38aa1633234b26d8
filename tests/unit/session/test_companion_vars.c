/* SPDX-License-Identifier: MIT */
/* What the variables of a service beside the databases are made of. */
#include "session/companions.h"

#include "unit/cm.h"

#include "base/error.h"

#include <string.h>

static void is(const char *host, const char *text, const char *expected)
{
	struct companion_address a = {.ports = {{6379, 32768}}, .n_ports = 1};
	struct companion_words words = {.address = &a};
	auto_error struct error err = ERROR_INIT;
	auto_buf struct buf out = BUF_INIT;

	strncpy(a.host, host, sizeof(a.host) - 1);
	assert_int_equal(companion_expand(text, &words, &out, &err), 0);
	assert_string_equal(out.s, expected);
}

static void a_host_is_in_brackets_where_a_url_needs_it(void **state)
{
	(void)state;
	is("10.0.0.1", "redis://{host}:{port}/1", "redis://10.0.0.1:32768/1");
	is("fd00::1", "redis://{host}:{port}/1", "redis://[fd00::1]:32768/1");
	is("fd00::1", "{host}", "fd00::1");
	is("fd00::1", "{host} {port:6379}", "fd00::1 32768");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_host_is_in_brackets_where_a_url_needs_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
