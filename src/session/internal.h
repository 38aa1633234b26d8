/* SPDX-License-Identifier: MIT */
/*
 * session/internal.h - what session.c, start.c and variables.c share.
 */
#ifndef SESSION_INTERNAL_H
#define SESSION_INTERNAL_H

#include "base/lock.h"
#include "config/config.h"
#include "session/session.h"
#include "template/migrations.h"

#include <pthread.h>

enum {
	SESSION_ID = 12,
	/* When another machine may take what is left of a session for dead. */
	SESSION_EXPIRES_S = 24 * 60 * 60
};

struct companions;
struct engine;
struct gc_thread;

/* One service of the session. */
struct service {
	struct session *session;
	const struct config_service *config;
	enum dialect dialect; /* what it speaks here, after a fall-back */
	enum config_backend backend; /* what serves it; never BACKEND_AUTO */
	struct migrations migrations;
	char *migrations_text; /* "12 migrations (goose)", or NULL */
	struct provider_spec spec;
	struct provider *provider;
	struct db_address *slots;  /* max_slots of them; made: n_slots */
	struct db_address *coming; /* made, but not taken over yet */
	unsigned n_slots;
	/* where the command is sent instead of to a slot itself */
	struct db_address public_address;
	struct db_address *public_slots; /* n_slots */
};

struct session {
	const struct config *config; /* borrowed */
	const struct progress *progress;
	struct estate_listener listener;
	char id[SESSION_ID + 1];
	char identity[CONFIG_IDENTITY];
	char *run_dir, *data_dir, *cache_dir, *lock_path;
	/* as this process got it: commands of the project start from it */
	struct strvec environment;
	struct lock lock;      /* run_dir's */
	struct lock data_lock; /* data_dir's, where that is in the cache */
	/* local servers', once session_local_place has made them */
	char *local_dir, *local_cache;
	struct lock local_lock; /* local_dir's, where that is not data_dir */
	struct ownership owner;
	struct engine *engine;
	char *fallback_reason;
	struct service *services;
	unsigned n_services;
	struct companions *companions; /* NULL: there are none */
	unsigned max_slots;
	pthread_mutex_t *slot_locks; /* max_slots: one works on a slot */
	struct gc_thread *gc;
};

/* Tells the listener, and writes it down for gc. */
int session_tell(struct session *s, enum estate_kind kind, const char *value,
		 struct error *err);

/*
 * Makes PARENT/ID with ID/owner.lock already held. Under its own name it never
 * exists unlocked: gc, which takes an unlocked one for a dead session's, may
 * look at any moment.
 */
int session_make_dir(const char *parent, const char *id, struct lock *lock,
		     char **ret, struct error *err);
/* Where local servers live: s->owner.local_dir and local_cache. */
int session_local_place(struct session *s, struct error *err);
/* Existing servers: what is left there by dead sessions is removed, and the
 * services' providers are opened. Nothing where there is none. */
int session_open_existing(struct session *s, const struct deadline *deadline,
			  struct error *err);
/* The parent of root's sessions' local_dir, NULL for others. The caller frees.
 */
char *session_local_parent(void);
/* Where templates of local servers are kept. The caller frees. */
char *session_local_cache(void);

/* session_start as far as the providers are open: nothing has been made. */
int session_prepare(struct session *s, const struct deadline *deadline,
		    struct error *err);
bool session_wants_swarm(const struct config *config);
/* The engine alone, noted for whoever clears up after us. */
int session_open_engine(struct session *s, bool swarm,
			const struct deadline *deadline, struct error *err);

/* The engine as one string that outlives it, and back; swarm: the session has
 * services on it. */
char *engine_encode(const struct engine *engine, bool swarm);
bool engine_encoded_swarm(const char *encoded);
int engine_open_encoded(const char *encoded, const struct deadline *deadline,
			struct engine **ret, struct error *err);

/* The project's own command, with the database's variables: a
 * migrations_runner whose ctx is the service. */
int service_run_command(void *ctx, const char *command,
			const struct db_address *address,
			const struct deadline *deadline, struct error *err);
/* What such a command sees: the template's database as the main one. */
int template_variables(const struct service *service,
		       const struct db_address *address, struct strvec *env,
		       struct error *err);

/* Clears up after dead sessions on a thread, while this one starts; engine
 * NULL: on this machine only; swarm: services, too. */
struct gc_thread *gc_thread_start(struct engine *engine, bool swarm);
void gc_thread_stop(struct gc_thread *t);

#endif
