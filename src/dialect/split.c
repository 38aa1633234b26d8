/* SPDX-License-Identifier: MIT */
#include "dialect/split.h"

#include "base/error.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_word_start(char c)
{
	unsigned char u = (unsigned char)c;

	return (u >= 'a' && u <= 'z') || (u >= 'A' && u <= 'Z') || u == '_' ||
	       u >= 0x80;
}

static bool is_word(char c)
{
	return is_word_start(c) || (c >= '0' && c <= '9') || c == '$';
}

static size_t left(const struct sql_split *sp)
{
	return (size_t)(sp->end - sp->p);
}

static bool at(const struct sql_split *sp, const char *text)
{
	size_t n = strlen(text);

	return left(sp) >= n && !memcmp(sp->p, text, n);
}

static bool at_word(const struct sql_split *sp, const char *word)
{
	size_t n = strlen(word);

	return left(sp) >= n && !strncasecmp(sp->p, word, n) &&
	       (left(sp) == n || !is_word(sp->p[n]));
}

static void skip_line(struct sql_split *sp)
{
	const char *nl = memchr(sp->p, '\n', left(sp));

	sp->p = nl ? nl + 1 : sp->end;
}

size_t sql_line_of(const char *s, size_t offset)
{
	size_t line = 1;

	for (size_t i = 0; i < offset; i++)
		line += s[i] == '\n';
	return line;
}

/* The line of `to`, which never lies before what was asked last. */
static size_t line_at(struct sql_split *sp, const char *to)
{
	for (; sp->line_at < to; sp->line_at++)
		sp->line += *sp->line_at == '\n';
	return sp->line;
}

static int fail_at(struct sql_split *sp, const char *where, size_t *ret_line,
		   struct error *err, const char *what)
{
	*ret_line = line_at(sp, where);
	return error_set(err, ERROR_MIGRATION, "%s", what);
}

void sql_split_init(struct sql_split *sp, enum dialect d, const char *s,
		    size_t len)
{
	*sp = (struct sql_split){.dialect = d,
				 .s = s,
				 .end = s + len,
				 .p = s,
				 .delimiter = ";",
				 .line_at = s,
				 .line = 1};
	if (len >= 3 && !memcmp(s, "\xef\xbb\xbf", 3))
		sp->p += 3;
}

void sql_split_seek(struct sql_split *sp, const struct sql_statement *st,
		    size_t n)
{
	sp->p = st->sql + n;
}

static bool at_line_comment(const struct sql_split *sp)
{
	if (sp->dialect == DIALECT_MARIADB) {
		if (*sp->p == '#')
			return true;
		/* "--1" is arithmetic there */
		return at(sp, "--") && (left(sp) == 2 || is_space(sp->p[2]));
	}
	return at(sp, "--");
}

static bool at_executable_comment(const struct sql_split *sp)
{
	return sp->dialect == DIALECT_MARIADB &&
	       (at(sp, "/*!") || at(sp, "/*M!"));
}

/* Behind the comment at p; NULL: it has no end. */
static const char *block_comment_end(const struct sql_split *sp)
{
	bool nests = sp->dialect == DIALECT_POSTGRES;
	const char *p = sp->p + 2;
	unsigned depth = 1;

	for (; p + 1 < sp->end; p++) {
		if (p[0] == '*' && p[1] == '/') {
			p++;
			if (--depth == 0)
				return p + 1;
		} else if (nests && p[0] == '/' && p[1] == '*') {
			p++;
			depth++;
		}
	}
	return NULL;
}

/* Behind the quoted text at p; NULL: it has no end. A doubled quote is one
 * quote of the text. */
static const char *quoted_end(const struct sql_split *sp, bool backslash)
{
	char quote = *sp->p;

	for (const char *p = sp->p + 1; p < sp->end; p++) {
		if (*p == '\\' && backslash) {
			p++;
		} else if (*p == quote) {
			if (p + 1 == sp->end || p[1] != quote)
				return p + 1;
			p++;
		}
	}
	return NULL;
}

/* 1: a comment was passed, 0: there is none, -1: it has no end. SQLite takes
 * one that reaches to the end of the file. */
static int skip_comment(struct sql_split *sp, size_t *ret_line,
			struct error *err)
{
	const char *end;

	if (at_line_comment(sp)) {
		skip_line(sp);
		return 1;
	}
	if (!at(sp, "/*") || at_executable_comment(sp))
		return 0;
	end = block_comment_end(sp);
	if (!end && sp->dialect == DIALECT_SQLITE)
		end = sp->end;
	if (!end)
		return fail_at(sp, sp->p, ret_line, err,
			       "comment without an end");
	sp->p = end;
	return 1;
}

static int skip_quoted(struct sql_split *sp, bool backslash, size_t *ret_line,
		       struct error *err)
{
	const char *end = quoted_end(sp, backslash);

	if (!end)
		return fail_at(sp, sp->p, ret_line, err,
			       *sp->p == '\'' ? "string without an end"
					      : "quoted name without an end");
	sp->p = end;
	return 0;
}

/* ---- Postgres ---- */

/* What psql keeps count of to know whether a ';' ends the statement. */
struct pg_state {
	unsigned parens;
	unsigned begins; /* BEGIN … END bodies, and CASE … END in them */
	unsigned words;  /* of the statement, so far */
	bool create, routine; /* it began with CREATE …; FUNCTION, PROCEDURE */
	bool copy, from, from_stdin;
};

/* The length of the "$tag$" at p, 0 if it is none. */
static size_t dollar_tag(const struct sql_split *sp)
{
	const char *p = sp->p + 1;

	if (p < sp->end && is_word_start(*p))
		while (p < sp->end && is_word(*p) && *p != '$')
			p++;
	return p < sp->end && *p == '$' ? (size_t)(p + 1 - sp->p) : 0;
}

static int skip_dollar(struct sql_split *sp, size_t *ret_line,
		       struct error *err)
{
	size_t n = dollar_tag(sp);
	const char *body = sp->p + n;
	const char *end;

	if (!n) {
		sp->p++;
		return 0;
	}
	end = memmem(body, (size_t)(sp->end - body), sp->p, n);
	if (!end)
		return fail_at(sp, sp->p, ret_line, err,
			       "dollar-quoted string without an end");
	sp->p = end + n;
	return 0;
}

static bool word_is(const char *word, size_t n, const char *is)
{
	return strlen(is) == n && !strncasecmp(word, is, n);
}

/* Only the first words decide that a statement makes a routine (CREATE OR
 * REPLACE FUNCTION), as in psql. */
static void pg_note_word(struct pg_state *st, const char *word, size_t n)
{
	st->words++;
	if (st->words == 1) {
		st->create = word_is(word, n, "create");
		st->copy = word_is(word, n, "copy");
	}
	if (st->create && st->words <= 4 &&
	    (word_is(word, n, "function") || word_is(word, n, "procedure")))
		st->routine = true;
	if (st->routine && st->parens == 0) {
		if (word_is(word, n, "begin"))
			st->begins++;
		else if (st->begins && word_is(word, n, "case"))
			st->begins++;
		else if (st->begins && word_is(word, n, "end"))
			st->begins--;
	}
	if (st->parens == 0) {
		st->from_stdin =
		    st->from_stdin || (st->from && word_is(word, n, "stdin"));
		st->from = word_is(word, n, "from");
	}
}

static int pg_word(struct sql_split *sp, struct pg_state *st, size_t *ret_line,
		   struct error *err)
{
	const char *word = sp->p;
	size_t n;

	while (sp->p < sp->end && is_word(*sp->p))
		sp->p++;
	n = (size_t)(sp->p - word);
	if (n == 1 && (*word == 'e' || *word == 'E') && sp->p < sp->end &&
	    *sp->p == '\'')
		return skip_quoted(sp, true, ret_line, err);
	pg_note_word(st, word, n);
	return 0;
}

static int pg_token(struct sql_split *sp, struct pg_state *st, size_t *ret_line,
		    struct error *err)
{
	char c = *sp->p;
	int comment = skip_comment(sp, ret_line, err);

	if (comment)
		return comment < 0 ? -1 : 0;
	if (c == '\'' || c == '"')
		return skip_quoted(sp, false, ret_line, err);
	if (c == '$')
		return skip_dollar(sp, ret_line, err);
	if (is_word_start(c))
		return pg_word(sp, st, ret_line, err);
	if (c >= '0' && c <= '9') {
		/* a parameter or number ends where a dollar quote may begin */
		while (sp->p < sp->end && is_word(*sp->p) && *sp->p != '$')
			sp->p++;
		return 0;
	}
	if (c == '(')
		st->parens++;
	else if (c == ')' && st->parens)
		st->parens--;
	sp->p++;
	return 0;
}

/* A backslash outside quotes is a command to psql. */
static int pg_backslash(struct sql_split *sp, bool at_start, size_t *ret_line,
			struct error *err)
{
	auto_error struct error e = ERROR_INIT;
	size_t n = 1;

	/* pg_dump frames its output with these; there is nothing to restrict */
	sp->p++;
	if (at_start &&
	    (at_word(sp, "restrict") || at_word(sp, "unrestrict"))) {
		skip_line(sp);
		return 0;
	}
	sp->p--;
	while (n < left(sp) && n < 20 && !is_space(sp->p[n]))
		n++;
	error_set(&e, ERROR_MIGRATION,
		  "'%.*s' is a command to psql, which is not used here", (int)n,
		  sp->p);
	return fail_at(sp, sp->p, ret_line, err, error_text(&e));
}

/* The rows begin on the line after the statement's. */
static int pg_copy_data(struct sql_split *sp, struct sql_statement *st,
			size_t *ret_line, struct error *err)
{
	const char *line;

	while (sp->p < sp->end && *sp->p != '\n' && is_space(*sp->p))
		sp->p++;
	if (sp->p < sp->end && *sp->p != '\n' && !at(sp, "--"))
		return fail_at(sp, sp->p, ret_line, err,
			       "text behind COPY … FROM stdin on its line");
	skip_line(sp);
	st->data = sp->p;
	st->data_line = line_at(sp, sp->p);
	for (line = sp->p; sp->p < sp->end; line = sp->p) {
		skip_line(sp);
		if (!strncmp(line, "\\.\n", 3) ||
		    !strncmp(line, "\\.\r\n", 4) ||
		    (sp->p == sp->end && !strcmp(line, "\\."))) {
			st->data_len = (size_t)(line - st->data);
			return 1;
		}
	}
	st->data_len = (size_t)(sp->end - st->data);
	return 1;
}

static int pg_statement(struct sql_split *sp, struct sql_statement *st,
			size_t *ret_line, struct error *err)
{
	struct pg_state state = {0};

	while (sp->p < sp->end) {
		if (*sp->p == '\\')
			return pg_backslash(sp, false, ret_line, err);
		if (*sp->p == ';' && !state.parens && !state.begins)
			break;
		if (pg_token(sp, &state, ret_line, err) < 0)
			return -1;
	}
	st->len = (size_t)(sp->p - st->sql);
	if (sp->p < sp->end)
		sp->p++;
	if (state.copy && state.from_stdin)
		return pg_copy_data(sp, st, ret_line, err);
	return 1;
}

/* ---- MariaDB ---- */

/* DELIMITER $$, alone on its line. */
static int my_delimiter(struct sql_split *sp, size_t *ret_line,
			struct error *err)
{
	const char *where = sp->p;
	const char *word;
	size_t n;

	sp->p += strlen("delimiter");
	while (sp->p < sp->end && (*sp->p == ' ' || *sp->p == '\t'))
		sp->p++;
	word = sp->p;
	while (sp->p < sp->end && !is_space(*sp->p))
		sp->p++;
	n = (size_t)(sp->p - word);
	if (!n || n >= sizeof(sp->delimiter) || memchr(word, '\\', n) ||
	    memchr(word, '\0', n))
		return fail_at(sp, where, ret_line, err,
			       "DELIMITER needs one short word, without a "
			       "backslash");
	memcpy(sp->delimiter, word, n);
	sp->delimiter[n] = '\0';
	skip_line(sp);
	return 0;
}

/*
 * A routine's body may stand there without DELIMITER: the tools that send a
 * whole file to the server take it, and so does the server. What the client
 * would take for several statements, each of them wrong, is one then.
 */
struct my_state {
	bool executable; /* inside of a comment that is one */
	unsigned words;  /* of the statement, so far */
	bool create, routine;
	unsigned depth; /* BEGIN … END bodies, and CASE … END in them */
	bool after_end; /* the word before was END */
};

enum {
	/* CREATE OR REPLACE DEFINER = CURRENT_USER AGGREGATE FUNCTION … */
	MY_ROUTINE_WORDS = 12
};

static bool begins_routine(const char *word, size_t n)
{
	return word_is(word, n, "procedure") || word_is(word, n, "function") ||
	       word_is(word, n, "trigger") || word_is(word, n, "event") ||
	       word_is(word, n, "package");
}

/* What stands behind END and belongs to it opened no counted block, but for
 * CASE. */
static void my_note_block(struct my_state *st, const char *word, size_t n)
{
	bool after_end = st->after_end;

	st->after_end = false;
	if (word_is(word, n, "end")) {
		st->depth -= st->depth > 0;
		st->after_end = true;
	} else if (after_end &&
		   (word_is(word, n, "if") || word_is(word, n, "loop") ||
		    word_is(word, n, "while") || word_is(word, n, "repeat"))) {
		st->depth++; /* it was not the block's */
	} else if (word_is(word, n, "begin") ||
		   (word_is(word, n, "case") && st->depth && !after_end)) {
		st->depth++;
	}
}

static void my_word(struct sql_split *sp, struct my_state *st)
{
	const char *word = sp->p;
	bool part = word > sp->s && (word[-1] == '.' || word[-1] == '@');
	size_t n;

	while (sp->p < sp->end && is_word(*sp->p))
		sp->p++;
	n = (size_t)(sp->p - word);
	if (part)
		return; /* NEW.end, @begin */
	st->words++;
	if (st->words == 1)
		st->create = word_is(word, n, "create");
	else if (st->create && st->words <= MY_ROUTINE_WORDS &&
		 begins_routine(word, n))
		st->routine = true;
	else if (st->routine)
		my_note_block(st, word, n);
}

static int my_token(struct sql_split *sp, struct my_state *st, size_t *ret_line,
		    struct error *err)
{
	int comment;

	if (at_executable_comment(sp)) {
		st->executable = true;
		sp->p += 3;
		return 0;
	}
	if (st->executable && at(sp, "*/")) {
		st->executable = false;
		sp->p += 2;
		return 0;
	}
	comment = skip_comment(sp, ret_line, err);
	if (comment)
		return comment < 0 ? -1 : 0;
	if (*sp->p == '\'' || *sp->p == '"')
		return skip_quoted(sp, true, ret_line, err);
	if (*sp->p == '`')
		return skip_quoted(sp, false, ret_line, err);
	if (is_word(*sp->p) && !strcmp(sp->delimiter, ";"))
		my_word(sp, st);
	else
		sp->p++;
	return 0;
}

static int my_statement(struct sql_split *sp, struct sql_statement *st,
			size_t *ret_line, struct error *err)
{
	struct my_state state = {0};

	while (sp->p < sp->end &&
	       (state.executable || state.depth || !at(sp, sp->delimiter)))
		if (my_token(sp, &state, ret_line, err) < 0)
			return -1;
	if (state.executable)
		return fail_at(sp, st->sql, ret_line, err,
			       "comment without an end");
	st->len = (size_t)(sp->p - st->sql);
	if (sp->p < sp->end)
		sp->p += strlen(sp->delimiter);
	return 1;
}

/* ---- all ---- */

/* 1: something that is no statement was passed over, 0: one begins here. */
static int skip_between(struct sql_split *sp, size_t *ret_line,
			struct error *err)
{
	int comment = skip_comment(sp, ret_line, err);

	if (comment)
		return comment;
	if (is_space(*sp->p)) {
		sp->p++;
		return 1;
	}
	if (sp->dialect == DIALECT_POSTGRES && *sp->p == '\\')
		return pg_backslash(sp, true, ret_line, err) < 0 ? -1 : 1;
	if (sp->dialect == DIALECT_MARIADB && at_word(sp, "delimiter"))
		return my_delimiter(sp, ret_line, err) < 0 ? -1 : 1;
	if (at(sp, sp->delimiter)) {
		sp->p += strlen(sp->delimiter);
		return 1;
	}
	return 0;
}

int sql_split_next(struct sql_split *sp, struct sql_statement *ret,
		   size_t *ret_line, struct error *err)
{
	struct sql_statement st = {0};
	int between = 1;
	int rc = 1;

	while (sp->p < sp->end && between > 0)
		between = skip_between(sp, ret_line, err);
	if (between < 0)
		return -1;
	if (sp->p == sp->end)
		return 0;
	st.sql = sp->p;
	st.line = line_at(sp, sp->p);
	if (sp->dialect == DIALECT_POSTGRES) {
		rc = pg_statement(sp, &st, ret_line, err);
	} else if (sp->dialect == DIALECT_MARIADB) {
		rc = my_statement(sp, &st, ret_line, err);
	} else {
		st.len = left(sp);
		sp->p = sp->end;
	}
	if (rc > 0)
		*ret = st;
	return rc;
}
