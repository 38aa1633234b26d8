/* SPDX-License-Identifier: MIT */
#include "docker/service.h"

#include "base/alloc.h"
#include "base/error.h"
#include "docker/engine.h"
#include "docker/json.h"
#include "docker/reply.h"
#include "docker/swarm_id.h"
#include "http/http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static cJSON *get(struct engine *engine, const char *path, const char *what,
		  const struct deadline *deadline, struct error *err)
{
	struct http_request request = {.path = path};
	auto_http_reply struct http_reply reply = HTTP_REPLY_INIT;

	if (engine_send(engine, &request, deadline, &reply, err) < 0) {
		error_wrap(err, "%s", what);
		return NULL;
	}
	if (!reply_ok(&reply)) {
		engine_error(&reply, ERROR_ENGINE, err, "%s", what);
		return NULL;
	}
	return json_reply(&reply, what, err);
}

int swarm_info(struct engine *engine, const struct deadline *deadline,
	       struct swarm_info *ret, struct error *err)
{
	auto_json cJSON *json =
	    get(engine, "/info", "the engine's swarm", deadline, err);
	const cJSON *swarm = json_get(json, "Swarm");
	const char *state = json_str(swarm, "LocalNodeState");
	const cJSON *first = json_get(swarm, "RemoteManagers");
	const char *address = json_str(cJSON_GetArrayItem(first, 0), "Addr");

	if (!json)
		return -1;
	*ret = (struct swarm_info){
	    .manager = json_bool(swarm, "ControlAvailable"),
	};
	/* podman's has no swarm at all */
	snprintf(ret->state, sizeof(ret->state), "%s",
		 state && *state ? state : "inactive");
	snprintf(ret->managers, sizeof(ret->managers), "%s",
		 address ? address : "");
	swarm_id_copy(json_str(swarm, "NodeID"), ret->node);
	return 0;
}

void swarm_nodes_free(struct swarm_nodes *nodes)
{
	for (size_t i = 0; i < nodes->n; i++)
		free(nodes->list[i].hostname);
	free(nodes->list);
	*nodes = (struct swarm_nodes)SWARM_NODES_INIT;
}

static bool is_any(const char *address)
{
	return !strcmp(address, "0.0.0.0") || !strcmp(address, "::");
}

/* A manager that was told no address of its own says 0.0.0.0; the others know
 * it by the one they talk to, "10.0.0.1:2377" or "[fd00::1]:2377". */
static void read_address(const cJSON *json, char *ret, size_t size)
{
	const char *address = json_str(json_get(json, "Status"), "Addr");
	const char *manager = json_str(json_get(json, "ManagerStatus"), "Addr");
	bool v6 = manager && *manager == '[';
	const char *end = !manager ? NULL
			  : v6     ? strchr(manager, ']')
				   : strrchr(manager, ':');

	if (address && *address && !is_any(address)) {
		snprintf(ret, size, "%s", address);
		return;
	}
	if (end)
		snprintf(ret, size, "%.*s", (int)(end - manager) - v6,
			 manager + v6);
	if (is_any(ret))
		*ret = '\0';
}

static void read_node(const cJSON *json, struct swarm_node *ret)
{
	const cJSON *description = json_get(json, "Description");
	const char *hostname = json_str(description, "Hostname");
	const char *state = json_str(json_get(json, "Status"), "State");
	const char *use = json_str(json_get(json, "Spec"), "Availability");
	int64_t nano =
	    json_int(json_get(description, "Resources"), "NanoCPUs", 0);

	ret->hostname = xstrdup(hostname && *hostname ? hostname : ret->id);
	ret->cpus = (int)(nano / 1000000000);
	ret->ready =
	    state && use && !strcmp(state, "ready") && !strcmp(use, "active");
	read_address(json, ret->address, sizeof(ret->address));
}

int swarm_nodes(struct engine *engine, const struct deadline *deadline,
		struct swarm_nodes *ret, struct error *err)
{
	auto_json cJSON *json =
	    get(engine, "/nodes", "nodes of the swarm", deadline, err);
	struct swarm_nodes nodes = SWARM_NODES_INIT;
	const cJSON *item;

	if (!json)
		return -1;
	if (!cJSON_IsArray(json))
		return error_set(err, ERROR_PROTOCOL,
				 "nodes of the swarm: unreadable reply");
	nodes.list =
	    xcalloc((size_t)cJSON_GetArraySize(json) + 1, sizeof(*nodes.list));
	cJSON_ArrayForEach (item, json) {
		struct swarm_node *node = &nodes.list[nodes.n];

		if (!swarm_id_copy(json_str(item, "ID"), node->id))
			continue;
		read_node(item, node);
		nodes.n++;
	}
	*ret = nodes;
	return 0;
}

const struct swarm_node *swarm_node_find(const struct swarm_nodes *nodes,
					 const char *id)
{
	for (size_t i = 0; i < nodes->n; i++)
		if (!strcmp(nodes->list[i].id, id))
			return &nodes->list[i];
	return NULL;
}
