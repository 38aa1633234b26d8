/* SPDX-License-Identifier: MIT */
/*
 * wire/json.h on anything: what it takes, it can be read whole, its strings are
 * UTF-8 and survive being written and read again.
 */
#include "wire/json.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void write_and_read_again(const char *text)
{
	char buf[4096], again[4096];
	struct json object, value;
	struct json_out out;
	long n;

	json_out_begin(&out, buf, sizeof(buf));
	json_out_string(&out, "s", text);
	n = json_out_end(&out);
	if (n < 0)
		return; /* too long in escapes */
	must(json_parse(buf, (size_t)n, &object) == 0);
	must(json_member(&object, "s", &value));
	must(json_string(&value, again, sizeof(again)) == (long)strlen(text));
	must(strcmp(text, again) == 0);
}

static void read_string(const struct json *value)
{
	char text[512], small[5];
	long n = json_string(value, text, sizeof(text));

	must(n == json_string(value, small, sizeof(small)));
	if (n < 0)
		return;
	must((size_t)n <= value->len);
	must(strlen(small) < sizeof(small));
	must(strncmp(text, small, strlen(small)) == 0);
	write_and_read_again(text);
}

static void read_value(const struct json *value, int depth)
{
	struct json inner;
	size_t at = 0;

	must(json_parse(value->text, value->len, &inner) == 0);
	must(inner.type == value->type && inner.len == value->len);
	json_number(value, 1000, 0);
	if (value->type == JSON_STRING)
		read_string(value);
	while (json_element(value, &at, &inner)) {
		must(inner.text >= value->text);
		must(inner.text + inner.len <= value->text + value->len);
		if (depth < 3)
			read_value(&inner, depth + 1);
	}
	if (json_member(value, "a", &inner) && depth < JSON_MAX_DEPTH)
		read_value(&inner, depth + 1);
	json_member(value, "", &inner);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* exactly as long as it is, so that a sanitizer sees what is beyond */
	char *text = malloc(size ? size : 1);
	struct json value;

	must(text != NULL);
	if (size)
		memcpy(text, data, size);
	if (json_parse(text, size, &value) == 0)
		read_value(&value, 0);
	free(text);
	return 0;
}
