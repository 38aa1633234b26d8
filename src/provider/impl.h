/* SPDX-License-Identifier: MIT */
/*
 * provider/impl.h - what every provider has; for provider/ only.
 */
#ifndef PROVIDER_IMPL_H
#define PROVIDER_IMPL_H

#include "base/lock.h"
#include "provider/provider.h"

struct provider_ops {
	int (*template_ensure)(struct provider *p,
			       const struct deadline *deadline,
			       struct error *err);
	int (*slot_start)(struct provider *p, unsigned slot,
			  const struct deadline *deadline,
			  struct db_address *ret, struct error *err);
	int (*slot_clean)(struct provider *p, unsigned slot, bool same_owner,
			  const struct deadline *deadline,
			  struct db_address *ret, struct error *err);
	int (*slot_states)(struct provider *p, unsigned slot,
			   const struct deadline *deadline,
			   struct db_state *ret_template,
			   struct db_state *ret_now,
			   struct error *err); /* NULL: cannot */
	int (*slot_stop)(struct provider *p, unsigned slot,
			 const struct deadline *deadline, struct error *err);
	char *(*slot_name)(struct provider *p, unsigned slot);
	char *(*slot_node)(struct provider *p, unsigned slot); /* or NULL */
	void (*facts)(const struct provider *p, struct provider_facts *ret);
	void (*close)(struct provider *p, const struct deadline *deadline);
};

/* The first member of each provider's own struct. */
struct provider {
	const struct provider_ops *ops;
	struct provider_spec spec;
	struct ownership owner;
	const struct progress *progress;
};

/* Alone in making a template; says so when another process is at it. */
int template_lock(const struct provider *p, struct lock *lock, const char *path,
		  const struct deadline *deadline, struct error *err);

/*
 * The path of the lock for making a template on an engine; the caller frees. It
 * is this user's on this machine: others' builds of the same key end in an
 * equal image, whichever commit comes last.
 */
char *container_template_lock(const struct ownership *owner, const char *key);

/* The kept file of a key, and the lock for making it. */
char *sqlite_template_path(const char *cache_dir, const char *key);
char *sqlite_template_lock(const char *cache_dir, const char *key);
/* Moves a sealed file there in one step, under that lock. */
int sqlite_publish(const char *built, const char *template, struct error *err);

#endif
