/* SPDX-License-Identifier: MIT */
#include "docker/service_spec.h"

#include "docker/json.h"
#include "docker/service.h"

static void add_container(cJSON *template, const struct service_spec *spec)
{
	cJSON *c = cJSON_AddObjectToObject(template, "ContainerSpec");

	json_add_str(c, "Image", spec->image);
	json_add_strings(c, "Args", spec->args);
	json_add_pairs(c, "Labels", spec->labels);
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

static void add_port(cJSON *service, const struct service_spec *spec)
{
	cJSON *endpoint = cJSON_AddObjectToObject(service, "EndpointSpec");
	cJSON *ports;
	cJSON *port;

	if (!spec->port)
		return;
	ports = cJSON_AddArrayToObject(endpoint, "Ports");
	port = cJSON_CreateObject();
	cJSON_AddStringToObject(port, "Protocol", "tcp");
	cJSON_AddNumberToObject(port, "TargetPort", spec->port);
	cJSON_AddStringToObject(port, "PublishMode", "host");
	cJSON_AddItemToArray(ports, port);
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
	add_port(service, spec);
	return json_text(service);
}
