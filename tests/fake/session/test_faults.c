/* SPDX-License-Identifier: MIT */
/*
 * Whatever request goes wrong, and however: the provider says so in words, and
 * leaves no container, no directory and no note of a container.
 */
/* first: what comes after has an err of its own */
#include "stub_db.h"

#include "place.h"

#include "base/progress.h"
#include "docker/container.h"
#include "docker/engine.h"
#include "docker/image.h"
#include "provider/provider.h"

enum {
	START_MS = 60000,
	HANG_MS = 100, /* where the deadline is to pass */
	CLOSE_MS = 600,
	PATIENT = 20, /* so many times as long, where that was too short */
	/* place of the builder's removal, which has a deadline of its own */
	BUILDER_REMOVED = 8
};

static struct engine *engine;
static char *run_dir;
static const struct migrations no_migrations = MIGRATIONS_INIT;

static int open_fake(void)
{
	auto_engine_candidates struct engine_candidates c =
	    ENGINE_CANDIDATES_INIT;
	struct deadline until = deadline_in(10000, NULL);

	if (engine_discover(fake_engine_host(fake), &c, &err) < 0)
		return -1;
	return engine_open(&c, 0, &until, &engine, &err);
}

static int setup(void **state)
{
	if (place_setup(state) < 0 || open_fake() < 0)
		return -1;
	run_dir = xasprintf("%s/run/s", place);
	stub_fate = SERVER_GETS_READY;
	fake_engine_add_image(fake, "testenv/postgres:15", NULL);
	return mkdir(run_dir, 0700);
}

static int teardown(void **state)
{
	engine_free(engine);
	engine = NULL;
	free(run_dir);
	return place_teardown(state);
}

static void again(void **state)
{
	assert_int_equal(teardown(state), 0);
	assert_int_equal(setup(state), 0);
}

/* What was said in passing, one after the other. */
static char said[1024];

static void note_said(void *ctx, const struct progress_event *event)
{
	size_t len = strlen(said);

	(void)ctx;
	if (event->kind == PROGRESS_NOTICE)
		snprintf(said + len, sizeof(said) - len, "%s\n", event->text);
}

static const struct progress listening = {.fn = note_said};

static int open_provider(bool rebuild, const struct deadline *d,
			 struct provider **ret)
{
	struct ownership owner = {.session = "abcdefabcdef",
				  .run_dir = run_dir,
				  .data_dir = run_dir,
				  .cache_dir = place,
				  .project = "/",
				  .lock_path = "/nowhere/owner.lock"};
	struct provider_spec spec = {.service = "db",
				     .dialect = DIALECT_POSTGRES,
				     .version = "15",
				     .database = "app",
				     .user = "app",
				     .migrations = &no_migrations,
				     .rebuild = rebuild};

	said[0] = '\0';
	return provider_open_container(engine, &spec, &owner, d, &listening,
				       ret, &err);
}

/* A provider from its opening to its end, `slots` servers in between. */
static int live(unsigned slots, int start_ms, int close_ms)
{
	struct deadline start = deadline_in(start_ms, NULL);
	struct deadline end;
	struct provider *p = NULL;
	int result = open_provider(false, &start, &p);

	if (result == 0)
		result = provider_template_ensure(p, &start, &err);
	for (unsigned i = 0; result == 0 && i < slots; i++) {
		auto_db_address struct db_address a = {.dialect =
							   DIALECT_POSTGRES};

		result = provider_slot_start(p, i, &start, &a, &err);
	}
	end = deadline_in(close_ms, NULL);
	provider_close(p, &end);
	return result;
}

/* What is left of a life, or NULL. */
static const char *left_of(const char *what)
{
	auto_free char *pending = fs_join(run_dir, "pending");
	bool create = strstr(what, "POST") && strstr(what, "/create?");

	if (fake_engine_containers(fake))
		return "containers are left";
	/* a create that may still take effect is noted until the session's
	 * directory goes */
	if (entries(pending) && !create)
		return "a note is left";
	fs_remove_tree(pending, NULL);
	return entries(run_dir) ? "a directory is left" : NULL;
}

static void nothing_left(const char *what)
{
	const char *left = left_of(what);

	if (left)
		fail_msg("%s: %s", what, left);
}

static const char html[] = "<html><h1>Bad gateway</h1></html>";

static const struct trouble {
	const char *name;
	struct fake_reply reply;
	enum error_kind kind; /* or NO_IMAGE for the engine's */
	const char *text;
} troubles[] = {
    {"closed",
     {.flags = FAKE_SILENT | FAKE_CLOSE},
     ERROR_PROTOCOL,
     "closed without a reply"},
    {"half",
     {.body = "{\"message\":\"a whole sentence\"}", .flags = FAKE_HALF},
     ERROR_PROTOCOL,
     "cut off"},
    {"garbage",
     {.raw = "\1\2\3 nonsense\r\n\r\n", .flags = FAKE_CLOSE},
     ERROR_PROTOCOL,
     ""},
    {"no JSON", {.body = html}, ERROR_PROTOCOL, "unreadable reply"},
    {"500", {.status = 500, .body = html}, ERROR_ENGINE, "HTTP 500"},
    {"404",
     {.status = 404, .body = "{\"message\":\"no such thing\"}"},
     ERROR_ENGINE,
     ""},
    {"409",
     {.status = 409, .body = "{\"message\":\"conflict: so it is\"}"},
     ERROR_ENGINE,
     "conflict: so it is"},
    {"hang", {.flags = FAKE_SILENT | FAKE_HANG}, ERROR_TIMEOUT, "timed out"},
};

static void check_error(const struct trouble *t, const char *what)
{
	bool engines = t->kind == ERROR_ENGINE && err.kind == ERROR_NO_IMAGE;

	/* told that it has stopped, we find it running */
	if (err.kind == ERROR_SERVER && strstr(what, "/stop"))
		return;
	if (err.kind != t->kind && !engines)
		fail_msg("%s: '%s' is %s", what, error_text(&err),
			 error_kind_name(err.kind));
	if (!strstr(error_text(&err), t->text))
		fail_msg("%s: '%s' has no '%s'", what, error_text(&err),
			 t->text);
	assert_null(strchr(err.text, '\n'));
}

/* Of the log, without the watch's; `method` NULL: of all. The caller frees. */
static char *nth_request(const char *method, unsigned n)
{
	auto_free char *log = fake_engine_log(fake);
	char *save = NULL;
	unsigned i = 0;

	for (char *l = strtok_r(log, "\n", &save); l;
	     l = strtok_r(NULL, "\n", &save))
		if (!strstr(l, "/events") &&
		    (!method || !strncmp(l, method, strlen(method))) &&
		    i++ == n)
			return xstrdup(l);
	return NULL;
}

/* Requests that the engine has seen so far, without the watch's. */
static unsigned seen(const char *method)
{
	return fake_engine_count(fake, method, "*") -
	       fake_engine_count(fake, method, "/events");
}

enum life {
	NO_SUCH_REQUEST,
	LIVED,
	TOO_SHORT /* something is left: there may have been too little time */
};

/* A life in which the n-th request of the method fares so, with so many times
 * the time that it needs on a machine with nothing else to do. */
static enum life live_with(const struct trouble *t, const char *method,
			   unsigned n, unsigned flags, int times)
{
	struct fake_reply reply = t->reply;
	/* not to be counted, as the watch has a thread of its own */
	struct fake_reply events = {.raw = "HTTP/1.1 200 OK\r\n"
					   "Transfer-Encoding: chunked\r\n\r\n",
				    .flags = FAKE_HANG};
	unsigned before = seen(method);
	auto_free char *request = NULL;
	auto_free char *what = NULL;
	int result;

	reply.flags |= flags;
	fake_engine_on_nth(fake, method, "*", &reply, n);
	fake_engine_on(fake, NULL, "/events", &events, 0);
	error_clear(&err);
	result = live(1, t->kind == ERROR_TIMEOUT ? times * HANG_MS : START_MS,
		      times * CLOSE_MS);
	request = nth_request(method, before + n);
	if (!request)
		return NO_SUCH_REQUEST;
	what = xasprintf("%s: %s", t->name, request);
	if (result < 0)
		check_error(t, what);
	/* told that it is gone, we believe it */
	if ((t->reply.status == 404 || !t->reply.status) &&
	    !strncmp(request, "DELETE", 6))
		return LIVED;
	if (times < PATIENT && left_of(what))
		return TOO_SHORT;
	nothing_left(what);
	return LIVED;
}

/* False: it has no such request. */
static bool try_one(bool warm, const struct trouble *t, const char *method,
		    unsigned n, unsigned flags)
{
	enum life life = TOO_SHORT;

	for (int times = 1; life == TOO_SHORT; times = PATIENT) {
		void *state = NULL;

		if (warm)
			assert_ok(live(0, START_MS, START_MS));
		life = live_with(t, method, n, flags, times);
		again(&state);
	}
	return life == LIVED;
}

static void try_all(bool warm, const char *method, unsigned flags)
{
	for (size_t i = 0; i < array_len(troubles); i++) {
		const struct trouble *t = &troubles[i];

		for (unsigned n = 0, more = 1; more; n++) {
			if (!warm && !method && n == BUILDER_REMOVED &&
			    t->kind == ERROR_TIMEOUT)
				continue;
			/* no engine denies what it has done */
			if (flags & FAKE_EFFECT && t->reply.status == 404)
				break;
			more = try_one(warm, t, method, n, flags);
		}
	}
}

static void every_request_of_a_cold_start(void **state)
{
	(void)state;
	try_all(false, NULL, 0);
}

static void every_request_of_a_warm_start(void **state)
{
	(void)state;
	try_all(true, NULL, 0);
}

/* The engine did as it was told, and its answer is what went wrong. */
static void every_answer_of_a_cold_start(void **state)
{
	(void)state;
	try_all(false, "POST", FAKE_EFFECT);
}

static void every_answer_of_a_warm_start(void **state)
{
	(void)state;
	try_all(true, "POST", FAKE_EFFECT);
}

static void the_engine_vanishes_at_every_request(void **state)
{
	static const struct fake_reply gone = {.flags =
						   FAKE_SILENT | FAKE_VANISH};

	for (unsigned n = 0;; n++) {
		unsigned before = seen(NULL);
		auto_free char *request = NULL;
		int result;

		fake_engine_on_nth(fake, NULL, "*", &gone, n);
		result = live(1, START_MS, CLOSE_MS);
		request = nth_request(NULL, before + n);
		if (!request)
			break;
		if (result < 0 && err.kind != ERROR_PROTOCOL &&
		    err.kind != ERROR_NO_ENGINE)
			fail_msg("%s: '%s' is %s", request, error_text(&err),
				 error_kind_name(err.kind));
		again(state);
	}
}

/* Paused when a run ends: it is waited for once, and said who clears up. */
static void an_engine_that_falls_silent_is_given_up(void **state)
{
	static const struct fake_reply silence = {.flags =
						      FAKE_SILENT | FAKE_HANG};
	struct deadline start = deadline_in(START_MS, NULL);
	struct deadline end;
	auto_db_address struct db_address a = {.dialect = DIALECT_POSTGRES};
	struct container_list list = CONTAINER_LIST_INIT;
	struct provider *p = NULL;

	(void)state;
	assert_ok(open_provider(false, &start, &p));
	assert_ok(provider_template_ensure(p, &start, &err));
	assert_ok(provider_slot_start(p, 0, &start, &a, &err));
	fake_engine_on(fake, NULL, "*", &silence, 0);
	end = deadline_in(CLOSE_MS, NULL);
	provider_close(p, &end);
	assert_non_null(strstr(said, "the engine does not answer; waiting "));
	assert_non_null(strstr(said, "the engine still does not answer: what "
				     "this session made there is left to "
				     "'testenv gc'\n"));
	assert_int_equal(container_list(engine, "x", &start, &list, &err), -1);
	assert_int_equal(err.kind, ERROR_NO_ENGINE);
	assert_non_null(strstr(err.text, "' does not answer"));
}

#define INSPECT(state) "{\"Id\":\"x\",\"State\":{" state "}}"

/* libcurl asks again on a new connection, and the name is in use: by us. */
static void a_create_that_was_served_twice_is_made_anew(void **state)
{
	static const struct fake_reply closed = {
	    .flags = FAKE_SILENT | FAKE_CLOSE | FAKE_EFFECT};

	(void)state;
	/* it does on a connection that was used before, which the thread that
	 * collects may just have */
	for (int tries = 0;; tries++) {
		fake_engine_on(fake, "POST", "/containers/create", &closed, 1);
		if (live(1, START_MS, START_MS) == 0)
			break;
		if (tries == 20)
			fail_msg("never asked again: %s", error_text(&err));
		again(state);
	}
	nothing_left("twice");
	/* the builder: lost, refused, made; and the server */
	assert_int_equal(fake_engine_count(fake, "POST", "/containers/create"),
			 4);
	assert_int_equal(
	    fake_engine_count(fake, "DELETE", "/containers/testenv-*"), 1);
}

/* Frames of stdout and stderr. */
static const struct fake_reply log_tail = {
    .body = "\1\0\0\0\0\0\0\x0f"
	    "initialising...\2\0\0\0\0\0\0\x0e"
	    "FATAL: no disk",
    .body_len = 8 + 15 + 8 + 14};

static void a_server_that_dies_at_once_shows_its_log(void **state)
{
	static const struct fake_reply exited = {
	    .body = INSPECT("\"Status\":\"exited\",\"Running\":false,"
			    "\"ExitCode\":3")};

	(void)state;
	stub_fate = SERVER_NEVER_READY;
	fake_engine_on(fake, "GET", "/containers/*/json", &exited, 0);
	fake_engine_on(fake, "GET", "/containers/*/logs", &log_tail, 0);
	assert_int_equal(live(1, START_MS, START_MS), -1);
	assert_int_equal(err.kind, ERROR_SERVER);
	assert_string_equal(err.text, "template of 'db': server 'testenv-"
				      "abcdefabcdef-db-build' ended with exit "
				      "code 3 before it was ready");
	assert_non_null(strstr(err.detail, "initialising..."));
	assert_non_null(strstr(err.detail, "FATAL: no disk"));
	nothing_left("dead");
}

/* What the builder's end looks like to the watch, whichever of the first ids
 * its container has. */
static struct fake_reply death(int delay_ms)
{
	static char body[16 * 256]; /* the engine borrows it */
	size_t len = 0;

	for (unsigned i = 1; i <= 16; i++)
		len += (size_t)snprintf(
		    body + len, sizeof(body) - len,
		    "{\"Type\":\"container\",\"Action\":\"die\","
		    "\"Actor\":{\"ID\":\"%064x\",\"Attributes\":{"
		    "\"name\":\"testenv-abcdefabcdef-db-build\","
		    "\"exitCode\":\"7\"}}}\n",
		    0xfa000000u + i);
	return (struct fake_reply){.body = body,
				   .delay_ms = delay_ms,
				   .flags =
				       FAKE_CHUNKED | FAKE_UNENDED | FAKE_HANG};
}

/* Nobody else could tell the exit code: a look finds no container. */
static void the_watch_tells_of_a_death(void **state)
{
	static const struct fake_reply missing = {
	    .status = 404, .body = "{\"message\":\"No such container\"}"};

	(void)state;
	/* the event has to come between the builder's start and the first look
	 * after it: when that is depends on the machine */
	for (int tries = 0;; tries++) {
		struct fake_reply event =
		    death(tries % 2 ? 100 + 100 * tries : 100 - 10 * tries);

		stub_fate = SERVER_NEVER_READY;
		fake_engine_on(fake, "GET", "/events", &event, 0);
		fake_engine_on(fake, "GET", "/containers/*/json", &missing, 0);
		assert_int_equal(live(1, START_MS, START_MS), -1);
		if (err.kind == ERROR_SERVER || tries == 9)
			break;
		again(state);
	}
	assert_int_equal(err.kind, ERROR_SERVER);
	assert_non_null(strstr(err.text, "ended with exit code 7 before"));
	nothing_left("event");
}

static void a_server_out_of_memory_gets_a_hint(void **state)
{
	static const struct fake_reply killed = {
	    .body = INSPECT("\"Status\":\"exited\",\"Running\":false,"
			    "\"ExitCode\":137,\"OOMKilled\":true")};

	struct fake_reply event = death(100);

	(void)state;
	stub_fate = SERVER_NEVER_READY;
	fake_engine_on(fake, "GET", "/events", &event, 0);
	fake_engine_on(fake, "GET", "/containers/*/json", &killed, 0);
	assert_int_equal(live(1, START_MS, START_MS), -1);
	assert_int_equal(err.kind, ERROR_SERVER);
	assert_non_null(strstr(err.text, "used more memory than it may"));
	assert_string_equal(err.hint, "give it more with --memory");
	nothing_left("memory");
}

static void a_server_that_never_gets_ready_shows_its_log(void **state)
{
	(void)state;
	stub_fate = SERVER_NEVER_READY;
	fake_engine_on(fake, "GET", "/containers/*/logs", &log_tail, 0);
	assert_int_equal(live(1, 3000, START_MS), -1);
	assert_int_equal(err.kind, ERROR_TIMEOUT);
	assert_string_equal(err.text,
			    "template of 'db': server 'testenv-abcdefabcdef-db-"
			    "build': server: timed out");
	assert_non_null(strstr(err.detail, "FATAL: no disk"));
	nothing_left("never");
}

#define TAKEN                                                              \
	"{\"message\":\"driver failed programming external connectivity: " \
	"Bind for 127.0.0.1:49153 failed: port is already allocated\"}"

static void a_port_that_is_taken_is_chosen_anew(void **state)
{
	static const struct fake_reply taken = {.status = 500, .body = TAKEN};

	(void)state;
	assert_ok(live(0, START_MS, START_MS));
	fake_engine_on(fake, "POST", "/containers/*/start", &taken, 2);
	assert_ok(live(1, START_MS, START_MS));
	nothing_left("twice");
	/* the builder's, two that were refused, and the one that was not */
	assert_int_equal(fake_engine_count(fake, "POST", "/containers/create"),
			 4);
	fake_engine_on(fake, "POST", "/containers/*/start", &taken, 0);
	assert_int_equal(live(1, START_MS, START_MS), -1);
	assert_int_equal(err.kind, ERROR_ENGINE);
	assert_non_null(strstr(err.text, "port is already allocated"));
	nothing_left("always");
}

static void an_engine_without_limits_serves_without(void **state)
{
	static const struct fake_reply no_cgroup = {
	    .status = 500,
	    .body = "{\"message\":\"crun: the requested cgroup controller "
		    "`memory` is not available: OCI runtime error\"}"};
	static const struct fake_reply too_small = {
	    .status = 400,
	    .body = "{\"message\":\"Minimum memory limit allowed is 6MB\"}"};

	(void)state;
	assert_ok(live(0, START_MS, START_MS));
	fake_engine_on(fake, "POST", "/containers/*/start", &no_cgroup, 1);
	assert_ok(live(2, START_MS, START_MS));
	nothing_left("no limits");
	/* the builder's, the one that was refused, and two */
	assert_int_equal(fake_engine_count(fake, "POST", "/containers/create"),
			 4);
	if (strncmp(said, "the engine does not limit what servers use: ", 44) ||
	    !strstr(said, "controller `memory` is not available") ||
	    strchr(said, '\n') != said + strlen(said) - 1)
		fail_msg("said: %s", said);
	/* what was asked for is no reason to do without */
	fake_engine_on(fake, "POST", "/containers/create", &too_small, 0);
	assert_int_equal(live(1, START_MS, START_MS), -1);
	assert_int_equal(err.kind, ERROR_ENGINE);
	assert_non_null(strstr(err.text, "Minimum memory limit"));
	assert_string_equal(said, "");
	nothing_left("too small");
}

/* Two templates of one key hold two passwords. */
static void a_server_is_of_the_template_that_was_found(void **state)
{
	auto_container_list struct container_list list = CONTAINER_LIST_INIT;
	auto_image struct image image = IMAGE_INIT;
	auto_db_address struct db_address a = {.dialect = DIALECT_POSTGRES};
	struct deadline d = deadline_in(START_MS, NULL);
	struct provider_facts facts;
	auto_free char *name = NULL;
	auto_free char *ours = NULL;
	struct provider *first;
	struct provider *second;

	(void)state;
	assert_ok(open_provider(false, &d, &first));
	assert_ok(provider_template_ensure(first, &d, &err));
	provider_facts(first, &facts);
	name = xasprintf("testenv/template:%s", facts.template_key);
	assert_int_equal(image_inspect(engine, name, &d, &image, &err), 1);
	ours = take_ptr(&image.id);
	assert_ok(open_provider(true, &d, &second));
	assert_ok(provider_template_ensure(second, &d, &err));
	assert_ok(provider_slot_start(first, 0, &d, &a, &err));
	assert_ok(
	    container_list(engine, "dev.testenv.session", &d, &list, &err));
	assert_int_equal(list.n, 1);
	assert_string_equal(list.rows[0].image, ours);
	provider_close(first, &d);
	provider_close(second, &d);
	nothing_left("two templates");
}

/* Podman says nothing of a bind whose source is not there: the file that was
 * put into it decides. */
static void podman_is_asked_for_a_file_of_ours(void **state)
{
	static const struct fake_reply ping = {
	    .body = "OK",
	    .headers = "Api-Version: 1.41\r\nServer: Libpod/4.3.1 (linux)\r\n"};

	(void)state;
	engine_free(engine);
	fake_engine_on(fake, NULL, "/_ping", &ping, 0);
	assert_ok(open_fake());
	assert_ok(live(1, START_MS, START_MS));
	nothing_left("shared");
	assert_int_equal(
	    fake_engine_count(fake, "GET", "/containers/*/archive"), 1);
	/* the builder and the server */
	assert_int_equal(fake_engine_count(fake, "POST", "/containers/create"),
			 2);
}

static void podman_that_shares_no_files_gets_ports(void **state)
{
	static const struct fake_reply ping = {
	    .body = "OK",
	    .headers = "Api-Version: 1.41\r\nServer: Libpod/4.3.1 (linux)\r\n"};
	static const struct fake_reply missing = {
	    .status = 404, .body = "{\"message\":\"no such file\"}"};

	(void)state;
	engine_free(engine);
	fake_engine_on(fake, NULL, "/_ping", &ping, 0);
	fake_engine_on(fake, "GET", "/containers/*/archive", &missing, 0);
	assert_ok(open_fake());
	assert_ok(live(1, START_MS, START_MS));
	nothing_left("not shared");
	/* the builder twice */
	assert_int_equal(fake_engine_count(fake, "POST", "/containers/create"),
			 3);
	assert_int_equal(fake_engine_count(fake, "DELETE", "/containers/*"), 3);
}

int main(void)
{
#define faulty(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    faulty(every_request_of_a_cold_start),
	    faulty(every_request_of_a_warm_start),
	    faulty(every_answer_of_a_cold_start),
	    faulty(every_answer_of_a_warm_start),
	    faulty(the_engine_vanishes_at_every_request),
	    faulty(an_engine_that_falls_silent_is_given_up),
	    faulty(a_create_that_was_served_twice_is_made_anew),
	    faulty(a_server_that_dies_at_once_shows_its_log),
	    faulty(the_watch_tells_of_a_death),
	    faulty(a_server_out_of_memory_gets_a_hint),
	    faulty(a_server_that_never_gets_ready_shows_its_log),
	    faulty(a_port_that_is_taken_is_chosen_anew),
	    faulty(an_engine_without_limits_serves_without),
	    faulty(a_server_is_of_the_template_that_was_found),
	    faulty(podman_is_asked_for_a_file_of_ours),
	    faulty(podman_that_shares_no_files_gets_ports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
