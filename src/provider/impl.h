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
	int (*slot_stop)(struct provider *p, unsigned slot,
			 const struct deadline *deadline, struct error *err);
	char *(*slot_name)(struct provider *p, unsigned slot);
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

#endif
