/* SPDX-License-Identifier: MIT */
#include "cli/target.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "cli/command.h"
#include "cli/find.h"
#include "supervisor/protocol.h"

#include <stdlib.h>
#include <string.h>

enum {
	CALL_MS = 30000
};

void target_free(struct target *t)
{
	free(t->service);
	free(t->backend);
	free(t->name);
	free(t->engine);
	db_address_free(&t->address);
	*t = (struct target)TARGET_INIT;
}

static char *copy(const cJSON *json, const char *name)
{
	return xstrdup_or_null(protocol_string(json, name));
}

static int read_reply(const cJSON *json, struct target *ret, struct error *err)
{
	const char *dialect = protocol_string(json, "dialect");
	const char *backend = protocol_string(json, "backend");

	ret->no_database = backend && !strcmp(backend, "service");
	if (!ret->no_database &&
	    (!dialect || dialect_parse(dialect, &ret->address.dialect) < 0))
		return error_set(err, ERROR_PROTOCOL,
				 "the session named no kind of database");
	ret->service = copy(json, "service");
	ret->backend = copy(json, "backend");
	ret->name = copy(json, "name");
	ret->engine = copy(json, "engine_encoded");
	ret->address.host = copy(json, "host");
	ret->address.port =
	    (uint16_t)protocol_number(json, "port", UINT16_MAX, 0);
	ret->address.socket_dir = copy(json, "socket_dir");
	ret->address.socket = copy(json, "socket");
	ret->address.user = copy(json, "user");
	ret->address.password = copy(json, "password");
	ret->address.database = copy(json, "database");
	ret->address.path = copy(json, "path");
	return 0;
}

int target_find(struct cli *cli, const struct options *options,
		const char *which, struct target *ret, struct error *err)
{
	struct deadline deadline = deadline_in(CALL_MS, cli->cancel);
	auto_session_client struct session_client *client = NULL;
	auto_free char *service = NULL;
	auto_cjson cJSON *reply = NULL;
	cJSON *args;
	unsigned slot;

	if (find_parse_target(which, &service, &slot, err) < 0 ||
	    find_session(cli, options, &deadline, &client, err) < 0)
		return -1;
	args = cJSON_CreateObject();
	if (service)
		cJSON_AddStringToObject(args, "service", service);
	cJSON_AddNumberToObject(args, "slot", slot);
	if (session_client_call(client, "target", args, NULL, &deadline, &reply,
				err) < 0)
		return -1;
	return read_reply(reply, ret, err);
}
