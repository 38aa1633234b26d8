/* SPDX-License-Identifier: MIT */
#include "live.h"

static void a_container_lives_and_goes(void **state)
{
	struct container c = live_create("exit 3");
	struct container_state s;
	int code = -1;

	(void)state;
	assert_int_equal(strlen(c.id), 64);
	assert_ok(container_inspect(engine, c.id, &until, &s, &err));
	assert_string_equal(s.status, "created");
	assert_ok(container_start(engine, &c, &until, &err));
	assert_ok(container_wait(engine, &c, &until, &code, &err));
	assert_int_equal(code, 3);
	assert_ok(container_inspect(engine, c.id, &until, &s, &err));
	assert_string_equal(s.status, "exited");
	assert_int_equal(s.exit_code, 3);
	assert_false(s.running);
	assert_ok(container_remove(engine, c.id, &until, &err));
	assert_ok(container_remove(engine, c.id, &until, &err));
	assert_int_equal(container_inspect(engine, c.id, &until, &s, &err), -1);
	assert_int_equal(err.kind, ERROR_ENGINE);
	assert_non_null(strcasestr(err.text, "no such container"));
}

static void starting_and_stopping_twice_is_fine(void **state)
{
	struct container c = live_create("exec sleep 1000");

	(void)state;
	assert_ok(container_start(engine, &c, &until, &err));
	assert_ok(container_start(engine, &c, &until, &err));
	assert_ok(container_stop(engine, &c, 0, &until, &err));
	assert_ok(container_stop(engine, &c, 0, &until, &err));
	assert_ok(container_remove(engine, c.id, &until, &err));
}

static void a_list_by_label_shows_what_was_made(void **state)
{
	struct container c = live_create("exit 0");
	auto_container_list struct container_list list = CONTAINER_LIST_INIT;

	(void)state;
	assert_ok(container_list(engine, live_label, &until, &list, &err));
	assert_int_equal(list.n, 1);
	assert_string_equal(list.rows[0].id, c.id);
	assert_string_equal(list.rows[0].state, "created");
	assert_string_equal(
	    container_row_label(&list.rows[0], "dev.testenv.test"),
	    strchr(live_label, '=') + 1);
	assert_true(list.rows[0].created_s > 1600000000);
	assert_ok(container_remove(engine, c.id, &until, &err));
}

static void create_says_what_is_wrong(void **state)
{
	const char *labels[] = {live_label, NULL};
	struct container_mount mount = {"/no/such/dir/at-all", "/mnt", false};
	struct container_spec spec = {.image = "testenv-no-such:image",
				      .labels = labels};
	struct container c;

	(void)state;
	assert_int_equal(container_create(engine, &spec, &until, &c, &err), -1);
	assert_int_equal(err.kind, ERROR_NO_IMAGE);
	/* podman 4 makes what is missing, as root */
	if (engine_flavor(engine) == ENGINE_PODMAN)
		return;
	spec.image = LIVE_IMAGE;
	spec.mounts = &mount;
	spec.n_mounts = 1;
	assert_int_equal(container_create(engine, &spec, &until, &c, &err), -1);
	assert_int_equal(err.kind, ERROR_REFUSED);
	assert_non_null(strstr(err.text, "/no/such/dir/at-all"));
}

static void a_taken_name_is_busy(void **state)
{
	char name[40];
	const char *labels[] = {live_label, NULL};
	struct container_spec spec = {
	    .image = LIVE_IMAGE, .labels = labels, .name = name};
	struct container c;
	struct container second;

	(void)state;
	snprintf(name, sizeof(name), "testenv-%s", strchr(live_label, '=') + 1);
	assert_ok(container_create(engine, &spec, &until, &c, &err));
	assert_int_equal(container_create(engine, &spec, &until, &second, &err),
			 -1);
	assert_int_equal(err.kind, ERROR_BUSY);
	assert_ok(container_remove(engine, c.id, &until, &err));
}

static void a_port_is_published_on_loopback(void **state)
{
	const char *labels[] = {live_label, NULL};
	const char *cmd[] = {"sleep", "1000", NULL};
	struct container_spec spec = {
	    .image = LIVE_IMAGE, .labels = labels, .cmd = cmd, .port = 5432};
	struct container_state s;
	struct container c;

	(void)state;
	assert_ok(container_create(engine, &spec, &until, &c, &err));
	assert_ok(container_start(engine, &c, &until, &err));
	assert_ok(container_inspect(engine, c.id, &until, &s, &err));
	assert_true(s.running);
	assert_true(s.host_port > 0);
	assert_string_equal(s.host_ip, "127.0.0.1");
	assert_ok(container_remove(engine, c.id, &until, &err));
}

static void an_image_is_found_or_not(void **state)
{
	auto_image struct image image = IMAGE_INIT;
	auto_image struct image none = IMAGE_INIT;

	(void)state;
	assert_int_equal(
	    image_inspect(engine, LIVE_IMAGE, &until, &image, &err), 1);
	assert_int_equal(strncmp(image.id, "sha256:", 7), 0);
	assert_true(image.tags.n > 0);
	assert_true(image.size > 1000000);
	assert_int_equal(
	    image_inspect(engine, "testenv-no-such:image", &until, &none, &err),
	    0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_container_lives_and_goes),
	    cmocka_unit_test(starting_and_stopping_twice_is_fine),
	    cmocka_unit_test(a_list_by_label_shows_what_was_made),
	    cmocka_unit_test(create_says_what_is_wrong),
	    cmocka_unit_test(a_taken_name_is_busy),
	    cmocka_unit_test(a_port_is_published_on_loopback),
	    cmocka_unit_test(an_image_is_found_or_not),
	};

	if (!live_available())
		return 77;
	return cmocka_run_group_tests(tests, live_setup, live_teardown);
}
