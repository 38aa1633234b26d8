/* SPDX-License-Identifier: MIT */
#include "live.h"

#include "base/progress.h"

struct lines {
	char text[4096];
};

static void on_progress(void *ctx, const struct progress_event *event)
{
	struct lines *l = ctx;
	size_t len = strlen(l->text);

	if (event->kind == PROGRESS_LINE)
		snprintf(l->text + len, sizeof(l->text) - len, "%s\n",
			 event->text);
}

/* "testenv-test/WORD" of this run. */
static const char *repo(void)
{
	static char name[64];

	snprintf(name, sizeof(name), "testenv-test/%s",
		 strchr(live_label, '=') + 1);
	return name;
}

static void build(const char *dockerfile, const char *tag,
		  struct lines *ret_lines, int expect)
{
	const char *labels[] = {live_label, NULL};
	const char *args[] = {"WHO=world & co", NULL};
	struct progress progress = {on_progress, ret_lines};
	auto_buf struct buf context = BUF_INIT;
	struct tar *tar = tar_new();
	struct image_build b = {.context = &context,
				.tag = tag,
				.build_args = args,
				.labels = labels};

	assert_ok(tar_add(tar, "Dockerfile", dockerfile, strlen(dockerfile),
			  0644, &err));
	assert_ok(tar_end(tar, &context, &err));
	if (image_build(engine, &b, &until, &progress, &err) != expect)
		fail_msg("build: %s", error_text(&err));
}

static void a_build_makes_a_labelled_image(void **state)
{
	char tag[80];
	struct lines lines = {""};
	auto_image struct image image = IMAGE_INIT;

	(void)state;
	snprintf(tag, sizeof(tag), "%s:built", repo());
	build("FROM " LIVE_IMAGE "\nARG WHO\nENV A=b C=\nVOLUME /data\n"
	      "USER daemon\nRUN echo hello $WHO\nENTRYPOINT [\"cat\"]\n"
	      "CMD [\"/etc/hostname\"]\n",
	      tag, &lines, 0);
	assert_non_null(strstr(lines.text, "hello world & co\n"));
	assert_int_equal(image_inspect(engine, tag, &until, &image, &err), 1);
	assert_string_equal(image_label(&image, "dev.testenv.test"),
			    strchr(live_label, '=') + 1);
	assert_string_equal(image_env(&image, "A"), "b");
	assert_string_equal(image_env(&image, "C"), "");
	assert_string_equal(image.volumes.v[0], "/data");
	assert_string_equal(image.entrypoint.v[0], "cat");
	assert_string_equal(image.cmd.v[0], "/etc/hostname");
	assert_string_equal(image.user, "daemon");
	assert_true(image.created_s > 1600000000);
	assert_ok(image_remove(engine, tag, &until, &err));
	assert_ok(image_remove(engine, tag, &until, &err));
}

static void a_step_that_fails_shows_its_output(void **state)
{
	char tag[80];
	struct lines lines = {""};
	auto_image struct image image = IMAGE_INIT;

	(void)state;
	snprintf(tag, sizeof(tag), "%s:failed", repo());
	build("FROM " LIVE_IMAGE "\nRUN echo last words; exit 9\n", tag, &lines,
	      -1);
	assert_int_equal(err.kind, ERROR_BUILD);
	assert_non_null(strchr(err.text, '9')); /* the exit code */
	assert_non_null(strstr(err.detail, "last words\n"));
	assert_int_equal(image_inspect(engine, tag, &until, &image, &err), 0);
}

static void a_commit_keeps_files_and_labels(void **state)
{
	struct container c = live_create("echo kept > /srv/note");
	const char *changes[] = {"LABEL more=\"a b\"", "CMD [\"cat\"]", NULL};
	auto_free char *id = NULL;
	auto_image struct image image = IMAGE_INIT;
	auto_image_list struct image_list list = IMAGE_LIST_INIT;
	char name[80];
	int code;

	(void)state;
	assert_ok(container_start(engine, &c, &until, &err));
	assert_ok(container_wait(engine, &c, &until, &code, &err));
	assert_ok(image_commit(engine, c.id, repo(), "committed", changes,
			       &until, &id, &err));
	snprintf(name, sizeof(name), "%s:committed", repo());
	assert_int_equal(image_inspect(engine, name, &until, &image, &err), 1);
	assert_string_equal(image.id, id);
	assert_string_equal(image_label(&image, "more"), "a b");
	assert_non_null(image_label(&image, "dev.testenv.test"));
	assert_string_equal(image.cmd.v[0], "cat");
	assert_ok(image_list(engine, live_label, NULL, &until, &list, &err));
	assert_int_equal(list.n, 1);
	assert_string_equal(list.images[0].id, id);
	image_list_free(&list);
	assert_ok(image_list(engine, NULL, repo(), &until, &list, &err));
	assert_int_equal(list.n, 1);
	assert_ok(image_remove(engine, name, &until, &err));
	assert_ok(container_remove(engine, c.id, &until, &err));
}

static void an_image_in_use_is_busy(void **state)
{
	char tag[80];
	struct lines lines = {""};
	const char *labels[] = {live_label, NULL};
	struct container_spec spec = {.image = tag, .labels = labels};
	auto_image struct image image = IMAGE_INIT;
	struct container c;

	(void)state;
	snprintf(tag, sizeof(tag), "%s:used", repo());
	build("FROM " LIVE_IMAGE "\nENV UNIQUE=used\n", tag, &lines, 0);
	assert_ok(container_create(engine, &spec, &until, &c, &err));
	assert_int_equal(image_inspect(engine, tag, &until, &image, &err), 1);
	assert_int_equal(image_remove(engine, image.id, &until, &err), -1);
	assert_int_equal(err.kind, ERROR_BUSY);
	assert_ok(container_remove(engine, c.id, &until, &err));
	assert_ok(image_remove(engine, tag, &until, &err));
}

static void a_pull_from_nowhere_says_so(void **state)
{
	(void)state;
	/* port 1 of this machine: nobody listens there */
	assert_int_equal(image_pull(engine, "127.0.0.1:1/testenv/none:1", NULL,
				    &until, NULL, &err),
			 -1);
	assert_int_equal(err.kind, ERROR_PULL);
	assert_non_null(strstr(err.text, "127.0.0.1:1"));
	assert_non_null(strstr(err.text, "refused"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_build_makes_a_labelled_image),
	    cmocka_unit_test(a_step_that_fails_shows_its_output),
	    cmocka_unit_test(a_commit_keeps_files_and_labels),
	    cmocka_unit_test(an_image_in_use_is_busy),
	    cmocka_unit_test(a_pull_from_nowhere_says_so),
	};

	if (!live_available())
		return 77;
	return cmocka_run_group_tests(tests, live_setup, live_teardown);
}
