/* SPDX-License-Identifier: MIT */
#include "docker/ssh.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void is(const char *url, const char *host, const char *words)
{
	auto_error struct error err = ERROR_INIT;
	auto_strvec struct strvec argv = STRVEC_INIT;
	auto_free char *got = NULL;
	auto_buf struct buf b = BUF_INIT;

	if (ssh_program(url, &argv, &got, &err) < 0)
		fail_msg("%s", error_text(&err));
	for (size_t i = 0; i < argv.n; i++)
		buf_printf(&b, "%s%s", i ? "|" : "", argv.v[i]);
	assert_string_equal(b.s, words);
	assert_string_equal(got, host);
}

static void forms(void **state)
{
	(void)state;
	is("ssh://box", "box",
	   "ssh|-oConnectTimeout=30|-T|--|box|docker system dial-stdio");
	is("ssh://me@box:22/", "box",
	   "ssh|-oConnectTimeout=30|-T|-lme|-p22|--|box|"
	   "docker system dial-stdio");
	is("ssh://me@[::1]:2222/run/a b.sock", "::1",
	   "ssh|-oConnectTimeout=30|-T|-lme|-p2222|--|::1|"
	   "docker --host 'unix:///run/a b.sock' system dial-stdio");
}

/* Nothing may become an option or a command. */
static void refused(void **state)
{
	static const char *const urls[] = {
	    "ssh://",           "ssh://-oProxyCommand=x",
	    "ssh://@box",       "ssh://-l@box",
	    "ssh://me:pw@box:", "ssh://box:port",
	    "ssh://box;x",      "ssh://$(x)",
	    "ssh://[::1",       "ssh://[::1]x",
	    "ssh://box:123456", "tcp://box"};

	(void)state;
	for (size_t i = 0; i < array_len(urls); i++) {
		auto_error struct error err = ERROR_INIT;
		auto_strvec struct strvec argv = STRVEC_INIT;
		auto_free char *host = NULL;
		auto_free char *text =
		    xasprintf("'%s' is not an engine's address", urls[i]);

		assert_int_equal(ssh_program(urls[i], &argv, &host, &err), -1);
		assert_int_equal(err.kind, ERROR_CONFIG);
		assert_string_equal(err.text, text);
		assert_int_equal(argv.n, 0);
		assert_null(host);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(forms),
	    cmocka_unit_test(refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
