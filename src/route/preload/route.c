/* SPDX-License-Identifier: MIT */
/*
 * Runs in every program under `testenv exec`, within its calls of open(2) and
 * the like: in signal handlers, beside other threads, behind fork(), before
 * main(). So it allocates nothing, takes no lock and keeps errno.
 *
 * What the supervisor answered is kept in a page that the kernel empties in a
 * child (MADV_WIPEONFORK): a child may belong to another owner and asks anew,
 * and nothing that another thread had half done is inherited.
 */
#include "route/preload/route.h"

#include "route/ask.h"
#include "wire/route.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
	MAX_KNOWN = 8
};

/* Written once each, by who got its index; read by anybody once it is there. */
struct known {
	atomic_bool there;
	char service[ROUTE_MAX_SERVICE];
	char file[ROUTE_MAX_PATH];
};

struct cache {
	atomic_uint taken;
	struct known known[MAX_KNOWN];
};

/* The program may change its environment: these are as at its start. */
static struct {
	atomic_bool there;
	char dir[ROUTE_MAX_PATH];
	char marker[ROUTE_MAX_PATH]; /* its last part */
	char socket[128];
} settings;

static _Atomic(struct cache *) cache;

static bool copy_variable(const char *name, char *buf, size_t size)
{
	const char *value = getenv(name);
	size_t n = value ? strlen(value) : 0;

	if (!n || n >= size)
		return false;
	memcpy(buf, value, n + 1);
	return true;
}

/* A cache that would survive fork() is none: without the advice, no cache. */
static void make_cache(void)
{
	struct cache *c = mmap(NULL, sizeof(*c), PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (c == MAP_FAILED)
		return;
	if (madvise(c, sizeof(*c), MADV_WIPEONFORK) == 0)
		atomic_store(&cache, c);
	else
		munmap(c, sizeof(*c));
}

__attribute__((constructor)) static void read_settings(void)
{
	char dir[ROUTE_MAX_PATH];
	int saved = errno;

	if (atomic_load(&settings.there))
		return;
	if (copy_variable(ROUTE_DIR_VAR, dir, sizeof(dir)) && dir[0] == '/' &&
	    copy_variable("TESTENV_SOCKET", settings.socket,
			  sizeof(settings.socket)) &&
	    route_clean("/", dir, settings.dir, sizeof(settings.dir))) {
		const char *last = strrchr(settings.dir, '/') + 1;

		/* once only: examine() resolves what is in front of it */
		if (strstr(settings.dir, last) == last)
			memcpy(settings.marker, last, strlen(last) + 1);
		make_cache();
	}
	atomic_store(&settings.there, true);
	errno = saved;
}

static bool find_known(struct cache *c, const char *service, char *file)
{
	for (size_t i = 0; c && i < MAX_KNOWN; i++) {
		struct known *k = &c->known[i];

		if (!atomic_load(&k->there) || strcmp(k->service, service) != 0)
			continue;
		memcpy(file, k->file, strlen(k->file) + 1);
		return true;
	}
	return false;
}

/* Two threads that learn the same at once take two places: no harm. */
static void keep_known(struct cache *c, const char *service, const char *file)
{
	unsigned i;
	struct known *k;

	if (!c || atomic_load(&c->taken) >= MAX_KNOWN)
		return;
	i = atomic_fetch_add(&c->taken, 1);
	if (i >= MAX_KNOWN)
		return;
	k = &c->known[i];
	memcpy(k->service, service, strlen(service) + 1);
	memcpy(k->file, file, strlen(file) + 1);
	atomic_store(&k->there, true);
}

/* The owner's file: 0 or an errno value. */
static int owners_file(const char *service, char file[ROUTE_MAX_PATH])
{
	struct cache *c = atomic_load(&cache);
	int state, r;

	if (find_known(c, service, file))
		return 0;
	/* a thread that is cancelled in here would leave the socket behind */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	r = route_ask(settings.socket, service, file, ROUTE_MAX_PATH);
	pthread_setcancelstate(state, NULL);
	if (!r)
		keep_known(c, service, file);
	return r;
}

/*
 * What path is, with its clean form. A program may have resolved the links in
 * front of our directory, as SQLite does: then its parent's real name counts.
 */
static enum route_kind examine(const char *path, char clean[ROUTE_MAX_PATH],
			       struct route_match *m)
{
	char cwd[ROUTE_MAX_PATH] = "/";
	char parent[PATH_MAX];
	char *slash;
	size_t n;

	if (path[0] != '/' && !getcwd(cwd, sizeof(cwd)))
		return ROUTE_NO;
	if (!route_clean(cwd, path, clean, ROUTE_MAX_PATH))
		return ROUTE_NO;
	if (route_match(settings.dir, clean, m))
		return m->kind;
	memcpy(cwd, settings.dir, sizeof(cwd));
	slash = strrchr(cwd, '/');
	*slash = '\0';
	if (slash == cwd || !realpath(cwd, parent))
		return ROUTE_NO;
	n = strlen(parent);
	if (n + strlen(settings.marker) + 2 > sizeof(parent))
		return ROUTE_NO;
	parent[n] = '/';
	memcpy(parent + n + 1, settings.marker, strlen(settings.marker) + 1);
	return route_match(parent, clean, m);
}

/* Most paths of a program end here. */
static bool cannot_be_ours(const char *path)
{
	if (!atomic_load_explicit(&settings.there, memory_order_acquire))
		read_settings();
	return !path || !settings.marker[0] || !strstr(path, settings.marker);
}

/* 0, or an errno value. */
static int replace(const struct route_match *m, struct routed *room)
{
	char file[ROUTE_MAX_PATH] = "";
	int r = 0;

	if (m->kind != ROUTE_IS_DIR)
		r = owners_file(m->service, file);
	if (!r && !route_target(m, settings.dir, file, room->path,
				sizeof(room->path)))
		r = ENAMETOOLONG;
	return r;
}

bool route(unsigned kinds, int base, const char **path, struct routed *room)
{
	struct route_match m;
	int saved = errno, r = 0;

	if (cannot_be_ours(*path) || (base != AT_FDCWD && (*path)[0] != '/'))
		return true;
	if (examine(*path, room->path, &m) & kinds)
		r = replace(&m, room);
	else
		m.kind = ROUTE_NO;
	if (!r && m.kind)
		*path = room->path;
	errno = r ? r : saved;
	return !r;
}

bool route_is_ours(const char *path, struct routed *ret_real,
		   struct routed *ret_clean)
{
	struct route_match m;
	int saved = errno;

	if (cannot_be_ours(path) || !examine(path, ret_clean->path, &m)) {
		errno = saved;
		return false;
	}
	errno = replace(&m, ret_real);
	if (errno)
		ret_real->path[0] = '\0';
	return true;
}
