/* SPDX-License-Identifier: MIT */
/* A project's flyway.conf or flyway.toml, as far as it matters here. */
#include "template/flyway.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/fs.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum {
	CONFIG_MAX = 1024 * 1024
};

#define VARIABLE "FLYWAY_PLACEHOLDERS_"

void flyway_free(struct flyway *f)
{
	free(f->table);
	free(f->prefix);
	free(f->suffix);
	strvec_free(&f->placeholders);
	*f = (struct flyway){.placeholders = STRVEC_INIT};
}

static void replace(char **at, const char *value)
{
	free(*at);
	*at = xstrdup(value);
}

/* `key` without "flyway.". */
static void take(struct flyway *f, const char *key, const char *value)
{
	if (!strncmp(key, "placeholders.", 13))
		strvec_pushf(&f->placeholders, "%s=%s", key + 13, value);
	else if (!strcmp(key, "table") && *value)
		replace(&f->table, value);
	else if (!strcmp(key, "placeholderPrefix") && *value)
		replace(&f->prefix, value);
	else if (!strcmp(key, "placeholderSuffix") && *value)
		replace(&f->suffix, value);
	else if (!strcmp(key, "placeholderReplacement"))
		f->replace = strcasecmp(value, "false") != 0;
}

static char *trimmed(const char *from, const char *to)
{
	while (from < to && isspace((unsigned char)*from))
		from++;
	while (to > from && isspace((unsigned char)to[-1]))
		to--;
	return xstrndup(from, (size_t)(to - from));
}

/* The text of "…" or '…', with the two escapes that a value here may need, or
 * the word as it is. */
static char *unquoted(const char *text)
{
	auto_buf struct buf b = BUF_INIT;
	char quote = *text == '"' || *text == '\'' ? *text : '\0';

	if (!quote)
		return xstrndup(text, strcspn(text, " \t#"));
	for (text++; *text && *text != quote; text++) {
		if (quote == '"' && *text == '\\' && text[1])
			text++;
		buf_putc(&b, *text);
	}
	return b.len ? buf_take(&b) : xstrdup("");
}

/* [flyway.placeholders] and such; "" for none. */
static void take_section(const char *line, struct buf *section)
{
	size_t n = strcspn(line + 1, "]");

	buf_clear(section);
	buf_put(section, line + 1, n);
	buf_putc(section, '.');
}

static void take_line(struct flyway *f, const char *line, bool toml,
		      struct buf *section)
{
	const char *equals = line + strcspn(line, toml ? "=" : "=:");
	auto_free char *key = NULL;
	auto_free char *raw = NULL;
	auto_free char *value = NULL;
	auto_buf struct buf full = BUF_INIT;

	if (toml && *line == '[') {
		take_section(line, section);
		return;
	}
	if (*line == '#' || *line == '!' || !*equals)
		return;
	key = trimmed(line, equals);
	raw = trimmed(equals + 1, equals + strlen(equals));
	value = toml ? unquoted(raw) : xstrdup(raw);
	if (toml && (*key == '"' || *key == '\'')) {
		auto_free char *plain = unquoted(key);

		buf_printf(&full, "%s%s", section->s, plain);
	} else {
		buf_printf(&full, "%s%s", section->s, key);
	}
	if (!strncmp(full.s, "flyway.", 7))
		take(f, full.s + 7, value);
}

static void take_text(struct flyway *f, char *text, bool toml)
{
	auto_buf struct buf section = BUF_INIT;
	char *save = NULL;

	buf_puts(&section, "");
	for (char *line = strtok_r(text, "\r\n", &save); line;
	     line = strtok_r(NULL, "\r\n", &save))
		take_line(f, line + strspn(line, " \t"), toml, &section);
}

/* 1: it was there; 0; -1. */
static int read_one(const char *dir, const char *name, struct flyway *f,
		    struct error *err)
{
	auto_free char *path = fs_join(dir, name);
	auto_buf struct buf text = BUF_INIT_MAX(CONFIG_MAX);

	if (access(path, F_OK) < 0)
		return 0;
	if (fs_read_file(path, &text, err) < 0)
		return -1;
	take_text(f, text.s, strstr(name, ".toml") != NULL);
	return 1;
}

static int read_nearest(const char *dir, struct flyway *f, struct error *err)
{
	static const char *const names[] = {"flyway.toml", "flyway.conf",
					    "conf/flyway.toml",
					    "conf/flyway.conf"};
	auto_free char *path = fs_absolute(dir);
	char *slash;

	while ((slash = strrchr(path, '/')) && slash != path) {
		auto_free char *git = fs_join(path, ".git");
		int found = 0;

		for (size_t i = 0; i < array_len(names) && !found; i++)
			found = read_one(path, names[i], f, err);
		if (found)
			return found < 0 ? -1 : 0;
		if (fs_exists(git))
			break;
		*slash = '\0';
	}
	return 0;
}

/* The first of a name counts, so these go in front. */
static void take_variables(struct flyway *f)
{
	for (char **e = environ; *e; e++)
		if (!strncmp(*e, VARIABLE, strlen(VARIABLE)))
			strvec_push(&f->placeholders, *e + strlen(VARIABLE));
}

int flyway_read(const char *dir, struct flyway *ret, struct error *err)
{
	struct flyway f = {
	    .table = xstrdup("flyway_schema_history"),
	    .prefix = xstrdup("${"),
	    .suffix = xstrdup("}"),
	    .replace = true,
	    .placeholders = STRVEC_INIT,
	};

	take_variables(&f);
	if (read_nearest(dir, &f, err) < 0) {
		flyway_free(&f);
		return error_wrap(err, "Flyway's configuration");
	}
	*ret = f;
	return 0;
}
