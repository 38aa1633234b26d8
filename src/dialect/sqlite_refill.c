/* SPDX-License-Identifier: MIT */
/*
 * A file is made what another is, while others have it open. To put a new file
 * in its place would leave them with one that is not there any more, whose
 * journal would be written beside the new one.
 */
#include "dialect/driver.h"

#include "base/alloc.h"
#include "base/error.h"
#include "dialect/sqlite_handle.h"
#include "dialect/state.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum {
	BUSY_MS = 2000, /* for the owner's transaction to end */
	PAGES = 1000,   /* between two looks at the clock */
	/* sqlite.org/fileformat2.html: page size, then the two bytes that say
	 * whether the journal is a WAL */
	FORMAT_AT = 16,
	FORMAT_BYTES = 4
};

static void cleanup_handle(sqlite3 **handle)
{
	sqlite3_close_v2(*handle);
}
#define auto_handle __attribute__((cleanup(cleanup_handle)))

/* "immutable" is true of a sealed file: no locks, no -wal and -shm. */
static int open_sealed(const char *path, sqlite3 **ret, struct error *err)
{
	auto_buf struct buf uri = BUF_INIT;
	auto_handle sqlite3 *handle = NULL;
	int rc;

	buf_puts(&uri, "file:");
	buf_put_percent(&uri, path);
	buf_puts(&uri, "?immutable=1");
	rc = sqlite3_open_v2(uri.s, &handle,
			     SQLITE_OPEN_READONLY | SQLITE_OPEN_URI |
				 SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
			     NULL);
	if (rc != SQLITE_OK)
		return sqlite_error(handle, rc, err);
	*ret = take_ptr(&handle);
	return 0;
}

static int copy_pages(sqlite3 *to, sqlite3 *from,
		      const struct deadline *deadline, struct error *err)
{
	sqlite3_backup *backup = sqlite3_backup_init(to, "main", from, "main");
	int rc = SQLITE_OK;
	int late = 0;

	if (!backup)
		return sqlite_error(to, sqlite3_errcode(to), err);
	while (rc == SQLITE_OK && !late) {
		late = deadline_check(deadline, "writing the file", err) < 0;
		rc = sqlite3_backup_step(backup, PAGES);
	}
	/* not what finish returns: a full disk or a busy file says step */
	sqlite3_backup_finish(backup);
	if (late)
		return -1;
	return rc == SQLITE_DONE ? 0 : sqlite_error(to, rc, err);
}

static bool same_format(const char *a, const char *b)
{
	unsigned char x[FORMAT_BYTES], y[FORMAT_BYTES];
	auto_close int in = open(a, O_RDONLY | O_CLOEXEC);
	auto_close int out = open(b, O_RDONLY | O_CLOEXEC);

	return in >= 0 && out >= 0 &&
	       pread(in, x, sizeof(x), FORMAT_AT) == sizeof(x) &&
	       pread(out, y, sizeof(y), FORMAT_AT) == sizeof(y) &&
	       !memcmp(x, y, sizeof(x));
}

bool sqlite_file_is_wal(const char *path)
{
	unsigned char c = 0;
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd >= 0 && pread(fd, &c, 1, FORMAT_AT + 2) == 1 && c == 2;
}

static int refill(const char *path, const char *from,
		  const struct deadline *deadline, struct error *err)
{
	auto_handle sqlite3 *source = NULL;
	auto_handle sqlite3 *handle = NULL;
	int rc = sqlite3_open_v2(path, &handle,
				 SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX |
				     SQLITE_OPEN_EXRESCODE,
				 NULL);

	if (rc != SQLITE_OK)
		return sqlite_error(handle, rc, err);
	if (open_sealed(from, &source, err) < 0)
		return -1;
	sqlite3_busy_timeout(handle, BUSY_MS);
	sqlite3_exec(handle, "PRAGMA synchronous = OFF", NULL, NULL, NULL);
	if (copy_pages(handle, source, deadline, err) < 0)
		return -1;
	if (!sqlite_file_is_wal(from))
		sqlite3_exec(handle, "PRAGMA journal_mode = DELETE", NULL, NULL,
			     NULL);
	return 0;
}

int db_refill_file(const char *path, const char *from,
		   const struct deadline *deadline, struct error *err)
{
	if (refill(path, from, deadline, err) < 0)
		return error_wrap(err, "cannot bring '%s' back", path);
	if (!same_format(path, from))
		return error_set(err, ERROR_DATABASE,
				 "cannot bring '%s' back: its journal mode "
				 "cannot be left",
				 path);
	return 0;
}

int db_read_sealed(const char *path, const struct deadline *deadline,
		   struct db_state *ret, struct error *err)
{
	sqlite3 *handle = NULL;
	auto_db struct db *db = NULL;

	if (open_sealed(path, &handle, err) < 0)
		return -1;
	db = sqlite_adopt(handle, path);
	return db_state_read(db, deadline, ret, err);
}

int db_check_sealed(const char *path, const struct deadline *deadline,
		    struct error *err)
{
	sqlite3 *handle = NULL;
	auto_db struct db *db = NULL;

	if (open_sealed(path, &handle, err) < 0)
		return -1;
	db = sqlite_adopt(handle, path);
	if (sqlite_check(db, deadline, err) < 0)
		return error_wrap(err, "'%s' is damaged", path);
	return 0;
}
