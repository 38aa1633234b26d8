/* SPDX-License-Identifier: MIT */
#include "supervisor/protocol.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

void cleanup_cjson(cJSON **json)
{
	int saved = errno;

	cJSON_Delete(*json);
	*json = NULL;
	errno = saved;
}

const char *protocol_string(const cJSON *object, const char *name)
{
	return cJSON_GetStringValue(
	    cJSON_GetObjectItemCaseSensitive(object, name));
}

unsigned protocol_number(const cJSON *object, const char *name, unsigned max,
			 unsigned fallback)
{
	const cJSON *n = cJSON_GetObjectItemCaseSensitive(object, name);
	double d = cJSON_IsNumber(n) ? n->valuedouble : -1;

	/* written so that NaN fails, too */
	if (!(d >= 0 && d <= max))
		return fallback;
	return (double)(unsigned)d == d ? (unsigned)d : fallback;
}

static void add_string(cJSON *to, const char *name, const char *value)
{
	if (value)
		cJSON_AddStringToObject(to, name, value);
}

cJSON *protocol_error_to_json(const struct error *err)
{
	cJSON *json = cJSON_CreateObject();

	add_string(json, "kind", error_kind_name(err->kind));
	add_string(json, "text", error_text(err));
	add_string(json, "hint", err->hint);
	add_string(json, "detail", err->detail);
	return json;
}

/* A name that a newer version made up is an error all the same. */
static enum error_kind kind_of(const char *name)
{
	static const enum error_kind kinds[] = {
#define KIND(kind, code, text) kind,
	    ERROR_KINDS(KIND)
#undef KIND
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (!strcmp(error_kind_name(kinds[i]), name))
			return kinds[i];
	return ERROR_INTERNAL;
}

int protocol_error_from_json(const cJSON *json, struct error *err)
{
	const char *kind = protocol_string(json, "kind");
	const char *text = protocol_string(json, "text");
	const char *hint = protocol_string(json, "hint");
	const char *detail = protocol_string(json, "detail");

	if (!kind || !text)
		return error_set(err, ERROR_PROTOCOL,
				 "the session refused without a reason");
	error_set(err, kind_of(kind), "%s", text);
	if (hint)
		error_hint(err, "%s", hint);
	if (detail)
		error_detail(err, detail);
	return -1;
}

static const char *const event_kinds[] = {
    [PROGRESS_STEP] = "step",     [PROGRESS_ITEM] = "item",
    [PROGRESS_DONE] = "done",     [PROGRESS_LINE] = "line",
    [PROGRESS_NOTICE] = "notice",
};
enum {
	N_EVENT_KINDS = sizeof(event_kinds) / sizeof(*event_kinds)
};

cJSON *protocol_event_to_json(const struct progress_event *event)
{
	cJSON *json = cJSON_CreateObject();

	add_string(json, "event", event_kinds[event->kind]);
	add_string(json, "step", event->step);
	add_string(json, "item", event->item);
	add_string(json, "text", event->text);
	if (event->current)
		cJSON_AddNumberToObject(json, "current",
					(double)event->current);
	if (event->total)
		cJSON_AddNumberToObject(json, "total", (double)event->total);
	return json;
}

/* Bytes of a download fit a double exactly; what does not is not shown. */
static int64_t amount(const cJSON *json, const char *name)
{
	const cJSON *n = cJSON_GetObjectItemCaseSensitive(json, name);
	double d = cJSON_IsNumber(n) ? n->valuedouble : 0;

	return d > 0 && d < 9e15 ? (int64_t)d : 0;
}

int protocol_event_from_json(const cJSON *json, struct progress_event *ret)
{
	const char *name = protocol_string(json, "event");

	for (int i = 0; name && i < N_EVENT_KINDS; i++) {
		if (strcmp(event_kinds[i], name) != 0)
			continue;
		*ret = (struct progress_event){
		    .kind = (enum progress_kind)i,
		    .step = protocol_string(json, "step"),
		    .item = protocol_string(json, "item"),
		    .text = protocol_string(json, "text"),
		    .current = amount(json, "current"),
		    .total = amount(json, "total"),
		};
		return 0;
	}
	return -1;
}

int protocol_address(const char *path, struct sockaddr_un *ret,
		     struct error *err)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	size_t n = strlen(path);

	if (n >= sizeof(addr.sun_path))
		return error_set(err, ERROR_IO,
				 "'%s': path too long for a socket", path);
	memcpy(addr.sun_path, path, n + 1);
	*ret = addr;
	return 0;
}

int protocol_check_peer(int fd, struct error *err)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return error_set_errno(err, ERROR_IO, errno,
				       "ask who is at the socket's other end");
	if (peer.uid != geteuid())
		return error_set(err, ERROR_REFUSED,
				 "the socket's other end belongs to user %lu",
				 (unsigned long)peer.uid);
	return 0;
}
