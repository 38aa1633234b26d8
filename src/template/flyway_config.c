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

#define VARIABLES    "FLYWAY_"
#define PLACEHOLDERS "FLYWAY_PLACEHOLDERS_"

void flyway_free(struct flyway *f)
{
	free(f->table);
	free(f->prefix);
	free(f->suffix);
	free(f->default_schema);
	free(f->environment);
	free(f->choose);
	strvec_free(&f->placeholders);
	strvec_free(&f->schemas);
	strvec_free(&f->environments);
	*f = (struct flyway)FLYWAY_INIT;
}

static void replace(char **at, const char *value)
{
	free(*at);
	*at = xstrdup(value);
}

static char *trimmed(const char *from, const char *to)
{
	while (from < to && isspace((unsigned char)*from))
		from++;
	while (to > from && isspace((unsigned char)to[-1]))
		to--;
	return xstrndup(from, (size_t)(to - from));
}

/* a, b   or   ["a", "b"] */
static void take_list(struct strvec *list, const char *value)
{
	strvec_free(list);
	while (*value) {
		auto_free char *one = NULL;
		size_t len;
		size_t n;

		value += *value == '[';
		n = strcspn(value, ",]");
		one = trimmed(value, value + n);
		len = strlen(one);
		if (len > 1 && (*one == '"' || *one == '\'') &&
		    one[len - 1] == *one) {
			one[len - 1] = '\0';
			strvec_push(list, one + 1);
		} else if (len) {
			strvec_push(list, one);
		}
		value += n;
		value += *value == ',' || *value == ']';
	}
}

/*
 * What changes which migrations run, or how, and is not followed here, with the
 * value that it has anyhow ("": any that is said counts).
 */
static const struct {
	const char *key, *usual;
} unsupported[] = {
    {"target", "latest"},
    {"cherryPick", ""},
    {"initSql", ""},
    {"skipDefaultCallbacks", "false"},
    {"placeholderSeparator", ":"},
    {"sqlMigrationPrefix", "V"},
    {"baselineMigrationPrefix", "B"},
    {"repeatableSqlMigrationPrefix", "R"},
    {"sqlMigrationSeparator", "__"},
    {"sqlMigrationSuffixes", ".sql"},
};

static int check(const char *key, const char *value, struct error *err)
{
	auto_strvec struct strvec list = STRVEC_INIT;

	take_list(&list, value);
	for (size_t i = 0; i < array_len(unsupported); i++) {
		if (strcmp(key, unsupported[i].key) != 0 || !list.n ||
		    (list.n == 1 &&
		     !strcasecmp(list.v[0], unsupported[i].usual)))
			continue;
		error_set(err, ERROR_CONFIG, "flyway.%s is not supported", key);
		error_hint(err, "have Flyway itself migrate: --migrate 'flyway "
				"migrate'");
		return -1;
	}
	return 0;
}

/* `key` without "flyway.". */
static int take(struct flyway *f, const char *key, const char *value,
		struct error *err)
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
	else if (!strcmp(key, "defaultSchema") && *value)
		replace(&f->default_schema, value);
	else if (!strcmp(key, "schemas"))
		take_list(&f->schemas, value);
	else if (!strcmp(key, "createSchemas"))
		f->create_schemas = strcasecmp(value, "false") != 0;
	else if (!strcmp(key, "environment") && *value)
		replace(&f->environment, value);
	return check(key, value, err);
}

/* TOML says of each environment which schemas it has: "NAME.schemas". */
static int take_environment(struct flyway *f, const char *key,
			    const char *value, struct error *err)
{
	const char *dot = strrchr(key, '.');

	if (!dot)
		return 0;
	if (!strcmp(dot, ".schemas"))
		strvec_pushf(&f->environments, "%.*s=%s", (int)(dot - key), key,
			     value);
	return strcmp(dot, ".initSql") ? 0 : check("initSql", value, err);
}

/* The text of "…" or '…', with the two escapes that a value here may need, or
 * the word as it is. */
static char *unquoted(const char *text)
{
	auto_buf struct buf b = BUF_INIT;
	char quote = *text == '"' || *text == '\'' ? *text : '\0';

	if (*text == '[')
		return xstrndup(text, strcspn(text, "]"));
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

static int take_line(struct flyway *f, const char *line, bool toml,
		     struct buf *section, struct error *err)
{
	const char *equals = line + strcspn(line, toml ? "=" : "=:");
	auto_free char *key = NULL;
	auto_free char *raw = NULL;
	auto_free char *value = NULL;
	auto_buf struct buf full = BUF_INIT;

	if (toml && *line == '[') {
		take_section(line, section);
		return 0;
	}
	if (*line == '#' || *line == '!' || !*equals)
		return 0;
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
		return take(f, full.s + 7, value, err);
	if (toml && !strncmp(full.s, "environments.", 13))
		return take_environment(f, full.s + 13, value, err);
	return 0;
}

/* A list may go over several lines; here it is one. */
static void join_lists(char *text)
{
	for (char *at = text; (at = strchr(at, '='));) {
		size_t n;

		at++;
		at += strspn(at, " \t");
		n = *at == '[' ? strcspn(at, "]") : 0;
		for (size_t i = 0; i < n; i++)
			if (at[i] == '\n' || at[i] == '\r')
				at[i] = ' ';
		at += n;
	}
}

static int take_text(struct flyway *f, char *text, bool toml, struct error *err)
{
	auto_buf struct buf section = BUF_INIT;
	char *save = NULL;

	buf_puts(&section, "");
	if (toml)
		join_lists(text);
	for (char *line = strtok_r(text, "\r\n", &save); line;
	     line = strtok_r(NULL, "\r\n", &save))
		if (take_line(f, line + strspn(line, " \t"), toml, &section,
			      err) < 0)
			return -1;
	return 0;
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
	if (take_text(f, text.s, strstr(name, ".toml") != NULL, err) < 0)
		return error_wrap(err, "'%s'", path);
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
static void take_placeholders(struct flyway *f)
{
	for (char **e = environ; *e; e++)
		if (!strncmp(*e, PLACEHOLDERS, strlen(PLACEHOLDERS)))
			strvec_push(&f->placeholders,
				    *e + strlen(PLACEHOLDERS));
}

/* DEFAULT_SCHEMA=x is defaultSchema. */
static int take_variable(struct flyway *f, const char *entry, struct error *err)
{
	size_t n = strcspn(entry, "=");
	auto_buf struct buf key = BUF_INIT;

	buf_puts(&key, "");
	for (size_t i = 0; i < n; i++) {
		bool first = i > 0 && entry[i] == '_' && i + 1 < n;
		char c = entry[first ? ++i : i];

		buf_putc(&key, first ? c : (char)tolower((unsigned char)c));
	}
	return entry[n] ? take(f, key.s, entry + n + 1, err) : 0;
}

static int take_variables(struct flyway *f, struct error *err)
{
	for (char **e = environ; *e; e++)
		if (!strncmp(*e, VARIABLES, strlen(VARIABLES)) &&
		    strncmp(*e, PLACEHOLDERS, strlen(PLACEHOLDERS)) != 0 &&
		    take_variable(f, *e + strlen(VARIABLES), err) < 0)
			return error_wrap(err, "'%.*s' in the environment",
					  (int)strcspn(*e, "="), *e);
	return 0;
}

/* What is said of all environments counts more, as Flyway has it. */
static void choose_environment(struct flyway *f)
{
	const char *schemas = strvec_env_get(
	    &f->environments, f->environment ? f->environment : "default");

	if (schemas && !f->schemas.n)
		take_list(&f->schemas, schemas);
}

int flyway_read(const char *dir, struct flyway *ret, struct error *err)
{
	struct flyway f = {
	    .table = xstrdup("flyway_schema_history"),
	    .prefix = xstrdup("${"),
	    .suffix = xstrdup("}"),
	    .replace = true,
	    .placeholders = STRVEC_INIT,
	    .schemas = STRVEC_INIT,
	    .create_schemas = true,
	    .environments = STRVEC_INIT,
	};

	take_placeholders(&f);
	if (read_nearest(dir, &f, err) < 0 || take_variables(&f, err) < 0) {
		flyway_free(&f);
		return error_wrap(err, "Flyway's configuration");
	}
	choose_environment(&f);
	*ret = f;
	return 0;
}
