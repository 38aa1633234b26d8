/* SPDX-License-Identifier: MIT */
/*
 * A handle's life: made, opened (connected and greeted), freed.
 */
#include "client/internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
	PROTOCOL_VERSION = 1
};

int64_t client_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t client_deadline(int timeout_ms)
{
	if (timeout_ms < 0)
		return -1;
	return client_now() +
	       (timeout_ms ? timeout_ms : TESTENV_DEFAULT_TIMEOUT_MS);
}

enum testenv_result client_fail(struct testenv *env, enum testenv_result result,
				const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(env->message, sizeof(env->message), fmt, args);
	va_end(args);
	env->hint[0] = '\0';
	return result;
}

enum testenv_result client_fail_plain(struct testenv *env,
				      enum testenv_result result)
{
	return client_fail(env, result, "%s", testenv_result_text(result));
}

enum testenv_result client_begin(struct testenv *env)
{
	if (!env)
		return TESTENV_INVALID;
	if (env->pid != getpid())
		return client_fail_plain(env, TESTENV_FORKED);
	env->message[0] = env->hint[0] = '\0';
	return TESTENV_OK;
}

struct testenv *testenv_new(void)
{
	struct testenv *env = calloc(1, sizeof(*env));

	if (!env)
		return NULL;
	env->pid = getpid();
	env->fd = -1;
	wire_in_init(&env->in, WIRE_MAX_LINE);
	return env;
}

static void close_handle(struct testenv *env)
{
	while (env->leases)
		client_forget_lease(env->leases);
	client_disconnect(env);
}

void testenv_free(struct testenv *env)
{
	if (!env)
		return;
	close_handle(env);
	wire_in_free(&env->in);
	free(env);
}

static enum testenv_result greet(struct testenv *env, int64_t deadline)
{
	char buf[MAX_REQUEST];
	struct json_out out;
	struct json reply;
	unsigned long id = client_request(env, &out, buf, "hello");
	enum testenv_result r;

	json_out_number(&out, "version", PROTOCOL_VERSION);
	r = client_call(env, &out, id, deadline, &reply);
	/* all that can be wrong with a hello is its version */
	return r == TESTENV_FAILED ? TESTENV_VERSION_MISMATCH : r;
}

enum testenv_result testenv_open(struct testenv *env, const char *socket_path,
				 int timeout_ms)
{
	int64_t deadline = client_deadline(timeout_ms);
	enum testenv_result r = client_begin(env);

	if (r != TESTENV_OK)
		return r;
	if (deadline < 0)
		return client_fail(env, TESTENV_INVALID, "negative timeout");
	close_handle(env);
	if (!socket_path)
		socket_path = getenv("TESTENV_SOCKET");
	if (!socket_path || !*socket_path)
		return client_fail(env, TESTENV_NO_SESSION,
				   "TESTENV_SOCKET is not set: not run by "
				   "testenv");
	r = client_connect(env, socket_path, deadline);
	if (r == TESTENV_OK)
		r = greet(env, deadline);
	if (r != TESTENV_OK)
		client_disconnect(env);
	return r;
}

const char *testenv_message(const struct testenv *env)
{
	if (!env)
		return testenv_result_text(TESTENV_NO_MEMORY);
	return env->message[0] ? env->message : "no error";
}

const char *testenv_hint(const struct testenv *env)
{
	return env ? env->hint : "";
}
