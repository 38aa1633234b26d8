/* SPDX-License-Identifier: MIT */
/*
 * config/effect.h - settings that have no effect on what serves.
 */
#ifndef CONFIG_EFFECT_H
#define CONFIG_EFFECT_H

struct config;
struct error;
struct progress;

/*
 * A flag that cannot be honoured is ERROR_USAGE; the same said by a variable or
 * in the file, which may be meant for other runs, is a notice. A setting of the
 * whole counts only where it has no effect on any service. For a configuration
 * that is otherwise checked.
 */
int effect_check(const struct config *c, const struct progress *progress,
		 struct error *err);

#endif
