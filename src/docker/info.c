/* SPDX-License-Identifier: MIT */
#include "docker/engine.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/fs.h"
#include "docker/json.h"
#include "docker/reply.h"
#include "http/http.h"

#include <stdlib.h>
#include <string.h>

void engine_info_free(struct engine_info *info)
{
	free(info->version);
	free(info->storage_driver);
	free(info->cgroup_driver);
	free(info->cgroup_version);
	free(info->operating_system);
	free(info->architecture);
	free(info->root_dir);
	free(info->warnings);
	free(info->name);
	free(info->kernel);
	free(info->min_api);
	free(info->max_api);
	*info = (struct engine_info){0};
}

static cJSON *get(struct engine *engine, const char *path,
		  const struct deadline *deadline, struct error *err)
{
	struct http_request request = {.path = path};
	auto_http_reply struct http_reply reply = HTTP_REPLY_INIT;
	cJSON *json;

	if (engine_send(engine, &request, deadline, &reply, err) < 0)
		return NULL;
	if (!reply_ok(&reply))
		return engine_error(&reply, ERROR_ENGINE, err, "GET %s", path),
		       NULL;
	json = json_reply(&reply, path, err);
	return json;
}

static char *copy(const cJSON *json, const char *key)
{
	return xstrdup_or_null(json_str(json, key));
}

static char *joined(const cJSON *array)
{
	auto_strvec struct strvec list = STRVEC_INIT;
	struct buf text = BUF_INIT;

	json_strings(array, &list);
	for (size_t i = 0; i < list.n; i++)
		buf_printf(&text, "%s%s", i ? "; " : "", list.v[i]);
	return list.n ? buf_take(&text) : NULL;
}

static bool has_option(const cJSON *info, const char *option)
{
	auto_strvec struct strvec options = STRVEC_INIT;

	json_strings(json_get(info, "SecurityOptions"), &options);
	return strvec_has(&options, option);
}

int engine_info(struct engine *engine, const struct deadline *deadline,
		struct engine_info *ret, struct error *err)
{
	auto_json cJSON *info = get(engine, "/info", deadline, err);
	auto_json cJSON *version =
	    info ? get(engine, "/version", deadline, err) : NULL;

	if (!version)
		return -1;
	*ret = (struct engine_info){
	    .version = copy(version, "Version"),
	    .storage_driver = copy(info, "Driver"),
	    .cgroup_driver = copy(info, "CgroupDriver"),
	    .cgroup_version = copy(info, "CgroupVersion"),
	    .operating_system = copy(info, "OperatingSystem"),
	    .architecture = copy(info, "Architecture"),
	    .root_dir = copy(info, "DockerRootDir"),
	    .warnings = joined(json_get(info, "Warnings")),
	    .min_api = copy(version, "MinAPIVersion"),
	    .max_api = copy(version, "ApiVersion"),
	    .rootless = has_option(info, "name=rootless") ||
			json_bool(info, "Rootless"),
	    .name = copy(info, "Name"),
	    .kernel = copy(info, "KernelVersion"),
	    .memory_limit = json_bool(info, "MemoryLimit"),
	    .pids_limit = json_bool(info, "PidsLimit"),
	    .selinux = has_option(info, "name=selinux"),
	    .cpus = (int)json_int(info, "NCPU", 0),
	    .memory_bytes = json_int(info, "MemTotal", 0),
	    .containers_running = (int)json_int(info, "ContainersRunning", 0),
	};
	return 0;
}

int engine_confines_binds(struct engine *engine,
			  const struct deadline *deadline, bool *ret,
			  struct error *err)
{
	struct engine_info info = {0};

	*ret = false;
	if (!engine_is_local(engine) || !fs_exists("/sys/fs/selinux/enforce"))
		return 0;
	if (engine_info(engine, deadline, &info, err) < 0)
		return -1;
	*ret = info.selinux;
	engine_info_free(&info);
	return 0;
}
