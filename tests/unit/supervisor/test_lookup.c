/* SPDX-License-Identifier: MIT */
#include "supervisor/lookup.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/fs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[] = "/tmp/testenv-lookup.XXXXXX";

static void put(const char *name, mode_t mode)
{
	auto_free char *path = fs_join(dir, name);

	assert_int_equal(fs_write_file(path, "", 0, mode, NULL), 0);
}

static int set_up(void **state)
{
	auto_free char *sub = NULL, *a = NULL, *closed = NULL;

	(void)state;
	if (!mkdtemp(dir))
		return -1;
	a = fs_join(dir, "a");
	sub = fs_join(dir, "a/folder");
	if (fs_mkdir_p(sub, 0700, NULL) < 0)
		return -1;
	put("a/data", 0600);
	put("tool", 0700);
	put("a/tool", 0600);
	closed = fs_join(dir, "closed");
	if (mkdir(closed, 0700) < 0)
		return -1;
	put("closed/hidden", 0700);
	if (chmod(closed, 0) < 0)
		return -1;
	return 0;
}

static int tear_down(void **state)
{
	auto_free char *closed = fs_join(dir, "closed");

	(void)state;
	chmod(closed, 0700);
	return fs_remove_tree(dir, NULL);
}

static void expect(const char *name, const char *path, const char *file)
{
	auto_error struct error err = ERROR_INIT;
	auto_free char *got = NULL;

	if (command_lookup(name, path, &got, &err) < 0)
		fail_msg("%s: %s", name, error_text(&err));
	assert_string_equal(got, file);
}

static void expect_error(const char *name, const char *path,
			 enum error_kind kind, const char *text)
{
	auto_error struct error err = ERROR_INIT;
	char *got = NULL;

	assert_int_equal(command_lookup(name, path, &got, &err), -1);
	assert_int_equal(err.kind, kind);
	assert_string_equal(err.text, text);
	assert_null(got);
}

static void found_on_path(void **state)
{
	auto_free char *path = xasprintf("/nonexistent:%s/a:%s", dir, dir);
	auto_free char *tool = fs_join(dir, "tool");

	(void)state;
	expect("tool", path, tool);
	expect("sh", NULL, "/bin/sh");
	expect("sh", "/nonexistent:/bin", "/bin/sh");
	expect("/bin/sh", "", "/bin/sh");
}

static void an_empty_part_is_the_working_directory(void **state)
{
	(void)state;
	assert_int_equal(chdir(dir), 0);
	expect("tool", ":/bin", "./tool");
	expect("tool", "/bin:", "./tool");
	expect("./tool", "/bin", "./tool");
	assert_int_equal(chdir("/"), 0);
}

static void what_is_not_there_is_not_found(void **state)
{
	auto_free char *lost = fs_join(dir, "none/x");
	auto_free char *text = xasprintf("command '%s' not found", lost);

	(void)state;
	expect_error("nosuch", "/bin", ERROR_NOT_FOUND,
		     "command 'nosuch' not found");
	expect_error(lost, "/bin", ERROR_NOT_FOUND, text);
	expect_error("", "/bin", ERROR_NOT_FOUND, "command '' not found");
	expect_error("/bin/sh/x", "/bin", ERROR_NOT_FOUND,
		     "command '/bin/sh/x' not found");
}

static void what_is_not_executable_cannot_be_run(void **state)
{
	auto_free char *a = fs_join(dir, "a");
	auto_free char *data = fs_join(dir, "a/data");
	auto_free char *denied =
	    xasprintf("cannot run '%s': Permission denied", data);
	auto_free char *folder =
	    xasprintf("cannot run '%s': Is a directory", a);

	(void)state;
	expect_error(data, "/bin", ERROR_CANNOT_RUN, denied);
	expect_error(a, "/bin", ERROR_CANNOT_RUN, folder);
	expect_error("data", a, ERROR_CANNOT_RUN,
		     "cannot run 'data': Permission denied");
	expect_error("folder", a, ERROR_NOT_FOUND,
		     "command 'folder' not found");
}

/* Root may enter everything, so it is nobody for a while. */
static void a_closed_folder_on_path_says_nothing(void **state)
{
	auto_free char *path = xasprintf("%s/closed:/bin", dir);
	auto_free char *data = xasprintf("%s/a:%s/closed", dir, dir);
	auto_free char *hidden = fs_join(dir, "closed/hidden");
	auto_free char *denied =
	    xasprintf("cannot run '%s': Permission denied", hidden);
	bool root = geteuid() == 0;

	(void)state;
	assert_int_equal(chmod(dir, 0755), 0);
	if (root)
		assert_int_equal(seteuid(65534), 0);
	expect("sh", path, "/bin/sh");
	expect_error("hidden", path, ERROR_NOT_FOUND,
		     "command 'hidden' not found");
	expect_error(hidden, path, ERROR_CANNOT_RUN, denied);
	if (root)
		assert_int_equal(seteuid(0), 0);
	expect_error("data", data, ERROR_CANNOT_RUN,
		     "cannot run 'data': Permission denied");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(found_on_path),
	    cmocka_unit_test(an_empty_part_is_the_working_directory),
	    cmocka_unit_test(what_is_not_there_is_not_found),
	    cmocka_unit_test(what_is_not_executable_cannot_be_run),
	    cmocka_unit_test(a_closed_folder_on_path_says_nothing),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
