/* SPDX-License-Identifier: MIT */
#include "docker/container.h"

#include "base/alloc.h"
#include "base/error.h"
#include "docker/engine.h"
#include "docker/json.h"
#include "docker/reply.h"
#include "http/http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void container_list_free(struct container_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		struct container_row *row = &list->rows[i];

		free(row->name);
		free(row->image);
		free(row->state);
		strvec_free(&row->labels);
	}
	free(list->rows);
	*list = (struct container_list)CONTAINER_LIST_INIT;
}

const char *container_row_label(const struct container_row *row,
				const char *key)
{
	return strvec_env_get(&row->labels, key);
}

static char *copy(const cJSON *json, const char *key)
{
	const char *text = json_str(json, key);

	return xstrdup(text ? text : "");
}

/* Names[] has one entry a link; our own is the one with a single slash. */
static char *own_name(const cJSON *json)
{
	const cJSON *item;

	cJSON_ArrayForEach (item, json_get(json, "Names")) {
		const char *name = cJSON_GetStringValue(item);

		if (!name)
			continue;
		name += *name == '/';
		if (!strchr(name, '/'))
			return xstrdup(name);
	}
	return xstrdup("");
}

static void read_row(const cJSON *json, struct container_row *ret)
{
	const char *id = json_str(json, "Id");

	*ret = (struct container_row){.labels = STRVEC_INIT};
	snprintf(ret->id, sizeof(ret->id), "%s", id ? id : "");
	ret->name = own_name(json);
	ret->image = copy(json, "Image");
	ret->state = copy(json, "State");
	json_pairs(json_get(json, "Labels"), &ret->labels);
	ret->created_s = json_int(json, "Created", 0);
}

static char *list_path(const char *label)
{
	auto_json cJSON *filters = cJSON_CreateObject();
	auto_free char *text = NULL;
	struct buf path = BUF_INIT;

	json_add_filter(filters, "label", label);
	text = json_text(filters);
	buf_puts(&path, "/containers/json?all=1");
	buf_put_query(&path, "filters", text);
	return buf_take(&path);
}

int container_list(struct engine *engine, const char *label,
		   const struct deadline *deadline, struct container_list *ret,
		   struct error *err)
{
	auto_free char *path = list_path(label);
	struct http_request request = {.path = path};
	auto_http_reply struct http_reply reply = HTTP_REPLY_INIT;
	auto_json cJSON *json = NULL;
	const cJSON *item;

	if (engine_send(engine, &request, deadline, &reply, err) < 0)
		return error_wrap(err, "list containers");
	if (!reply_ok(&reply))
		return engine_error(&reply, ERROR_ENGINE, err,
				    "list containers");
	json = json_reply(&reply, "list containers", err);
	if (!json)
		return -1;
	if (!cJSON_IsArray(json))
		return reply_unreadable(&reply, "list containers", err);
	*ret = (struct container_list)CONTAINER_LIST_INIT;
	ret->rows =
	    xcalloc((size_t)cJSON_GetArraySize(json), sizeof(*ret->rows));
	cJSON_ArrayForEach (item, json) {
		if (json_str(item, "Id"))
			read_row(item, &ret->rows[ret->n++]);
	}
	return 0;
}
