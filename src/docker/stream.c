/* SPDX-License-Identifier: MIT */
#include "docker/stream.h"

#include "base/error.h"
#include "docker/json.h"

#include <stdio.h>
#include <string.h>

void stream_free(struct stream *s)
{
	buf_free(&s->line);
}

static int take_line(struct stream *s)
{
	auto_json cJSON *json = NULL;

	if (!s->line.s[strspn(s->line.s, " \t\r\n")] && !s->line.full)
		return 0;
	if (!s->line.full)
		json = cJSON_ParseWithLength(s->line.s, s->line.len);
	if (!cJSON_IsObject(json)) {
		snprintf(s->bad_line, sizeof(s->bad_line), "%.*s",
			 (int)strcspn(s->line.s, "\r\n"), s->line.s);
		if (!s->bad_line[0])
			s->bad_line[0] = '?';
		return 1;
	}
	if (s->fn(s->ctx, json)) {
		s->stopped = true;
		return 1;
	}
	return 0;
}

int stream_put(void *stream, const char *data, size_t len)
{
	struct stream *s = stream;

	while (len) {
		const char *end = memchr(data, '\n', len);
		size_t n = end ? (size_t)(end - data) + 1 : len;

		buf_put(&s->line, data, n);
		data += n;
		len -= n;
		if (!end && !s->line.full)
			continue;
		if (take_line(s))
			return 1;
		buf_clear(&s->line);
	}
	return 0;
}

int stream_end(struct stream *s, const char *what, struct error *err)
{
	if (!s->stopped && !s->bad_line[0])
		take_line(s);
	if (!s->bad_line[0])
		return 0;
	return error_set(err, ERROR_PROTOCOL, "%s: unreadable reply: '%s'",
			 what, s->bad_line);
}
