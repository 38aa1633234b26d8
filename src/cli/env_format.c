/* SPDX-License-Identifier: MIT */
#include "cli/env_format.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <string.h>

static const char *const names[] = {
    [ENV_SH] = "sh",       [ENV_FISH] = "fish",     [ENV_DOTENV] = "dotenv",
    [ENV_JSON] = "json",   [ENV_GITHUB] = "github", [ENV_GITLAB] = "gitlab",
    [ENV_CMAKE] = "cmake",
};

int env_format_parse(const char *name, enum env_format *ret, struct error *err)
{
	for (size_t i = 0; i < array_len(names); i++) {
		if (strcmp(names[i], name) != 0)
			continue;
		*ret = (enum env_format)i;
		return 0;
	}
	error_set(err, ERROR_USAGE, "unknown format '%s'", name);
	error_hint(err,
		   "one of: sh, fish, dotenv, json, github, gitlab, cmake");
	return -1;
}

/* In single quotes; each of `special` gets `before` in front of it. */
static void put_quoted(struct buf *b, const char *s, const char *special,
		       const char *before)
{
	buf_putc(b, '\'');
	for (; *s; s++) {
		if (strchr(special, *s))
			buf_puts(b, before);
		buf_putc(b, *s);
	}
	buf_putc(b, '\'');
}

static int put_sh(struct buf *b, const char *name, const char *value)
{
	buf_printf(b, "export %s='", name);
	for (; *value; value++) {
		if (*value == '\'')
			buf_puts(b, "'\\''");
		else
			buf_putc(b, *value);
	}
	buf_puts(b, "'\n");
	return 0;
}

static int put_fish(struct buf *b, const char *name, const char *value)
{
	buf_printf(b, "set -gx %s ", name);
	put_quoted(b, value, "\\'", "\\");
	buf_putc(b, '\n');
	return 0;
}

static bool is_plain(const char *s)
{
	static const char plain[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	    "_-./:@%+,=?&~";

	return s[strspn(s, plain)] == '\0';
}

static int put_dotenv(struct buf *b, const char *name, const char *value)
{
	buf_printf(b, "%s=", name);
	if (is_plain(value)) {
		buf_puts(b, value);
	} else if (!strpbrk(value, "'\r\n")) {
		put_quoted(b, value, "", "");
	} else {
		buf_putc(b, '"');
		for (; *value; value++) {
			if (*value == '\n')
				buf_puts(b, "\\n");
			else if (*value == '\r')
				buf_puts(b, "\\r");
			else if (strchr("\\\"$`", *value))
				buf_printf(b, "\\%c", *value);
			else
				buf_putc(b, *value);
		}
		buf_putc(b, '"');
	}
	buf_putc(b, '\n');
	return 0;
}

/* A delimiter that is no line of the value: lengthened until it is none. */
static int put_github(struct buf *b, const char *name, const char *value)
{
	auto_buf struct buf delimiter = BUF_INIT;

	if (!strpbrk(value, "\r\n")) {
		buf_printf(b, "%s=%s\n", name, value);
		return 0;
	}
	buf_puts(&delimiter, "TESTENV_END");
	while (strstr(value, delimiter.s))
		buf_putc(&delimiter, '_');
	buf_printf(b, "%s<<%s\n%s\n%s\n", name, delimiter.s, value,
		   delimiter.s);
	return 0;
}

static int put_gitlab(struct buf *b, const char *name, const char *value)
{
	if (strpbrk(value, "\r\n"))
		return -1;
	buf_printf(b, "%s=%s\n", name, value);
	return 0;
}

/* A bracket argument is taken as it is, but for a line end right after its
 * opening, which is dropped: hence the extra one. */
static int put_cmake(struct buf *b, const char *name, const char *value)
{
	auto_buf struct buf bar = BUF_INIT;
	auto_buf struct buf close = BUF_INIT;
	size_t len = strlen(value);

	for (;;) {
		buf_clear(&close);
		buf_printf(&close, "]%s", bar.s);
		/* "]" at the very end would make one with the closing */
		if (!strstr(value, close.s) &&
		    !(len && value[len - 1] == ']' && !bar.len))
			break;
		buf_putc(&bar, '=');
	}
	buf_printf(b, "set(ENV{%s} [%s[%s%s]%s])\n", name, bar.s,
		   *value == '\n' || *value == '\r' ? "\n" : "", value, bar.s);
	return 0;
}

static int (*const put[])(struct buf *b, const char *name,
			  const char *value) = {
    [ENV_SH] = put_sh,         [ENV_FISH] = put_fish,
    [ENV_DOTENV] = put_dotenv, [ENV_GITHUB] = put_github,
    [ENV_GITLAB] = put_gitlab, [ENV_CMAKE] = put_cmake,
};

static void write_json(const struct strvec *set, struct buf *ret)
{
	cJSON *json = cJSON_CreateObject();
	char *text;

	for (size_t i = 0; i < set->n; i++) {
		const char *equals = strchr(set->v[i], '=');
		auto_free char *name =
		    xstrndup(set->v[i], (size_t)(equals - set->v[i]));

		cJSON_AddStringToObject(json, name, equals + 1);
	}
	text = cJSON_Print(json);
	buf_puts(ret, text);
	buf_putc(ret, '\n');
	cJSON_free(text);
	cJSON_Delete(json);
}

/* Else it would be code in whatever reads it. */
static bool is_name(const char *name)
{
	static const char rest[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";

	return *name && !(*name >= '0' && *name <= '9') &&
	       name[strspn(name, rest)] == '\0';
}

static int check_names(const struct strvec *set, struct error *err)
{
	for (size_t i = 0; i < set->n; i++) {
		auto_free char *name =
		    xstrndup(set->v[i], strcspn(set->v[i], "="));

		if (!is_name(name) || !strchr(set->v[i], '='))
			return error_set(err, ERROR_CONFIG,
					 "'%s' is no name for a variable",
					 name);
	}
	return 0;
}

static void put_unset(enum env_format format, const struct strvec *unset,
		      struct buf *ret)
{
	static const char *const words[array_len(names)] = {
	    [ENV_SH] = "unset %s\n",
	    [ENV_FISH] = "set -e %s\n",
	    [ENV_CMAKE] = "unset(ENV{%s})\n",
	};

	for (size_t i = 0; words[format] && i < unset->n; i++) {
		const char *at = strchr(words[format], '%');

		if (!is_name(unset->v[i]))
			continue;
		buf_put(ret, words[format], (size_t)(at - words[format]));
		buf_puts(ret, unset->v[i]);
		buf_puts(ret, at + 2);
	}
}

int env_format_write(enum env_format format, const struct strvec *set,
		     const struct strvec *unset, struct buf *ret,
		     struct error *err)
{
	if (check_names(set, err) < 0)
		return -1;
	if (format == ENV_JSON) {
		write_json(set, ret);
		return 0;
	}
	for (size_t i = 0; i < set->n; i++) {
		const char *equals = strchr(set->v[i], '=');
		auto_free char *name =
		    xstrndup(set->v[i], (size_t)(equals - set->v[i]));

		if (put[format](ret, name, equals + 1) < 0)
			return error_set(err, ERROR_CONFIG,
					 "the value of '%s' has a line end, "
					 "which format '%s' cannot hold",
					 name, names[format]);
	}
	put_unset(format, unset, ret);
	return 0;
}

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s);
	size_t m = strlen(end);

	return n >= m && !strcmp(s + n - m, end);
}

void env_format_masks(const struct strvec *set, struct buf *ret)
{
	auto_strvec struct strvec seen = STRVEC_INIT;

	for (size_t i = 0; i < set->n; i++) {
		const char *equals = strchr(set->v[i], '=');
		auto_free char *name = NULL;

		if (!equals || !equals[1] || strpbrk(equals, "\r\n"))
			continue;
		name = xstrndup(set->v[i], (size_t)(equals - set->v[i]));
		if (!ends_with(name, "PASSWORD") && !ends_with(name, "PWD"))
			continue;
		if (strvec_has(&seen, equals + 1))
			continue;
		strvec_push(&seen, equals + 1);
		buf_printf(ret, "::add-mask::%s\n", equals + 1);
	}
}
