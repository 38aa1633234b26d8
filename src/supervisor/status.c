/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
#include "base/clock.h"
#include "config/config.h"
#include "supervisor/internal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void add_string(cJSON *to, const char *name, const char *value)
{
	if (value)
		cJSON_AddStringToObject(to, name, value);
}

cJSON *status_hello(const struct supervisor *s)
{
	cJSON *json = cJSON_CreateObject();

	cJSON_AddNumberToObject(json, "version", PROTOCOL_VERSION);
	add_string(json, "testenv", TESTENV_VERSION);
	add_string(json, "session", s->id);
	add_string(json, "identity", s->identity);
	add_string(json, "project", s->spec.config->project_dir);
	add_string(json, "state", state_name(s->state));
	if (s->spec.private)
		cJSON_AddTrueToObject(json, "private");
	cJSON_AddNumberToObject(json, "pid", getpid());
	cJSON_AddNumberToObject(json, "started", (double)s->started_s);
	return json;
}

/* The address but for its password, which only `target` tells. */
static cJSON *address_json(const struct db_address *a)
{
	cJSON *json = cJSON_CreateObject();

	add_string(json, "host", a->host);
	if (a->port)
		cJSON_AddNumberToObject(json, "port", a->port);
	add_string(json, "socket_dir", a->socket_dir);
	add_string(json, "socket", a->socket);
	add_string(json, "user", a->user);
	add_string(json, "database", a->database);
	add_string(json, "path", a->path);
	return json;
}

static cJSON *slots_json(const struct supervisor *s, unsigned i,
			 const struct session_service *service)
{
	cJSON *list = cJSON_CreateArray();

	for (unsigned slot = 0; slot < service->n_slots; slot++) {
		auto_free char *name = session_slot_name(s->session, i, slot);
		cJSON *json = address_json(&service->slots[slot]);

		cJSON_AddNumberToObject(json, "slot", slot);
		add_string(json, "name", name);
		cJSON_AddItemToArray(list, json);
	}
	return list;
}

static cJSON *service_json(const struct supervisor *s, unsigned i)
{
	struct session_service service;
	cJSON *json = cJSON_CreateObject();

	session_service(s->session, i, &service);
	add_string(json, "name", service.name);
	add_string(json, "backend", service.backend);
	add_string(json, "dialect", dialect_name(service.dialect));
	add_string(json, "image", service.facts.image);
	add_string(json, "image_id", service.facts.image_id);
	add_string(json, "image_digest", service.facts.image_digest);
	add_string(json, "server_version", service.facts.server_version);
	add_string(json, "via", service.facts.via);
	add_string(json, "restored_by", service.facts.restored_by);
	add_string(json, "migrations", service.migrations);
	add_string(json, "template", service.facts.template_key);
	cJSON_AddBoolToObject(json, "template_built",
			      service.facts.template_built);
	cJSON_AddItemToObject(json, "slots", slots_json(s, i, &service));
	return json;
}

static void add_instance(cJSON *list, const struct supervisor *s, unsigned i,
			 unsigned slot, bool per_worker)
{
	auto_free char *name = session_companion_name(s->session, i, slot);
	struct companion_address a;
	cJSON *json;

	if (!name || !session_companion_address(s->session, i, slot, &a))
		return;
	json = cJSON_CreateObject();
	if (per_worker)
		cJSON_AddNumberToObject(json, "slot", slot);
	add_string(json, "name", name);
	if (a.n_ports) {
		add_string(json, "host", a.host);
		cJSON_AddNumberToObject(json, "port", a.ports[0].outside);
	}
	cJSON_AddItemToArray(list, json);
}

static cJSON *companion_json(const struct supervisor *s, unsigned i)
{
	struct session_companion info;
	cJSON *json = cJSON_CreateObject();
	cJSON *list;
	unsigned n;

	session_companion(s->session, i, &info);
	n = info.per_worker ? session_max_slots(s->session) : 1;
	add_string(json, "name", info.name);
	add_string(json, "image", info.image);
	add_string(json, "probe", info.probe);
	add_string(json, "per", info.per_worker ? "worker" : "session");
	cJSON_AddBoolToObject(json, "missing", info.missing);
	list = cJSON_AddArrayToObject(json, "containers");
	for (unsigned slot = 0; slot < n; slot++)
		add_instance(list, s, i, slot, info.per_worker);
	return json;
}

cJSON *status_json(const struct supervisor *s)
{
	cJSON *json = status_hello(s);
	cJSON *services;

	cJSON_AddNumberToObject(json, "age_s",
				(double)(clock_wall_s() - s->started_s));
	cJSON_AddNumberToObject(json, "clients", s->n_peers);
	add_string(json, "socket", s->listener.path);
	if (s->failure.kind)
		cJSON_AddItemToObject(json, "error",
				      protocol_error_to_json(&s->failure));
	if (s->state != STATE_READY)
		return json;
	add_string(json, "backend", session_backend(s->session));
	add_string(json, "fallback_reason",
		   session_fallback_reason(s->session));
	add_string(json, "engine", session_engine_host(s->session));
	cJSON_AddItemToObject(json, "pool", leases_json(&s->leases));
	services = cJSON_AddArrayToObject(json, "services");
	for (unsigned i = 0; i < session_n_services(s->session); i++)
		cJSON_AddItemToArray(services, service_json(s, i));
	services = cJSON_AddArrayToObject(json, "companions");
	for (unsigned i = 0; i < session_n_companions(s->session); i++)
		cJSON_AddItemToArray(services, companion_json(s, i));
	return json;
}

/* NULL names the first one. */
static int find_service(const struct supervisor *s, const char *name,
			unsigned *ret_i, struct session_service *ret,
			struct error *err)
{
	for (unsigned i = 0; i < session_n_services(s->session); i++) {
		session_service(s->session, i, ret);
		if (!name || !strcmp(ret->name, name)) {
			*ret_i = i;
			return 0;
		}
	}
	if (!name)
		return error_set(err, ERROR_USAGE,
				 "session '%s' has no service", s->id);
	return error_set(err, ERROR_USAGE, "session '%s' has no service '%s'",
			 s->id, name);
}

/* Also one that was made later, for an owner. */
static bool has_slot(const struct supervisor *s, unsigned service,
		     unsigned slot)
{
	const struct db_address *a;

	if (slot >= session_max_slots(s->session))
		return false;
	a = session_slot_address(s->session, service, slot);
	return a->path || a->host || a->socket || a->socket_dir;
}

static bool find_companion(const struct supervisor *s, const char *name,
			   unsigned *ret)
{
	for (unsigned i = 0; name && i < session_n_companions(s->session);
	     i++) {
		struct session_companion info;

		session_companion(s->session, i, &info);
		if (!strcmp(info.name, name)) {
			*ret = i;
			return true;
		}
	}
	return false;
}

static void add_engine(cJSON *json, struct supervisor *s)
{
	uv_mutex_lock(&s->engine_mutex);
	add_string(json, "engine_encoded", s->engine);
	uv_mutex_unlock(&s->engine_mutex);
}

/* One that is for all is so whichever slot is named. */
static cJSON *companion_target(struct supervisor *s, unsigned i, unsigned slot,
			       struct error *err)
{
	auto_free char *name = session_companion_name(s->session, i, slot);
	struct session_companion info;
	cJSON *json;

	session_companion(s->session, i, &info);
	if (!name && info.missing) {
		error_set(err, ERROR_NO_SERVER, "service '%s' could not be had",
			  info.name);
		return NULL;
	}
	if (!name) {
		error_set(err, ERROR_USAGE, "service '%s' has no slot %u",
			  info.name, slot);
		return NULL;
	}
	json = cJSON_CreateObject();
	add_string(json, "service", info.name);
	add_string(json, "backend", "service");
	add_string(json, "name", name);
	add_engine(json, s);
	return json;
}

cJSON *status_target(struct supervisor *s, const char *service_name,
		     unsigned slot, struct error *err)
{
	struct session_service service;
	auto_free char *name = NULL;
	cJSON *json;
	unsigned i;

	if (find_companion(s, service_name, &i))
		return companion_target(s, i, slot, err);
	if (find_service(s, service_name, &i, &service, err) < 0)
		return NULL;
	if (!has_slot(s, i, slot)) {
		error_set(err, ERROR_USAGE, "service '%s' has no slot %u",
			  service.name, slot);
		error_hint(err, "its slots are 0 to %u", service.n_slots - 1);
		return NULL;
	}
	name = session_slot_name(s->session, i, slot);
	json = address_json(&service.slots[slot]);
	add_string(json, "password", service.slots[slot].password);
	add_string(json, "service", service.name);
	add_string(json, "backend", service.backend);
	add_string(json, "dialect", dialect_name(service.dialect));
	add_string(json, "name", name);
	add_engine(json, s);
	return json;
}
