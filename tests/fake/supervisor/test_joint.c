/* SPDX-License-Identifier: MIT */
/* Two sockets whose bytes go to one another, on threads of their own. */
#include "supervisor/joint.h"

#include "base/alloc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

enum {
	PATIENCE_S = 60,
	MANY = 200
};

struct fixture {
	uv_loop_t home;
	struct lanes *lanes;
	uv_timer_t patience;
	bool late;
};

/* One joint; `client` and `server` are the far ends. */
struct pair {
	struct joint *joint;
	int client, server;
	unsigned ended;
};

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	uv_loop_init(&f->home);
	uv_timer_init(&f->home, &f->patience);
	f->patience.data = f;
	f->lanes = lanes_new(&f->home);
	*state = f;
	return f->lanes ? 0 : -1;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	lanes_close(f->lanes);
	uv_close((uv_handle_t *)&f->patience, NULL);
	uv_run(&f->home, UV_RUN_DEFAULT);
	lanes_free(f->lanes);
	if (uv_loop_close(&f->home) < 0)
		return -1;
	free(f);
	return 0;
}

static void far_end(int fd[2])
{
	struct timeval patience = {.tv_sec = PATIENCE_S};

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd),
			 0);
	setsockopt(fd[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	fcntl(fd[1], F_SETFL, O_NONBLOCK);
}

static void on_end(void *ctx)
{
	struct pair *p = ctx;

	p->ended++;
}

static void join(struct fixture *f, struct pair *p, const char *early,
		 joint_filter_fn *filter)
{
	struct joint_spec spec = {
	    .early = early,
	    .early_len = early ? strlen(early) : 0,
	    .filter = filter,
	    .end = on_end,
	    .ctx = p,
	};
	int client[2], server[2];

	far_end(client);
	far_end(server);
	*p = (struct pair){.client = client[0], .server = server[0]};
	spec.client = client[1];
	spec.server = server[1];
	p->joint = joint_new(f->lanes, &spec);
	assert_non_null(p->joint);
}

static void part(struct pair *p)
{
	close(p->client);
	close(p->server);
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL),
			 strlen(text));
}

static void hear(int fd, const char *text)
{
	char heard[256] = "";
	size_t len = 0;

	while (len < strlen(text)) {
		ssize_t n = read(fd, heard + len, strlen(text) - len);

		assert_true(n > 0);
		len += (size_t)n;
	}
	assert_string_equal(heard, text);
}

static void hear_the_end(int fd)
{
	char c;

	assert_int_equal(read(fd, &c, 1), 0);
}

static void on_patience(uv_timer_t *t)
{
	struct fixture *f = t->data;

	f->late = true;
}

static void wait_for_end(struct fixture *f, struct pair *p)
{
	uv_timer_start(&f->patience, on_patience, PATIENCE_S * 1000, 0);
	while (!p->ended && !f->late)
		uv_run(&f->home, UV_RUN_ONCE);
	uv_timer_stop(&f->patience);
	assert_int_equal(p->ended, 1);
}

static void both_ways(void **state)
{
	struct fixture *f = *state;
	struct pair p;

	join(f, &p, NULL, NULL);
	for (int i = 0; i < 100; i++) {
		say(p.client, "a question");
		hear(p.server, "a question");
		say(p.server, "and its answer");
		hear(p.client, "and its answer");
	}
	part(&p);
	wait_for_end(f, &p);
}

static void one_end_has_said_all(void **state)
{
	struct fixture *f = *state;
	struct pair p;

	join(f, &p, NULL, NULL);
	say(p.client, "that is all");
	shutdown(p.client, SHUT_WR);
	hear(p.server, "that is all");
	hear_the_end(p.server);
	say(p.server, "not from this side");
	hear(p.client, "not from this side");
	close(p.server);
	hear_the_end(p.client);
	wait_for_end(f, &p);
	close(p.client);
}

static int louder(void *ctx, const char *data, size_t len, struct buf *ret)
{
	(void)ctx;
	for (size_t i = 0; i < len; i++)
		buf_putc(ret, data[i] == '!' ? '?' : data[i]);
	return memchr(data, '#', len) ? -1 : 0;
}

static void early_then_filtered(void **state)
{
	struct fixture *f = *state;
	struct pair p;

	join(f, &p, "early! ", louder);
	say(p.client, "late!");
	hear(p.server, "early! late?");
	say(p.server, "as it is!");
	hear(p.client, "as it is!");
	say(p.client, "#");
	wait_for_end(f, &p);
	hear_the_end(p.client);
	hear_the_end(p.server);
	part(&p);
}

/* Writes until it is not taken any more: how much. */
static size_t fill(int fd, size_t limit)
{
	static char piece[32768];
	size_t total = 0;
	struct timeval soon = {.tv_usec = 300 * 1000};

	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &soon, sizeof(soon));
	while (total < limit) {
		ssize_t n = send(fd, piece, sizeof(piece), MSG_NOSIGNAL);

		if (n < 0)
			break;
		total += (size_t)n;
	}
	return total;
}

static void nobody_reads(void **state)
{
	static char piece[65536];
	struct fixture *f = *state;
	struct pair p;
	size_t sent, heard = 0;

	join(f, &p, NULL, NULL);
	sent = fill(p.client, 64 << 20);
	/* the four sockets' buffers, and one piece */
	assert_true(sent < (size_t)4 << 20);
	say(p.server, "the other way is free");
	hear(p.client, "the other way is free");
	while (heard < sent) {
		ssize_t n = read(p.server, piece, sizeof(piece));

		assert_true(n > 0);
		heard += (size_t)n;
	}
	say(p.client, "and then");
	hear(p.server, "and then");
	part(&p);
	wait_for_end(f, &p);
}

static void cut(void **state)
{
	struct fixture *f = *state;
	struct pair p;

	join(f, &p, NULL, NULL);
	say(p.client, "before");
	hear(p.server, "before");
	joint_cut(p.joint);
	joint_cut(p.joint);
	hear_the_end(p.server);
	hear_the_end(p.client);
	assert_int_equal(send(p.client, "x", 1, MSG_NOSIGNAL), -1);
	assert_int_equal(errno, EPIPE);
	wait_for_end(f, &p);
	part(&p);
}

/* Also one that has not begun, and one whose ends are both full. */
static void cut_at_once(void **state)
{
	struct fixture *f = *state;
	struct pair p;

	join(f, &p, "early", NULL);
	joint_cut(p.joint);
	wait_for_end(f, &p);
	part(&p);
	join(f, &p, NULL, NULL);
	fill(p.client, 64 << 20);
	fill(p.server, 64 << 20);
	joint_cut(p.joint);
	wait_for_end(f, &p);
	part(&p);
}

/* The client is there, and is handed back to be told. */
static void on_lost(void *ctx, int client, int errno_value)
{
	struct pair *p = ctx;

	assert_int_equal(errno_value, EHOSTUNREACH);
	say(client, "it is gone");
	close(client);
	p->ended++;
}

/* Idle, and with an end that does not take what waits for it. */
static void told_of_the_loss(void **state)
{
	struct fixture *f = *state;
	struct joint_spec spec = {.end = on_end, .lost = on_lost};

	for (int full = 0; full < 2; full++) {
		struct pair p = {0};
		int client[2], server[2];

		far_end(client);
		far_end(server);
		p.client = client[0];
		p.server = server[0];
		spec.client = client[1];
		spec.server = server[1];
		spec.ctx = &p;
		p.joint = joint_new(f->lanes, &spec);
		if (full)
			fill(p.client, 64 << 20);
		joint_lose(p.joint, EHOSTUNREACH);
		joint_lose(p.joint, EHOSTUNREACH);
		wait_for_end(f, &p);
		hear(p.client, "it is gone");
		part(&p);
	}
}

static unsigned descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static void many(void **state)
{
	struct fixture *f = *state;
	static struct pair p[MANY];
	unsigned before;

	join(f, &p[0], NULL, NULL);
	part(&p[0]);
	wait_for_end(f, &p[0]);
	join(f, &p[0], NULL, NULL); /* so that there are all lanes */
	join(f, &p[1], NULL, NULL);
	join(f, &p[2], NULL, NULL);
	join(f, &p[3], NULL, NULL);
	before = descriptors() - 4 * 4;
	for (unsigned i = 4; i < MANY; i++)
		join(f, &p[i], NULL, NULL);
	for (unsigned i = 0; i < MANY; i++)
		say(p[i].client, "hello");
	for (unsigned i = 0; i < MANY; i++)
		hear(p[i].server, "hello");
	for (unsigned i = 0; i < MANY; i++) {
		if (i % 3 == 0)
			joint_cut(p[i].joint);
		else
			close(p[i].client);
	}
	for (unsigned i = 0; i < MANY; i++) {
		hear_the_end(p[i].server);
		close(p[i].server);
		if (i % 3 == 0)
			close(p[i].client);
	}
	for (unsigned i = 0; i < MANY; i++)
		wait_for_end(f, &p[i]);
	assert_int_equal(descriptors(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(both_ways, setup, teardown),
	    cmocka_unit_test_setup_teardown(one_end_has_said_all, setup,
					    teardown),
	    cmocka_unit_test_setup_teardown(early_then_filtered, setup,
					    teardown),
	    cmocka_unit_test_setup_teardown(nobody_reads, setup, teardown),
	    cmocka_unit_test_setup_teardown(cut, setup, teardown),
	    cmocka_unit_test_setup_teardown(cut_at_once, setup, teardown),
	    cmocka_unit_test_setup_teardown(told_of_the_loss, setup, teardown),
	    cmocka_unit_test_setup_teardown(many, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
