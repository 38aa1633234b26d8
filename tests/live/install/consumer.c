/* SPDX-License-Identifier: MIT */
/* A user's program: takes a database, prints which, gives it back. */
#include <testenv/testenv.h>

#include <stdio.h>

static int with_lease(struct testenv_lease *lease)
{
	struct testenv_url *url;

	if (testenv_url_parse(testenv_lease_get(lease, "DATABASE_URL"), &url) !=
	    TESTENV_OK)
		return 1;
	printf("%s at %s\n", url->database, url->host);
	testenv_url_free(url);
	if (testenv_reset(lease, 0) != TESTENV_OK)
		return 1;
	return testenv_release(lease, 0) != TESTENV_OK;
}

int main(void)
{
	struct testenv *env = testenv_new();
	struct testenv_lease *lease;
	int code = 1;

	if (env && testenv_open(env, NULL, 0) == TESTENV_OK &&
	    testenv_acquire(env, "consumer", 0, &lease) == TESTENV_OK)
		code = with_lease(lease);
	if (code)
		fprintf(stderr, "%s\n", testenv_message(env));
	testenv_free(env);
	return code;
}
