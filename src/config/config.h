/* SPDX-License-Identifier: MIT */
/*
 * config/config.h - what the user asked for, checked, and where he said it.
 *
 * Precedence: flag, TESTENV_* variable, file, default. Every value remembers
 * where it came from. The struct owns all its strings.
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include "base/strvec.h"

#include <stdbool.h>
#include <stdint.h>

struct config_companion;
struct error;
struct progress;

enum config_backend {
	BACKEND_AUTO,
	BACKEND_CONTAINER,
	BACKEND_SWARM,
	BACKEND_SERVER,
	BACKEND_LOCAL,
	BACKEND_SQLITE
};
enum config_isolation {
	ISOLATION_CONTAINER,
	ISOLATION_DATABASE
};
enum config_fresh {
	FRESH_OWNER, /* a new owner never sees an old one's rows */
	FRESH_WORKER,
	FRESH_NEVER
};
enum config_transport {
	CONFIG_TRANSPORT_TCP,
	CONFIG_TRANSPORT_UNIX
};
enum config_keep {
	KEEP_NEVER,
	KEEP_FAILURE,
	KEEP_ALWAYS
};

/* When an image is pulled: besides these, when it is older than so many
 * seconds. */
enum config_pull {
	PULL_ALWAYS = 0,
	PULL_MISSING = -1,
	PULL_NEVER = -2
};

enum config_origin {
	ORIGIN_DEFAULT,
	ORIGIN_FILE, /* with file, line and column */
	ORIGIN_ENVIRONMENT,
	ORIGIN_FLAG
};

/* One database service. */
struct config_service {
	char *name;          /* "db" for --db */
	char *db;            /* "postgres", "mariadb", "sqlite" */
	char *version;       /* "16", or NULL */
	char *image;         /* NULL: chosen */
	int64_t pull_age_s;  /* see enum config_pull */
	char *platform;      /* "linux/arm64", or NULL: the engine's */
	char *url;           /* an existing server; NULL */
	char *migrations;    /* absolute directory, or NULL */
	bool no_bookkeeping; /* leave their tool's table alone */
	char *layout;        /* of it: "goose"; NULL: found out */
	char *migrate;       /* a command, or NULL */
	char *seed_command;  /* another, or NULL */
	char *migrate_dir;   /* where they run: where they were said */
	char *seed_dir;
	struct strvec migrate_inputs; /* absolute; files, folders, patterns */
	struct strvec seeds;          /* absolute files */
	struct strvec env;            /* of the server's container, "K=V" */
	struct strvec exports;        /* "NAME=TEMPLATE" */
	char *database, *user;        /* NULL: default */
	int64_t memory_bytes;         /* 0: default */
};

/* Where one value came from, for doctor --config: key "workers", value "4". */
struct config_value {
	char *key;
	char *value;
	enum config_origin origin;
	char *
	    where; /* "--workers", "TESTENV_WORKERS", "compose.yaml:12:5", "" */
};

struct config {
	char *project_dir; /* of the file, else the working directory */
	char *file;        /* or NULL */
	struct config_service *services;
	size_t n_services;
	/* Other services, each behind those it depends on; config/companion.h
	 */
	struct config_companion *companions;
	size_t n_companions;
	int workers; /* 0: auto */
	enum config_backend backend;
	struct strvec fallback; /* "sqlite", "local"; empty: none */
	char *require;          /* a backend's name, or NULL */
	enum config_isolation isolation;
	enum config_fresh fresh;
	char *owner; /* who gets a database: "auto", "process", "depth=2" */
	enum config_transport transport;
	enum config_keep keep;
	struct strvec env;        /* for the command, "K=V" */
	int64_t timeout_ms;       /* of the command; 0: none */
	int64_t start_timeout_ms; /* until every service is ready */
	char *mirror;             /* of docker.io's images, or NULL */
	/* what the nodes of a swarm pull the template from, or NULL */
	char *swarm_registry;
	struct strvec swarm_constraints; /* which nodes: "node.role==worker" */
	char *host;                      /* --host: the engine; NULL: found */
	bool quiet, rebuild, no_cache;
	bool allow_remote;   /* an existing server that is elsewhere */
	int64_t cache_bytes; /* of templates kept in one place */
	bool verify;         /* databases are compared with their template */
	struct config_value *values;
	size_t n_values;
};

void config_free(struct config *config);

/*
 * Command-line values of one key, as getopt gave them: later ones replace,
 * lists (seed, env, export) add. Keys are the long options' names; those that
 * are no part of a configuration are passed over.
 *
 * Across places env and export merge by name; the seeds are those of one place.
 */
struct config_flag {
	const char *key;   /* "workers" */
	const char *value; /* "" for a switch */
};

/*
 * Reads the file (flag "file", else compose.yaml, compose.yml, testenv.yaml or
 * docker-compose.yaml from the working directory upwards, if one is there and
 * has a service testenv knows), the environment and the flags, and checks it
 * all. ERROR_USAGE for a flag, ERROR_CONFIG with FILE:LINE:COLUMN or the
 * variable's name for the rest. Unknown keys are notices. A file above the
 * working directory counts only if it is the user's own or root's.
 *
 * What only a service has (db, image, migrations …) may be said by flag or
 * variable as long as there is one service at most; without a file that is
 * "db". TESTENV_BACKEND is not read inside a session (TESTENV_SESSION is set),
 * where it says what serves.
 *
 * A service's db may be "sqlite" with backend auto: files, and no engine.
 */
int config_load(const struct config_flag *flags, size_t n_flags,
		const struct progress *progress, struct config *ret,
		struct error *err);
/* As config_load, but nothing asked for is fine (n_services is 0 then): for
 * commands that look or clean up. */
int config_load_any(const struct config_flag *flags, size_t n_flags,
		    const struct progress *progress, struct config *ret,
		    struct error *err);

/* The configuration's identity: project directory and every value that changes
 * what a session is. 16 hex digits and a NUL. */
enum {
	CONFIG_IDENTITY = 17
};
void config_identity(const struct config *config, char ret[CONFIG_IDENTITY]);

/* "90" (seconds), "1500ms", "30s", "5m", "1h30m" in milliseconds; -1 when it is
 * none, or over a year. */
int64_t config_duration_ms(const char *text);
/* "512m", "1g", "64k", plain bytes; -1. */
int64_t config_bytes(const char *text);

const char *config_backend_name(enum config_backend b);

#endif
