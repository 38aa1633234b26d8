/* SPDX-License-Identifier: MIT */
/*
 * live/docker/live.h - what the tests against a real engine share: the engine
 * of the environment, a label of this very program, and its removal at the end.
 */
#ifndef LIVE_DOCKER_LIVE_H
#define LIVE_DOCKER_LIVE_H

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/ident.h"
#include "docker/container.h"
#include "docker/engine.h"
#include "docker/image.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LIVE_IMAGE "debian:bookworm-slim"

static struct engine *engine;
static struct error err = ERROR_INIT;
static char live_label[64]; /* "dev.testenv.test=<random>" */
static struct deadline until;

#define assert_ok(call)                                      \
	do {                                                 \
		if ((call) < 0)                              \
			fail_msg("%s: %s", #call, err.text); \
	} while (0)

static inline int live_setup(void **state)
{
	struct engine_candidates candidates = ENGINE_CANDIDATES_INIT;
	char word[13];

	(void)state;
	ident_random(word, 12);
	snprintf(live_label, sizeof(live_label), "dev.testenv.test=%s", word);
	until = deadline_in(90000, NULL);
	assert_ok(engine_discover(NULL, &candidates, &err));
	assert_ok(engine_open(&candidates, 0, &until, &engine, &err));
	engine_candidates_free(&candidates);
	return 0;
}

static inline int live_teardown(void **state)
{
	struct container_list list = CONTAINER_LIST_INIT;
	struct image_list images = IMAGE_LIST_INIT;

	(void)state;
	if (!engine)
		return 0;
	assert_ok(container_list(engine, live_label, &until, &list, &err));
	for (size_t i = 0; i < list.n; i++)
		assert_ok(
		    container_remove(engine, list.rows[i].id, &until, &err));
	container_list_free(&list);
	assert_ok(image_list(engine, live_label, NULL, &until, &images, &err));
	for (size_t i = 0; i < images.n; i++)
		for (size_t k = 0; k < images.images[i].tags.n; k++)
			assert_ok(image_remove(
			    engine, images.images[i].tags.v[k], &until, &err));
	image_list_free(&images);
	engine_free(engine);
	return 0;
}

/* A labelled container that runs this shell script. */
static inline struct container live_create(const char *script)
{
	const char *cmd[] = {"sh", "-c", script, NULL};
	const char *labels[] = {live_label, NULL};
	struct container_spec spec = {.image = LIVE_IMAGE,
				      .cmd = cmd,
				      .labels = labels,
				      .network_mode = "none",
				      .stop_timeout_s = 1};
	struct container c;

	assert_ok(container_create(engine, &spec, &until, &c, &err));
	return c;
}

/* The engine of this machine or none: 77 tells ctest to skip. */
static inline int live_available(void)
{
	struct engine_candidates candidates = ENGINE_CANDIDATES_INIT;
	struct deadline soon = deadline_in(20000, NULL);
	struct engine *found = NULL;
	struct error why = ERROR_INIT;
	int rc = engine_discover(NULL, &candidates, &why);

	if (rc == 0)
		rc = engine_open(&candidates, 0, &soon, &found, &why);
	if (rc < 0)
		printf("skipped: %s\n", error_text(&why));
	engine_candidates_free(&candidates);
	engine_free(found);
	error_clear(&why);
	return rc == 0;
}

#endif
