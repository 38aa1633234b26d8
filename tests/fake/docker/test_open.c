/* SPDX-License-Identifier: MIT */
/* Finding an engine, and agreeing on a version with it. */
#include "fake.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static void ping(const char *headers, const char *body)
{
	struct fake_reply reply = {.headers = headers, .body = body};

	fake_engine_on(fake, NULL, "/_ping", &reply, 0);
}

static void one_request_opens_an_engine(void **state)
{
	(void)state;
	assert_ok(open_fake());
	assert_int_equal(engine_api(engine), 141);
	assert_string_equal(engine_server(engine), "Docker/20.10.24");
	assert_string_equal(engine_candidate(engine)->version, "20.10.24");
	assert_int_equal(engine_flavor(engine), ENGINE_DOCKER);
	assert_true(engine_is_local(engine));
	assert_string_equal(engine_publish_host(engine), "127.0.0.1");
	assert_string_equal(engine_host(engine), fake_engine_host(fake));
	assert_int_equal(fake_engine_count(fake, NULL, NULL), 1);
	assert_int_equal(fake_engine_count(fake, "HEAD", "/_ping"), 1);
}

static void an_engine_that_refuses_head_is_asked_by_get(void **state)
{
	struct fake_reply refuse = {.status = 405};

	(void)state;
	fake_engine_on(fake, "HEAD", "/_ping", &refuse, 0);
	assert_ok(open_fake());
	assert_int_equal(engine_api(engine), 141);
	assert_int_equal(fake_engine_count(fake, "GET", "/_ping"), 1);
}

static void an_engine_without_a_version_is_the_oldest(void **state)
{
	(void)state;
	ping("", "OK");
	assert_ok(open_fake());
	assert_int_equal(engine_api(engine), 124);
	assert_string_equal(engine_server(engine), "unknown");
}

static void an_old_engine_is_refused(void **state)
{
	(void)state;
	ping("Api-Version: 1.23\r\n", "OK");
	assert_fails(open_fake(), ERROR_NO_ENGINE,
		     "the engine's API version 1.23 is too old, 1.24 is "
		     "needed");
	assert_non_null(strstr(err.hint, "1.12"));
}

static void a_version_that_is_none_is_refused(void **state)
{
	static const char *const bad[] = {"abc", "1",     "1.4x",
					  "1.",  "-1.41", "1.411"};

	(void)state;
	for (size_t i = 0; i < array_len(bad); i++) {
		auto_free char *header =
		    xasprintf("Api-Version: %s\r\n", bad[i]);

		ping(header, "OK");
		assert_fails(open_fake(), ERROR_NO_ENGINE, "cannot be read");
	}
}

static void a_newer_engine_is_tried_once(void **state)
{
	(void)state;
	ping("Api-Version: 1.60\r\nServer: Docker/31.0.0 (linux)\r\n", "OK");
	assert_ok(open_fake());
	assert_int_equal(engine_api(engine), 151);
	assert_int_equal(fake_engine_count(fake, "GET", "/version"), 1);
}

static void an_engine_too_new_says_so_at_once(void **state)
{
	struct fake_reply old = {
	    .status = 400,
	    .body = "{\"message\":\"client version 1.51 is too old. Minimum "
		    "supported API version is 1.60\"}"};

	(void)state;
	ping("Api-Version: 1.70\r\n", "OK");
	fake_engine_on(fake, "GET", "/version", &old, 0);
	assert_fails(open_fake(), ERROR_NO_ENGINE,
		     "API version 1.51: client version 1.51 is too old. "
		     "Minimum supported API version is 1.60");
	assert_non_null(err.hint);
}

static void the_version_can_be_asked_for(void **state)
{
	struct fake_reply new = {
	    .status = 400,
	    .body = "{\"message\":\"client version 1.99 is too new. Maximum "
		    "supported API version is 1.41\"}"};
	auto_free char *log = NULL;

	(void)state;
	setenv("DOCKER_API_VERSION", "1.30", 1);
	assert_ok(open_fake());
	assert_int_equal(engine_api(engine), 130);
	log = fake_engine_log(fake);
	assert_non_null(strstr(log, "GET /v1.30/version"));
	engine_free(engine);
	engine = NULL;
	setenv("DOCKER_API_VERSION", "1.99", 1);
	fake_engine_on(fake, "GET", "/version", &new, 0);
	assert_fails(open_fake(), ERROR_NO_ENGINE, "1.99 is too new");
	setenv("DOCKER_API_VERSION", "latest", 1);
	assert_fails(open_fake(), ERROR_CONFIG,
		     "DOCKER_API_VERSION: 'latest' is not a version");
	setenv("DOCKER_API_VERSION", "1.12", 1);
	assert_fails(open_fake(), ERROR_CONFIG, "from 1.24 on");
	unsetenv("DOCKER_API_VERSION");
}

static void podman_is_known_by_its_name(void **state)
{
	(void)state;
	ping("Api-Version: 1.41\r\nLibpod-Api-Version: 4.3.1\r\n"
	     "Server: Libpod/4.3.1 (linux)\r\n",
	     "OK");
	assert_ok(open_fake());
	assert_int_equal(engine_flavor(engine), ENGINE_PODMAN);
	assert_string_equal(engine_candidate(engine)->version, "4.3.1");
}

static void something_else_that_speaks_http_is_no_engine(void **state)
{
	struct fake_reply html = {.status = 500,
				  .body = "<html>\n<h1>Oops</h1></html>"};

	(void)state;
	ping("Content-Type: text/html\r\n", "<html>Welcome</html>\n");
	assert_fails(open_fake(), ERROR_NO_ENGINE,
		     "not a container engine: unreadable reply (HTTP 200: "
		     "'<html>Welcome</html>')");
	fake_engine_on(fake, NULL, "/_ping", &html, 0);
	assert_fails(open_fake(), ERROR_NO_ENGINE, "HTTP 500: '<html>'");
}

static void plain_http_to_a_tls_port_is_told_what_to_set(void **state)
{
	struct fake_reply tls = {
	    .status = 400,
	    .body = "Client sent an HTTP request to an HTTPS server.\n"};

	(void)state;
	fake_engine_on(fake, NULL, "/_ping", &tls, 0);
	assert_fails(open_fake(), ERROR_NO_ENGINE, "to an HTTPS server");
	assert_string_equal(err.hint,
			    "set DOCKER_TLS_VERIFY and DOCKER_CERT_PATH");
}

static void a_wrong_setting_stops_the_search(void **state)
{
	auto_engine_candidates struct engine_candidates c =
	    ENGINE_CANDIDATES_INIT;

	(void)state;
	setenv("DOCKER_API_VERSION", "new", 1);
	c.n = 2;
	c.list = xcalloc(2, sizeof(*c.list));
	for (size_t i = 0; i < 2; i++) {
		c.list[i].host = xstrdup(fake_engine_host(fake));
		c.list[i].source = xstrdup("test");
	}
	assert_fails(engine_open(&c, 0, &until, &engine, &err), ERROR_CONFIG,
		     "DOCKER_API_VERSION: 'new'");
	assert_false(c.list[1].probed);
	unsetenv("DOCKER_API_VERSION");
}

static void broken_replies_are_told(void **state)
{
	struct fake_reply garbage = {.raw = "SSH-2.0-OpenSSH\r\n",
				     .flags = FAKE_CLOSE};
	struct fake_reply gone = {.flags = FAKE_SILENT | FAKE_CLOSE};

	(void)state;
	fake_engine_on(fake, NULL, "/_ping", &garbage, 0);
	assert_fails(open_fake(), ERROR_NO_ENGINE, "not HTTP");
	fake_engine_on(fake, NULL, "/_ping", &gone, 0);
	assert_fails(open_fake(), ERROR_NO_ENGINE, "closed without a reply");
}

static void a_hung_engine_ends_at_the_deadline(void **state)
{
	struct fake_reply hang = {.flags = FAKE_SILENT | FAKE_HANG};

	(void)state;
	fake_engine_on(fake, NULL, "/_ping", &hang, 0);
	until = deadline_in(30, NULL);
	assert_fails(open_fake(), ERROR_NO_ENGINE, "timed out");
}

static void a_signal_ends_the_search(void **state)
{
	struct cancel *token = cancel_new(&err);

	(void)state;
	cancel_trip(token, 2);
	until = deadline_in(20000, token);
	assert_fails(open_fake(), ERROR_CANCELLED, "interrupted by SIGINT");
	cancel_free(token);
}

static void a_dead_socket_is_called_one(void **state)
{
	struct fake_reply vanish = {.flags = FAKE_VANISH | FAKE_SILENT};

	(void)state;
	fake_engine_on(fake, NULL, "/_ping", &vanish, 0);
	assert_fails(open_fake(), ERROR_NO_ENGINE, "engine 'unix://");
	assert_fails(open_fake(), ERROR_NO_ENGINE, "a dead engine's socket");
	assert_string_equal(err.hint, "start the engine");
}

static void no_socket_is_told_with_what_to_do(void **state)
{
	auto_engine_candidates struct engine_candidates c =
	    ENGINE_CANDIDATES_INIT;

	(void)state;
	assert_ok(engine_discover("unix:///no/such/socket", &c, &err));
	assert_fails(engine_open(&c, 0, &until, &engine, &err), ERROR_NO_ENGINE,
		     "engine 'unix:///no/such/socket' (command line): no "
		     "socket '/no/such/socket'");
	assert_string_equal(err.hint, "start the engine, or set DOCKER_HOST");
	assert_null(err.detail);
	assert_true(c.list[0].probed);
	assert_false(c.list[0].answered);
	assert_string_equal(c.list[0].failure, "no socket '/no/such/socket'");
}

static void no_permission_is_told_with_what_to_do(void **state)
{
	(void)state;
	if (geteuid() == 0)
		skip(); /* root may do everything */
	assert_int_equal(chmod(fake_engine_socket(fake), 0), 0);
	assert_fails(open_fake(), ERROR_NO_ENGINE, "no permission for '");
	assert_non_null(strstr(err.hint, "group"));
}

/* No way there, and how that is said: see also http's program. */
static void ssh_that_fails(void **state)
{
	auto_engine_candidates struct engine_candidates c =
	    ENGINE_CANDIDATES_INIT;
	auto_free char *path = xstrdup(getenv("PATH"));

	(void)state;
	assert_ok(engine_discover("ssh://me@host", &c, &err));
	setenv("PATH", "/nowhere", 1);
	assert_fails(engine_open(&c, 0, &until, &engine, &err), ERROR_NO_ENGINE,
		     "cannot run 'ssh': No such file or directory");
	setenv("PATH", path, 1);
}

/* Two candidates that are not there, then the fake. */
static void three_candidates(struct engine_candidates *ret, unsigned flags)
{
	ret->n = 3;
	ret->list = xcalloc(3, sizeof(*ret->list));
	ret->list[0].host = xstrdup("unix:///no/such/first");
	ret->list[1].host =
	    xstrdup(flags ? fake_engine_host(fake) : "tcp://127.0.0.1:1");
	ret->list[2].host = xstrdup(fake_engine_host(fake));
	for (size_t i = 0; i < 3; i++)
		ret->list[i].source = xasprintf("source %zu", i);
}

static void the_first_that_answers_is_taken(void **state)
{
	auto_engine_candidates struct engine_candidates c =
	    ENGINE_CANDIDATES_INIT;

	(void)state;
	three_candidates(&c, 0);
	assert_ok(engine_open(&c, 0, &until, &engine, &err));
	assert_string_equal(engine_candidate(engine)->source, "source 2");
	assert_non_null(strstr(c.list[1].failure, "refused"));
	assert_true(c.list[2].answered);
	assert_string_equal(c.list[2].version, "20.10.24");
}

/* One that takes the call and says nothing does not keep the others away. */
static void one_that_hangs_is_passed_over(void **state)
{
	auto_engine_candidates struct engine_candidates c =
	    ENGINE_CANDIDATES_INIT;
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	snprintf(a.sun_path, sizeof(a.sun_path), "/tmp/testenv-mute-%d",
		 (int)getpid());
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 4), 0);
	three_candidates(&c, 0);
	free(c.list[0].host);
	c.list[0].host = xasprintf("unix://%s", a.sun_path);
	assert_ok(engine_open(&c, 0, &until, &engine, &err));
	assert_string_equal(engine_candidate(engine)->source, "source 2");
	assert_non_null(strstr(c.list[0].failure, "timed out"));
	close(fd);
	unlink(a.sun_path);
}

static void all_can_be_asked_at_once(void **state)
{
	auto_engine_candidates struct engine_candidates c =
	    ENGINE_CANDIDATES_INIT;

	(void)state;
	three_candidates(&c, 1);
	assert_ok(engine_open(&c, ENGINE_PROBE_ALL, &until, &engine, &err));
	assert_string_equal(engine_candidate(engine)->source, "source 1");
	for (size_t i = 0; i < 3; i++)
		assert_true(c.list[i].probed);
	assert_false(c.list[0].answered);
	assert_true(c.list[2].answered);
}

static void when_none_answers_the_list_is_shown(void **state)
{
	struct fake_reply vanish = {.flags = FAKE_VANISH};
	auto_engine_candidates struct engine_candidates c =
	    ENGINE_CANDIDATES_INIT;

	(void)state;
	fake_engine_on(fake, NULL, "/_ping", &vanish, 0);
	error_clear(&err);
	if (open_fake() == 0) {
		engine_free(engine);
		engine = NULL;
	}
	three_candidates(&c, 0);
	assert_fails(engine_open(&c, ENGINE_PROBE_ALL, &until, &engine, &err),
		     ERROR_NO_ENGINE, "no container engine answers: nobody");
	/* the one that is there: what one could mend */
	assert_non_null(strstr(err.text, c.list[2].failure));
	assert_non_null(strstr(err.detail, "unix:///no/such/first (source 0): "
					   "no socket '/no/such/first'\n"
					   "tcp://127.0.0.1:1 (source 1): "));
	assert_non_null(strstr(err.detail, "(source 2): nobody listens on"));
}

static void tcp_is_an_engine_too(void **state)
{
	auto_engine_candidates struct engine_candidates c =
	    ENGINE_CANDIDATES_INIT;

	(void)state;
	assert_ok(engine_discover(fake_engine_tcp(fake), &c, &err));
	assert_ok(engine_open_host(&c.list[0], &until, &engine, &err));
	assert_true(engine_is_local(engine));
	assert_string_equal(engine_publish_host(engine), "127.0.0.1");
}

static void the_engine_describes_itself(void **state)
{
	struct engine_info info = {0};

	(void)state;
	assert_ok(open_fake());
	assert_ok(engine_info(engine, &until, &info, &err));
	assert_string_equal(info.version, "20.10.24");
	assert_string_equal(info.min_api, "1.12");
	assert_string_equal(info.storage_driver, "overlay2");
	assert_null(info.warnings);
	assert_true(info.memory_limit);
	assert_false(info.rootless);
	assert_int_equal(info.cpus, 2);
	assert_false(info.selinux);
	engine_info_free(&info);
}

static void a_confined_engine_describes_itself(void **state)
{
	static const struct fake_reply confined = {
	    .body = "{\"Driver\":\"vfs\",\"Name\":\"box\",\"KernelVersion\":"
		    "\"6.1\",\"MemoryLimit\":false,\"PidsLimit\":true,"
		    "\"SecurityOptions\":[\"name=seccomp,profile=default\","
		    "\"name=selinux\",\"name=rootless\"]}"};
	struct engine_info info = {0};

	(void)state;
	assert_ok(open_fake());
	fake_engine_on(fake, "GET", "/info", &confined, 1);
	assert_ok(engine_info(engine, &until, &info, &err));
	assert_true(info.selinux);
	assert_true(info.rootless);
	assert_false(info.memory_limit);
	assert_true(info.pids_limit);
	assert_string_equal(info.name, "box");
	assert_string_equal(info.kernel, "6.1");
	engine_info_free(&info);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    test(a_confined_engine_describes_itself),
	    test(one_request_opens_an_engine),
	    test(an_engine_that_refuses_head_is_asked_by_get),
	    test(an_engine_without_a_version_is_the_oldest),
	    test(an_old_engine_is_refused),
	    test(a_version_that_is_none_is_refused),
	    test(a_newer_engine_is_tried_once),
	    test(an_engine_too_new_says_so_at_once),
	    test(the_version_can_be_asked_for),
	    test(podman_is_known_by_its_name),
	    test(something_else_that_speaks_http_is_no_engine),
	    test(plain_http_to_a_tls_port_is_told_what_to_set),
	    test(a_wrong_setting_stops_the_search),
	    test(broken_replies_are_told),
	    test(a_hung_engine_ends_at_the_deadline),
	    test(a_signal_ends_the_search),
	    test(a_dead_socket_is_called_one),
	    test(no_socket_is_told_with_what_to_do),
	    test(no_permission_is_told_with_what_to_do),
	    test(ssh_that_fails),
	    test(the_first_that_answers_is_taken),
	    test(one_that_hangs_is_passed_over),
	    test(all_can_be_asked_at_once),
	    test(when_none_answers_the_list_is_shown),
	    test(tcp_is_an_engine_too),
	    test(the_engine_describes_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
