/* SPDX-License-Identifier: MIT */
#include "docker/probe.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/net.h"
#include "docker/container.h"
#include "http/http.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	/* A proxy next to it needs a millisecond to find nobody there; a busy
	 * machine some more. */
	STAYS_OPEN_MS = 250,
	ANSWER_MAX = 512,
	PROC_MAX = 1024 * 1024
};

static int failed(struct error *err, int errno_value)
{
	return error_set(err, ERROR_SERVER, "%s", strerror(errno_value));
}

/* Mostly "127.0.0.1", which asks no server for its name. */
static int resolve(const char *host, uint16_t port, struct addrinfo **ret,
		   struct error *err)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	char service[8];
	int failure;

	snprintf(service, sizeof(service), "%u", (unsigned)port);
	failure = getaddrinfo(host, service, &hints, ret);
	if (failure)
		return error_set(err, ERROR_SERVER, "'%s': %s", host,
				 gai_strerror(failure));
	return 0;
}

static int open_connection(const char *host, uint16_t port,
			   const struct deadline *deadline, int *ret,
			   struct error *err)
{
	struct addrinfo *a = NULL;
	int failure;

	if (resolve(host, port, &a, err) < 0)
		return -1;
	failure = net_connect(a->ai_addr, a->ai_addrlen, deadline, ret);
	freeaddrinfo(a);
	if (failure == ETIMEDOUT &&
	    deadline_check(deadline, "connect", err) < 0)
		return -1;
	return failure ? failed(err, failure) : 0;
}

/* A process of that number may be another's: the engine may be on another
 * machine, or count in a namespace of its own. The container's is in a control
 * group that has the container's id for a name. */
static bool is_of_container(int pid, const char *id)
{
	auto_free char *path = xasprintf("/proc/%d/cgroup", pid);
	auto_buf struct buf text = BUF_INIT_MAX(PROC_MAX);

	return pid > 0 && *id && fs_read_file(path, &text, NULL) == 0 &&
	       strstr(text.s, id);
}

/* A line of /proc/net/tcp: "  0: 0100007F:1F90 00000000:0000 0A …", 0A being
 * LISTEN and the address in the machine's own byte order. */
static bool is_listener(const char *line, uint16_t port, bool *ret_local)
{
	char address[33];
	unsigned number;
	unsigned state;

	if (sscanf(line, " %*u: %32[0-9A-F]:%4x %*[0-9A-F:] %2x", address,
		   &number, &state) != 3)
		return false;
	if (number != port || state != TCP_LISTEN)
		return false;
	*ret_local = !strcmp(address, "0100007F") ||
		     !strcmp(address, "00000000000000000000000001000000");
	return true;
}

/* 1, 0, or -1 when the table cannot be read; of IPv6 there may be none. */
static int find_listener(int pid, const char *table, uint16_t port,
			 bool *ret_local)
{
	auto_free char *path = xasprintf("/proc/%d/net/%s", pid, table);
	auto_buf struct buf text = BUF_INIT_MAX(PROC_MAX);
	char *save = NULL;
	bool local = false;
	int found = 0;

	if (fs_read_file(path, &text, NULL) < 0)
		return -1;
	for (char *line = strtok_r(text.s, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		if (!is_listener(line, port, &local))
			continue;
		if (!local) {
			*ret_local = false;
			return 1;
		}
		*ret_local = true;
		found = 1;
	}
	return found;
}

int probe_listens(const char *id, int pid, uint16_t inside, struct error *err)
{
	bool local = false;
	bool local6 = false;
	int four;
	int six;

	if (!is_of_container(pid, id))
		return -1;
	four = find_listener(pid, "tcp", inside, &local);
	six = find_listener(pid, "tcp6", inside, &local6);
	if (four < 0)
		return -1;
	if ((four == 1 && !local) || (six == 1 && !local6))
		return 1;
	if (four == 1 || six == 1)
		error_set(err, ERROR_SERVER,
			  "it listens on port %u of its own loopback address "
			  "only",
			  (unsigned)inside);
	else
		error_set(err, ERROR_SERVER, "nobody listens on its port %u",
			  (unsigned)inside);
	return 0;
}

int probe_tcp(const char *host, uint16_t port, bool listens,
	      const struct deadline *deadline, struct error *err)
{
	auto_close int fd = -1;
	struct pollfd p = {.events = POLLIN};
	char byte;
	int ready;

	if (open_connection(host, port, deadline, &fd, err) < 0)
		return -1;
	if (listens)
		return 0;
	p.fd = fd;
	ready = deadline_poll(deadline, &p, 1, STAYS_OPEN_MS, "connect", err);
	if (ready <= 0)
		return ready;
	switch (recv(fd, &byte, 1, 0)) {
	case 0:
		return error_set(err, ERROR_SERVER,
				 "the connection was closed at once");
	case -1:
		return failed(err, errno);
	default:
		return 0;
	}
}

static int judge_redis(const char *answer, struct error *err)
{
	if ((answer[0] != '+' && answer[0] != '-') ||
	    !strncmp(answer, "-LOADING", 8))
		return error_set(err, ERROR_SERVER, "PING was answered '%.*s'",
				 (int)strcspn(answer, "\r\n"), answer);
	return 0;
}

int probe_redis(const char *host, uint16_t port,
		const struct deadline *deadline, struct error *err)
{
	auto_close int fd = -1;
	auto_buf struct buf answer = BUF_INIT_MAX(ANSWER_MAX);
	struct pollfd p = {.events = POLLIN};
	char piece[ANSWER_MAX];

	if (open_connection(host, port, deadline, &fd, err) < 0)
		return -1;
	if (send(fd, "PING\r\n", 6, MSG_NOSIGNAL) != 6)
		return failed(err, errno);
	p.fd = fd;
	while (!strchr(answer.s, '\n') && !answer.full) {
		ssize_t n;

		if (deadline_poll(deadline, &p, 1, -1, "PING", err) < 0)
			return -1;
		n = recv(fd, piece, sizeof(piece), 0);
		if (n < 0)
			return failed(err, errno);
		if (n == 0)
			return error_set(err, ERROR_SERVER,
					 "the connection was closed at once");
		buf_put(&answer, piece, (size_t)n);
	}
	return judge_redis(answer.s, err);
}

int probe_http(const char *host, uint16_t port, const char *path,
	       const struct deadline *deadline, struct error *err)
{
	bool v6 = strchr(host, ':') != NULL;
	auto_free char *base = xasprintf("http://%s%s%s:%u", v6 ? "[" : "",
					 host, v6 ? "]" : "", (unsigned)port);
	struct http_address address = {.base = base};
	struct http_request request = {.path = path};
	auto_http_reply struct http_reply reply = HTTP_REPLY_INIT;
	auto_error struct error why = ERROR_INIT;
	struct http_client *client = http_client_new(&address, &why);
	int result = -1;

	if (client)
		result = http_send(client, &request, deadline, &reply, &why);
	http_client_free(client);
	if (result == 0 && reply.status < 400)
		return 0;
	if (result == 0)
		return error_set(err, ERROR_SERVER, "GET %s: HTTP %d", path,
				 reply.status);
	if (why.kind != ERROR_CANCELLED)
		why.kind = ERROR_SERVER;
	error_wrap(&why, "GET %s", path);
	return error_move(err, &why);
}

static int take_output(void *ctx, int stream, const char *data, size_t len)
{
	struct buf *out = ctx;

	(void)stream;
	buf_put(out, data,
		len < out->max - out->len ? len : out->max - out->len);
	return 0;
}

int probe_exec(struct engine *engine, const char *id, const char *const *cmd,
	       const struct deadline *deadline, struct error *err)
{
	auto_buf struct buf out = BUF_INIT_MAX(ANSWER_MAX);
	auto_error struct error why = ERROR_INIT;
	int code = 0;

	if (container_exec(engine, id, cmd, NULL, deadline, take_output, &out,
			   &code, &why) < 0) {
		if (why.kind != ERROR_CANCELLED)
			why.kind = ERROR_SERVER;
		return error_move(err, &why);
	}
	if (code == 0)
		return 0;
	while (out.len && strchr(" \r\n\t", out.s[out.len - 1]))
		buf_truncate(&out, out.len - 1);
	return error_set(err, ERROR_SERVER, "'%s' ended with exit code %d%s%s",
			 cmd[0], code, out.len ? ": " : "", out.s);
}
