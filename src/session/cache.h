/* SPDX-License-Identifier: MIT */
/*
 * session/cache.h - the kept templates: looked at, removed, and taken from one
 * machine to another in one file.
 *
 * An archive is a compressed tar: an index (testenv-cache.json) with every
 * template's key, size and SHA-256, then their data in the index' order; see
 * provider/carry.h for what that is. Its form has a number, and another number
 * is refused.
 *
 * `config` may have no service but for what is about a configuration's own
 * templates. An engine that does not answer has none to offer.
 */
#ifndef SESSION_CACHE_H
#define SESSION_CACHE_H

#include "base/clock.h"
#include "base/strvec.h"
#include "provider/cache.h"

#include <stdbool.h>

struct config;
struct error;
struct progress;

/* All there are, with verdicts by the configuration's size. */
int session_cache_list(const struct config *config,
		       const struct deadline *deadline, struct cache_list *ret,
		       struct error *err);

/* The keys of the templates that this configuration would use, one a service,
 * whether they are kept or not; an image that is not here is pulled.
 * ERROR_CONFIG for a service whose template is never kept. */
int session_cache_keys(const struct config *config,
		       const struct deadline *deadline,
		       const struct progress *progress, struct strvec *ret,
		       struct error *err);

/* Removes those of these keys, `all`: every one used from here. Goes on after a
 * failure and returns the first; what went is added to ret_removed. */
int session_cache_remove(const struct config *config, char *const *keys,
			 bool all, const struct deadline *deadline,
			 struct strvec *ret_removed, struct error *err);

/* Writes those of these keys to a new archive in the place of `file`; what was
 * there stays until that is whole. ERROR_CONFIG for a key that is not kept. */
int session_cache_export(const struct config *config, const char *file,
			 char *const *keys, const struct deadline *deadline,
			 const struct progress *progress, struct error *err);

/*
 * Makes kept templates of an archive's. It is read whole and checked before
 * anything is made. One whose base image or local server cannot be had is
 * passed over with a notice. The keys that are kept now are added to ret_keys.
 */
int session_cache_import(const struct config *config, const char *file,
			 const struct deadline *deadline,
			 const struct progress *progress,
			 struct strvec *ret_keys, struct error *err);

#endif
