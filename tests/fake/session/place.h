/* SPDX-License-Identifier: MIT */
/*
 * fake/session/place.h - directories of the test's own, and a scripted engine
 * that has one server image.
 */
#ifndef FAKE_PLACE_H
#define FAKE_PLACE_H

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/fs.h"
#include "fake_engine.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct fake_engine *fake;
static char *place; /* holds "run" and "cache" */
static struct error err = ERROR_INIT;

static inline int place_setup(void **state)
{
	char dir[] = "/tmp/testenv-place-XXXXXX";
	auto_free char *run = NULL;
	auto_free char *cache = NULL;

	(void)state;
	if (!mkdtemp(dir))
		return -1;
	place = xstrdup(dir);
	run = fs_join(place, "run");
	cache = fs_join(place, "cache");
	/* to be passed through, or root's local servers would be kept in a
	 * place that all his sessions have */
	if (chmod(dir, 0711) < 0 || mkdir(run, 0700) < 0 || chdir(place) < 0)
		return -1;
	setenv("XDG_RUNTIME_DIR", run, 1);
	setenv("TESTENV_CACHE_DIR", cache, 1);
	unsetenv("DOCKER_API_VERSION");
	unsetenv("TESTENV_SESSION");
	fake = fake_engine_start();
	return 0;
}

static inline int place_teardown(void **state)
{
	char *difference = fake_engine_stop(fake);

	(void)state;
	error_clear(&err);
	if (chdir("/") < 0 || fs_remove_tree(place, NULL) < 0)
		return -1;
	free(place);
	place = NULL;
	if (!difference)
		return 0;
	print_error("%s\n", difference);
	free(difference);
	return -1;
}

/* How many entries a directory has; none if it is not there. */
static inline unsigned entries(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *e;
	unsigned n = 0;

	if (!dir)
		return 0;
	while ((e = readdir(dir)))
		n +=
		    strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
	closedir(dir);
	return n;
}

#define assert_ok(call)                                              \
	do {                                                         \
		if ((call) < 0)                                      \
			fail_msg("%s: %s", #call, error_text(&err)); \
	} while (0)

#define in_place(f) \
	cmocka_unit_test_setup_teardown(f, place_setup, place_teardown)

#endif
