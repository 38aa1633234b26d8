/* SPDX-License-Identifier: MIT */
#include "route/preload/call.h"

#include <dlfcn.h>
#include <errno.h>

/* By the linker, for the section's two ends. */
extern struct next __start_route_next[], __stop_route_next[];

static void *look_up(struct next *next)
{
	void *p = dlsym(RTLD_NEXT, next->name);

	atomic_store_explicit(&next->found, p, memory_order_relaxed);
	return p;
}

__attribute__((constructor)) static void look_up_all(void)
{
	int saved = errno;
	bool all = true;

	for (struct next *n = __start_route_next; n < __stop_route_next; n++)
		all = look_up(n) && all;
	if (!all)
		/* what failed here is not the program's next dlerror() */
		dlerror();
	errno = saved;
}

void *next_find(struct next *next)
{
	void *p = atomic_load_explicit(&next->found, memory_order_relaxed);

	if (!p)
		/* another library's constructor, before ours */
		p = look_up(next);
	if (!p)
		errno = ENOSYS;
	return p;
}
