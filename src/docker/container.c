/* SPDX-License-Identifier: MIT */
#include "docker/container.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/log.h"
#include "docker/container_spec.h"
#include "docker/engine.h"
#include "docker/json.h"
#include "docker/reply.h"
#include "http/http.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	REMOVAL_POLL_MS = 20
};

/* An id or name goes into a path as it is only if it is one. */
static int check_id(const char *id, struct error *err)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_.-";

	if (*id && !id[strspn(id, allowed)])
		return 0;
	return error_set(err, ERROR_ENGINE, "'%s' is not a container's id", id);
}

/* METHOD /containers/ID/REST without a body. */
static int ask(struct engine *engine, const char *method, const char *id,
	       const char *rest, const struct deadline *deadline,
	       struct http_reply *ret, struct error *err)
{
	auto_free char *path = NULL;
	struct http_request request = {.method = method};

	if (check_id(id, err) < 0)
		return -1;
	path = xasprintf("/containers/%s%s", id, rest);
	request.path = path;
	return engine_send(engine, &request, deadline, ret, err);
}

static int create_refused(const struct http_reply *reply,
			  const struct container_spec *spec, struct error *err)
{
	enum error_kind kind = ERROR_ENGINE;

	/* Docker: 404 for the image, 409 for the name, 400 for a bind; podman:
	 * 404, 500 and 500, so its words decide */
	if (reply->status == 404)
		kind = ERROR_NO_IMAGE;
	else if (reply->status == 409 || reply_says(reply, "already in use"))
		kind = ERROR_BUSY;
	else if (spec->n_mounts &&
		 (reply_says(reply, "source path does not exist") ||
		  reply_says(reply, "no such file or directory") ||
		  reply_says(reply, "mounts denied")))
		kind = ERROR_REFUSED;
	return engine_error(reply, kind, err, "create container from '%s'",
			    spec->image);
}

/* Podman makes a directory where a bind's source is not, and as root. Docker
 * refuses, and so do we, in its words, where we can see that. */
static int check_sources(struct engine *engine,
			 const struct container_spec *spec, struct error *err)
{
	if (engine_flavor(engine) != ENGINE_PODMAN || !engine_is_local(engine))
		return 0;
	for (size_t i = 0; i < spec->n_mounts; i++) {
		const char *source = spec->mounts[i].source;

		if (access(source, F_OK) < 0 && errno == ENOENT)
			return error_set(err, ERROR_REFUSED,
					 "create container from '%s': bind "
					 "source path does not exist: %s",
					 spec->image, source);
	}
	return 0;
}

/* Engines warn of much that is as usual (no limit of swap): of what they left
 * out, here. */
static void read_warning(const cJSON *json, struct container *ret)
{
	const cJSON *item;

	ret->warning[0] = '\0';
	cJSON_ArrayForEach (item, json_get(json, "Warnings")) {
		const char *text = cJSON_GetStringValue(item);

		if (!text)
			continue;
		log_debug("docker: %s", text);
		if (!*ret->warning && strcasestr(text, "discarded"))
			snprintf(ret->warning, sizeof(ret->warning), "%s",
				 text);
	}
}

int container_create(struct engine *engine, const struct container_spec *spec,
		     const struct deadline *deadline, struct container *ret,
		     struct error *err)
{
	auto_free char *body = container_spec_json(spec);
	auto_buf struct buf path = BUF_INIT;
	auto_http_reply struct http_reply reply = HTTP_REPLY_INIT;
	auto_json cJSON *json = NULL;
	struct http_request request = {.method = "POST", .body = body};
	const char *id;

	if (check_sources(engine, spec, err) < 0)
		return -1;
	buf_puts(&path, "/containers/create");
	if (spec->name)
		buf_put_query(&path, "name", spec->name);
	request.path = path.s;
	if (engine_send(engine, &request, deadline, &reply, err) < 0)
		return error_wrap(err, "create container from '%s'",
				  spec->image);
	if (!reply_ok(&reply))
		return create_refused(&reply, spec, err);
	json = json_reply(&reply, "create container", err);
	if (!json)
		return -1;
	id = json_str(json, "Id");
	if (!id || strlen(id) >= sizeof(ret->id) || check_id(id, NULL) < 0)
		return reply_unreadable(&reply, "create container", err);
	log_debug("docker: created %.12s from %s", id, spec->image);
	snprintf(ret->id, sizeof(ret->id), "%s", id);
	read_warning(json, ret);
	return 0;
}

/* POST /containers/ID/REST where 304 means that it was so already. */
static int post(struct engine *engine, const char *id, const char *rest,
		const char *what, const struct deadline *deadline,
		struct error *err)
{
	auto_http_reply struct http_reply reply = HTTP_REPLY_INIT;

	if (ask(engine, "POST", id, rest, deadline, &reply, err) < 0)
		return error_wrap(err, "%s container %.12s", what, id);
	if (reply_ok(&reply) || reply.status == 304)
		return 0;
	return engine_error(&reply, ERROR_ENGINE, err, "%s container %.12s",
			    what, id);
}

int container_start(struct engine *engine, const struct container *c,
		    const struct deadline *deadline, struct error *err)
{
	return post(engine, c->id, "/start", "start", deadline, err);
}

int container_stop(struct engine *engine, const struct container *c,
		   int timeout_s, const struct deadline *deadline,
		   struct error *err)
{
	char rest[32];

	snprintf(rest, sizeof(rest), "/stop?t=%d", timeout_s);
	return post(engine, c->id, rest, "stop", deadline, err);
}

int container_kill(struct engine *engine, const struct container *c,
		   const char *signal, const struct deadline *deadline,
		   struct error *err)
{
	auto_buf struct buf rest = BUF_INIT;

	buf_puts(&rest, "/kill");
	buf_put_query(&rest, "signal", signal);
	return post(engine, c->id, rest.s, "kill", deadline, err);
}

static int remove_once(struct engine *engine, const char *id,
		       const struct deadline *deadline, struct error *err)
{
	auto_http_reply struct http_reply reply = HTTP_REPLY_INIT;

	if (ask(engine, "DELETE", id, "?force=1&v=1", deadline, &reply, err) <
	    0)
		return error_wrap(err, "remove container %.12s", id);
	if (reply_ok(&reply) || reply.status == 404)
		return 1;
	if (reply.status == 409 && reply_says(&reply, "in progress"))
		return 0;
	return engine_error(&reply, ERROR_ENGINE, err, "remove container %.12s",
			    id);
}

/* Somebody else removes it: wait until that is done. How it ended is found out
 * by the next attempt. */
static int await_removal(struct engine *engine, const char *id,
			 const struct deadline *deadline, struct error *err)
{
	auto_http_reply struct http_reply reply = HTTP_REPLY_INIT;

	if (ask(engine, "POST", id, "/wait?condition=removed", deadline, &reply,
		err) < 0)
		return error_wrap(err, "remove container %.12s", id);
	return deadline_poll(deadline, NULL, 0, REMOVAL_POLL_MS,
			     "remove container", err);
}

/* Podman's force waits for the stop time-out first; a killed container has
 * none to wait for. One that does not run refuses, which is as good. */
static void kill_first(struct engine *engine, const char *id,
		       const struct deadline *deadline)
{
	auto_http_reply struct http_reply reply = HTTP_REPLY_INIT;
	auto_error struct error ignored = ERROR_INIT;

	ask(engine, "POST", id, "/kill?signal=KILL", deadline, &reply,
	    &ignored);
}

int container_remove(struct engine *engine, const char *id,
		     const struct deadline *deadline, struct error *err)
{
	if (engine_flavor(engine) == ENGINE_PODMAN)
		kill_first(engine, id, deadline);
	for (;;) {
		int rc = remove_once(engine, id, deadline, err);

		if (rc != 0)
			return rc < 0 ? -1 : 0;
		if (await_removal(engine, id, deadline, err) < 0)
			return -1;
	}
}

int container_wait(struct engine *engine, const struct container *c,
		   const struct deadline *deadline, int *ret_exit_code,
		   struct error *err)
{
	auto_http_reply struct http_reply reply = HTTP_REPLY_INIT;
	auto_json cJSON *json = NULL;

	if (ask(engine, "POST", c->id, "/wait", deadline, &reply, err) < 0)
		return error_wrap(err, "wait for container %.12s", c->id);
	if (!reply_ok(&reply))
		return engine_error(&reply, ERROR_ENGINE, err,
				    "wait for container %.12s", c->id);
	json = json_reply(&reply, "wait for container", err);
	if (!json)
		return -1;
	if (!cJSON_IsNumber(json_get(json, "StatusCode")))
		return reply_unreadable(&reply, "wait for container", err);
	*ret_exit_code = (int)json_int(json, "StatusCode", -1);
	return 0;
}

/* The published ports of an inspect's NetworkSettings.Ports, "6379/tcp". */
static void read_ports(const cJSON *ports, struct container_state *ret)
{
	const cJSON *port;

	cJSON_ArrayForEach (port, ports) {
		const cJSON *binding = cJSON_GetArrayItem(port, 0);
		const char *ip = json_str(binding, "HostIp");
		const char *text = json_str(binding, "HostPort");
		long number = text ? strtol(text, NULL, 10) : 0;
		long inside = port->string ? strtol(port->string, NULL, 10) : 0;

		if (number < 1 || number > UINT16_MAX || inside < 1 ||
		    inside > UINT16_MAX || ret->n_ports >= CONTAINER_PORTS_MAX)
			continue;
		ret->ports[ret->n_ports++] =
		    (struct container_port){(uint16_t)inside, (uint16_t)number};
		if (ret->host_port)
			continue;
		ret->host_port = (uint16_t)number;
		snprintf(ret->host_ip, sizeof(ret->host_ip), "%s",
			 ip ? ip : "");
	}
}

/* Its address on the default network, or, where that is not said, on the first
 * one that it is on. */
static void read_ip(const cJSON *settings, struct container_state *ret)
{
	const char *ip = json_str(settings, "IPAddress");
	const cJSON *network;

	cJSON_ArrayForEach (network, json_get(settings, "Networks")) {
		if (ip && *ip)
			break;
		ip = json_str(network, "IPAddress");
	}
	snprintf(ret->ip, sizeof(ret->ip), "%s", ip ? ip : "");
}

static void read_state(const cJSON *json, struct container_state *ret)
{
	const cJSON *state = json_get(json, "State");
	const char *status = json_str(state, "Status");
	const char *error = json_str(state, "Error");

	*ret = (struct container_state){0};
	ret->running = json_bool(state, "Running");
	ret->exit_code = (int)json_int(state, "ExitCode", 0);
	ret->oom_killed = json_bool(state, "OOMKilled");
	ret->pid = (int)json_int(state, "Pid", 0);
	ret->tty = json_bool(json_get(json, "Config"), "Tty");
	snprintf(ret->status, sizeof(ret->status), "%s", status ? status : "");
	snprintf(ret->error, sizeof(ret->error), "%s", error ? error : "");
	read_ports(json_get2(json, "NetworkSettings", "Ports"), ret);
	read_ip(json_get(json, "NetworkSettings"), ret);
}

int container_inspect(struct engine *engine, const char *id,
		      const struct deadline *deadline,
		      struct container_state *ret, struct error *err)
{
	auto_http_reply struct http_reply reply = HTTP_REPLY_INIT;
	auto_json cJSON *json = NULL;

	if (ask(engine, "GET", id, "/json", deadline, &reply, err) < 0)
		return error_wrap(err, "inspect container %.12s", id);
	if (!reply_ok(&reply))
		return engine_error(&reply, ERROR_ENGINE, err,
				    "inspect container %.12s", id);
	json = json_reply(&reply, "inspect container", err);
	if (!json)
		return -1;
	if (!cJSON_IsObject(json_get(json, "State")))
		return reply_unreadable(&reply, "inspect container", err);
	read_state(json, ret);
	return 0;
}
