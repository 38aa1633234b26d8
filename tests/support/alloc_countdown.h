/* SPDX-License-Identifier: MIT */
/* alloc_countdown.h - put in front of a source: its allocations can be made to
 * fail. One thread. */
#ifndef TESTS_SUPPORT_ALLOC_COUNTDOWN_H
#define TESTS_SUPPORT_ALLOC_COUNTDOWN_H

#include <stdlib.h>
#include <string.h>

/* The n-th allocation from now, and all after it, fail; 0: none. */
void alloc_fail_from(unsigned n);
/* Allocations since then. */
unsigned alloc_count(void);

void *countdown_malloc(size_t size);
void *countdown_calloc(size_t n, size_t size);
void *countdown_realloc(void *p, size_t size);

#ifndef ALLOC_COUNTDOWN_NO_NAMES
#define malloc(size)     countdown_malloc(size)
#define calloc(n, size)  countdown_calloc(n, size)
#define realloc(p, size) countdown_realloc(p, size)
#endif

#endif
