/* SPDX-License-Identifier: MIT */
/*
 * What a start asks of the engine, to the request: each costs the user a
 * millisecond or more, so each line below has its reason.
 */
/* first: what comes after has an err of its own */
#include "stub_db.h"

#include "place.h"

#include "config/config.h"
#include "session/session.h"

/* Two requests come from threads of their own, which a short session may end
 * before they are sent. */
static void await_threads(void)
{
	struct deadline d = deadline_in(60000, NULL);
	unsigned sessions = fake_engine_count(fake, "HEAD", "/_ping");

	while (fake_engine_count(fake, NULL, "/events") < sessions ||
	       fake_engine_count(fake, NULL, "/containers/json") < sessions)
		assert_ok(deadline_poll(&d, NULL, 0, 2, "threads", &err));
}

/* One session from its beginning to its end with these flags. */
static void run_session(const struct config_flag *flags, size_t n)
{
	struct config config;
	struct deadline deadline = deadline_in(60000, NULL);
	struct session *s;

	assert_ok(config_load(flags, n, NULL, &config, &err));
	assert_ok(session_new(&config, NULL, NULL, &s, &err));
	assert_ok(session_start(s, &deadline, &err));
	await_threads();
	session_end(s);
	config_free(&config);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* "POST /v1.41/containers/ID/start?x" without version, id and query: the
 * caller frees. A template's name is its key. */
static char *pattern(const char *line)
{
	auto_buf struct buf out = BUF_INIT;
	const char *at = line + strcspn(line, "/");

	buf_put(&out, line, (size_t)(at - line));
	if (!strncmp(at, "/v1.", 4))
		at += 1 + strcspn(at + 1, "/");
	for (; *at && *at != '?'; at++) {
		size_t hex = strspn(at, "0123456789abcdef");

		if (hex >= 32)
			buf_putc(&out, '*');
		else
			buf_put(&out, at, hex ? hex : 1);
		at += hex ? hex - 1 : 0;
	}
	return buf_take(&out);
}

/* The requests from line `from` on are these, in any order: the watch and the
 * clean-up after dead sessions have threads of their own. */
static unsigned check_requests(unsigned from, const char *const *want, size_t n)
{
	auto_free char *log = fake_engine_log(fake);
	char *got[128];
	size_t n_got = 0;
	unsigned line = 0;
	char *save = NULL;

	for (char *l = strtok_r(log, "\n", &save); l;
	     l = strtok_r(NULL, "\n", &save)) {
		if (line++ >= from && n_got < array_len(got))
			got[n_got++] = pattern(l);
	}
	qsort(got, n_got, sizeof(*got), by_text);
	for (size_t i = 0; i < n_got; i++)
		if (i >= n || strcmp(got[i], want[i]) != 0) {
			for (size_t k = 0; k < n_got; k++)
				print_error("  %s\n", got[k]);
			fail_msg("request '%s' is not expected", got[i]);
		}
	assert_int_equal(n_got, n);
	for (size_t i = 0; i < n_got; i++)
		free(got[i]);
	return line;
}

#define check(from, want) check_requests(from, want, array_len(want))

/* Each list is sorted. */
static const char *const warm[] = {
    "DELETE /containers/*",
    /* what dead sessions left */
    "GET /containers/json",
    /* tells a server's end at once */
    "GET /events",
    /* which image is the newest, and its id, for the template's key */
    "GET /images/json",
    /* is the template there, and its passwords */
    "GET /images/testenv/template:*/json",
    /* who answers, in which version */
    "HEAD /_ping",
    "POST /containers/*/start",
    "POST /containers/create",
};

static const char *const cold[] = {
    /* as above, and the builder */
    "DELETE /containers/*",
    "DELETE /containers/*",
    /* did the builder shut down cleanly */
    "GET /containers/*/json",
    "GET /containers/json",
    "GET /events",
    "GET /images/json",
    /* at the end: is more kept now than cache_size */
    "GET /images/json",
    /* is it there; and once more under the lock: another may have made it */
    "GET /images/testenv/template:*/json",
    "GET /images/testenv/template:*/json",
    "HEAD /_ping",
    "POST /commit",
    "POST /containers/*/start",
    "POST /containers/*/start",
    "POST /containers/*/stop",
    "POST /containers/create",
    "POST /containers/create",
};

static void an_unversioned_start(void **state)
{
	struct config_flag flags[] = {{"db", "postgres"},
				      {"backend", "container"},
				      {"host", fake_engine_host(fake)}};
	unsigned at;

	(void)state;
	fake_engine_add_image(fake, "testenv/postgres:15", NULL);
	run_session(flags, array_len(flags));
	at = check(0, cold);
	run_session(flags, array_len(flags));
	check(at, warm);
}

/* With a version the name is known: it is looked at instead of a list. */
static void a_versioned_start(void **state)
{
	static const char *const want[] = {
	    "DELETE /containers/*",
	    "GET /containers/json",
	    "GET /events",
	    "GET /images/testenv/postgres:15/json",
	    "GET /images/testenv/template:*/json",
	    "HEAD /_ping",
	    "POST /containers/*/start",
	    "POST /containers/create",
	};
	struct config_flag flags[] = {{"db", "postgres:15"},
				      {"backend", "container"},
				      {"host", fake_engine_host(fake)}};
	auto_free char *log = NULL;
	unsigned at = 0;

	(void)state;
	fake_engine_add_image(fake, "testenv/postgres:15", NULL);
	run_session(flags, array_len(flags));
	log = fake_engine_log(fake);
	for (const char *p = log; (p = strchr(p, '\n')); p++)
		at++;
	run_session(flags, array_len(flags));
	check(at, want);
}

/* A server more: three requests more. */
static void a_start_of_two(void **state)
{
	static const char *const want[] = {
	    "DELETE /containers/*",
	    "DELETE /containers/*",
	    "GET /containers/json",
	    "GET /events",
	    "GET /images/json",
	    "GET /images/testenv/template:*/json",
	    "HEAD /_ping",
	    "POST /containers/*/start",
	    "POST /containers/*/start",
	    "POST /containers/create",
	    "POST /containers/create",
	};
	struct config_flag flags[] = {{"db", "postgres"},
				      {"backend", "container"},
				      {"workers", "2"},
				      {"host", fake_engine_host(fake)}};
	auto_free char *log = NULL;
	unsigned at = 0;

	(void)state;
	fake_engine_add_image(fake, "testenv/postgres:15", NULL);
	run_session(flags, array_len(flags));
	log = fake_engine_log(fake);
	for (const char *p = log; (p = strchr(p, '\n')); p++)
		at++;
	run_session(flags, array_len(flags));
	check(at, want);
}

/* An engine that does not see our files is told so by its own refusal, once a
 * session, and each server costs a look at the port that it chose. */
static void a_start_without_shared_files(void **state)
{
	static const char *const want[] = {
	    "DELETE /containers/*",
	    "GET /containers/*/json",
	    "GET /containers/json",
	    "GET /events",
	    "GET /images/json",
	    "GET /images/testenv/template:*/json",
	    "HEAD /_ping",
	    "POST /containers/*/start",
	    "POST /containers/create",
	    "POST /containers/create",
	};
	static const struct fake_reply refused = {
	    .status = 400,
	    .body =
		"{\"message\":\"invalid mount config for type \\\"bind\\\": "
		"bind source path does not exist: /x\"}"};
	struct config_flag flags[] = {{"db", "postgres"},
				      {"backend", "container"},
				      {"host", fake_engine_host(fake)}};
	auto_free char *log = NULL;
	unsigned at = 0;

	(void)state;
	fake_engine_add_image(fake, "testenv/postgres:15", NULL);
	run_session(flags, array_len(flags));
	log = fake_engine_log(fake);
	for (const char *p = log; (p = strchr(p, '\n')); p++)
		at++;
	fake_engine_on(fake, "POST", "/containers/create", &refused, 1);
	run_session(flags, array_len(flags));
	check(at, want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    in_place(an_unversioned_start),
	    in_place(a_versioned_start),
	    in_place(a_start_of_two),
	    in_place(a_start_without_shared_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
