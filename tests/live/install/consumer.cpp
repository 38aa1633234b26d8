// SPDX-License-Identifier: MIT
// The same in C++, with owners that clean up.
#include <testenv/testenv.h>

#include <cstdio>
#include <memory>

struct release {
	void operator()(testenv *env) const
	{
		testenv_free(env);
	}
	void operator()(testenv_lease *lease) const
	{
		testenv_release(lease, 0);
	}
	void operator()(testenv_url *url) const
	{
		testenv_url_free(url);
	}
};

int main()
{
	std::unique_ptr<testenv, release> env(testenv_new());
	testenv_lease *held = nullptr;
	testenv_url *parts = nullptr;

	if (!env || testenv_open(env.get(), nullptr, 0) != TESTENV_OK ||
	    testenv_acquire(env.get(), "consumer", 0, &held) != TESTENV_OK) {
		std::fprintf(stderr, "%s\n", testenv_message(env.get()));
		return 1;
	}
	std::unique_ptr<testenv_lease, release> lease(held);
	if (testenv_url_parse(testenv_lease_get(held, "DATABASE_URL"),
			      &parts) != TESTENV_OK)
		return 1;
	std::unique_ptr<testenv_url, release> url(parts);
	std::printf("%s at %s\n", url->database, url->host);
	return 0;
}
