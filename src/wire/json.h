/* SPDX-License-Identifier: MIT */
/*
 * wire/json.h - as much JSON as one line of the protocol needs.
 *
 * For code that lives in somebody else's process, where a JSON library must not
 * follow: no allocation, no state, no recursion, libc only. Reading is in two
 * steps: json_parse() checks a whole line once; the values it gives borrow its
 * bytes, and the other calls read them without failing on syntax.
 *
 *	json_parse(line, len, &reply);
 *	if (json_member(&reply, "lease", &value))
 *		n = json_string(&value, id, sizeof(id));
 *
 * Writing goes into a buffer of the caller's; what does not fit or is no UTF-8
 * is found at the end, by json_out_end().
 */
#ifndef WIRE_JSON_H
#define WIRE_JSON_H

#include <stdbool.h>
#include <stddef.h>

enum {
	JSON_MAX_DEPTH = 32 /* objects and arrays within each other */
};

enum json_type {
	JSON_NULL,
	JSON_FALSE,
	JSON_TRUE,
	JSON_NUMBER,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT
};

/* A value within a line that json_parse() took. */
struct json {
	enum json_type type;
	const char *text; /* with quotes, brackets, braces */
	size_t len;
};

/* 0, or -1 for what is not exactly one JSON value (RFC 8259) with blanks around
 * it, in UTF-8, no deeper than JSON_MAX_DEPTH. len need not reach a NUL. */
int json_parse(const char *text, size_t len, struct json *ret);

/* The first member of that name. False when there is none, or no object. */
bool json_member(const struct json *object, const char *name, struct json *ret);

/*
 * The elements of an array, one after another:
 *
 *	for (at = 0; json_element(&array, &at, &value);)
 *
 * False at the end, or when it is no array.
 */
bool json_element(const struct json *array, size_t *at, struct json *ret);

/*
 * A string's text, escapes resolved, as snprintf does it: returns the length it
 * has, writes at most size bytes with the NUL and cuts between characters. -1,
 * nothing written, when it is no string, has a NUL, or half a surrogate pair.
 */
long json_string(const struct json *value, char *buf, size_t size);

/* A whole number in 0..max, else fallback. */
unsigned long json_number(const struct json *value, unsigned long max,
			  unsigned long fallback);

/* Writes one object of flat members. */
struct json_out {
	char *data;
	size_t len, size;
	bool failed;
};

void json_out_begin(struct json_out *out, char *buf, size_t size);
/* A NULL value adds nothing. */
void json_out_string(struct json_out *out, const char *name, const char *value);
void json_out_number(struct json_out *out, const char *name,
		     unsigned long value);
/* The length of the text, which is NUL-terminated and has no newline; -1 when
 * it did not fit or a value was no UTF-8. */
long json_out_end(struct json_out *out);

#endif
