/* SPDX-License-Identifier: MIT */
#include "docker/outcome.h"

#include "base/alloc.h"
#include "docker/json.h"

#include <stdlib.h>

bool outcome_take_error(struct outcome *o, const cJSON *object)
{
	const char *text = json_str(json_get(object, "errorDetail"), "message");

	if (!text || !*text)
		text = json_str(object, "error");
	if (!text && !json_get(object, "errorDetail"))
		return false;
	if (!o->error)
		o->error = xstrdup(text && *text ? text : "unknown error");
	return true;
}

void outcome_free(struct outcome *o)
{
	free(o->error);
	o->error = NULL;
}
