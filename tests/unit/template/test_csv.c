/* SPDX-License-Identifier: MIT */
#include "template/csv.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "unit/cm.h"

#include <string.h>

/* "a|b;LINE:1|2;LINE:…" with NULL as "-"; an error as "!TEXT". */
static void gives(const char *text, const char *expected)
{
	auto_csv struct csv csv = CSV_INIT;
	auto_error struct error err = ERROR_INIT;
	auto_buf struct buf b = BUF_INIT;

	if (csv_parse("t.csv", text, strlen(text), &csv, &err) < 0) {
		assert_int_equal(err.kind, ERROR_MIGRATION);
		buf_printf(&b, "!%s", err.text);
	}
	for (size_t i = 0; i < csv.n_columns; i++)
		buf_printf(&b, "%s%s", i ? "|" : "", csv.columns[i]);
	for (size_t i = 0; i < csv.n * csv.n_columns; i++) {
		if (i % csv.n_columns == 0)
			buf_printf(&b, ";%zu:", csv.lines[i / csv.n_columns]);
		buf_printf(&b, "%s%s", i % csv.n_columns ? "|" : "",
			   csv.values[i] ? csv.values[i] : "-");
	}
	if (strcmp(b.s, expected) != 0)
		fail_msg("\n%s\ngave     %s\nexpected %s", text, b.s, expected);
}

static void rows(void **state)
{
	(void)state;
	gives("a,b\n1,2\n", "a|b;2:1|2");
	gives("a,b\r\n1,2\r\n3,4", "a|b;2:1|2;3:3|4");
	gives("a,b\n1,2\r", "a|b;2:1|2");
	gives("\xef\xbb\xbf"
	      "a,b\n",
	      "a|b");
	gives("a", "a");
	gives("a,b\n,\"\"\n\"\",\n", "a|b;2:-|;3:|-");
	gives("a,b\n x , y \n", "a|b;2: x | y ");
	gives("a\n1\n\n\"\"\n", "a;2:1;3:-;4:");
	gives("a,b\n1,2\n\r\n\n", "a|b;2:1|2");
	gives("\"a \"\"b\"\"\",\"c,d\"\n1,2\n", "a \"b\"|c,d;2:1|2");
	gives("a,b\n\"x\ny\r\nz\",1\nq,2\n", "a|b;2:x\ny\r\nz|1;5:q|2");
	gives("a,b\n\"\"\"\",\"'\\\"\n", "a|b;2:\"|'\\");
	gives("a,b\n1\r2,3\n", "a|b;2:1\r2|3");
	gives("a,A\n1,2\n", "a|A;2:1|2");
}

static void faults(void **state)
{
	(void)state;
	gives("", "!t.csv:1: no line with the columns' names");
	gives("a,,c\n", "!t.csv:1: a column without a name");
	gives("\n1\n", "!t.csv:1: a column without a name");
	gives("a,b,a\n1,2,3\n", "!t.csv:1: column 'a' twice");
	gives("a,b\r1,2\r",
	      "!t.csv:1: a column's name holds a carriage return");
	gives("a,b\n1,2\n3\n", "!t.csv:3: 1 field, but 2 columns");
	gives("a\n1,2\n", "!t.csv:2: 2 fields, but 1 column");
	gives("a,b\n1,2\n\n3,4\n", "!t.csv:3: 1 field, but 2 columns");
	gives("a\n1\n\"x\ny\n", "!t.csv:3: a quoted field without an end");
	gives("a\n\"x\ny\"z\n", "!t.csv:3: text behind a quoted field");
	gives("a\nx\"y\"\n", "!t.csv:2: a quote within a field that is not "
			     "quoted");
}

static void nul(void **state)
{
	auto_csv struct csv csv = CSV_INIT;
	auto_error struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(csv_parse("t.csv", "a\nb\n\0c", 6, &csv, &err), -1);
	assert_string_equal(err.text, "t.csv:3: a NUL byte");
}

static void many(void **state)
{
	auto_csv struct csv csv = CSV_INIT;
	auto_buf struct buf b = BUF_INIT;

	(void)state;
	buf_puts(&b, "a,b\n");
	for (unsigned i = 0; i < 2000; i++)
		buf_printf(&b, "%u,\"%u\n\"\n", i, i);
	assert_int_equal(csv_parse("t.csv", b.s, b.len, &csv, NULL), 0);
	assert_int_equal(csv.n, 2000);
	assert_string_equal(csv.values[2 * 1999], "1999");
	assert_string_equal(csv.values[2 * 1999 + 1], "1999\n");
	assert_int_equal(csv.lines[1999], 2 + 2 * 1999);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rows),
	    cmocka_unit_test(faults),
	    cmocka_unit_test(nul),
	    cmocka_unit_test(many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
