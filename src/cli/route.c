/* SPDX-License-Identifier: MIT */
#include "cli/route.h"

#include "base/alloc.h"
#include "base/fs.h"
#include "base/strvec.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIBRARY "libtestenv-route.so"

/* The program's folder, without its last '/'. */
static char *program_dir(void)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	char *slash;

	if (n <= 0)
		return NULL;
	path[n] = '\0';
	slash = strrchr(path, '/');
	if (!slash)
		return NULL;
	*slash = '\0';
	return xstrdup(path);
}

char *route_library(void)
{
	const char *named = getenv("TESTENV_ROUTE_LIBRARY");
	auto_free char *dir = program_dir();
	auto_free char *beside = NULL;
	auto_free char *installed = NULL;

	if (named && named[0] == '/')
		return access(named, R_OK) == 0 ? xstrdup(named) : NULL;
	if (!dir)
		return NULL;
	beside = fs_join(dir, LIBRARY);
	if (access(beside, R_OK) == 0)
		return take_ptr(&beside);
	installed = xasprintf("%s/../" TESTENV_LIBDIR "/testenv/" LIBRARY, dir);
	return access(installed, R_OK) == 0 ? fs_absolute(installed) : NULL;
}

/* "NAME=first:second", where an empty one is left out. */
static void join_variable(struct strvec *env, const char *name,
			  const char *first, const char *second)
{
	auto_free char *all = NULL;

	if (!first || !*first || !second || !*second)
		all = xstrdup(first && *first ? first : second);
	else
		all = xasprintf("%s:%s", first, second);
	strvec_env_set(env, name, all);
}

/* A program built with ASan by gcc wants to be the first library; one that has
 * options of its own does not ask ours for them. */
void route_preload(struct strvec *env, const char *library)
{
	join_variable(env, "LD_PRELOAD", library,
		      strvec_env_get(env, "LD_PRELOAD"));
	join_variable(env, "ASAN_OPTIONS", strvec_env_get(env, "ASAN_OPTIONS"),
		      "verify_asan_link_order=0");
}
