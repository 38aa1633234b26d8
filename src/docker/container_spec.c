/* SPDX-License-Identifier: MIT */
#include "docker/container_spec.h"

#include "docker/container.h"
#include "docker/json.h"

#include <stdio.h>
#include <string.h>

/* HostConfig.Mounts and not Binds: a bind whose source is not there is refused,
 * where Binds would make a directory of root's. */
static void add_mounts(cJSON *host, const struct container_spec *spec)
{
	cJSON *mounts;

	if (!spec->n_mounts)
		return;
	mounts = cJSON_AddArrayToObject(host, "Mounts");
	for (size_t i = 0; i < spec->n_mounts; i++) {
		const struct container_mount *m = &spec->mounts[i];
		cJSON *mount = cJSON_CreateObject();

		cJSON_AddStringToObject(mount, "Type", "bind");
		cJSON_AddStringToObject(mount, "Source", m->source);
		cJSON_AddStringToObject(mount, "Target", m->target);
		if (m->read_only)
			cJSON_AddTrueToObject(mount, "ReadOnly");
		cJSON_AddItemToArray(mounts, mount);
	}
}

/* One explicit element: an empty list is to lose its meaning (moby#51727). */
static void add_port(cJSON *exposed, cJSON *bindings, uint16_t number,
		     const struct container_spec *spec)
{
	char port[16];
	cJSON *binding = cJSON_CreateObject();

	snprintf(port, sizeof(port), "%u/tcp", (unsigned)number);
	cJSON_AddObjectToObject(exposed, port);
	cJSON_AddStringToObject(binding, "HostIp",
				spec->publish_ip ? spec->publish_ip
						 : "127.0.0.1");
	cJSON_AddStringToObject(binding, "HostPort", "");
	cJSON_AddItemToArray(cJSON_AddArrayToObject(bindings, port), binding);
}

static void add_ports(cJSON *config, cJSON *host,
		      const struct container_spec *spec)
{
	cJSON *exposed;
	cJSON *bindings;

	if (!spec->port)
		return;
	exposed = cJSON_AddObjectToObject(config, "ExposedPorts");
	bindings = cJSON_AddObjectToObject(host, "PortBindings");
	add_port(exposed, bindings, spec->port, spec);
	for (const uint16_t *p = spec->more_ports; p && *p; p++)
		add_port(exposed, bindings, *p, spec);
}

/* "/run:size=64m": the options behind the first colon. */
static void add_tmpfs(cJSON *host, const struct container_spec *spec)
{
	cJSON *map;

	if (!spec->tmpfs || !spec->tmpfs[0])
		return;
	map = cJSON_AddObjectToObject(host, "Tmpfs");
	for (const char *const *t = spec->tmpfs; *t; t++) {
		const char *colon = strchr(*t, ':');
		char path[1024];

		snprintf(path, sizeof(path), "%.*s",
			 colon ? (int)(colon - *t) : (int)strlen(*t), *t);
		cJSON_DeleteItemFromObject(map, path);
		cJSON_AddStringToObject(map, path, colon ? colon + 1 : "");
	}
}

static void add_no_healthcheck(cJSON *config)
{
	static const char *const none[] = {"NONE", NULL};

	json_add_strings(cJSON_AddObjectToObject(config, "Healthcheck"), "Test",
			 none);
}

static void add_number(cJSON *object, const char *key, int64_t value)
{
	if (value)
		cJSON_AddNumberToObject(object, key, (double)value);
}

char *container_spec_json(const struct container_spec *spec)
{
	static const char *const no_label[] = {"label=disable", NULL};
	auto_json cJSON *config = cJSON_CreateObject();
	cJSON *host;

	json_add_str(config, "Image", spec->image);
	json_add_strings(config, "Env", spec->env);
	json_add_strings(config, "Cmd", spec->cmd);
	json_add_strings(config, "Entrypoint", spec->entrypoint);
	json_add_str(config, "User", spec->user);
	json_add_str(config, "WorkingDir", spec->working_dir);
	json_add_pairs(config, "Labels", spec->labels);
	add_number(config, "StopTimeout", spec->stop_timeout_s);
	host = cJSON_AddObjectToObject(config, "HostConfig");
	json_add_str(host, "NetworkMode", spec->network_mode);
	add_mounts(host, spec);
	add_ports(config, host, spec);
	add_tmpfs(host, spec);
	if (spec->hosts && spec->hosts[0])
		json_add_strings(host, "ExtraHosts", spec->hosts);
	if (spec->no_healthcheck)
		add_no_healthcheck(config);
	add_number(host, "Memory", spec->memory_bytes);
	add_number(host, "ShmSize", spec->shm_bytes);
	add_number(host, "PidsLimit", spec->pids_limit);
	if (spec->init)
		cJSON_AddTrueToObject(host, "Init");
	if (spec->no_label)
		json_add_strings(host, "SecurityOpt", no_label);
	return json_text(config);
}
