/* SPDX-License-Identifier: MIT */
/* What a collection removes, and what it leaves alone. */
/* first: what comes after has an err of its own */
#include "stub_db.h"

#include "place.h"

#include "config/config.h"
#include "provider/labels.h"
#include "session/estate.h"
#include "session/session.h"
#include "template/hold.h"

#include <fcntl.h>
#include <time.h>

#define ID "abcdefghijkl"

static struct gc_report report;
static int64_t quota;

static int teardown(void **state)
{
	gc_report_free(&report);
	return place_teardown(state);
}

static int collect(unsigned flags)
{
	struct deadline d = deadline_in(60000, NULL);
	struct config config = {.host =
				    (char *)(uintptr_t)fake_engine_host(fake),
				.cache_bytes = quota};

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

#define KEY(c) c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c
#define IMAGE(c, tags, created)                                   \
	"{\"Id\":\"sha256:" KEY(c)                                \
	    KEY(c) "\",\"RepoTags\":[" tags "],"                  \
		   "\"Created\":" created                         \
		   ",\"Size\":1500,\"Labels\":{\"" LABEL_TEMPLATE \
		   "\":\"" KEY(c) "\""                            \
				  ",\"" LABEL_BASE_SIZE "\":\"500\"}}"
#define TAG(c) "\"" TEMPLATE_REPO ":" KEY(c) "\""

static const struct gc_row *row_of(const char *part)
{
	for (size_t i = 0; i < report.n; i++)
		if (strstr(report.rows[i].name, part))
			return &report.rows[i];
	return NULL;
}

static void check_row(const char *part, const char *why, bool stays)
{
	const struct gc_row *row = row_of(part);

	assert_non_null(row);
	assert_string_equal(row->kind, "template");
	assert_int_equal(row->bytes, 1000);
	assert_string_equal(row->why, why);
	assert_int_equal(row->stays, stays);
}

/* Five images: b was used later than a, c never from here, d likewise but long
 * ago, e lost its name to a newer one. */
static void templates_go_by_use_and_size(void **state)
{
	auto_free char *cache = fs_cache_dir();
	auto_free char *now = xasprintf("%lld", (long long)clock_wall_s());
	auto_free char *rows = xasprintf(
	    "[" IMAGE("a", TAG("a"), "%s") "," IMAGE(
		"b", TAG("b"),
		"%s") "," IMAGE("c", TAG("c"),
				"%s") "," IMAGE("d", TAG("d"),
						"1000") "," IMAGE("e", "",
								  "%s") "]",
	    now, now, now, now);
	struct fake_reply list = {.body = rows};
	struct fake_reply done = {.body = "[]"};

	(void)state;
	hold_set_last_use(cache, KEY("a"), clock_wall_s() - 200);
	hold_set_last_use(cache, KEY("b"), clock_wall_s() - 100);
	hold_set_last_use(cache, KEY("e"), clock_wall_s());
	/* of one that was never made, and of one that may be yet */
	hold_set_last_use(cache, KEY("f"), clock_wall_s() - 3700);
	hold_set_last_use(cache, KEY("0"), clock_wall_s());
	fake_engine_on(fake, "GET", "/images/json", &list, 0);
	fake_engine_on(fake, "DELETE", "/images/*", &done, 0);
	quota = 1500;
	assert_ok(collect(GC_DRY_RUN));
	assert_int_equal(report.n, 4);
	check_row(KEY("a"), "used longest ago, and over cache_size", false);
	check_row(KEY("b"), "within cache_size", true);
	check_row(KEY("d"), "never used from here, and a month old", false);
	check_row(KEY("e"), "a newer one has its name", false);
	assert_int_equal(fake_engine_count(fake, "DELETE", NULL), 0);
	assert_int_equal(hold_last_use(cache, KEY("a")) > 0, 1);
	assert_ok(collect(0));
	assert_int_equal(fake_engine_count(fake, "DELETE", NULL), 3);
	assert_int_equal(fake_engine_count(fake, "DELETE",
					   "/images/" TEMPLATE_REPO
					   ":" KEY("a")),
			 1);
	assert_int_equal(hold_last_use(cache, KEY("a")), -1);
	assert_int_equal(hold_last_use(cache, KEY("f")), -1);
	assert_true(hold_last_use(cache, KEY("0")) > 0);
	assert_true(hold_last_use(cache, KEY("b")) > 0);
}

/* A session of this cache directory, and a container of anybody's. */
static void templates_in_use_stay(void **state)
{
	auto_free char *cache = fs_cache_dir();
	auto_free char *rows =
	    xasprintf("[" IMAGE("a", TAG("a"), "1") "," IMAGE(
		"b", TAG("b"), "1") "," IMAGE("c", TAG("c"), "1") "]");
	struct fake_reply list = {.body = rows};
	struct fake_reply containers = {
	    .body = "[{\"Id\":\"x\",\"Names\":[\"/x\"],\"Image\":\"" KEY("b")
		KEY("b") "\",\"Labels\":{\"" LABEL_SESSION "\":\"x\"}}]"};
	struct fake_reply conflict = {
	    .status = 409, .body = "{\"message\":\"conflict: in use\"}"};
	struct deadline d = deadline_in(60000, NULL);
	auto_lock struct lock hold = LOCK_INIT;

	(void)state;
	assert_ok(hold_take(&hold, cache, KEY("a"), &d, &err));
	hold_set_last_use(cache, KEY("b"), 1);
	hold_set_last_use(cache, KEY("c"), 1);
	fake_engine_on(fake, "GET", "/images/json", &list, 0);
	fake_engine_on(fake, "GET", "/containers/json", &containers, 0);
	fake_engine_on(fake, "DELETE", "/images/*", &conflict, 0);
	quota = 0;
	assert_ok(collect(0));
	check_row(KEY("a"), "in use", true);
	check_row(KEY("b"), "in use", true);
	/* what only the engine knows, it says */
	check_row(KEY("c"), "used longest ago, and over cache_size", false);
	assert_non_null(strstr(row_of(KEY("c"))->failure, "conflict: in use"));
	assert_false(row_of(KEY("c"))->removed);
	assert_int_equal(fake_engine_count(fake, "DELETE", NULL), 1);
	assert_true(hold_last_use(cache, KEY("c")) > 0);
}

static void files_are_kept_by_size_without_an_engine(void **state)
{
	auto_free char *cache = fs_cache_dir();
	auto_free char *dir = fs_join(cache, "sqlite");
	auto_free char *old = xasprintf("%s/%s.sqlite", dir, KEY("a"));
	auto_free char *young = xasprintf("%s/%s.sqlite", dir, KEY("b"));
	auto_free char *half = xasprintf("%s/%s.half", dir, KEY("c"));
	auto_free char *lock = xasprintf("%s/%s.lock", dir, KEY("c"));
	char bytes[1000] = {0};
	struct fake_reply gone = {.flags = FAKE_SILENT | FAKE_VANISH};

	(void)state;
	assert_ok(fs_mkdir_p(dir, 0700, &err));
	assert_ok(fs_write_file(old, bytes, sizeof(bytes), 0400, &err));
	assert_ok(fs_write_file(young, bytes, sizeof(bytes), 0400, &err));
	assert_ok(fs_write_file(half, bytes, sizeof(bytes), 0400, &err));
	assert_ok(fs_write_file(lock, "", 0, 0600, &err));
	hold_set_last_use(cache, KEY("a"), 1000);
	hold_set_last_use(cache, KEY("b"), 2000);
	fake_engine_on(fake, NULL, "*", &gone, 0);
	quota = 1999;
	assert_ok(collect(GC_DRY_RUN));
	assert_true(fs_exists(half));
	assert_ok(collect(0));
	assert_int_equal(report.n, 2);
	check_row(KEY("a"), "used longest ago, and over cache_size", false);
	check_row(KEY("b"), "within cache_size", true);
	assert_false(fs_exists(old));
	assert_true(fs_exists(young));
	/* and what a killed builder left */
	assert_false(fs_exists(half));
	assert_false(fs_exists(lock));
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
	    collected(templates_go_by_use_and_size),
	    collected(templates_in_use_stay),
	    collected(files_are_kept_by_size_without_an_engine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
