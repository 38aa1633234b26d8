/* SPDX-License-Identifier: MIT */
#include "docker/service.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/log.h"
#include "docker/credentials.h"
#include "docker/engine.h"
#include "docker/frames.h"
#include "docker/json.h"
#include "docker/reference.h"
#include "docker/reply.h"
#include "docker/service_spec.h"
#include "docker/swarm_id.h"
#include "http/http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool swarm_id_copy(const char *id, char ret[SWARM_ID])
{
	size_t len = id ? strlen(id) : 0;

	if (!len || len >= SWARM_ID ||
	    id[strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789")])
		return false;
	memcpy(ret, id, len + 1);
	return true;
}

/* The nodes pull with what we may pull with. */
static void find_login(const char *image, const struct deadline *deadline,
		       struct credentials *ret)
{
	auto_reference struct reference r = REFERENCE_INIT;
	auto_free char *registry = NULL;

	if (!strncmp(image, "sha256:", 7) ||
	    reference_parse(image, &r, NULL) < 0)
		return;
	registry = reference_registry(&r);
	credentials_find(registry, deadline, ret);
}

int service_create(struct engine *engine, const struct service_spec *spec,
		   const struct deadline *deadline, char ret_id[SWARM_ID],
		   struct error *err)
{
	auto_free char *body =
	    service_spec_json(spec, engine_api(engine) >= SERVICE_PIDS_API);
	auto_credentials struct credentials login = CREDENTIALS_INIT;
	auto_http_reply struct http_reply reply = HTTP_REPLY_INIT;
	auto_json cJSON *json = NULL;
	const char *headers[] = {NULL, NULL};
	struct http_request request = {.method = "POST",
				       .path = "/services/create",
				       .body = body,
				       .headers = headers};

	find_login(spec->image, deadline, &login);
	headers[0] = login.header;
	if (engine_send(engine, &request, deadline, &reply, err) < 0)
		return error_wrap(err, "create service '%s'", spec->name);
	if (!reply_ok(&reply))
		return engine_error(
		    &reply, reply.status == 409 ? ERROR_BUSY : ERROR_ENGINE,
		    err, "create service '%s'", spec->name);
	json = json_reply(&reply, "create service", err);
	if (!json)
		return -1;
	if (!swarm_id_copy(json_str(json, "ID"), ret_id))
		return reply_unreadable(&reply, "create service", err);
	log_debug("docker: created service %s from %s", ret_id, spec->image);
	return 0;
}

/* An id or one of our names, which need no encoding in a path. */
static int check_name(const char *name, struct error *err)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_.-";

	if (*name && !name[strspn(name, allowed)])
		return 0;
	return error_set(err, ERROR_ENGINE, "'%s' is not a service's name",
			 name);
}

int service_remove(struct engine *engine, const char *id,
		   const struct deadline *deadline, struct error *err)
{
	auto_http_reply struct http_reply reply = HTTP_REPLY_INIT;
	auto_free char *path = xasprintf("/services/%s", id);
	struct http_request request = {.method = "DELETE", .path = path};

	if (check_name(id, err) < 0)
		return -1;
	if (engine_send(engine, &request, deadline, &reply, err) < 0)
		return error_wrap(err, "remove service %s", id);
	if (reply_ok(&reply) || reply.status == 404)
		return 0;
	return engine_error(&reply, ERROR_ENGINE, err, "remove service %s", id);
}

void service_list_free(struct service_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		free(list->rows[i].name);
		strvec_free(&list->rows[i].labels);
	}
	free(list->rows);
	*list = (struct service_list)SERVICE_LIST_INIT;
}

static char *filtered(const char *path, const char *filter, const char *value)
{
	auto_json cJSON *filters = cJSON_CreateObject();
	auto_free char *text = NULL;
	struct buf b = BUF_INIT;

	json_add_filter(filters, filter, value);
	text = json_text(filters);
	buf_puts(&b, path);
	buf_put_query(&b, "filters", text);
	return buf_take(&b);
}

static cJSON *get_array(const struct http_reply *reply, const char *what,
			struct error *err)
{
	cJSON *json = json_reply(reply, what, err);

	if (!json || cJSON_IsArray(json))
		return json;
	cJSON_Delete(json);
	reply_unreadable(reply, what, err);
	return NULL;
}

int service_list(struct engine *engine, const char *label,
		 const struct deadline *deadline, struct service_list *ret,
		 struct error *err)
{
	auto_free char *path = filtered("/services", "label", label);
	struct http_request request = {.path = path};
	auto_http_reply struct http_reply reply = HTTP_REPLY_INIT;
	auto_json cJSON *json = NULL;
	struct service_list list = SERVICE_LIST_INIT;
	const cJSON *item;

	if (engine_send(engine, &request, deadline, &reply, err) < 0)
		return error_wrap(err, "list services");
	/* 503: Docker without a swarm, or with none of its managers; 404:
	 * podman, which has none */
	if (reply.status == 404 ||
	    (reply.status == 503 &&
	     reply_says(&reply, "not a swarm manager"))) {
		*ret = list;
		return 0;
	}
	if (!reply_ok(&reply))
		return engine_error(&reply, ERROR_ENGINE, err, "list services");
	json = get_array(&reply, "list services", err);
	if (!json)
		return -1;
	list.rows =
	    xcalloc((size_t)cJSON_GetArraySize(json) + 1, sizeof(*list.rows));
	cJSON_ArrayForEach (item, json) {
		struct service_row *row = &list.rows[list.n];
		const cJSON *spec = json_get(item, "Spec");
		const char *name = json_str(spec, "Name");

		if (!swarm_id_copy(json_str(item, "ID"), row->id))
			continue;
		row->name = xstrdup(name ? name : row->id);
		row->labels = (struct strvec)STRVEC_INIT;
		json_pairs(json_get(spec, "Labels"), &row->labels);
		list.n++;
	}
	*ret = list;
	return 0;
}

static bool is_end(const char *state)
{
	static const char *const ends[] = {"complete", "failed",   "rejected",
					   "shutdown", "orphaned", "remove"};

	for (size_t i = 0; i < array_len(ends); i++)
		if (!strcmp(state, ends[i]))
			return true;
	return false;
}

static uint16_t port_number(const cJSON *port, const char *key)
{
	int64_t number = json_int(port, key, 0);

	return number > 0 && number <= UINT16_MAX ? (uint16_t)number : 0;
}

static void read_ports(const cJSON *status, struct service_task *ret)
{
	const cJSON *port;

	cJSON_ArrayForEach (port, json_get2(status, "PortStatus", "Ports")) {
		struct container_port one = {
		    port_number(port, "TargetPort"),
		    port_number(port, "PublishedPort")};

		if (!ret->port)
			ret->port = one.outside;
		if (one.inside && one.outside &&
		    ret->n_ports < CONTAINER_PORTS_MAX)
			ret->ports[ret->n_ports++] = one;
	}
}

static void read_container(const char *id, char *ret, size_t size)
{
	size_t len = id ? strlen(id) : 0;

	if (len && len < size && !id[strspn(id, "0123456789abcdef")])
		memcpy(ret, id, len + 1);
}

static void read_task(const cJSON *json, struct service_task *ret)
{
	const cJSON *status = json_get(json, "Status");
	const cJSON *container = json_get(status, "ContainerStatus");
	const char *state = json_str(status, "State");
	const char *wanted = json_str(json, "DesiredState");
	const char *message = json_str(status, "Err");

	*ret = (struct service_task){0};
	read_ports(status, ret);
	swarm_id_copy(json_str(json, "ID"), ret->id);
	swarm_id_copy(json_str(json, "NodeID"), ret->node);
	snprintf(ret->state, sizeof(ret->state), "%s", state ? state : "");
	snprintf(ret->message, sizeof(ret->message), "%s",
		 message ? message : "");
	ret->running = !strcmp(ret->state, "running");
	/* what the swarm has given up, as its node is down, says of itself
	 * what it last said */
	ret->ended = is_end(ret->state) || (wanted && is_end(wanted));
	ret->running = ret->running && !ret->ended;
	ret->exit_code = (int)json_int(container, "ExitCode", 0);
	read_container(json_str(container, "ContainerID"), ret->container,
		       sizeof(ret->container));
}

/* The youngest, should there ever be two. */
static const cJSON *latest(const cJSON *tasks)
{
	const cJSON *best = NULL;
	const cJSON *item;

	cJSON_ArrayForEach (item, tasks) {
		const char *at = json_str(item, "CreatedAt");
		const char *then = json_str(best, "CreatedAt");

		if (!best || (at && (!then || strcmp(at, then) > 0)))
			best = item;
	}
	return best;
}

int service_task(struct engine *engine, const char *service,
		 const struct deadline *deadline, struct service_task *ret,
		 struct error *err)
{
	auto_free char *path = filtered("/tasks", "service", service);
	struct http_request request = {.path = path};
	auto_http_reply struct http_reply reply = HTTP_REPLY_INIT;
	auto_json cJSON *json = NULL;
	const cJSON *task;

	if (engine_send(engine, &request, deadline, &reply, err) < 0)
		return error_wrap(err, "task of service %s", service);
	if (!reply_ok(&reply))
		return engine_error(&reply, ERROR_ENGINE, err,
				    "task of service %s", service);
	json = get_array(&reply, "list tasks", err);
	if (!json)
		return -1;
	task = latest(json);
	*ret = (struct service_task){0};
	if (task)
		read_task(task, ret);
	return 0;
}

int service_logs(struct engine *engine, const char *service,
		 const struct container_log_options *options,
		 const struct deadline *deadline, container_log_fn *fn,
		 void *ctx, struct error *err)
{
	auto_free char *path = NULL;
	auto_free char *what = xasprintf("logs of service %s", service);

	if (check_name(service, err) < 0)
		return -1;
	path = xasprintf("/services/%s", service);
	/* ours have no terminal */
	return engine_logs(engine, path, what, false, options, deadline, fn,
			   ctx, err);
}
