/* SPDX-License-Identifier: MIT */
/*
 * docker/engine.h - one container engine that answered, and how it was found.
 *
 * Discovery follows the docker CLI (docker/cli, resolveContextName):
 * DOCKER_HOST, DOCKER_CONTEXT, config.json's currentContext, then the usual
 * sockets. With an explicit setting only that one is tried.
 *
 * An engine may be used by any number of threads at once. Every call blocks
 * until the engine answers or its deadline passes. Nothing here prints or
 * retries.
 */
#ifndef DOCKER_ENGINE_H
#define DOCKER_ENGINE_H

#include "base/clock.h"

#include <stdbool.h>
#include <stddef.h>

struct error;
struct engine;
struct http_request;
struct http_reply;

enum engine_flavor {
	ENGINE_DOCKER,
	ENGINE_PODMAN
};

/* One place where an engine may be, and what came of asking there. */
struct engine_candidate {
	char *host;   /* "unix:///var/run/docker.sock" */
	char *source; /* why it is on the list: "DOCKER_HOST", "context 'x'",
			 "default socket", "rootless socket", "podman" … */
	char *ca_file, *cert_file, *key_file; /* or NULL */
	bool skip_verify;
	bool explicit_choice; /* named by the user: no other may be used */
	/* Filled in by probing. */
	bool probed;
	bool answered;
	char *failure; /* one line, when it did not answer */
	char *version; /* "20.10.24", when it did */
};

struct engine_candidates {
	struct engine_candidate *list;
	size_t n;
};

#define ENGINE_CANDIDATES_INIT \
	{                      \
		0, 0           \
	}
void engine_candidates_free(struct engine_candidates *c);
#define auto_engine_candidates __attribute__((cleanup(engine_candidates_free)))

/*
 * The candidates in the order in which they would be used, not asked yet.
 * `host` overrides everything (NULL: the environment decides). Fails with
 * ERROR_CONFIG when the environment names something unreadable: a DOCKER_HOST
 * of unknown form, a context that does not exist.
 */
int engine_discover(const char *host, struct engine_candidates *ret,
		    struct error *err);

/*
 * Asks the first candidate that is there and, unless it answers at once, every
 * one in parallel (all: these in any case, for doctor), filling in what came of
 * it. The first in the list that answered is opened into *ret_engine; each has
 * five seconds, one named by the user twenty. ERROR_NO_ENGINE with the list as
 * the error's detail, a line each, when none did.
 */
enum engine_probe_flags {
	ENGINE_PROBE_ALL = 1 << 0
};
int engine_open(struct engine_candidates *candidates, unsigned flags,
		const struct deadline *deadline, struct engine **ret_engine,
		struct error *err);
/* One host, as found before ("unix:///…"): what the watchdog uses. */
int engine_open_host(const struct engine_candidate *candidate,
		     const struct deadline *deadline,
		     struct engine **ret_engine, struct error *err);
void engine_free(struct engine *engine);

/* All borrowed from the engine. */
const char *engine_host(const struct engine *engine);
const struct engine_candidate *engine_candidate(const struct engine *engine);
const char *engine_server(const struct engine *engine); /* "Docker/20.10.24" */
enum engine_flavor engine_flavor(const struct engine *engine);
/* Negotiated: {1, 41} is 141; at least 124. */
int engine_api(const struct engine *engine);
/* A socket or address of this very machine. */
bool engine_is_local(const struct engine *engine);
/* Where published ports are reached: "127.0.0.1" for a Unix socket, else the
 * host of its address. */
const char *engine_publish_host(const struct engine *engine);

/* What /info says, for doctor; strings may be NULL. */
struct engine_info {
	char *version, *storage_driver, *cgroup_driver, *cgroup_version,
	    *operating_system, *architecture, *root_dir, *warnings;
	char *min_api, *max_api;
	bool rootless;
	char *name, *kernel; /* of its machine: the host's name; "6.1.0" */
	bool memory_limit, pids_limit;
	bool selinux; /* confines containers */
	int cpus;
	long long memory_bytes;
	int containers_running;
};
int engine_info(struct engine *engine, const struct deadline *deadline,
		struct engine_info *ret, struct error *err);
/*
 * Whether a container must be told not to be confined (no_label) to use folders
 * of this machine: SELinux is on, here and in what the engine says. Asks it
 * only where there is an SELinux.
 */
int engine_confines_binds(struct engine *engine,
			  const struct deadline *deadline, bool *ret,
			  struct error *err);
void engine_info_free(struct engine_info *info);

/* Does nothing come from it until the deadline? What is no answer but comes at
 * once, as from a socket where nobody listens, is not silence. */
bool engine_is_silent(struct engine *engine, const struct deadline *deadline);
/* From now on every call fails at once, with ERROR_NO_ENGINE: it was silent for
 * so long that nobody else is to wait for it. */
void engine_give_up(struct engine *engine);
bool engine_is_given_up(const struct engine *engine);

/*
 * One API call; `path` has no version prefix. Any complete reply is success;
 * engine_error() turns one that should not have been into an error.
 */
int engine_send(struct engine *engine, const struct http_request *request,
		const struct deadline *deadline, struct http_reply *ret,
		struct error *err);
/* Makes of an error that error_is_disk_full() ERROR_NO_SPACE "the engine's disk
 * is full: …". Returns -1. */
int engine_disk_full(struct error *err);
/* Fills *err with `kind` (ERROR_NO_SPACE when that is what an ERROR_ENGINE is
 * about) and "WHAT: the engine's own message"; a reply that carries none is
 * described by its status and first line. Returns -1. */
int engine_error(const struct http_reply *reply, int kind, struct error *err,
		 const char *what_fmt, ...)
    __attribute__((format(printf, 4, 5)));

#endif
