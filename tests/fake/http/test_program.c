/* SPDX-License-Identifier: MIT */
#include "http/http.h"

#include "base/alloc.h"
#include "base/error.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static struct error err = ERROR_INIT;

/* One GET through a shell script as the connection. */
static int get(const char *script, int64_t ms, unsigned times,
	       struct http_reply *ret)
{
	const char *program[] = {"sh", "-c", script, NULL};
	struct http_address a = {.program = program};
	struct http_client *client = http_client_new(&a, &err);
	struct http_request q = {.path = "/x"};
	struct deadline d = deadline_in(ms, NULL);
	int rc = 0;

	assert_non_null(client);
	while (rc == 0 && times--)
		rc = http_send(client, &q, &d, ret, &err);
	http_client_free(client);
	/* every program has ended, and was waited for */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	return rc;
}

static void is_error(enum error_kind kind, const char *text)
{
	assert_string_equal(error_text(&err), text);
	assert_int_equal(err.kind, kind);
	error_clear(&err);
}

#define ANSWER                                                           \
	"while read -r l && [ \"$l\" != $(printf '\\r') ]; do :; done; " \
	"printf 'HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n%s' "

/* Two requests, one program: it counts them. */
static void is_kept(void **state)
{
	auto_http_reply struct http_reply r = HTTP_REPLY_INIT;

	(void)state;
	assert_int_equal(get("n=0; while [ $n -lt 3 ]; do n=$((n+1)); " ANSWER
			     "1 $n; done",
			     30000, 2, &r),
			 0);
	assert_int_equal(r.status, 200);
	assert_string_equal(r.body.s, "2");
}

static void ends_between(void **state)
{
	auto_http_reply struct http_reply r = HTTP_REPLY_INIT;

	(void)state;
	assert_int_equal(get(ANSWER "2 ok", 30000, 2, &r), 0);
	assert_string_equal(r.body.s, "ok");
}

static void says_why(void **state)
{
	auto_http_reply struct http_reply r = HTTP_REPLY_INIT;

	(void)state;
	assert_int_equal(get("echo warning >&2; echo 'no route' >&2; exit 255",
			     30000, 1, &r),
			 -1);
	is_error(ERROR_NO_ENGINE, "no connection by 'sh': no route");
	/* more than is kept, with no end of line */
	assert_int_equal(
	    get("head -c 100000 /dev/zero | tr '\\0' x >&2", 30000, 1, &r), -1);
	assert_int_equal(err.kind, ERROR_NO_ENGINE);
	assert_true(strlen(err.text) < 5000);
	error_clear(&err);
}

/* One that neither answers nor minds the end of its input. */
static void hangs(void **state)
{
	auto_http_reply struct http_reply r = HTTP_REPLY_INIT;

	(void)state;
	assert_int_equal(
	    get("trap '' TERM; while :; do sleep 1000; done", 300, 1, &r), -1);
	is_error(ERROR_TIMEOUT, "GET /x: timed out");
}

static void is_not_there(void **state)
{
	const char *program[] = {"/nowhere/ssh", NULL};
	struct http_address a = {.program = program};
	struct http_client *client = http_client_new(&a, &err);
	struct http_request q = {.path = "/x"};
	struct deadline d = deadline_in(30000, NULL);
	auto_http_reply struct http_reply r = HTTP_REPLY_INIT;

	(void)state;
	assert_int_equal(http_send(client, &q, &d, &r, &err), -1);
	is_error(ERROR_NO_ENGINE,
		 "cannot run '/nowhere/ssh': No such file or directory");
	http_client_free(client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(is_kept),      cmocka_unit_test(ends_between),
	    cmocka_unit_test(says_why),     cmocka_unit_test(hangs),
	    cmocka_unit_test(is_not_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
