/* SPDX-License-Identifier: MIT */
#include "fake_supervisor.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	MAX_CLIENTS = 96,
	MAX_LEASES = 256,
	MAX_INPUT = 65536
};

struct client {
	int fd;
	size_t len;
	char in[MAX_INPUT];
	char *late; /* held back until the next answer */
};

struct lease {
	int client; /* -1: free */
	bool waits;
	int request; /* of one that waits */
	long number;
};

struct fake_supervisor {
	struct fake_supervisor_options options;
	char socket[108];
	int listener, stop;
	pthread_t thread;
	pthread_mutex_t lock;
	struct client *clients[MAX_CLIENTS];
	struct lease leases[MAX_LEASES];
	long last_lease;
	unsigned held, resets, routes;
};

static void send_text(struct client *c, const char *text)
{
	size_t len = strlen(text);

	while (len) {
		ssize_t n = send(c->fd, text, len, MSG_NOSIGNAL);

		if (n <= 0)
			return;
		text += n;
		len -= (size_t)n;
	}
}

static void send_json(struct client *c, cJSON *json)
{
	char *text = cJSON_PrintUnformatted(json);

	if (c->late) {
		send_text(c, c->late);
		free(c->late);
		c->late = NULL;
	}
	send_text(c, text);
	send_text(c, "\n");
	cJSON_free(text);
	cJSON_Delete(json);
}

static cJSON *answer(int id, bool ok)
{
	cJSON *json = cJSON_CreateObject();

	cJSON_AddNumberToObject(json, "id", id);
	cJSON_AddBoolToObject(json, "ok", ok);
	return json;
}

static void refuse(struct client *c, int id, const char *kind, const char *text)
{
	cJSON *json = answer(id, false);
	cJSON *error = cJSON_AddObjectToObject(json, "error");

	cJSON_AddStringToObject(error, "kind", kind);
	cJSON_AddStringToObject(error, "text", text);
	cJSON_AddStringToObject(error, "hint", "try this");
	send_json(c, json);
}

static void add_variable(cJSON *env, const char *name, const char *format,
			 unsigned value)
{
	char text[160];
	int n = snprintf(text, sizeof(text), "%s=", name);

	/* formats are this file's own */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(text + n, sizeof(text) - (size_t)n, format, value);
#pragma GCC diagnostic pop
	cJSON_AddItemToArray(env, cJSON_CreateString(text));
}

static cJSON *granted(const struct lease *lease, int id, unsigned slot)
{
	cJSON *json = answer(id, true);
	cJSON *env;
	char text[40];

	snprintf(text, sizeof(text), "s-%ld", lease->number);
	cJSON_AddStringToObject(json, "lease", text);
	cJSON_AddNumberToObject(json, "slot", slot);
	env = cJSON_AddArrayToObject(json, "env");
	add_variable(env, "DATABASE_URL",
		     "postgresql://u:p%%40ss@127.0.0.1:5432/db_%u", slot);
	add_variable(env, "TESTENV_SLOT", "%u", slot);
	add_variable(env, "TESTENV_SCRATCH", "/tmp/\xc3\xa9 \"%u\"\n", slot);
	add_variable(env, "TESTENV_LEASE", "s-%u", (unsigned)lease->number);
	add_variable(env, "EMPTY", "", 0);
	return json;
}

static struct lease *take_place(struct fake_supervisor *f, int client)
{
	for (int i = 0; i < MAX_LEASES; i++)
		if (f->leases[i].client < 0) {
			f->leases[i] = (struct lease){
			    .client = client, .number = ++f->last_lease};
			return &f->leases[i];
		}
	return NULL;
}

static bool is_full(const struct fake_supervisor *f)
{
	return f->options.capacity && f->held >= f->options.capacity;
}

static void grant(struct fake_supervisor *f, struct lease *lease)
{
	lease->waits = false;
	f->held++;
	send_json(
	    f->clients[lease->client],
	    granted(lease, lease->request, (unsigned)(lease - f->leases)));
}

/* Who waits longest comes first. */
static void grant_waiting(struct fake_supervisor *f)
{
	while (!is_full(f)) {
		struct lease *next = NULL;

		for (int i = 0; i < MAX_LEASES; i++) {
			struct lease *l = &f->leases[i];

			if (l->client >= 0 && l->waits &&
			    (!next || l->number < next->number))
				next = l;
		}
		if (!next)
			return;
		grant(f, next);
	}
}

static void end_lease(struct fake_supervisor *f, struct lease *lease)
{
	if (!lease->waits)
		f->held--;
	lease->client = -1;
}

static void spoil(struct fake_supervisor *f, struct client *c, int id,
		  struct lease *lease, const char *how)
{
	cJSON *json = granted(lease, id, 7);
	char *text;

	f->held++;
	if (strcmp(how, "no-id") == 0)
		cJSON_DeleteItemFromObject(json, "lease");
	else if (strcmp(how, "bad-env") == 0)
		cJSON_AddItemToArray(cJSON_GetObjectItem(json, "env"),
				     cJSON_CreateString("no equals sign"));
	else if (strcmp(how, "long-id") == 0)
		cJSON_ReplaceItemInObject(
		    json, "lease",
		    cJSON_CreateString(
			"an-id-that-is-longer-than-any-lease-may-ever-have-1234"
			"an-id-that-is-longer-than-any-lease-may-ever-have-1234"
			"an-id-that-is-longer-than-any-lease-may-ever-have-1"));
	for (unsigned i = 0; strcmp(how, "big") == 0 && i < 3000; i++)
		add_variable(cJSON_GetObjectItem(json, "env"), "FILLER",
			     "%099u", i);
	text = cJSON_PrintUnformatted(json);
	if (strcmp(how, "late") == 0) {
		size_t size = strlen(text) + 2;

		c->late = malloc(size);
		snprintf(c->late, size, "%s\n", text);
		cJSON_Delete(json);
	} else if (strcmp(how, "split") == 0) {
		for (char *p = text; *p; p++)
			send_text(c, (char[2]){*p, '\0'});
		send_text(c, "\n");
		cJSON_Delete(json);
	} else {
		send_json(c, json);
	}
	cJSON_free(text);
}

static bool misbehave(struct fake_supervisor *f, int n, int id,
		      const char *label)
{
	static const char *const kinds[] = {"busy", "timeout", "refused",
					    "server"};
	static const char *const spoilt[] = {"late",  "split",   "big",
					     "no-id", "bad-env", "long-id"};
	struct client *c = f->clients[n];

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (strcmp(label, kinds[i]) == 0) {
			refuse(c, id, label, "the session says no");
			return true;
		}
	for (size_t i = 0; i < sizeof(spoilt) / sizeof(*spoilt); i++)
		if (strcmp(label, spoilt[i]) == 0) {
			spoil(f, c, id, take_place(f, n), label);
			return true;
		}
	if (strcmp(label, "garbage") == 0) {
		send_text(c, "{\"ok\":tru\n");
		return true;
	}
	if (strcmp(label, "hang-up") == 0) {
		shutdown(c->fd, SHUT_RDWR);
		return true;
	}
	if (strcmp(label, "event") == 0)
		send_text(c, "{\"event\":\"x\"}\n{\"id\":4711,\"ok\":true}\n");
	return strcmp(label, "silent") == 0;
}

static void do_lease(struct fake_supervisor *f, int n, int id, cJSON *request)
{
	const char *label =
	    cJSON_GetStringValue(cJSON_GetObjectItem(request, "worker"));
	struct lease *lease;

	if (label && misbehave(f, n, id, label))
		return;
	lease = take_place(f, n);
	lease->request = id;
	lease->waits = true;
	grant_waiting(f);
}

static struct lease *find_lease(struct fake_supervisor *f, cJSON *request)
{
	const char *name =
	    cJSON_GetStringValue(cJSON_GetObjectItem(request, "lease"));

	for (int i = 0; name && i < MAX_LEASES; i++) {
		char text[40];

		snprintf(text, sizeof(text), "s-%ld", f->leases[i].number);
		if (f->leases[i].client >= 0 && strcmp(text, name) == 0)
			return &f->leases[i];
	}
	return NULL;
}

static void do_release(struct fake_supervisor *f, int n, int id, cJSON *request)
{
	struct lease *lease = find_lease(f, request);

	if (!lease) {
		refuse(f->clients[n], id, "usage", "no such lease");
		return;
	}
	end_lease(f, lease);
	send_json(f->clients[n], answer(id, true));
	grant_waiting(f);
}

static void do_reset(struct fake_supervisor *f, int n, int id, cJSON *request)
{
	if (cJSON_HasObjectItem(request, "lease") && !find_lease(f, request)) {
		refuse(f->clients[n], id, "usage", "no such lease");
		return;
	}
	f->resets++;
	send_json(f->clients[n], answer(id, true));
}

/* TEST_OWNER as the peer was started with it. */
static void owner_of(int fd, char *buf, size_t size)
{
	struct ucred peer = {0};
	socklen_t len = sizeof(peer);
	char path[64], env[65536];
	int file;
	ssize_t n;

	getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len);
	snprintf(buf, size, "pid-%d", (int)peer.pid);
	snprintf(path, sizeof(path), "/proc/%d/environ", (int)peer.pid);
	file = open(path, O_RDONLY | O_CLOEXEC);
	n = file < 0 ? 0 : read(file, env, sizeof(env) - 1);
	if (file >= 0)
		close(file);
	env[n > 0 ? n : 0] = '\0';
	for (char *p = env; n > 0 && p < env + n; p += strlen(p) + 1)
		if (strncmp(p, "TEST_OWNER=", 11) == 0)
			snprintf(buf, size, "%s", p + 11);
}

static void do_route(struct fake_supervisor *f, int n, int id, cJSON *request)
{
	const char *service =
	    cJSON_GetStringValue(cJSON_GetObjectItem(request, "service"));
	struct client *c = f->clients[n];
	char owner[64], path[256];
	cJSON *json;

	if (service && strcmp(service, "silent") == 0)
		return;
	if (service && strcmp(service, "db") != 0) {
		refuse(c, id, "refused", "no such service");
		return;
	}
	owner_of(c->fd, owner, sizeof(owner));
	snprintf(path, sizeof(path), "%s/%s", f->options.dir, owner);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/%s/real.sqlite", f->options.dir,
		 owner);
	f->routes++;
	json = answer(id, true);
	cJSON_AddStringToObject(json, "path", path);
	send_json(c, json);
}

static void do_hello(struct fake_supervisor *f, int n, int id, cJSON *request)
{
	cJSON *version = cJSON_GetObjectItem(request, "version");
	cJSON *json;

	if (!cJSON_IsNumber(version) ||
	    version->valueint != (int)f->options.version) {
		refuse(f->clients[n], id, "protocol", "version is not ours");
		return;
	}
	json = answer(id, true);
	cJSON_AddStringToObject(json, "session", "fake");
	send_json(f->clients[n], json);
}

static void take_request(struct fake_supervisor *f, int n, char *line)
{
	static const struct {
		const char *op;
		void (*run)(struct fake_supervisor *, int, int, cJSON *);
	} ops[] = {
	    {"hello", do_hello},     {"lease", do_lease}, {"reset", do_reset},
	    {"release", do_release}, {"route", do_route},
	};
	cJSON *json = cJSON_Parse(line);
	const char *op = cJSON_GetStringValue(cJSON_GetObjectItem(json, "op"));
	cJSON *id = cJSON_GetObjectItem(json, "id");

	for (size_t i = 0; op && i < sizeof(ops) / sizeof(*ops); i++)
		if (strcmp(op, ops[i].op) == 0)
			ops[i].run(f, n, id ? id->valueint : 0, json);
	cJSON_Delete(json);
}

static void drop_client(struct fake_supervisor *f, int n)
{
	for (int i = 0; i < MAX_LEASES; i++)
		if (f->leases[i].client == n)
			end_lease(f, &f->leases[i]);
	close(f->clients[n]->fd);
	free(f->clients[n]->late);
	free(f->clients[n]);
	f->clients[n] = NULL;
	grant_waiting(f);
}

static void read_client(struct fake_supervisor *f, int n)
{
	struct client *c = f->clients[n];
	ssize_t got = recv(c->fd, c->in + c->len, sizeof(c->in) - c->len, 0);
	char *end;

	if (got <= 0) {
		drop_client(f, n);
		return;
	}
	c->len += (size_t)got;
	while ((end = memchr(c->in, '\n', c->len))) {
		size_t used = (size_t)(end + 1 - c->in);

		*end = '\0';
		take_request(f, n, c->in);
		c->len -= used;
		memmove(c->in, end + 1, c->len);
	}
}

static void accept_client(struct fake_supervisor *f)
{
	int fd = accept4(f->listener, NULL, NULL, SOCK_CLOEXEC);

	for (int i = 0; fd >= 0 && i < MAX_CLIENTS; i++)
		if (!f->clients[i]) {
			f->clients[i] = calloc(1, sizeof(struct client));
			f->clients[i]->fd = fd;
			return;
		}
	if (fd >= 0)
		close(fd);
}

static void *serve(void *data)
{
	struct fake_supervisor *f = data;

	for (;;) {
		struct pollfd p[MAX_CLIENTS + 2] = {{f->stop, POLLIN, 0},
						    {f->listener, POLLIN, 0}};

		for (int i = 0; i < MAX_CLIENTS; i++)
			p[i + 2] = (struct pollfd){
			    f->clients[i] ? f->clients[i]->fd : -1, POLLIN, 0};
		if (poll(p, MAX_CLIENTS + 2, -1) < 0 && errno != EINTR)
			return NULL;
		if (p[0].revents)
			return NULL;
		pthread_mutex_lock(&f->lock);
		for (int i = 0; i < MAX_CLIENTS; i++)
			if (p[i + 2].revents)
				read_client(f, i);
		if (p[1].revents)
			accept_client(f);
		pthread_mutex_unlock(&f->lock);
	}
}

static int listen_at(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (fd >= 0 &&
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
	    listen(fd, 64) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

struct fake_supervisor *
fake_supervisor_start(const struct fake_supervisor_options *options)
{
	struct fake_supervisor *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->options = *options;
	if (!f->options.version)
		f->options.version = 1;
	snprintf(f->socket, sizeof(f->socket), "%s/supervisor.sock",
		 options->dir);
	for (int i = 0; i < MAX_LEASES; i++)
		f->leases[i].client = -1;
	pthread_mutex_init(&f->lock, NULL);
	f->listener = listen_at(f->socket);
	f->stop = eventfd(0, EFD_CLOEXEC);
	if (f->listener >= 0 && pthread_create(&f->thread, NULL, serve, f) == 0)
		return f;
	close(f->stop);
	free(f);
	return NULL;
}

void fake_supervisor_stop(struct fake_supervisor *f)
{
	eventfd_write(f->stop, 1);
	pthread_join(f->thread, NULL);
	for (int i = 0; i < MAX_CLIENTS; i++)
		if (f->clients[i])
			drop_client(f, i);
	close(f->listener);
	close(f->stop);
	unlink(f->socket);
	pthread_mutex_destroy(&f->lock);
	free(f);
}

const char *fake_supervisor_socket(const struct fake_supervisor *f)
{
	return f->socket;
}

static unsigned look(struct fake_supervisor *f, const unsigned *value)
{
	unsigned n;

	pthread_mutex_lock(&f->lock);
	n = *value;
	pthread_mutex_unlock(&f->lock);
	return n;
}

unsigned fake_supervisor_held(struct fake_supervisor *f)
{
	return look(f, &f->held);
}

unsigned fake_supervisor_resets(struct fake_supervisor *f)
{
	return look(f, &f->resets);
}

unsigned fake_supervisor_routes(struct fake_supervisor *f)
{
	return look(f, &f->routes);
}

int fake_supervisor_wait_held(struct fake_supervisor *f, unsigned n)
{
	for (int i = 0; i < 2000; i++) {
		if (fake_supervisor_held(f) == n)
			return 0;
		poll(NULL, 0, 5);
	}
	return -1;
}
