/* SPDX-License-Identifier: MIT */
/*
 * lease [N]: N leases from the session of TESTENV_SOCKET, each given back;
 * prints how long one took in the middle, of a hundred, and at most. Run it
 * under `testenv exec`, or under the fake supervisor for the client's share.
 */
#include "testenv/testenv.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static int measure(struct testenv *env, double *us, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct testenv_lease *lease;
		double start = now_us();

		if (testenv_acquire(env, "bench", 0, &lease) != TESTENV_OK)
			return -1;
		us[i] = now_us() - start;
		if (testenv_release(lease, 0) != TESTENV_OK)
			return -1;
	}
	qsort(us, n, sizeof(*us), by_size);
	return 0;
}

int main(int argc, char **argv)
{
	size_t n = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000;
	struct testenv *env = testenv_new();
	double *us = calloc(n ? n : 1, sizeof(*us));
	int code = 1;

	if (!us || testenv_open(env, NULL, 0) != TESTENV_OK ||
	    measure(env, us, n) < 0)
		fprintf(stderr, "lease: %s\n", testenv_message(env));
	else if (n) {
		printf("lease: p50 %.0f us, p99 %.0f us, max %.0f us\n",
		       us[n / 2], us[n * 99 / 100], us[n - 1]);
		code = 0;
	}
	free(us);
	testenv_free(env);
	return code;
}
