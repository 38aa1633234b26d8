/* SPDX-License-Identifier: MIT */
/*
 * docker/ on any reply: whatever an engine says, each call ends, and frees what
 * it took.
 *
 * The first byte says which call is made, the second the reply's form: its low
 * three bits a status; with bit 3 the rest is sent as it is, head and chunks
 * and all. A line "--" parts what the call's requests get in turn; the last
 * part is for all that follow. From 0xe0 on, the first byte is a call to a
 * swarm's manager.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/progress.h"
#include "docker/container.h"
#include "docker/engine.h"
#include "docker/image.h"
#include "docker/service.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	CALL_MS = 20000, /* no call needs that: one that hangs is a find */
	REQUEST_MAX = 16384
};

static struct engine *engine;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
/* guarded by it: what is answered with */
static const char *reply, *reply_end;
static unsigned form;

static const int statuses[] = {200, 201, 204, 304, 404, 409, 500, 101};

static void must(bool holds)
{
	if (!holds)
		abort();
}

/* The part for the next request; the last one stays. */
static void take_part(struct buf *ret)
{
	const char *end;

	pthread_mutex_lock(&mutex);
	end = memmem(reply, (size_t)(reply_end - reply), "\n--\n", 4);
	buf_put(ret, reply, (size_t)((end ? end : reply_end) - reply));
	if (end)
		reply = end + 4;
	pthread_mutex_unlock(&mutex);
}

static void send_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

		if (n <= 0)
			return;
		data += n;
		len -= (size_t)n;
	}
}

static void answer(int fd)
{
	static const char pong[] =
	    "HTTP/1.1 200 OK\r\nApi-Version: 1.51\r\nServer: Docker/28\r\n"
	    "Content-Length: 2\r\nConnection: close\r\n\r\nOK";
	auto_buf struct buf request = BUF_INIT_MAX(REQUEST_MAX);
	auto_buf struct buf body = BUF_INIT;
	char piece[1024];
	char head[128];
	int n;

	while (!strstr(request.s, "\r\n\r\n") && !request.full) {
		ssize_t got = recv(fd, piece, sizeof(piece), 0);

		if (got <= 0)
			return;
		buf_put(&request, piece, (size_t)got);
	}
	if (strstr(request.s, "/_ping")) {
		send_all(fd, pong, sizeof(pong) - 1);
		return;
	}
	take_part(&body);
	if (!(form & 8)) {
		n = snprintf(head, sizeof(head),
			     "HTTP/1.1 %d X\r\nConnection: close\r\n\r\n",
			     statuses[form & 7]);
		send_all(fd, head, (size_t)n);
	}
	send_all(fd, body.s, body.len);
	/* what is left of the request would reset the reply */
	shutdown(fd, SHUT_WR);
	while (recv(fd, piece, sizeof(piece), 0) > 0)
		;
}

static void *serve(void *arg)
{
	int listener = *(int *)arg;
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		answer(fd);
		close(fd);
	}
	return NULL;
}

static char dir[] = "/tmp/testenv-fuzz-XXXXXX";
static struct sockaddr_un at = {.sun_family = AF_UNIX};

static void leave(void)
{
	unlink(at.sun_path);
	rmdir(dir);
}

static void start(void)
{
	static int listener;
	auto_error struct error err = ERROR_INIT;
	struct deadline d = deadline_in(CALL_MS, NULL);
	char host[128];
	struct engine_candidate c = {.host = host};
	pthread_t thread;

	must(mkdtemp(dir) != NULL && atexit(leave) == 0);
	snprintf(at.sun_path, sizeof(at.sun_path), "%s/s", dir);
	snprintf(host, sizeof(host), "unix://%s", at.sun_path);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(bind(listener, (struct sockaddr *)&at, sizeof(at)) == 0 &&
	     listen(listener, 16) == 0);
	must(pthread_create(&thread, NULL, serve, &listener) == 0);
	pthread_detach(thread);
	reply = reply_end = "";
	must(engine_open_host(&c, &d, &engine, &err) == 0);
}

static int take_log(void *ctx, int stream, const char *data, size_t len)
{
	volatile char sum = 0;

	(void)ctx;
	must(stream >= 1 && stream <= 2);
	for (size_t i = 0; i < len; i++)
		sum = (char)(sum + data[i]);
	return 0;
}

static void call_container(unsigned which, const struct deadline *d,
			   struct error *err)
{
	struct container c = {.id = "0123456789abcdef"};
	struct container_spec spec = {.image = "a", .name = "n", .port = 5432};
	struct container_state state;
	auto_container_list struct container_list list = CONTAINER_LIST_INIT;
	struct container_log_options options = {false, 10, false};
	const char *cmd[] = {"true", NULL};
	auto_buf struct buf out = BUF_INIT_MAX(65536);
	int code = 0;

	switch (which) {
	case 0:
		container_create(engine, &spec, d, &c, err);
		break;
	case 1:
		container_start(engine, &c, d, err);
		break;
	case 2:
		if (container_inspect(engine, c.id, d, &state, err) == 0)
			must(memchr(state.error, 0, sizeof(state.error)) &&
			     memchr(state.status, 0, sizeof(state.status)) &&
			     memchr(state.host_ip, 0, sizeof(state.host_ip)));
		break;
	case 3:
		container_wait(engine, &c, d, &code, err);
		break;
	case 4:
		container_list(engine, "a=b", d, &list, err);
		break;
	case 5:
		container_logs(engine, c.id, &options, d, take_log, NULL, err);
		break;
	case 6:
		container_log_tail(engine, c.id, 5, d, &out, err);
		break;
	case 7:
		container_exec(engine, c.id, cmd, NULL, d, take_log, NULL,
			       &code, err);
		break;
	default:
		container_get_archive(engine, c.id, "/x", d, &out, err);
		if (out.len) {
			auto_buf struct buf first = BUF_INIT_MAX(65536);

			tar_first(&out, &first, err);
		}
	}
}

static void call_image(unsigned which, const struct deadline *d,
		       struct error *err)
{
	auto_image struct image image = IMAGE_INIT;
	auto_image_list struct image_list list = IMAGE_LIST_INIT;
	auto_buf struct buf context = BUF_INIT;
	struct image_build build = {.context = &context, .tag = "a:b"};
	struct engine_info info = {0};
	char *id = NULL;

	switch (which) {
	case 0:
		image_inspect(engine, "a:b", d, &image, err);
		break;
	case 1:
		image_pull(engine, "a:b", NULL, d, NULL, err);
		break;
	case 2:
		buf_puts(&context, "x");
		image_build(engine, &build, d, NULL, err);
		break;
	case 3:
		image_list(engine, NULL, "a", d, &list, err);
		break;
	case 4:
		if (image_commit(engine, "c", "r", "t", NULL, d, &id, err) == 0)
			free(id);
		break;
	case 5:
		image_remove(engine, "a:b", d, err);
		break;
	default:
		if (engine_info(engine, d, &info, err) == 0)
			engine_info_free(&info);
	}
}

static void look_at_swarm(unsigned which, const struct deadline *d,
			  struct error *err)
{
	auto_swarm_nodes struct swarm_nodes nodes = SWARM_NODES_INIT;
	auto_service_list struct service_list list = SERVICE_LIST_INIT;
	struct service_task task;
	struct swarm_info info;

	switch (which) {
	case 0:
		if (swarm_nodes(engine, d, &nodes, err) == 0 && nodes.n)
			must(memchr(nodes.list[0].address, 0,
				    sizeof(nodes.list[0].address)) != NULL);
		break;
	case 1:
		if (swarm_info(engine, d, &info, err) == 0)
			must(memchr(info.state, 0, sizeof(info.state)) &&
			     memchr(info.managers, 0, sizeof(info.managers)));
		break;
	case 2:
		service_list(engine, "a=b", d, &list, err);
		break;
	default:
		if (service_task(engine, "s", d, &task, err) == 0)
			must(memchr(task.state, 0, sizeof(task.state)) &&
			     memchr(task.message, 0, sizeof(task.message)) &&
			     !(task.running && task.ended));
	}
}

static void call_service(unsigned which, const struct deadline *d,
			 struct error *err)
{
	struct service_spec spec = {.name = "n", .image = "sha256:1"};
	struct container_log_options options = {false, 10, false};
	char id[SWARM_ID];
	char *digest = NULL;

	switch (which) {
	case 4:
		service_create(engine, &spec, d, id, err);
		break;
	case 5:
		service_remove(engine, "s", d, err);
		break;
	case 6:
		service_logs(engine, "s", &options, d, take_log, NULL, err);
		break;
	case 7:
		if (image_push(engine, "localhost:1/a:b", d, NULL, &digest,
			       err) == 0)
			free(digest);
		break;
	default:
		look_at_swarm(which, d, err);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_error struct error err = ERROR_INIT;
	struct deadline d = deadline_in(CALL_MS, NULL);

	if (!engine)
		start();
	if (size < 2)
		return 0;
	pthread_mutex_lock(&mutex);
	form = data[1];
	reply = (const char *)data + 2;
	reply_end = (const char *)data + size;
	pthread_mutex_unlock(&mutex);
	if (data[0] >= 0xe0)
		call_service(data[0] % 8, &d, &err);
	else if (data[0] % 16 < 9)
		call_container(data[0] % 16, &d, &err);
	else
		call_image(data[0] % 16 - 9, &d, &err);
	/* a pull waits between its tries, and is the only one that may */
	must(err.kind != ERROR_TIMEOUT || data[0] % 16 == 10);
	must(!strchr(error_text(&err), '\n') || err.detail);
	return 0;
}
