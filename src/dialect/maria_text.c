/* SPDX-License-Identifier: MIT */
#include "dialect/maria.h"

#include <ctype.h>
#include <string.h>

/* Where " AUTO_INCREMENT=" stands or would stand: behind the engine, in the
 * last line that begins with ")"; newlines in comments are written as \n. */
static const char *counter_place(const char *sql)
{
	const char *at = NULL;
	const char *p;

	for (p = sql; (p = strstr(p, "\n) ENGINE=")); p++)
		at = p + strlen("\n) ENGINE=");
	return at ? at + strcspn(at, " \n") : NULL;
}

void maria_cut_auto_increment(char *sql)
{
	static const char mark[] = " AUTO_INCREMENT=";
	const char *place = counter_place(sql);
	char *at;
	size_t n;

	if (!place || strncmp(place, mark, strlen(mark)) != 0)
		return;
	at = sql + (place - sql);
	n = strlen(mark) + strspn(at + strlen(mark), "0123456789");
	memmove(at, at + n, strlen(at + n) + 1);
}

void maria_put_create(struct buf *b, const char *sql,
		      const char *auto_increment)
{
	const char *place = *auto_increment ? counter_place(sql) : NULL;

	if (!place) {
		buf_puts(b, sql);
		return;
	}
	buf_put(b, sql, (size_t)(place - sql));
	buf_printf(b, " AUTO_INCREMENT=%s%s", auto_increment, place);
}

bool maria_is_ascii(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s >= 0x80)
			return false;
	return true;
}

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '$' ||
	       (unsigned char)c >= 0x80;
}

/* Names are compared without case: what may be meant counts. */
static bool has_word(const char *s, const char *end, const char *word)
{
	size_t n = strlen(word);
	const char *p;

	for (p = s; (size_t)(end - p) >= n; p++)
		if (!strncasecmp(p, word, n) && (p == s || !is_word(p[-1])) &&
		    (p + n == end || !is_word(p[n])))
			return true;
	return false;
}

/* Behind the closing quote; a doubled one is a part, and so is what follows a
 * backslash in a string. */
static const char *quoted_end(const char *p)
{
	char quote = *p++;

	for (; *p; p++) {
		if (*p == '\\' && quote != '`' && p[1])
			p++;
		else if (*p == quote && p[1] == quote)
			p++;
		else if (*p == quote)
			return p + 1;
	}
	return p;
}

static const char *word_end(const char *p)
{
	while (is_word(*p))
		p++;
	return p;
}

/* "db.t", "`db` . `t`", "`db`/ * * /.t": a dot follows, at most after white
 * space; a comment between counts as one. */
static bool dot_follows(const char *p)
{
	p += strspn(p, " \t\r\n");
	return *p == '.' || (p[0] == '/' && p[1] == '*');
}

bool maria_names_database(const char *sql, const char *database, bool strings)
{
	const char *p = sql;

	while (*p) {
		const char *start = p;

		if (*p == '\'' || *p == '"' || *p == '`')
			p = quoted_end(p);
		else if (is_word(*p))
			p = word_end(p);
		else
			p++;
		if (!has_word(start, p, database))
			continue;
		/* "app" may be an identifier, too (ANSI_QUOTES) */
		if (*start == '\'' || *start == '"' ? strings : dot_follows(p))
			return true;
	}
	return false;
}
