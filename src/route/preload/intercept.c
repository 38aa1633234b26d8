/* SPDX-License-Identifier: MIT */
/*
 * The functions of libc that take a path, for programs that open a SQLite file
 * themselves or look whether it is there: SQLite's own (open, stat, lstat,
 * access, readlink, unlink, mkdir), and those by which runtimes (Python, Node,
 * Java, shells) check, copy, rename and remove it. Each goes on to the next
 * definition of its name, which may be a sanitizer's.
 *
 * Programs that make system calls themselves (static ones, Go without cgo) do
 * not come here and find no such file.
 */
#include "route/preload/call.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/time.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <utime.h>

/* --- looking ------------------------------------------------------------- */

CALL(int, -1, stat, (const char *path, struct stat *st), (path, st),
     AT_CWD(LOOKS))
CALL(int, -1, lstat, (const char *path, struct stat *st), (path, st),
     AT_CWD(LOOKS))
CALL(int, -1, fstatat, (int base, const char *path, struct stat *st, int flags),
     (base, path, st, flags), AT_BASE(LOOKS))
#ifdef STATX_BASIC_STATS /* musl has it since 1.2.5 */
CALL(int, -1, statx,
     (int base, const char *path, int flags, unsigned mask, struct statx *st),
     (base, path, flags, mask, st), AT_BASE(LOOKS))
#endif
CALL(int, -1, access, (const char *path, int mode), (path, mode), AT_CWD(LOOKS))
CALL(int, -1, eaccess, (const char *path, int mode), (path, mode),
     AT_CWD(LOOKS))
CALL(int, -1, euidaccess, (const char *path, int mode), (path, mode),
     AT_CWD(LOOKS))
CALL(int, -1, faccessat, (int base, const char *path, int mode, int flags),
     (base, path, mode, flags), AT_BASE(LOOKS))
CALL(ssize_t, -1, readlink, (const char *path, char *buf, size_t size),
     (path, buf, size), AT_CWD(LOOKS))
CALL(ssize_t, -1, readlinkat,
     (int base, const char *path, char *buf, size_t size),
     (base, path, buf, size), AT_BASE(LOOKS))
CALL(int, -1, statfs, (const char *path, struct statfs *st), (path, st),
     AT_CWD(LOOKS))
CALL(int, -1, statvfs, (const char *path, struct statvfs *st), (path, st),
     AT_CWD(LOOKS))
CALL(long, -1, pathconf, (const char *path, int name), (path, name),
     AT_CWD(LOOKS))
CALL(ssize_t, -1, getxattr,
     (const char *path, const char *name, void *value, size_t size),
     (path, name, value, size), AT_CWD(LOOKS))
CALL(ssize_t, -1, lgetxattr,
     (const char *path, const char *name, void *value, size_t size),
     (path, name, value, size), AT_CWD(LOOKS))
CALL(ssize_t, -1, listxattr, (const char *path, char *list, size_t size),
     (path, list, size), AT_CWD(LOOKS))
CALL(ssize_t, -1, llistxattr, (const char *path, char *list, size_t size),
     (path, list, size), AT_CWD(LOOKS))
CALL(DIR *, NULL, opendir, (const char *path), (path), AT_CWD(OPENS))
/* the directories are there already: EEXIST, as `mkdir -p` expects */
CALL(int, -1, mkdir, (const char *path, mode_t mode), (path, mode),
     AT_CWD(LOOKS))
CALL(int, -1, mkdirat, (int base, const char *path, mode_t mode),
     (base, path, mode), AT_BASE(LOOKS))

/* --- opening ------------------------------------------------------------- */

OPEN_CALL(open, (const char *path, int flags, ...), (path, flags, mode),
	  AT_CWD(open_kinds(flags)))
OPEN_CALL(openat, (int base, const char *path, int flags, ...),
	  (base, path, flags, mode), AT_BASE(open_kinds(flags)))
CALL(int, -1, creat, (const char *path, mode_t mode), (path, mode),
     AT_CWD(FILES))
CALL(FILE *, NULL, fopen, (const char *path, const char *mode), (path, mode),
     AT_CWD(FILES))
CALL(FILE *, NULL, freopen, (const char *path, const char *mode, FILE *stream),
     (path, mode, stream), AT_CWD(FILES))

/* --- changing ------------------------------------------------------------ */

CALL(int, -1, unlink, (const char *path), (path), AT_CWD(FILES))
CALL(int, -1, unlinkat, (int base, const char *path, int flags),
     (base, path, flags), AT_BASE(FILES))
CALL(int, -1, remove, (const char *path), (path), AT_CWD(FILES))
CALL(int, -1, truncate, (const char *path, off_t size), (path, size),
     AT_CWD(FILES))
CALL(int, -1, chmod, (const char *path, mode_t mode), (path, mode),
     AT_CWD(FILES))
CALL(int, -1, fchmodat, (int base, const char *path, mode_t mode, int flags),
     (base, path, mode, flags), AT_BASE(FILES))
CALL(int, -1, chown, (const char *path, uid_t uid, gid_t gid), (path, uid, gid),
     AT_CWD(FILES))
CALL(int, -1, lchown, (const char *path, uid_t uid, gid_t gid),
     (path, uid, gid), AT_CWD(FILES))
CALL(int, -1, fchownat,
     (int base, const char *path, uid_t uid, gid_t gid, int flags),
     (base, path, uid, gid, flags), AT_BASE(FILES))
CALL(int, -1, utime, (const char *path, const struct utimbuf *times),
     (path, times), AT_CWD(FILES))
CALL(int, -1, utimes, (const char *path, const struct timeval times[2]),
     (path, times), AT_CWD(FILES))
CALL(int, -1, utimensat,
     (int base, const char *path, const struct timespec times[2], int flags),
     (base, path, times, flags), AT_BASE(FILES))

/* Two paths. */
#define BOTH(from_base, to_base)                     \
	(route(FILES, from_base, &from, &room[0]) && \
	 route(FILES, to_base, &to, &room[1]))

CALL(int, -1, rename, (const char *from, const char *to), (from, to),
     BOTH(AT_FDCWD, AT_FDCWD))
CALL(int, -1, renameat,
     (int from_base, const char *from, int to_base, const char *to),
     (from_base, from, to_base, to), BOTH(from_base, to_base))
CALL(int, -1, renameat2,
     (int from_base, const char *from, int to_base, const char *to,
      unsigned flags),
     (from_base, from, to_base, to, flags), BOTH(from_base, to_base))
CALL(int, -1, link, (const char *from, const char *to), (from, to),
     BOTH(AT_FDCWD, AT_FDCWD))
CALL(int, -1, linkat,
     (int from_base, const char *from, int to_base, const char *to, int flags),
     (from_base, from, to_base, to, flags), BOTH(from_base, to_base))

/* --- resolving ----------------------------------------------------------- */

/* libc's own works without the functions above. There is no link in our part
 * of the path: its clean form is the answer, if there is such a file. */
static char *resolved(const char *real, const char *clean, char *ret)
{
	size_t n = strlen(clean) + 1;

	if (!*real || access(real, F_OK) < 0)
		return NULL;
	if (!ret)
		ret = malloc(n);
	return ret ? memcpy(ret, clean, n) : NULL;
}

char *realpath(const char *restrict path, char *restrict ret);

EXPORT char *realpath(const char *restrict path, char *restrict ret)
{
	typedef char *function(const char *restrict, char *restrict);
	NEXT(known, "realpath");
	struct routed real, clean;
	union {
		void *object;
		function *function;
	} next;

	if (route_is_ours(path, &real, &clean))
		return resolved(real.path, clean.path, ret);
	next.object = next_find(&known);
	return next.object ? next.function(path, ret) : NULL;
}

EXPORT char *canonicalize_file_name(const char *path)
{
	return realpath(path, NULL);
}

/* --- directories --------------------------------------------------------- */

/* There is no such folder to go to, by descriptor neither: a program that is
 * started there would be in one owner's folder and may be another's. */
CALL(int, -1, fchdir, (int fd), (fd), ((void)room, !route_handed_out(fd)))

/* --- sanitizers ---------------------------------------------------------- */

/*
 * gcc's address sanitizer, a shared library, refuses to start when another
 * library is loaded before it. What it asks the program by this function, and a
 * program seldom has, it finds here. Our functions go on to its own.
 */
const char *__asan_default_options(void);

EXPORT const char *__asan_default_options(void)
{
	return "verify_asan_link_order=0";
}
