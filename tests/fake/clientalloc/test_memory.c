/* SPDX-License-Identifier: MIT */
/* The client library while memory runs out, at each of its allocations. */
#define ALLOC_COUNTDOWN_NO_NAMES
#include "alloc_countdown.h"
#include "fake/client/fixture.h"

static enum testenv_result use_it(const char *socket)
{
	struct testenv *env = testenv_new();
	struct testenv_lease *lease;
	struct testenv_url *url;
	enum testenv_result r = TESTENV_NO_MEMORY;

	if (!env)
		return r;
	r = testenv_open(env, socket, 0);
	if (r == TESTENV_OK)
		r = testenv_acquire(env, "big", 0, &lease);
	if (r == TESTENV_OK)
		r = testenv_url_parse(testenv_lease_get(lease, "DATABASE_URL"),
				      &url);
	if (r == TESTENV_OK) {
		testenv_url_free(url);
		r = testenv_release(lease, 0);
	} else {
		assert_string_equal(testenv_result_text(r), "out of memory");
	}
	testenv_free(env);
	return r;
}

static void each_allocation_may_fail(void **state)
{
	struct fixture f;
	unsigned n;

	(void)state;
	fixture_open(&f, 0, 0);
	alloc_fail_from(0);
	assert_int_equal(use_it(fake_supervisor_socket(f.fake)), TESTENV_OK);
	n = alloc_count();
	assert_in_range(n, 5, 100);
	for (unsigned i = 1; i <= n; i++) {
		alloc_fail_from(i);
		assert_int_equal(use_it(fake_supervisor_socket(f.fake)),
				 TESTENV_NO_MEMORY);
		assert_int_equal(fake_supervisor_wait_held(f.fake, 0), 0);
	}
	alloc_fail_from(0);
	fixture_close(&f);
}

/* A budget: what a lease costs the program. */
static void a_lease_is_two_allocations(void **state)
{
	struct testenv_lease *lease;
	struct fixture f;

	(void)state;
	fixture_connect(&f);
	assert_int_equal(testenv_acquire(f.env, NULL, 0, &lease), TESTENV_OK);
	assert_int_equal(testenv_release(lease, 0), TESTENV_OK);
	alloc_fail_from(0);
	assert_int_equal(testenv_acquire(f.env, NULL, 0, &lease), TESTENV_OK);
	assert_int_equal(testenv_release(lease, 0), TESTENV_OK);
	assert_int_equal(alloc_count(), 2);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_allocation_may_fail),
	    cmocka_unit_test(a_lease_is_two_allocations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
