/* SPDX-License-Identifier: MIT */
#include "supervisor/fds.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

static bool wanted(int fd, const int *keep, size_t n, enum fds_which which)
{
	int flags = fcntl(fd, F_GETFD);

	if (fd < 3 || flags < 0)
		return true;
	if (which == FDS_CLOEXEC && !(flags & FD_CLOEXEC))
		return true;
	for (size_t i = 0; i < n; i++)
		if (keep[i] == fd)
			return true;
	return false;
}

void fds_close(const int *keep, size_t n, enum fds_which which)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;

	if (!dir)
		return;
	/* the kernel lists them by number, so that closing what was read
	 * does not disturb the reading */
	while ((entry = readdir(dir))) {
		int fd = (int)strtol(entry->d_name, NULL, 10);

		if (fd != dirfd(dir) && !wanted(fd, keep, n, which))
			close(fd);
	}
	closedir(dir);
}
