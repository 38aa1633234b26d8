/* SPDX-License-Identifier: MIT */
#include "fake.h"

#define ID "cafe00000000000000000000000000000000000000000000000000000000cafe"

static const struct container cafe = {.id = ID};
static const struct container_spec plain = {.image = "debian"};

static int ignore(void *ctx, int stream, const char *data, size_t len)
{
	(void)ctx, (void)stream, (void)data, (void)len;
	return 0;
}

/* Every call there is, by name, so that each meets every kind of trouble. */
static int do_create(void)
{
	struct container c;

	return container_create(engine, &plain, &until, &c, &err);
}

static int do_start(void)
{
	return container_start(engine, &cafe, &until, &err);
}

static int do_stop(void)
{
	return container_stop(engine, &cafe, 1, &until, &err);
}

static int do_kill(void)
{
	return container_kill(engine, &cafe, "TERM", &until, &err);
}

static int do_remove(void)
{
	return container_remove(engine, ID, &until, &err);
}

static int do_wait(void)
{
	int code;

	return container_wait(engine, &cafe, &until, &code, &err);
}

static int do_inspect(void)
{
	struct container_state s;

	return container_inspect(engine, ID, &until, &s, &err);
}

static int do_list(void)
{
	auto_container_list struct container_list list = CONTAINER_LIST_INIT;

	return container_list(engine, "a=b", &until, &list, &err);
}

static int do_logs(void)
{
	struct container_log_options o = {0};

	return container_logs(engine, ID, &o, &until, ignore, NULL, &err);
}

static int do_exec(void)
{
	const char *cmd[] = {"true", NULL};
	int code;

	return container_exec(engine, ID, cmd, NULL, &until, NULL, NULL, &code,
			      &err);
}

static int do_put(void)
{
	auto_buf struct buf tar = BUF_INIT;

	buf_puts(&tar, "tar");
	return container_put_archive(engine, ID, "/", &tar, &until, &err);
}

static int do_get(void)
{
	auto_buf struct buf tar = BUF_INIT;

	return container_get_archive(engine, ID, "/x", &until, &tar, &err);
}

static int do_image(void)
{
	auto_image struct image image = IMAGE_INIT;

	return image_inspect(engine, "debian", &until, &image, &err);
}

static int do_pull(void)
{
	return image_pull(engine, "debian", NULL, &until, NULL, &err);
}

static int do_build(void)
{
	auto_buf struct buf tar = BUF_INIT;
	struct image_build b = {.context = &tar, .tag = "x:y"};

	buf_puts(&tar, "tar");
	return image_build(engine, &b, &until, NULL, &err);
}

static int do_commit(void)
{
	auto_free char *id = NULL;

	return image_commit(engine, ID, "x", "y", NULL, &until, &id, &err);
}

static int do_image_remove(void)
{
	return image_remove(engine, "x:y", &until, &err);
}

static int do_image_list(void)
{
	auto_image_list struct image_list list = IMAGE_LIST_INIT;

	return image_list(engine, "a", "b", &until, &list, &err);
}

static int do_info(void)
{
	struct engine_info info = {0};
	int rc = engine_info(engine, &until, &info, &err);

	engine_info_free(&info);
	return rc;
}

static const struct call {
	const char *name;
	int (*fn)(void);
	bool reads; /* needs a JSON reply */
} calls[] = {
    {"create", do_create, true},
    {"start", do_start, false},
    {"stop", do_stop, false},
    {"kill", do_kill, false},
    {"remove", do_remove, false},
    {"wait", do_wait, true},
    {"inspect", do_inspect, true},
    {"list", do_list, true},
    {"logs", do_logs, true},
    {"exec", do_exec, true},
    {"put", do_put, false},
    {"get", do_get, false},
    {"image", do_image, true},
    {"pull", do_pull, true},
    {"build", do_build, true},
    {"commit", do_commit, true},
    {"image_remove", do_image_remove, false},
    {"image_list", do_image_list, true},
    {"info", do_info, true},
};

/* Each call against an engine that answers everything so. */
static void all_fail(const struct fake_reply *reply, unsigned kinds,
		     const char *text, bool only_readers)
{
	fake_engine_on(fake, NULL, NULL, reply, 0);
	for (size_t i = 0; i < array_len(calls); i++) {
		if (only_readers && !calls[i].reads)
			continue;
		error_clear(&err);
		if (calls[i].fn() >= 0)
			fail_msg("%s did not fail", calls[i].name);
		if (!(kinds & 1u << err.kind) || !strstr(err.text, text))
			fail_msg("%s: %s: %s", calls[i].name,
				 error_kind_name(err.kind), err.text);
		if (strlen(err.text) > 400)
			fail_msg("%s: %s", calls[i].name, err.text);
	}
}

static void the_engine_goes_away_in_each_call(void **state)
{
	struct fake_reply close = {.flags = FAKE_SILENT | FAKE_CLOSE};

	(void)state;
	all_fail(&close, 1u << ERROR_PROTOCOL, "connection closed without",
		 false);
}

static void the_engine_is_gone_before_each_call(void **state)
{
	struct fake_reply vanish = {.flags = FAKE_SILENT | FAKE_VANISH};

	(void)state;
	fake_engine_on(fake, NULL, NULL, &vanish, 0);
	do_start();
	all_fail(&vanish, 1u << ERROR_NO_ENGINE, "engine 'unix://", false);
}

static void replies_are_cut_in_each_call(void **state)
{
	struct fake_reply half = {.status = 200,
				  .body =
				      "{\"Id\":\"" ID "\",\"State\":{},"
				      "\"StatusCode\":0,\"x\":\"" ID ID "\"}\n",
				  .flags = FAKE_HALF};
	struct fake_reply unended = {.body = "{\"Id\":\"" ID "\"}\n",
				     .flags = FAKE_CHUNKED | FAKE_UNENDED};

	(void)state;
	all_fail(&half, 1u << ERROR_PROTOCOL, "", false);
	all_fail(&unended, 1u << ERROR_PROTOCOL, "cut off", false);
}

static void replies_are_garbage_in_each_call(void **state)
{
	struct fake_reply bytes = {.raw = "\x16\x03\x01\x02 garbage\r\n\r\n",
				   .flags = FAKE_CLOSE};
	struct fake_reply text = {.body = "<html>\x1b[31mhello\n"};
	struct fake_reply cut_json = {.body = "{\"Id\":\"" ID "\",\"Stat"};

	(void)state;
	all_fail(&bytes, 1u << ERROR_PROTOCOL, "not HTTP", false);
	all_fail(&text, 1u << ERROR_PROTOCOL, "<html>", true);
	all_fail(&cut_json, 1u << ERROR_PROTOCOL, "{\"Id\"", true);
}

static void html_with_500_is_described_in_each_call(void **state)
{
	struct fake_reply html = {
	    .status = 500,
	    .headers = "Content-Type: text/html\r\n",
	    .body = "\r\n<html><head>\r\n<title>500 Internal</title>"};

	(void)state;
	all_fail(&html,
		 1u << ERROR_ENGINE | 1u << ERROR_PULL | 1u << ERROR_BUILD,
		 ": HTTP 500: '<html><head>'", false);
}

static void the_engines_message_is_shown_in_each_call(void **state)
{
	struct fake_reply reply = {
	    .status = 503,
	    .body = "{\"message\":\"the disk\\nis on fire\",\"cause\":\"x\"}"};

	(void)state;
	all_fail(&reply,
		 1u << ERROR_ENGINE | 1u << ERROR_PULL | 1u << ERROR_BUILD,
		 ": the disk is on fire", false);
}

static void a_slow_engine_ends_at_the_deadline_in_each_call(void **state)
{
	struct fake_reply hang = {.flags = FAKE_SILENT | FAKE_HANG};

	(void)state;
	fake_engine_on(fake, NULL, NULL, &hang, 0);
	for (size_t i = 0; i < array_len(calls); i++) {
		until = deadline_in(5, NULL);
		error_clear(&err);
		assert_int_equal(calls[i].fn(), -1);
		assert_error(ERROR_TIMEOUT, "timed out");
	}
}

static void what_is_so_already_is_success(void **state)
{
	struct fake_reply same = {.status = 304};
	struct fake_reply none = {
	    .status = 404, .body = "{\"message\":\"No such container: x\"}"};

	(void)state;
	fake_engine_on(fake, NULL, NULL, &same, 0);
	assert_ok(do_start());
	assert_ok(do_stop());
	fake_engine_on(fake, NULL, NULL, &none, 0);
	assert_ok(do_remove());
	assert_ok(do_image_remove());
	assert_int_equal(do_image(), 0);
	assert_fails(do_start(), ERROR_ENGINE,
		     "start container cafe00000000: No such container: x");
	assert_fails(do_inspect(), ERROR_ENGINE, "No such container");
}

static void create_refused(int status, const char *message,
			   enum error_kind kind)
{
	struct container_mount mount = {"/from", "/to", false};
	struct container_spec spec = {
	    .image = "debian", .mounts = &mount, .n_mounts = 1};
	auto_free char *body = xasprintf("{\"message\":\"%s\"}", message);
	struct fake_reply reply = {.status = status, .body = body};
	struct container c;

	fake_engine_on(fake, "POST", "/containers/create", &reply, 1);
	assert_fails(container_create(engine, &spec, &until, &c, &err), kind,
		     message);
	assert_non_null(strstr(err.text, "create container from 'debian': "));
}

static void a_refused_create_says_of_which_kind(void **state)
{
	(void)state;
	create_refused(404, "No such image: debian", ERROR_NO_IMAGE);
	create_refused(409, "The container name is in use", ERROR_BUSY);
	create_refused(500, "that name is already in use", ERROR_BUSY);
	create_refused(400, "bind source path does not exist: /from",
		       ERROR_REFUSED);
	create_refused(500, "statfs /from: no such file or directory",
		       ERROR_REFUSED);
	create_refused(500, "no space left on device", ERROR_NO_SPACE);
}

static void a_create_without_an_id_is_unreadable(void **state)
{
	static const char *const ids[] = {"", "../x", ID "0", "a/b"};
	struct container c;

	(void)state;
	for (size_t i = 0; i < array_len(ids); i++) {
		auto_free char *body = xasprintf("{\"Id\":\"%s\"}", ids[i]);
		struct fake_reply reply = {.status = 201, .body = body};

		fake_engine_on(fake, "POST", "/containers/create", &reply, 1);
		assert_fails(container_create(engine, &plain, &until, &c, &err),
			     ERROR_PROTOCOL, "unreadable reply");
	}
}

static void a_removal_in_progress_is_waited_for(void **state)
{
	struct fake_step steps[] = {
	    {"DELETE /v1.41/containers/" ID "?force=1&v=1",
	     NULL,
	     {.status = 409,
	      .body = "{\"message\":\"removal of container x is already in "
		      "progress\"}"}},
	    {"POST /v1.41/containers/" ID "/wait?condition=removed",
	     NULL,
	     {.body = "{\"StatusCode\":0}"}},
	    {"DELETE", NULL, {.status = 404}},
	};

	(void)state;
	fake_engine_script(fake, steps, array_len(steps));
	assert_ok(do_remove());
}

static void another_conflict_of_a_removal_is_an_error(void **state)
{
	struct fake_reply busy = {.status = 409,
				  .body = "{\"message\":\"it is needed\"}"};

	(void)state;
	fake_engine_on(fake, "DELETE", NULL, &busy, 0);
	assert_fails(do_remove(), ERROR_ENGINE,
		     "remove container cafe00000000: it is needed");
}

static void podmans_containers_are_killed_first(void **state)
{
	struct fake_reply ping = {.headers =
				      "Api-Version: 1.41\r\n"
				      "Server: Libpod/5.8.6 (linux)\r\n"};
	struct fake_step steps[] = {
	    {"POST /v1.41/containers/" ID "/kill?signal=KILL",
	     NULL,
	     {.status = 500, .body = "{\"message\":\"not running\"}"}},
	    {"DELETE /v1.41/containers/" ID, NULL, {.status = 204}},
	};

	(void)state;
	fake_engine_on(fake, NULL, "/_ping", &ping, 0);
	assert_ok(open_fake());
	fake_engine_script(fake, steps, array_len(steps));
	assert_ok(do_remove());
}

static void an_odd_id_is_never_sent(void **state)
{
	struct container_state s;

	(void)state;
	assert_fails(container_inspect(engine, "a/../../b", &until, &s, &err),
		     ERROR_ENGINE, "'a/../../b' is not a container's id");
	assert_fails(container_remove(engine, "", &until, &err), ERROR_ENGINE,
		     "'' is not a container's id");
	assert_int_equal(fake_engine_count(fake, NULL, NULL), 1);
}

static void an_inspect_may_lack_anything(void **state)
{
	struct fake_reply bare = {.body = "{\"State\":{}}"};
	struct fake_reply odd = {
	    .body = "{\"State\":{\"Status\":null,\"ExitCode\":\"7\","
		    "\"Running\":1,\"Error\":4},\"Config\":null,"
		    "\"NetworkSettings\":{\"Ports\":{\"1/tcp\":null,"
		    "\"2/tcp\":[],\"3/tcp\":[{\"HostPort\":\"99999\"}],"
		    "\"4/tcp\":[{\"HostPort\":\"4444\"}]}}}"};
	struct container_state s;

	(void)state;
	fake_engine_on(fake, "GET", "/containers/*/json", &bare, 1);
	assert_ok(container_inspect(engine, ID, &until, &s, &err));
	assert_string_equal(s.status, "");
	fake_engine_on(fake, "GET", "/containers/*/json", &odd, 1);
	assert_ok(container_inspect(engine, ID, &until, &s, &err));
	assert_int_equal(s.exit_code, 0);
	assert_false(s.running);
	assert_int_equal(s.host_port, 4444);
	assert_string_equal(s.host_ip, "");
}

static void a_list_may_lack_anything(void **state)
{
	struct fake_reply odd = {
	    .body = "[null,{},{\"Id\":\"a\",\"Names\":null,\"Labels\":null},"
		    "{\"Id\":\"b\",\"Names\":[\"/other/link\",\"/mine\"],"
		    "\"Labels\":{\"k\":\"v=w\",\"n\":7}}]"};
	auto_container_list struct container_list list = CONTAINER_LIST_INIT;

	(void)state;
	fake_engine_on(fake, "GET", "/containers/json", &odd, 1);
	assert_ok(container_list(engine, "k", &until, &list, &err));
	assert_int_equal(list.n, 2);
	assert_string_equal(list.rows[0].name, "");
	assert_string_equal(list.rows[1].name, "mine");
	assert_string_equal(container_row_label(&list.rows[1], "k"), "v=w");
	assert_null(container_row_label(&list.rows[1], "n"));
}

static int collect(void *ctx, int stream, const char *data, size_t len)
{
	(void)stream;
	buf_put(ctx, data, len);
	return 0;
}

static void logs_follow_the_terminal_setting(void **state)
{
	struct fake_reply tty = {
	    .body = "{\"State\":{},\"Config\":{\"Tty\":true}}"};
	struct fake_reply no_tty = {
	    .body = "{\"State\":{},\"Config\":{\"Tty\":false}}"};
	struct fake_reply raw = {.body = "plain\n", .flags = FAKE_CHUNKED};
	struct fake_reply cut = {.body = "\1\0\0\0\0\0\0\11plain",
				 .body_len = 13};
	struct container_log_options o = {.tail = 5};
	auto_buf struct buf text = BUF_INIT;

	(void)state;
	fake_engine_on(fake, "GET", "/containers/*/json", &tty, 0);
	fake_engine_on(fake, "GET", "/containers/*/logs", &raw, 0);
	assert_ok(container_logs(engine, ID, &o, &until, collect, &text, &err));
	assert_string_equal(text.s, "plain\n");
	fake_engine_on(fake, "GET", "/containers/*/json", &no_tty, 0);
	assert_fails(
	    container_logs(engine, ID, &o, &until, collect, &text, &err),
	    ERROR_PROTOCOL, "the stream is not framed");
	fake_engine_on(fake, "GET", "/containers/*/logs", &cut, 0);
	assert_fails(
	    container_logs(engine, ID, &o, &until, collect, &text, &err),
	    ERROR_PROTOCOL, "the stream ends within a frame");
}

static void a_tail_keeps_the_end(void **state)
{
	struct fake_reply inspect = {.body = "{\"State\":{}}"};
	struct fake_reply logs = {.body = "\1\0\0\0\0\0\0\6first\n"
					  "\2\0\0\0\0\0\0\7second\n",
				  .body_len = 29,
				  .flags = FAKE_BYTEWISE};
	auto_buf struct buf tail = BUF_INIT_MAX(10);

	(void)state;
	fake_engine_on(fake, "GET", "/containers/*/json", &inspect, 0);
	fake_engine_on(fake, "GET", "/containers/*/logs", &logs, 0);
	assert_ok(container_log_tail(engine, ID, 9, &until, &tail, &err));
	assert_string_equal(tail.s, "st\nsecond\n");
}

static void an_exec_that_still_runs_is_asked_again(void **state)
{
	struct fake_reply running = {
	    .body = "{\"Running\":true,\"ExitCode\":null}"};
	struct fake_reply created = {.status = 201, .body = "{\"Id\":\"e1\"}"};

	(void)state;
	fake_engine_on(fake, "POST", "/containers/*/exec", &created, 0);
	fake_engine_on(fake, "GET", "/exec/e1/json", &running, 2);
	assert_ok(do_exec());
	assert_int_equal(fake_engine_count(fake, "GET", "/exec/e1/json"), 3);
}

static void what_was_left_out_is_told(void **state)
{
	static const char id[] = "{\"Id\":\"" ID "\",\"Warnings\":";
	auto_free char *usual =
	    xasprintf("%s[\"Memory limited without swap.\",7]}", id);
	auto_free char *less =
	    xasprintf("%s[\"No swap.\",\"Your kernel does not "
		      "support memory limit capabilities. "
		      "Limitation discarded.\"]}",
		      id);
	auto_free char *null = xasprintf("%snull}", id);
	struct fake_reply reply = {.status = 201};
	struct container c = {.warning = "old"};

	(void)state;
	reply.body = usual;
	fake_engine_on(fake, "POST", "/containers/create", &reply, 1);
	assert_ok(container_create(engine, &plain, &until, &c, &err));
	assert_string_equal(c.warning, "");
	reply.body = less;
	fake_engine_on(fake, "POST", "/containers/create", &reply, 1);
	assert_ok(container_create(engine, &plain, &until, &c, &err));
	assert_string_equal(c.warning,
			    "Your kernel does not support memory limit "
			    "capabilities. Limitation discarded.");
	reply.body = null;
	fake_engine_on(fake, "POST", "/containers/create", &reply, 1);
	assert_ok(container_create(engine, &plain, &until, &c, &err));
	assert_string_equal(c.warning, "");
}

/* What a start of one server may cost in requests. */
static void a_life_is_four_requests(void **state)
{
	struct container_spec spec = {.image = "debian:x", .port = 5432};
	struct container_state s;
	struct container c;

	(void)state;
	fake_engine_add_image(fake, "debian:x", NULL);
	fake_engine_publish(fake, 45678);
	assert_ok(container_create(engine, &spec, &until, &c, &err));
	assert_ok(container_start(engine, &c, &until, &err));
	assert_ok(container_inspect(engine, c.id, &until, &s, &err));
	assert_int_equal(s.host_port, 45678);
	assert_int_equal(fake_engine_containers(fake), 1);
	assert_ok(container_remove(engine, c.id, &until, &err));
	assert_int_equal(fake_engine_containers(fake), 0);
	assert_int_equal(fake_engine_count(fake, NULL, "/containers/*"), 4);
	assert_int_equal(fake_engine_count(fake, NULL, NULL), 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    test_open(what_was_left_out_is_told),
	    test_open(the_engine_goes_away_in_each_call),
	    test_open(the_engine_is_gone_before_each_call),
	    test_open(replies_are_cut_in_each_call),
	    test_open(replies_are_garbage_in_each_call),
	    test_open(html_with_500_is_described_in_each_call),
	    test_open(the_engines_message_is_shown_in_each_call),
	    test_open(a_slow_engine_ends_at_the_deadline_in_each_call),
	    test_open(what_is_so_already_is_success),
	    test_open(a_refused_create_says_of_which_kind),
	    test_open(a_create_without_an_id_is_unreadable),
	    test_open(a_removal_in_progress_is_waited_for),
	    test_open(another_conflict_of_a_removal_is_an_error),
	    test(podmans_containers_are_killed_first),
	    test_open(an_odd_id_is_never_sent),
	    test_open(an_inspect_may_lack_anything),
	    test_open(a_list_may_lack_anything),
	    test_open(logs_follow_the_terminal_setting),
	    test_open(a_tail_keeps_the_end),
	    test_open(an_exec_that_still_runs_is_asked_again),
	    test_open(a_life_is_four_requests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
