/* SPDX-License-Identifier: MIT */
/*
 * provider/provider.h - where a database service lives.
 *
 * Calling order: open, then template_ensure, then slot_start for each slot (any
 * of them in parallel), and close, which removes all that is left. Whatever a
 * provider makes carries the session's identity from the moment it exists, so
 * that session_estate_clean() finds it without the provider.
 */
#ifndef PROVIDER_PROVIDER_H
#define PROVIDER_PROVIDER_H

#include "base/buf.h"
#include "base/clock.h"
#include "base/strvec.h"
#include "dialect/address.h"
#include "template/migrations.h"

#include <stdbool.h>

struct db_state;
struct engine;
struct error;
struct progress;
struct provider;

enum isolation {
	ISOLATE_SERVER,  /* a server, or a file, for each slot */
	ISOLATE_DATABASE /* one server, a database of its own for each slot */
};

/* Whom the things made belong to. All borrowed, for the provider's life. */
struct ownership {
	const char *session;   /* id */
	const char *run_dir;   /* the session's, 0700: sockets */
	const char *data_dir;  /* the session's, 0700: database files */
	const char *cache_dir; /* shared by sessions: templates, locks */
	/* Local servers' data: the session's directory, and that of their
	 * templates (NULL: they are not kept), on one file system. Root's can
	 * be passed through by the servers' user. */
	const char *local_dir, *local_cache;
	const char *project;   /* its directory */
	const char *lock_path; /* of owner.lock */
	int64_t expires_s;     /* epoch; what outlives this may be removed */
};

/* What is asked of one service. Borrowed for the provider's life. */
struct provider_spec {
	const char *service; /* "db" */
	unsigned index;      /* of the service in its session: short names */
	enum dialect dialect;
	const char *version;         /* "16", or NULL */
	const char *image;           /* NULL: by the rule in product.md */
	const char *mirror;          /* of docker.io's images, or NULL */
	int64_t pull_age_s;          /* as image_wish has it */
	const char *platform;        /* likewise, or NULL */
	const char *database, *user; /* NULL: "app", "app" */
	const char *const *env;      /* more for the server's container */
	const char *url;             /* of an existing server, or NULL */
	bool allow_remote;           /* also one that is not on this machine */
	/* of a swarm: where its nodes can have the template, "HOST[/PATH]", or
	 * NULL: the manager's own node alone; which nodes, or NULL: all */
	const char *swarm_registry;
	const char *const *swarm_constraints;
	unsigned workers; /* 0: as many as turn out to be needed */
	const struct migrations *migrations;
	enum isolation isolation;
	int64_t memory_bytes; /* of one server; 0: default */
	bool rebuild;         /* forget the cached template */
	bool verify; /* compare what is made or reset with the template */
	/* neither look for a kept template nor keep this one: it goes with the
	 * session */
	bool no_cache;
	int64_t cache_bytes; /* of templates kept in one place */
};

/* What became of it, for status and messages. Borrowed from the provider. */
struct provider_facts {
	const char *image; /* "testenv/postgres:15" */
	const char *image_id;
	const char *image_digest; /* "postgres@sha256:…"; NULL: built here */
	const char *template_key;
	bool template_built;        /* false: it was there */
	const char *server_version; /* as the server says, or NULL */
	const char *via; /* "published port", "unix socket", "file" */
	/* how a used database comes back: "touched tables", "template", "a new
	 * server", "a copy of the template", "migrations"; NULL: not known yet
	 */
	const char *restored_by;
	unsigned cpus; /* where its servers run; 0: this machine's */
};

/* Both find out whether they can serve at all: the image is there (or was
 * pulled), the directories can be written. */
int provider_open_container(struct engine *engine,
			    const struct provider_spec *spec,
			    const struct ownership *owner,
			    const struct deadline *deadline,
			    const struct progress *progress,
			    struct provider **ret, struct error *err);
/* As services of the swarm that the engine manages; see provider/swarm.h. */
int provider_open_swarm(struct engine *engine, const struct provider_spec *spec,
			const struct ownership *owner,
			const struct deadline *deadline,
			const struct progress *progress, struct provider **ret,
			struct error *err);
/* Only whether that could be done: why not, and what to do about it. */
int provider_check_swarm(struct engine *engine,
			 const struct provider_spec *spec,
			 const struct deadline *deadline, struct error *err);
/* ERROR_NO_SERVER when the programs are not installed here. */
int provider_open_local(const struct provider_spec *spec,
			const struct ownership *owner,
			const struct deadline *deadline,
			const struct progress *progress, struct provider **ret,
			struct error *err);
/* A server that is not ours, spec->url; provider/existing.h. Errors as
 * existing_open's. */
int provider_open_server(const struct provider_spec *spec,
			 const struct ownership *owner,
			 const struct deadline *deadline,
			 const struct progress *progress, struct provider **ret,
			 struct error *err);
int provider_open_sqlite(const struct provider_spec *spec,
			 const struct ownership *owner,
			 const struct progress *progress, struct provider **ret,
			 struct error *err);

/* Makes the template unless it is there. Two processes that want the same
 * one: one builds, the other waits for it. */
int provider_template_ensure(struct provider *p,
			     const struct deadline *deadline,
			     struct error *err);
/* A fresh server (or file) from the template, ready and with a password of its
 * own. Thread-safe for different slots. */
int provider_slot_start(struct provider *p, unsigned slot,
			const struct deadline *deadline, struct db_address *ret,
			struct error *err);
/*
 * Brings a started slot back to the template's state: whoever is still
 * connected is cut off. Its address may change; a file's does not if it stays
 * with the same owner. On failure the slot is stopped.
 */
int provider_slot_clean(struct provider *p, unsigned slot, bool same_owner,
			const struct deadline *deadline, struct db_address *ret,
			struct error *err);
/*
 * What the template and a slot's database hold, to be compared. Whoever is
 * connected stays so, and may change it meanwhile. ERROR_REFUSED where there is
 * nothing to compare with; not at the same time as another call for the slot.
 */
int provider_slot_states(struct provider *p, unsigned slot,
			 const struct deadline *deadline,
			 struct db_state *ret_template,
			 struct db_state *ret_now, struct error *err);
/* Removes it; not there is success. */
int provider_slot_stop(struct provider *p, unsigned slot,
		       const struct deadline *deadline, struct error *err);
/* The name by which people can find it: the container's, the file's. The caller
 * frees. */
char *provider_slot_name(struct provider *p, unsigned slot);

/* The node of a swarm that runs it, by its name, or NULL. Never waits. The
 * caller frees. */
char *provider_slot_node(struct provider *p, unsigned slot);

void provider_facts(const struct provider *p, struct provider_facts *ret);
/* Stops every slot, in parallel, and frees p. Errors are told once each to
 * progress; what could not be removed is left to gc. */
void provider_close(struct provider *p, const struct deadline *deadline);

#endif
