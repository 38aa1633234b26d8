/* SPDX-License-Identifier: MIT */
#include "docker/credentials.h"

#include "base/alloc.h"
#include "base/child.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/ident.h"
#include "docker/config_file.h"
#include "docker/json.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	HELPER_MS = 30000, /* it may ask the user, who is not quick */
	HELPER_REPLY_MAX = 64 * 1024
};

/* Docker Hub's name in configuration files (docker/cli, registry.IndexServer).
 */
static const char hub[] = "https://index.docker.io/v1/";

void credentials_free(struct credentials *c)
{
	if (c->header)
		explicit_bzero(c->header, strlen(c->header));
	free(c->header);
	free(c->trouble);
	*c = (struct credentials)CREDENTIALS_INIT;
}

static void trouble(struct credentials *c, const char *where, const char *what)
{
	free(c->trouble);
	c->trouble = xasprintf("%s: %s", where, what);
}

/* The header's value: base64url of JSON, as the Engine API has it. */
static void set_header(struct credentials *c, const char *server,
		       const char *user, const char *secret, bool is_token)
{
	auto_json cJSON *json = cJSON_CreateObject();
	auto_free char *text = NULL;
	auto_free char *value = NULL;

	if (is_token) {
		json_add_str(json, "identitytoken", secret);
	} else {
		json_add_str(json, "username", user);
		json_add_str(json, "password", secret);
	}
	json_add_str(json, "serveraddress", server);
	text = json_text(json);
	value = base64_encode(text, strlen(text));
	for (char *s = value; *s; s++)
		*s = *s == '+' ? '-' : *s == '/' ? '_' : *s;
	explicit_bzero(text, strlen(text));
	c->header = xasprintf("X-Registry-Auth: %s", value);
}

/* "https://ghcr.io/v1/" is "ghcr.io", as the docker CLI compares them. */
static bool same_host(const char *key, const char *registry)
{
	const char *host = strstr(key, "://");
	size_t len;

	host = host ? host + 3 : key;
	len = strcspn(host, "/");
	return strlen(registry) == len && !strncmp(host, registry, len);
}

/* The registry's entry of an object whose keys are registries. */
static const cJSON *entry_of(const cJSON *object, const char *server)
{
	const cJSON *exact = json_get(object, server);
	const cJSON *entry;

	if (exact)
		return exact;
	if (!strcmp(server, hub))
		server = "index.docker.io";
	cJSON_ArrayForEach (entry, object)
		if (entry->string && same_host(entry->string, server))
			return entry;
	return NULL;
}

/* {"auth":"base64 of user:password"} or the parts; false: it has none. */
static bool take_entry(struct credentials *c, const cJSON *entry,
		       const char *server, const char *where)
{
	const char *token = json_str(entry, "identitytoken");
	const char *auth = json_str(entry, "auth");
	const char *user = json_str(entry, "username");
	const char *password = json_str(entry, "password");
	auto_free char *pair = NULL;
	size_t len = 0;
	char *colon;

	if (token && *token) {
		set_header(c, server, NULL, token, true);
		return true;
	}
	if (auth && *auth) {
		pair = base64_decode(auth, &len);
		colon = pair ? strchr(pair, ':') : NULL;
		if (!colon || strlen(pair) != len) {
			trouble(c, where, "its 'auth' cannot be read");
			return false;
		}
		*colon = '\0';
		set_header(c, server, pair, colon + 1, false);
		explicit_bzero(pair, len);
		return true;
	}
	if (!user || !*user || !password)
		return false;
	set_header(c, server, user, password, false);
	return true;
}

static bool is_helper_name(const char *name)
{
	if (!*name)
		return false;
	for (; *name; name++)
		if (!isalnum((unsigned char)*name) && !strchr("-_.", *name))
			return false;
	return true;
}

/* What a helper prints: {"ServerURL":…,"Username":…,"Secret":…}. */
static void take_reply(struct credentials *c, const char *server,
		       const char *where, const struct buf *reply)
{
	auto_json cJSON *json = cJSON_ParseWithLength(reply->s, reply->len);
	const char *user = json_str(json, "Username");
	const char *secret = json_str(json, "Secret");

	if (!user || !secret) {
		trouble(c, where, "its answer cannot be read");
		return;
	}
	set_header(c, server, user, secret, !strcmp(user, "<token>"));
}

/* Asks docker-credential-NAME, as docker/docker-credential-helpers has it. */
static void ask_helper(struct credentials *c, const char *name,
		       const char *server, const struct deadline *deadline)
{
	static const char script[] =
	    "command -v \"$0\" >/dev/null || exit 127\n"
	    "printf %s \"$1\" | \"$0\" get 2>/dev/null";
	auto_free char *program = xasprintf("docker-credential-%s", name);
	char sh[] = "/bin/sh";
	char flag[] = "-c";
	auto_free char *text = xstrdup(script);
	auto_free char *address = xstrdup(server);
	char *argv[] = {sh, flag, text, program, address, NULL};
	struct child_command command = {argv, environ, "/"};
	struct deadline d = deadline_sooner(*deadline, HELPER_MS);
	auto_buf struct buf reply = BUF_INIT_MAX(HELPER_REPLY_MAX);
	auto_error struct error err = ERROR_INIT;
	int status = 0;

	if (!is_helper_name(name))
		trouble(c, name, "no name of a credential helper");
	else if (child_run(&command, &d, &reply, &status, &err) < 0)
		trouble(c, program, error_text(&err));
	else if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		trouble(c, program, "not found");
	else if (status == 0)
		take_reply(c, server, program, &reply);
	/* its own words for "nothing there", which is no trouble */
	else if (!strstr(reply.s, "credentials not found"))
		trouble(c, program, "it failed");
	if (reply.len)
		explicit_bzero(reply.s, reply.len);
}

/* DOCKER_AUTH_CONFIG: {"auths":{HOST:{"auth":…}}}. */
static void from_environment(struct credentials *c, const char *server)
{
	static const char name[] = "DOCKER_AUTH_CONFIG";
	const char *text = getenv(name);
	auto_json cJSON *json = NULL;
	const cJSON *entry;

	if (!text || !*text)
		return;
	json = cJSON_Parse(text);
	if (!cJSON_IsObject(json)) {
		trouble(c, name, "not JSON");
		return;
	}
	entry = entry_of(json_get(json, "auths"), server);
	if (entry)
		take_entry(c, entry, server, name);
}

void credentials_find(const char *registry, const struct deadline *deadline,
		      struct credentials *ret)
{
	const char *server = strcmp(registry, "docker.io") ? registry : hub;
	auto_free char *path = NULL;
	auto_json cJSON *config = NULL;
	auto_error struct error err = ERROR_INIT;
	const cJSON *helper;
	const char *store;

	*ret = (struct credentials)CREDENTIALS_INIT;
	from_environment(ret, server);
	if (ret->header)
		return;
	if (config_file_read(&path, &config, &err) < 0) {
		trouble(ret, "registry log-ins", error_text(&err));
		return;
	}
	helper = entry_of(json_get(config, "credHelpers"), server);
	store = json_str(config, "credsStore");
	if (cJSON_IsString(helper))
		ask_helper(ret, helper->valuestring, server, deadline);
	else if (store && *store)
		ask_helper(ret, store, server, deadline);
	if (!ret->header)
		take_entry(ret, entry_of(json_get(config, "auths"), server),
			   server, path ? path : "config.json");
}
