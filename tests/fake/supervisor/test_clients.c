/* SPDX-License-Identifier: MIT */
/* Clients that send garbage, never read, die waiting or come by the hundred. */
#include "fake/supervisor/server_fixture.h"

/* What is said, and the whole answer. */
static void bad_requests(void **state)
{
	static const struct {
		const char *said, *answer;
	} cases[] = {
	    {"GET / HTTP/1.1\r\n", "the request is not a JSON object"},
	    {"[1]\n", "the request is not a JSON object"},
	    {"{\"op\":\"status\"}\n", "the first request must be 'hello'"},
	    {"{\"op\":\"hello\"}\n",
	     "the session speaks version 1 of the protocol, not 0"},
	    {"{\"op\":\"hello\",\"version\":2}\n",
	     "the session speaks version 1 of the protocol, not 2"},
	    {"{\"op\":\"hello\",\"version\":1e300}\n",
	     "the session speaks version 1 of the protocol, not 0"},
	    {"{\"op\":\"dance\"}\n", "unknown request 'dance'"},
	    {"{\"op\":5}\n", "unknown request ''"},
	};
	struct fixture *f = *state;

	start_ready(f);
	for (size_t i = 0; i < array_len(cases); i++) {
		auto_close int fd = connect_raw(f);
		auto_buf struct buf said = BUF_INIT;
		char want[256];

		say(fd, cases[i].said, strlen(cases[i].said));
		hear(fd, &said);
		snprintf(want, sizeof(want),
			 "{\"ok\":false,\"error\":{\"kind\":\"protocol\","
			 "\"text\":\"%s\"}}\n",
			 cases[i].answer);
		assert_string_equal(said.s, want);
	}
	assert_alive(f);
}

static void line_without_end(void **state)
{
	struct fixture *f = *state;
	auto_free char *big = xmalloc(3 * WIRE_MAX_LINE);
	auto_buf struct buf said = BUF_INIT;
	auto_close int fd = -1;

	start_ready(f);
	fd = connect_raw(f);
	memset(big, '{', 3 * WIRE_MAX_LINE);
	say(fd, big, 3 * WIRE_MAX_LINE);
	hear(fd, &said);
	assert_string_equal(said.s,
			    "{\"ok\":false,\"error\":{\"kind\":\"protocol\","
			    "\"text\":\"line too long\"}}\n");
	assert_alive(f);
}

static void random_bytes(void **state)
{
	struct fixture *f = *state;
	unsigned seed = 7;

	start_ready(f);
	for (int i = 0; i < 200; i++) {
		auto_close int fd = connect_raw(f);
		char noise[300];

		for (size_t k = 0; k < sizeof(noise); k++) {
			seed = seed * 1103515245U + 12345U;
			noise[k] = (char)(seed >> 16);
		}
		say(fd, noise, seed % sizeof(noise));
	}
	assert_alive(f);
}

static void many_clients_at_once(void **state)
{
	enum {
		N = 200
	};
	struct fixture *f = *state;
	struct session_client *clients[N];
	struct deadline d = in_time();

	start_ready(f);
	for (int i = 0; i < N; i++)
		clients[i] = connect_client(f);
	for (int i = 0; i < N; i++) {
		auto_strvec struct strvec env = STRVEC_INIT;

		assert_int_equal(
		    session_client_variables(clients[i], 0, &env, &d, NULL), 0);
	}
	for (int i = 0; i < N; i++)
		session_client_free(clients[i]);
	assert_alive(f);
}

static void too_many_clients(void **state)
{
	enum {
		N = MAX_PEERS - 1 /* the starter is one */
	};
	struct fixture *f = *state;
	auto_buf struct buf said = BUF_INIT;
	int fds[N];
	int more;

	start_ready(f);
	for (int i = 0; i < N; i++)
		fds[i] = connect_raw(f);
	more = connect_raw(f);
	hear(more, &said);
	assert_string_equal(said.s,
			    "{\"ok\":false,\"error\":{\"kind\":\"busy\","
			    "\"text\":\"the session has 512 clients\"}}\n");
	close(more);
	assert_alive(f);
	for (int i = 0; i < N; i++)
		close(fds[i]);
}

/* It asks and asks and never reads: it is dropped, and nobody else waits. */
static void a_client_that_never_reads(void **state)
{
	static const char ask[] = "{\"op\":\"status\"}\n";
	struct fixture *f = *state;
	auto_close int fd = -1;
	ssize_t n = 1;

	start_ready(f);
	fd = connect_raw(f);
	say(fd, "{\"op\":\"hello\",\"version\":1}\n", 27);
	while (n > 0)
		n = send(fd, ask, sizeof(ask) - 1, MSG_NOSIGNAL);
	assert_true(errno == EPIPE || errno == ECONNRESET);
	assert_alive(f);
}

static void waiting_requests_are_bounded(void **state)
{
	struct fixture *f = *state;
	auto_close int fd = -1;
	auto_buf struct buf said = BUF_INIT;

	stub.start_ms = TEST_MS;
	assert_int_equal(start(f, false, 0, NULL), 0);
	fd = connect_raw(f);
	say(fd, "{\"op\":\"hello\",\"version\":1}\n", 27);
	for (int i = 0; i < MAX_PARKED + 1; i++)
		say(fd, "{\"op\":\"wait\"}\n", 14);
	shutdown(fd, SHUT_WR);
	hear(fd, &said);
	assert_non_null(
	    strstr(said.s, "16 requests of this connection wait already"));
	assert_alive(f);
}

static void killed_while_it_waits(void **state)
{
	struct fixture *f = *state;
	auto_error struct error err = ERROR_INIT;
	struct deadline d = in_time();

	stub.start_ms = 300;
	assert_int_equal(start(f, false, 0, NULL), 0);
	for (int i = 0; i < 20; i++) {
		auto_close int fd = connect_raw(f);

		say(fd, "{\"op\":\"hello\",\"version\":1}\n", 27);
		say(fd, "{\"op\":\"wait\",\"progress\":true}\n", 30);
		say(fd, "{\"op\":\"do", 9);
	}
	if (session_client_wait(f->starter, NULL, &d, &err) < 0)
		fail_msg("%s", err.text);
	assert_alive(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(bad_requests),
	    T(line_without_end),
	    T(random_bytes),
	    T(many_clients_at_once),
	    T(too_many_clients),
	    T(a_client_that_never_reads),
	    T(waiting_requests_are_bounded),
	    T(killed_while_it_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
