/* SPDX-License-Identifier: MIT */
#include "base/lock.h"

#include "base/alloc.h"
#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Does the path still name what fd has open? A holder that ended with
 * lock_remove may have unlinked it between our open and our flock. */
static bool is_current(int fd, const char *path)
{
	struct stat a;
	struct stat b;

	return !fstat(fd, &a) && !stat(path, &b) && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

static int try_kind(struct lock *lock, const char *path, int kind,
		    struct error *err)
{
	for (;;) {
		auto_close int fd =
		    open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

		if (fd < 0)
			return error_set_errno(err, ERROR_IO, errno,
					       "cannot open lock '%s'", path);
		if (flock(fd, kind | LOCK_NB) < 0) {
			if (errno == EWOULDBLOCK)
				return 0;
			if (errno == EINTR)
				continue;
			return error_set_errno(err, ERROR_IO, errno,
					       "cannot lock '%s'", path);
		}
		if (!is_current(fd, path))
			continue;
		lock->path = xstrdup(path);
		lock->fd = take_fd(&fd);
		return 1;
	}
}

int lock_try(struct lock *lock, const char *path, struct error *err)
{
	return try_kind(lock, path, LOCK_EX, err);
}

/*
 * flock has no wait with a deadline that could also be cancelled, so the
 * waiting is done by asking again, at growing intervals: a template takes
 * seconds to build, 50 ms more are not felt.
 */
static int take_kind(struct lock *lock, const char *path, int kind,
		     const struct deadline *deadline, struct error *err)
{
	int64_t pause = 2;

	for (;;) {
		int got = try_kind(lock, path, kind, err);

		if (got != 0)
			return got < 0 ? -1 : 0;
		if (deadline_poll(deadline, NULL, 0, pause, "waiting for lock",
				  err) < 0) {
			if (err && err->kind == ERROR_TIMEOUT)
				return error_set(err, ERROR_BUSY,
						 "lock '%s' is held by another "
						 "process",
						 path);
			return -1;
		}
		pause = pause * 2 > 50 ? 50 : pause * 2;
	}
}

int lock_take(struct lock *lock, const char *path,
	      const struct deadline *deadline, struct error *err)
{
	return take_kind(lock, path, LOCK_EX, deadline, err);
}

int lock_share(struct lock *lock, const char *path,
	       const struct deadline *deadline, struct error *err)
{
	return take_kind(lock, path, LOCK_SH, deadline, err);
}

void lock_release(struct lock *lock)
{
	int saved = errno;

	if (lock->fd >= 0)
		close(lock->fd);
	free(lock->path);
	lock->fd = -1;
	lock->path = NULL;
	errno = saved;
}

void lock_remove(struct lock *lock)
{
	if (lock->fd >= 0)
		unlink(lock->path);
	lock_release(lock);
}
