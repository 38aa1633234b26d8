/* SPDX-License-Identifier: MIT */
#include "base/fs.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/ident.h"
#include "base/strvec.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

char *fs_join(const char *dir, const char *name)
{
	size_t len = strlen(dir);

	while (len > 1 && dir[len - 1] == '/')
		len--;
	return xasprintf("%.*s%s%s", (int)len, dir,
			 len == 1 && dir[0] == '/' ? "" : "/", name);
}

char *fs_absolute(const char *path)
{
	auto_free char *full = NULL;
	auto_buf struct buf out = BUF_INIT;
	const char *p;

	if (path[0] == '/') {
		full = xstrdup(path);
	} else {
		auto_free char *cwd = getcwd(NULL, 0);

		full = fs_join(cwd ? cwd : "/", path);
	}
	for (p = full; *p;) {
		size_t len;

		while (*p == '/')
			p++;
		len = strcspn(p, "/");
		if (len == 2 && !strncmp(p, "..", 2)) {
			while (out.len && out.s[out.len - 1] != '/')
				buf_truncate(&out, out.len - 1);
			if (out.len)
				buf_truncate(&out, out.len - 1);
		} else if (len && !(len == 1 && *p == '.')) {
			buf_putc(&out, '/');
			buf_put(&out, p, len);
		}
		p += len;
	}
	if (!out.len)
		buf_putc(&out, '/');
	return buf_take(&out);
}

void fs_list(const char *dir, struct strvec *ret)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	if (!d)
		return;
	while ((e = readdir(d)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			strvec_push(ret, e->d_name);
	closedir(d);
}

/* No tree of ours is deeper. */
enum {
	TREE_DEPTH = 32
};

static int64_t tree_bytes(const char *path, int depth)
{
	auto_strvec struct strvec names = STRVEC_INIT;
	int64_t total = 0;
	struct stat st;

	if (depth > TREE_DEPTH || lstat(path, &st) < 0)
		return 0;
	if (S_ISREG(st.st_mode))
		return (int64_t)st.st_size;
	if (!S_ISDIR(st.st_mode))
		return 0;
	fs_list(path, &names);
	for (size_t i = 0; i < names.n; i++) {
		auto_free char *below = fs_join(path, names.v[i]);

		total += tree_bytes(below, depth + 1);
	}
	return total;
}

int64_t fs_tree_bytes(const char *path)
{
	return tree_bytes(path, 0);
}

bool fs_exists(const char *path)
{
	struct stat st;

	return !lstat(path, &st);
}

bool fs_is_dir(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISDIR(st.st_mode);
}

int fs_mkdir_p(const char *path, mode_t mode, struct error *err)
{
	auto_free char *copy = xstrdup(path);

	for (char *p = copy + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(copy, mode) < 0 && errno != EEXIST &&
		    !fs_is_dir(copy))
			return error_set_errno(err, ERROR_IO, errno,
					       "cannot make directory '%s'",
					       copy);
		*p = '/';
	}
	if (mkdir(copy, mode) < 0 && !(errno == EEXIST && fs_is_dir(copy)))
		return error_set_errno(err, ERROR_IO, errno,
				       "cannot make directory '%s'", path);
	return 0;
}

int fs_private_dir(const char *path, struct error *err)
{
	struct stat st;

	if (fs_mkdir_p(path, 0700, err) < 0)
		return -1;
	if (lstat(path, &st) < 0)
		return error_set_errno(err, ERROR_IO, errno,
				       "cannot look at '%s'", path);
	if (!S_ISDIR(st.st_mode))
		return error_set(err, ERROR_REFUSED, "'%s' is no directory",
				 path);
	if (st.st_uid != geteuid())
		return error_set(err, ERROR_REFUSED,
				 "'%s' belongs to another user", path);
	if (st.st_mode & 077)
		return error_set(err, ERROR_REFUSED,
				 "'%s' is open to other users", path);
	return 0;
}

int fs_read_file(const char *path, struct buf *ret, struct error *err)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	auto_buf struct buf b = BUF_INIT_MAX(ret->max);
	char piece[16384];
	ssize_t n;

	if (fd < 0)
		return error_set_errno(err, ERROR_IO, errno, "cannot open '%s'",
				       path);
	while ((n = read(fd, piece, sizeof(piece))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_set_errno(err, ERROR_IO, errno,
					       "cannot read '%s'", path);
		buf_put(&b, piece, (size_t)n);
		if (b.full)
			return error_set(err, ERROR_IO,
					 "'%s' is larger than %zu bytes", path,
					 ret->max);
	}
	buf_free(ret);
	*ret = b;
	b = (struct buf)BUF_INIT;
	return 0;
}

int fs_write_all(int fd, const void *data, size_t len)
{
	const char *at = data;

	while (len) {
		ssize_t n = write(fd, at, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0)
			errno = ENOSPC;
		if (n <= 0)
			return -1;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

int fs_write_file(const char *path, const void *data, size_t len, mode_t mode,
		  struct error *err)
{
	char suffix[9];
	auto_free char *temp = NULL;
	auto_close int fd = -1;
	int failed;

	ident_random(suffix, sizeof(suffix) - 1);
	temp = xasprintf("%s.%s.tmp", path, suffix);
	fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd < 0)
		return error_set_errno(err, ERROR_IO, errno,
				       "cannot write '%s'", path);
	failed = fs_write_all(fd, data, len) < 0 || rename(temp, path) < 0;
	if (failed) {
		int saved = errno;

		unlink(temp);
		return error_set_errno(err, ERROR_IO, saved,
				       "cannot write '%s'", path);
	}
	return 0;
}

/* 1 copied, 0 this way does not work here, -1 errno says why. */
static int copy_by_kernel(int from, int to)
{
	ssize_t n;
	bool any = false;

	if (!ioctl(to, FICLONE, from))
		return 1;
	do {
		n = copy_file_range(from, NULL, to, NULL, (size_t)1 << 30, 0);
		if (n > 0)
			any = true;
	} while (n > 0);
	if (n == 0)
		return 1;
	return any || errno == ENOSPC || errno == EDQUOT ? -1 : 0;
}

static int copy_by_hand(int from, int to)
{
	size_t size = 256 * 1024;
	auto_free char *piece = xmalloc(size);
	ssize_t n;

	while ((n = read(from, piece, size)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 || fs_write_all(to, piece, (size_t)n) < 0)
			return -1;
	}
	return 0;
}

int fs_copy_file(const char *from, const char *to, mode_t mode,
		 struct error *err)
{
	auto_close int in = open(from, O_RDONLY | O_CLOEXEC);
	auto_close int out = -1;
	int done;

	if (in < 0)
		return error_set_errno(err, ERROR_IO, errno, "cannot open '%s'",
				       from);
	out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (out < 0)
		return error_set_errno(err, ERROR_IO, errno, "cannot make '%s'",
				       to);
	done = copy_by_kernel(in, out);
	if (done == 0)
		done = copy_by_hand(in, out) < 0 ? -1 : 1;
	if (done < 0) {
		int saved = errno;

		unlink(to);
		return error_set_errno(err, ERROR_IO, saved,
				       "cannot copy '%s' to '%s'", from, to);
	}
	return 0;
}

/* Removes what is in the directory; keeps the first error. `path` is for
 * messages. Takes dirfd. */
static int empty_directory(int dirfd, const char *path, struct error *err)
{
	DIR *dir = fdopendir(dirfd);
	struct dirent *e;
	int result = 0;

	if (!dir) {
		int saved = errno;

		close(dirfd);
		return error_set_errno(err, ERROR_IO, saved, "cannot read '%s'",
				       path);
	}
	while ((e = readdir(dir))) {
		auto_free char *full = NULL;
		struct error *e_err = result < 0 ? NULL : err;
		int sub;

		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		full = fs_join(path, e->d_name);
		sub = openat(dirfd, e->d_name,
			     O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (sub >= 0 && empty_directory(sub, full, e_err) < 0)
			result = -1;
		if (unlinkat(dirfd, e->d_name, sub >= 0 ? AT_REMOVEDIR : 0) <
			0 &&
		    errno != ENOENT && result == 0)
			result = error_set_errno(err, ERROR_IO, errno,
						 "cannot remove '%s'", full);
	}
	closedir(dir);
	return result;
}

int fs_remove_tree(const char *path, struct error *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 && (errno == ENOTDIR || errno == ELOOP)) {
		if (unlink(path) < 0 && errno != ENOENT)
			return error_set_errno(err, ERROR_IO, errno,
					       "cannot remove '%s'", path);
		return 0;
	}
	if (fd < 0)
		return error_set_errno(err, ERROR_IO, errno,
				       "cannot remove '%s'", path);
	if (empty_directory(fd, path, err) < 0)
		return -1;
	if (rmdir(path) < 0 && errno != ENOENT)
		return error_set_errno(err, ERROR_IO, errno,
				       "cannot remove '%s'", path);
	return 0;
}

/* Below it a session's directory and "/s123/.s.PGSQL.5432" must still fit into
 * sun_path's 108 bytes. */
enum {
	RUNTIME_DIR_MAX = 60
};

static bool is_ours(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISDIR(st.st_mode) &&
	       st.st_uid == geteuid() && !access(path, W_OK);
}

int fs_runtime_dir(char **ret, struct error *err)
{
	const char *xdg = getenv("XDG_RUNTIME_DIR");
	auto_free char *run = xasprintf("/run/user/%ld", (long)geteuid());
	auto_free char *dir = NULL;

	if (xdg && xdg[0] == '/' && is_ours(xdg))
		dir = fs_join(xdg, "testenv");
	else if (is_ours(run))
		dir = fs_join(run, "testenv");
	if (!dir || strlen(dir) > RUNTIME_DIR_MAX) {
		free(dir);
		dir = xasprintf("/tmp/testenv-%ld", (long)geteuid());
	}
	if (fs_private_dir(dir, err) < 0)
		return error_wrap(err, "runtime directory");
	*ret = take_ptr(&dir);
	return 0;
}

char *fs_cache_dir(void)
{
	const char *own = getenv("TESTENV_CACHE_DIR");
	const char *xdg = getenv("XDG_CACHE_HOME");
	const char *home = getenv("HOME");

	if (own && own[0] == '/')
		return xstrdup(own);
	if (xdg && xdg[0] == '/')
		return fs_join(xdg, "testenv");
	if (home && home[0] == '/')
		return fs_join(home, ".cache/testenv");
	return xasprintf("/var/tmp/testenv-%ld", (long)geteuid());
}
