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
 * A flag that cannot be honoured beside another flag is ERROR_USAGE; what a
 * variable or the file says, of either side, may be meant for other runs, and
 * is a notice. A setting of the
 * whole counts only where it has no effect on any service. For a configuration
 * that is otherwise checked.
 */
int effect_check(const struct config *c, const struct progress *progress,
		 struct error *err);

#endif
