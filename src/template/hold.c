/* SPDX-License-Identifier: MIT */
#include "template/hold.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/log.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static char *note_dir(const char *cache_dir)
{
	return fs_join(cache_dir, "used");
}

static char *note_path(const char *cache_dir, const char *key)
{
	return xasprintf("%s/used/%s", cache_dir, key);
}

int hold_take(struct lock *hold, const char *cache_dir, const char *key,
	      const struct deadline *deadline, struct error *err)
{
	auto_free char *dir = note_dir(cache_dir);
	auto_free char *path = note_path(cache_dir, key);
	auto_error struct error why = ERROR_INIT;

	if (fs_mkdir_p(dir, 0700, &why) == 0 &&
	    lock_share(hold, path, deadline, &why) == 0) {
		futimens(hold->fd, NULL);
		return 0;
	}
	if (why.kind == ERROR_BUSY || why.kind == ERROR_CANCELLED)
		return error_move(err, &why);
	log_debug("the use of template %s is not noted: %s", key, why.text);
	return 0;
}

void hold_give_up(struct lock *hold)
{
	if (hold->fd >= 0 && flock(hold->fd, LOCK_EX | LOCK_NB) == 0)
		lock_remove(hold);
	else
		lock_release(hold);
}

int hold_try_alone(struct lock *alone, const char *cache_dir, const char *key)
{
	auto_free char *dir = note_dir(cache_dir);
	auto_free char *path = note_path(cache_dir, key);

	if (fs_mkdir_p(dir, 0700, NULL) < 0)
		return -1;
	return lock_try(alone, path, NULL);
}

int64_t hold_last_use(const char *cache_dir, const char *key)
{
	auto_free char *path = note_path(cache_dir, key);
	struct stat st;

	return stat(path, &st) < 0 ? -1 : (int64_t)st.st_mtime;
}

void hold_set_last_use(const char *cache_dir, const char *key, int64_t when_s)
{
	auto_free char *dir = note_dir(cache_dir);
	auto_free char *path = note_path(cache_dir, key);
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT},
				    {.tv_sec = (time_t)when_s}};
	auto_close int fd = -1;

	if (fs_mkdir_p(dir, 0700, NULL) < 0)
		return;
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0)
		futimens(fd, times);
}

bool hold_is_held(const char *cache_dir, const char *key)
{
	auto_lock struct lock lock = LOCK_INIT;

	/* without one there is nothing to be held, and none is to be made */
	return hold_last_use(cache_dir, key) >= 0 &&
	       hold_try_alone(&lock, cache_dir, key) == 0;
}

void hold_each(const char *cache_dir, void (*fn)(void *ctx, const char *key),
	       void *ctx)
{
	auto_free char *path = note_dir(cache_dir);
	auto_strvec struct strvec names = STRVEC_INIT;

	fs_list(path, &names);
	for (size_t i = 0; i < names.n; i++)
		if (template_is_key(names.v[i]))
			fn(ctx, names.v[i]);
}

bool template_is_key(const char *text)
{
	return strlen(text) == TEMPLATE_KEY - 1 &&
	       strspn(text, "0123456789abcdef") == TEMPLATE_KEY - 1;
}
