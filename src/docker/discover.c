/* SPDX-License-Identifier: MIT */
#include "docker/engine.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/ident.h"
#include "docker/config_file.h"
#include "docker/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void candidate_free(struct engine_candidate *c)
{
	free(c->host);
	free(c->source);
	free(c->ca_file);
	free(c->cert_file);
	free(c->key_file);
	free(c->failure);
	free(c->version);
}

void engine_candidates_free(struct engine_candidates *c)
{
	for (size_t i = 0; i < c->n; i++)
		candidate_free(&c->list[i]);
	free(c->list);
	*c = (struct engine_candidates)ENGINE_CANDIDATES_INIT;
}

/* An empty variable is one that is not set. */
static const char *env(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

/* Adds it unless the host is there already. Takes `host`. */
static struct engine_candidate *add(struct engine_candidates *c, char *host,
				    const char *source)
{
	struct engine_candidate *last;

	for (size_t i = 0; i < c->n; i++) {
		if (!strcmp(c->list[i].host, host)) {
			free(host);
			return &c->list[i];
		}
	}
	c->list = xreallocarray(c->list, c->n + 1, sizeof(*c->list));
	last = &c->list[c->n++];
	*last =
	    (struct engine_candidate){.host = host, .source = xstrdup(source)};
	return last;
}

static bool starts_with(const char *s, const char *prefix)
{
	return !strncmp(s, prefix, strlen(prefix));
}

static int check_form(const char *host, const char *source, struct error *err)
{
	static const char *const forms[] = {"unix://", "tcp://", "http://",
					    "https://", "ssh://"};

	for (size_t i = 0; i < array_len(forms); i++)
		if (starts_with(host, forms[i]) && host[strlen(forms[i])])
			return 0;
	error_set(err, ERROR_CONFIG, "%s: '%s' is not an engine's address",
		  source, host);
	error_hint(err, "unix:///path, tcp://host:port, https://host:port or "
			"ssh://host");
	return -1;
}

/* dir/name if there is such a file, else NULL. */
static char *existing(const char *dir, const char *name)
{
	auto_free char *path = dir ? fs_join(dir, name) : NULL;

	return path && fs_exists(path) ? take_ptr(&path) : NULL;
}

static void set_tls(struct engine_candidate *c, const char *dir, bool verify)
{
	c->ca_file = existing(dir, "ca.pem");
	c->cert_file = existing(dir, "cert.pem");
	c->key_file = existing(dir, "key.pem");
	c->skip_verify = !verify;
	/* nothing of the user's own to tell TLS by: the scheme says it */
	if (!c->ca_file && !c->cert_file && verify &&
	    starts_with(c->host, "tcp://")) {
		char *https =
		    xasprintf("https://%s", c->host + strlen("tcp://"));

		free(c->host);
		c->host = https;
	}
}

static int add_explicit(struct engine_candidates *c, const char *host,
			const char *source, struct error *err)
{
	struct engine_candidate *last;
	bool verify = env("DOCKER_TLS_VERIFY") != NULL;
	auto_free char *dir = NULL;

	if (check_form(host, source, err) < 0)
		return -1;
	last = add(c, xstrdup(host), source);
	last->explicit_choice = true;
	if (!starts_with(host, "tcp://") && !starts_with(host, "https://"))
		return 0;
	/* as the docker CLI: DOCKER_CERT_PATH alone does not mean TLS */
	if (!verify && !env("DOCKER_TLS") && !starts_with(host, "https://"))
		return 0;
	dir = env("DOCKER_CERT_PATH") ? xstrdup(env("DOCKER_CERT_PATH"))
				      : config_file_dir();
	set_tls(last, dir, verify || !env("DOCKER_TLS"));
	return 0;
}

/* Source of a context's files: docker/cli, cli/context/store. */
static int add_context(struct engine_candidates *c, const char *dir,
		       const char *name, const char *named_by,
		       struct error *err)
{
	char hex[DIGEST_HEX];
	auto_free char *meta_path = NULL;
	auto_free char *tls_dir = NULL;
	auto_free char *source = xasprintf("context '%s'", name);
	auto_json cJSON *meta = NULL;
	const cJSON *endpoint;
	const char *host;
	struct engine_candidate *last;
	int rc;

	digest_of(name, strlen(name), hex);
	meta_path = xasprintf("%s/contexts/meta/%s/meta.json", dir, hex);
	tls_dir = xasprintf("%s/contexts/tls/%s/docker", dir, hex);
	rc = config_file_json(meta_path, &meta, err);
	if (rc < 0)
		return error_wrap(err, "%s: context '%s'", named_by, name);
	if (rc == 0) {
		error_set(err, ERROR_CONFIG,
			  "%s: there is no docker context '%s'", named_by,
			  name);
		error_hint(err, "docker context ls");
		return -1;
	}
	endpoint = json_get2(meta, "Endpoints", "docker");
	host = json_str(endpoint, "Host");
	if (!host || check_form(host, source, err) < 0)
		return host ? -1
			    : error_set(err, ERROR_CONFIG,
					"%s: context '%s' names no engine",
					named_by, name);
	last = add(c, xstrdup(host), source);
	last->explicit_choice = true;
	if (fs_exists(tls_dir) || json_bool(endpoint, "SkipTLSVerify"))
		set_tls(last, tls_dir, !json_bool(endpoint, "SkipTLSVerify"));
	return 0;
}

/* What DOCKER_CONTEXT or config.json name. "default" is no context. */
static int discover_context(struct engine_candidates *c, struct error *err)
{
	auto_free char *dir = config_file_dir();
	auto_free char *path = NULL;
	auto_json cJSON *config = NULL;
	const char *name = env("DOCKER_CONTEXT");
	const char *named_by = "DOCKER_CONTEXT";

	if (!name) {
		if (config_file_read(&path, &config, err) < 0)
			return -1;
		name = json_str(config, "currentContext");
		named_by = path;
	}
	if (!name || !*name || !strcmp(name, "default"))
		return 0;
	if (!dir)
		return error_set(err, ERROR_CONFIG,
				 "%s: context '%s' needs HOME or DOCKER_CONFIG",
				 named_by, name);
	return add_context(c, dir, name, named_by, err);
}

static void add_socket(struct engine_candidates *c, const char *dir,
		       const char *name, const char *source)
{
	if (dir)
		add(c, xasprintf("unix://%s/%s", dir, name), source);
}

/* In the order of preference; each is asked whether it is there or not. */
static void discover_sockets(struct engine_candidates *c)
{
	const char *home = env("HOME");
	const char *runtime = env("XDG_RUNTIME_DIR");
	char run_user[64];

	snprintf(run_user, sizeof(run_user), "/run/user/%ld", (long)getuid());
	add_socket(c, "/var/run", "docker.sock", "default socket");
	add_socket(c, runtime, "docker.sock", "rootless socket");
	add_socket(c, run_user, "docker.sock", "rootless socket");
	add_socket(c, home, ".docker/run/docker.sock", "docker desktop");
	add_socket(c, home, ".docker/desktop/docker.sock", "docker desktop");
	add_socket(c, home, ".colima/default/docker.sock", "colima");
	add_socket(c, home, ".rd/docker.sock", "rancher desktop");
	add_socket(c, runtime, "podman/podman.sock", "podman");
	add_socket(c, run_user, "podman/podman.sock", "podman");
	add_socket(c, "/run/podman", "podman.sock", "podman");
}

int engine_discover(const char *host, struct engine_candidates *ret,
		    struct error *err)
{
	auto_engine_candidates struct engine_candidates c =
	    ENGINE_CANDIDATES_INIT;
	int rc = 0;

	if (host)
		rc = add_explicit(&c, host, "command line", err);
	else if (env("DOCKER_HOST"))
		rc = add_explicit(&c, env("DOCKER_HOST"), "DOCKER_HOST", err);
	else
		rc = discover_context(&c, err);
	if (rc < 0)
		return -1;
	if (!c.n)
		discover_sockets(&c);
	*ret = c;
	c = (struct engine_candidates)ENGINE_CANDIDATES_INIT;
	return 0;
}
