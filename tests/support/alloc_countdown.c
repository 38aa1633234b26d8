/* SPDX-License-Identifier: MIT */
#define ALLOC_COUNTDOWN_NO_NAMES
#include "alloc_countdown.h"

#include <stdbool.h>

#undef malloc
#undef calloc
#undef realloc

static unsigned fail_from, count;

void alloc_fail_from(unsigned n)
{
	fail_from = n;
	count = 0;
}

unsigned alloc_count(void)
{
	return count;
}

static bool fails(void)
{
	count++;
	return fail_from && count >= fail_from;
}

void *countdown_malloc(size_t size)
{
	return fails() ? NULL : malloc(size);
}

void *countdown_calloc(size_t n, size_t size)
{
	return fails() ? NULL : calloc(n, size);
}

void *countdown_realloc(void *p, size_t size)
{
	return fails() ? NULL : realloc(p, size);
}
