/* SPDX-License-Identifier: MIT */
#include "template/sections.h"

#include "base/error.h"
#include "template/layout.h"

#include <string.h>
#include <strings.h>

/* No text has it, and it is short enough for a delimiter. */
#define DELIMITER "$$testenv:end$$"

enum section {
	SECTION_NONE, /* in front of the first mark */
	SECTION_UP,
	SECTION_DOWN
};

struct reader {
	enum layout layout;
	enum dialect dialect;
	const char *path;
	size_t line;
	enum section section;
	bool in_comment;   /* a block comment of NONE goes on */
	size_t block_line; /* of the open StatementBegin; 0: none is open */
	bool plain;
	struct buf *out;
	struct error *err;
};

static int fail(const struct reader *r, size_t line, const char *what)
{
	return error_set(r->err, ERROR_CONFIG, "%s:%zu: %s", r->path, line,
			 what);
}

/* Passes over a word and the blanks behind it. */
static bool take(const char **p, const char *end, const char *word)
{
	size_t n = strlen(word);
	const char *q = *p + n;

	if ((size_t)(end - *p) < n || strncasecmp(*p, word, n) != 0)
		return false;
	if (q < end && !strchr(" \t\r", *q))
		return false;
	while (q < end && strchr(" \t\r", *q))
		q++;
	*p = q;
	return true;
}

static const char *skip_blanks(const char *p, const char *end)
{
	while (p < end && strchr(" \t\r", *p))
		p++;
	return p;
}

/* Behind "--" and the tool's name, where an instruction may stand; NULL: this
 * line has none. */
static const char *instruction(const struct reader *r, const char *p,
			       const char *end)
{
	p = skip_blanks(p, end);
	if (end - p < 2 || p[0] != '-' || p[1] != '-')
		return NULL;
	p = skip_blanks(p + 2, end);
	switch (r->layout) {
	case LAYOUT_DBMATE:
		return p;
	case LAYOUT_GOOSE:
		return take(&p, end, "+goose") ? p : NULL;
	case LAYOUT_SQL_MIGRATE:
		return take(&p, end, "+migrate") ? p : NULL;
	default:
		return NULL;
	}
}

/* The server gets the block in one piece, and takes it apart itself. */
static int begin_block(struct reader *r)
{
	if (r->block_line)
		return fail(r, r->line, "StatementBegin inside of another");
	r->block_line = r->line;
	if (r->dialect == DIALECT_MARIADB && r->section == SECTION_UP)
		buf_puts(r->out, "DELIMITER " DELIMITER);
	return 0;
}

static int end_block(struct reader *r)
{
	if (!r->block_line)
		return fail(r, r->line, "StatementEnd without its beginning");
	r->block_line = 0;
	if (r->dialect == DIALECT_MARIADB && r->section == SECTION_UP)
		buf_puts(r->out, DELIMITER " DELIMITER ;");
	return 0;
}

/* goose wants each of them once, "Up" first; the others may go back and
 * forth. */
static int check_goose(const struct reader *r, enum section section)
{
	if (r->layout != LAYOUT_GOOSE || r->section + 1 == section)
		return 0;
	return fail(r, r->line,
		    section == SECTION_UP
			? "a second 'Up', or one behind 'Down'"
			: "'Down' without 'Up' before it");
}

static int begin_section(struct reader *r, enum section section)
{
	if (r->block_line)
		return fail(r, r->block_line, "StatementBegin without its end");
	if (check_goose(r, section) < 0)
		return -1;
	r->section = section;
	return 0;
}

/* dbmate's "transaction:false" and sql-migrate's "notransaction". */
static int begin_up(struct reader *r, const char *p, const char *end)
{
	while (p < end) {
		if (take(&p, end, "transaction:false") ||
		    take(&p, end, "notransaction"))
			r->plain = true;
		else
			while (p < end && !take(&p, end, ""))
				p++;
	}
	return begin_section(r, SECTION_UP);
}

/* 1: the line was an instruction, and is passed; 0; -1. */
static int obey(struct reader *r, const char *line, const char *end)
{
	bool dbmate = r->layout == LAYOUT_DBMATE;
	const char *p = instruction(r, line, end);
	int rc = 0;

	if (!p)
		return 0;
	if (take(&p, end, dbmate ? "migrate:up" : "up"))
		rc = begin_up(r, p, end);
	else if (take(&p, end, dbmate ? "migrate:down" : "down"))
		rc = begin_section(r, SECTION_DOWN);
	else if (dbmate)
		return 0;
	else if (take(&p, end, "StatementBegin"))
		rc = begin_block(r);
	else if (take(&p, end, "StatementEnd"))
		rc = end_block(r);
	else if (take(&p, end, "ENVSUB") && take(&p, end, "ON"))
		return fail(r, r->line,
			    "'ENVSUB ON' is not supported: run goose itself, "
			    "with --migrate");
	else if (take(&p, end, "NO") && take(&p, end, "TRANSACTION"))
		r->plain = true;
	else
		return 0; /* a comment: kept */
	buf_putc(r->out, '\n');
	return rc < 0 ? -1 : 1;
}

/* Nothing but comments may stand in front of the first section. */
static bool is_remark(struct reader *r, const char *p, const char *end)
{
	while (p < end) {
		const char *close = NULL;

		p = skip_blanks(p, end);
		if (!r->in_comment && (p == end || !strncmp(p, "--", 2)))
			return true;
		if (!r->in_comment && strncmp(p, "/*", 2) != 0)
			return false;
		close = memmem(p, (size_t)(end - p), "*/", 2);
		r->in_comment = !close;
		if (!close)
			return true;
		p = close + 2;
	}
	return true;
}

static int read_line(struct reader *r, const char *line, size_t n)
{
	const char *end = line + n;
	int obeyed = r->in_comment ? 0 : obey(r, line, end);

	if (obeyed)
		return obeyed < 0 ? -1 : 0;
	if (r->section == SECTION_NONE && !is_remark(r, line, end))
		return fail(r, r->line,
			    "a statement in front of the first "
			    "section");
	if (r->section == SECTION_UP)
		buf_put(r->out, line, n);
	buf_putc(r->out, '\n');
	return 0;
}

static int read_sections(struct reader *r, const char *text, size_t len)
{
	const char *end = text + len;

	if (len >= 3 && !memcmp(text, "\xef\xbb\xbf", 3))
		text += 3;
	for (const char *p = text; p < end;) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		const char *stop = nl ? nl : end;

		r->line++;
		if (read_line(r, p, (size_t)(stop - p)) < 0)
			return -1;
		p = stop + 1;
	}
	if (r->block_line)
		return fail(r, r->block_line, "StatementBegin without its end");
	return 0;
}

/* The comments at the top, where tools that have no sections look for notes. */
static bool has_note(const char *text, size_t len, const char *note)
{
	const char *end = text + len;

	for (const char *p = text; p < end;) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		const char *stop = nl ? nl : end;
		const char *q = skip_blanks(p, stop);

		if (q < stop && (stop - q < 2 || q[0] != '-' || q[1] != '-'))
			return false;
		q = skip_blanks(q < stop ? q + 2 : q, stop);
		if (take(&q, stop, note))
			return true;
		p = stop + 1;
	}
	return false;
}

int section_up(enum layout layout, enum dialect dialect, const char *path,
	       const char *text, size_t len, struct buf *ret, bool *ret_plain,
	       struct error *err)
{
	struct reader r = {
	    .layout = layout,
	    .dialect = dialect,
	    .path = path,
	    .out = ret,
	    .err = err,
	};

	if (layout_mark(layout)) {
		if (read_sections(&r, text, len) < 0)
			return -1;
		/* what the way back says, and how long it is, is no matter */
		while (ret->len > 1 && ret->s[ret->len - 1] == '\n' &&
		       ret->s[ret->len - 2] == '\n')
			buf_truncate(ret, ret->len - 1);
	} else {
		buf_put(ret, text, len);
		r.plain = has_note(text, len,
				   layout == LAYOUT_FLYWAY
				       ? "flyway:executeInTransactio"
					 "n=false"
				       : "no-transaction");
	}
	*ret_plain = r.plain;
	return 0;
}
