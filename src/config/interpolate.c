/* SPDX-License-Identifier: MIT */
#include "config/interpolate.h"

#include "base/alloc.h"
#include "base/error.h"

#include <stdbool.h>
#include <string.h>

enum {
	NESTING_MAX = 8
};

static size_t name_length(const char *p)
{
	size_t n = 0;

	while ((p[n] >= 'A' && p[n] <= 'Z') || (p[n] >= 'a' && p[n] <= 'z') ||
	       p[n] == '_' || (n && p[n] >= '0' && p[n] <= '9'))
		n++;
	return n;
}

/* The '}' that ends what begins at p, or NULL. */
static const char *closing_brace(const char *p)
{
	int open = 1;

	for (; *p; p++) {
		if (p[0] == '$' && p[1] == '{')
			open++;
		else if (*p == '}' && --open == 0)
			return p;
	}
	return NULL;
}

static int expand(const char *text, const struct interpolation *with, int depth,
		  struct buf *ret, struct error *err);

/* One "${NAME OP REST}", op "" for none; `rest` is not expanded yet. */
static int expand_braced(const char *name, const char *op, const char *rest,
			 const struct interpolation *with, int depth,
			 struct buf *ret, struct error *err)
{
	const char *value = with->lookup(with->ctx, name);
	bool have = value && !(op[0] == ':' && !*value);

	if (op[0] == ':')
		op++;
	if (*op == '+')
		return have ? expand(rest, with, depth + 1, ret, err) : 0;
	if (have) {
		buf_puts(ret, value);
		return 0;
	}
	if (*op == '-')
		return expand(rest, with, depth + 1, ret, err);
	if (*op == '?')
		return error_set(err, ERROR_CONFIG, "variable '%s' is %s: %s",
				 name, value ? "empty" : "not set",
				 *rest ? rest : "it is required");
	if (with->unset)
		with->unset(with->ctx, name);
	return 0;
}

/* What begins with "${" at *pp, which moves behind its '}'. */
static int read_braced(const char **pp, const struct interpolation *with,
		       int depth, struct buf *ret, struct error *err)
{
	static const char *const ops[] = {":-", ":?", ":+", "-", "?", "+", ""};
	const char *p = *pp + 2;
	const char *end = closing_brace(p);
	size_t len = name_length(p);
	auto_free char *name = xstrndup(p, len);
	auto_free char *rest = NULL;
	const char *const *op = ops;

	if (!end)
		return error_set(err, ERROR_CONFIG, "'${' without a '}'");
	p += len;
	while (**op && strncmp(p, *op, strlen(*op)) != 0)
		op++;
	if (!len || (!**op && p != end))
		return error_set(err, ERROR_CONFIG,
				 "'%.*s' is not a variable ('$$' is a '$')",
				 (int)(end + 1 - *pp), *pp);
	p += strlen(*op);
	rest = xstrndup(p, (size_t)(end - p));
	*pp = end + 1;
	return expand_braced(name, *op, rest, with, depth, ret, err);
}

static int expand(const char *text, const struct interpolation *with, int depth,
		  struct buf *ret, struct error *err)
{
	if (depth > NESTING_MAX)
		return error_set(err, ERROR_CONFIG,
				 "variables nested too deeply");
	while (*text) {
		size_t plain = strcspn(text, "$");
		size_t len;

		buf_put(ret, text, plain);
		text += plain;
		if (!*text)
			break;
		len = name_length(text + 1);
		if (text[1] == '$') {
			buf_putc(ret, '$');
			text += 2;
		} else if (text[1] == '{') {
			if (read_braced(&text, with, depth, ret, err) < 0)
				return -1;
		} else if (len) {
			auto_free char *name = xstrndup(text + 1, len);

			if (expand_braced(name, "", "", with, depth, ret, err) <
			    0)
				return -1;
			text += 1 + len;
		} else {
			return error_set(err, ERROR_CONFIG,
					 "a '$' that begins no variable "
					 "('$$' is a '$')");
		}
	}
	return 0;
}

int interpolate(const char *text, const struct interpolation *with,
		struct buf *ret, struct error *err)
{
	return expand(text, with, 0, ret, err);
}
