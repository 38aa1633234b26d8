/* SPDX-License-Identifier: MIT */
/*
 * base/strvec.h - a growing, NULL-terminated list of strings it owns.
 *
 * `v` is never NULL, so it can be passed as an argv or envp at any time.
 */
#ifndef BASE_STRVEC_H
#define BASE_STRVEC_H

#include <stdbool.h>
#include <stddef.h>

struct strvec {
	char **v;
	size_t n;
	size_t size;
};

extern char *strvec_empty[1];
#define STRVEC_INIT                \
	{                          \
		strvec_empty, 0, 0 \
	}

void strvec_free(struct strvec *sv);
#define auto_strvec __attribute__((cleanup(strvec_free)))

void strvec_push(struct strvec *sv, const char *s); /* copies */
void strvec_take(struct strvec *sv, char *s);       /* owns s from now on */
void strvec_pushf(struct strvec *sv, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void strvec_extend(struct strvec *sv, char *const *list);

/*
 * The list as an environment of "NAME=value" entries, each name once.
 * strvec_env_set replaces or appends; value NULL removes the name.
 * strvec_env_put does the same with a whole entry; one without '=' is nothing.
 * strvec_env_get returns the value, borrowed, or NULL.
 */
void strvec_env_set(struct strvec *sv, const char *name, const char *value);
void strvec_env_put(struct strvec *sv, const char *entry);
const char *strvec_env_get(const struct strvec *sv, const char *name);

bool strvec_has(const struct strvec *sv, const char *s);

#endif
