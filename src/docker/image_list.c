/* SPDX-License-Identifier: MIT */
#include "docker/image.h"

#include "base/alloc.h"
#include "base/error.h"
#include "docker/engine.h"
#include "docker/image_path.h"
#include "docker/json.h"
#include "docker/reply.h"
#include "http/http.h"

#include <stdlib.h>

enum {
	TRIES = 20,
	PAUSE_MS = 100
};

void image_list_free(struct image_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		image_free(&list->images[i]);
	free(list->images);
	*list = (struct image_list)IMAGE_LIST_INIT;
}

static char *list_path(const char *label, const char *reference)
{
	auto_json cJSON *filters = cJSON_CreateObject();
	auto_free char *text = NULL;
	struct buf path = BUF_INIT;

	buf_puts(&path, "/images/json");
	if (label)
		json_add_filter(filters, "label", label);
	if (reference)
		json_add_filter(filters, "reference", reference);
	text = json_text(filters);
	if (label || reference)
		buf_put_query(&path, "filters", text);
	return buf_take(&path);
}

static void read_row(const cJSON *json, struct image *ret)
{
	*ret = (struct image)IMAGE_INIT;
	ret->id = image_full_id(json_str(json, "Id"));
	image_tags(json, &ret->tags);
	json_strings(json_get(json, "RepoDigests"), &ret->digests);
	json_pairs(json_get(json, "Labels"), &ret->labels);
	ret->size = json_int(json, "Size", 0);
	ret->created_s = json_int(json, "Created", 0);
}

/* Podman gives a list up when somebody else removes one of its images
 * meanwhile; the next may do. */
static int ask(struct engine *engine, const char *path,
	       const struct deadline *deadline, struct http_reply *reply,
	       struct error *err)
{
	struct http_request request = {.path = path};

	for (int left = TRIES;; left--) {
		if (engine_send(engine, &request, deadline, reply, err) < 0)
			return error_wrap(err, "list images");
		if (reply_ok(reply))
			return 0;
		if (!left || !reply_says(reply, "image not known"))
			return engine_error(reply, ERROR_ENGINE, err,
					    "list images");
		http_reply_free(reply);
		if (deadline_poll(deadline, NULL, 0, PAUSE_MS, "list images",
				  err) < 0)
			return -1;
	}
}

int image_list(struct engine *engine, const char *label, const char *reference,
	       const struct deadline *deadline, struct image_list *ret,
	       struct error *err)
{
	auto_free char *path = list_path(label, reference);
	auto_http_reply struct http_reply reply = HTTP_REPLY_INIT;
	auto_json cJSON *json = NULL;
	const cJSON *item;

	if (ask(engine, path, deadline, &reply, err) < 0)
		return -1;
	json = json_reply(&reply, "list images", err);
	if (!json)
		return -1;
	if (!cJSON_IsArray(json))
		return reply_unreadable(&reply, "list images", err);
	*ret = (struct image_list)IMAGE_LIST_INIT;
	ret->images =
	    xcalloc((size_t)cJSON_GetArraySize(json), sizeof(*ret->images));
	cJSON_ArrayForEach (item, json) {
		if (json_str(item, "Id"))
			read_row(item, &ret->images[ret->n++]);
	}
	return 0;
}
