/* SPDX-License-Identifier: MIT */
/*
 * config/interpolate.h - ${VARIABLES} in a Compose file, as Compose has them.
 */
#ifndef CONFIG_INTERPOLATE_H
#define CONFIG_INTERPOLATE_H

#include "base/buf.h"

struct error;

/*
 * $VAR, ${VAR}, ${VAR:-default}, ${VAR-default}, ${VAR:?message},
 * ${VAR?message}, ${VAR:+other}, ${VAR+other}, with more of them inside the
 * default, and $$ for one '$'. With the colon an empty value counts as none.
 *
 * `lookup` gives a variable's value, or NULL; `unset` (may be NULL) is told of
 * each one that was asked for without a default and is not there. ERROR_CONFIG
 * without a position: the caller puts it in front.
 */
struct interpolation {
	const char *(*lookup)(void *ctx, const char *name);
	void (*unset)(void *ctx, const char *name);
	void *ctx;
};
int interpolate(const char *text, const struct interpolation *with,
		struct buf *ret, struct error *err);

#endif
