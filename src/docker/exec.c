/* SPDX-License-Identifier: MIT */
#include "docker/container.h"

#include "base/alloc.h"
#include "base/error.h"
#include "docker/engine.h"
#include "docker/frames.h"
#include "docker/json.h"
#include "docker/reply.h"
#include "http/http.h"

#include <string.h>

enum {
	RUNNING_POLL_MS = 5,
	RUNNING_POLL_MAX_MS = 100
};

static char *exec_json(const char *const *cmd, const char *user)
{
	auto_json cJSON *json = cJSON_CreateObject();

	/* podman before 5.5 refuses one that attaches nothing */
	cJSON_AddTrueToObject(json, "AttachStdout");
	cJSON_AddTrueToObject(json, "AttachStderr");
	json_add_strings(json, "Cmd", cmd);
	json_add_str(json, "User", user);
	return json_text(json);
}

static int exec_create(struct engine *engine, const char *id,
		       const char *const *cmd, const char *user,
		       const struct deadline *deadline, char **ret_exec,
		       struct error *err)
{
	auto_free char *path = xasprintf("/containers/%s/exec", id);
	auto_free char *body = exec_json(cmd, user);
	auto_http_reply struct http_reply reply = HTTP_REPLY_INIT;
	auto_json cJSON *json = NULL;
	struct http_request request = {
	    .method = "POST", .path = path, .body = body};
	const char *exec;

	if (engine_send(engine, &request, deadline, &reply, err) < 0)
		return -1;
	if (!reply_ok(&reply))
		return engine_error(&reply, ERROR_ENGINE, err, "create");
	json = json_reply(&reply, "create", err);
	if (!json)
		return -1;
	exec = json_str(json, "Id");
	if (!exec || !*exec || exec[strspn(exec, "0123456789abcdef")])
		return reply_unreadable(&reply, "create", err);
	*ret_exec = xstrdup(exec);
	return 0;
}

/* Runs it to the end of its output. No upgrade of the connection is asked for,
 * so the engine answers 200 and closes at the end. */
static int exec_start(struct engine *engine, const char *exec,
		      const struct deadline *deadline, container_log_fn *fn,
		      void *ctx, struct error *err)
{
	auto_free char *path = xasprintf("/exec/%s/start", exec);
	auto_http_reply struct http_reply reply = HTTP_REPLY_INIT;
	struct frames frames = {.fn = fn, .ctx = ctx};
	struct http_request request = {.method = "POST",
				       .path = path,
				       .body =
					   "{\"Detach\":false,\"Tty\":false}",
				       .data = frames_put,
				       .data_ctx = &frames};

	if (engine_send(engine, &request, deadline, &reply, err) < 0)
		return -1;
	if (!reply_ok(&reply))
		return engine_error(&reply, ERROR_ENGINE, err, "start");
	if (frames.stopped || frames_complete(&frames))
		return 0;
	return error_set(err, ERROR_PROTOCOL, "%s",
			 frames.unreadable ? "the output is not framed"
					   : "the output is cut off");
}

/* 1 ended, 0 still running. */
static int exec_ended(struct engine *engine, const char *exec,
		      const struct deadline *deadline, int *ret_exit_code,
		      struct error *err)
{
	auto_free char *path = xasprintf("/exec/%s/json", exec);
	auto_http_reply struct http_reply reply = HTTP_REPLY_INIT;
	auto_json cJSON *json = NULL;
	struct http_request request = {.path = path};

	if (engine_send(engine, &request, deadline, &reply, err) < 0)
		return -1;
	if (!reply_ok(&reply))
		return engine_error(&reply, ERROR_ENGINE, err, "inspect");
	json = json_reply(&reply, "inspect", err);
	if (!json)
		return -1;
	if (json_bool(json, "Running"))
		return 0;
	if (!cJSON_IsNumber(json_get(json, "ExitCode")))
		return reply_unreadable(&reply, "inspect", err);
	*ret_exit_code = (int)json_int(json, "ExitCode", -1);
	return 1;
}

/* The output may end before the command does, which may have closed it. */
static int exec_await(struct engine *engine, const char *exec,
		      const struct deadline *deadline, int *ret_exit_code,
		      struct error *err)
{
	int64_t pause = RUNNING_POLL_MS;

	for (;;) {
		int rc = exec_ended(engine, exec, deadline, ret_exit_code, err);

		if (rc != 0)
			return rc < 0 ? -1 : 0;
		if (deadline_poll(deadline, NULL, 0, pause, "exec", err) < 0)
			return -1;
		pause = pause * 2 < RUNNING_POLL_MAX_MS ? pause * 2
							: RUNNING_POLL_MAX_MS;
	}
}

int container_exec(struct engine *engine, const char *id,
		   const char *const *cmd, const char *user,
		   const struct deadline *deadline, container_log_fn *fn,
		   void *ctx, int *ret_exit_code, struct error *err)
{
	auto_free char *exec = NULL;

	if (exec_create(engine, id, cmd, user, deadline, &exec, err) < 0 ||
	    exec_start(engine, exec, deadline, fn, ctx, err) < 0 ||
	    exec_await(engine, exec, deadline, ret_exit_code, err) < 0)
		return error_wrap(err, "exec '%s' in container %.12s", cmd[0],
				  id);
	return 0;
}
