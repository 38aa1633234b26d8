/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
#include "base/fs.h"
#include "config/config.h"
#include "supervisor/front.h"
#include "supervisor/internal.h"
#include "supervisor/refuse.h"
#include "wire/route.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum {
	DESCRIPTORS = 16384
};

void serve_index_owner(unsigned n, struct owner *ret)
{
	*ret = (struct owner){.kind = OWNER_IS_LEASE, .root = OWNER_NO_ROOT};
	snprintf(ret->key, sizeof(ret->key), "index:%u", n);
	snprintf(ret->label, sizeof(ret->label), "TESTENV_URL_%u", n);
	snprintf(ret->why, sizeof(ret->why), "whoever uses TESTENV_URL_%u", n);
}

static bool is_file(const struct supervisor *s, unsigned service)
{
	struct session_service info;

	session_service(s->session, service, &info);
	return info.dialect == DIALECT_SQLITE;
}

static void keep_front(struct supervisor *s, struct front *f)
{
	s->fronts =
	    xreallocarray(s->fronts, s->n_fronts + 1, sizeof(struct front *));
	s->fronts[s->n_fronts++] = f;
}

/* index negative: the constant address, by caller. */
static int add_front(struct supervisor *s, unsigned service, int index,
		     struct error *err)
{
	auto_free char *name = index < 0 ? xasprintf("f%u", service)
					 : xasprintf("f%u-%d", service, index);
	struct db_address a;
	struct owner owner;
	struct front *f;

	if (index >= 0)
		serve_index_owner((unsigned)index, &owner);
	f = front_new(s, service, index < 0 ? NULL : &owner, name, err);
	if (!f)
		return -1;
	keep_front(s, f);
	front_address(f, &a);
	session_set_public(s->session, service, index, &a);
	return 0;
}

static int add_fronts(struct supervisor *s, unsigned service, struct error *err)
{
	unsigned n = session_ready_slots(s->session);

	if (add_front(s, service, -1, err) < 0)
		return -1;
	for (unsigned i = 0; i < n; i++)
		if (add_front(s, service, (int)i, err) < 0)
			return -1;
	return 0;
}

/* Likewise, one for each of its ports. */
static int add_companion_front(struct supervisor *s, unsigned i, int index,
			       struct error *err)
{
	struct companion_address a;
	struct owner owner;

	if (!session_companion_address(s->session, i, 0, &a))
		return 0;
	if (index >= 0)
		serve_index_owner((unsigned)index, &owner);
	for (size_t p = 0; p < a.n_ports; p++) {
		struct front *f = front_new_companion(
		    s, i, a.ports[p].inside, index < 0 ? NULL : &owner, err);

		if (!f)
			return -1;
		keep_front(s, f);
		a.ports[p].outside = f->port;
	}
	snprintf(a.host, sizeof(a.host), "127.0.0.1");
	session_set_companion_public(s->session, i, index, &a);
	return 0;
}

static int add_companion_fronts(struct supervisor *s, struct error *err)
{
	int ready = (int)session_ready_slots(s->session);

	for (unsigned i = 0; i < session_n_companions(s->session); i++) {
		struct session_companion info;

		session_companion(s->session, i, &info);
		for (int n = -1; info.per_worker && n < ready; n++)
			if (add_companion_front(s, i, n, err) < 0)
				return -1;
	}
	return 0;
}

static enum pool_fresh pool_fresh(const struct config *config)
{
	switch (config->fresh) {
	case FRESH_OWNER:
		return POOL_FRESH_OWNER;
	case FRESH_WORKER:
		return POOL_FRESH_WORKER;
	case FRESH_NEVER:
		return POOL_FRESH_NEVER;
	}
	return POOL_FRESH_OWNER;
}

/* A file is named by its path, not by a front that could ask who uses it: the
 * slots with a number are given to that number for good. */
static int pin_files(struct supervisor *s, struct error *err)
{
	bool any = false;

	for (unsigned i = 0; i < session_n_services(s->session); i++)
		any |= is_file(s, i);
	for (unsigned n = 0; any && n < session_ready_slots(s->session); n++) {
		struct owner owner;
		struct tenant *t;

		serve_index_owner(n, &owner);
		if (leases_tenant(&s->leases, &owner, &t, err) < 0)
			return -1;
	}
	return 0;
}

/* The path that is the same for all, in a directory that does not exist. */
static void name_files(struct supervisor *s)
{
	for (unsigned i = 0; i < session_n_services(s->session); i++) {
		struct session_service info;
		auto_free char *path = NULL;
		struct db_address a = {.dialect = DIALECT_SQLITE};

		session_service(s->session, i, &info);
		if (info.dialect != DIALECT_SQLITE)
			continue;
		if (!s->route_dir)
			s->route_dir = fs_join(session_data_dir(s->session),
					       ROUTE_DIR_NAME);
		path = xasprintf("%s/%s/" ROUTE_FILE, s->route_dir, info.name);
		a.path = path;
		session_set_public(s->session, i, -1, &a);
	}
}

static bool all_files(const struct supervisor *s)
{
	for (unsigned i = 0; i < session_n_services(s->session); i++)
		if (!is_file(s, i))
			return false;
	return true;
}

/* Each connection of a test takes two descriptors; the usual soft limit is made
 * for programs that call select(), which none of ours does. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 ||
	    limit.rlim_cur >= DESCRIPTORS)
		return;
	limit.rlim_cur =
	    limit.rlim_max < DESCRIPTORS ? limit.rlim_max : DESCRIPTORS;
	setrlimit(RLIMIT_NOFILE, &limit);
}

int serve_open(struct supervisor *s, struct error *err)
{
	struct leases_spec spec = {
	    .max_slots = session_max_slots(s->session),
	    .ready = session_ready_slots(s->session),
	    /* making a file takes no time worth saving, and a number that was
	     * asked for is there from the start */
	    .ahead = all_files(s) || s->spec.config->workers ? 0 : 1,
	    .fresh = pool_fresh(s->spec.config),
	    .keeps = s->spec.config->keep != KEEP_NEVER,
	};

	raise_descriptor_limit();
	if (owners_init(&s->owners, s->spec.config->owner, !s->spec.private,
			err) < 0 ||
	    leases_open(&s->leases, s, &spec, err) < 0)
		return -1;
	s->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	for (unsigned i = 0; i < session_n_services(s->session); i++)
		if (!is_file(s, i) && add_fronts(s, i, err) < 0)
			return -1;
	if (add_companion_fronts(s, err) < 0)
		return -1;
	name_files(s);
	if (pin_files(s, err) < 0)
		return -1;
	return s->spec.private ? 0 : serve_listen(s, err);
}

int serve_listen(struct supervisor *s, struct error *err)
{
	for (unsigned i = 0; i < s->n_fronts; i++)
		if (front_listen(s->fronts[i], err) < 0)
			return -1;
	return 0;
}

void serve_close(struct supervisor *s, void (*fn)(struct supervisor *s))
{
	for (unsigned i = 0; i < s->n_fronts; i++)
		front_close(s->fronts[i]);
	free(s->fronts);
	s->fronts = NULL;
	s->n_fronts = 0;
	refuse_close_all(s);
	leases_close(&s->leases, s, fn);
}

void serve_free(struct supervisor *s)
{
	leases_free(&s->leases);
	owners_free(&s->owners);
	free(s->route_dir);
	cleanup_close(&s->spare_fd);
}
