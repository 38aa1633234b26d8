/* SPDX-License-Identifier: MIT */
/*
 * base/fs.h - files and directories.
 *
 * Everything opened here is close-on-exec. Errors name the path.
 */
#ifndef BASE_FS_H
#define BASE_FS_H

#include "base/buf.h"
#include "base/strvec.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct error;

/* Makes the directory and its parents, each with `mode`; there already is
 * success. */
int fs_mkdir_p(const char *path, mode_t mode, struct error *err);

/*
 * A directory of ours alone: makes it 0700 (parents as needed), and refuses
 * (ERROR_REFUSED) one that is a symlink, another user's, or open to others.
 */
int fs_private_dir(const char *path, struct error *err);

/* The whole file, at most ret->max bytes (more is ERROR_IO). */
int fs_read_file(const char *path, struct buf *ret, struct error *err);

/* To a descriptor that blocks. -1: errno says why (ENOSPC also where it took
 * nothing), and a part may be written. */
int fs_write_all(int fd, const void *data, size_t len);

/*
 * Replaces the file in one step: a temporary beside it (O_EXCL), written,
 * renamed. A failure leaves what was there, and no temporary.
 */
int fs_write_file(const char *path, const void *data, size_t len, mode_t mode,
		  struct error *err);

/*
 * Copies a regular file to a path that must not exist: reflink where the file
 * system can, else copy_file_range, else read and write. A failure removes the
 * half copy. Nothing is flushed.
 */
int fs_copy_file(const char *from, const char *to, mode_t mode,
		 struct error *err);

/*
 * Copies a directory with all in it to a path that must not exist, each file as
 * fs_copy_file does: 0700 and 0600, and with uid not (uid_t)-1 that user's. A
 * symlink or a special file is ERROR_REFUSED. A failure removes the half copy.
 */
int fs_copy_tree(const char *from, const char *to, uid_t uid, gid_t gid,
		 struct error *err);
/* Removes a tree without following symlinks; not there is success. Goes on
 * past what it cannot remove and reports the first such. */
int fs_remove_tree(const char *path, struct error *err);

/* The names in a directory, in no order; none if it cannot be read. */
void fs_list(const char *dir, struct strvec *ret);

/* Bytes of the regular files below a directory, without following symlinks; 0
 * if it is not there. */
int64_t fs_tree_bytes(const char *path);

bool fs_exists(const char *path);
bool fs_is_dir(const char *path);

/* "dir/name"; the caller frees. */
char *fs_join(const char *dir, const char *name);
/* The path made absolute against the working directory, textually: "." and
 * ".." are resolved, symlinks are not. The caller frees. */
char *fs_absolute(const char *path);

/*
 * Where things live; the caller frees.
 *   runtime: $XDG_RUNTIME_DIR/testenv, else /run/user/UID/testenv if that is
 *            ours, else /tmp/testenv-UID: sockets, locks, one directory a
 * session cache:   $TESTENV_CACHE_DIR, else $XDG_CACHE_HOME/testenv, else
 *            $HOME/.cache/testenv, else /var/tmp/testenv-UID
 * fs_runtime_dir makes the directory, private. A path too long for a Unix
 * socket below it (over 60 bytes) is passed over for /tmp.
 */
int fs_runtime_dir(char **ret, struct error *err);
char *fs_cache_dir(void);

#endif
