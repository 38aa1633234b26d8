/* SPDX-License-Identifier: MIT */
/*
 * The same functions by glibc's other names: for 64-bit offsets, for programs
 * built with _FORTIFY_SOURCE, and those of programs built before glibc 2.33.
 */
#include "route/preload/call.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#ifdef __GLIBC__

CALL(int, -1, stat64, (const char *path, struct stat64 *st), (path, st),
     AT_CWD(LOOKS))
CALL(int, -1, lstat64, (const char *path, struct stat64 *st), (path, st),
     AT_CWD(LOOKS))
CALL(int, -1, fstatat64,
     (int base, const char *path, struct stat64 *st, int flags),
     (base, path, st, flags), AT_BASE(LOOKS))
CALL(int, -1, statfs64, (const char *path, struct statfs64 *st), (path, st),
     AT_CWD(LOOKS))
CALL(int, -1, statvfs64, (const char *path, struct statvfs64 *st), (path, st),
     AT_CWD(LOOKS))
OPEN_CALL(open64, (const char *path, int flags, ...), (path, flags, mode),
	  AT_CWD(open_kinds(flags)))
OPEN_CALL(openat64, (int base, const char *path, int flags, ...),
	  (base, path, flags, mode), AT_BASE(open_kinds(flags)))
CALL(int, -1, creat64, (const char *path, mode_t mode), (path, mode),
     AT_CWD(FILES))
CALL(FILE *, NULL, fopen64, (const char *path, const char *mode), (path, mode),
     AT_CWD(FILES))
CALL(FILE *, NULL, freopen64,
     (const char *path, const char *mode, FILE *stream), (path, mode, stream),
     AT_CWD(FILES))
CALL(int, -1, truncate64, (const char *path, off64_t size), (path, size),
     AT_CWD(FILES))

/* before 2.33 */
CALL(int, -1, __xstat, (int version, const char *path, struct stat *st),
     (version, path, st), AT_CWD(LOOKS))
CALL(int, -1, __lxstat, (int version, const char *path, struct stat *st),
     (version, path, st), AT_CWD(LOOKS))
CALL(int, -1, __fxstatat,
     (int version, int base, const char *path, struct stat *st, int flags),
     (version, base, path, st, flags), AT_BASE(LOOKS))
CALL(int, -1, __xstat64, (int version, const char *path, struct stat64 *st),
     (version, path, st), AT_CWD(LOOKS))
CALL(int, -1, __lxstat64, (int version, const char *path, struct stat64 *st),
     (version, path, st), AT_CWD(LOOKS))
CALL(int, -1, __fxstatat64,
     (int version, int base, const char *path, struct stat64 *st, int flags),
     (version, base, path, st, flags), AT_BASE(LOOKS))

/* _FORTIFY_SOURCE */
CALL(int, -1, __open_2, (const char *path, int flags), (path, flags),
     AT_CWD(open_kinds(flags)))
CALL(int, -1, __open64_2, (const char *path, int flags), (path, flags),
     AT_CWD(open_kinds(flags)))
CALL(int, -1, __openat_2, (int base, const char *path, int flags),
     (base, path, flags), AT_BASE(open_kinds(flags)))
CALL(int, -1, __openat64_2, (int base, const char *path, int flags),
     (base, path, flags), AT_BASE(open_kinds(flags)))
CALL(ssize_t, -1, __readlink_chk,
     (const char *path, char *buf, size_t size, size_t room_for),
     (path, buf, size, room_for), AT_CWD(LOOKS))
CALL(ssize_t, -1, __readlinkat_chk,
     (int base, const char *path, char *buf, size_t size, size_t room_for),
     (base, path, buf, size, room_for), AT_BASE(LOOKS))

/* Its buffer has room for PATH_MAX bytes, or the program would not ask. */
char *__realpath_chk(const char *path, char *ret, size_t size);

EXPORT char *__realpath_chk(const char *path, char *ret, size_t size)
{
	(void)size;
	return realpath(path, ret);
}

#endif
