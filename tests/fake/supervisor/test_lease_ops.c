/* SPDX-License-Identifier: MIT */
/* Leases as requests: whose they are, how they end, who may reset them. */
#include "fake/supervisor/server_fixture.h"

/* One call; its reply, or what was said against it. */
static cJSON *ask(struct session_client *c, const char *op, cJSON *args,
		  struct error *err)
{
	struct deadline d = in_time();
	cJSON *reply = NULL;

	if (session_client_call(c, op, args, NULL, &d, &reply, err) < 0)
		return NULL;
	return reply;
}

static cJSON *naming(const char *lease)
{
	cJSON *args = cJSON_CreateObject();

	cJSON_AddStringToObject(args, "lease", lease);
	return args;
}

static void take(struct session_client *c, char ret_lease[32])
{
	auto_error struct error err = ERROR_INIT;
	auto_cjson cJSON *reply = NULL;
	cJSON *args = cJSON_CreateObject();

	cJSON_AddNumberToObject(args, "timeout_ms", TEST_MS);
	reply = ask(c, "lease", args, &err);
	assert_string_equal(error_text(&err), "no error");
	assert_non_null(reply);
	assert_non_null(protocol_string(reply, "lease"));
	snprintf(ret_lease, 32, "%s", protocol_string(reply, "lease"));
}

static void refused(struct session_client *c, const char *op, cJSON *args,
		    enum error_kind kind, const char *text)
{
	auto_error struct error err = ERROR_INIT;

	assert_null(ask(c, op, args, &err));
	assert_string_equal(err.text, text);
	assert_int_equal(err.kind, kind);
}

static void granted(struct session_client *c, const char *op, cJSON *args)
{
	auto_error struct error err = ERROR_INIT;
	auto_cjson cJSON *reply = ask(c, op, args, &err);

	assert_string_equal(error_text(&err), "no error");
	assert_non_null(reply);
}

/* Until a line with that word in it has come. */
static void hear_until(int fd, const char *word, struct buf *ret)
{
	char piece[4096];

	while (!ret->len || !strstr(ret->s, word) ||
	       ret->s[ret->len - 1] != '\n') {
		ssize_t n = recv(fd, piece, sizeof(piece), 0);

		assert_true(n > 0);
		buf_put(ret, piece, (size_t)n);
	}
}

static void another_connection_may_reset(void **state)
{
	struct fixture *f = *state;
	auto_session_client struct session_client *other = NULL;
	char lease[32], want[128];

	start_ready(f);
	other = connect_client(f);
	take(f->starter, lease);
	granted(f->starter, "reset", naming(lease));
	granted(other, "reset", naming(lease));
	/* but not end it */
	snprintf(want, sizeof(want), "this connection holds no lease '%s'",
		 lease);
	refused(other, "release", naming(lease), ERROR_USAGE, want);
	granted(f->starter, "release", naming(lease));
	snprintf(want, sizeof(want), "session 's1' has no lease '%s'", lease);
	refused(other, "reset", naming(lease), ERROR_REFUSED, want);
	refused(other, "reset", naming(""), ERROR_REFUSED,
		"session 's1' has no lease ''");
}

static void what_is_not_a_string_is_no_lease(void **state)
{
	struct fixture *f = *state;
	cJSON *args = cJSON_CreateObject();

	start_ready(f);
	cJSON_AddNumberToObject(args, "lease", 5);
	refused(f->starter, "reset", args, ERROR_REFUSED,
		"session 's1' has no lease ''");
}

/* Neither to one that never asked, nor to one that waits for its first. Under
 * ctest we are a test of its, else master. */
static void nothing_to_reset(void **state)
{
	static const char waits[] = "{\"op\":\"hello\",\"version\":1}\n"
				    "{\"op\":\"route\",\"service\":\"db\"}\n"
				    "{\"op\":\"reset\",\"id\":7}\n";
	static const char text[] = "' has no database yet";
	struct fixture *f = *state;
	auto_error struct error err = ERROR_INIT;
	auto_close int raw = -1;
	auto_buf struct buf heard = BUF_INIT;
	char lease[32];

	stub.n_slots = 4;
	start_ready(f);
	assert_null(ask(f->starter, "reset", NULL, &err));
	assert_int_equal(err.kind, ERROR_REFUSED);
	assert_non_null(strstr(err.text, text));
	assert_string_equal(err.hint, "an owner gets its database with its "
				      "first connection");
	for (int i = 0; i < 4; i++)
		take(f->starter, lease);
	raw = connect_raw(f);
	say(raw, waits, strlen(waits));
	hear_until(raw, "\"id\":7", &heard);
	assert_non_null(strstr(heard.s, text));
}

static cJSON *slot(unsigned n)
{
	cJSON *args = cJSON_CreateObject();

	cJSON_AddNumberToObject(args, "slot", n);
	return args;
}

static void differences(void **state)
{
	struct fixture *f = *state;
	auto_error struct error err = ERROR_INIT;
	auto_cjson cJSON *reply = NULL;
	auto_cjson cJSON *equal = NULL;
	const cJSON *list;
	cJSON *args;

	stub.n_slots = 4;
	start_ready(f);
	reply = ask(f->starter, "diff", slot(0), &err);
	assert_non_null(reply);
	list = cJSON_GetObjectItemCaseSensitive(reply, "differences");
	assert_int_equal(cJSON_GetArraySize(list), 1);
	list = cJSON_GetArrayItem(list, 0);
	assert_string_equal(protocol_string(list, "kind"), "table");
	assert_string_equal(protocol_string(list, "change"), "added");
	assert_null(protocol_string(list, "template"));
	assert_string_equal(protocol_string(list, "now"), "x");
	refused(f->starter, "diff", slot(1), ERROR_DATABASE, "cannot be read");
	equal = ask(f->starter, "diff", slot(2), &err);
	list = cJSON_GetObjectItemCaseSensitive(equal, "differences");
	assert_int_equal(cJSON_GetArraySize(list), 0);
	refused(f->starter, "diff", slot(4), ERROR_USAGE,
		"there is no such slot");
	args = slot(0);
	cJSON_AddStringToObject(args, "service", "none");
	refused(f->starter, "diff", args, ERROR_USAGE,
		"there is no service 'none'");
	args = cJSON_CreateObject();
	cJSON_AddStringToObject(args, "url", "postgresql://a:b@127.0.0.1:1/x");
	cJSON_AddTrueToObject(args, "strict");
	refused(f->starter, "diff", args, ERROR_REFUSED,
		"the URL leads to no database of session 's1'");
	args = cJSON_CreateObject();
	cJSON_AddStringToObject(args, "url", "sqlite:////etc/passwd");
	cJSON_AddTrueToObject(args, "strict");
	refused(f->starter, "reset", args, ERROR_REFUSED,
		"the URL leads to no database of session 's1'");
}

/* Whoever asked may be gone before the answer is there. */
static void asks_and_goes(void **state)
{
	static const char asks[] = "{\"op\":\"hello\",\"version\":1}\n"
				   "{\"op\":\"diff\",\"slot\":0}\n";
	struct fixture *f = *state;
	auto_error struct error err = ERROR_INIT;
	auto_cjson cJSON *reply = NULL;

	stub.n_slots = 4;
	start_ready(f);
	for (int i = 0; i < 20; i++) {
		auto_close int raw = connect_raw(f);

		say(raw, asks, strlen(asks));
	}
	reply = ask(f->starter, "status", NULL, &err);
	assert_non_null(reply);
}

static void a_lease_is_no_connection(void **state)
{
	struct fixture *f = *state;
	auto_error struct error err = ERROR_INIT;
	auto_cjson cJSON *reply = NULL;
	const cJSON *slots, *slot;
	unsigned shown = 0;
	char lease[32];

	start_ready(f);
	take(f->starter, lease);
	reply = ask(f->starter, "status", NULL, &err);
	slots =
	    cJSON_GetObjectItem(cJSON_GetObjectItem(reply, "pool"), "slots");
	cJSON_ArrayForEach (slot, slots) {
		if (!cJSON_HasObjectItem(slot, "owner"))
			continue;
		shown++;
		assert_string_equal(protocol_string(slot, "owner"), "lease");
		assert_int_equal(protocol_number(slot, "connections", 9, 9), 0);
	}
	assert_int_equal(shown, 1);
}

static void all_in_use(void **state)
{
	struct fixture *f = *state;
	auto_session_client struct session_client *other = NULL;
	auto_error struct error err = ERROR_INIT;
	cJSON *args = cJSON_CreateObject();
	char lease[32];

	stub.n_slots = 4;
	start_ready(f);
	other = connect_client(f);
	for (int i = 0; i < 4; i++)
		take(f->starter, lease);
	cJSON_AddNumberToObject(args, "timeout_ms", 50);
	assert_null(ask(other, "lease", args, &err));
	assert_int_equal(err.kind, ERROR_BUSY);
	assert_string_equal(err.text, "no database became free in time: all 4 "
				      "are in use");
	assert_string_equal(err.hint, "--workers gives the session more");
	/* it did not keep its place */
	granted(f->starter, "release", naming(lease));
	take(other, lease);
}

static void a_closed_connection_releases(void **state)
{
	struct fixture *f = *state;
	struct session_client *first;
	char lease[32], next[32];

	stub.n_slots = 4;
	start_ready(f);
	first = connect_client(f);
	for (int i = 0; i < 4; i++)
		take(first, lease);
	session_client_free(first);
	take(f->starter, next);
	assert_string_not_equal(lease, next);
}

static void reset_while_the_holder_goes(void **state)
{
	struct fixture *f = *state;
	struct session_client *holder;
	char lease[32];

	stub.n_slots = 4;
	start_ready(f);
	for (int i = 0; i < 20; i++) {
		auto_close int raw = connect_raw(f);
		char line[160];

		holder = connect_client(f);
		take(holder, lease);
		snprintf(line, sizeof(line),
			 "{\"op\":\"hello\",\"version\":1}\n"
			 "{\"op\":\"reset\",\"lease\":\"%s\"}\n",
			 lease);
		say(raw, line, strlen(line));
		session_client_free(holder);
	}
	assert_alive(f);
}

static void a_root_of_a_lease(void **state)
{
	struct fixture *f = *state;
	auto_session_client struct session_client *other = NULL;
	cJSON *own, *foreign;
	char lease[32], want[128];

	start_ready(f);
	other = connect_client(f);
	take(f->starter, lease);
	own = naming(lease);
	foreign = naming(lease);
	for (int i = 0; i < 2; i++) {
		cJSON_AddNumberToObject(i ? own : foreign, "pid", getpid());
		cJSON_AddNumberToObject(i ? own : foreign, "reaper", getppid());
	}
	snprintf(want, sizeof(want), "this connection holds no lease '%s'",
		 lease);
	refused(other, "root", foreign, ERROR_USAGE, want);
	granted(f->starter, "root", own);
	/* what is below it has the lease's database for its own */
	granted(other, "reset", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(another_connection_may_reset),
	    T(what_is_not_a_string_is_no_lease),
	    T(nothing_to_reset),
	    T(differences),
	    T(asks_and_goes),
	    T(a_lease_is_no_connection),
	    T(all_in_use),
	    T(a_closed_connection_releases),
	    T(reset_while_the_holder_goes),
	    T(a_root_of_a_lease),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
