/* SPDX-License-Identifier: MIT */
#include "template/csv.h"

#include "base/alloc.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct parser {
	const char *path;
	char *p, *end; /* *end is a NUL */
	size_t line;
	struct error *err;
};

void csv_free(struct csv *csv)
{
	free(csv->text);
	free(csv->columns);
	free(csv->values);
	free(csv->lines);
	*csv = (struct csv)CSV_INIT;
}

static int fail(const struct parser *ps, size_t line, const char *what)
{
	return error_set(ps->err, ERROR_MIGRATION, "%s:%zu: %s", ps->path, line,
			 what);
}

static bool at_line_end(const struct parser *ps)
{
	return ps->p == ps->end || *ps->p == '\n' ||
	       (*ps->p == '\r' && (ps->p[1] == '\n' || ps->p + 1 == ps->end));
}

/* The text between the quotes, moved together in its place. */
static int quoted(struct parser *ps, const char **ret, char **ret_end)
{
	size_t line = ps->line;
	char *to = ++ps->p;

	*ret = to;
	for (; ps->p < ps->end; ps->p++) {
		if (*ps->p == '"' && ps->p[1] == '"')
			ps->p++;
		else if (*ps->p == '"')
			break;
		ps->line += *ps->p == '\n';
		*to++ = *ps->p;
	}
	if (ps->p == ps->end)
		return fail(ps, line, "a quoted field without an end");
	ps->p++;
	*ret_end = to;
	if (!at_line_end(ps) && *ps->p != ',')
		return fail(ps, ps->line, "text behind a quoted field");
	return 0;
}

/* Where it stops, a NUL is to be put once that place has been looked at. */
static int field(struct parser *ps, const char **ret, char **ret_end)
{
	char *begin = ps->p;

	if (*ps->p == '"')
		return quoted(ps, ret, ret_end);
	while (!at_line_end(ps) && *ps->p != ',') {
		if (*ps->p == '"')
			return fail(ps, ps->line,
				    "a quote within a field that is not "
				    "quoted");
		ps->p++;
	}
	*ret = begin == ps->p ? NULL : begin;
	*ret_end = ps->p;
	return 0;
}

static void add_value(struct csv *csv, size_t at, const char *value)
{
	if (at == csv->size) {
		csv->size = csv->size ? csv->size * 2 : 256;
		csv->values =
		    xreallocarray(csv->values, csv->size, sizeof(*csv->values));
	}
	csv->values[at] = value;
}

/* One line's fields, behind the first `from` values; how many, or -1. */
static long fields(struct parser *ps, struct csv *csv, size_t from)
{
	size_t n = 0;

	for (;;) {
		const char *value;
		char *end;
		bool last;

		if (field(ps, &value, &end) < 0)
			return -1;
		add_value(csv, from + n++, value);
		last = at_line_end(ps);
		if (last && ps->p < ps->end)
			ps->p += *ps->p == '\r';
		if (last) {
			ps->line += ps->p < ps->end;
			ps->p += ps->p < ps->end;
			*end = '\0';
			return (long)n;
		}
		ps->p++;
		*end = '\0';
	}
}

/*
 * Of a column named twice SQLite takes one value and says nothing; where lines
 * end in carriage returns alone the whole file would be one header of no rows.
 */
static int check_column(struct parser *ps, const char **columns, long i)
{
	if (!columns[i] || !*columns[i])
		return fail(ps, 1, "a column without a name");
	if (strchr(columns[i], '\r'))
		return fail(ps, 1, "a column's name holds a carriage return");
	for (long j = 0; j < i; j++)
		if (!strcmp(columns[i], columns[j]))
			return error_set(ps->err, ERROR_MIGRATION,
					 "%s:1: column '%s' twice", ps->path,
					 columns[i]);
	return 0;
}

static int header(struct parser *ps, struct csv *csv)
{
	long n = fields(ps, csv, 0);

	if (n < 0)
		return -1;
	for (long i = 0; i < n; i++)
		if (check_column(ps, csv->values, i) < 0)
			return -1;
	csv->n_columns = (size_t)n;
	csv->columns = csv->values;
	csv->values = NULL;
	csv->size = 0;
	return 0;
}

/* Nothing but line ends up to the end; of one column they are rows. */
static bool only_blank_lines(const struct parser *ps, const struct csv *csv)
{
	return csv->n_columns > 1 && ps->p + strspn(ps->p, "\r\n") == ps->end;
}

static int row(struct parser *ps, struct csv *csv)
{
	size_t line = ps->line;
	long n = fields(ps, csv, csv->n * csv->n_columns);

	if (n < 0)
		return -1;
	if ((size_t)n != csv->n_columns)
		return error_set(ps->err, ERROR_MIGRATION,
				 "%s:%zu: %ld field%s, but %zu column%s",
				 ps->path, line, n, n == 1 ? "" : "s",
				 csv->n_columns,
				 csv->n_columns == 1 ? "" : "s");
	if (csv->n % 256 == 0)
		csv->lines = xreallocarray(csv->lines, csv->n + 256,
					   sizeof(*csv->lines));
	csv->lines[csv->n++] = line;
	return 0;
}

static int parse(struct parser *ps, struct csv *csv)
{
	if (!memcmp(csv->text, "\xef\xbb\xbf", 3))
		ps->p += 3;
	if (ps->p == ps->end)
		return fail(ps, 1, "no line with the columns' names");
	if (header(ps, csv) < 0)
		return -1;
	while (ps->p < ps->end && !only_blank_lines(ps, csv))
		if (row(ps, csv) < 0)
			return -1;
	return 0;
}

int csv_parse(const char *path, const char *text, size_t len, struct csv *ret,
	      struct error *err)
{
	auto_csv struct csv csv = CSV_INIT;
	struct parser ps = {.path = path, .line = 1, .err = err};
	const char *nul = memchr(text, '\0', len);

	for (const char *p = text; nul && p < nul; p++)
		ps.line += *p == '\n';
	if (nul)
		return fail(&ps, ps.line, "a NUL byte");
	/* three more, so that a mark can be looked for in anything */
	csv.text = xcalloc(len + 4, 1);
	memcpy(csv.text, text, len);
	ps.p = csv.text;
	ps.end = csv.text + len;
	if (parse(&ps, &csv) < 0)
		return -1;
	*ret = csv;
	csv = (struct csv)CSV_INIT;
	return 0;
}
