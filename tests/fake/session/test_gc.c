/* SPDX-License-Identifier: MIT */
/* What a collection removes, and what it leaves alone. */
/* first: what comes after has an err of its own */
#include "stub_db.h"

#include "place.h"

#include "config/config.h"
#include "provider/labels.h"
#include "session/estate.h"
#include "session/session.h"

#include <fcntl.h>
#include <time.h>

#define ID "abcdefghijkl"

static struct gc_report report;

static int teardown(void **state)
{
	gc_report_free(&report);
	return place_teardown(state);
}

static int collect(unsigned flags)
{
	struct deadline d = deadline_in(10000, NULL);
	struct config config = {.host =
				    (char *)(uintptr_t)fake_engine_host(fake)};

	gc_report_free(&report);
	return session_gc(&config, flags, &d, &report, &err);
}

/* A session's directory without an owner, last changed `age` seconds ago. */
static char *dead_session(const char *engine_text, int64_t age)
{
	auto_free char *runtime = NULL;
	auto_free char *path = NULL;
	auto_free char *lock = NULL;
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT},
				    {.tv_sec = time(NULL) - age}};

	assert_ok(fs_runtime_dir(&runtime, &err));
	path = fs_join(runtime, ID);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_ok(estate_note(path, ESTATE_ENGINE, engine_text, &err));
	lock = fs_join(path, ESTATE_LOCK);
	assert_ok(fs_write_file(lock, "", 0, 0600, &err));
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
	return take_ptr(&path);
}

static void a_dead_session_goes(void **state)
{
	auto_free char *path = dead_session(fake_engine_host(fake), 0);

	(void)state;
	assert_ok(collect(GC_DRY_RUN));
	assert_int_equal(report.n, 1);
	assert_string_equal(report.rows[0].kind, "session");
	assert_string_equal(report.rows[0].name, ID);
	assert_false(report.rows[0].removed);
	assert_true(fs_is_dir(path));
	assert_ok(collect(0));
	assert_int_equal(report.n, 1);
	assert_true(report.rows[0].removed);
	assert_false(fs_exists(path));
	assert_ok(collect(0));
	assert_int_equal(report.n, 0);
}

static void its_engine_is_asked_for_a_day(void **state)
{
	auto_free char *path = dead_session("unix:///nowhere.sock", 3600);

	(void)state;
	assert_ok(collect(0));
	assert_int_equal(report.n, 1);
	assert_false(report.rows[0].removed);
	assert_non_null(strstr(report.rows[0].failure, "/nowhere.sock"));
	assert_true(fs_is_dir(path));
}

static void then_the_directory_is_given_up(void **state)
{
	auto_free char *path =
	    dead_session("unix:///nowhere.sock", 25L * 60 * 60);

	(void)state;
	assert_ok(collect(0));
	assert_int_equal(report.n, 1);
	assert_true(report.rows[0].removed);
	assert_null(report.rows[0].failure);
	assert_false(fs_exists(path));
}

#define ROW(id, name, labels)                                               \
	"{\"Id\":\"" id "\",\"Names\":[\"/" name                            \
	"\"],\"State\":\"running\",\"Labels\":{\"" LABEL_SESSION "\":\"x\"" \
	"," labels "}}"

static void containers_are_judged_one_by_one(void **state)
{
	auto_free char *mine = label_owner();
	auto_free char *rows = xasprintf(
	    "[" ROW("aa", "living", "\"" LABEL_OWNER "\":\"%s\"") "," ROW(
		"bb", "expired",
		"\"" LABEL_EXPIRES
		"\":\"1\"") "," ROW("cc", "strange",
				    "\"" LABEL_OWNER
				    "\":\"x\"") "," ROW("dd", "stuck",
							"\"" LABEL_EXPIRES
							"\":\"1\"") "]",
	    mine);
	struct fake_reply list = {.body = rows};
	struct fake_reply done = {.status = 204};
	struct fake_reply stuck = {.status = 500,
				   .body = "{\"message\":\"device busy\"}"};

	(void)state;
	fake_engine_on(fake, "GET", "/containers/json", &list, 0);
	fake_engine_on(fake, "DELETE", "/containers/bb", &done, 0);
	fake_engine_on(fake, "DELETE", "/containers/dd", &stuck, 0);
	assert_ok(collect(0));
	assert_int_equal(report.n, 2);
	assert_string_equal(report.rows[0].name, "expired");
	assert_string_equal(report.rows[0].why, "it has expired");
	assert_true(report.rows[0].removed);
	assert_string_equal(report.rows[1].name, "stuck");
	assert_false(report.rows[1].removed);
	assert_non_null(strstr(report.rows[1].failure, "device busy"));
	assert_int_equal(fake_engine_count(fake, "DELETE", NULL), 2);
}

static void an_engine_that_fails_is_an_error(void **state)
{
	struct fake_reply bad = {.status = 502, .body = "<html>no</html>"};

	(void)state;
	fake_engine_on(fake, "GET", "/containers/json", &bad, 0);
	assert_int_equal(collect(0), -1);
	assert_int_equal(err.kind, ERROR_ENGINE);
	assert_string_equal(err.text,
			    "list containers: HTTP 502: '<html>no</html>'");
	assert_int_equal(report.n, 0);
}

int main(void)
{
#define collected(f) cmocka_unit_test_setup_teardown(f, place_setup, teardown)
	const struct CMUnitTest tests[] = {
	    collected(a_dead_session_goes),
	    collected(its_engine_is_asked_for_a_day),
	    collected(then_the_directory_is_given_up),
	    collected(containers_are_judged_one_by_one),
	    collected(an_engine_that_fails_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
