/* SPDX-License-Identifier: MIT */
/*
 * docker/json.h - reading an engine's JSON, which may lack any field, hold
 * null for it, or be of another type. Private to docker/.
 *
 * All accept NULL for the object. Strings are borrowed from the tree.
 */
#ifndef DOCKER_JSON_H
#define DOCKER_JSON_H

#include "base/strvec.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

struct http_reply;
struct error;

void cleanup_json(cJSON **json);
#define auto_json __attribute__((cleanup(cleanup_json)))

/* The body as an object or array; ERROR_PROTOCOL "WHAT: …" if it is neither.
 * The caller deletes it. */
cJSON *json_reply(const struct http_reply *reply, const char *what,
		  struct error *err);

const cJSON *json_get(const cJSON *object, const char *key);
/* A member of a member: json_get2(o, "State", "Status"). */
const cJSON *json_get2(const cJSON *object, const char *key, const char *key2);
/* NULL where it is no string. */
const char *json_str(const cJSON *object, const char *key);
/* `otherwise` where it is no number. */
int64_t json_int(const cJSON *object, const char *key, int64_t otherwise);
bool json_bool(const cJSON *object, const char *key);
/* An array's strings, in order. */
void json_strings(const cJSON *array, struct strvec *ret);
/* An object's members as "key=value", or its keys alone. */
void json_pairs(const cJSON *object, struct strvec *ret);
void json_keys(const cJSON *object, struct strvec *ret);

/* Building. Lists are NULL-terminated; NULL adds nothing. "k=v" entries become
 * members; one without '=' gets the value "". */
void json_add_strings(cJSON *object, const char *key, const char *const *list);
void json_add_pairs(cJSON *object, const char *key, const char *const *list);
void json_add_str(cJSON *object, const char *key, const char *value);
/* Without white space; the caller frees. */
char *json_text(const cJSON *json);

/* {"label":["a=b"]}: one entry of an API filter. */
void json_add_filter(cJSON *filters, const char *key, const char *value);

#endif
