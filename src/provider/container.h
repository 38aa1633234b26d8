/* SPDX-License-Identifier: MIT */
/*
 * provider/container.h - a service whose servers are containers; for provider/
 * only. container.c holds the provider, server.c the life of one container,
 * container_template.c the making of the template image.
 */
#ifndef PROVIDER_CONTAINER_H
#define PROVIDER_CONTAINER_H

#include "docker/container.h"
#include "docker/image.h"
#include "docker/service.h"
#include "provider/contract.h"
#include "provider/impl.h"
#include "provider/reach.h"
#include "provider/swarm.h"

#include <pthread.h>
#include <stdatomic.h>

struct clone_report;
struct clones;
struct engine_watch;

/* Numbers of servers that are no slot; those count from 0. */
enum {
	SERVER_BUILDER = -1,
	SERVER_SHARED = -2, /* one for every slot */
	SERVER_LOST = -3,   /* a shared one that is gone: only to be removed */
	/* connections kept: a log-in costs more than a reset's questions */
	SERVER_IDLE = 4
};

/* One container of ours, or service. Belongs to the provider from its creation
 * on; one thread works on it at a time, but for `ended`, which the watch sets.
 */
struct server {
	int slot;
	char *name;                /* the container's */
	char *dir;                 /* on the host, for its socket; NULL: TCP */
	struct container c;        /* id "": not made */
	struct swarm_unit unit;    /* a service instead */
	char watched[65];          /* c.id again, under the provider's mutex */
	struct db_address address; /* for its administration */
	/* where its port may be reached; server_wait finds out */
	struct reach_place places[REACH_PLACES];
	size_t n_places;
	struct clones *clones; /* NULL: it holds no original */
	/* administrators' connections at rest; under the provider's mutex */
	struct db *idle[SERVER_IDLE];
	atomic_bool ended;
	atomic_int exit_code;
};

enum {
	CONTAINER_PASSWORD = 24,
	/* a server has dozens of processes at most */
	SERVER_PIDS = 512,
	/* of its log, shown when it fails */
	SERVER_LOG_LINES = 20,
	SERVER_LOG_BYTES = 8192,
	/* and to find the reason in, above what a crash says of itself */
	SERVER_LOG_LINES_ALL = 300,
	SERVER_LOG_BYTES_ALL = 128 * 1024
};

enum shared_fs {
	SHARED_UNKNOWN,
	SHARED_YES,
	SHARED_NO
};

struct container_provider {
	struct provider base;
	struct engine *engine;
	struct swarm *swarm; /* NULL: servers are containers */
	char *image_name;
	struct image image;
	char key[TEMPLATE_KEY];
	char *template_ref; /* "testenv/template:KEY" */
	struct lock hold;   /* on the kept template; see template/hold.h */
	/* of the template found or made, whose passwords are known: the name
	 * goes over to what another process commits under the same key */
	char *template_id;
	char *password; /* the template's roles' */
	char *root_password;
	/* what the template's are replaced by: one for all slots, as one URL
	 * leads to any of them */
	char slot_password[CONTAINER_PASSWORD + 1];
	char slot_root_password[CONTAINER_PASSWORD + 1];
	char *server_version;
	bool built;
	/* this process is in a container of the engine: its network, which
	 * servers join (NULL: the default one) */
	bool inside;
	char *network;
	bool no_label; /* SELinux would keep servers from our directories */
	pthread_mutex_t mutex; /* guards what follows */
	enum shared_fs shared;
	enum reach_way way;
	bool no_limits; /* the engine starts nothing that has them */
	bool said_limits;
	struct server **servers;
	size_t n_servers;
	pthread_mutex_t start_mutex; /* one thread starts the shared server */
	bool public_dropped; /* from the shared server, under start_mutex */
	unsigned n_retired;
	/* a create may have worked without our knowing, or a removal not */
	bool unsure;
	struct engine_watch *watch;
	atomic_bool watch_lost;
	_Atomic(const char *) restored_by; /* of provider_facts */
};

/* What one server is to be. */
struct server_plan {
	int slot;
	const char *image;
	const char *image_name; /* for people; NULL: image */
	const char *role;       /* for its label */
	const char *password, *root_password;
	bool socket; /* no network, if the engine shares our file system */
};

/*
 * Creates and starts a container; its address says how to log in once it is
 * ready (mariadb: as root). On failure nothing of it is left, or `unsure` is
 * set. A port that was taken between the engine's choice and the start is
 * chosen anew.
 */
int server_run(struct container_provider *p, const struct server_plan *plan,
	       const struct deadline *deadline, struct server **ret,
	       struct error *err);
/* Waits for the final server in it; if it dies first, ERROR_SERVER with its
 * log's tail. */
int server_wait(struct container_provider *p, struct server *server,
		const struct db_address *address,
		const struct deadline *deadline, struct db **ret_db,
		struct error *err);
/* Removes the container and its directory, and frees the server. On failure
 * the container may be left, and `unsure` is set. */
int server_remove(struct container_provider *p, struct server *server,
		  const struct deadline *deadline, struct error *err);
/*
 * A connection to a server that was ready before, which may be at its recovery
 * just now, or have ended: then ERROR_SERVER, and its `ended` is set.
 */
int server_reach(struct container_provider *p, struct server *server,
		 const struct db_address *address,
		 const struct deadline *deadline, struct db **ret_db,
		 struct error *err);
/* Of its log, the last lines: 0, or -1 where it cannot be had. */
int server_log_tail(struct container_provider *p, const struct server *s,
		    int lines, const struct deadline *deadline,
		    struct buf *ret);
/* One that is gone makes room, of its name, too. It stays in p's list, as
 * others may be at work on it until they find out. */
void server_retire(struct container_provider *p, struct server *server,
		   const struct deadline *deadline);
/* The steps of server_run that services share: a server with its name, in p's
 * list; what may be there without our knowing; the address for its
 * administration. */
struct server *server_new(struct container_provider *p,
			  const struct server_plan *plan);
void server_set_unsure(struct container_provider *p);
void server_set_address(struct container_provider *p, struct server *s,
			const struct server_plan *plan, const char *host,
			uint16_t port);
/* The name of the node that runs it, or NULL; the caller frees. */
char *server_node(struct container_provider *p, int slot);
/* The same on a swarm: as server_run, and server_wait's look at the container.
 */
int swarm_server_run(struct container_provider *p,
		     const struct server_plan *plan,
		     const struct deadline *deadline, struct server **ret,
		     struct error *err);
int swarm_server_look(struct container_provider *p, struct server *s,
		      struct error *err);
/* swarm_unit_check() of its address. */
int swarm_server_check(struct container_provider *p, struct server *s,
		       const struct deadline *deadline, struct error *err);
/* Brings p's template to where every node can have it. */
int swarm_share_template(struct container_provider *p,
			 const struct deadline *deadline, struct error *err);
/* The server of a slot, or NULL. */
struct server *server_find(struct container_provider *p, int slot);

/* Starts the server of a slot from the template and claims it: waits, sets the
 * session's passwords, and notes its surroundings. */
int container_start_server(struct container_provider *p, int slot,
			   const struct deadline *deadline, struct server **ret,
			   struct error *err);
/*
 * Makes of an error that is about a full disk, by its own words or, where those
 * say something else, by the log of the server (or NULL), ERROR_NO_SPACE "the
 * engine's disk is full: …". Returns -1.
 */
int container_about_disk(struct container_provider *p, const struct server *s,
			 struct error *err);
/* The address for the tests, of a database on the server. */
void container_address(const struct container_provider *p,
		       const struct server *server, const char *database,
		       struct db_address *ret);
/* An administrator's connection to it, not to the tests' database. */
int container_admin(struct container_provider *p, struct server *server,
		    const struct deadline *deadline, struct db **ret,
		    struct error *err);
/* Puts it to rest for the next who wants one; *db is NULL then. */
void container_admin_done(struct container_provider *p, struct server *server,
			  struct db **db);

/* The slots of a service with isolation: database; see container_shared.c. */
int shared_slot_start(struct provider *base, unsigned slot,
		      const struct deadline *deadline, struct db_address *ret,
		      struct error *err);
int shared_slot_clean(struct provider *base, unsigned slot, bool same_owner,
		      const struct deadline *deadline, struct db_address *ret,
		      struct error *err);
int shared_slot_stop(struct provider *base, unsigned slot,
		     const struct deadline *deadline, struct error *err);

/* Makes p->template_ref, with p's spec and image. */
int container_template_ensure(struct provider *p,
			      const struct deadline *deadline,
			      struct error *err);

#endif
