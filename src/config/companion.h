/* SPDX-License-Identifier: MIT */
/*
 * config/companion.h - a service beside the databases: any image, with how to
 * tell that it is ready and what the tests see of it.
 */
#ifndef CONFIG_COMPANION_H
#define CONFIG_COMPANION_H

#include "base/strvec.h"

#include <stdbool.h>
#include <stdint.h>

struct buf;
struct config;
struct digest;
struct error;

enum companion_probe {
	COMPANION_AUTO,        /* as the image, its port and the file suggest */
	COMPANION_TCP,         /* a connection that stays open */
	COMPANION_REDIS,       /* PING is answered */
	COMPANION_HTTP,        /* a GET answered with a status below 400 */
	COMPANION_EXEC,        /* a command in the container ends with 0 */
	COMPANION_HEALTHCHECK, /* the same, the command that a healthcheck names
				*/
	COMPANION_EXIT,        /* it ends by itself, with 0 */
	COMPANION_NONE         /* ready once it runs */
};

enum {
	COMPANION_PORTS_MAX = 8
};

struct companion_bind {
	char *source; /* absolute, on this machine */
	char *target; /* absolute, in the container */
};

struct config_companion {
	char *name;
	char *image;
	int64_t pull_age_s; /* see enum config_pull */
	char *platform;     /* "linux/arm64", or NULL: the engine's */
	char *where;        /* "compose.yaml:3:5" */
	struct strvec env;  /* "K=V" */
	bool has_command, has_entrypoint;
	struct strvec command, entrypoint;
	char *user, *working_dir; /* NULL: the image's */
	struct companion_bind *binds;
	size_t n_binds;
	struct strvec tmpfs;      /* "/run" or "/run:size=64m" */
	struct strvec depends_on; /* names of other such services */
	struct strvec finishes;   /* those of them that have to end first */
	/* in the container, the main one first; none: what the image exposes */
	uint16_t ports[COMPANION_PORTS_MAX];
	size_t n_ports;
	bool no_port; /* none at all, whatever the image exposes */
	enum companion_probe probe;
	char *probe_path; /* of COMPANION_HTTP: "/health" */
	struct strvec
	    probe_cmd;         /* of COMPANION_EXEC and COMPANION_HEALTHCHECK */
	bool probe_off;        /* "disable" of its healthcheck */
	bool per_worker;       /* one for each slot; else one for all */
	bool optional;         /* it may be missing */
	char *url;             /* template, or NULL: by image and probe */
	struct strvec exports; /* "NAME=TEMPLATE" */
	struct strvec reset;   /* a command run for a new owner; or none */
	int64_t memory_bytes;  /* 0: default */
	int64_t start_timeout_ms; /* 0: the session's */
};

void config_companion_free(struct config_companion *c);
void config_drop_companions(struct config *config);

/*
 * Brings config->companions into an order in which each comes after those it
 * depends on. ERROR_CONFIG names a cycle ("a -> b -> a") or a name that is no
 * service, and one for all that needs one of each worker.
 */
int config_order_companions(struct config *config, struct error *err);

/* Adds all that says what it is to an identity. */
void config_companion_digest(const struct config_companion *c,
			     struct digest *d);

/*
 * Checks the names in a template: {url} {host} {port} {port:NUMBER} {slot}
 * {worker}; "{{" is a brace. ERROR_CONFIG.
 */
int config_check_template(const char *text, struct error *err);

/*
 * A command line in words, as a POSIX shell splits it, with its quotes and
 * backslashes but nothing else of it. ERROR_CONFIG for an open quote.
 */
int config_words(const char *text, struct strvec *ret, struct error *err);

#endif
