/* SPDX-License-Identifier: MIT */
#include "docker/service_spec.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/strvec.h"
#include "docker/json.h"
#include "docker/service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEALTH_INTERVAL_NS 1e9
#define HEALTH_TIMEOUT_NS  30e9
#define HEALTH_RETRIES     1000000

/* "64m" and the like, as the kernel reads the size of a tmpfs. */
static bool read_size(const char *text, int64_t *ret)
{
	static const char units[] = "kmg";
	char *end;
	long long n = strtoll(text, &end, 10);
	const char *unit = *end ? strchr(units, *end | 0x20) : NULL;
	int shift = unit ? 10 * (int)(unit - units + 1) : 0;

	if (end == text || n <= 0 || n > INT64_MAX >> shift ||
	    (*end && (!unit || end[1])))
		return false;
	*ret = (int64_t)n << shift;
	return true;
}

static bool read_mode(const char *text, int64_t *ret)
{
	char *end;
	long mode = strtol(text, &end, 8);

	*ret = mode;
	return end != text && !*end && mode >= 0 && mode <= 07777;
}

struct tmpfs {
	char path[1024];
	int64_t size, mode; /* -1: not said */
	char stray[64];     /* the first option that is not known, or "" */
};

/* What a swarm's tmpfs is by itself needs not be said. */
static bool take_option(const char *option, struct tmpfs *t)
{
	static const char *const given[] = {"rw", "noexec", "nosuid", "nodev"};

	if (!strncmp(option, "size=", 5))
		return read_size(option + 5, &t->size);
	if (!strncmp(option, "mode=", 5))
		return read_mode(option + 5, &t->mode);
	for (size_t i = 0; i < array_len(given); i++)
		if (!strcmp(option, given[i]))
			return true;
	return !*option;
}

static struct tmpfs read_tmpfs(const char *text)
{
	struct tmpfs t = {.size = -1, .mode = -1};
	size_t len = strcspn(text, ":");

	snprintf(t.path, sizeof(t.path), "%.*s", (int)len, text);
	for (text += len; *text && !*t.stray; text += len) {
		char option[64];

		len = strcspn(++text, ",");
		snprintf(option, sizeof(option), "%.*s", (int)len, text);
		if (!take_option(option, &t))
			memcpy(t.stray, option, sizeof(option));
	}
	return t;
}

int service_check_tmpfs(const char *tmpfs, struct error *err)
{
	struct tmpfs t = read_tmpfs(tmpfs);

	if (!*t.stray)
		return 0;
	return error_set(err, ERROR_CONFIG,
			 "a swarm cannot give the tmpfs '%s' the option '%s'",
			 t.path, t.stray);
}

static cJSON *add_mount(cJSON *mounts, const char *type, const char *target)
{
	cJSON *mount = cJSON_CreateObject();

	cJSON_AddStringToObject(mount, "Type", type);
	cJSON_AddStringToObject(mount, "Target", target);
	cJSON_AddItemToArray(mounts, mount);
	return mount;
}

static void add_tmpfs(cJSON *mounts, const char *text)
{
	struct tmpfs t = read_tmpfs(text);
	cJSON *mount = add_mount(mounts, "tmpfs", t.path);
	cJSON *options = cJSON_AddObjectToObject(mount, "TmpfsOptions");

	if (t.size >= 0)
		cJSON_AddNumberToObject(options, "SizeBytes", (double)t.size);
	if (t.mode >= 0)
		cJSON_AddNumberToObject(options, "Mode", (double)t.mode);
}

static void add_mounts(cJSON *container, const struct service_spec *spec)
{
	cJSON *mounts;

	if (!spec->n_mounts && !(spec->tmpfs && spec->tmpfs[0]))
		return;
	mounts = cJSON_AddArrayToObject(container, "Mounts");
	for (size_t i = 0; i < spec->n_mounts; i++) {
		const struct container_mount *m = &spec->mounts[i];
		cJSON *mount = add_mount(mounts, "bind", m->target);

		cJSON_AddStringToObject(mount, "Source", m->source);
		if (m->read_only)
			cJSON_AddTrueToObject(mount, "ReadOnly");
	}
	for (const char *const *t = spec->tmpfs; t && *t; t++)
		add_tmpfs(mounts, *t);
}

/* As lines of /etc/hosts, which is what a swarm wants: "IP NAME". */
static void add_hosts(cJSON *container, const char *const *hosts)
{
	auto_strvec struct strvec lines = STRVEC_INIT;

	for (; hosts && *hosts; hosts++) {
		const char *colon = strchr(*hosts, ':');

		if (colon)
			strvec_pushf(&lines, "%s %.*s", colon + 1,
				     (int)(colon - *hosts), *hosts);
	}
	if (lines.n)
		json_add_strings(container, "Hosts",
				 (const char *const *)lines.v);
}

/* One that fails does not end the task: who waits for it has a deadline. */
static void add_healthcheck(cJSON *container, const struct service_spec *spec)
{
	auto_strvec struct strvec test = STRVEC_INIT;
	cJSON *check;

	if (!spec->health_cmd && !spec->no_healthcheck)
		return;
	strvec_push(&test, spec->health_cmd ? "CMD" : "NONE");
	if (spec->health_cmd)
		strvec_extend(&test,
			      (char *const *)(uintptr_t)spec->health_cmd);
	check = cJSON_AddObjectToObject(container, "Healthcheck");
	json_add_strings(check, "Test", (const char *const *)test.v);
	if (!spec->health_cmd)
		return;
	cJSON_AddNumberToObject(check, "Interval", HEALTH_INTERVAL_NS);
	cJSON_AddNumberToObject(check, "Timeout", HEALTH_TIMEOUT_NS);
	cJSON_AddNumberToObject(check, "Retries", HEALTH_RETRIES);
}

static void add_no_label(cJSON *container)
{
	cJSON *privileges = cJSON_AddObjectToObject(container, "Privileges");

	cJSON_AddTrueToObject(
	    cJSON_AddObjectToObject(privileges, "SELinuxContext"), "Disable");
}

static void add_container(cJSON *template, const struct service_spec *spec)
{
	cJSON *c = cJSON_AddObjectToObject(template, "ContainerSpec");

	json_add_str(c, "Image", spec->image);
	json_add_strings(c, "Command", spec->entrypoint);
	json_add_strings(c, "Args", spec->args);
	json_add_strings(c, "Env", spec->env);
	json_add_str(c, "User", spec->user);
	json_add_str(c, "Dir", spec->working_dir);
	json_add_pairs(c, "Labels", spec->labels);
	add_mounts(c, spec);
	add_hosts(c, spec->hosts);
	add_healthcheck(c, spec);
	if (spec->no_label)
		add_no_label(c);
	/* nothing in it is wanted any more when it is removed */
	json_add_str(c, "StopSignal", "SIGKILL");
}

static void add_limits(cJSON *template, const struct service_spec *spec,
		       bool pids)
{
	cJSON *resources = cJSON_AddObjectToObject(template, "Resources");
	cJSON *limits = cJSON_AddObjectToObject(resources, "Limits");

	if (spec->memory_bytes)
		cJSON_AddNumberToObject(limits, "MemoryBytes",
					(double)spec->memory_bytes);
	if (pids && spec->pids_limit)
		cJSON_AddNumberToObject(limits, "Pids",
					(double)spec->pids_limit);
}

static void add_port(cJSON *ports, uint16_t number)
{
	cJSON *port = cJSON_CreateObject();

	cJSON_AddStringToObject(port, "Protocol", "tcp");
	cJSON_AddNumberToObject(port, "TargetPort", number);
	cJSON_AddStringToObject(port, "PublishMode", "host");
	cJSON_AddItemToArray(ports, port);
}

static void add_ports(cJSON *service, const struct service_spec *spec)
{
	cJSON *endpoint = cJSON_AddObjectToObject(service, "EndpointSpec");
	cJSON *ports;

	if (!spec->port)
		return;
	ports = cJSON_AddArrayToObject(endpoint, "Ports");
	add_port(ports, spec->port);
	for (const uint16_t *p = spec->more_ports; p && *p; p++)
		add_port(ports, *p);
}

char *service_spec_json(const struct service_spec *spec, bool pids)
{
	auto_json cJSON *service = cJSON_CreateObject();
	cJSON *template;
	cJSON *mode;

	json_add_str(service, "Name", spec->name);
	json_add_pairs(service, "Labels", spec->labels);
	template = cJSON_AddObjectToObject(service, "TaskTemplate");
	add_container(template, spec);
	add_limits(template, spec, pids);
	json_add_str(cJSON_AddObjectToObject(template, "RestartPolicy"),
		     "Condition", "none");
	json_add_strings(cJSON_AddObjectToObject(template, "Placement"),
			 "Constraints", spec->constraints);
	mode = cJSON_AddObjectToObject(service, "Mode");
	cJSON_AddNumberToObject(cJSON_AddObjectToObject(mode, "Replicated"),
				"Replicas", 1);
	add_ports(service, spec);
	return json_text(service);
}
