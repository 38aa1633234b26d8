/* SPDX-License-Identifier: MIT */
#include "cli/status_text.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "cli/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void assert_text(const char *json, const char *want)
{
	cJSON *status = cJSON_Parse(json);
	auto_buf struct buf out = BUF_INIT;

	status_text(status, &out);
	assert_string_equal(out.s, want);
	cJSON_Delete(status);
}

static void a_ready_session(void **state)
{
	(void)state;
	assert_text(
	    "{\"session\":\"abc\",\"state\":\"ready\",\"age_s\":200,"
	    "\"project\":\"/p\",\"services\":[{\"name\":\"db\",\"dialect\":"
	    "\"postgres\",\"server_version\":\"16.1\",\"backend\":"
	    "\"container\",\"image\":\"postgres:16\",\"via\":\"unix "
	    "socket\",\"restored_by\":\"touched "
	    "tables\",\"template\":\"k\",\"template_built\":false,\"slots\":["
	    "{\"slot\":0,\"host\":\"127.0.0.1\",\"port\":32768,\"user\":"
	    "\"app\",\"database\":\"shop\",\"name\":\"testenv-abc-db-0\"},"
	    "{\"slot\":10,\"socket\":\"/run/s\",\"user\":\"app\",\"name\":"
	    "\"n\"}]}]}",
	    "session abc: ready, 3 min, /p\n"
	    "  db: postgres 16.1, backend container, image postgres:16, by "
	    "unix socket, restored by touched tables, migrated before\n"
	    "    SLOT  ADDRESS          USER  DATABASE  NAME\n"
	    "    0     127.0.0.1:32768  app   shop      testenv-abc-db-0\n"
	    "    10    /run/s           app   -         n\n");
}

static void whose_each_database_is(void **state)
{
	(void)state;
	assert_text(
	    "{\"session\":\"abc\",\"state\":\"ready\",\"age_s\":1,"
	    "\"project\":\"/p\",\"pool\":{\"slots\":[{\"slot\":0,"
	    "\"state\":\"leased\",\"owner\":\"t\\u001b1\",\"why\":"
	    "\"child of ctest\",\"pid\":77,\"connections\":2,\"age_s\":"
	    "61},{\"slot\":1,\"state\":\"ready\"}],\"max_slots\":4,"
	    "\"ready\":1,\"leased\":1,\"waiting\":3,\"granted\":9}}",
	    "session abc: ready, 1 s, /p\n"
	    "  databases: 2 of at most 4, 1 ready, 1 leased; 3 waiting, 9 "
	    "granted so far\n"
	    "    SLOT  STATE   OWNER  PID  CONNECTIONS  SINCE  WHY\n"
	    "    0     leased  t?1    77   2            1 min  child of "
	    "ctest\n"
	    "    1     ready   -      -    -            -      -\n");
}

static void files_and_why(void **state)
{
	(void)state;
	assert_text(
	    "{\"session\":\"abc\",\"state\":\"ready\",\"age_s\":0,"
	    "\"project\":\"/p\",\"fallback_reason\":\"no engine\\u001b[1m\","
	    "\"services\":[{\"name\":\"db\",\"dialect\":\"sqlite\","
	    "\"backend\":\"sqlite\",\"slots\":[{\"slot\":0,\"path\":"
	    "\"/x.sqlite\"}]}]}",
	    "session abc: ready, 0 s, /p\n"
	    "  db: sqlite, backend sqlite\n"
	    "    no containers: no engine?[1m\n"
	    "    SLOT  ADDRESS\n"
	    "    0     /x.sqlite\n");
}

static void a_failed_session(void **state)
{
	(void)state;
	assert_text("{\"session\":\"abc\",\"state\":\"failed\",\"age_s\":9,"
		    "\"project\":\"/p\",\"error\":{\"kind\":\"migration\","
		    "\"text\":\"1.sql:2: no\"}}",
		    "session abc: failed, 9 s, /p\n  1.sql:2: no\n");
}

static void what_makes_no_sense(void **state)
{
	(void)state;
	assert_text("{}", ", 0 s\n");
	assert_text("{\"session\":7,\"age_s\":-1,\"services\":[{\"slots\":[3]},"
		    "4]}",
		    ", 0 s\n\n    SLOT  ADDRESS  USER  DATABASE  NAME\n"
		    "    0     -        -     -         -\n\n"
		    "    SLOT  ADDRESS  USER  DATABASE  NAME\n");
}

static void ages(void **state)
{
	static const struct {
		double s;
		const char *want;
	} cases[] = {
	    {0, "0 s"},         {59.9, "59 s"},      {60, "1 min"},
	    {3599, "59 min"},   {3600, "1 h 0 min"}, {86399, "23 h 59 min"},
	    {90000, "1 d 1 h"}, {-5, "0 s"},         {1e300, "0 s"},
	};

	(void)state;
	for (size_t i = 0; i < array_len(cases); i++) {
		auto_buf struct buf out = BUF_INIT;

		status_age(cases[i].s, &out);
		assert_string_equal(out.s, cases[i].want);
	}
}

static void columns_of_characters(void **state)
{
	auto_table struct table t = TABLE_INIT(2);
	auto_buf struct buf out = BUF_INIT;

	(void)state;
	table_add(&t, "A");
	table_add(&t, "B");
	table_add(&t, "\xc3\xa4\xc3\xb6");
	table_add(&t, NULL);
	table_print(&t, 1, &out);
	assert_string_equal(out.s, " A   B\n \xc3\xa4\xc3\xb6  -\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_ready_session),
	    cmocka_unit_test(whose_each_database_is),
	    cmocka_unit_test(files_and_why),
	    cmocka_unit_test(a_failed_session),
	    cmocka_unit_test(what_makes_no_sense),
	    cmocka_unit_test(ages),
	    cmocka_unit_test(columns_of_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
