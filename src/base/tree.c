/* SPDX-License-Identifier: MIT */
#include "base/fs.h"

#include "base/alloc.h"
#include "base/error.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct owner {
	uid_t uid;
	gid_t gid;
};

static int give(const char *path, const struct owner *owner, struct error *err)
{
	if (owner->uid == (uid_t)-1 ||
	    lchown(path, owner->uid, owner->gid) == 0)
		return 0;
	return error_set_errno(err, ERROR_IO, errno,
			       "cannot change the owner of '%s'", path);
}

static int copy_directory(const char *from, const char *to,
			  const struct owner *owner, struct error *err);

static int copy_entry(const char *from, const char *to,
		      const struct owner *owner, struct error *err)
{
	struct stat st;

	if (lstat(from, &st) < 0)
		return error_set_errno(err, ERROR_IO, errno,
				       "cannot look at '%s'", from);
	if (S_ISDIR(st.st_mode))
		return copy_directory(from, to, owner, err);
	if (!S_ISREG(st.st_mode))
		return error_set(err, ERROR_REFUSED,
				 "'%s' is neither a file nor a directory",
				 from);
	if (fs_copy_file(from, to, 0600, err) < 0)
		return -1;
	return give(to, owner, err);
}

static int copy_directory(const char *from, const char *to,
			  const struct owner *owner, struct error *err)
{
	DIR *dir = opendir(from);
	struct dirent *e;
	int result = 0;

	if (!dir)
		return error_set_errno(err, ERROR_IO, errno, "cannot read '%s'",
				       from);
	if (mkdir(to, 0700) < 0)
		result = error_set_errno(err, ERROR_IO, errno,
					 "cannot make directory '%s'", to);
	while (result == 0 && (e = readdir(dir))) {
		auto_free char *source = fs_join(from, e->d_name);
		auto_free char *target = fs_join(to, e->d_name);

		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			result = copy_entry(source, target, owner, err);
	}
	closedir(dir);
	/* last, as another user's directory may be closed to us */
	return result < 0 ? -1 : give(to, owner, err);
}

int fs_copy_tree(const char *from, const char *to, uid_t uid, gid_t gid,
		 struct error *err)
{
	struct owner owner = {uid, gid};

	if (fs_exists(to))
		return error_set_errno(err, ERROR_IO, EEXIST,
				       "cannot make directory '%s'", to);
	if (copy_directory(from, to, &owner, err) == 0)
		return 0;
	fs_remove_tree(to, NULL);
	return -1;
}
