/* SPDX-License-Identifier: MIT */
#include "client/internal.h"

#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The answer comes before our own time is up, if the session keeps to it: then
 * nothing is left to be given back. */
static unsigned long waiting_time(int64_t deadline)
{
	int64_t ms = deadline - client_now();

	ms -= ms / 4 < 50 ? ms / 4 : 50;
	return ms > 1 ? (unsigned long)ms : 1;
}

static size_t count(const struct json *array)
{
	struct json value;
	size_t n = 0;

	for (size_t at = 0; json_element(array, &at, &value);)
		n++;
	return n;
}

/* Pointers and strings in one block. No string is longer than its JSON. NULL
 * with *ret_result. */
static char **copy_variables(const struct json *array, size_t n,
			     enum testenv_result *ret_result)
{
	size_t room = (n + 1) * sizeof(char *) + array->len;
	char **list = malloc(room);
	char *end, *to;
	struct json value;
	size_t i = 0;

	*ret_result = list ? TESTENV_PROTOCOL : TESTENV_NO_MEMORY;
	if (!list)
		return NULL;
	end = (char *)list + room;
	to = (char *)(list + n + 1);
	for (size_t at = 0; json_element(array, &at, &value); i++) {
		long len = json_string(&value, to, (size_t)(end - to));

		if (len < 0 || !strchr(to, '=')) {
			free(list);
			return NULL;
		}
		list[i] = to;
		to += len + 1;
	}
	list[i] = NULL;
	return list;
}

/* What an answer says of a lease. NULL with *ret_result. */
static struct testenv_lease *lease_of(const struct json *answer,
				      enum testenv_result *ret_result)
{
	struct testenv_lease *lease = calloc(1, sizeof(*lease));
	struct json value, list = {JSON_ARRAY, "[]", 2};
	long len = -1;

	*ret_result = TESTENV_NO_MEMORY;
	if (!lease)
		return NULL;
	if (json_member(answer, "lease", &value))
		len = json_string(&value, lease->id, sizeof(lease->id));
	if (json_member(answer, "slot", &value))
		lease->slot = (unsigned)json_number(&value, UINT_MAX, 0);
	json_member(answer, "env", &list);
	lease->n = count(&list);
	*ret_result = TESTENV_PROTOCOL;
	if (len > 0 && len < (long)sizeof(lease->id))
		lease->variables = copy_variables(&list, lease->n, ret_result);
	if (lease->variables)
		return lease;
	free(lease);
	return NULL;
}

enum testenv_result testenv_acquire(struct testenv *env, const char *label,
				    int timeout_ms,
				    struct testenv_lease **ret_lease)
{
	int64_t deadline = client_deadline(timeout_ms);
	enum testenv_result r = client_begin(env);
	struct testenv_lease *lease;
	char buf[MAX_REQUEST];
	struct json_out out;
	struct json answer;
	unsigned long id;

	if (r != TESTENV_OK)
		return r;
	if (deadline < 0 || !ret_lease)
		return client_fail_plain(env, TESTENV_INVALID);
	if (label && strlen(label) > TESTENV_MAX_LABEL)
		return client_fail(env, TESTENV_INVALID,
				   "label longer than %d bytes",
				   TESTENV_MAX_LABEL);
	id = client_request(env, &out, buf, "lease");
	json_out_string(&out, "worker", label);
	json_out_number(&out, "timeout_ms", waiting_time(deadline));
	r = client_call(env, &out, id, deadline, &answer);
	if (r != TESTENV_OK)
		return r;
	lease = lease_of(&answer, &r);
	if (!lease) {
		/* the session counts it as ours: it ends with the connection */
		client_disconnect(env);
		return client_fail_plain(env, r);
	}
	lease->env = env;
	lease->next = env->leases;
	env->leases = lease;
	*ret_lease = lease;
	return TESTENV_OK;
}

void client_forget_lease(struct testenv_lease *lease)
{
	struct testenv_lease **at = &lease->env->leases;

	while (*at != lease)
		at = &(*at)->next;
	*at = lease->next;
	free(lease->variables);
	free(lease);
}

/* A request that has no more to say than one thing, "lease" mostly; value NULL:
 * nothing. */
static enum testenv_result simple_call(struct testenv *env, const char *op,
				       const char *name, const char *value,
				       int timeout_ms)
{
	int64_t deadline = client_deadline(timeout_ms);
	enum testenv_result r = client_begin(env);
	char buf[MAX_REQUEST];
	struct json_out out;
	struct json answer;
	unsigned long id;

	if (r != TESTENV_OK)
		return r;
	if (deadline < 0)
		return client_fail(env, TESTENV_INVALID, "negative timeout");
	id = client_request(env, &out, buf, op);
	json_out_string(&out, name, value);
	return client_call(env, &out, id, deadline, &answer);
}

enum testenv_result testenv_release(struct testenv_lease *lease, int timeout_ms)
{
	enum testenv_result r;

	if (!lease)
		return TESTENV_OK;
	r = simple_call(lease->env, "release", "lease", lease->id, timeout_ms);
	client_forget_lease(lease);
	return r;
}

enum testenv_result testenv_reset(struct testenv_lease *lease, int timeout_ms)
{
	if (!lease)
		return TESTENV_INVALID;
	return simple_call(lease->env, "reset", "lease", lease->id, timeout_ms);
}

enum testenv_result testenv_reset_own(struct testenv *env, int timeout_ms)
{
	const char *url = getenv("DATABASE_URL");

	/* the session cannot see whose file a process has open */
	if (url && strncmp(url, "sqlite:", 7) != 0)
		url = NULL;
	return simple_call(env, "reset", "url", url, timeout_ms);
}

const char *testenv_lease_id(const struct testenv_lease *lease)
{
	return lease->id;
}

unsigned testenv_lease_slot(const struct testenv_lease *lease)
{
	return lease->slot;
}

struct testenv *testenv_lease_handle(const struct testenv_lease *lease)
{
	return lease->env;
}

const char *testenv_lease_get(const struct testenv_lease *lease,
			      const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < lease->n; i++) {
		const char *entry = lease->variables[i];

		if (strncmp(entry, name, len) == 0 && entry[len] == '=')
			return entry + len + 1;
	}
	return NULL;
}

const char *testenv_lease_variable(const struct testenv_lease *lease, size_t i)
{
	return i < lease->n ? lease->variables[i] : NULL;
}
