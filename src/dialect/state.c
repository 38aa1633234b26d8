/* SPDX-License-Identifier: MIT */
#include "dialect/state.h"

#include "base/alloc.h"
#include "base/error.h"
#include "dialect/driver.h"
#include "dialect/state_private.h"

#include <stdlib.h>
#include <string.h>

enum {
	MAX_BYTES = 256 * 1024 * 1024
};

void db_state_free(struct db_state *s)
{
	free(s->v);
	free(s->text);
	*s = (struct db_state)DB_STATE_INIT;
}

int state_add(struct db *db, const char *sql, const struct deadline *deadline,
	      struct buf *ret, struct error *err)
{
	auto_free char *lines = NULL;

	if (db_value(db, sql, deadline, &lines, err) < 0)
		return -1;
	if (!lines || !*lines)
		return 0;
	buf_puts(ret, lines);
	if (lines[strlen(lines) - 1] != '\n')
		buf_putc(ret, '\n');
	return 0;
}

int state_add_made(struct db *db, const char *ask,
		   const struct deadline *deadline, struct buf *ret,
		   struct error *err)
{
	auto_free char *sql = NULL;

	if (db_value(db, ask, deadline, &sql, err) < 0)
		return -1;
	return sql && *sql ? state_add(db, sql, deadline, ret, err) : 0;
}

/* Cuts a field off *at, which a tab or the end of the string ends, and undoes
 * its escapes in place. */
static char *field(char **at)
{
	char *start = *at;
	char *to = start;
	char *from = start;
	char c;

	while ((c = *from) && c != '\t') {
		if (c == '\\' && from[1]) {
			c = *++from;
			c = c == 't' ? '\t' : c == 'n' ? '\n' : c;
		}
		*to++ = c;
		from++;
	}
	*at = *from ? from + 1 : from;
	*to = '\0';
	return start;
}

static int compare_entries(const void *a, const void *b)
{
	const struct state_entry *x = a, *y = b;
	int by_kind = strcmp(x->kind, y->kind);
	int by_name = by_kind ? by_kind : strcmp(x->name, y->name);

	return by_name ? by_name : strcmp(x->definition, y->definition);
}

static size_t count_lines(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

/* Takes the text apart. Each line ends in a newline. */
static void parse(struct db_state *s)
{
	char *line = s->text;

	s->v = xcalloc(count_lines(line) + 1, sizeof(*s->v));
	while (*line) {
		char *end = strchr(line, '\n');
		struct state_entry *e = &s->v[s->n++];
		char *rows;

		*end = '\0';
		e->kind = field(&line);
		e->name = field(&line);
		rows = field(&line);
		e->definition = field(&line);
		e->rows = *rows ? strtoll(rows, NULL, 10) : -1;
		line = end + 1;
	}
	qsort(s->v, s->n, sizeof(*s->v), compare_entries);
}

int db_state_read(struct db *db, const struct deadline *deadline,
		  struct db_state *ret, struct error *err)
{
	auto_buf struct buf text = BUF_INIT_MAX(MAX_BYTES);
	int result = -1;

	switch (db->dialect) {
	case DIALECT_POSTGRES:
		result = postgres_state(db, deadline, &text, err);
		break;
	case DIALECT_MARIADB:
		result = mariadb_state(db, deadline, &text, err);
		break;
	case DIALECT_SQLITE:
		result = sqlite_state(db, deadline, &text, err);
		break;
	}
	if (result < 0)
		return error_wrap(err, "cannot read the state of the database");
	if (text.full)
		return error_set(err, ERROR_DATABASE,
				 "the schema is too large to compare (over %d "
				 "MiB of definitions)",
				 MAX_BYTES >> 20);
	*ret = (struct db_state){.text = buf_take(&text)};
	parse(ret);
	return 0;
}

void db_state_digest(const struct db_state *s, char ret_hex[DIGEST_HEX])
{
	struct digest *d = digest_new();

	for (size_t i = 0; i < s->n; i++) {
		digest_add_str(d, s->v[i].kind);
		digest_add_str(d, s->v[i].name);
		digest_add_str(d, s->v[i].definition);
		digest_add(d, &s->v[i].rows, sizeof(s->v[i].rows));
	}
	digest_end(d, ret_hex);
}

static int by_kind_and_name(const struct state_entry *a,
			    const struct state_entry *b)
{
	int by_kind;

	if (!a || !b)
		return a ? -1 : 1;
	by_kind = strcmp(a->kind, b->kind);
	return by_kind ? by_kind : strcmp(a->name, b->name);
}

static bool same(const struct state_entry *a, const struct state_entry *b)
{
	return a->rows == b->rows && !strcmp(a->definition, b->definition);
}

int db_state_compare(const struct db_state *from, const struct db_state *to,
		     state_difference_fn fn, void *ctx)
{
	size_t i = 0, j = 0;
	int result = 0;

	while (i < from->n || j < to->n) {
		const struct state_entry *a = i < from->n ? &from->v[i] : NULL;
		const struct state_entry *b = j < to->n ? &to->v[j] : NULL;
		int order = by_kind_and_name(a, b);
		int stop = 0;

		i += order <= 0;
		j += order >= 0;
		if (order == 0 && same(a, b))
			continue;
		result = 1;
		if (fn)
			stop = fn(ctx, order <= 0 ? a : NULL,
				  order >= 0 ? b : NULL);
		if (stop)
			return stop;
	}
	return result;
}

static int describe_one(void *ctx, const struct state_entry *from,
			const struct state_entry *to)
{
	const struct state_entry *e = to ? to : from;
	struct buf *b = ctx;

	buf_printf(b, "%s%s%s: ", e->kind, *e->name ? " " : "", e->name);
	if (!from)
		buf_puts(b, "added\n");
	else if (!to)
		buf_puts(b, "missing\n");
	else if (from->rows != to->rows)
		buf_printf(b, "%lld, not %lld\n", to->rows, from->rows);
	else
		buf_puts(b, "changed\n");
	return 0;
}

int db_state_describe(const struct db_state *from, const struct db_state *to,
		      struct buf *ret)
{
	return db_state_compare(from, to, describe_one, ret);
}
