/* SPDX-License-Identifier: MIT */
#include "docker/engine.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/log.h"
#include "base/parallel.h"
#include "base/strvec.h"
#include "docker/json.h"
#include "docker/reply.h"
#include "docker/ssh.h"
#include "http/http.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	API_OWN = 151,   /* the newest this client was written against */
	API_FLOOR = 124, /* the oldest that has all of the calls used here */
	/* Podman's socket may have to start its service first. */
	PROBE_MS = 5000,
	PROBE_FIRST_MS = 500,
	PROBE_EXPLICIT_MS = 20000
};

struct engine {
	struct http_client *http;
	struct engine_candidate candidate;
	char *server;       /* "Docker/20.10.24" */
	char *publish_host; /* "127.0.0.1" */
	char prefix[16];    /* "/v1.41" */
	int api;
	enum engine_flavor flavor;
	bool local;
	atomic_bool given_up;
};

const char *engine_host(const struct engine *engine)
{
	return engine->candidate.host;
}

const struct engine_candidate *engine_candidate(const struct engine *engine)
{
	return &engine->candidate;
}

const char *engine_server(const struct engine *engine)
{
	return engine->server;
}

enum engine_flavor engine_flavor(const struct engine *engine)
{
	return engine->flavor;
}

int engine_api(const struct engine *engine)
{
	return engine->api;
}

bool engine_is_local(const struct engine *engine)
{
	return engine->local;
}

const char *engine_publish_host(const struct engine *engine)
{
	return engine->publish_host;
}

void engine_free(struct engine *engine)
{
	struct engine_candidate *c;

	if (!engine)
		return;
	c = &engine->candidate;
	http_client_free(engine->http);
	free(c->host);
	free(c->source);
	free(c->ca_file);
	free(c->cert_file);
	free(c->key_file);
	free(c->version);
	free(engine->server);
	free(engine->publish_host);
	free(engine);
}

static struct engine_candidate candidate_copy(const struct engine_candidate *c)
{
	struct engine_candidate copy = *c;

	copy.host = xstrdup(c->host);
	copy.source = xstrdup(c->source ? c->source : "");
	copy.ca_file = xstrdup_or_null(c->ca_file);
	copy.cert_file = xstrdup_or_null(c->cert_file);
	copy.key_file = xstrdup_or_null(c->key_file);
	copy.failure = NULL;
	copy.version = NULL;
	return copy;
}

/* What follows the scheme if `host` has it, else NULL. */
static const char *after(const char *host, const char *scheme)
{
	size_t len = strlen(scheme);

	return strncmp(host, scheme, len) ? NULL : host + len;
}

static bool is_tls(const struct engine_candidate *c)
{
	return after(c->host, "https://") || c->ca_file || c->cert_file ||
	       c->skip_verify;
}

/* The host of "host:port/…"; an IPv6 one without its brackets. */
static char *address_host(const char *address)
{
	if (*address == '[')
		return xstrndup(address + 1, strcspn(address + 1, "]"));
	return xstrndup(address, strcspn(address, ":/"));
}

static bool is_loopback(const char *host)
{
	return !strcmp(host, "localhost") || !strcmp(host, "::1") ||
	       !strncmp(host, "127.", 4);
}

/* Whether a port ends the authority of "host[:port][/…]". */
static bool has_port(const char *address)
{
	size_t len = strcspn(address, "/");
	const char *bracket = memchr(address, ']', len);
	const char *from = bracket ? bracket : address;

	return memchr(from, ':', len - (size_t)(from - address)) != NULL;
}

static int open_ssh(struct engine *engine, const struct deadline *deadline,
		    struct error *err)
{
	char *real;
	auto_strvec struct strvec program = STRVEC_INIT;
	struct http_address a = {0};

	if (ssh_program(engine->candidate.host, &program, &engine->publish_host,
			err) < 0)
		return -1;
	real = ssh_real_host(&program, deadline);
	if (real) {
		free(engine->publish_host);
		engine->publish_host = real;
	}
	a.program = (const char *const *)program.v;
	engine->http = http_client_new(&a, err);
	return engine->http ? 0 : -1;
}

static int open_http(struct engine *engine, const struct deadline *deadline,
		     struct error *err)
{
	const struct engine_candidate *c = &engine->candidate;
	const char *path = after(c->host, "unix://");
	const char *tcp = after(c->host, "tcp://");
	struct http_address a = {.ca_file = c->ca_file,
				 .cert_file = c->cert_file,
				 .key_file = c->key_file,
				 .insecure = c->skip_verify};
	auto_free char *base = NULL;

	if (after(c->host, "ssh://"))
		return open_ssh(engine, deadline, err);
	if (!tcp)
		tcp = after(c->host, "http://");
	if (!tcp)
		tcp = after(c->host, "https://");
	if (!path && !tcp)
		return error_set(err, ERROR_CONFIG,
				 "'%s' is not an engine's address", c->host);
	if (path) {
		a.socket_path = path;
		engine->publish_host = xstrdup("127.0.0.1");
		engine->local = true;
	} else {
		base = xasprintf("http%s://%.*s%s", is_tls(c) ? "s" : "",
				 (int)strcspn(tcp, "/"), tcp,
				 has_port(tcp) ? ""
				 : is_tls(c)   ? ":2376"
					       : ":2375");
		a.base = base;
		engine->publish_host = address_host(tcp);
		engine->local = is_loopback(engine->publish_host);
		/* an engine of this machine publishes there alone */
		if (!strcmp(engine->publish_host, "::1")) {
			free(engine->publish_host);
			engine->publish_host = xstrdup("127.0.0.1");
		}
	}
	engine->http = http_client_new(&a, err);
	return engine->http ? 0 : -1;
}

/* Says more than the system does about a socket that cannot be reached. */
static void explain_socket(const struct engine_candidate *c, struct error *err)
{
	const char *path = after(c->host, "unix://");

	if (!path || !err || err->kind != ERROR_NO_ENGINE)
		return;
	if (access(path, F_OK) < 0) {
		error_set(err, ERROR_NO_ENGINE, "no socket '%s'", path);
		error_hint(err, "start the engine, or set DOCKER_HOST");
	} else if (access(path, R_OK | W_OK) < 0) {
		error_set(err, ERROR_NO_ENGINE, "no permission for '%s'", path);
		error_hint(err, "add yourself to the group that owns the "
				"socket, or use a rootless engine");
	} else if (strstr(error_text(err), "refused")) {
		error_set(err, ERROR_NO_ENGINE,
			  "nobody listens on '%s': a dead engine's socket",
			  path);
		error_hint(err, "start the engine");
	}
}

/* "1.41" as 141; 0 if it is no version. */
static int parse_api(const char *text)
{
	unsigned major = 0;
	unsigned minor = 0;
	char rest = '\0';

	if (!text || sscanf(text, "%1u.%2u%c", &major, &minor, &rest) != 2)
		return 0;
	return (int)(major * 100 + minor);
}

static void set_api(struct engine *engine, int api)
{
	engine->api = api;
	snprintf(engine->prefix, sizeof(engine->prefix), "/v%d.%d", api / 100,
		 api % 100);
}

static int ping(struct engine *engine, const char *method,
		const struct deadline *deadline, struct http_reply *ret,
		struct error *err)
{
	struct http_request request = {
	    .method = method, .path = "/_ping", .max_reply = 64 * 1024};

	return http_send(engine->http, &request, deadline, ret, err);
}

bool engine_is_silent(struct engine *engine, const struct deadline *deadline)
{
	auto_http_reply struct http_reply reply = HTTP_REPLY_INIT;
	auto_error struct error err = ERROR_INIT;

	return ping(engine, "GET", deadline, &reply, &err) < 0 &&
	       err.kind == ERROR_TIMEOUT;
}

void engine_give_up(struct engine *engine)
{
	atomic_store(&engine->given_up, true);
}

bool engine_is_given_up(const struct engine *engine)
{
	return atomic_load(&engine->given_up);
}

/* HEAD costs no body, but engines before 1.40 refuse it. */
static int ping_any(struct engine *engine, const struct deadline *deadline,
		    struct http_reply *ret, struct error *err)
{
	auto_error struct error first = ERROR_INIT;

	if (ping(engine, "HEAD", deadline, ret, &first) == 0) {
		if (reply_ok(ret) && ret->api_version)
			return 0;
	} else if (first.kind != ERROR_PROTOCOL) {
		return error_move(err, &first);
	}
	if (ping(engine, "GET", deadline, ret, err) < 0)
		return -1;
	if (!reply_ok(ret)) {
		engine_error(ret, ERROR_NO_ENGINE, err, "GET /_ping");
		if (reply_says(ret, "to an HTTPS server"))
			error_hint(err, "set DOCKER_TLS_VERIFY and "
					"DOCKER_CERT_PATH");
		return -1;
	}
	if (ret->api_version || !strncmp(ret->body.s, "OK", 2))
		return 0;
	return reply_unreadable(ret, "not a container engine", err);
}

/* "Docker/20.10.24+dfsg1 (linux)" into the parts people want. */
static void note_server(struct engine *engine, const char *server)
{
	const char *slash;

	if (!server || !*server)
		server = "unknown";
	engine->server = xstrndup(server, strcspn(server, " "));
	slash = strchr(engine->server, '/');
	engine->candidate.version = xstrdup(slash ? slash + 1 : "");
	if (!strncasecmp(server, "Libpod/", 7))
		engine->flavor = ENGINE_PODMAN;
}

/*
 * /_ping tells the newest version that the engine speaks, not the oldest. An
 * engine newer than this client, or a version asked for by name, is therefore
 * tried once, so that a refusal is met here and not in the middle of work.
 */
static int try_version(struct engine *engine, const struct deadline *deadline,
		       struct error *err)
{
	struct http_request request = {.path = "/version"};
	auto_http_reply struct http_reply reply = HTTP_REPLY_INIT;

	if (engine_send(engine, &request, deadline, &reply, err) < 0)
		return -1;
	if (reply_ok(&reply))
		return 0;
	return engine_error(&reply, ERROR_NO_ENGINE, err, "API version %d.%d",
			    engine->api / 100, engine->api % 100);
}

static int negotiate(struct engine *engine, const char *engine_max,
		     const struct deadline *deadline, struct error *err)
{
	const char *asked = getenv("DOCKER_API_VERSION");
	/* without the header it is as old as the floor, or older */
	int max = engine_max ? parse_api(engine_max) : API_FLOOR;

	if (asked && *asked) {
		int api = parse_api(asked);

		if (api < API_FLOOR)
			return error_set(err, ERROR_CONFIG,
					 "DOCKER_API_VERSION: '%s' is not a "
					 "version from 1.24 on",
					 asked);
		set_api(engine, api);
		return try_version(engine, deadline, err);
	}
	if (!max)
		return error_set(err, ERROR_PROTOCOL,
				 "API version '%s' cannot be read", engine_max);
	if (max < API_FLOOR) {
		error_set(err, ERROR_NO_ENGINE,
			  "the engine's API version %s is too old, 1.24 is "
			  "needed",
			  engine_max);
		error_hint(err, "use Docker 1.12 or newer");
		return -1;
	}
	set_api(engine, max < API_OWN ? max : API_OWN);
	return max > API_OWN ? try_version(engine, deadline, err) : 0;
}

static struct engine *open_one(const struct engine_candidate *candidate,
			       const struct deadline *deadline,
			       struct error *err)
{
	struct engine *engine = xcalloc(1, sizeof(*engine));
	auto_http_reply struct http_reply reply = HTTP_REPLY_INIT;
	struct deadline d = deadline_sooner(
	    *deadline,
	    candidate->explicit_choice ? PROBE_EXPLICIT_MS : PROBE_MS);

	engine->candidate = candidate_copy(candidate);
	if (open_http(engine, &d, err) < 0 ||
	    ping_any(engine, &d, &reply, err) < 0) {
		explain_socket(candidate, err);
		engine_free(engine);
		return NULL;
	}
	note_server(engine, reply.server);
	if (negotiate(engine, reply.api_version, &d, err) < 0) {
		engine_free(engine);
		return NULL;
	}
	log_debug("docker: %s answers: %s, API %d.%d", candidate->host,
		  engine->server, engine->api / 100, engine->api % 100);
	return engine;
}

/* Fills in what came of asking. NULL with *err if it is no use. */
static struct engine *probe(struct engine_candidate *c,
			    const struct deadline *deadline, struct error *err)
{
	struct engine *engine = open_one(c, deadline, err);

	c->probed = true;
	c->answered = engine != NULL;
	free(c->failure);
	free(c->version);
	c->failure = engine ? NULL : xstrdup(error_text(err));
	c->version = engine ? xstrdup(engine->candidate.version) : NULL;
	return engine;
}

int engine_open_host(const struct engine_candidate *candidate,
		     const struct deadline *deadline,
		     struct engine **ret_engine, struct error *err)
{
	struct engine *engine = open_one(candidate, deadline, err);

	if (!engine)
		return error_wrap(err, "engine '%s'", candidate->host);
	*ret_engine = engine;
	return 0;
}

/* Why the first of those that are there, a dead one or another's, does not
 * answer; NULL: none is. */
static const char *nearest_failure(const struct engine_candidates *candidates)
{
	for (size_t i = 0; i < candidates->n; i++) {
		const struct engine_candidate *c = &candidates->list[i];
		const char *path = after(c->host, "unix://");

		if (c->failure && path && access(path, F_OK) == 0)
			return c->failure;
	}
	return NULL;
}

/* One that was named is what the message is about; of several, the list says
 * each one's reason. */
static int none_answers(const struct engine_candidates *candidates,
			struct error *last, struct error *err)
{
	const char *nearest = nearest_failure(candidates);
	auto_buf struct buf list = BUF_INIT;

	if (candidates->n == 1) {
		error_wrap(last, "engine '%s' (%s)", candidates->list[0].host,
			   candidates->list[0].source);
		if (last->kind != ERROR_CONFIG && last->kind != ERROR_CANCELLED)
			last->kind = ERROR_NO_ENGINE;
		return error_move(err, last);
	}
	for (size_t i = 0; i < candidates->n; i++) {
		const struct engine_candidate *c = &candidates->list[i];

		buf_printf(&list, "%s%s (%s): %s", i ? "\n" : "", c->host,
			   c->source, c->failure ? c->failure : "not asked");
	}
	error_set(err, ERROR_NO_ENGINE, "no container engine answers%s%s",
		  nearest ? ": " : "", nearest ? nearest : "");
	error_hint(err, "start an engine, or name one by DOCKER_HOST");
	error_detail(err, list.s);
	return -1;
}

struct probe_all {
	struct engine_candidates *candidates;
	struct deadline deadline;
	struct engine **engines;
	struct error *errors;
};

static int probe_nth(void *ctx, size_t i, struct error *err)
{
	struct probe_all *all = ctx;

	(void)err; /* a candidate that fails does not stop the others */
	all->engines[i] =
	    probe(&all->candidates->list[i], &all->deadline, &all->errors[i]);
	return 0;
}

static int open_all(struct engine_candidates *candidates,
		    const struct deadline *deadline, struct engine **ret_engine,
		    struct error *err)
{
	size_t n = candidates->n;
	auto_free struct engine **engines = xcalloc(n, sizeof(struct engine *));
	auto_free struct error *errors = xcalloc(n, sizeof(struct error));
	struct probe_all all = {candidates, *deadline, engines, errors};
	struct engine *first = NULL;
	int rc = parallel_run(n, n, probe_nth, &all, err);

	for (size_t i = 0; i < n; i++) {
		if (!first)
			first = engines[i];
		else
			engine_free(engines[i]);
	}
	if (rc == 0 && first)
		*ret_engine = first;
	else if (rc == 0)
		rc = none_answers(candidates, &errors[0], err);
	else
		engine_free(first);
	for (size_t i = 0; i < n; i++)
		error_clear(&errors[i]);
	return rc;
}

/* Only those that are there can answer; mostly that is one. */
static bool is_there(const struct engine_candidate *c)
{
	const char *path = after(c->host, "unix://");

	return !path || access(path, F_OK) == 0;
}

/*
 * The first of those that are there mostly answers at once. If it does not, all
 * of them are asked at the same time, so that one that hangs costs its own
 * limit and no more.
 */
static int open_first(struct engine_candidates *candidates,
		      const struct deadline *deadline,
		      struct engine **ret_engine, struct error *err)
{
	struct deadline soon = deadline_sooner(*deadline, PROBE_FIRST_MS);
	auto_error struct error first = ERROR_INIT;
	struct engine *engine;
	size_t i = 0;

	while (i + 1 < candidates->n && !is_there(&candidates->list[i]))
		i++;
	if (candidates->list[i].explicit_choice)
		soon = *deadline;
	engine = probe(&candidates->list[i], &soon, &first);
	if (engine) {
		*ret_engine = engine;
		return 0;
	}
	/* neither would get better with another */
	if (first.kind == ERROR_CANCELLED || first.kind == ERROR_CONFIG)
		return error_move(err, &first);
	if (candidates->n == 1)
		return none_answers(candidates, &first, err);
	return open_all(candidates, deadline, ret_engine, err);
}

int engine_open(struct engine_candidates *candidates, unsigned flags,
		const struct deadline *deadline, struct engine **ret_engine,
		struct error *err)
{
	if (flags & ENGINE_PROBE_ALL)
		return open_all(candidates, deadline, ret_engine, err);
	return open_first(candidates, deadline, ret_engine, err);
}

int engine_send(struct engine *engine, const struct http_request *request,
		const struct deadline *deadline, struct http_reply *ret,
		struct error *err)
{
	auto_free char *path = xasprintf("%s%s", engine->prefix, request->path);
	struct http_request versioned = *request;

	versioned.path = path;
	if (engine_is_given_up(engine))
		return error_set(err, ERROR_NO_ENGINE,
				 "engine '%s' does not answer",
				 engine_host(engine));
	if (http_send(engine->http, &versioned, deadline, ret, err) == 0)
		return 0;
	if (err && err->kind == ERROR_NO_ENGINE)
		error_wrap(err, "engine '%s'", engine_host(engine));
	return -1;
}
