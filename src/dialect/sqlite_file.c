/* SPDX-License-Identifier: MIT */
/* What a SQLite file says of itself. Source: sqlite.org/fileformat2.html, "The
 * Database Header". */
#include "dialect/db.h"

#include "base/alloc.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	HEADER = 100,
	PAGE_SIZE_AT = 16,
	CHANGES_AT = 24,
	PAGES_AT = 28,
	VALID_FOR_AT = 92
};

static uint32_t big_endian(const unsigned char *p, unsigned bytes)
{
	uint32_t n = 0;

	while (bytes--)
		n = n << 8 | *p++;
	return n;
}

bool db_file_is_whole(const char *path)
{
	static const char magic[] = "SQLite format 3";
	unsigned char head[HEADER];
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	uint64_t page;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    pread(fd, head, sizeof(head), 0) != (ssize_t)sizeof(head) ||
	    memcmp(head, magic, sizeof(magic)) != 0)
		return false;
	/* the number of pages is only as new as this says */
	if (big_endian(head + CHANGES_AT, 4) !=
	    big_endian(head + VALID_FOR_AT, 4))
		return false;
	page = big_endian(head + PAGE_SIZE_AT, 2);
	if (page == 1)
		page = 65536;
	return page &&
	       (uint64_t)st.st_size == page * big_endian(head + PAGES_AT, 4);
}
