/* SPDX-License-Identifier: MIT */
#include "docker/json.h"

#include "base/alloc.h"
#include "base/error.h"
#include "docker/reply.h"
#include "http/http.h"

#include <math.h>
#include <string.h>

void cleanup_json(cJSON **json)
{
	cJSON_Delete(*json);
	*json = NULL;
}

cJSON *json_reply(const struct http_reply *reply, const char *what,
		  struct error *err)
{
	cJSON *json = cJSON_ParseWithLength(reply->body.s, reply->body.len);

	if (cJSON_IsObject(json) || cJSON_IsArray(json))
		return json;
	cJSON_Delete(json);
	reply_unreadable(reply, what, err);
	return NULL;
}

const cJSON *json_get(const cJSON *object, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(object, key);
}

const cJSON *json_get2(const cJSON *object, const char *key, const char *key2)
{
	return json_get(json_get(object, key), key2);
}

const char *json_str(const cJSON *object, const char *key)
{
	return cJSON_GetStringValue(json_get(object, key));
}

int64_t json_int(const cJSON *object, const char *key, int64_t otherwise)
{
	const cJSON *item = json_get(object, key);
	const double limit = 9007199254740992.0; /* 2^53: exact up to here */

	if (!cJSON_IsNumber(item) || !isfinite(item->valuedouble))
		return otherwise;
	if (item->valuedouble > limit || item->valuedouble < -limit)
		return otherwise;
	return (int64_t)item->valuedouble;
}

bool json_bool(const cJSON *object, const char *key)
{
	return cJSON_IsTrue(json_get(object, key));
}

void json_strings(const cJSON *array, struct strvec *ret)
{
	const cJSON *item;

	cJSON_ArrayForEach (item, array) {
		if (cJSON_IsString(item))
			strvec_push(ret, item->valuestring);
	}
}

void json_pairs(const cJSON *object, struct strvec *ret)
{
	const cJSON *item;

	cJSON_ArrayForEach (item, object) {
		if (cJSON_IsString(item) && item->string)
			strvec_pushf(ret, "%s=%s", item->string,
				     item->valuestring);
	}
}

void json_keys(const cJSON *object, struct strvec *ret)
{
	const cJSON *item;

	cJSON_ArrayForEach (item, object) {
		if (item->string)
			strvec_push(ret, item->string);
	}
}

void json_add_str(cJSON *object, const char *key, const char *value)
{
	if (value)
		cJSON_AddStringToObject(object, key, value);
}

void json_add_strings(cJSON *object, const char *key, const char *const *list)
{
	cJSON *array;

	if (!list)
		return;
	array = cJSON_AddArrayToObject(object, key);
	for (; *list; list++)
		cJSON_AddItemToArray(array, cJSON_CreateString(*list));
}

void json_add_pairs(cJSON *object, const char *key, const char *const *list)
{
	cJSON *pairs;

	if (!list)
		return;
	pairs = cJSON_AddObjectToObject(object, key);
	for (; *list; list++) {
		size_t len = strcspn(*list, "=");
		auto_free char *name = xstrndup(*list, len);

		cJSON_AddStringToObject(pairs, name,
					(*list)[len] ? *list + len + 1 : "");
	}
}

char *json_text(const cJSON *json)
{
	char *text = cJSON_PrintUnformatted(json);

	/* only memory can be missing, which ends the program elsewhere too */
	return text ? text : xstrdup("");
}

void json_add_filter(cJSON *filters, const char *key, const char *value)
{
	cJSON *array = cJSON_AddArrayToObject(filters, key);

	cJSON_AddItemToArray(array, cJSON_CreateString(value));
}
