/* SPDX-License-Identifier: MIT */
#include "wire/json.h"

#include <string.h>

struct cursor {
	const char *p, *end;
};

static int peek(const struct cursor *c)
{
	return c->p < c->end ? (unsigned char)*c->p : -1;
}

static bool take(struct cursor *c, char byte)
{
	if (peek(c) != (unsigned char)byte)
		return false;
	c->p++;
	return true;
}

static void skip_blanks(struct cursor *c)
{
	while (c->p < c->end && (*c->p == ' ' || *c->p == '\t' ||
				 *c->p == '\n' || *c->p == '\r'))
		c->p++;
}

static bool is_digit(int byte)
{
	return byte >= '0' && byte <= '9';
}

/* The length of the UTF-8 character at p, 0 when there is none: no overlong
 * form, no surrogate, nothing over U+10FFFF. */
static size_t utf8_length(const char *text, const char *end)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t left = (size_t)(end - text);
	unsigned lowest = 0x80, highest = 0xbf;
	size_t n;

	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	n = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (left < n)
		return 0;
	if (p[0] == 0xe0)
		lowest = 0xa0;
	else if (p[0] == 0xed)
		highest = 0x9f;
	else if (p[0] == 0xf0)
		lowest = 0x90;
	else if (p[0] == 0xf4)
		highest = 0x8f;
	if (p[1] < lowest || p[1] > highest)
		return 0;
	for (size_t i = 2; i < n; i++)
		if (p[i] < 0x80 || p[i] > 0xbf)
			return 0;
	return n;
}

/* Four hexadecimal digits, or -1. */
static long hex4(const char *p, const char *end)
{
	long value = 0;

	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		int digit = p[i];

		if (is_digit(digit))
			digit -= '0';
		else if (digit >= 'a' && digit <= 'f')
			digit -= 'a' - 10;
		else if (digit >= 'A' && digit <= 'F')
			digit -= 'A' - 10;
		else
			return -1;
		value = value * 16 + digit;
	}
	return value;
}

static bool skip_escape(struct cursor *c)
{
	int byte = peek(c);

	if (byte <= 0 || !strchr("\"\\/bfnrtu", byte))
		return false;
	c->p++;
	if (byte != 'u')
		return true;
	if (hex4(c->p, c->end) < 0)
		return false;
	c->p += 4;
	return true;
}

/* Behind the opening quote; ends behind the closing one. */
static bool skip_string(struct cursor *c)
{
	while (c->p < c->end) {
		size_t n;

		if (take(c, '"'))
			return true;
		if (take(c, '\\')) {
			if (!skip_escape(c))
				return false;
			continue;
		}
		n = (unsigned char)*c->p < 0x20 ? 0 : utf8_length(c->p, c->end);
		if (!n)
			return false;
		c->p += n;
	}
	return false;
}

static bool skip_digits(struct cursor *c)
{
	if (!is_digit(peek(c)))
		return false;
	while (is_digit(peek(c)))
		c->p++;
	return true;
}

static bool skip_number(struct cursor *c)
{
	take(c, '-');
	if (!take(c, '0') && !skip_digits(c))
		return false;
	if (take(c, '.') && !skip_digits(c))
		return false;
	if (!take(c, 'e') && !take(c, 'E'))
		return true;
	if (!take(c, '+'))
		take(c, '-');
	return skip_digits(c);
}

static bool skip_word(struct cursor *c, const char *word)
{
	size_t n = strlen(word);

	if ((size_t)(c->end - c->p) < n || memcmp(c->p, word, n) != 0)
		return false;
	c->p += n;
	return true;
}

/* A value that has no others in it. */
static bool skip_scalar(struct cursor *c, enum json_type *ret_type)
{
	switch (peek(c)) {
	case '"':
		c->p++;
		*ret_type = JSON_STRING;
		return skip_string(c);
	case 'n':
		*ret_type = JSON_NULL;
		return skip_word(c, "null");
	case 't':
		*ret_type = JSON_TRUE;
		return skip_word(c, "true");
	case 'f':
		*ret_type = JSON_FALSE;
		return skip_word(c, "false");
	default:
		*ret_type = JSON_NUMBER;
		return skip_number(c);
	}
}

/* A member's name and colon. */
static bool skip_name(struct cursor *c)
{
	skip_blanks(c);
	if (!take(c, '"') || !skip_string(c))
		return false;
	skip_blanks(c);
	return take(c, ':');
}

/*
 * One value, blanks in front of it allowed. What is open is remembered in a
 * stack of closing brackets, not by recursion: the depth is the sender's
 * choice, the stack is somebody else's.
 */
static bool skip_value(struct cursor *c, enum json_type *ret_type)
{
	char closing[JSON_MAX_DEPTH];
	size_t depth = 0;
	bool first = true;

	for (;;) {
		enum json_type type = JSON_NULL;
		char close;

		skip_blanks(c);
		close = (char)(peek(c) == '{' ? '}' : peek(c) == '[' ? ']' : 0);
		if (close) {
			if (depth == JSON_MAX_DEPTH)
				return false;
			c->p++;
			closing[depth++] = close;
			type = close == '}' ? JSON_OBJECT : JSON_ARRAY;
		} else if (!skip_scalar(c, &type)) {
			return false;
		}
		if (first)
			*ret_type = type;
		first = false;

		skip_blanks(c);
		if (close && !take(c, close)) {
			if (close == '}' && !skip_name(c))
				return false;
			continue;
		}
		if (close)
			depth--;
		for (skip_blanks(c); depth && take(c, closing[depth - 1]);
		     skip_blanks(c))
			depth--;
		if (!depth)
			return true;
		if (!take(c, ','))
			return false;
		if (closing[depth - 1] == '}' && !skip_name(c))
			return false;
	}
}

/* The value at the cursor, which then stands behind it. */
static bool next_value(struct cursor *c, struct json *ret)
{
	enum json_type type = JSON_NULL;
	const char *start;

	skip_blanks(c);
	start = c->p;
	if (!skip_value(c, &type))
		return false;
	*ret = (struct json){type, start, (size_t)(c->p - start)};
	/* behind a scalar at the top, the blanks were skipped, too */
	while (ret->len && strchr(" \t\n\r", ret->text[ret->len - 1]))
		ret->len--;
	return true;
}

int json_parse(const char *text, size_t len, struct json *ret)
{
	struct cursor c = {text, text + len};
	struct json value;

	if (!next_value(&c, &value))
		return -1;
	skip_blanks(&c);
	if (c.p != c.end)
		return -1;
	*ret = value;
	return 0;
}

static size_t put_utf8(unsigned long code, char out[4])
{
	if (code < 0x80) {
		out[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		out[0] = (char)(0xc0 | code >> 6);
		out[1] = (char)(0x80 | (code & 0x3f));
		return 2;
	}
	if (code < 0x10000) {
		out[0] = (char)(0xe0 | code >> 12);
		out[1] = (char)(0x80 | (code >> 6 & 0x3f));
		out[2] = (char)(0x80 | (code & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | code >> 18);
	out[1] = (char)(0x80 | (code >> 12 & 0x3f));
	out[2] = (char)(0x80 | (code >> 6 & 0x3f));
	out[3] = (char)(0x80 | (code & 0x3f));
	return 4;
}

/* \uXXXX, the cursor behind its u; two of them for what lies over U+FFFF. */
static size_t unicode_escape(struct cursor *c, char out[4])
{
	long code = hex4(c->p, c->end), low;

	if (code <= 0)
		return 0;
	c->p += 4;
	if (code < 0xd800 || code > 0xdfff)
		return put_utf8((unsigned long)code, out);
	if (code > 0xdbff || !take(c, '\\') || !take(c, 'u'))
		return 0;
	low = hex4(c->p, c->end);
	if (low < 0xdc00 || low > 0xdfff)
		return 0;
	c->p += 4;
	return put_utf8(0x10000 + ((unsigned long)(code - 0xd800) << 10) +
			    (unsigned long)(low - 0xdc00),
			out);
}

/* The next character of a checked string, not at its end: its length, or 0 when
 * it has no place in a C string. */
static size_t next_char(struct cursor *c, char out[4])
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	size_t n;
	char byte;

	if (!take(c, '\\')) {
		n = utf8_length(c->p, c->end);
		memcpy(out, c->p, n);
		c->p += n;
		return n;
	}
	byte = *c->p++;
	if (byte == 'u')
		return unicode_escape(c, out);
	out[0] = to[strchr(from, byte) - from];
	return 1;
}

/* Between the quotes. */
static struct cursor inside(const struct json *value)
{
	return (struct cursor){value->text + 1, value->text + value->len - 1};
}

long json_string(const struct json *value, char *buf, size_t size)
{
	struct cursor c;
	size_t len = 0, kept = 0;
	bool cut = false;
	char one[4];

	if (value->type != JSON_STRING)
		return -1;
	for (c = inside(value); c.p < c.end;)
		if (!next_char(&c, one))
			return -1;
	for (c = inside(value); c.p < c.end;) {
		size_t n = next_char(&c, one);

		cut = cut || len + n >= size;
		if (!cut) {
			memcpy(buf + len, one, n);
			kept = len + n;
		}
		len += n;
	}
	if (size)
		buf[kept] = '\0';
	return (long)len;
}

static bool string_is(const struct json *value, const char *text)
{
	struct cursor c = inside(value);
	size_t left = strlen(text);
	char one[4];

	while (c.p < c.end) {
		size_t n = next_char(&c, one);

		if (!n || n > left || memcmp(one, text, n) != 0)
			return false;
		text += n;
		left -= n;
	}
	return !left;
}

bool json_member(const struct json *object, const char *name, struct json *ret)
{
	struct json key, value;
	struct cursor c;

	if (object->type != JSON_OBJECT)
		return false;
	c = inside(object);
	for (skip_blanks(&c); c.p < c.end; skip_blanks(&c)) {
		take(&c, ',');
		if (!next_value(&c, &key))
			return false;
		skip_blanks(&c);
		take(&c, ':');
		if (!next_value(&c, &value))
			return false;
		if (string_is(&key, name)) {
			*ret = value;
			return true;
		}
	}
	return false;
}

bool json_element(const struct json *array, size_t *at, struct json *ret)
{
	struct cursor c;

	if (array->type != JSON_ARRAY)
		return false;
	c = inside(array);
	c.p += *at;
	skip_blanks(&c);
	if (c.p == c.end)
		return false;
	take(&c, ',');
	if (!next_value(&c, ret))
		return false;
	*at = (size_t)(c.p - array->text) - 1;
	return true;
}

unsigned long json_number(const struct json *value, unsigned long max,
			  unsigned long fallback)
{
	unsigned long n = 0;

	if (value->type != JSON_NUMBER)
		return fallback;
	for (size_t i = 0; i < value->len; i++) {
		unsigned long digit;

		if (!is_digit((unsigned char)value->text[i]))
			return fallback;
		digit = (unsigned long)(value->text[i] - '0');
		if (n > max / 10 || digit > max - n * 10)
			return fallback;
		n = n * 10 + digit;
	}
	return n;
}

static void put(struct json_out *out, const char *data, size_t len)
{
	if (len >= out->size - out->len) {
		out->failed = true;
		return;
	}
	memcpy(out->data + out->len, data, len);
	out->len += len;
	out->data[out->len] = '\0';
}

static void put_quoted(struct json_out *out, const char *text)
{
	static const char hex[] = "0123456789abcdef";
	const char *end = text + strlen(text);

	put(out, "\"", 1);
	while (text < end) {
		unsigned char byte = (unsigned char)*text;
		char code[6] = {'\\', 'u', '0', '0'};
		size_t n = utf8_length(text, end);

		if (!n) {
			out->failed = true;
			return;
		}
		if (byte == '"' || byte == '\\') {
			put(out, "\\", 1);
			put(out, text, 1);
		} else if (byte < 0x20 || byte == 0x7f) {
			code[4] = hex[byte >> 4];
			code[5] = hex[byte & 15];
			put(out, code, sizeof(code));
		} else {
			put(out, text, n);
		}
		text += n;
	}
	put(out, "\"", 1);
}

static void put_name(struct json_out *out, const char *name)
{
	if (out->len > 1)
		put(out, ",", 1);
	put_quoted(out, name);
	put(out, ":", 1);
}

void json_out_begin(struct json_out *out, char *buf, size_t size)
{
	*out = (struct json_out){.data = buf, .size = size, .failed = !size};
	if (size)
		put(out, "{", 1);
}

void json_out_string(struct json_out *out, const char *name, const char *value)
{
	if (!value || out->failed)
		return;
	put_name(out, name);
	put_quoted(out, value);
}

void json_out_number(struct json_out *out, const char *name,
		     unsigned long value)
{
	char digits[24];
	size_t at = sizeof(digits);

	if (out->failed)
		return;
	do {
		digits[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	put_name(out, name);
	put(out, digits + at, sizeof(digits) - at);
}

long json_out_end(struct json_out *out)
{
	if (!out->failed)
		put(out, "}", 1);
	return out->failed ? -1 : (long)out->len;
}
