/* SPDX-License-Identifier: MIT */
/*
 * fake/docker/fake.h - what the tests against the scripted engine share. Each
 * test gets a fresh one and an open connection to it.
 */
#ifndef FAKE_DOCKER_FAKE_H
#define FAKE_DOCKER_FAKE_H

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "docker/container.h"
#include "docker/engine.h"
#include "docker/image.h"
#include "fake_engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct fake_engine *fake;
static struct engine *engine;
static struct error err = ERROR_INIT;
static struct deadline until;

/* Opens the fake as the one engine there is. */
static inline int open_fake(void)
{
	auto_engine_candidates struct engine_candidates c =
	    ENGINE_CANDIDATES_INIT;

	if (engine_discover(fake_engine_host(fake), &c, &err) < 0)
		return -1;
	return engine_open(&c, 0, &until, &engine, &err);
}

static inline int fake_setup(void **state)
{
	(void)state;
	unsetenv("DOCKER_API_VERSION");
	fake = fake_engine_start();
	engine = NULL;
	until = deadline_in(60000, NULL);
	return 0;
}

static inline int fake_setup_open(void **state)
{
	fake_setup(state);
	if (open_fake() == 0)
		return 0;
	print_error("%s\n", err.text);
	return -1;
}

static inline int fake_teardown(void **state)
{
	char *difference;

	(void)state;
	engine_free(engine);
	difference = fake_engine_stop(fake);
	error_clear(&err);
	if (!difference)
		return 0;
	print_error("%s\n", difference);
	free(difference);
	return -1;
}

static inline void assert_error(enum error_kind kind, const char *text)
{
	if (!strstr(error_text(&err), text))
		fail_msg("'%s' is not in '%s'", text, error_text(&err));
	if (err.kind != kind)
		fail_msg("'%s' is %s", err.text, error_kind_name(err.kind));
	assert_null(strchr(err.text, '\n'));
}

#define assert_ok(call)                                              \
	do {                                                         \
		if ((call) < 0)                                      \
			fail_msg("%s: %s", #call, error_text(&err)); \
	} while (0)
#define assert_fails(call, kind, text)                      \
	do {                                                \
		error_clear(&err);                          \
		if ((call) >= 0)                            \
			fail_msg("%s did not fail", #call); \
		assert_error(kind, text);                   \
	} while (0)

#define test(f) cmocka_unit_test_setup_teardown(f, fake_setup, fake_teardown)
#define test_open(f) \
	cmocka_unit_test_setup_teardown(f, fake_setup_open, fake_teardown)

#endif
