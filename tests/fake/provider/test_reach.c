/* SPDX-License-Identifier: MIT */
#include "provider/reach.h"

#include "unit/cm.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* A port of 127.0.0.1: with a listener, or kept from others and refused. */
static int open_port(bool listening, uint16_t *ret)
{
	struct sockaddr_in in = {.sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	if (listening)
		assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &len), 0);
	*ret = ntohs(in.sin_port);
	return fd;
}

static int die(void *ctx, struct error *err)
{
	int *turns = ctx;

	if (--*turns)
		return 0;
	return error_set(err, ERROR_SERVER, "it ended");
}

static void the_first_that_answers_is_taken(void **state)
{
	auto_error struct error err = ERROR_INIT;
	struct deadline d = deadline_in(30000, NULL);
	struct reach_place places[2] = {{.host = "127.0.0.1"},
					{.host = "127.0.0.1"}};
	auto_close int refused = open_port(false, &places[0].port);
	auto_close int open = open_port(true, &places[1].port);
	size_t at = 9;

	(void)state;
	(void)refused, (void)open;
	assert_int_equal(reach_first(places, 2, NULL, NULL, &d, &at, &err), 0);
	assert_int_equal(at, 1);
	/* one alone is not tried: it is what there is */
	assert_int_equal(reach_first(places, 1, NULL, NULL, &d, &at, &err), 0);
	assert_int_equal(at, 0);
}

static void none_that_answers_is_said(void **state)
{
	auto_error struct error err = ERROR_INIT;
	struct deadline d = deadline_in(300, NULL);
	struct deadline long_one = deadline_in(30000, NULL);
	struct reach_place places[2] = {{.host = "127.0.0.1"},
					{.host = "no address", .port = 1}};
	auto_close int refused = open_port(false, &places[0].port);
	auto_free char *text = NULL;
	size_t at;
	int turns = 3;

	(void)state;
	(void)refused;
	text = xasprintf("it is not reached from here by any of its addresses "
			 "(127.0.0.1:%u: Connection refused, no address:1: "
			 "Cannot assign requested address)",
			 (unsigned)places[0].port);
	assert_int_equal(reach_first(places, 2, NULL, NULL, &d, &at, &err), -1);
	assert_int_equal(err.kind, ERROR_TIMEOUT);
	assert_string_equal(err.text, text);
	assert_int_equal(
	    reach_first(places, 2, die, &turns, &long_one, &at, &err), -1);
	assert_int_equal(err.kind, ERROR_SERVER);
	assert_string_equal(err.text, "it ended");
}

/* Where this machine has no IPv6, its error is no "not an address". */
static void both_families_are_tried(void **state)
{
	struct deadline d = deadline_in(30000, NULL);
	struct sockaddr_in6 in = {.sin6_family = AF_INET6,
				  .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	socklen_t len = sizeof(in);
	auto_close int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	assert_int_equal(reach_try("[::1]", 1, &d), EADDRNOTAVAIL);
	assert_int_equal(reach_try("node2", 1, &d), EADDRNOTAVAIL);
	if (fd < 0 || bind(fd, (struct sockaddr *)&in, sizeof(in)) < 0)
		return;
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &len), 0);
	assert_int_equal(reach_try("::1", ntohs(in.sin6_port), &d), 0);
}

static void names_become_addresses(void **state)
{
	auto_error struct error err = ERROR_INIT;
	char no_name[400] = "";
	char host[64];

	(void)state;
	memset(no_name, 'x', sizeof(no_name) - 1);
	assert_int_equal(reach_resolve("localhost", host, &err), 0);
	assert_string_equal(host, "127.0.0.1");
	assert_int_equal(reach_resolve("10.1.2.3", host, &err), 0);
	assert_string_equal(host, "10.1.2.3");
	assert_int_equal(reach_resolve("fd00::1", host, &err), 0);
	assert_string_equal(host, "fd00::1");
	/* longer than a name can be, so that nobody is asked */
	assert_int_equal(reach_resolve(no_name, host, &err), -1);
	assert_int_equal(err.kind, ERROR_ENGINE);
	assert_non_null(strstr(err.text, "xx' has no address: "));
}

static size_t places_of(bool local, bool inside, enum reach_way way,
			const char *ip, struct reach_place ret[REACH_PLACES])
{
	auto_error struct error err = ERROR_INIT;
	struct reach_port port = {.published_host = "localhost",
				  .published = 49000,
				  .ip = ip,
				  .own = 9000,
				  .local = local,
				  .inside = inside,
				  .way = way};
	size_t n = 0;

	assert_int_equal(reach_places(&port, ret, &n, &err), 0);
	for (size_t i = 0; i < n; i++) {
		bool direct = ret[i].way == REACH_DIRECT;

		assert_string_equal(ret[i].host, direct ? ip : "127.0.0.1");
		assert_int_equal(ret[i].port, direct ? 9000 : 49000);
	}
	return n;
}

static void places_depend_on_where_we_are(void **state)
{
	struct reach_place p[REACH_PLACES];

	(void)state;
	assert_int_equal(places_of(true, false, REACH_UNKNOWN, "10.1.2.3", p),
			 2);
	assert_int_equal(p[0].way, REACH_PUBLISHED);
	assert_int_equal(places_of(false, true, REACH_UNKNOWN, "10.1.2.3", p),
			 2);
	assert_int_equal(p[0].way, REACH_DIRECT);
	/* another machine's containers are its own business */
	assert_int_equal(places_of(false, false, REACH_UNKNOWN, "10.1.2.3", p),
			 1);
	assert_int_equal(p[0].way, REACH_PUBLISHED);
	assert_int_equal(places_of(true, true, REACH_UNKNOWN, "", p), 1);
	assert_int_equal(p[0].way, REACH_PUBLISHED);
	/* what is known */
	assert_int_equal(places_of(true, false, REACH_DIRECT, "10.1.2.3", p),
			 1);
	assert_int_equal(p[0].way, REACH_DIRECT);
	assert_int_equal(places_of(true, true, REACH_PUBLISHED, "10.1.2.3", p),
			 1);
	assert_int_equal(p[0].way, REACH_PUBLISHED);
	assert_int_equal(places_of(true, true, REACH_DIRECT, "", p), 1);
	assert_int_equal(p[0].way, REACH_PUBLISHED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_first_that_answers_is_taken),
	    cmocka_unit_test(none_that_answers_is_said),
	    cmocka_unit_test(both_families_are_tried),
	    cmocka_unit_test(names_become_addresses),
	    cmocka_unit_test(places_depend_on_where_we_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
