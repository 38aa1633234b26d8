/* SPDX-License-Identifier: MIT */
#include "dialect/transaction.h"

#include "base/alloc.h"
#include "base/error.h"
#include "dialect/split.h"

#include <string.h>
#include <strings.h>

enum {
	WORDS = 5, /* of a statement's beginning that are looked at */
	WORD_MAX = 24
};

struct words {
	char v[WORDS][WORD_MAX];
	size_t n;
};

struct text {
	const char *p, *end;
};

static bool is_word(char c)
{
	return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || (unsigned char)c >= 0x80;
}

static size_t left(const struct text *t)
{
	return (size_t)(t->end - t->p);
}

/* Passes over a comment or a quoted text. */
static bool skip_opaque(struct text *t)
{
	static const struct {
		const char *open, *close;
	} pairs[] = {
	    {"--", "\n"}, {"/*", "*/"}, {"'", "'"},
	    {"\"", "\""}, {"`", "`"},   {"[", "]"},
	};

	for (size_t i = 0; i < array_len(pairs); i++) {
		size_t n = strlen(pairs[i].open);
		const char *end;

		if (left(t) < n || memcmp(t->p, pairs[i].open, n) != 0)
			continue;
		end = memmem(t->p + n, left(t) - n, pairs[i].close,
			     strlen(pairs[i].close));
		t->p = end ? end + strlen(pairs[i].close) : t->end;
		return true;
	}
	return false;
}

static void add_word(struct words *w, const char *word, size_t n)
{
	if (w->n == WORDS)
		return;
	if (n >= WORD_MAX)
		n = WORD_MAX - 1;
	memcpy(w->v[w->n], word, n);
	w->v[w->n++][n] = '\0';
}

static bool is(const struct words *w, size_t i, const char *word)
{
	return i < w->n && !strcasecmp(w->v[i], word);
}

static bool has(const struct words *w, const char *word)
{
	for (size_t i = 0; i < w->n; i++)
		if (is(w, i, word))
			return true;
	return false;
}

static bool begins_with_one_of(const struct words *w, const char *const *list)
{
	for (; *list; list++)
		if (is(w, 0, *list))
			return true;
	return false;
}

/* Postgres */

static bool pg_fits(const struct words *w)
{
	static const char *const never[] = {"begin",   "start",  "commit",
					    "end",     "abort",  "rollback",
					    "prepare", "vacuum", NULL};

	if (is(w, 0, "prepare") && !is(w, 1, "transaction"))
		return true;
	return !begins_with_one_of(w, never) && !has(w, "concurrently");
}

static void pg_words(const struct sql_statement *st, struct words *ret)
{
	struct text t = {st->sql, st->sql + st->len};

	while (t.p < t.end && ret->n < WORDS) {
		const char *word = t.p;

		while (t.p < t.end && is_word(*t.p))
			t.p++;
		if (t.p > word)
			add_word(ret, word, (size_t)(t.p - word));
		else if (!skip_opaque(&t))
			t.p++;
	}
}

static bool pg_script_fits(const char *sql, size_t len)
{
	auto_error struct error ignored = ERROR_INIT;
	struct sql_statement st;
	struct sql_split sp;
	size_t line;

	sql_split_init(&sp, DIALECT_POSTGRES, sql, len);
	while (sql_split_next(&sp, &st, &line, &ignored) > 0) {
		struct words w = {0};

		pg_words(&st, &w);
		if (!pg_fits(&w))
			return false;
	}
	return true;
}

/* SQLite */

/* Of the pragmas that do nothing inside of a transaction, or are refused,
 * there are too many to list: these are fine. */
static bool pragma_fits(const struct words *w)
{
	static const char *const fine[] = {
	    "user_version",      "application_id",    "defer_foreign_keys",
	    "table_info",        "foreign_key_check", "integrity_check",
	    "recursive_triggers"};

	for (size_t i = 0; i < array_len(fine); i++)
		if (is(w, 1, fine[i]) || is(w, 2, fine[i]))
			return true; /* 2: behind "main." */
	return false;
}

static bool lite_fits(const struct words *w)
{
	static const char *const never[] = {
	    "begin",   "commit", "end",    "rollback", "savepoint",
	    "release", "vacuum", "attach", "detach",   NULL};

	if (is(w, 0, "pragma"))
		return pragma_fits(w);
	return !begins_with_one_of(w, never);
}

static bool is_trigger(const struct words *w)
{
	size_t at = is(w, 1, "temp") || is(w, 1, "temporary") ? 2 : 1;

	return is(w, 0, "create") && is(w, at, "trigger");
}

/* The next statement's first words, as sqlite3_complete tells its end: of a
 * trigger that is "; END ;". False: there is none. */
static bool lite_next(struct text *t, struct words *ret)
{
	bool semicolon = false; /* the token before was one */
	bool end = false;       /* and before that, END behind one */

	*ret = (struct words){0};
	while (t->p < t->end) {
		const char *word = t->p;

		while (t->p < t->end && is_word(*t->p))
			t->p++;
		if (t->p > word) {
			add_word(ret, word, (size_t)(t->p - word));
			end = semicolon && t->p - word == 3 &&
			      !strncasecmp(word, "end", 3);
			semicolon = false;
		} else if (*t->p == ';') {
			t->p++;
			if (!is_trigger(ret) || end)
				return true;
			semicolon = true;
		} else if (!strchr(" \t\r\n\f", *t->p) && !skip_opaque(t)) {
			t->p++;
			end = semicolon = false;
		} else if (strchr(" \t\r\n\f", *t->p) && t->p < t->end) {
			t->p++;
		}
	}
	return ret->n > 0;
}

static bool lite_script_fits(const char *sql, size_t len)
{
	struct text t = {sql, sql + len};
	struct words w;

	while (lite_next(&t, &w))
		if (!lite_fits(&w))
			return false;
	return true;
}

bool sql_fits_transaction(enum dialect d, const char *sql, size_t len)
{
	switch (d) {
	case DIALECT_POSTGRES:
		return pg_script_fits(sql, len);
	case DIALECT_SQLITE:
		return lite_script_fits(sql, len);
	case DIALECT_MARIADB:
		break;
	}
	return false;
}
