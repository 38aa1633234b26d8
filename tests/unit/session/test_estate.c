/* SPDX-License-Identifier: MIT */
#include "session/estate.h"

#include "unit/cm.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/fs.h"
#include "config/config.h"
#include "session/ctest.h"
#include "session/internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ID "abcdefghijkl"

static char dir[] = "/tmp/testenv-estate-XXXXXX";
static char *run_dir; /* DIR/ID */
static struct error err = ERROR_INIT;

static int setup(void **state)
{
	(void)state;
	memcpy(dir + sizeof(dir) - 7, "XXXXXX", 6);
	if (!mkdtemp(dir))
		return -1;
	run_dir = fs_join(dir, ID);
	return mkdir(run_dir, 0700);
}

static int teardown(void **state)
{
	(void)state;
	free(run_dir);
	error_clear(&err);
	return fs_remove_tree(dir, NULL);
}

static void write_estate(const void *text, size_t len)
{
	auto_free char *path = fs_join(run_dir, ESTATE_FILE);

	assert_int_equal(fs_write_file(path, text, len, 0600, &err), 0);
}

static void what_is_noted_is_read(void **state)
{
	auto_estate struct estate e = {0};

	(void)state;
	assert_int_equal(estate_note(run_dir, ESTATE_DATA_DIR, "/a b/c", &err),
			 0);
	assert_int_equal(
	    estate_note(run_dir, ESTATE_ENGINE, "tcp://h:1\tca\t\t\t1", &err),
	    0);
	assert_int_equal(estate_note(run_dir, ESTATE_DATA_DIR, "/later", &err),
			 0);
	assert_int_equal(estate_read(run_dir, &e, &err), 0);
	assert_string_equal(e.session, ID);
	assert_string_equal(e.run_dir, run_dir);
	assert_string_equal(e.data_dir, "/later");
	assert_string_equal(e.engine, "tcp://h:1\tca\t\t\t1");
}

static void without_a_file_there_is_the_directory(void **state)
{
	auto_estate struct estate e = {0};

	(void)state;
	assert_int_equal(estate_read(run_dir, &e, &err), 0);
	assert_string_equal(e.run_dir, run_dir);
	assert_null(e.data_dir);
	assert_null(e.engine);
}

static void odd_lines_are_passed_over(void **state)
{
	static const char text[] = "nonsense\n\n\n data /a\ndata\nDATA /b\n"
				   "run /etc\nengine\nhalf a li";
	auto_estate struct estate e = {0};

	(void)state;
	write_estate(text, strlen(text));
	assert_int_equal(estate_read(run_dir, &e, &err), 0);
	assert_string_equal(e.run_dir, run_dir);
	assert_null(e.data_dir);
	assert_null(e.engine);
}

static void bytes_of_any_kind_are_survived(void **state)
{
	char text[4096];

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)(i * 7);
	memcpy(text, "data /x", 8);
	for (size_t len = 0; len < 300; len++) {
		auto_estate struct estate e = {0};

		write_estate(text, len);
		assert_int_equal(estate_read(run_dir, &e, &err), 0);
	}
}

static void one_of_no_sane_size_is_an_error(void **state)
{
	auto_free char *text = xcalloc(1, 70000);
	auto_estate struct estate e = {0};

	(void)state;
	memset(text, 'a', 70000);
	write_estate(text, 70000);
	assert_int_equal(estate_read(run_dir, &e, &err), -1);
	assert_int_equal(err.kind, ERROR_IO);
	assert_non_null(strstr(err.text, ESTATE_FILE));
}

/* No file makes it remove what is not the session's own. */
static void only_directories_of_its_name_are_removed(void **state)
{
	static const char *const others[] = {"other", ID "/..", ID "x", ""};
	struct deadline d = deadline_in(5000, NULL);
	char id[] = ID;

	(void)state;
	for (size_t i = 0; i < array_len(others); i++) {
		auto_free char *path = fs_join(dir, others[i]);
		struct estate e = {.session = id, .data_dir = path};

		assert_int_equal(fs_mkdir_p(path, 0700, &err), 0);
		assert_int_equal(estate_clean(&e, &d, &err), 0);
		assert_true(fs_is_dir(path));
	}
	assert_true(fs_is_dir(run_dir));
}

static void a_relative_directory_is_not_removed(void **state)
{
	char id[] = ID;
	char relative[] = "x/" ID;
	struct estate e = {.session = id, .data_dir = relative};
	struct deadline d = deadline_in(5000, NULL);

	(void)state;
	assert_int_equal(chdir(dir), 0);
	assert_int_equal(fs_mkdir_p(relative, 0700, &err), 0);
	assert_int_equal(estate_clean(&e, &d, &err), 0);
	assert_true(fs_is_dir(relative));
	assert_int_equal(chdir("/"), 0);
}

static void its_directories_are_removed(void **state)
{
	char id[] = ID;
	auto_free char *data = xasprintf("%s/sessions/" ID, dir);
	struct estate e = {.session = id, .data_dir = data, .run_dir = run_dir};
	struct deadline d = deadline_in(5000, NULL);

	(void)state;
	assert_int_equal(fs_mkdir_p(data, 0700, &err), 0);
	assert_int_equal(estate_clean(&e, &d, &err), 0);
	assert_false(fs_exists(data));
	assert_false(fs_exists(run_dir));
	/* and once more */
	assert_int_equal(estate_clean(&e, &d, &err), 0);
}

/* While its engine cannot be asked, the directory stays: gc comes again. */
static void an_engine_that_is_gone_keeps_the_directory(void **state)
{
	auto_free char *host = xasprintf("unix://%s/no.sock", dir);
	char id[] = ID;
	struct estate e = {.session = id, .run_dir = run_dir, .engine = host};
	struct deadline d = deadline_in(5000, NULL);

	(void)state;
	assert_int_equal(estate_clean(&e, &d, &err), -1);
	assert_int_equal(err.kind, ERROR_NO_ENGINE);
	assert_int_equal(strncmp(err.text, "session '" ID "': engine '", 23),
			 0);
	assert_true(fs_is_dir(run_dir));
}

static void ctest_names_are_what_ctest_takes(void **state)
{
	struct config_service configs[] = {
	    {.name = (char *)(uintptr_t) "db"},
	    {.name = (char *)(uintptr_t) "2nd-DB.x\"}"}};
	struct service services[] = {{.config = &configs[0], .n_slots = 2},
				     {.config = &configs[1], .n_slots = 1}};
	struct session s = {.services = services, .n_services = 2};
	auto_buf struct buf text = BUF_INIT;

	(void)state;
	session_ctest_spec(&s, &text);
	assert_string_equal(text.s, "{\"version\": {\"major\": 1, \"minor\": "
				    "0}, \"local\": [{\"db\": [{\"id\": \"0\", "
				    "\"slots\": 1}, {\"id\": \"1\", \"slots\": "
				    "1}], \"_2nd_db_x__\": [{\"id\": \"0\", "
				    "\"slots\": 1}]}]}\n");
}

int main(void)
{
#define in_dir(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    in_dir(what_is_noted_is_read),
	    in_dir(without_a_file_there_is_the_directory),
	    in_dir(odd_lines_are_passed_over),
	    in_dir(bytes_of_any_kind_are_survived),
	    in_dir(one_of_no_sane_size_is_an_error),
	    in_dir(only_directories_of_its_name_are_removed),
	    in_dir(a_relative_directory_is_not_removed),
	    in_dir(its_directories_are_removed),
	    in_dir(an_engine_that_is_gone_keeps_the_directory),
	    cmocka_unit_test(ctest_names_are_what_ctest_takes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
