/* SPDX-License-Identifier: MIT */
#include "money.h"

#include <inttypes.h>
#include <stdio.h>

int money_add(int64_t a, int64_t b, int64_t *ret)
{
	int64_t sum;

	if (__builtin_add_overflow(a, b, &sum))
		return -1;
	*ret = sum;
	return 0;
}

int money_times(int64_t cents, int64_t quantity, int64_t *ret)
{
	int64_t product;

	if (__builtin_mul_overflow(cents, quantity, &product))
		return -1;
	*ret = product;
	return 0;
}

int money_share(int64_t cents, int64_t rate, int64_t *ret)
{
	int64_t scaled, half = (cents < 0) != (rate < 0) ? -5000 : 5000;

	if (money_times(cents, rate, &scaled) < 0 ||
	    money_add(scaled, half, &scaled) < 0)
		return -1;
	*ret = scaled / 10000;
	return 0;
}

int money_split(int64_t cents, const int64_t *weights, size_t n, int64_t *ret)
{
	int64_t total = 0, left = cents;
	size_t i;

	for (i = 0; i < n; i++)
		if (weights[i] < 0 || money_add(total, weights[i], &total) < 0)
			return -1;
	if (total == 0)
		return -1;
	for (i = 0; i < n; i++) {
		int64_t scaled;

		if (money_times(cents, weights[i], &scaled) < 0)
			return -1;
		ret[i] = scaled / total;
		left -= ret[i];
	}
	for (i = 0; left != 0; i = (i + 1) % n) {
		int64_t one = left > 0 ? 1 : -1;

		if (weights[i] == 0)
			continue;
		ret[i] += one;
		left -= one;
	}
	return 0;
}

void money_text(int64_t cents, char ret[MONEY_TEXT])
{
	/* unsigned: the least int64_t has no positive twin */
	uint64_t size = cents < 0 ? 0 - (uint64_t)cents : (uint64_t)cents;

	snprintf(ret, MONEY_TEXT, "%s%" PRIu64 ".%02" PRIu64,
		 cents < 0 ? "-" : "", size / 100, size % 100);
}
