/* SPDX-License-Identifier: MIT */
/* What goes in and out of a container: logs, exec, archives, events. */
#include "live.h"

#include "docker/events.h"

#include <pthread.h>

struct streams {
	struct buf out;
	struct buf err;
};

static int collect(void *ctx, int stream, const char *data, size_t len)
{
	struct streams *s = ctx;

	buf_put(stream == 2 ? &s->err : &s->out, data, len);
	return 0;
}

static void streams_free(struct streams *s)
{
	buf_free(&s->out);
	buf_free(&s->err);
}
#define auto_streams __attribute__((cleanup(streams_free)))
#define STREAMS_INIT               \
	{                          \
		BUF_INIT, BUF_INIT \
	}

static struct container run(const char *script)
{
	struct container c = live_create(script);

	assert_ok(container_start(engine, &c, &until, &err));
	return c;
}

static void logs_are_told_apart_by_stream(void **state)
{
	struct container c = run("echo to out; echo to err >&2");
	struct container_log_options all = {.follow = true};
	auto_streams struct streams s = STREAMS_INIT;
	auto_buf struct buf tail = BUF_INIT_MAX(7);

	(void)state;
	assert_ok(
	    container_logs(engine, c.id, &all, &until, collect, &s, &err));
	assert_string_equal(s.out.s, "to out\n");
	assert_string_equal(s.err.s, "to err\n");
	assert_ok(container_log_tail(engine, c.id, 10, &until, &tail, &err));
	assert_int_equal(tail.len, 7);
	assert_ok(container_remove(engine, c.id, &until, &err));
}

static void a_long_log_is_whole(void **state)
{
	struct container c = run("i=0; while [ $i -lt 20000 ]; do "
				 "echo line number $i; i=$((i+1)); done");
	struct container_log_options all = {0};
	struct container_log_options last = {.tail = 3};
	auto_streams struct streams s = STREAMS_INIT;
	auto_streams struct streams end = STREAMS_INIT;
	size_t lines = 0;
	int code;

	(void)state;
	/* podman's follow may lose what is written last */
	assert_ok(container_wait(engine, &c, &until, &code, &err));
	assert_ok(
	    container_logs(engine, c.id, &all, &until, collect, &s, &err));
	for (size_t i = 0; i < s.out.len; i++)
		lines += s.out.s[i] == '\n';
	assert_int_equal(lines, 20000);
	assert_ok(
	    container_logs(engine, c.id, &last, &until, collect, &end, &err));
	assert_string_equal(end.out.s, "line number 19997\nline number 19998\n"
				       "line number 19999\n");
	assert_ok(container_remove(engine, c.id, &until, &err));
}

static void exec_gives_output_and_code(void **state)
{
	struct container c = run("exec sleep 1000");
	const char *cmd[] = {"sh", "-c", "id -un; echo bad >&2; exit 7", NULL};
	const char *missing[] = {"/no/such/command", NULL};
	auto_streams struct streams s = STREAMS_INIT;
	int code = -1;

	(void)state;
	assert_ok(container_exec(engine, c.id, cmd, "daemon", &until, collect,
				 &s, &code, &err));
	assert_int_equal(code, 7);
	assert_string_equal(s.out.s, "daemon\n");
	assert_string_equal(s.err.s, "bad\n");
	assert_ok(container_exec(engine, c.id, missing, NULL, &until, NULL,
				 NULL, &code, &err));
	assert_true(code == 126 || code == 127);
	assert_ok(container_kill(engine, &c, "KILL", &until, &err));
	assert_ok(container_wait(engine, &c, &until, &code, &err));
	assert_int_equal(code, 137);
	assert_int_equal(container_exec(engine, c.id, cmd, NULL, &until, NULL,
					NULL, &code, &err),
			 -1);
	assert_int_equal(err.kind, ERROR_ENGINE);
	assert_non_null(strstr(err.text, "running"));
	assert_ok(container_remove(engine, c.id, &until, &err));
}

static void an_archive_goes_in_and_comes_out(void **state)
{
	struct container c = live_create("cat /srv/hello");
	struct tar *tar = tar_new();
	auto_buf struct buf in = BUF_INIT;
	auto_buf struct buf out = BUF_INIT;
	auto_buf struct buf small = BUF_INIT_MAX(100);
	auto_buf struct buf text = BUF_INIT;
	int code = -1;

	(void)state;
	assert_ok(tar_add(tar, "hello", "good day\n", 9, 0644, &err));
	assert_ok(tar_end(tar, &in, &err));
	assert_ok(
	    container_put_archive(engine, c.id, "/srv", &in, &until, &err));
	assert_ok(container_get_archive(engine, c.id, "/srv/hello", &until,
					&out, &err));
	assert_non_null(memmem(out.s, out.len, "good day\n", 9));
	assert_int_equal(container_get_archive(engine, c.id, "/srv/hello",
					       &until, &small, &err),
			 -1);
	assert_int_equal(err.kind, ERROR_PROTOCOL);
	assert_int_equal(container_get_archive(engine, c.id, "/srv/none",
					       &until, &out, &err),
			 -1);
	assert_int_equal(err.kind, ERROR_ENGINE);
	assert_ok(container_start(engine, &c, &until, &err));
	assert_ok(container_wait(engine, &c, &until, &code, &err));
	assert_int_equal(code, 0);
	assert_ok(container_log_tail(engine, c.id, 5, &until, &text, &err));
	assert_string_equal(text.s, "good day\n");
	assert_ok(container_remove(engine, c.id, &until, &err));
}

struct seen {
	pthread_mutex_t lock;
	pthread_cond_t more;
	char actions[512]; /* "create start die " */
	int die_code;
};

static void on_event(void *ctx, const struct engine_event *event)
{
	struct seen *seen = ctx;
	size_t len;

	pthread_mutex_lock(&seen->lock);
	len = strlen(seen->actions);
	snprintf(seen->actions + len, sizeof(seen->actions) - len, "%s ",
		 event->action);
	if (!strcmp(event->action, "die"))
		seen->die_code = event->exit_code;
	pthread_cond_signal(&seen->more);
	pthread_mutex_unlock(&seen->lock);
}

static void events_tell_of_a_death(void **state)
{
	struct seen seen = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER,
			    "", -1};
	struct engine_watch *watch;
	struct container c;
	struct timespec limit;

	(void)state;
	clock_gettime(CLOCK_REALTIME, &limit);
	limit.tv_sec += 30;
	assert_ok(engine_watch_start(engine, live_label, on_event, &seen,
				     &watch, &err));
	c = run("exit 5");
	pthread_mutex_lock(&seen.lock);
	while (!strstr(seen.actions, "die"))
		assert_int_equal(
		    pthread_cond_timedwait(&seen.more, &seen.lock, &limit), 0);
	assert_int_equal(strncmp(seen.actions, "create ", 7), 0);
	assert_non_null(strstr(seen.actions, "start "));
	assert_int_equal(seen.die_code, 5);
	pthread_mutex_unlock(&seen.lock);
	engine_watch_stop(watch);
	assert_ok(container_remove(engine, c.id, &until, &err));
}

static void the_engine_describes_itself(void **state)
{
	struct engine_info info = {0};

	(void)state;
	assert_ok(engine_info(engine, &until, &info, &err));
	assert_non_null(info.version);
	assert_non_null(info.storage_driver);
	assert_non_null(info.max_api);
	assert_true(info.cpus > 0);
	assert_true(info.memory_bytes > 0);
	assert_true(engine_api(engine) >= 124);
	engine_info_free(&info);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(logs_are_told_apart_by_stream),
	    cmocka_unit_test(a_long_log_is_whole),
	    cmocka_unit_test(exec_gives_output_and_code),
	    cmocka_unit_test(an_archive_goes_in_and_comes_out),
	    cmocka_unit_test(events_tell_of_a_death),
	    cmocka_unit_test(the_engine_describes_itself),
	};

	if (!live_available())
		return 77;
	return cmocka_run_group_tests(tests, live_setup, live_teardown);
}
