/* SPDX-License-Identifier: MIT */
/* What any container has: when its image is pulled, how much memory it may use.
 */
#include "config/setting_private.h"

#include "base/alloc.h"

#include <string.h>

int setting_pull_age(const struct place *at, const char *value, int64_t *ret,
		     struct error *err)
{
	static const struct {
		const char *word;
		int64_t age_s;
	} words[] = {{"always", PULL_ALWAYS},
		     {"missing", PULL_MISSING},
		     {"if_not_present", PULL_MISSING},
		     {"never", PULL_NEVER},
		     {"daily", (int64_t)24 * 3600},
		     {"weekly", (int64_t)7 * 24 * 3600}};
	int64_t ms = -1;

	for (size_t i = 0; i < array_len(words); i++) {
		if (!strcmp(value, words[i].word)) {
			*ret = words[i].age_s;
			return 0;
		}
	}
	if (!strncmp(value, "every_", 6))
		ms = config_duration_ms(value + 6);
	if (ms < 1000)
		return place_error(at, err,
				   "'%s' is none of: missing, always, never, "
				   "daily, weekly, every_12h",
				   value);
	*ret = ms / 1000;
	return 0;
}

int set_pull(struct config *c, struct config_service *s, const struct place *at,
	     const char *value, struct error *err)
{
	(void)c;
	return setting_pull_age(at, value, &s->pull_age_s, err);
}

static bool is_part(const char *text, size_t len)
{
	return len > 0 &&
	       strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789") >= len;
}

int setting_platform(const struct place *at, const char *value, char **ret,
		     struct error *err)
{
	const char *part = value;
	int n = 0;

	for (;;) {
		size_t len = strcspn(part, "/");

		if (!is_part(part, len))
			break;
		n++;
		part += len;
		if (!*part && n >= 2 && n <= 3) {
			setting_replace(ret, xstrdup(value));
			return 0;
		}
		if (!*part)
			break;
		part++;
	}
	return place_error(at, err,
			   "'%s' is no platform such as linux/amd64 or "
			   "linux/arm64/v8",
			   value);
}

int set_platform(struct config *c, struct config_service *s,
		 const struct place *at, const char *value, struct error *err)
{
	(void)c;
	return setting_platform(at, value, &s->platform, err);
}

int setting_memory(const struct place *at, const char *value, int64_t *ret,
		   struct error *err)
{
	const int64_t least = 32 * 1024 * 1024;
	int64_t bytes = config_bytes(value);

	if (bytes < 0)
		return place_error(
		    at, err, "'%s' is not a size such as 512m or 1g", value);
	if (bytes < least)
		return place_error(at, err, "'%s' is too little: 32m at least",
				   value);
	*ret = bytes;
	return 0;
}

int set_memory(struct config *c, struct config_service *s,
	       const struct place *at, const char *value, struct error *err)
{
	(void)c;
	return setting_memory(at, value, &s->memory_bytes, err);
}
