/* SPDX-License-Identifier: MIT */
#include "unit/cm.h"
#include "wire/json.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int parse(const char *text, struct json *ret)
{
	return json_parse(text, strlen(text), ret);
}

static void values(void **state)
{
	static const struct {
		const char *text;
		enum json_type type;
	} good[] = {
	    {"null", JSON_NULL},
	    {" true ", JSON_TRUE},
	    {"false", JSON_FALSE},
	    {"0", JSON_NUMBER},
	    {"-0.5e+7", JSON_NUMBER},
	    {"12E-3", JSON_NUMBER},
	    {"\"\"", JSON_STRING},
	    {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\"", JSON_STRING},
	    {"[]", JSON_ARRAY},
	    {"[[],{},[1,[2]],\"x\"]", JSON_ARRAY},
	    {"{}", JSON_OBJECT},
	    {" { \"a\" : { \"b\" : [ 1 , 2 ] } , \"c\" : null } ", JSON_OBJECT},
	};
	struct json value;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		assert_int_equal(parse(good[i].text, &value), 0);
		assert_int_equal(value.type, good[i].type);
	}
}

static void no_values(void **state)
{
	static const char *const bad[] = {
	    "",
	    " ",
	    "nul",
	    "nullx",
	    "True",
	    "01",
	    "-",
	    "1.",
	    ".5",
	    "1e",
	    "+1",
	    "\"",
	    "\"\\\"",
	    "\"\\x\"",
	    "\"\\u12g4\"",
	    "\"\\u123",
	    "\"a\nb\"",
	    "\"\x01\"",
	    "\"\xff\"",
	    "\"\xc0\x80\"",
	    "\"\xed\xa0\x80\"",
	    "\"\xc3",
	    "\"\xc3\"",
	    "\"\xf4\x90\x80\x80\"",
	    "[",
	    "[1",
	    "[1,",
	    "[1,]",
	    "[,1]",
	    "[1 2]",
	    "[1}",
	    "{",
	    "{\"a\"",
	    "{\"a\":",
	    "{\"a\":}",
	    "{\"a\":1,}",
	    "{a:1}",
	    "{1:1}",
	    "{\"a\" 1}",
	    "{\"a\":1 \"b\":2}",
	    "{\"a\":1]",
	    "{} {}",
	    "]",
	    "{,}",
	    "[\"a\":1]",
	};
	struct json value;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(parse(bad[i], &value), -1);
	assert_int_equal(json_parse("1\0", 2, &value), -1);
	assert_int_equal(json_parse("\"\\\0\"", 4, &value), -1);
}

static void depth_is_bounded(void **state)
{
	char text[2 * JSON_MAX_DEPTH + 3];
	struct json value;

	(void)state;
	memset(text, '[', JSON_MAX_DEPTH);
	memset(text + JSON_MAX_DEPTH, ']', JSON_MAX_DEPTH);
	assert_int_equal(json_parse(text, sizeof(text) - 3, &value), 0);
	memset(text, '[', JSON_MAX_DEPTH + 1);
	memset(text + JSON_MAX_DEPTH + 1, ']', JSON_MAX_DEPTH + 1);
	assert_int_equal(json_parse(text, sizeof(text) - 1, &value), -1);
}

static void members(void **state)
{
	static const char text[] =
	    "{ \"a\":1 , \"b\\u0063\" : {\"a\":[2,{\"a\":3}]},\"a\":4,"
	    "\"\":\"x\", \"n\":\"\" }";
	struct json object, value, inner;

	(void)state;
	assert_int_equal(parse(text, &object), 0);
	assert_true(json_member(&object, "a", &value));
	assert_int_equal(json_number(&value, 10, 0), 1);
	assert_true(json_member(&object, "bc", &value));
	assert_true(json_member(&value, "a", &inner));
	assert_int_equal(inner.type, JSON_ARRAY);
	assert_true(json_member(&object, "", &value));
	assert_true(json_member(&object, "n", &value));
	assert_int_equal(value.len, 2);
	assert_false(json_member(&object, "b", &value));
	assert_false(json_member(&object, "bcd", &value));
	assert_false(json_member(&inner, "a", &value));
	assert_int_equal(parse("{}", &object), 0);
	assert_false(json_member(&object, "a", &value));
}

static void elements(void **state)
{
	struct json array, value;
	char text[8];
	size_t n = 0;

	(void)state;
	assert_int_equal(parse("[ \"a\" ,[1,2],\"c\", {\"x\":[]} ]", &array),
			 0);
	for (size_t at = 0; json_element(&array, &at, &value); n++) {
		if (n == 2) {
			assert_int_equal(json_string(&value, text, 8), 1);
			assert_string_equal(text, "c");
		}
	}
	assert_int_equal(n, 4);
	assert_int_equal(parse("[ ]", &array), 0);
	n = 0;
	assert_false(json_element(&array, &n, &value));
	assert_int_equal(parse("\"[1]\"", &array), 0);
	assert_false(json_element(&array, &n, &value));
}

static void strings(void **state)
{
	static const struct {
		const char *json, *want;
	} rows[] = {
	    {"\"\"", ""},
	    {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t"},
	    {"\"\\u0041\\u00e9\\u20AC\\uffff\"",
	     "A\xc3\xa9\xe2\x82\xac\xef\xbf\xbf"},
	    {"\"\\ud83d\\ude00\"", "\xf0\x9f\x98\x80"},
	    {"\"\\uD800\\uDC00\\udbff\\udfff\"",
	     "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"},
	    {"\"\xf0\x9f\x98\x80\"", "\xf0\x9f\x98\x80"},
	};
	static const char *const bad[] = {
	    "1",
	    "\"\\u0000\"",
	    "\"\\ud83d\"",
	    "\"\\ud83dx\"",
	    "\"\\ud83d\\n\"",
	    "\"\\ude00\"",
	    "\"\\ud83d\\u0041\"",
	};
	char text[32] = "untouched";
	struct json value;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(parse(bad[i], &value), 0);
		assert_int_equal(json_string(&value, text, sizeof(text)), -1);
	}
	assert_string_equal(text, "untouched");
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_int_equal(parse(rows[i].json, &value), 0);
		assert_int_equal(json_string(&value, text, sizeof(text)),
				 strlen(rows[i].want));
		assert_string_equal(text, rows[i].want);
	}
}

static void strings_are_cut_between_characters(void **state)
{
	struct json value;
	char text[8] = "zzzzzzz";

	(void)state;
	assert_int_equal(parse("\"ab\xc3\xa9z\"", &value), 0);
	assert_int_equal(json_string(&value, text, 4), 5);
	assert_string_equal(text, "ab");
	assert_int_equal(json_string(&value, text, 5), 5);
	assert_string_equal(text, "ab\xc3\xa9");
	assert_int_equal(json_string(&value, text, 1), 5);
	assert_string_equal(text, "");
	assert_int_equal(json_string(&value, NULL, 0), 5);
}

static void numbers(void **state)
{
	static const struct {
		const char *json;
		unsigned long want;
	} rows[] = {
	    {"0", 0},      {"255", 255}, {"256", 77},
	    {"1.0", 77},   {"-1", 77},   {"99999999999999999999999", 77},
	    {"\"1\"", 77}, {"1e2", 77},
	};
	struct json value;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_int_equal(parse(rows[i].json, &value), 0);
		assert_int_equal(json_number(&value, 255, 77), rows[i].want);
	}
}

static void writing(void **state)
{
	struct json_out out;
	char buf[100], small[12];
	long len;

	(void)state;
	json_out_begin(&out, buf, sizeof(buf));
	json_out_string(&out, "op", "le\"\\\n\x7f\xc3\xa9");
	json_out_string(&out, "none", NULL);
	json_out_number(&out, "n", 0);
	json_out_number(&out, "m", 18446744073709551615UL);
	len = json_out_end(&out);
	assert_int_equal(len, strlen(buf));
	assert_string_equal(buf, "{\"op\":\"le\\\"\\\\\\u000a\\u007f\xc3\xa9\","
				 "\"n\":0,\"m\":18446744073709551615}");
	json_out_begin(&out, small, sizeof(small));
	json_out_number(&out, "abcd", 123);
	assert_int_equal(json_out_end(&out), -1);
	json_out_begin(&out, small, sizeof(small));
	json_out_number(&out, "abcd", 12);
	assert_int_equal(json_out_end(&out), 11);
	json_out_begin(&out, buf, sizeof(buf));
	json_out_string(&out, "op", "\xff");
	json_out_string(&out, "op", "x");
	assert_int_equal(json_out_end(&out), -1);
	json_out_begin(&out, buf, 0);
	assert_int_equal(json_out_end(&out), -1);
}

static void replay_file(const char *path)
{
	uint8_t data[65536];
	FILE *file = fopen(path, "re");
	size_t n;

	assert_non_null(file);
	n = fread(data, 1, sizeof(data), file);
	fclose(file);
	assert_int_equal(LLVMFuzzerTestOneInput(data, n), 0);
}

/* What the fuzzer once found, and where it starts from. */
static void corpus(void **state)
{
	static const char dir[] = TESTS_DIR "/fuzz/corpus/json";
	DIR *d = opendir(dir);
	struct dirent *e;
	unsigned n = 0;

	(void)state;
	assert_non_null(d);
	while ((e = readdir(d))) {
		char path[1024];

		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		replay_file(path);
		n++;
	}
	closedir(d);
	assert_in_range(n, 5, 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(values),
	    cmocka_unit_test(no_values),
	    cmocka_unit_test(depth_is_bounded),
	    cmocka_unit_test(members),
	    cmocka_unit_test(elements),
	    cmocka_unit_test(strings),
	    cmocka_unit_test(strings_are_cut_between_characters),
	    cmocka_unit_test(numbers),
	    cmocka_unit_test(writing),
	    cmocka_unit_test(corpus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* the fuzz target itself, so that the corpus is replayed by what made it */
#include "fuzz/fuzz_json.c"
