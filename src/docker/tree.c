/* SPDX-License-Identifier: MIT */
#include "docker/tree.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/fs.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	PIECE = 65536
};

/* One walk, either way. */
struct walk {
	struct archive *archive;
	const char *tar, *dir;
	const struct deadline *deadline;
	char *piece;
	int64_t bytes, bytes_max; /* of unpacking */
};

static void cleanup_entry(struct archive_entry **e)
{
	archive_entry_free(*e);
}
#define auto_entry __attribute__((cleanup(cleanup_entry)))

static int write_failed(const struct walk *w, struct error *err)
{
	int code = archive_errno(w->archive);

	return error_set_errno(err, ERROR_IO, code > 0 ? code : EIO,
			       "cannot write '%s'", w->tar);
}

static int pack_header(const struct walk *w, const char *name,
		       const struct stat *st, struct error *err)
{
	auto_entry struct archive_entry *entry = archive_entry_new();
	bool is_dir = S_ISDIR(st->st_mode);

	if (!entry)
		abort(); /* as for all memory */
	archive_entry_set_pathname(entry, name);
	archive_entry_set_filetype(entry, is_dir ? AE_IFDIR : AE_IFREG);
	archive_entry_set_perm(entry, is_dir ? 0700 : 0600);
	archive_entry_set_size(entry, is_dir ? 0 : (la_int64_t)st->st_size);
	archive_entry_set_mtime(entry, 0, 0);
	if (archive_write_header(w->archive, entry) != ARCHIVE_OK)
		return write_failed(w, err);
	return 0;
}

static int pack_file(const struct walk *w, const char *path, const char *name,
		     struct error *err)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;
	int64_t left;
	ssize_t n = 0;

	if (fd < 0 || fstat(fd, &st) < 0)
		return error_set_errno(err, ERROR_IO, errno, "cannot read '%s'",
				       path);
	if (pack_header(w, name, &st, err) < 0)
		return -1;
	for (left = st.st_size; left > 0; left -= n) {
		size_t want = left < PIECE ? (size_t)left : (size_t)PIECE;

		if (deadline_check(w->deadline, w->tar, err) < 0)
			return -1;
		n = read(fd, w->piece, want);
		if (n <= 0)
			break;
		if (archive_write_data(w->archive, w->piece, (size_t)n) != n)
			return write_failed(w, err);
	}
	if (left > 0)
		return error_set_errno(err, ERROR_IO, n < 0 ? errno : EIO,
				       "cannot read all of '%s'", path);
	return 0;
}

static int pack_directory(const struct walk *w, const char *below,
			  struct error *err);

static int pack_one(const struct walk *w, const char *name, struct error *err)
{
	auto_free char *path = fs_join(w->dir, name);
	struct stat st;

	if (lstat(path, &st) < 0)
		return error_set_errno(err, ERROR_IO, errno,
				       "cannot look at '%s'", path);
	if (S_ISREG(st.st_mode))
		return pack_file(w, path, name, err);
	if (!S_ISDIR(st.st_mode))
		return error_set(err, ERROR_REFUSED,
				 "'%s' is neither a file nor a directory",
				 path);
	if (pack_header(w, name, &st, err) < 0)
		return -1;
	return pack_directory(w, name, err);
}

/* What is in the directory of this name; "" is the top. */
static int pack_directory(const struct walk *w, const char *below,
			  struct error *err)
{
	auto_free char *path =
	    *below ? fs_join(w->dir, below) : xstrdup(w->dir);
	auto_strvec struct strvec names = STRVEC_INIT;

	if (access(path, R_OK | X_OK) < 0)
		return error_set_errno(err, ERROR_IO, errno, "cannot read '%s'",
				       path);
	fs_list(path, &names);
	for (size_t i = 0; i < names.n; i++) {
		auto_free char *name =
		    *below ? fs_join(below, names.v[i]) : xstrdup(names.v[i]);

		if (pack_one(w, name, err) < 0)
			return -1;
	}
	return 0;
}

static int pack_to(struct walk *w, int fd, struct error *err)
{
	archive_write_set_format_pax_restricted(w->archive);
	if (archive_write_open_fd(w->archive, fd) != ARCHIVE_OK)
		return write_failed(w, err);
	if (pack_directory(w, "", err) < 0)
		return -1;
	if (archive_write_close(w->archive) != ARCHIVE_OK)
		return write_failed(w, err);
	return 0;
}

int tree_pack(const char *dir, const char *to, const struct deadline *deadline,
	      struct error *err)
{
	auto_close int fd =
	    open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	auto_free char *piece = xmalloc(PIECE);
	struct walk w = {
	    .tar = to, .dir = dir, .deadline = deadline, .piece = piece};
	int result;

	if (fd < 0)
		return error_set_errno(err, ERROR_IO, errno,
				       "cannot write '%s'", to);
	w.archive = archive_write_new();
	if (!w.archive)
		abort();
	result = pack_to(&w, fd, err);
	archive_write_free(w.archive);
	if (result < 0)
		unlink(to);
	return result;
}

/* "a/b/c" without "", "." or ".." in it; the slash that ends a directory's is
 * cut off. NULL for any other. The caller frees. */
static char *name_inside(const char *name)
{
	auto_free char *plain = name ? xstrdup(name) : NULL;
	size_t len = plain ? strlen(plain) : 0;
	const char *part = plain;

	if (len > 1 && plain[len - 1] == '/')
		plain[--len] = '\0';
	if (!len)
		return NULL;
	for (;;) {
		size_t n = strcspn(part, "/");

		if (n == 0 || (n == 1 && part[0] == '.') ||
		    (n == 2 && part[0] == '.' && part[1] == '.'))
			return NULL;
		if (!part[n])
			return take_ptr(&plain);
		part += n + 1;
	}
}

static int not_whole(const struct walk *w, struct error *err)
{
	const char *why = archive_error_string(w->archive);

	return error_set(err, ERROR_CONFIG, "'%s' is cut off or damaged: %s",
			 w->tar, why ? why : "it cannot be read");
}

/* A name that is there already was made by this very tar. */
static int cannot_make(const char *path, struct error *err)
{
	if (errno == EEXIST)
		return error_set(err, ERROR_REFUSED, "'%s' comes twice", path);
	return error_set_errno(err, ERROR_IO, errno, "cannot make '%s'", path);
}

static int unpack_file(struct walk *w, const char *path, struct error *err)
{
	auto_close int fd =
	    open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	la_ssize_t n;

	if (fd < 0)
		return cannot_make(path, err);
	while ((n = archive_read_data(w->archive, w->piece, PIECE)) > 0) {
		if (deadline_check(w->deadline, w->tar, err) < 0)
			return -1;
		/* a hole takes no room in the tar, but here */
		w->bytes += n;
		if (w->bytes > w->bytes_max)
			return error_set(err, ERROR_REFUSED,
					 "'%s' has more bytes in it than it "
					 "is long",
					 w->tar);
		if (fs_write_all(fd, w->piece, (size_t)n) < 0)
			return error_set_errno(err, ERROR_IO, errno,
					       "cannot write '%s'", path);
	}
	return n < 0 ? not_whole(w, err) : 0;
}

static int unpack_one(struct walk *w, struct archive_entry *entry,
		      struct error *err)
{
	const char *said = archive_entry_pathname(entry);
	auto_free char *name = name_inside(said);
	auto_free char *path = name ? fs_join(w->dir, name) : NULL;
	unsigned type = archive_entry_filetype(entry);

	if (!name)
		return error_set(err, ERROR_REFUSED,
				 "'%s' has an entry that leads out of it: "
				 "'%.80s'",
				 w->tar, said ? said : "?");
	if (archive_entry_hardlink(entry) || archive_entry_symlink(entry) ||
	    (type != AE_IFREG && type != AE_IFDIR))
		return error_set(err, ERROR_REFUSED,
				 "'%s' has an entry that is neither a file nor "
				 "a directory: '%.80s'",
				 w->tar, name);
	if (type == AE_IFREG)
		return unpack_file(w, path, err);
	return mkdir(path, 0700) < 0 ? cannot_make(path, err) : 0;
}

static int unpack_all(struct walk *w, struct error *err)
{
	struct archive_entry *entry;
	struct stat st;
	int rc;

	if (stat(w->tar, &st) < 0)
		return error_set_errno(err, ERROR_IO, errno, "cannot read '%s'",
				       w->tar);
	w->bytes_max = st.st_size;
	archive_read_support_format_tar(w->archive);
	if (archive_read_open_filename(w->archive, w->tar, PIECE) != ARCHIVE_OK)
		return not_whole(w, err);
	while ((rc = archive_read_next_header(w->archive, &entry)) ==
	       ARCHIVE_OK)
		if (deadline_check(w->deadline, w->tar, err) < 0 ||
		    unpack_one(w, entry, err) < 0)
			return -1;
	return rc == ARCHIVE_EOF ? 0 : not_whole(w, err);
}

int tree_unpack(const char *from, const char *to,
		const struct deadline *deadline, struct error *err)
{
	auto_free char *piece = xmalloc(PIECE);
	struct walk w = {
	    .tar = from, .dir = to, .deadline = deadline, .piece = piece};
	int result;

	/* new, and nobody else's: no name in it can be a link of another's */
	if (mkdir(to, 0700) < 0)
		return error_set_errno(err, ERROR_IO, errno,
				       "cannot make directory '%s'", to);
	w.archive = archive_read_new();
	if (!w.archive)
		abort();
	result = unpack_all(&w, err);
	archive_read_free(w.archive);
	if (result < 0)
		fs_remove_tree(to, NULL);
	return result;
}
