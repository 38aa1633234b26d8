/* SPDX-License-Identifier: MIT */
#include "docker/image.h"

#include "base/alloc.h"
#include "base/error.h"
#include "docker/engine.h"
#include "docker/image_path.h"
#include "docker/json.h"
#include "docker/reference.h"
#include "docker/reply.h"
#include "http/http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void image_free(struct image *image)
{
	free(image->id);
	strvec_free(&image->tags);
	strvec_free(&image->env);
	strvec_free(&image->entrypoint);
	strvec_free(&image->cmd);
	strvec_free(&image->volumes);
	strvec_free(&image->labels);
	strvec_free(&image->ports);
	strvec_free(&image->healthcheck);
	free(image->user);
	free(image->os);
	free(image->architecture);
	free(image->variant);
	strvec_free(&image->digests);
	*image = (struct image)IMAGE_INIT;
}

const char *image_label(const struct image *image, const char *key)
{
	return strvec_env_get(&image->labels, key);
}

const char *image_env(const struct image *image, const char *key)
{
	return strvec_env_get(&image->env, key);
}

int image_path(const char *name, const char *rest, char **ret,
	       struct error *err)
{
	auto_reference struct reference checked = REFERENCE_INIT;
	bool is_id = !strncmp(name, "sha256:", 7);
	const char *hex = is_id ? name + 7 : name;
	size_t len = strlen(hex);

	if (is_id &&
	    (!len || len > 64 || strspn(hex, "0123456789abcdef") != len))
		return error_set(err, ERROR_CONFIG,
				 "'%s' is not an image's name", name);
	if (!is_id && reference_parse(name, &checked, err) < 0)
		return -1;
	*ret = xasprintf("/images/%s%s", name, rest);
	return 0;
}

char *image_full_id(const char *id)
{
	size_t len = strlen(id);

	if (len == 64 && strspn(id, "0123456789abcdef") == len)
		return xasprintf("sha256:%s", id);
	return xstrdup(id);
}

/* RFC 3339 in UTC, as the engines write it; 0 for anything else. */
static int64_t read_time(const char *text)
{
	struct tm tm = {0};
	const char *end =
	    text ? strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;
	time_t t = end ? timegm(&tm) : 0;

	return t > 0 ? (int64_t)t : 0;
}

/* Podman has every name in full; Docker, and people, leave Docker Hub out. */
static const char *familiar_name(const char *tag)
{
	static const char hub[] = "docker.io/";
	static const char library[] = "library/";
	const char *rest;

	if (strncmp(tag, hub, strlen(hub)) != 0)
		return tag;
	rest = tag + strlen(hub);
	if (!strchr(rest, '/'))
		return tag;
	if (!strncmp(rest, library, strlen(library)))
		return rest + strlen(library);
	return rest;
}

void image_tags(const cJSON *json, struct strvec *ret)
{
	const cJSON *item;

	cJSON_ArrayForEach (item, json_get(json, "RepoTags")) {
		const char *tag = cJSON_GetStringValue(item);

		if (tag && !strstr(tag, "<none>"))
			strvec_push(ret, familiar_name(tag));
	}
}

static void read_image(const cJSON *json, struct image *ret)
{
	const cJSON *config = json_get(json, "Config");

	*ret = (struct image)IMAGE_INIT;
	ret->id = image_full_id(json_str(json, "Id"));
	image_tags(json, &ret->tags);
	json_strings(json_get(config, "Env"), &ret->env);
	json_strings(json_get(config, "Entrypoint"), &ret->entrypoint);
	json_strings(json_get(config, "Cmd"), &ret->cmd);
	json_keys(json_get(config, "Volumes"), &ret->volumes);
	json_pairs(json_get(config, "Labels"), &ret->labels);
	json_keys(json_get(config, "ExposedPorts"), &ret->ports);
	json_strings(json_get2(config, "Healthcheck", "Test"),
		     &ret->healthcheck);
	ret->user = xstrdup_or_null(json_str(config, "User"));
	ret->os = xstrdup_or_null(json_str(json, "Os"));
	ret->architecture = xstrdup_or_null(json_str(json, "Architecture"));
	ret->variant = xstrdup_or_null(json_str(json, "Variant"));
	json_strings(json_get(json, "RepoDigests"), &ret->digests);
	ret->size = json_int(json, "Size", 0);
	ret->created_s = read_time(json_str(json, "Created"));
	ret->tagged_s =
	    read_time(json_str(json_get(json, "Metadata"), "LastTagTime"));
}

/* One part of a platform; *at moves behind it. */
static bool part_is(const char **at, const char *said)
{
	size_t len = strcspn(*at, "/");
	const char *part = *at;

	*at += len + (part[len] == '/');
	return !len || !said || !*said ||
	       (strlen(said) == len && !strncmp(part, said, len));
}

bool image_is_for(const struct image *image, const char *platform)
{
	return part_is(&platform, image->os) &&
	       part_is(&platform, image->architecture) &&
	       part_is(&platform, image->variant);
}

int image_inspect(struct engine *engine, const char *name,
		  const struct deadline *deadline, struct image *ret,
		  struct error *err)
{
	auto_free char *path = NULL;
	auto_http_reply struct http_reply reply = HTTP_REPLY_INIT;
	auto_json cJSON *json = NULL;
	struct http_request request = {0};

	if (image_path(name, "/json", &path, err) < 0)
		return -1;
	request.path = path;
	if (engine_send(engine, &request, deadline, &reply, err) < 0)
		return error_wrap(err, "inspect image '%s'", name);
	if (reply.status == 404)
		return 0;
	if (!reply_ok(&reply))
		return engine_error(&reply, ERROR_ENGINE, err,
				    "inspect image '%s'", name);
	json = json_reply(&reply, "inspect image", err);
	if (!json)
		return -1;
	if (!json_str(json, "Id"))
		return reply_unreadable(&reply, "inspect image", err);
	read_image(json, ret);
	return 1;
}
