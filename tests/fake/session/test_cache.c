/* SPDX-License-Identifier: MIT */
/*
 * When a template is made anew, counted in requests and migrations; and what
 * goes wrong on an engine while templates are made, exported and imported.
 */
/* first: what comes after has an err of its own */
#include "stub_db.h"

#include "place.h"

#include "config/config.h"
#include "docker/image.h"
#include "provider/labels.h"
#include "session/cache.h"
#include "session/session.h"
#include "template/hold.h"

#include <fcntl.h>
#include <sys/stat.h>

enum {
	LONG_MS = 60000
};

static struct config config;

static void load(const char *migrations)
{
	struct config_flag flags[] = {{"db", "postgres"},
				      {"backend", "container"},
				      {"host", fake_engine_host(fake)},
				      {"migrations", migrations}};

	assert_ok(config_load(flags, migrations ? 4 : 3, NULL, &config, &err));
}

static int setup(void **state)
{
	if (place_setup(state) < 0)
		return -1;
	stub_fate = SERVER_GETS_READY;
	fake_engine_add_image(fake, "testenv/postgres:15", NULL);
	return 0;
}

static int teardown(void **state)
{
	config_free(&config);
	return place_teardown(state);
}

static int session_once(void)
{
	struct deadline d = deadline_in(LONG_MS, NULL);
	struct session *s;
	int result;

	assert_ok(session_new(&config, NULL, NULL, &s, &err));
	result = session_start(s, &d, &err);
	session_end(s);
	return result;
}

/* Commits and scripts that one more session costs. */
static void costs(unsigned commits, unsigned scripts)
{
	unsigned committed = fake_engine_count(fake, "POST", "/commit");
	unsigned run = stub_scripts;

	config_free(&config);
	load("m");
	assert_ok(session_once());
	assert_int_equal(fake_engine_count(fake, "POST", "/commit") - committed,
			 commits);
	assert_int_equal(stub_scripts - run, scripts);
}

static void put(const char *path, const char *text)
{
	assert_ok(fs_write_file(path, text, strlen(text), 0600, &err));
}

static void a_template_is_made_when_what_makes_it_changes(void **state)
{
	struct timespec long_ago[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};

	(void)state;
	assert_int_equal(mkdir("m", 0700), 0);
	put("m/1.sql", "a");
	put("m/2.sql", "b");
	costs(1, 2);
	costs(0, 0);
	/* looked at, or written anew as it was */
	assert_int_equal(utimensat(AT_FDCWD, "m/1.sql", long_ago, 0), 0);
	put("m/2.sql", "b");
	put("m/README", "not run");
	costs(0, 0);
	put("m/2.sql", "c");
	costs(1, 2);
	put("m/3.sql", "d");
	costs(1, 3);
	assert_int_equal(rename("m/3.sql", "m/4.sql"), 0);
	costs(1, 3);
	assert_int_equal(rename("m/1.sql", "m/5.sql"), 0);
	costs(1, 3);
	/* what was is still there */
	assert_int_equal(rename("m/5.sql", "m/1.sql"), 0);
	costs(0, 0);
	/* another image under the same name */
	fake_engine_add_image(fake, "testenv/postgres:16", NULL);
	costs(1, 3);
}

static void no_cache_leaves_no_image(void **state)
{
	auto_free char *cache = fs_cache_dir();
	auto_free char *used = fs_join(cache, "used");

	(void)state;
	load(NULL);
	config.no_cache = true;
	assert_ok(session_once());
	assert_ok(session_once());
	assert_int_equal(fake_engine_count(fake, "POST", "/commit"), 2);
	assert_int_equal(
	    fake_engine_count(fake, "GET", "/images/testenv/template:*"), 0);
	assert_int_equal(fake_engine_count(fake, "DELETE", "/images/*"), 2);
	assert_int_equal(entries(used), 0);
}

static void a_full_engine_is_said(void **state)
{
	static const struct fake_reply full = {
	    .status = 500,
	    .body = "{\"message\":\"write /var/lib/docker/tmp/x: no space left "
		    "on device\"}"};
	auto_free char *cache = fs_cache_dir();
	auto_free char *used = fs_join(cache, "used");

	(void)state;
	load(NULL);
	fake_engine_on(fake, "POST", "/commit", &full, 0);
	assert_int_equal(session_once(), -1);
	assert_int_equal(err.kind, ERROR_NO_SPACE);
	assert_non_null(strstr(err.text,
			       "template of 'db': the engine's disk is full: "
			       "commit to "));
	assert_non_null(strstr(err.text, "no space left on device"));
	assert_string_equal(err.hint,
			    "make room on it: 'testenv gc --cache-size 0' "
			    "removes every template that no session uses");
	assert_int_equal(fake_engine_containers(fake), 0);
	assert_int_equal(entries(used), 0);
}

/* An archive of one template, made on an engine of its own. The caller frees
 * the key. */
static char *make_archive(void)
{
	struct tar *tar = tar_new();
	auto_buf struct buf data = BUF_INIT;
	auto_strvec struct strvec keys = STRVEC_INIT;
	struct deadline d = deadline_in(LONG_MS, NULL);
	struct fake_reply reply = {0};

	assert_ok(tar_add(tar, "data/PG_VERSION", "15\n", 3, 0600, &err));
	assert_ok(tar_end(tar, &data, &err));
	reply.body = data.s;
	reply.body_len = data.len;
	load(NULL);
	assert_ok(session_once());
	assert_ok(session_cache_keys(&config, &d, NULL, &keys, &err));
	assert_int_equal(keys.n, 1);
	fake_engine_on(fake, "GET", "/containers/*/archive", &reply, 0);
	assert_ok(
	    session_cache_export(&config, "archive", keys.v, &d, NULL, &err));
	assert_int_equal(fake_engine_containers(fake), 0);
	return xstrdup(keys.v[0]);
}

/* Those of test_faults.c that take different ways here. */
static const struct fake_reply troubles[] = {
    {.body = "{\"message\":\"a whole sentence\"}", .flags = FAKE_HALF},
    {.status = 500, .body = "{\"message\":\"no space left on device\"}"},
    {.flags = FAKE_SILENT | FAKE_VANISH},
};

/* The n-th request fares so; false: there was none such. */
static bool import_with(const struct fake_reply *trouble, unsigned n,
			const char *key)
{
	bool gone = trouble->flags & FAKE_VANISH;
	struct deadline d = deadline_in(LONG_MS, NULL);
	auto_strvec struct strvec keys = STRVEC_INIT;
	auto_free char *ref = xasprintf("%s/run/testenv", place);
	unsigned before = fake_engine_count(fake, NULL, NULL);
	auto_error struct error why = ERROR_INIT;
	int result;

	fake_engine_on_nth(fake, NULL, "*", trouble, n);
	result =
	    session_cache_import(&config, "archive", &d, NULL, &keys, &why);
	if (result == 0 && keys.n)
		assert_string_equal(keys.v[0], key);
	if (result < 0) {
		assert_true(why.kind != ERROR_NONE);
		assert_null(strchr(why.text, '\n'));
	}
	if (!gone && fake_engine_containers(fake))
		fail_msg("request %u, '%s': a container is left", n,
			 error_text(&why));
	if (entries(ref))
		fail_msg("request %u, '%s': a directory is left", n,
			 error_text(&why));
	return fake_engine_count(fake, NULL, NULL) - before > n;
}

static void every_request_of_an_import(void **state)
{
	for (size_t i = 0; i < array_len(troubles); i++)
		for (unsigned n = 0, more = 1; more; n++) {
			auto_free char *key = make_archive();
			auto_free char *archive = fs_join(place, "archive");
			auto_free char *kept = xasprintf(
			    "/tmp/testenv-archive-%ld", (long)getpid());

			/* it comes to another machine */
			assert_int_equal(rename(archive, kept), 0);
			assert_int_equal(teardown(state), 0);
			assert_int_equal(setup(state), 0);
			assert_ok(fs_copy_file(kept, "archive", 0600, &err));
			unlink(kept);
			load(NULL);
			more = import_with(&troubles[i], n, key);
			assert_int_equal(teardown(state), 0);
			assert_int_equal(setup(state), 0);
		}
	load(NULL);
}

int main(void)
{
#define cached(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    cached(a_template_is_made_when_what_makes_it_changes),
	    cached(no_cache_leaves_no_image),
	    cached(a_full_engine_is_said),
	    cached(every_request_of_an_import),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
