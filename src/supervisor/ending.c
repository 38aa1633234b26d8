/* SPDX-License-Identifier: MIT */
#include "supervisor/ending.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/fs.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

/* The first form of struct pidfd_info in <linux/pidfd.h>, which is younger than
 * Debian 12's headers. */
struct ending_info {
	uint64_t mask;
	uint64_t cgroup;
	uint32_t ids[11];
	int32_t status;
};
#define GET_INFO  _IOWR(0xFF, 11, struct ending_info)
#define INFO_EXIT (1ULL << 3)

/* proc_pid_stat(5): the 52nd field is the status, which counts for a zombie;
 * the third one, behind the name in parentheses, is the state. */
static bool zombies_status(pid_t pid, int *ret)
{
	auto_buf struct buf text = BUF_INIT_MAX(4096);
	char path[40];
	const char *name_end;
	const char *last;

	snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
	if (fs_read_file(path, &text, NULL) < 0)
		return false;
	name_end = strrchr(text.s, ')');
	last = strrchr(text.s, ' ');
	return name_end && last && !strncmp(name_end, ") Z", 3) &&
	       sscanf(last, "%d", ret) == 1;
}

bool ending_was_failure(pid_t pid, int pidfd)
{
	struct ending_info info = {.mask = INFO_EXIT};
	int status = 0;

	/* in this order: what is no zombie any more has been collected */
	if (zombies_status(pid, &status))
		return status != 0;
	return ioctl(pidfd, GET_INFO, &info) == 0 && info.mask & INFO_EXIT &&
	       info.status != 0;
}
