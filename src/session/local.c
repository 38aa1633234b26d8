/* SPDX-License-Identifier: MIT */
/*
 * Where local servers live. An ordinary user's: beside his other data. Root's
 * run as another user, to whom root's own directories are closed: they are in
 * /var/tmp, or in the cache where everybody may pass through to it.
 */
#include "session/internal.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/fs.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PARENT "local-sessions"

enum {
	/* with "/local-sessions/ID/N-N/.s.PGSQL.5432" a socket's path */
	BASE_MAX = 50
};

/* May everybody pass through all that lies above it? */
static bool is_reachable(const char *path)
{
	auto_free char *above = xstrdup(path);
	struct stat st;

	for (;;) {
		char *slash = strrchr(above, '/');

		if (!slash || slash == above)
			return true;
		*slash = '\0';
		if (stat(above, &st) == 0 && !(st.st_mode & S_IXOTH))
			return false;
	}
}

static char *root_base(void)
{
	auto_free char *cache = fs_cache_dir();

	if (strlen(cache) <= BASE_MAX && is_reachable(cache))
		return take_ptr(&cache);
	return xstrdup("/var/tmp/testenv-0");
}

char *session_local_cache(void)
{
	auto_free char *base = geteuid() == 0 ? root_base() : fs_cache_dir();

	return fs_join(base, "local");
}

char *session_local_parent(void)
{
	auto_free char *base = geteuid() == 0 ? root_base() : NULL;

	return base ? fs_join(base, PARENT) : NULL;
}

/* A directory of root's that others may pass through, but not look into. */
static int make_passage(const char *path, struct error *err)
{
	struct stat st;

	if (fs_mkdir_p(path, 0711, err) < 0)
		return -1;
	if (lstat(path, &st) < 0)
		return error_set_errno(err, ERROR_IO, errno,
				       "cannot look at '%s'", path);
	if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || st.st_mode & 022)
		return error_set(err, ERROR_REFUSED,
				 "'%s' is not a directory of root's alone",
				 path);
	if (st.st_mode & S_IXOTH || chmod(path, 0711) == 0)
		return 0;
	return error_set_errno(err, ERROR_IO, errno, "cannot open up '%s'",
			       path);
}

static int make_root_place(struct session *s, struct error *err)
{
	auto_free char *base = root_base();
	auto_free char *parent = fs_join(base, PARENT);
	auto_free char *wanted = fs_join(parent, s->id);

	if (make_passage(base, err) < 0 || make_passage(parent, err) < 0 ||
	    session_tell(s, ESTATE_LOCAL_DIR, wanted, err) < 0 ||
	    session_make_dir(parent, s->id, &s->local_lock, &s->local_dir,
			     err) < 0)
		return -1;
	if (chmod(s->local_dir, 0711) < 0)
		return error_set_errno(err, ERROR_IO, errno,
				       "cannot open up '%s'", s->local_dir);
	s->owner.local_dir = s->local_dir;
	s->local_cache = fs_join(base, "local");
	return 0;
}

int session_local_place(struct session *s, struct error *err)
{
	if (geteuid() == 0) {
		if (make_root_place(s, err) < 0)
			return error_wrap(err, "local servers");
	} else {
		s->owner.local_dir = s->data_dir;
		/* data is beside the cache, or that cannot be written */
		if (s->data_lock.fd >= 0)
			s->local_cache = fs_join(s->cache_dir, "local");
	}
	s->owner.local_cache = s->local_cache;
	return 0;
}
