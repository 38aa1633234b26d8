/* SPDX-License-Identifier: MIT */
/*
 * dialect/split.h - cuts a script into statements, as psql, the mariadb client
 * and sqlite3 do. Pure. Private to dialect/.
 *
 * Postgres: strings (E'' with backslashes), dollar quotes, nested comments, a
 * ';' inside parentheses or a BEGIN ATOMIC body does not end a statement, the
 * rows of COPY … FROM stdin up to a line "\.". MariaDB: backslashes in strings,
 * '#' and "-- " comments, DELIMITER, executable comments are statements; a
 * routine's BEGIN … END is one statement also where nobody set a DELIMITER.
 * SQLite: the statement reaches to the end of the script, because only the
 * library knows a trigger's end; the caller says where it was (sql_split_seek).
 */
#ifndef DIALECT_SPLIT_H
#define DIALECT_SPLIT_H

#include "dialect/address.h"

#include <stdbool.h>
#include <stddef.h>

struct error;

/* Points into the script. */
struct sql_statement {
	const char *sql;  /* its first token; no leading comments */
	size_t len;       /* without the delimiter */
	size_t line;      /* of the first token, 1-based */
	const char *data; /* the rows of COPY FROM stdin, or NULL */
	size_t data_len;
	size_t data_line; /* of the first row */
};

/* Where something went wrong: a 1-based line within the statement, or within
 * its data; 0: not known. */
struct sql_place {
	size_t line;
	bool in_data;
};

enum {
	SQL_DELIMITER_MAX = 32
};

struct sql_split {
	enum dialect dialect;
	const char *s, *end, *p;
	char delimiter[SQL_DELIMITER_MAX];
	const char *line_at; /* the text up to here has been counted: */
	size_t line;
};

/* The script is borrowed, and ends in a NUL that len does not count. A byte
 * order mark is passed over. */
void sql_split_init(struct sql_split *sp, enum dialect d, const char *s,
		    size_t len);
/* 1 and the next statement, 0 at the end, -1 with *err ("unterminated string")
 * and the script's line in *ret_line. */
int sql_split_next(struct sql_split *sp, struct sql_statement *ret,
		   size_t *ret_line, struct error *err);
/* Goes on behind the first n bytes of the statement given last. */
void sql_split_seek(struct sql_split *sp, const struct sql_statement *st,
		    size_t n);

/* The 1-based line of s[offset]. */
size_t sql_line_of(const char *s, size_t offset);

#endif
