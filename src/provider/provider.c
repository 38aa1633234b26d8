/* SPDX-License-Identifier: MIT */
#include "provider/impl.h"

#include "base/error.h"
#include "base/progress.h"

int template_lock(const struct provider *p, struct lock *lock, const char *path,
		  const struct deadline *deadline, struct error *err)
{
	const char *service = p->spec.service;
	int got = lock_try(lock, path, err);

	if (got != 0)
		return got < 0 ? -1 : 0;
	progress_step(p->progress, service,
		      "waiting for the template of '%s', which another process "
		      "makes",
		      service);
	if (lock_take(lock, path, deadline, err) < 0)
		return -1;
	progress_done(p->progress, service, "the template of '%s' is free",
		      service);
	return 0;
}

int provider_template_ensure(struct provider *p,
			     const struct deadline *deadline, struct error *err)
{
	if (p->ops->template_ensure(p, deadline, err) < 0)
		return error_wrap(err, "template of '%s'", p->spec.service);
	return 0;
}

int provider_slot_start(struct provider *p, unsigned slot,
			const struct deadline *deadline, struct db_address *ret,
			struct error *err)
{
	if (p->ops->slot_start(p, slot, deadline, ret, err) < 0)
		return error_wrap(err, "start '%s' for slot %u",
				  p->spec.service, slot);
	return 0;
}

int provider_slot_clean(struct provider *p, unsigned slot, bool same_owner,
			const struct deadline *deadline, struct db_address *ret,
			struct error *err)
{
	if (p->ops->slot_clean(p, slot, same_owner, deadline, ret, err) < 0)
		return error_wrap(err, "clean '%s' of slot %u", p->spec.service,
				  slot);
	return 0;
}

int provider_slot_states(struct provider *p, unsigned slot,
			 const struct deadline *deadline,
			 struct db_state *ret_template,
			 struct db_state *ret_now, struct error *err)
{
	if (!p->ops->slot_states)
		return error_set(err, ERROR_REFUSED,
				 "'%s' is served in a way that cannot be "
				 "compared",
				 p->spec.service);
	return p->ops->slot_states(p, slot, deadline, ret_template, ret_now,
				   err);
}

int provider_slot_stop(struct provider *p, unsigned slot,
		       const struct deadline *deadline, struct error *err)
{
	return p->ops->slot_stop(p, slot, deadline, err);
}

char *provider_slot_name(struct provider *p, unsigned slot)
{
	return p->ops->slot_name(p, slot);
}

char *provider_slot_node(struct provider *p, unsigned slot)
{
	return p->ops->slot_node ? p->ops->slot_node(p, slot) : NULL;
}

void provider_facts(const struct provider *p, struct provider_facts *ret)
{
	p->ops->facts(p, ret);
}

void provider_close(struct provider *p, const struct deadline *deadline)
{
	if (p)
		p->ops->close(p, deadline);
}
