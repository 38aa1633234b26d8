/* SPDX-License-Identifier: MIT */
#include "base/error.h"

#include "base/alloc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void blank_controls(char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			*s = ' ';
}

static void replace(char **slot, char *value)
{
	free(*slot);
	*slot = value;
}

void error_clear(struct error *err)
{
	int saved = errno;

	if (!err)
		return;
	replace(&err->text, NULL);
	replace(&err->hint, NULL);
	replace(&err->detail, NULL);
	err->kind = ERROR_NONE;
	errno = saved;
}

static void set_text(struct error *err, enum error_kind kind, char *text)
{
	error_clear(err);
	blank_controls(text);
	err->kind = kind;
	err->text = text;
}

int error_set(struct error *err, enum error_kind kind, const char *fmt, ...)
{
	va_list args;

	if (!err)
		return -1;
	va_start(args, fmt);
	set_text(err, kind, xvasprintf(fmt, args));
	va_end(args);
	return -1;
}

int error_set_errno(struct error *err, enum error_kind kind, int errno_value,
		    const char *fmt, ...)
{
	va_list args;
	char *text;

	if (!err)
		return -1;
	if (kind == ERROR_IO &&
	    (errno_value == ENOSPC || errno_value == EDQUOT))
		kind = ERROR_NO_SPACE;
	va_start(args, fmt);
	text = xvasprintf(fmt, args);
	va_end(args);
	set_text(err, kind, xasprintf("%s: %s", text, strerror(errno_value)));
	free(text);
	return -1;
}

int error_wrap(struct error *err, const char *fmt, ...)
{
	va_list args;
	char *front;
	char *text;

	if (!err || err->kind == ERROR_NONE)
		return -1;
	va_start(args, fmt);
	front = xvasprintf(fmt, args);
	va_end(args);
	text = xasprintf("%s: %s", front, err->text);
	free(front);
	blank_controls(text);
	replace(&err->text, text);
	return -1;
}

void error_hint(struct error *err, const char *fmt, ...)
{
	va_list args;

	if (!err)
		return;
	va_start(args, fmt);
	replace(&err->hint, xvasprintf(fmt, args));
	va_end(args);
	blank_controls(err->hint);
}

void error_detail(struct error *err, const char *lines)
{
	if (err)
		replace(&err->detail, lines ? xstrdup(lines) : NULL);
}

int error_move(struct error *err, struct error *from)
{
	if (!err) {
		error_clear(from);
		return -1;
	}
	if (err != from) {
		error_clear(err);
		*err = *from;
		*from = (struct error)ERROR_INIT;
	}
	return -1;
}

int error_copy(struct error *err, const struct error *from)
{
	struct error copy = {
	    .kind = from->kind,
	    .text = xstrdup_or_null(from->text),
	    .hint = xstrdup_or_null(from->hint),
	    .detail = xstrdup_or_null(from->detail),
	};

	return error_move(err, &copy);
}

const char *error_text(const struct error *err)
{
	return err && err->text ? err->text : "no error";
}

static bool says_disk_full(const char *text)
{
	static const char *const words[] = {
	    "no space left",         "disk is full", "disk full",
	    "Check free disk space", /* Postgres' hint */
	    "Errcode: 28 ",          /* MariaDB's, in whatever language */
	    "failed with error 28",
	};

	for (size_t i = 0; text && i < array_len(words); i++)
		if (strcasestr(text, words[i]))
			return true;
	return false;
}

bool error_is_disk_full(const struct error *err)
{
	if (!err || err->kind == ERROR_NONE)
		return false;
	if (err->kind == ERROR_NO_SPACE)
		return true;
	/* that is the size of a container's /dev/shm */
	if (err->text && strcasestr(err->text, "shared memory"))
		return false;
	return says_disk_full(err->text) || says_disk_full(err->detail);
}

const char *error_kind_name(enum error_kind kind)
{
	switch (kind) {
#define ERROR_NAME(k, code, name) \
	case k:                   \
		return name;
		ERROR_KINDS(ERROR_NAME)
#undef ERROR_NAME
	case ERROR_NONE:
		break;
	}
	return "none";
}

int error_exit_code(enum error_kind kind)
{
	switch (kind) {
#define ERROR_CODE(k, code, name) \
	case k:                   \
		return code;
		ERROR_KINDS(ERROR_CODE)
#undef ERROR_CODE
	case ERROR_NONE:
		break;
	}
	return 0;
}
