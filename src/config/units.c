/* SPDX-License-Identifier: MIT */
#include "config/config.h"

#include <string.h>
#include <strings.h>

enum {
	MS_MAX_DAYS = 366
};
#define DURATION_MAX ((int64_t)MS_MAX_DAYS * 24 * 3600 * 1000)

static int64_t unit_ms(const char *unit, size_t len)
{
	static const struct {
		const char *name;
		int64_t ms;
	} units[] = {{"ms", 1},    {"s", 1000},        {"", 1000},
		     {"m", 60000}, {"h", 3600 * 1000}, {"d", 86400 * 1000},
		     {NULL, 0}};

	for (unsigned i = 0; units[i].name; i++)
		if (strlen(units[i].name) == len &&
		    !strncmp(units[i].name, unit, len))
			return units[i].ms;
	return -1;
}

/* Digits at *p, which moves behind them; -1 for none or too many. */
static int64_t number(const char **p)
{
	int64_t n = 0;
	const char *start = *p;

	for (; **p >= '0' && **p <= '9'; (*p)++) {
		if (*p - start >= 15)
			return -1;
		n = n * 10 + (**p - '0');
	}
	return *p == start ? -1 : n;
}

int64_t config_duration_ms(const char *text)
{
	int64_t total = 0;

	if (!*text)
		return -1;
	while (*text) {
		int64_t n = number(&text);
		size_t len = strcspn(text, "0123456789");
		int64_t ms = unit_ms(text, len);

		/* without a unit it is seconds, and all there is */
		if (n < 0 || ms < 0 || (!len && total))
			return -1;
		if (n > (DURATION_MAX - total) / ms)
			return -1;
		total += n * ms;
		text += len;
	}
	return total;
}

int64_t config_bytes(const char *text)
{
	static const char *const units[] = {"b", "k", "m", "g", "t"};
	int64_t n = number(&text);
	int shift = 0;

	if (n < 0)
		return -1;
	for (int i = 0; *text && i < 5; i++) {
		if (strncasecmp(text, units[i], 1) != 0)
			continue;
		shift = i * 10;
		text++;
		if (i && (!strcasecmp(text, "b") || !strcasecmp(text, "ib")))
			text += strlen(text);
		break;
	}
	if (*text || n > (INT64_MAX >> shift))
		return -1;
	return n * ((int64_t)1 << shift);
}
