/* SPDX-License-Identifier: MIT */
/* The life of a served session, and what its clients are told of it. */
#include "fake/supervisor/server_fixture.h"

static void hello_tells_who_it_is(void **state)
{
	struct fixture *f = *state;
	struct session_hello h;
	auto_session_client struct session_client *c = NULL;

	start_ready(f);
	c = connect_client(f);
	session_client_hello(c, &h);
	assert_string_equal(h.session, "s1");
	assert_string_equal(h.identity, "0123456789abcdef");
	assert_string_equal(h.project, "/some/project");
	assert_string_equal(h.state, "ready");
	assert_int_equal(h.pid, f->pid);
	assert_true(clock_wall_s() - h.started_s < 60);
}

static void it_is_found(void **state)
{
	struct fixture *f = *state;
	auto_session_list struct session_list list = SESSION_LIST_INIT;
	auto_session_client struct session_client *c = NULL;
	auto_free char *stale = xasprintf("%s/testenv/dead", f->dir);
	auto_free char *file = xasprintf("%s/testenv/up-x.lock", f->dir);
	struct deadline d = in_time();

	start_ready(f);
	assert_int_equal(fs_mkdir_p(stale, 0700, NULL), 0);
	assert_int_equal(fs_write_file(file, "", 0, 0600, NULL), 0);
	assert_int_equal(session_client_list(&d, &list, NULL), 0);
	assert_int_equal(list.n, 1);
	assert_int_equal(
	    session_client_join("0123456789abcdef", NULL, &d, &c, NULL), 1);
	assert_int_equal(session_client_join("another", NULL, &d, &c, NULL), 0);
}

static void nobody_there(void **state)
{
	struct fixture *f = *state;
	auto_session_list struct session_list list = SESSION_LIST_INIT;
	auto_free char *path = xasprintf("%s/none", f->dir);
	auto_error struct error err = ERROR_INIT;
	struct session_client *c = NULL;
	struct deadline d = in_time();
	char want[128];

	assert_int_equal(session_client_list(&d, &list, NULL), 0);
	assert_int_equal(list.n, 0);
	assert_int_equal(session_client_open(path, &d, &c, &err), -1);
	assert_int_equal(err.kind, ERROR_NO_SESSION);
	snprintf(want, sizeof(want),
		 "no session listens on '%s': No such file or directory", path);
	assert_string_equal(err.text, want);
}

struct heard {
	int steps, items, done, notices;
	int64_t last;
};

static void listen_to(void *ctx, const struct progress_event *e)
{
	struct heard *h = ctx;

	h->steps += e->kind == PROGRESS_STEP;
	h->items += e->kind == PROGRESS_ITEM;
	h->done += e->kind == PROGRESS_DONE;
	h->notices += e->kind == PROGRESS_NOTICE;
	if (e->kind == PROGRESS_ITEM)
		h->last = e->current;
}

static void progress_is_passed_on(void **state)
{
	struct fixture *f = *state;
	struct heard h = {0};
	struct progress progress = {listen_to, &h};
	struct deadline d = in_time();

	stub.start_events = 500;
	stub.start_ms = 200;
	assert_int_equal(start(f, false, 0, NULL), 0);
	assert_int_equal(session_client_wait(f->starter, &progress, &d, NULL),
			 0);
	assert_int_equal(h.steps, 1);
	assert_int_equal(h.done, 1);
	assert_int_equal(h.notices, 1);
}

static void failure_is_told_when_nothing_is_left(void **state)
{
	struct fixture *f = *state;
	auto_free char *dir = xasprintf("%s/testenv/s1", f->dir);
	auto_error struct error err = ERROR_INIT;
	struct deadline d = in_time();

	stub.start_fails = 1;
	stub.end_ms = 50;
	assert_int_equal(start(f, false, 0, NULL), 0);
	assert_int_equal(session_client_wait(f->starter, NULL, &d, &err), -1);
	assert_false(fs_exists(dir));
	assert_int_equal(err.kind, ERROR_MIGRATION);
	assert_string_equal(err.text, "001.sql:37: syntax error");
	assert_string_equal(err.hint, "look at line 37");
	assert_string_equal(err.detail, "CREATE TABEL x");
	assert_gone(f, 0);
}

/* It failed before it was asked to wait. */
static void failure_before_the_question(void **state)
{
	struct fixture *f = *state;
	auto_free char *dir = xasprintf("%s/testenv/s1", f->dir);
	auto_error struct error err = ERROR_INIT;
	struct deadline d = in_time();

	stub.start_fails = 1;
	assert_int_equal(start(f, false, 0, NULL), 0);
	while (fs_exists(dir))
		assert_int_equal(deadline_poll(&d, NULL, 0, 2, "", NULL), 0);
	assert_int_equal(deadline_poll(&d, NULL, 0, 50, "", NULL), 0);
	assert_int_equal(session_client_wait(f->starter, NULL, &d, &err), -1);
	assert_int_equal(err.kind, ERROR_MIGRATION);
	assert_gone(f, 0);
}

/* … and nobody asks. */
static void failure_without_a_question(void **state)
{
	struct fixture *f = *state;
	auto_free char *dir = xasprintf("%s/testenv/s1", f->dir);
	struct deadline d = in_time();

	stub.start_fails = 1;
	assert_int_equal(start(f, false, 0, NULL), 0);
	while (fs_exists(dir))
		assert_int_equal(deadline_poll(&d, NULL, 0, 2, "", NULL), 0);
	session_client_free(f->starter);
	f->starter = NULL;
	assert_gone(f, 0);
}

/* Nobody waited: the first that asks is told, then all is gone. */
static void failure_is_kept_for_who_asks(void **state)
{
	struct fixture *f = *state;
	auto_error struct error err = ERROR_INIT;
	struct deadline d = in_time();
	struct session_hello h = {0};

	stub.start_fails = 1;
	stub.start_ms = 20;
	assert_int_equal(start(f, true, 0, NULL), 0);
	session_client_free(f->starter);
	f->starter = NULL;
	for (;;) {
		auto_session_list struct session_list list = SESSION_LIST_INIT;

		assert_int_equal(session_client_list(&d, &list, NULL), 0);
		if (list.n)
			session_client_hello(list.clients[0], &h);
		if (list.n && !strcmp(h.state, "failed"))
			break;
		assert_int_equal(deadline_poll(&d, NULL, 0, 5, "", NULL), 0);
	}
	f->starter = connect_client(f);
	assert_int_equal(session_client_wait(f->starter, NULL, &d, &err), -1);
	assert_int_equal(err.kind, ERROR_MIGRATION);
	assert_string_equal(err.text, "001.sql:37: syntax error");
	assert_gone(f, 0);
}

static void failure_before_the_beginning(void **state)
{
	struct fixture *f = *state;
	auto_error struct error err = ERROR_INIT;

	stub.new_fails = 1;
	assert_int_equal(start(f, false, 0, &err), -1);
	assert_int_equal(err.kind, ERROR_CONFIG);
	assert_string_equal(err.text, "no service asked for");
	assert_gone(f, 3);
}

static void a_starter_that_leaves_ends_it(void **state)
{
	struct fixture *f = *state;

	stub.start_ms = TEST_MS;
	assert_int_equal(start(f, false, 0, NULL), 0);
	session_client_free(f->starter);
	f->starter = NULL;
	assert_gone(f, 0);
}

static void a_detached_starter_may_leave(void **state)
{
	struct fixture *f = *state;
	struct deadline d = in_time();

	stub.start_ms = 100;
	assert_int_equal(start(f, true, 0, NULL), 0);
	session_client_free(f->starter);
	f->starter = connect_client(f);
	assert_int_equal(session_client_wait(f->starter, NULL, &d, NULL), 0);
}

static void variables(void **state)
{
	struct fixture *f = *state;
	auto_strvec struct strvec env = STRVEC_INIT;
	auto_error struct error err = ERROR_INIT;
	auto_free char *path =
	    xasprintf("%s/testenv/s1/" PROTOCOL_SOCKET, f->dir);
	struct deadline d = in_time();

	start_ready(f);
	strvec_push(&env, "PGSERVICE=elsewhere");
	strvec_push(&env, "HOME=/root");
	assert_int_equal(
	    session_client_variables(f->starter, 1, &env, &d, NULL), 0);
	assert_null(strvec_env_get(&env, "PGSERVICE"));
	assert_string_equal(strvec_env_get(&env, "HOME"), "/root");
	assert_string_equal(strvec_env_get(&env, "PGPORT"), "1001");
	assert_string_equal(strvec_env_get(&env, "ODD"), "a=b\n'\"c");
	assert_string_equal(strvec_env_get(&env, "TESTENV_SOCKET"), path);
	assert_int_equal(
	    session_client_variables(f->starter, 2, &env, &d, &err), -1);
	assert_int_equal(err.kind, ERROR_USAGE);
	assert_string_equal(err.text, "there is no slot 2");
}

static void status_without_secrets(void **state)
{
	struct fixture *f = *state;
	auto_cjson cJSON *reply = NULL;
	struct deadline d = in_time();
	char *text;

	start_ready(f);
	assert_int_equal(session_client_call(f->starter, "status", NULL, NULL,
					     &d, &reply, NULL),
			 0);
	text = cJSON_PrintUnformatted(reply);
	assert_non_null(strstr(text, "\"name\":\"testenv-s1-1\""));
	assert_non_null(strstr(text, "\"port\":1001"));
	assert_null(strstr(text, "secret"));
	cJSON_free(text);
}

static int target(struct fixture *f, const char *service, unsigned slot,
		  cJSON **ret, struct error *err)
{
	cJSON *args = cJSON_CreateObject();
	struct deadline d = in_time();

	if (service)
		cJSON_AddStringToObject(args, "service", service);
	cJSON_AddNumberToObject(args, "slot", slot);
	return session_client_call(f->starter, "target", args, NULL, &d, ret,
				   err);
}

static void target_of_one_server(void **state)
{
	struct fixture *f = *state;
	auto_cjson cJSON *reply = NULL;
	auto_error struct error err = ERROR_INIT;

	start_ready(f);
	assert_int_equal(target(f, NULL, 1, &reply, NULL), 0);
	assert_string_equal(protocol_string(reply, "name"), "testenv-s1-1");
	assert_string_equal(protocol_string(reply, "password"), "secret");
	assert_string_equal(protocol_string(reply, "engine_encoded"),
			    "engine-code");
	assert_int_equal(target(f, "nosuch", 0, &reply, &err), -1);
	assert_int_equal(err.kind, ERROR_USAGE);
	assert_string_equal(err.text, "session 's1' has no service 'nosuch'");
	assert_int_equal(target(f, "db", 2, &reply, &err), -1);
	assert_string_equal(err.text, "service 'db' has no slot 2");
	assert_string_equal(err.hint, "its slots are 0 to 1");
}

/* A call that was given up does not spoil the next one. */
static void another_call_after_a_timeout(void **state)
{
	struct fixture *f = *state;
	auto_error struct error err = ERROR_INIT;
	struct deadline soon = deadline_in(20, NULL);
	struct deadline d = in_time();

	stub.start_ms = TEST_MS;
	assert_int_equal(start(f, false, 0, NULL), 0);
	assert_int_equal(session_client_wait(f->starter, NULL, &soon, &err),
			 -1);
	assert_int_equal(err.kind, ERROR_TIMEOUT);
	assert_string_equal(err.text, "wait for the session: timed out");
	assert_int_equal(session_client_down(f->starter, NULL, &d, NULL), 0);
	assert_gone(f, 0);
}

static void too_early(void **state)
{
	struct fixture *f = *state;
	auto_strvec struct strvec env = STRVEC_INIT;
	auto_error struct error err = ERROR_INIT;
	struct deadline d = in_time();

	stub.start_ms = TEST_MS;
	assert_int_equal(start(f, false, 0, NULL), 0);
	assert_int_equal(
	    session_client_variables(f->starter, 0, &env, &d, &err), -1);
	assert_int_equal(err.kind, ERROR_BUSY);
	assert_string_equal(err.text, "session 's1' is still starting");
	assert_string_equal(err.hint, "'testenv wait' waits until it is ready");
}

static void down_waits_for_the_end(void **state)
{
	struct fixture *f = *state;
	auto_free char *dir = xasprintf("%s/testenv/s1", f->dir);
	auto_session_client struct session_client *other = NULL;
	struct deadline d = in_time();

	stub.end_ms = 100;
	start_ready(f);
	other = connect_client(f);
	assert_int_equal(session_client_down(other, NULL, &d, NULL), 0);
	assert_false(fs_exists(dir));
	assert_gone(f, 0);
}

/* While it ends it still answers, and a wait learns why it is in vain. */
static void down_during_the_start(void **state)
{
	struct fixture *f = *state;
	auto_session_client struct session_client *other = NULL;
	auto_cjson cJSON *reply = NULL;
	auto_error struct error err = ERROR_INIT;
	struct deadline d = in_time();
	static const char down[] = "{\"op\":\"hello\",\"version\":1}\n"
				   "{\"op\":\"down\",\"id\":7}\n";
	auto_buf struct buf said = BUF_INIT;
	auto_close int raw = -1;

	stub.start_ms = TEST_MS;
	stub.end_ms = 300;
	assert_int_equal(start(f, false, 0, NULL), 0);
	other = connect_client(f);
	raw = connect_raw(f);
	say(raw, down, sizeof(down) - 1);
	do {
		cJSON_Delete(take_ptr(&reply));
		assert_int_equal(session_client_call(other, "status", NULL,
						     NULL, &d, &reply, NULL),
				 0);
	} while (strcmp(protocol_string(reply, "state"), "starting") == 0);
	assert_string_equal(protocol_string(reply, "state"), "ending");
	assert_int_equal(session_client_wait(f->starter, NULL, &d, &err), -1);
	assert_int_equal(err.kind, ERROR_NO_SESSION);
	assert_string_equal(err.text, "session 's1' was ended");
	hear(raw, &said);
	assert_non_null(strstr(said.s, "{\"ok\":true,\"id\":7}\n"));
	assert_gone(f, 0);
}

static void a_signal_ends_it(void **state)
{
	struct fixture *f = *state;
	static const int signos[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT};

	for (size_t i = 0; i < array_len(signos); i++) {
		start_ready(f);
		kill(f->pid, signos[i]);
		kill(f->pid, signos[i]);
		assert_gone(f, 0);
		session_client_free(f->starter);
		f->starter = NULL;
	}
}

static void an_idle_session_ends(void **state)
{
	struct fixture *f = *state;
	struct deadline d = in_time();

	assert_int_equal(start(f, false, 50, NULL), 0);
	assert_int_equal(session_client_wait(f->starter, NULL, &d, NULL), 0);
	/* with a client it is not idle */
	assert_int_equal(deadline_poll(&d, NULL, 0, 150, "", NULL), 0);
	assert_alive(f);
	session_client_free(f->starter);
	f->starter = NULL;
	assert_gone(f, 0);
}

static void with_a_connection_it_is_not_idle(void **state)
{
	struct fixture *f = *state;
	struct deadline d = in_time();
	auto_close int server = listen_as_server();
	auto_close int accepted = -1;
	auto_close int client = -1;
	char byte = 0;

	assert_int_equal(start(f, false, 50, NULL), 0);
	assert_int_equal(session_client_wait(f->starter, NULL, &d, NULL), 0);
	client = connect_front(f);
	accepted = accept4(server, NULL, NULL, SOCK_CLOEXEC);
	assert_true(accepted >= 0);
	session_client_free(f->starter);
	f->starter = NULL;
	assert_int_equal(deadline_poll(&d, NULL, 0, 500, "", NULL), 0);
	assert_int_equal(waitpid(f->pid, NULL, WNOHANG), 0);
	assert_int_equal(send(client, "x", 1, 0), 1);
	assert_int_equal(recv(accepted, &byte, 1, 0), 1);
	assert_int_equal(byte, 'x');
	close(take_fd(&client));
	close(take_fd(&accepted));
	assert_gone(f, 0);
}

static void its_directory_is_removed_under_it(void **state)
{
	struct fixture *f = *state;
	auto_free char *dir = xasprintf("%s/testenv/s1", f->dir);

	start_ready(f);
	assert_int_equal(fs_remove_tree(dir, NULL), 0);
	assert_gone(f, 0);
}

static void a_replaced_socket_is_left_alone(void **state)
{
	struct fixture *f = *state;
	auto_free char *path = xasprintf("%s/sock", f->dir);
	struct listener l = {.fd = -1};
	auto_error struct error err = ERROR_INIT;
	char want[128];

	assert_int_equal(listener_open(&l, path, &err), 0);
	assert_true(listener_is_current(&l));
	unlink(path);
	assert_int_equal(fs_write_file(path, "x", 1, 0600, NULL), 0);
	assert_false(listener_is_current(&l));
	listener_close(&l);
	assert_true(fs_exists(path));
	assert_int_equal(listener_open(&l, path, &err), -1);
	assert_int_equal(err.kind, ERROR_IO);
	snprintf(want, sizeof(want),
		 "cannot listen on '%s': Address already in use", path);
	assert_string_equal(err.text, want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(hello_tells_who_it_is),
	    T(it_is_found),
	    T(nobody_there),
	    T(progress_is_passed_on),
	    T(failure_is_told_when_nothing_is_left),
	    T(failure_before_the_question),
	    T(failure_without_a_question),
	    T(failure_is_kept_for_who_asks),
	    T(failure_before_the_beginning),
	    T(a_starter_that_leaves_ends_it),
	    T(a_detached_starter_may_leave),
	    T(variables),
	    T(status_without_secrets),
	    T(target_of_one_server),
	    T(another_call_after_a_timeout),
	    T(too_early),
	    T(down_waits_for_the_end),
	    T(down_during_the_start),
	    T(a_signal_ends_it),
	    T(an_idle_session_ends),
	    T(with_a_connection_it_is_not_idle),
	    T(its_directory_is_removed_under_it),
	    T(a_replaced_socket_is_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
