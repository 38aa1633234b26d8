/* SPDX-License-Identifier: MIT */
/*
 * What reads a project's SQL, on anything: statements lie in the text, in order
 * and on the lines they say; a section has as many lines as its file, or fewer
 * at the end; a CSV's values are as many as its rows and columns.
 */
#include "base/alloc.h"
#include "base/error.h"
#include "dialect/split.h"
#include "dialect/transaction.h"
#include "template/csv.h"
#include "template/layout.h"
#include "template/sections.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void split(enum dialect d, const char *text, size_t len)
{
	auto_error struct error err = ERROR_INIT;
	const char *last = text;
	struct sql_statement st;
	struct sql_split sp;
	size_t line = 0;
	int rc;

	sql_split_init(&sp, d, text, len);
	while ((rc = sql_split_next(&sp, &st, &line, &err)) > 0) {
		must(st.sql >= last && st.sql + st.len <= text + len);
		must(st.len > 0);
		must(st.line == sql_line_of(text, (size_t)(st.sql - text)));
		last = st.sql + st.len;
		if (!st.data)
			continue;
		must(st.data >= last && st.data + st.data_len <= text + len);
		last = st.data + st.data_len;
	}
	must(rc == 0 || (err.kind == ERROR_MIGRATION && line > 0));
	sql_fits_transaction(d, text, len);
}

static void section(enum layout layout, enum dialect d, const char *text,
		    size_t len)
{
	auto_error struct error err = ERROR_INIT;
	auto_buf struct buf out = BUF_INIT;
	bool plain;

	if (section_up(layout, d, "x.sql", text, len, &out, &plain, &err) < 0)
		must(err.kind == ERROR_CONFIG);
	else if (layout_mark(layout))
		must(sql_line_of(out.s, out.len) <= sql_line_of(text, len) + 1);
}

static void csv(const char *text, size_t len)
{
	auto_error struct error err = ERROR_INIT;
	auto_csv struct csv csv = CSV_INIT;
	size_t sum = 0;

	if (csv_parse("x.csv", text, len, &csv, &err) < 0) {
		must(err.kind == ERROR_MIGRATION);
		return;
	}
	for (size_t i = 0; i < csv.n * csv.n_columns; i++)
		sum += csv.values[i] ? strlen(csv.values[i]) : 0;
	for (size_t i = 0; i < csv.n_columns; i++)
		sum += strlen(csv.columns[i]);
	must(sum <= len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = xcalloc(size + 1, 1);

	memcpy(text, data, size);
	for (int d = DIALECT_POSTGRES; d <= DIALECT_SQLITE; d++) {
		split((enum dialect)d, text, size);
		for (int l = LAYOUT_PLAIN; l <= LAYOUT_SQL_MIGRATE; l++)
			section((enum layout)l, (enum dialect)d, text, size);
	}
	csv(text, size);
	free(text);
	return 0;
}
