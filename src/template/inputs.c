/* SPDX-License-Identifier: MIT */
#include "template/inputs.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/strvec.h"

#include <dirent.h>
#include <errno.h>
#include <glob.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
	DEPTH_MAX = 32,
	FILES_MAX = 20000
};

struct inputs {
	struct strvec files;
	const char *named; /* as the user named what is being read */
	struct error *err;
};

static int too_many(const struct inputs *in)
{
	return error_set(in->err, ERROR_CONFIG,
			 "input '%s': more than %d files", in->named,
			 FILES_MAX);
}

static bool is_passed_over(const char *name)
{
	return name[0] == '.' || !strcmp(name, "__pycache__") ||
	       !strcmp(name, "node_modules");
}

static int add(struct inputs *in, const char *path, unsigned depth);

static int add_folder(struct inputs *in, const char *path, unsigned depth)
{
	DIR *d = opendir(path);
	struct dirent *e;
	int result = 0;

	if (!d)
		return error_set_errno(in->err, ERROR_CONFIG, errno,
				       "input '%s': cannot read '%s'",
				       in->named, path);
	while (result == 0 && (e = readdir(d))) {
		auto_free char *below = fs_join(path, e->d_name);

		if (!is_passed_over(e->d_name))
			result = add(in, below, depth + 1);
	}
	closedir(d);
	return result;
}

/* Links to folders are not followed below what was named: they may lead
 * around. */
static int add(struct inputs *in, const char *path, unsigned depth)
{
	struct stat st;

	if ((depth ? lstat : stat)(path, &st) < 0)
		return error_set_errno(in->err, ERROR_CONFIG, errno,
				       "input '%s': cannot read '%s'",
				       in->named, path);
	if (S_ISDIR(st.st_mode))
		return depth < DEPTH_MAX ? add_folder(in, path, depth) : 0;
	if (S_ISLNK(st.st_mode) &&
	    (stat(path, &st) < 0 || !S_ISREG(st.st_mode)))
		return 0;
	if (!S_ISREG(st.st_mode))
		return 0;
	if (in->files.n >= FILES_MAX)
		return too_many(in);
	strvec_push(&in->files, path);
	return 0;
}

static int add_pattern(struct inputs *in, const char *dir, const char *pattern)
{
	auto_free char *whole =
	    pattern[0] == '/' ? xstrdup(pattern) : fs_join(dir, pattern);
	glob_t found = {0};
	int result = glob(whole, GLOB_NOSORT, NULL, &found);

	in->named = pattern;
	if (result == GLOB_NOMATCH)
		result =
		    error_set(in->err, ERROR_CONFIG,
			      "input '%s': there is no such file", pattern);
	else if (result != 0)
		result =
		    error_set(in->err, ERROR_CONFIG,
			      "input '%s': cannot be searched for", pattern);
	for (size_t i = 0; result == 0 && i < found.gl_pathc; i++)
		result = add(in, found.gl_pathv[i], 0);
	globfree(&found);
	return result;
}

static int by_text(const void *a, const void *b)
{
	char *const *x = a;
	char *const *y = b;

	return strcmp(*x, *y);
}

/* Below `dir` by the rest of the path, so that a checkout elsewhere has the
 * same key. */
static int digest_input(struct digest *d, const char *dir, const char *path,
			struct error *err)
{
	auto_buf struct buf text = BUF_INIT;
	size_t n = strlen(dir);
	const char *name = path;

	if (fs_read_file(path, &text, err) < 0)
		return error_wrap(err, "input");
	if (!strncmp(path, dir, n) && path[n] == '/')
		name = path + n + 1;
	digest_add_str(d, name);
	digest_add(d, text.s, text.len);
	return 0;
}

static int digest_all(const struct inputs *in, const char *dir,
		      char ret[DIGEST_HEX])
{
	struct digest *d = digest_new();
	int result = 0;

	for (size_t i = 0; result == 0 && i < in->files.n; i++)
		if (!i || strcmp(in->files.v[i], in->files.v[i - 1]) != 0)
			result = digest_input(d, dir, in->files.v[i], in->err);
	digest_end(d, ret);
	return result;
}

int inputs_digest(const char *dir, char *const *inputs, char ret[DIGEST_HEX],
		  struct error *err)
{
	struct inputs in = {STRVEC_INIT, NULL, err};
	int result = 0;

	for (; result == 0 && *inputs; inputs++)
		result = add_pattern(&in, dir, *inputs);
	if (in.files.n)
		qsort(in.files.v, in.files.n, sizeof(char *), by_text);
	if (result == 0)
		result = digest_all(&in, dir, ret);
	strvec_free(&in.files);
	return result;
}
