/* SPDX-License-Identifier: MIT */
/*
 * A connection that cannot be made is closed once. The number of a descriptor
 * that is closed a second time may be another thread's by then: close(2) is
 * this program's own.
 */
#include "dialect/db.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/fs.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static atomic_int closed_twice;

int close(int fd)
{
	static int (*next)(int);
	void *symbol = next ? NULL : dlsym(RTLD_NEXT, "close");
	int result;

	if (symbol)
		memcpy(&next, &symbol, sizeof(next));
	result = next(fd);
	if (result < 0 && errno == EBADF)
		closed_twice++;
	return result;
}

static void expect(const struct db_address *a, const char *want)
{
	struct deadline d = deadline_in(30000, NULL);
	auto_error struct error err = ERROR_INIT;
	struct db *db = NULL;
	int before = closed_twice;

	assert_int_equal(db_connect(a, &d, &db, &err), -1);
	assert_int_equal(err.kind, ERROR_DATABASE);
	assert_non_null(strstr(error_text(&err), want));
	assert_int_equal(closed_twice - before, 0);
}

/* What such a close looks like, so that the others show something. */
static void it_is_seen(void **state)
{
	int before = closed_twice;
	int fd = dup(0);

	(void)state;
	close(fd);
	close(fd);
	assert_int_equal(closed_twice - before, 1);
}

static void by_socket(void **state)
{
	static char dir[] = "/tmp/te-XXXXXX";
	char path[64], user[] = "app";
	struct db_address a = {
	    .dialect = DIALECT_MARIADB, .socket = path, .user = user};
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/s", dir);
	expect(&a, "(No such file or directory)");
	memcpy(un.sun_path, path, strlen(path) + 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	expect(&a, "(Connection refused)");
	close(fd);
	expect(&a, "(Connection refused)");
	fs_remove_tree(dir, NULL);
}

/* Of a port that is nobody's. */
static uint16_t free_port(void)
{
	struct sockaddr_in in = {.sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &len), 0);
	close(fd);
	return ntohs(in.sin_port);
}

static void by_tcp(void **state)
{
	char here[] = "127.0.0.1", nowhere[] = "255.255.255.255";
	char user[] = "app";
	struct db_address a = {.dialect = DIALECT_MARIADB,
			       .host = here,
			       .port = free_port(),
			       .user = user};

	(void)state;
	expect(&a, "(Connection refused)");
	a.host = nowhere;
	expect(&a, "can't reach '255.255.255.255'");
	a.dialect = DIALECT_POSTGRES;
	expect(&a, "255.255.255.255");
	a.host = here;
	expect(&a, "Connection refused");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(it_is_seen),
	    cmocka_unit_test(by_socket),
	    cmocka_unit_test(by_tcp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
