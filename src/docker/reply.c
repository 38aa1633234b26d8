/* SPDX-License-Identifier: MIT */
#include "docker/reply.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "docker/engine.h"
#include "docker/json.h"
#include "http/http.h"

#include <string.h>

enum {
	MESSAGE_MAX = 2000,
	LINE_MAX_SHOWN = 160
};

bool reply_ok(const struct http_reply *reply)
{
	return reply->status >= 200 && reply->status < 300;
}

/* The length of what fits into max bytes without cutting a UTF-8 character. */
static size_t cut(const char *s, size_t len, size_t max)
{
	if (len <= max)
		return len;
	while (max && ((unsigned char)s[max] & 0xc0) == 0x80)
		max--;
	return max;
}

/* The first line with something on it; bytes that are no text become '?'. */
static char *first_line(const struct buf *body)
{
	const char *p = body->s + strspn(body->s, " \t\r\n");
	char *line = xstrndup(p, cut(p, strcspn(p, "\r\n"), LINE_MAX_SHOWN));

	for (char *c = line; *c; c++)
		if ((unsigned char)*c >= 0x7f || (unsigned char)*c < 0x20)
			*c = '?';
	return line;
}

char *reply_message(const struct http_reply *reply)
{
	auto_json cJSON *json =
	    cJSON_ParseWithLength(reply->body.s, reply->body.len);
	const char *message = json_str(json, "message");
	auto_free char *line = NULL;

	if (message && *message)
		return xstrndup(message,
				cut(message, strlen(message), MESSAGE_MAX));
	line = first_line(&reply->body);
	if (!*line)
		return xasprintf("HTTP %d without a message", reply->status);
	return xasprintf("HTTP %d: '%s'", reply->status, line);
}

bool reply_says(const struct http_reply *reply, const char *text)
{
	auto_free char *message = reply_message(reply);

	return strcasestr(message, text) != NULL;
}

int reply_unreadable(const struct http_reply *reply, const char *what,
		     struct error *err)
{
	auto_free char *line = first_line(&reply->body);

	return error_set(err, ERROR_PROTOCOL,
			 "%s: unreadable reply (HTTP %d: '%s')", what,
			 reply->status, line);
}

int engine_disk_full(struct error *err)
{
	if (!err)
		return -1;
	/* whatever was asked, this is what is to be mended */
	err->kind = ERROR_NO_SPACE;
	error_wrap(err, "the engine's disk is full");
	error_hint(err, "make room on it: 'testenv gc --cache-size 0' removes "
			"every template that no session uses");
	return -1;
}

int engine_error(const struct http_reply *reply, int kind, struct error *err,
		 const char *what_fmt, ...)
{
	auto_free char *message = reply_message(reply);
	auto_free char *what = NULL;
	va_list args;

	va_start(args, what_fmt);
	what = xvasprintf(what_fmt, args);
	va_end(args);
	error_set(err, (enum error_kind)kind, "%s: %s", what, message);
	if (kind == ERROR_ENGINE && error_is_disk_full(err))
		return engine_disk_full(err);
	if (reply->status == 400 &&
	    (strstr(message, "is too old") || strstr(message, "is too new")))
		error_hint(err, "DOCKER_API_VERSION, or another version of "
				"testenv or of the engine");
	return -1;
}
