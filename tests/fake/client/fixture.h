/* SPDX-License-Identifier: MIT */
/* A fake supervisor in a folder of its own, for one test. */
#ifndef TESTS_FAKE_CLIENT_FIXTURE_H
#define TESTS_FAKE_CLIENT_FIXTURE_H

#include "fake_supervisor.h"
#include "testenv/testenv.h"
#include "unit/cm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct fixture {
	char dir[64];
	struct fake_supervisor *fake;
	struct testenv *env;
};

static inline void fixture_open(struct fixture *f, unsigned version,
				unsigned capacity)
{
	struct fake_supervisor_options options = {f->dir, version, capacity};

	snprintf(f->dir, sizeof(f->dir), "/tmp/testenv-client-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->fake = fake_supervisor_start(&options);
	assert_non_null(f->fake);
	f->env = testenv_new();
	assert_non_null(f->env);
}

static inline void fixture_close(struct fixture *f)
{
	testenv_free(f->env);
	if (f->fake)
		fake_supervisor_stop(f->fake);
	rmdir(f->dir);
}

/* Connected, too. */
static inline void fixture_connect(struct fixture *f)
{
	fixture_open(f, 0, 0);
	assert_int_equal(
	    testenv_open(f->env, fake_supervisor_socket(f->fake), 5000),
	    TESTENV_OK);
}

#endif
