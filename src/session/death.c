/* SPDX-License-Identifier: MIT */
#include "session/death.h"

#include "base/ident.h"
#include "base/lock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Of an owner on this boot, in this pid namespace. */
static bool neighbour_is_dead(const struct label_owner *owner,
			      const char *lock_path)
{
	auto_lock struct lock lock = LOCK_INIT;

	if (ident_start_time(owner->pid) == owner->start_time)
		return false;
	if (!lock_path || lock_path[0] != '/')
		return true;
	if (access(lock_path, F_OK) < 0)
		return errno == ENOENT || errno == ENOTDIR;
	return lock_try(&lock, lock_path, NULL) == 1;
}

/* The whole text is a number of seconds that has passed. */
static bool has_passed(const char *text, int64_t now_s)
{
	char *end;
	long long at = text ? strtoll(text, &end, 10) : 0;

	return at > 0 && !*end && at < now_s;
}

const char *death_of(const struct strvec *labels,
		     const struct label_owner *self, int64_t now_s)
{
	const char *text = strvec_env_get(labels, LABEL_OWNER);
	struct label_owner owner;

	if (text && label_owner_parse(text, &owner) == 0) {
		bool same_boot =
		    self->boot[0] && !strcmp(self->boot, owner.boot);

		if (same_boot && self->pid_namespace == owner.pid_namespace)
			return neighbour_is_dead(
				   &owner, strvec_env_get(labels, LABEL_LOCK))
				   ? "its owner is gone"
				   : NULL;
		if (!same_boot && self->machine[0] &&
		    !strcmp(self->machine, owner.machine))
			return "its owner's machine was started anew";
	}
	return has_passed(strvec_env_get(labels, LABEL_EXPIRES), now_s)
		   ? "it has expired"
		   : NULL;
}
