/* SPDX-License-Identifier: MIT */
/*
 * One request and its answer over the supervisor's socket.
 *
 * A call may end before its answer is there. The answer then comes in front of
 * a later one: it is dropped, and if it grants a lease, that is given back.
 */
#include "client/internal.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

/* Milliseconds for poll(), at least 0. */
static int left(int64_t deadline)
{
	int64_t ms = deadline - client_now();

	return ms < 0 ? 0 : ms > INT_MAX ? INT_MAX : (int)ms;
}

/* connect() on a Unix socket waits for a place in the queue as long as sends
 * may take. */
static int set_send_timeout(int fd, int ms)
{
	struct timeval tv = {ms / 1000, ms % 1000 * 1000 + (ms ? 0 : 1)};

	return setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
}

static enum testenv_result connect_failed(struct testenv *env, const char *path)
{
	int error = errno;
	enum testenv_result r = TESTENV_SYSTEM;

	if (error == EAGAIN)
		return client_fail_plain(env, TESTENV_TIMEOUT);
	if (error == ENOENT || error == ECONNREFUSED || error == ENOTDIR)
		r = TESTENV_NO_SESSION;
	else if (error == EACCES || error == EPERM)
		r = TESTENV_REFUSED;
	return client_fail(env, r, "connect to '%s': %s", path,
			   strerror(error));
}

enum testenv_result client_connect(struct testenv *env, const char *path,
				   int64_t deadline)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t len = strlen(path);
	int r;

	if (len >= sizeof(address.sun_path))
		return client_fail(env, TESTENV_INVALID,
				   "socket path '%s' is too long", path);
	memcpy(address.sun_path, path, len + 1);
	env->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (env->fd < 0)
		return client_fail(env, TESTENV_SYSTEM, "socket: %s",
				   strerror(errno));
	do {
		set_send_timeout(env->fd, left(deadline));
		r = connect(env->fd, (struct sockaddr *)&address,
			    sizeof(address));
	} while (r < 0 && errno == EINTR);
	return r < 0 ? connect_failed(env, path) : TESTENV_OK;
}

void client_disconnect(struct testenv *env)
{
	if (env->fd < 0)
		return;
	/* a child of ours may hold the descriptor: leases end here all the
	 * same; and in such a child the parent's must not */
	if (env->pid == getpid())
		shutdown(env->fd, SHUT_RDWR);
	close(env->fd);
	env->fd = -1;
	wire_in_free(&env->in);
}

static enum testenv_result lost(struct testenv *env, enum testenv_result result)
{
	client_disconnect(env);
	return client_fail_plain(env, result);
}

/* Until the socket is ready for events. */
static enum testenv_result wait_for(struct testenv *env, short events,
				    int64_t deadline)
{
	struct pollfd p = {env->fd, events, 0};
	int r;

	do {
		r = poll(&p, 1, left(deadline));
	} while (r < 0 && errno == EINTR);
	if (r < 0)
		return lost(env, TESTENV_LOST);
	return r ? TESTENV_OK : client_fail_plain(env, TESTENV_TIMEOUT);
}

/* Part of a line sent is a connection spoilt: what is begun is finished or the
 * connection is given up. */
static enum testenv_result send_all(struct testenv *env, const char *data,
				    size_t len, int64_t deadline)
{
	size_t sent = 0;

	while (sent < len) {
		ssize_t n = send(env->fd, data + sent, len - sent,
				 MSG_NOSIGNAL | MSG_DONTWAIT);
		enum testenv_result r;

		if (n >= 0) {
			sent += (size_t)n;
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return lost(env, TESTENV_LOST);
		r = wait_for(env, POLLOUT, deadline);
		if (r == TESTENV_TIMEOUT && sent)
			return lost(env, TESTENV_TIMEOUT);
		if (r != TESTENV_OK)
			return r;
	}
	return TESTENV_OK;
}

static enum testenv_result receive(struct testenv *env, int64_t deadline)
{
	char buf[8192];
	ssize_t n = recv(env->fd, buf, sizeof(buf), MSG_DONTWAIT);
	int r;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return wait_for(env, POLLIN, deadline);
	if (n <= 0)
		return lost(env, TESTENV_LOST);
	r = wire_in_put(&env->in, buf, (size_t)n);
	if (r < 0)
		return lost(env, r == WIRE_NO_MEMORY ? TESTENV_NO_MEMORY
						     : TESTENV_PROTOCOL);
	return TESTENV_OK;
}

static enum testenv_result next_object(struct testenv *env, int64_t deadline,
				       struct json *ret)
{
	enum testenv_result r;
	char *line;
	size_t len;
	int got;

	while (!(got = wire_in_next(&env->in, &line, &len))) {
		r = receive(env, deadline);
		if (r != TESTENV_OK)
			return r;
	}
	if (got < 0 || json_parse(line, len, ret) < 0 ||
	    ret->type != JSON_OBJECT)
		return lost(env, TESTENV_PROTOCOL);
	return TESTENV_OK;
}

/* An answer nobody waits for any more: a lease in it goes back. Nobody waits
 * for the answer to that either. */
static enum testenv_result
drop_answer(struct testenv *env, const struct json *answer, int64_t deadline)
{
	char buf[MAX_REQUEST], id[MAX_ID];
	struct json_out out;
	struct json value;
	long len;

	if (!json_member(answer, "lease", &value))
		return TESTENV_OK;
	len = json_string(&value, id, sizeof(id));
	if (len < 0 || len >= (long)sizeof(id))
		return lost(env, TESTENV_PROTOCOL);
	client_request(env, &out, buf, "release");
	json_out_string(&out, "lease", id);
	len = json_out_end(&out);
	buf[len] = '\n';
	return send_all(env, buf, (size_t)len + 1, deadline);
}

static const struct {
	const char *kind;
	enum testenv_result result;
} kinds[] = {
    {"busy", TESTENV_BUSY},
    {"timeout", TESTENV_TIMEOUT},
    {"refused", TESTENV_REFUSED},
    {"no-session", TESTENV_NO_SESSION},
};

/* In the session's words. */
static enum testenv_result refusal(struct testenv *env,
				   const struct json *answer)
{
	enum testenv_result r = TESTENV_FAILED;
	struct json error, value;
	char kind[32];

	client_fail_plain(env, r);
	if (!json_member(answer, "error", &error))
		return r;
	if (json_member(&error, "text", &value))
		json_string(&value, env->message, sizeof(env->message));
	if (json_member(&error, "hint", &value))
		json_string(&value, env->hint, sizeof(env->hint));
	if (!json_member(&error, "kind", &value) ||
	    json_string(&value, kind, sizeof(kind)) < 0)
		return r;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kind, kinds[i].kind) == 0)
			r = kinds[i].result;
	return r;
}

unsigned long client_request(struct testenv *env, struct json_out *out,
			     char *buf, const char *op)
{
	json_out_begin(out, buf, MAX_REQUEST - 1); /* and a newline */
	json_out_string(out, "op", op);
	json_out_number(out, "id", ++env->last_request);
	return env->last_request;
}

static enum testenv_result answer_to(struct testenv *env, unsigned long id,
				     int64_t deadline, struct json *ret)
{
	for (;;) {
		enum testenv_result r = next_object(env, deadline, ret);
		struct json value;

		if (r != TESTENV_OK)
			return r;
		if (!json_member(ret, "id", &value))
			continue; /* an event */
		if (json_number(&value, ULONG_MAX, 0) == id)
			return TESTENV_OK;
		r = drop_answer(env, ret, deadline);
		if (r != TESTENV_OK)
			return r;
	}
}

enum testenv_result client_call(struct testenv *env, struct json_out *out,
				unsigned long id, int64_t deadline,
				struct json *ret)
{
	long len = json_out_end(out);
	enum testenv_result r;
	struct json ok;

	if (len < 0)
		return client_fail(env, TESTENV_INVALID,
				   "label that is no UTF-8 or too long");
	if (env->fd < 0)
		return client_fail_plain(env, TESTENV_LOST);
	out->data[len] = '\n';
	r = send_all(env, out->data, (size_t)len + 1, deadline);
	if (r == TESTENV_OK)
		r = answer_to(env, id, deadline, ret);
	if (r != TESTENV_OK)
		return r;
	if (!json_member(ret, "ok", &ok))
		return lost(env, TESTENV_PROTOCOL);
	return ok.type == JSON_TRUE ? TESTENV_OK : refusal(env, ret);
}
