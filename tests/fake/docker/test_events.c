/* SPDX-License-Identifier: MIT */
#include "fake.h"

#include "docker/events.h"

#include <pthread.h>

struct seen {
	pthread_mutex_t lock;
	pthread_cond_t more;
	char text[1024]; /* "action id name code" a line */
};

static struct seen seen;

static void on_event(void *ctx, const struct engine_event *e)
{
	struct seen *s = ctx;
	size_t len;

	pthread_mutex_lock(&s->lock);
	len = strlen(s->text);
	snprintf(s->text + len, sizeof(s->text) - len, "%s %s %s %d\n",
		 e->action, e->id, e->name, e->exit_code);
	pthread_cond_signal(&s->more);
	pthread_mutex_unlock(&s->lock);
}

static int setup(void **state)
{
	seen = (struct seen){PTHREAD_MUTEX_INITIALIZER,
			     PTHREAD_COND_INITIALIZER, ""};
	return fake_setup_open(state);
}

/* Waits until the events have this in them. */
static void await(const char *text)
{
	struct timespec limit;

	clock_gettime(CLOCK_REALTIME, &limit);
	limit.tv_sec += 30;
	pthread_mutex_lock(&seen.lock);
	while (!strstr(seen.text, text))
		if (pthread_cond_timedwait(&seen.more, &seen.lock, &limit))
			fail_msg("'%s' is not in '%s'", text, seen.text);
	pthread_mutex_unlock(&seen.lock);
}

static struct engine_watch *watch(void)
{
	struct engine_watch *w;

	assert_ok(
	    engine_watch_start(engine, "dev.x=y", on_event, &seen, &w, &err));
	return w;
}

#define CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

static void events_are_read_as_they_come(void **state)
{
	static const char line[] =
	    "{\"Type\":\"container\",\"Action\":\"die\",\"Actor\":{\"ID\":"
	    "\"c1\",\"Attributes\":{\"name\":\"n\",\"exitCode\":\"3\"}},"
	    "\"time\":1,\"timeNano\":1000000000}\n"
	    "{\"Action\":\"died\",\"Actor\":{\"ID\":\"c2\",\"Attributes\":{"
	    "\"containerExitCode\":\"4\"}}}\n{\"Action\":\"oom\"}\n{}\n";
	auto_free char *raw =
	    xasprintf(CHUNKED "%zx\r\n%s\r\n", strlen(line), line);
	struct fake_reply reply = {.raw = raw, .flags = FAKE_HANG};
	struct engine_watch *w;
	auto_free char *log = NULL;

	(void)state;
	fake_engine_on(fake, "GET", "/events", &reply, 0);
	w = watch();
	await("oom");
	assert_string_equal(seen.text, "die c1 n 3\ndie c2  4\noom   -1\n");
	/* the stream is still open: this must not wait for it */
	engine_watch_stop(w);
	assert_int_equal(fake_engine_count(fake, "GET", "/events"), 1);
	log = fake_engine_log(fake);
	assert_non_null(strstr(log, "/events?since="));
	assert_non_null(strstr(log, "&filters=%7B%22type%22%3A%5B%22container"
				    "%22%5D%2C%22label%22%3A%5B%22dev.x%3Dy"));
}

static void a_stream_that_ends_is_opened_again(void **state)
{
	struct fake_reply first = {
	    .body = "{\"Action\":\"start\",\"Actor\":{\"ID\":\"c1\"},"
		    "\"timeNano\":4000000000000000000}\n"};
	struct fake_reply cut = {.body = "{\"Action\":\"st",
				 .flags = FAKE_CHUNKED | FAKE_UNENDED};
	struct fake_reply last = {.raw = CHUNKED
				  "11\r\n{\"Action\":\"die\"}\n\r\n",
				  .flags = FAKE_HANG};
	struct engine_watch *w;
	auto_free char *log = NULL;

	(void)state;
	fake_engine_on(fake, "GET", "/events", &last, 0);
	fake_engine_on(fake, "GET", "/events", &cut, 1);
	fake_engine_on(fake, "GET", "/events", &first, 1);
	w = watch();
	await("die");
	engine_watch_stop(w);
	assert_string_equal(seen.text, "start c1  -1\ndie   -1\n");
	/* from where it was */
	log = fake_engine_log(fake);
	assert_non_null(strstr(log, "/events?since=4000000000.000000000&"));
	assert_int_equal(fake_engine_count(fake, "GET", "/events"), 3);
}

static void an_engine_that_is_gone_is_told_once(void **state)
{
	struct fake_reply gone = {.flags = FAKE_VANISH | FAKE_SILENT};
	struct engine_watch *w;

	(void)state;
	fake_engine_on(fake, "GET", "/events", &gone, 0);
	w = watch();
	await("lost");
	engine_watch_stop(w);
	assert_string_equal(seen.text, "lost   -1\n");
}

static void nothing_is_stopped_safely(void **state)
{
	(void)state;
	engine_watch_stop(NULL);
	engine_watch_stop(watch());
}

#define test_events(f) cmocka_unit_test_setup_teardown(f, setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    test_events(events_are_read_as_they_come),
	    test_events(a_stream_that_ends_is_opened_again),
	    test_events(an_engine_that_is_gone_is_told_once),
	    test_events(nothing_is_stopped_safely),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
