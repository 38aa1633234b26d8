/* SPDX-License-Identifier: MIT */
/* Which image serves, for a platform that was asked for. */
#include "../docker/fake.h"

#include "provider/choose.h"

static const char amd64[] =
    "{\"Id\":\"sha256:12\",\"Os\":\"linux\",\"Architecture\":\"amd64\","
    "\"Variant\":\"\",\"RepoDigests\":[\"mirror.example/postgres@sha256:98\","
    "\"postgres@sha256:99\"]}";
static const char arm64[] =
    "{\"Id\":\"sha256:34\",\"Os\":\"linux\",\"Architecture\":\"arm64\","
    "\"Variant\":\"v8\",\"RepoDigests\":[]}";

static struct image image;
static char *name;

static int teardown(void **state)
{
	image_free(&image);
	free(name);
	name = NULL;
	return fake_teardown(state);
}

static int choose(const char *platform, int64_t pull_age_s)
{
	struct image_wish wish = {.dialect = DIALECT_POSTGRES,
				  .image = "postgres:16",
				  .pull_age_s = pull_age_s,
				  .platform = platform};

	return image_choose(engine, &wish, &until, NULL, &name, &image, &err);
}

static void what_is_there_serves(void **state)
{
	struct fake_step steps[] = {
	    {"GET /v1.41/images/postgres:16/json", NULL, {.body = amd64}},
	};

	(void)state;
	fake_engine_script(fake, steps, 1);
	assert_ok(choose("linux/amd64", IMAGE_PULL_MISSING));
	assert_string_equal(name, "postgres:16");
	assert_string_equal(image_digest_of(&image, name),
			    "postgres@sha256:99");
	assert_string_equal(
	    image_digest_of(&image, "mirror.example/postgres:1"),
	    "mirror.example/postgres@sha256:98");
	assert_null(image_digest_of(&image, "testenv/postgres:16"));
}

static void another_platforms_is_pulled(void **state)
{
	struct fake_step steps[] = {
	    {"GET /v1.41/images/postgres:16/json", NULL, {.body = amd64}},
	    {"POST "
	     "/v1.41/images/create?fromImage=docker.io%2Flibrary%2Fpostgres"
	     "&tag=16&platform=linux%2Farm64",
	     NULL,
	     {.body = "{\"status\":\"ok\"}"}},
	    {"GET /v1.41/images/docker.io/library/postgres:16/json",
	     NULL,
	     {.body = arm64}},
	    {"GET /v1.41/images/docker.io/library/postgres:16/json",
	     NULL,
	     {.body = arm64}},
	};

	(void)state;
	fake_engine_script(fake, steps, array_len(steps));
	assert_ok(choose("linux/arm64", IMAGE_PULL_MISSING));
	assert_string_equal(image.id, "sha256:34");
	assert_null(image_digest_of(&image, name));
}

static void a_registry_without_it_is_told(void **state)
{
	struct fake_step steps[] = {
	    {"GET /v1.41/images/postgres:16/json", NULL, {.status = 404}},
	    {"POST /v1.41/images/create",
	     NULL,
	     {.body = "{\"status\":\"ok\"}"}},
	    {"GET ", NULL, {.body = arm64}},
	    {"GET ", NULL, {.body = arm64}},
	};

	(void)state;
	fake_engine_script(fake, steps, array_len(steps));
	assert_fails(choose("linux/amd64", IMAGE_PULL_MISSING), ERROR_NO_IMAGE,
		     "'docker.io/library/postgres:16' is for 'linux/arm64/v8' "
		     "only, not for 'linux/amd64'");
}

static void it_is_not_pulled_if_never_is_said(void **state)
{
	struct fake_step steps[] = {
	    {"GET /v1.41/images/postgres:16/json", NULL, {.body = arm64}},
	};

	(void)state;
	fake_engine_script(fake, steps, 1);
	assert_fails(choose("linux/arm64/v7", IMAGE_PULL_NEVER), ERROR_NO_IMAGE,
		     "'postgres:16' is not on the engine for 'linux/arm64/v7', "
		     "and 'pull' is 'never'");
}

#define platform_test(f) \
	cmocka_unit_test_setup_teardown(f, fake_setup_open, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    platform_test(what_is_there_serves),
	    platform_test(another_platforms_is_pulled),
	    platform_test(a_registry_without_it_is_told),
	    platform_test(it_is_not_pulled_if_never_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
