/* SPDX-License-Identifier: MIT */
#include "cli/status_text.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/net.h"
#include "cli/render.h"
#include "cli/table.h"
#include "supervisor/protocol.h"

#include <stdbool.h>
#include <string.h>

void status_age(double seconds, struct buf *out)
{
	long s = seconds > 0 && seconds < 1e12 ? (long)seconds : 0;

	if (s < 60)
		buf_printf(out, "%ld s", s);
	else if (s < 3600)
		buf_printf(out, "%ld min", s / 60);
	else if (s < 86400)
		buf_printf(out, "%ld h %ld min", s / 3600, s / 60 % 60);
	else
		buf_printf(out, "%ld d %ld h", s / 86400, s / 3600 % 24);
}

/* "LABEL VALUE" after a comma, if there is a value. */
static void add(struct buf *out, const char *label, const char *value)
{
	if (!value || !*value)
		return;
	buf_puts(out, label);
	render_clean(out, value);
}

static void head(const cJSON *status, struct buf *out)
{
	const cJSON *age = cJSON_GetObjectItemCaseSensitive(status, "age_s");
	const cJSON *error = cJSON_GetObjectItemCaseSensitive(status, "error");

	add(out, "session ", protocol_string(status, "session"));
	add(out, ": ", protocol_string(status, "state"));
	buf_puts(out, ", ");
	status_age(cJSON_IsNumber(age) ? age->valuedouble : 0, out);
	add(out, ", ", protocol_string(status, "project"));
	buf_putc(out, '\n');
	if (error) {
		add(out, "  ", protocol_string(error, "text"));
		buf_putc(out, '\n');
	}
}

static void service_line(const cJSON *status, const cJSON *service,
			 struct buf *out)
{
	const char *reason = protocol_string(status, "fallback_reason");
	const char *backend = protocol_string(service, "backend");

	add(out, "  ", protocol_string(service, "name"));
	add(out, ": ", protocol_string(service, "dialect"));
	add(out, " ", protocol_string(service, "server_version"));
	add(out, ", backend ", backend);
	if (backend && !strcmp(backend, "local"))
		add(out, ", program ", protocol_string(service, "image"));
	else if (backend && !strcmp(backend, "server"))
		add(out, " at ", protocol_string(service, "image"));
	else
		add(out, ", image ", protocol_string(service, "image"));
	add(out, ", by ", protocol_string(service, "via"));
	add(out, ", restored by ", protocol_string(service, "restored_by"));
	add(out, ", ", protocol_string(service, "migrations"));
	if (protocol_string(service, "template"))
		buf_puts(out, cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(
				  service, "template_built"))
				  ? ", migrated now"
				  : ", migrated before");
	buf_putc(out, '\n');
	if (reason && backend && strcmp(backend, "container") != 0) {
		add(out, "    no containers: ", reason);
		buf_putc(out, '\n');
	}
}

static char *address_of(const cJSON *slot)
{
	const char *host = protocol_string(slot, "host");
	const char *path = protocol_string(slot, "path");
	const char *socket = protocol_string(slot, "socket");
	unsigned port = protocol_number(slot, "port", 65535, 0);

	if (path)
		return xstrdup(path);
	if (host && port)
		return net_place(host, port);
	return xstrdup(socket ? socket : "-");
}

static void slots_table(const cJSON *service, struct buf *out)
{
	const cJSON *slots = cJSON_GetObjectItemCaseSensitive(service, "slots");
	const cJSON *slot;
	bool file = false;
	auto_table struct table t = TABLE_INIT(5);
	static const char *const headings[] = {"SLOT", "ADDRESS", "USER",
					       "DATABASE", "NAME"};

	cJSON_ArrayForEach (slot, slots)
		file |= cJSON_HasObjectItem(slot, "path");
	t.columns = file ? 2 : 5;
	for (unsigned i = 0; i < t.columns; i++)
		table_add(&t, headings[i]);
	cJSON_ArrayForEach (slot, slots) {
		auto_free char *number =
		    xasprintf("%u", protocol_number(slot, "slot", 1U << 20, 0));
		auto_free char *address = address_of(slot);

		table_add(&t, number);
		table_add(&t, address);
		if (file)
			continue;
		table_add(&t, protocol_string(slot, "user"));
		table_add(&t, protocol_string(slot, "database"));
		table_add(&t, protocol_string(slot, "name"));
	}
	table_print(&t, 4, out);
}

/* A service beside the databases. */
static void companion_text(const cJSON *companion, struct buf *out)
{
	static const char *const headings[] = {"SLOT", "ADDRESS", "NAME"};
	auto_table struct table t = TABLE_INIT(array_len(headings));
	const cJSON *one;

	add(out, "  ", protocol_string(companion, "name"));
	if (cJSON_IsTrue(
		cJSON_GetObjectItemCaseSensitive(companion, "missing"))) {
		buf_puts(out, ": missing\n");
		return;
	}
	add(out, ": image ", protocol_string(companion, "image"));
	add(out, ", one for each ", protocol_string(companion, "per"));
	add(out, ", ready by ", protocol_string(companion, "probe"));
	buf_putc(out, '\n');
	for (size_t i = 0; i < array_len(headings); i++)
		table_add(&t, headings[i]);
	cJSON_ArrayForEach (
	    one, cJSON_GetObjectItemCaseSensitive(companion, "containers")) {
		auto_free char *number =
		    xasprintf("%u", protocol_number(one, "slot", 1U << 20, 0));
		auto_free char *address = address_of(one);

		table_add(&t, cJSON_HasObjectItem(one, "slot") ? number : "-");
		table_add(&t, address);
		table_add(&t, protocol_string(one, "name"));
	}
	table_print(&t, 4, out);
}

static unsigned count_of(const cJSON *pool, const char *name)
{
	return protocol_number(pool, name, UINT32_MAX, 0);
}

static void add_number(struct table *t, const cJSON *slot, const char *name)
{
	auto_free char *text = xasprintf("%u", count_of(slot, name));

	table_add(t, cJSON_HasObjectItem(slot, name) ? text : NULL);
}

static void add_clean(struct table *t, const char *text)
{
	auto_buf struct buf clean = BUF_INIT;

	render_clean(&clean, text ? text : "-");
	table_add(t, clean.s);
}

static void add_age(struct table *t, const cJSON *slot)
{
	auto_buf struct buf age = BUF_INIT;

	if (cJSON_HasObjectItem(slot, "age_s"))
		status_age(count_of(slot, "age_s"), &age);
	table_add(t, age.len ? age.s : NULL);
}

/* Who has which database, and why it is theirs. */
static void pool_text(const cJSON *pool, struct buf *out)
{
	static const char *const headings[] = {
	    "SLOT", "STATE", "OWNER", "PID", "CONNECTIONS", "SINCE", "WHY"};
	auto_table struct table t = TABLE_INIT(array_len(headings));
	const cJSON *slot;

	buf_printf(out, "  databases: %u of at most %u, %u ready, %u leased",
		   (unsigned)cJSON_GetArraySize(
		       cJSON_GetObjectItemCaseSensitive(pool, "slots")),
		   count_of(pool, "max_slots"), count_of(pool, "ready"),
		   count_of(pool, "leased"));
	buf_printf(out, "; %u waiting, %u granted so far\n",
		   count_of(pool, "waiting"), count_of(pool, "granted"));
	for (size_t i = 0; i < array_len(headings); i++)
		table_add(&t, headings[i]);
	cJSON_ArrayForEach (slot,
			    cJSON_GetObjectItemCaseSensitive(pool, "slots")) {
		add_number(&t, slot, "slot");
		add_clean(&t, protocol_string(slot, "state"));
		add_clean(&t, protocol_string(slot, "owner"));
		add_number(&t, slot, "pid");
		add_number(&t, slot, "connections");
		add_age(&t, slot);
		add_clean(&t, protocol_string(slot, "why"));
	}
	table_print(&t, 4, out);
}

void status_text(const cJSON *status, struct buf *out)
{
	const cJSON *pool = cJSON_GetObjectItemCaseSensitive(status, "pool");
	const cJSON *service;

	head(status, out);
	cJSON_ArrayForEach (
	    service, cJSON_GetObjectItemCaseSensitive(status, "services")) {
		service_line(status, service, out);
		slots_table(service, out);
	}
	cJSON_ArrayForEach (
	    service, cJSON_GetObjectItemCaseSensitive(status, "companions"))
		companion_text(service, out);
	if (pool)
		pool_text(pool, out);
}
