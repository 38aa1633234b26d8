/* SPDX-License-Identifier: MIT */
/*
 * base/lock.h - a lock that the kernel drops when its holder dies (flock).
 *
 * The lock file stays when the lock is released, unless lock_remove is used:
 * that unlinks it first, and everyone who waits re-checks that the path still
 * names what was locked.
 */
#ifndef BASE_LOCK_H
#define BASE_LOCK_H

#include "base/clock.h"

#include <stdbool.h>

struct error;

struct lock {
	int fd; /* -1: not held */
	char *path;
};

#define LOCK_INIT     \
	{             \
		-1, 0 \
	}

/* Waits for it until the deadline; ERROR_BUSY when that passes. The file is
 * made 0600 if it is not there; its directory must be. */
int lock_take(struct lock *lock, const char *path,
	      const struct deadline *deadline, struct error *err);
/* At once: 1 taken, 0 held by someone else, -1 error. */
int lock_try(struct lock *lock, const char *path, struct error *err);
/* As lock_take, but any number may hold it so, and then nobody alone. */
int lock_share(struct lock *lock, const char *path,
	       const struct deadline *deadline, struct error *err);
void lock_release(struct lock *lock);
/* Unlinks the file, then releases. */
void lock_remove(struct lock *lock);
#define auto_lock __attribute__((cleanup(lock_release)))

#endif
