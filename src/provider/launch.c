/* SPDX-License-Identifier: MIT */
#include "provider/launch.h"

#include "base/buf.h"
#include "base/error.h"
#include "base/log.h"
#include "docker/engine.h"
#include "provider/sweep.h"

#include <string.h>

enum {
	LOG_TAIL_LINES = 20,
	LOG_TAIL_BYTES = 8192,
	LOG_TAIL_MS = 5000
};

/* May the engine still serve the call? */
static bool answer_lost(const struct error *err)
{
	switch (err->kind) {
	case ERROR_TIMEOUT:
	case ERROR_CANCELLED:
	case ERROR_PROTOCOL:
	case ERROR_NO_ENGINE:
		return true;
	default:
		return false;
	}
}

const char *launch_publish_ip(const struct engine *engine)
{
	if (engine_is_local(engine))
		return NULL;
	return strchr(engine_publish_host(engine), ':') ? "::" : "0.0.0.0";
}

/* An engine that refuses a call has not served it; what fails with 5xx on the
 * way, in a proxy, may have been. */
static bool surely_refused(const struct error *err)
{
	return err->kind == ERROR_NO_IMAGE || err->kind == ERROR_REFUSED;
}

/*
 * Our names are random, so one that is in use is ours: libcurl sends a request
 * again when a kept connection ends before the answer, and the first may have
 * been served.
 */
static int create_named(struct engine *engine,
			const struct container_spec *spec,
			const struct deadline *deadline, struct container *ret,
			struct error *err)
{
	if (container_create(engine, spec, deadline, ret, err) == 0)
		return 0;
	if (err->kind != ERROR_BUSY)
		return -1;
	log_debug("once more: %s", err->text);
	if (container_remove(engine, spec->name, deadline, err) < 0)
		return -1;
	error_clear(err);
	return container_create(engine, spec, deadline, ret, err);
}

bool launch_done(const struct ownership *owner, const char *name, int result,
		 const struct error *err)
{
	if (result == 0 || !answer_lost(err))
		pending_end(owner->run_dir, name);
	return result < 0 && !surely_refused(err);
}

int launch_create(struct engine *engine, const struct ownership *owner,
		  const struct container_spec *spec,
		  const struct deadline *deadline, struct container *ret,
		  bool *ret_unsure, struct error *err)
{
	int result;

	if (pending_begin(owner->run_dir, spec->name, err) < 0)
		return -1;
	result = create_named(engine, spec, deadline, ret, err);
	*ret_unsure = launch_done(owner, spec->name, result, err);
	return result;
}

bool launch_port_was_taken(const struct error *err)
{
	return strstr(error_text(err), "port is already allocated") ||
	       strstr(error_text(err), "address already in use");
}

void launch_add_log(struct engine *engine, const char *id, struct error *err)
{
	auto_buf struct buf tail = BUF_INIT_MAX(LOG_TAIL_BYTES);
	struct deadline limit = deadline_in(LOG_TAIL_MS, NULL);

	if (container_log_tail(engine, id, LOG_TAIL_LINES, &limit, &tail,
			       NULL) == 0 &&
	    tail.len)
		error_detail(err, tail.s);
}
