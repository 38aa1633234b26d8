/* SPDX-License-Identifier: MIT */
/*
 * provider/local.h - a service whose servers are this machine's own programs;
 * for provider/ only. local.c holds the provider, local_server.c the life of
 * one server, local_template.c the making of the template, local_carry.c its
 * way to another machine, local_init.c what the two dialects differ in.
 *
 * A server is a process of ours on a data directory of ours, which listens on
 * nothing but a Unix socket. It cannot outlive us (base/ward.h); who cleans up
 * after us finds it by the file DIR.pid beside its directory.
 */
#ifndef PROVIDER_LOCAL_H
#define PROVIDER_LOCAL_H

#include "base/ward.h"
#include "provider/impl.h"
#include "provider/programs.h"

#include <pthread.h>

struct cache_row;
struct carried;
struct clones;
struct db;

enum {
	LOCAL_PASSWORD = 24,
	LOCAL_BUILDER = -1,
	LOCAL_SHARED = -2, /* one server for every slot */
	LOCAL_RETIRED = -3 /* was that, and has ended */
};

struct local_server {
	int slot;
	char *dir;  /* with data/ in it; the server's user's */
	char *data; /* dir/data */
	char *log, *pid_file;
	char *socket_dir;
	struct ward *ward;         /* NULL: not started */
	struct db_address address; /* for its administration */
	struct clones *clones;     /* NULL: it holds no original */
};

struct local_provider {
	struct provider base;
	struct wards *wards;
	struct programs programs;
	char *locale;
	/* root's servers run as another user */
	bool drop;
	uid_t uid;
	gid_t gid;
	char key[TEMPLATE_KEY];
	char *template;   /* its directory, once ensured; with data/ in it */
	struct lock hold; /* on a kept one; see template/hold.h */
	char *password, *root_password; /* the template's */
	char slot_password[LOCAL_PASSWORD + 1];
	char slot_root_password[LOCAL_PASSWORD + 1];
	bool built;
	/* one thread starts the shared server, whose database of the public
	 * name is dropped */
	pthread_mutex_t start_mutex;
	bool public_dropped;
	pthread_mutex_t mutex; /* guards what follows */
	struct local_server **servers;
	size_t n_servers;
};

/* A directory of its own for a server; data/ in it is for the caller to fill.
 * It is the provider's from here on. */
int local_server_new(struct local_provider *p, int slot,
		     struct local_server **ret, struct error *err);
/* Starts it and waits until it answers; if it ends first, ERROR_SERVER with its
 * log's tail. `root` is the password of MariaDB's root. */
int local_server_start(struct local_provider *p, struct local_server *s,
		       const char *password, const char *root,
		       const struct deadline *deadline, struct db **ret_db,
		       struct error *err);
/* A connection for administration. One that is recovering, as Postgres does by
 * itself after a crash, is waited for. */
int local_server_admin(struct local_server *s, const struct deadline *deadline,
		       struct db **ret, struct error *err);
/* An orderly shutdown, after which the data can be copied. */
int local_server_shut_down(struct local_server *s,
			   const struct deadline *deadline, struct error *err);
/* Ends it as fast as can be, removes what was its, and frees it. */
int local_server_remove(struct local_provider *p, struct local_server *s,
			struct error *err);
/* Makes of an error that is about a full disk, by its own words or, where those
 * say little, by the end of the server's log (`s` may be NULL), ERROR_NO_SPACE
 * "the disk of '…' is full: …". Returns -1. */
int local_about_disk(const struct local_provider *p,
		     const struct local_server *s, struct error *err);
struct local_server *local_server_find(struct local_provider *p, int slot);
/* True: it has ended by itself, and is found no more. It is not freed before
 * the provider closes: others may be at work on it. */
bool local_server_retire(struct local_provider *p, struct local_server *s);

/* One of the machine's programs, as the servers' user; its output is the
 * error's detail. `what` names it in the error. */
int local_run(struct local_provider *p, const struct local_server *s,
	      char *const *argv, const char *what,
	      const struct deadline *deadline, struct error *err);
/* Makes a directory or file the servers' user's. */
int local_give(const struct local_provider *p, const char *path,
	       struct error *err);

/* Makes p->template. */
int local_template_ensure(struct provider *p, const struct deadline *deadline,
			  struct error *err);

/* What a kept template was made with: the server's version, and what
 * local_platform() said. Owned strings. */
struct local_origin {
	char *server, *platform;
};
void local_origin_free(struct local_origin *o);
#define auto_local_origin __attribute__((cleanup(local_origin_free)))
/* Of a template's directory; false when it does not say, and then *ret is
 * empty. */
bool local_origin_read(const char *template, struct local_origin *ret);
/* Is it a template of this dialect as it should be: data, log-in, origin? */
bool local_template_is_whole(const char *template, enum dialect d);
/* The kept one of a key, and the lock for making it; the caller frees. */
char *local_template_path(const char *local_cache, const char *key);
char *local_template_lock(const char *local_cache, const char *key);
/* Moves a whole one there in one step, under that lock; what was there goes to
 * `old`. */
int local_template_publish(const char *whole, const char *template,
			   const char *old, struct error *err);

/* As carry_out and carry_in, for CACHE_TREE; the caller has the template's
 * hold and, for the second, its lock. ERROR_NO_SERVER when the machine has no
 * server that can read it. */
int local_carry_out(const struct cache_row *row,
		    const struct deadline *deadline, struct carried *c,
		    struct error *err);
int local_carry_in(const struct ownership *owner, const struct carried *c,
		   const struct deadline *deadline, struct error *err);

/* What a dialect needs, see local_init.c. */

/* Fills s->data with a new cluster, of which p->base.spec.user (MariaDB: root,
 * without a password) is the superuser. */
int local_init_cluster(struct local_provider *p, const struct local_server *s,
		       const char *password, const struct deadline *deadline,
		       struct error *err);
/* In the new cluster's server: the tests' user and database. */
int local_init_database(struct local_provider *p, struct db *db,
			const char *password, const char *root,
			const struct deadline *deadline, struct error *err);
/* The server program's arguments. */
void local_server_args(const struct local_provider *p,
		       const struct local_server *s, struct strvec *ret);
/* The best locale the machine has for text as the images sort it. */
const char *local_locale(void);
/* What else the bytes of a data directory depend on: the processor's kind, and
 * the C library, whose locales order the indexes. The caller frees. */
char *local_platform(void);

#endif
