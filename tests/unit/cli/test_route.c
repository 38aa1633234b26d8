/* SPDX-License-Identifier: MIT */
/* What a command's environment preloads. */
#include "unit/cm.h"

#include "base/strvec.h"
#include "cli/route.h"

static void it_goes_in_front_of_the_users(void **state)
{
	auto_strvec struct strvec env = STRVEC_INIT;

	(void)state;
	route_preload(&env, "/x/lib.so");
	assert_string_equal(strvec_env_get(&env, "LD_PRELOAD"), "/x/lib.so");
	assert_string_equal(strvec_env_get(&env, "ASAN_OPTIONS"),
			    "verify_asan_link_order=0");
	strvec_env_set(&env, "LD_PRELOAD", "/u/theirs.so");
	strvec_env_set(&env, "ASAN_OPTIONS", "detect_leaks=0");
	route_preload(&env, "/x/lib.so");
	assert_string_equal(strvec_env_get(&env, "LD_PRELOAD"),
			    "/x/lib.so:/u/theirs.so");
	assert_string_equal(strvec_env_get(&env, "ASAN_OPTIONS"),
			    "detect_leaks=0:verify_asan_link_order=0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(it_goes_in_front_of_the_users),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
