/* SPDX-License-Identifier: MIT */
/*
 * Runs in every program under `testenv exec`, within its calls of open(2) and
 * the like: in signal handlers, beside other threads, behind fork(), before
 * main(). So it allocates nothing, takes no lock and keeps errno.
 */
#include "route/preload/route.h"

#include "route/ask.h"
#include "route/preload/memory.h"
#include "wire/route.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The program may change its environment: these are as at its start. */
static struct {
	atomic_bool there;
	char dir[ROUTE_MAX_PATH];
	char marker[ROUTE_MAX_PATH]; /* its last part */
	char socket[128];
} settings;

static bool copy_variable(const char *name, char *buf, size_t size)
{
	const char *value = getenv(name);
	size_t n = value ? strlen(value) : 0;

	if (!n || n >= size)
		return false;
	memcpy(buf, value, n + 1);
	return true;
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
		memory_init();
	}
	atomic_store(&settings.there, true);
	errno = saved;
}

/* The owner's file: 0 or an errno value. */
static int owners_file(const char *service, char file[ROUTE_MAX_PATH])
{
	int state, r;

	if (memory_find_file(service, file))
		return 0;
	/* a thread that is cancelled in here would leave the socket behind */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	r = route_ask(settings.socket, service, file, ROUTE_MAX_PATH);
	pthread_setcancelstate(state, NULL);
	if (!r)
		memory_keep_file(service, file);
	return r;
}

/* The folder of an open descriptor, as the kernel has it; false: unknown. */
static bool name_of(int fd, char dir[ROUTE_MAX_PATH])
{
	char link[] = "/proc/self/fd/\0*********";
	char *end = link + strlen(link);
	unsigned scale = 1;
	ssize_t n;

	if (fd == AT_FDCWD)
		return getcwd(dir, ROUTE_MAX_PATH);
	if (fd < 0)
		return false;
	while ((unsigned)fd / scale >= 10)
		scale *= 10;
	for (; scale; scale /= 10)
		*end++ = (char)('0' + (unsigned)fd / scale % 10);
	*end = '\0';
	n = readlink(link, dir, ROUTE_MAX_PATH - 1);
	if (n <= 0)
		return false;
	dir[n] = '\0';
	return true;
}

/* The real name of the folder around ours, or of a file's: "" if it has none
 * that fits. */
static void resolve_parent(const char *path, char ret[ROUTE_MAX_PATH])
{
	char real[PATH_MAX];
	size_t n = (size_t)(strrchr(path, '/') - path);

	memcpy(ret, path, n);
	ret[n] = '\0';
	if (!n || !realpath(ret, real) || strlen(real) >= ROUTE_MAX_PATH)
		ret[0] = '\0';
	else
		memcpy(ret, real, strlen(real) + 1);
}

/*
 * What path is, with its clean form. A program may have resolved the links in
 * front of our directory, as SQLite does: then its parent's real name counts.
 */
static enum route_kind examine(int base, const char *path,
			       char clean[ROUTE_MAX_PATH],
			       struct route_match *m)
{
	char dir[ROUTE_MAX_PATH] = "/";
	size_t n;

	if (path[0] != '/' && !name_of(base, dir))
		return ROUTE_NO;
	if (!route_clean(dir, path, clean, ROUTE_MAX_PATH))
		return ROUTE_NO;
	if (route_match(settings.dir, clean, m))
		return m->kind;
	resolve_parent(settings.dir, dir);
	n = strlen(dir);
	if (!n || n + strlen(settings.marker) + 2 > sizeof(dir))
		return ROUTE_NO;
	dir[n] = '/';
	memcpy(dir + n + 1, settings.marker, strlen(settings.marker) + 1);
	return route_match(dir, clean, m);
}

/* Most paths of a program end here. */
static bool cannot_be_ours(const char *path)
{
	if (!atomic_load_explicit(&settings.there, memory_order_acquire))
		read_settings();
	return !path || !settings.marker[0] || !strstr(path, settings.marker);
}

/* A descriptor of the folder that file is in is about to be given out. */
static int hand_out(const char *service, const char *file)
{
	char dir[ROUTE_MAX_PATH];

	resolve_parent(file, dir);
	return dir[0] && memory_hand_out(service, dir) ? 0 : ENFILE;
}

/* 0, or an errno value. */
static int replace(const struct route_match *m, unsigned kinds,
		   struct routed *room)
{
	char file[ROUTE_MAX_PATH] = "";
	int r = 0;

	if (m->kind != ROUTE_IS_DIR)
		r = owners_file(m->service, file);
	if (!r && !route_target(m, settings.dir, file, room->path,
				sizeof(room->path)))
		r = ENAMETOOLONG;
	/* only what opens takes a folder of files without the one around it */
	if (!r && m->kind == ROUTE_IS_SERVICE && !(kinds & ROUTE_IS_DIR))
		r = hand_out(m->service, file);
	return r;
}

/* Is fd open on a folder that was handed out? */
static bool is_handed_out(int fd, char dir[ROUTE_MAX_PATH],
			  char service[ROUTE_MAX_SERVICE])
{
	return memory_has_handed_out() && name_of(fd, dir) &&
	       memory_find_dir(dir, service);
}

/* The name, in full, of what path is from a folder that was handed out. */
static bool name_in_full(const char *service, const char *path,
			 char clean[ROUTE_MAX_PATH], struct route_match *m)
{
	char dir[ROUTE_MAX_PATH];
	size_t n = strlen(settings.dir), n_service = strlen(service);

	if (n + 1 + n_service >= sizeof(dir))
		return false;
	memcpy(dir, settings.dir, n);
	dir[n] = '/';
	memcpy(dir + n + 1, service, n_service + 1);
	if (!route_clean(dir, path, clean, ROUTE_MAX_PATH))
		return false;
	route_match(settings.dir, clean, m);
	return true;
}

/* Any other file of a folder is there for those whose folder it is. */
static int check_own(const char *service, const char *dir)
{
	char file[ROUTE_MAX_PATH], own[ROUTE_MAX_PATH];
	int r = owners_file(service, file);

	if (r)
		return r;
	resolve_parent(file, own);
	return strcmp(own, dir) == 0 ? 0 : ENOENT;
}

/* From such a folder: 0, or an errno value. */
static int from_folder(unsigned kinds, const char *service, const char *dir,
		       const char **path, struct routed *room)
{
	struct route_match m;
	int r;

	if (!name_in_full(service, *path, room->path, &m))
		return ENOENT;
	if (m.kind == ROUTE_NO)
		/* never up and down again */
		return strstr(*path, "..") ? ENOENT : check_own(service, dir);
	r = m.kind & kinds ? replace(&m, kinds, room) : ENOENT;
	if (!r)
		*path = room->path;
	return r;
}

static int from_anywhere(unsigned kinds, int base, const char **path,
			 struct routed *room)
{
	struct route_match m;
	int r;

	if (cannot_be_ours(*path) ||
	    !(examine(base, *path, room->path, &m) & kinds))
		return 0;
	r = replace(&m, kinds, room);
	if (!r)
		*path = room->path;
	return r;
}

bool route(unsigned kinds, int base, const char **path, struct routed *room)
{
	char dir[ROUTE_MAX_PATH], service[ROUTE_MAX_SERVICE];
	int saved = errno, r;

	/* "": the descriptor itself */
	if (!*path || !**path)
		return true;
	if (**path != '/' && base != AT_FDCWD &&
	    is_handed_out(base, dir, service))
		r = from_folder(kinds, service, dir, path, room);
	else
		r = from_anywhere(kinds, base, path, room);
	errno = r ? r : saved;
	return !r;
}

bool route_handed_out(int fd)
{
	char dir[ROUTE_MAX_PATH], service[ROUTE_MAX_SERVICE];
	int saved = errno;
	bool ours = is_handed_out(fd, dir, service);

	errno = ours ? ENOENT : saved;
	return ours;
}

bool route_is_ours(const char *path, struct routed *ret_real,
		   struct routed *ret_clean)
{
	struct route_match m;
	int saved = errno;

	if (cannot_be_ours(path) ||
	    !examine(AT_FDCWD, path, ret_clean->path, &m)) {
		errno = saved;
		return false;
	}
	errno = replace(&m, ROUTE_IS_DIR, ret_real);
	if (errno)
		ret_real->path[0] = '\0';
	return true;
}
