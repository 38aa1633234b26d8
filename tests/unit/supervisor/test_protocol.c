/* SPDX-License-Identifier: MIT */
#include "supervisor/protocol.h"

#include "supervisor/state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void errors_survive_the_way(void **state)
{
	static const enum error_kind kinds[] = {
#define KIND(kind, code, name) kind,
	    ERROR_KINDS(KIND)
#undef KIND
	};

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		auto_error struct error from = ERROR_INIT;
		auto_error struct error to = ERROR_INIT;
		auto_cjson cJSON *json = NULL;

		error_set(&from, kinds[i], "text %zu", i);
		error_hint(&from, "hint");
		error_detail(&from, "two\nlines");
		json = protocol_error_to_json(&from);
		assert_int_equal(protocol_error_from_json(json, &to), -1);
		assert_int_equal(to.kind, kinds[i]);
		assert_string_equal(to.text, from.text);
		assert_string_equal(to.hint, "hint");
		assert_string_equal(to.detail, "two\nlines");
	}
}

static void errors_nobody_can_read(void **state)
{
	static const struct {
		const char *json;
		enum error_kind kind;
		const char *text;
	} cases[] = {
	    {"{}", ERROR_PROTOCOL, "the session refused without a reason"},
	    {"{\"kind\":\"io\",\"text\":5}", ERROR_PROTOCOL,
	     "the session refused without a reason"},
	    {"{\"kind\":\"of-tomorrow\",\"text\":\"x\"}", ERROR_INTERNAL, "x"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		auto_cjson cJSON *json = cJSON_Parse(cases[i].json);
		auto_error struct error err = ERROR_INIT;

		assert_int_equal(protocol_error_from_json(json, &err), -1);
		assert_int_equal(err.kind, cases[i].kind);
		assert_string_equal(err.text, cases[i].text);
	}
}

static void events_survive_the_way(void **state)
{
	const struct progress_event from = {.kind = PROGRESS_ITEM,
					    .step = "s",
					    .item = "i",
					    .current = 1LL << 40,
					    .total = 1LL << 41};
	auto_cjson cJSON *json = protocol_event_to_json(&from);
	auto_cjson cJSON *odd = cJSON_Parse("{\"event\":\"lunch\"}");
	struct progress_event to;

	(void)state;
	assert_int_equal(protocol_event_from_json(json, &to), 0);
	assert_int_equal(to.kind, PROGRESS_ITEM);
	assert_string_equal(to.step, "s");
	assert_string_equal(to.item, "i");
	assert_null(to.text);
	assert_true(to.current == 1LL << 40);
	assert_true(to.total == 1LL << 41);
	assert_int_equal(protocol_event_from_json(odd, &to), -1);
}

static void numbers(void **state)
{
	static const struct {
		const char *json;
		unsigned want;
	} cases[] = {
	    {"{\"n\":5}", 5},      {"{\"n\":0}", 0},   {"{\"n\":10}", 10},
	    {"{\"n\":11}", 77},    {"{\"n\":-1}", 77}, {"{\"n\":1.5}", 77},
	    {"{\"n\":\"5\"}", 77}, {"{}", 77},         {"{\"n\":1e999}", 77},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		auto_cjson cJSON *json = cJSON_Parse(cases[i].json);

		assert_int_equal(protocol_number(json, "n", 10, 77),
				 cases[i].want);
	}
}

static void paths_fit_or_fail(void **state)
{
	auto_error struct error err = ERROR_INIT;
	struct sockaddr_un addr;
	char path[200];

	(void)state;
	memset(path, 'x', sizeof(path));
	path[107] = '\0';
	assert_int_equal(protocol_address(path, &addr, &err), 0);
	path[107] = 'x';
	path[108] = '\0';
	assert_int_equal(protocol_address(path, &addr, &err), -1);
	assert_int_equal(err.kind, ERROR_IO);
	assert_non_null(strstr(err.text, "path too long for a socket"));
}

static void states(void **state)
{
	static const char *const may[N_STATES] = {
	    [STATE_STARTING] = ".re..", [STATE_READY] = "..e..",
	    [STATE_ENDING] = "...fg",   [STATE_FAILED] = "....g",
	    [STATE_GONE] = ".....",
	};

	(void)state;
	for (unsigned from = 0; from < N_STATES; from++)
		for (unsigned to = 0; to < N_STATES; to++)
			assert_int_equal(
			    state_may_follow((enum supervisor_state)from,
					     (enum supervisor_state)to),
			    may[from][to] != '.');
	assert_string_equal(state_name(STATE_STARTING), "starting");
	assert_string_equal(state_name(STATE_GONE), "gone");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(errors_survive_the_way),
	    cmocka_unit_test(errors_nobody_can_read),
	    cmocka_unit_test(events_survive_the_way),
	    cmocka_unit_test(numbers),
	    cmocka_unit_test(paths_fit_or_fail),
	    cmocka_unit_test(states),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
