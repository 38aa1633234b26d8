/* SPDX-License-Identifier: MIT */
#include "cli/suggest.h"

#include <stddef.h>
#include <string.h>

enum {
	WORD_MAX_LEN = 32 /* longer ones are nobody's slip of the finger */
};

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return m < c ? m : c;
}

/* How many letters must be added, dropped, changed or swapped with their
 * neighbour to make b of a; both at most WORD_MAX_LEN long. */
static unsigned edit_distance(const char *a, const char *b)
{
	unsigned row[3][WORD_MAX_LEN + 1];
	size_t la = strlen(a);
	size_t lb = strlen(b);

	for (size_t j = 0; j <= lb; j++)
		row[0][j] = (unsigned)j;
	for (size_t i = 1; i <= la; i++) {
		unsigned *now = row[i % 3];
		unsigned *up = row[(i - 1) % 3];
		unsigned *up2 = row[(i + 1) % 3];

		now[0] = (unsigned)i;
		for (size_t j = 1; j <= lb; j++) {
			unsigned change = up[j - 1] + (a[i - 1] != b[j - 1]);

			now[j] = min3(up[j] + 1, now[j - 1] + 1, change);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1] && up2[j - 2] + 1 < now[j])
				now[j] = up2[j - 2] + 1;
		}
	}
	return row[la % 3][lb];
}

/* The first that begins with it. */
static const char *complete(const char *typed, const char *const *words)
{
	size_t len = strlen(typed);

	while (*words && (len < 2 || strncmp(typed, *words, len) != 0))
		words++;
	return *words;
}

const char *suggest(const char *typed, const char *const *all)
{
	size_t len = strlen(typed);
	unsigned best = (unsigned)(len / 3) + 1;
	const char *found = NULL;

	if (!len || len > WORD_MAX_LEN)
		return NULL;
	for (const char *const *words = all; *words; words++) {
		unsigned d;

		if (strlen(*words) > WORD_MAX_LEN)
			continue;
		d = edit_distance(typed, *words);
		/* all of a short word changed is another word */
		if (d <= best && d < len) {
			found = d < best || !found ? *words : found;
			best = d;
		}
	}
	return found ? found : complete(typed, all);
}
