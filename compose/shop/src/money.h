/* SPDX-License-Identifier: MIT */
/*
 * money.h - amounts in whole cents, never in floating point.
 *
 * -1 and nothing written for a result that no int64_t holds.
 */
#ifndef SHOP_MONEY_H
#define SHOP_MONEY_H

#include <stddef.h>
#include <stdint.h>

enum {
	MONEY_TEXT = 32
};

int money_add(int64_t a, int64_t b, int64_t *ret);
int money_times(int64_t cents, int64_t quantity, int64_t *ret);

/* A rate in hundredths of a percent (1900 is 19 %), rounded half away from
 * zero, as invoices are. */
int money_share(int64_t cents, int64_t rate, int64_t *ret);

/* Divides cents over n parts in the ratio of weights, so that the parts add up
 * to the whole; what rounding leaves goes to the first ones. */
int money_split(int64_t cents, const int64_t *weights, size_t n, int64_t *ret);

/* "-12.05" */
void money_text(int64_t cents, char ret[MONEY_TEXT]);

#endif
