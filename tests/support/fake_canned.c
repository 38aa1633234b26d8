/* SPDX-License-Identifier: MIT */
/* A small engine that answers as Docker 20.10 does, from memory. */
#include "fake_internal.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	ITEMS = 256
};

struct item {
	char id[65];
	char name[128];
	char image[256];
	char port[16];     /* "5432/tcp", "" */
	const char *state; /* "created" "running" "exited" */
	cJSON *labels;     /* object */
	cJSON *env;        /* array, or NULL */
};

struct canned {
	struct item containers[ITEMS];
	size_t n_containers;
	struct item images[ITEMS];
	size_t n_images;
	unsigned next_id;
	int port;
	char *body; /* of the last reply */
};

struct canned *canned_new(void)
{
	struct canned *c = calloc(1, sizeof(*c));

	if (!c)
		abort();
	c->port = 1;
	return c;
}

static void forget(struct item *item)
{
	cJSON_Delete(item->labels);
	cJSON_Delete(item->env);
}

void canned_free(struct canned *c)
{
	for (size_t i = 0; i < c->n_containers; i++)
		forget(&c->containers[i]);
	for (size_t i = 0; i < c->n_images; i++)
		forget(&c->images[i]);
	free(c->body);
	free(c);
}

void canned_publish(struct canned *c, int port)
{
	c->port = port;
}

unsigned canned_containers(const struct canned *c)
{
	return (unsigned)c->n_containers;
}

static void new_id(struct canned *c, char id[65])
{
	snprintf(id, 65, "%064x", ++c->next_id + 0xfa000000u);
}

static struct item *add(struct canned *c, struct item *list, size_t *n)
{
	struct item *item = &list[*n];

	if (*n == ITEMS)
		abort();
	*item = (struct item){.state = "created"};
	new_id(c, item->id);
	++*n;
	return item;
}

static void drop(struct item *list, size_t *n, struct item *item)
{
	forget(item);
	--*n;
	memmove(item, item + 1, (size_t)(&list[*n] - item) * sizeof(*item));
}

void canned_add_image(struct canned *c, const char *name, const char *labels)
{
	struct item *item = add(c, c->images, &c->n_images);

	snprintf(item->name, sizeof(item->name), "%s", name);
	item->labels = labels ? cJSON_Parse(labels) : cJSON_CreateObject();
}

static struct item *find(struct item *list, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(list[i].id, name) || !strcmp(list[i].name, name) ||
		    (!strncmp(name, "sha256:", 7) &&
		     !strcmp(list[i].id, name + 7)))
			return &list[i];
	return NULL;
}

/* A reply of JSON, which is deleted. */
static struct fake_reply json(struct canned *c, int status, cJSON *value)
{
	free(c->body);
	c->body = cJSON_PrintUnformatted(value);
	cJSON_Delete(value);
	return (struct fake_reply){.status = status,
				   .body = c->body,
				   .headers =
				       "Content-Type: application/json\r\n"};
}

static struct fake_reply message(struct canned *c, int status, const char *text)
{
	cJSON *value = cJSON_CreateObject();

	cJSON_AddStringToObject(value, "message", text);
	return json(c, status, value);
}

static struct fake_reply fixed(int status, const char *text)
{
	return (struct fake_reply){.status = status, .body = text};
}

/* The decoded value of a query's key; "" where it has none. */
static void query_value(const char *query, const char *key, char *ret,
			size_t size)
{
	size_t len = strlen(key);
	size_t out = 0;

	ret[0] = '\0';
	while (*query && (strncmp(query, key, len) || query[len] != '=')) {
		query += strcspn(query, "&");
		query += *query == '&';
	}
	if (!*query)
		return;
	for (query += len + 1; *query && *query != '&' && out + 1 < size;) {
		char hex[3] = {0};

		if (*query == '%' && query[1] && query[2]) {
			memcpy(hex, query + 1, 2);
			ret[out++] = (char)strtol(hex, NULL, 16);
			query += 3;
		} else {
			ret[out++] = *query++;
		}
	}
	ret[out] = '\0';
}

/* "key" or "key=value" against an item's labels. */
static bool has_label(const struct item *item, const char *label)
{
	size_t len = strcspn(label, "=");
	const cJSON *value;
	char key[256];

	snprintf(key, sizeof(key), "%.*s", (int)len, label);
	value = cJSON_GetObjectItemCaseSensitive(item->labels, key);
	return value &&
	       (!label[len] || (cJSON_IsString(value) &&
				!strcmp(value->valuestring, label + len + 1)));
}

/* "repo" or "repo:tag" against "repo:tag". */
static bool is_reference(const struct item *item, const char *reference)
{
	size_t len = strlen(reference);

	return !strncmp(item->name, reference, len) &&
	       (!item->name[len] ||
		(item->name[len] == ':' && !strchr(item->name + len, '/')));
}

static bool passes(const struct item *item, const cJSON *filters)
{
	const cJSON *entry;

	cJSON_ArrayForEach (entry, cJSON_GetObjectItem(filters, "label")) {
		if (!has_label(item, entry->valuestring))
			return false;
	}
	cJSON_ArrayForEach (entry, cJSON_GetObjectItem(filters, "reference")) {
		if (!is_reference(item, entry->valuestring))
			return false;
	}
	return true;
}

static cJSON *container_row(const struct item *item)
{
	cJSON *row = cJSON_CreateObject();
	cJSON *names = cJSON_AddArrayToObject(row, "Names");
	char name[160];

	snprintf(name, sizeof(name), "/%s", item->name);
	cJSON_AddItemToArray(names, cJSON_CreateString(name));
	cJSON_AddStringToObject(row, "Id", item->id);
	cJSON_AddStringToObject(row, "Image", item->image);
	cJSON_AddStringToObject(row, "State", item->state);
	cJSON_AddNumberToObject(row, "Created", (double)time(NULL));
	cJSON_AddItemToObject(row, "Labels",
			      cJSON_Duplicate(item->labels, true));
	return row;
}

static cJSON *image_row(const struct item *item, bool config)
{
	cJSON *row = cJSON_CreateObject();
	cJSON *tags = cJSON_AddArrayToObject(row, "RepoTags");
	cJSON *holder = row;
	char id[80];

	snprintf(id, sizeof(id), "sha256:%s", item->id);
	cJSON_AddStringToObject(row, "Id", id);
	cJSON_AddItemToArray(tags, cJSON_CreateString(item->name));
	cJSON_AddNumberToObject(row, "Size", 1000000);
	if (config) {
		cJSON_AddStringToObject(row, "Created",
					"2026-01-02T03:04:05.678Z");
		cJSON_AddStringToObject(row, "Architecture", "amd64");
		holder = cJSON_AddObjectToObject(row, "Config");
		cJSON_AddItemToObject(holder, "Env",
				      cJSON_Duplicate(item->env, true));
	} else {
		cJSON_AddNumberToObject(row, "Created", 1767323045);
	}
	cJSON_AddItemToObject(holder, "Labels",
			      cJSON_Duplicate(item->labels, true));
	return row;
}

static struct fake_reply list(struct canned *c, const struct fake_request *q,
			      const struct item *items, size_t n, bool images)
{
	cJSON *rows = cJSON_CreateArray();
	char text[2048];
	cJSON *filters;

	query_value(q->query, "filters", text, sizeof(text));
	filters = cJSON_Parse(text);
	for (size_t i = 0; i < n; i++)
		if (passes(&items[i], filters))
			cJSON_AddItemToArray(
			    rows, images ? image_row(&items[i], false)
					 : container_row(&items[i]));
	cJSON_Delete(filters);
	return json(c, 200, rows);
}

static struct fake_reply create(struct canned *c, const struct fake_request *q)
{
	cJSON *config = cJSON_ParseWithLength(q->body, q->body_len);
	const char *image =
	    cJSON_GetStringValue(cJSON_GetObjectItem(config, "Image"));
	const cJSON *ports = cJSON_GetObjectItem(config, "ExposedPorts");
	char name[sizeof(((struct item *)0)->name)];
	struct item *item;
	cJSON *answer;

	if (!image || !find(c->images, c->n_images, image)) {
		char text[300];

		snprintf(text, sizeof(text), "No such image: %s",
			 image ? image : "");
		cJSON_Delete(config);
		return message(c, 404, text);
	}
	query_value(q->query, "name", name, sizeof(name));
	if (name[0] && find(c->containers, c->n_containers, name)) {
		cJSON_Delete(config);
		return message(c, 409,
			       "Conflict. The container name is "
			       "already in use");
	}
	item = add(c, c->containers, &c->n_containers);
	snprintf(item->name, sizeof(item->name), "%s", name);
	snprintf(item->image, sizeof(item->image), "%s", image);
	if (ports && ports->child)
		snprintf(item->port, sizeof(item->port), "%s",
			 ports->child->string);
	item->labels = cJSON_DetachItemFromObject(config, "Labels");
	if (!item->labels)
		item->labels = cJSON_CreateObject();
	item->env = cJSON_DetachItemFromObject(config, "Env");
	cJSON_Delete(config);
	answer = cJSON_CreateObject();
	cJSON_AddStringToObject(answer, "Id", item->id);
	cJSON_AddArrayToObject(answer, "Warnings");
	return json(c, 201, answer);
}

static struct fake_reply inspect(struct canned *c, const struct item *item)
{
	cJSON *row = cJSON_CreateObject();
	cJSON *state = cJSON_AddObjectToObject(row, "State");
	cJSON *ports = cJSON_AddObjectToObject(
	    cJSON_AddObjectToObject(row, "NetworkSettings"), "Ports");
	char port[16];

	cJSON_AddStringToObject(row, "Id", item->id);
	cJSON_AddStringToObject(state, "Status", item->state);
	cJSON_AddBoolToObject(state, "Running",
			      !strcmp(item->state, "running"));
	cJSON_AddNumberToObject(state, "ExitCode", 0);
	cJSON_AddFalseToObject(cJSON_AddObjectToObject(row, "Config"), "Tty");
	if (item->port[0] && !strcmp(item->state, "running")) {
		cJSON *binding = cJSON_CreateObject();

		snprintf(port, sizeof(port), "%d", c->port);
		cJSON_AddStringToObject(binding, "HostIp", "127.0.0.1");
		cJSON_AddStringToObject(binding, "HostPort", port);
		cJSON_AddItemToArray(cJSON_AddArrayToObject(ports, item->port),
				     binding);
	}
	return json(c, 200, row);
}

static struct fake_reply change(struct item *item, const char *state)
{
	bool same = !strcmp(item->state, state);

	item->state = state;
	return fixed(same ? 304 : 204, "");
}

/* /containers/ID and what follows it. */
static struct fake_reply container(struct canned *c,
				   const struct fake_request *q)
{
	char id[128] = "";
	char rest[64] = "";
	struct item *item;

	sscanf(q->path, "/containers/%127[^/]%63s", id, rest);
	item = find(c->containers, c->n_containers, id);
	if (!item)
		return message(c, 404, "No such container");
	if (!strcmp(q->method, "DELETE")) {
		drop(c->containers, &c->n_containers, item);
		return fixed(204, "");
	}
	if (!strcmp(rest, "/json"))
		return inspect(c, item);
	if (!strcmp(rest, "/start"))
		return change(item, "running");
	if (!strcmp(rest, "/stop") || !strcmp(rest, "/kill"))
		return change(item, "exited");
	if (!strcmp(rest, "/wait")) {
		item->state = "exited";
		return fixed(200, "{\"StatusCode\":0}");
	}
	if (!strcmp(rest, "/logs"))
		return (struct fake_reply){.body = "\2\0\0\0\0\0\0\xb"
						   "canned log\n",
					   .body_len = 19};
	if (!strcmp(rest, "/exec"))
		return fixed(201, "{\"Id\":\"e1\"}");
	if (!strcmp(rest, "/archive"))
		return fixed(200, "");
	return message(c, 404, "page not found");
}

static struct fake_reply image(struct canned *c, const struct fake_request *q)
{
	char name[256];
	size_t len;
	bool get = !strcmp(q->method, "GET");
	struct item *item;

	snprintf(name, sizeof(name), "%s", q->path + strlen("/images/"));
	len = strlen(name);
	if (get && len > 5 && !strcmp(name + len - 5, "/json"))
		name[len - 5] = '\0';
	item = find(c->images, c->n_images, name);
	if (!item)
		return message(c, 404, "No such image");
	if (get)
		return json(c, 200, image_row(item, true));
	drop(c->images, &c->n_images, item);
	return fixed(200, "[]");
}

static struct fake_reply pull(struct canned *c, const struct fake_request *q)
{
	char repo[128];
	char tag[64];
	char name[200];

	query_value(q->query, "fromImage", repo, sizeof(repo));
	query_value(q->query, "tag", tag, sizeof(tag));
	snprintf(name, sizeof(name), "%s:%s", repo, tag);
	if (!find(c->images, c->n_images, name))
		canned_add_image(c, name, NULL);
	return fixed(200,
		     "{\"status\":\"Pulling\",\"id\":\"a1\"}\r\n"
		     "{\"status\":\"Download complete\",\"id\":\"a1\"}\r\n");
}

/* "changes=LABEL k=v", each: what else a change may say is passed over. */
static void apply_changes(const char *query, cJSON *labels)
{
	char line[512];
	char *equals;

	for (; *query; query += strcspn(query, "&"), query += *query == '&') {
		if (strncmp(query, "changes=", 8) != 0)
			continue;
		query_value(query, "changes", line, sizeof(line));
		equals = strchr(line, '=');
		if (strncmp(line, "LABEL ", 6) != 0 || !equals)
			continue;
		*equals++ = '\0';
		if (*equals == '"') {
			equals++;
			equals[strcspn(equals, "\"")] = '\0';
		}
		cJSON_DeleteItemFromObjectCaseSensitive(labels, line + 6);
		cJSON_AddStringToObject(labels, line + 6, equals);
	}
}

static struct fake_reply commit(struct canned *c, const struct fake_request *q)
{
	char repo[128];
	char tag[64];
	char id[128];
	char name[200];
	struct item *from;
	struct item *item;
	cJSON *answer = cJSON_CreateObject();

	query_value(q->query, "repo", repo, sizeof(repo));
	query_value(q->query, "tag", tag, sizeof(tag));
	query_value(q->query, "container", id, sizeof(id));
	snprintf(name, sizeof(name), "%s:%s", repo, tag);
	canned_add_image(c, name, NULL);
	item = &c->images[c->n_images - 1];
	/* as the engine does, the name is taken from whoever had it */
	for (size_t i = 0; i + 1 < c->n_images; i++)
		if (!strcmp(c->images[i].name, name))
			c->images[i].name[0] = '\0';
	from = find(c->containers, c->n_containers, id);
	if (from) {
		cJSON_Delete(item->labels);
		item->labels = cJSON_Duplicate(from->labels, true);
		item->env = cJSON_Duplicate(from->env, true);
	}
	apply_changes(q->query, item->labels);
	snprintf(name, sizeof(name), "sha256:%s", item->id);
	cJSON_AddStringToObject(answer, "Id", name);
	return json(c, 201, answer);
}

static struct fake_reply build(struct canned *c, const struct fake_request *q)
{
	char tag[128];
	char labels[2048];

	query_value(q->query, "t", tag, sizeof(tag));
	query_value(q->query, "labels", labels, sizeof(labels));
	canned_add_image(c, tag, labels[0] ? labels : NULL);
	return fixed(200, "{\"stream\":\"Step 1/1 : FROM scratch\\n\"}\r\n"
			  "{\"aux\":{\"ID\":\"sha256:0\"}}\r\n");
}

static const struct fixed_reply {
	const char *path;
	struct fake_reply reply;
} fixed_replies[] = {
    {"/_ping",
     {.body = "OK",
      .headers = "Api-Version: 1.41\r\nOstype: linux\r\n"
		 "Server: Docker/20.10.24 (linux)\r\n"}},
    {"/version",
     {.body = "{\"Version\":\"20.10.24\",\"ApiVersion\":\"1.41\","
	      "\"MinAPIVersion\":\"1.12\"}"}},
    {"/info",
     {.body = "{\"Driver\":\"overlay2\",\"CgroupDriver\":\"cgroupfs\","
	      "\"CgroupVersion\":\"2\",\"OperatingSystem\":\"Fake\","
	      "\"Architecture\":\"x86_64\",\"DockerRootDir\":\"/nowhere\","
	      "\"MemoryLimit\":true,\"NCPU\":2,\"MemTotal\":1000000000}"}},
    {"/events",
     {.raw = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
	     "Transfer-Encoding: chunked\r\n\r\n",
      .flags = FAKE_HANG}},
    {"/exec/e1/start", {.raw = "HTTP/1.1 200 OK\r\n\r\n", .flags = FAKE_CLOSE}},
    {"/exec/e1/json", {.body = "{\"Running\":false,\"ExitCode\":0}"}},
};

struct fake_reply canned_reply(struct canned *c, const struct fake_request *q)
{
	for (size_t i = 0; i < sizeof(fixed_replies) / sizeof(*fixed_replies);
	     i++)
		if (!strcmp(q->path, fixed_replies[i].path))
			return fixed_replies[i].reply;
	if (!strcmp(q->path, "/containers/create"))
		return create(c, q);
	if (!strcmp(q->path, "/containers/json"))
		return list(c, q, c->containers, c->n_containers, false);
	if (!strcmp(q->path, "/images/json"))
		return list(c, q, c->images, c->n_images, true);
	if (!strcmp(q->path, "/images/create"))
		return pull(c, q);
	if (!strcmp(q->path, "/commit"))
		return commit(c, q);
	if (!strcmp(q->path, "/build"))
		return build(c, q);
	if (!strncmp(q->path, "/containers/", 12))
		return container(c, q);
	if (!strncmp(q->path, "/images/", 8))
		return image(c, q);
	return message(c, 404, "page not found");
}
