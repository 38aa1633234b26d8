/* SPDX-License-Identifier: MIT */
/*
 * template/hold.h - who uses a kept template, and when it was used last.
 *
 * CACHE/used/KEY is an empty file for each template that was used from this
 * cache directory. Its time is that of the last use; a user holds it locked,
 * shared, for as long as he may want the template, and the kernel lets go when
 * he dies. Whoever removes a template has the file alone meanwhile. So a user
 * who finds the template has it until he lets go, as far as users of the same
 * cache directory can see to it.
 *
 * A cache directory that cannot be written holds nothing back: there nobody
 * removes anything, either.
 */
#ifndef TEMPLATE_HOLD_H
#define TEMPLATE_HOLD_H

#include "base/lock.h"
#include "template/migrations.h"

#include <stdint.h>

/* Notes a use of the template and holds it until lock_release. To be called
 * before looking for it. Waits for one who is removing it; -1 only when the
 * deadline has passed or was cancelled. */
int hold_take(struct lock *hold, const char *cache_dir, const char *key,
	      const struct deadline *deadline, struct error *err);

/* Lets go because no template came of it: the note goes, too, unless somebody
 * else holds it. */
void hold_give_up(struct lock *hold);

/* For removing it: 1 nobody holds it, and nobody will until lock_release or,
 * when it is gone, lock_remove; 0 it is held; -1 the directory cannot be
 * written. */
int hold_try_alone(struct lock *alone, const char *cache_dir, const char *key);

/* Seconds since the epoch of its last use from here; -1: never. */
int64_t hold_last_use(const char *cache_dir, const char *key);
/* Sets it, for what comes with a past of its own and for tests. */
void hold_set_last_use(const char *cache_dir, const char *key, int64_t when_s);
bool hold_is_held(const char *cache_dir, const char *key);

/* Calls fn with the key of every note. */
void hold_each(const char *cache_dir, void (*fn)(void *ctx, const char *key),
	       void *ctx);

/* Whether it has the form of a key. */
bool template_is_key(const char *text);

#endif
