/* SPDX-License-Identifier: MIT */
#include "supervisor/lookup.h"

#include "base/alloc.h"
#include "base/error.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* 0 when it can be run, else why not, as an errno. */
static int check(const char *file, bool *ret_there)
{
	struct stat st;

	*ret_there = stat(file, &st) == 0;
	if (!*ret_there)
		return errno;
	if (S_ISDIR(st.st_mode))
		return EISDIR;
	return access(file, X_OK) < 0 ? errno : 0;
}

static int fail(const char *name, int why, struct error *err)
{
	if (why == ENOENT || why == ENOTDIR)
		return error_set(err, ERROR_NOT_FOUND, "command '%s' not found",
				 name);
	return error_set_errno(err, ERROR_CANNOT_RUN, why, "cannot run '%s'",
			       name);
}

int command_lookup(const char *name, const char *path, char **ret,
		   struct error *err)
{
	int why = ENOENT;
	bool there;

	if (strchr(name, '/')) {
		why = check(name, &there);
		if (why)
			return fail(name, why, err);
		*ret = xstrdup(name);
		return 0;
	}
	if (!path)
		path = "/bin:/usr/bin";
	while (*name) {
		size_t n = strcspn(path, ":");
		auto_free char *file =
		    n ? xasprintf("%.*s/%s", (int)n, path, name)
		      : xasprintf("./%s", name);
		int now = check(file, &there);

		if (!now) {
			*ret = take_ptr(&file);
			return 0;
		}
		/* one that is there and cannot be run says more than none; a
		 * folder that is closed to us says nothing */
		if (there && now == EACCES)
			why = now;
		if (!path[n])
			break;
		path += n + 1;
	}
	return fail(name, why, err);
}
