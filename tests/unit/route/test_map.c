/* SPDX-License-Identifier: MIT */
#include "route/map.h"
#include "unit/cm.h"

#include <stdio.h>
#include <string.h>

#define DIR "/run/s/needs-libtestenv-route.so"

static void clean(void **state)
{
	static const struct {
		const char *cwd, *path, *want;
	} rows[] = {
	    {"/", "/a//b/./c/", "/a/b/c"},
	    {"/", "/a/../b", "/b"},
	    {"/", "/../..", "/"},
	    {"/x/y", "../z", "/x/z"},
	    {"/x", "", "/x"},
	    {"/", "//", "/"},
	    {"/x", "...", "/x/..."},
	};
	char buf[64];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_true(
		    route_clean(rows[i].cwd, rows[i].path, buf, sizeof(buf)));
		assert_string_equal(buf, rows[i].want);
	}
	assert_true(route_clean("/", "/abc", buf, 5));
	assert_false(route_clean("/", "/abcd", buf, 5));
	assert_false(route_clean("/abc", "d", buf, 5));
	assert_false(route_clean("/", "/", buf, 1));
}

static void matches(void **state)
{
	struct route_match m;

	(void)state;
	assert_int_equal(route_match(DIR, DIR, &m), ROUTE_IS_DIR);
	assert_int_equal(route_match(DIR, DIR "/db", &m), ROUTE_IS_SERVICE);
	assert_string_equal(m.service, "db");
	assert_int_equal(route_match(DIR, DIR "/db/app.sqlite", &m),
			 ROUTE_IS_FILE);
	assert_string_equal(m.service, "db");
	assert_string_equal(m.suffix, "");
	assert_int_equal(route_match(DIR, DIR "/db/app.sqlite-wal", &m),
			 ROUTE_IS_FILE);
	assert_string_equal(m.suffix, "-wal");
}

static void matches_not(void **state)
{
	static const char *const paths[] = {
	    "/",
	    "/run/s",
	    "/run/s/needs-libtestenv-route.sox",
	    DIR "x/db/app.sqlite",
	    "/x" DIR "/db/app.sqlite",
	    DIR "/db/app.sqlit",
	    DIR "/db/other.sqlite",
	    DIR "/db/app.sqlite/x",
	    DIR "/db/x/app.sqlite",
	};
	char name[ROUTE_MAX_SERVICE + 1], path[400];
	struct route_match m;

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		assert_int_equal(route_match(DIR, paths[i], &m), ROUTE_NO);
	assert_int_equal(route_match("", "/x", &m), ROUTE_NO);
	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	snprintf(path, sizeof(path), DIR "/%s/app.sqlite", name);
	assert_int_equal(route_match(DIR, path, &m), ROUTE_NO);
	snprintf(path, sizeof(path), DIR "/db/app.sqlite%s", name);
	assert_int_equal(route_match(DIR, path, &m), ROUTE_NO);
}

static void targets(void **state)
{
	struct route_match m;
	char buf[32];

	(void)state;
	route_match(DIR, DIR "/db/app.sqlite-shm", &m);
	assert_true(route_target(&m, DIR, "/o/7/shop.db", buf, sizeof(buf)));
	assert_string_equal(buf, "/o/7/shop.db-shm");
	assert_false(route_target(&m, DIR, "/o/7/shop.db", buf, 16));
	route_match(DIR, DIR "/db", &m);
	assert_true(route_target(&m, DIR, "/o/7/shop.db", buf, sizeof(buf)));
	assert_string_equal(buf, "/o/7/.");
	assert_true(route_target(&m, DIR, "/shop.db", buf, sizeof(buf)));
	assert_string_equal(buf, "/.");
	route_match(DIR, DIR, &m);
	assert_true(route_target(&m, DIR, "", buf, sizeof(buf)));
	assert_string_equal(buf, "/run/s/.");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(clean),
	    cmocka_unit_test(matches),
	    cmocka_unit_test(matches_not),
	    cmocka_unit_test(targets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
