/* SPDX-License-Identifier: MIT */
#include "provider/local_sweep.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/ident.h"

#include <dirent.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/shm.h>

enum {
	LOOK_MS = 10,
	/* to end by themselves; then they are killed */
	PATIENCE_MS = 5000,
	/* after that: zombies that nobody reaps */
	GIVE_UP_MS = 3000
};

int local_pid_write(const char *path, pid_t pid, struct error *err)
{
	auto_buf struct buf text = BUF_INIT;

	buf_printf(&text, "%ld %" PRIu64 "\n", (long)pid,
		   ident_start_time(pid));
	return fs_write_file(path, text.s, text.len, 0600, err);
}

/* Nobody may be there to reap it. */
static bool is_zombie(long pid)
{
	auto_free char *path = xasprintf("/proc/%ld/stat", pid);
	auto_buf struct buf stat = BUF_INIT_MAX(4096);
	const char *name_end;

	if (fs_read_file(path, &stat, NULL) < 0)
		return true;
	name_end = strrchr(stat.s, ')');
	return name_end && !strncmp(name_end, ") Z", 3);
}

/*
 * The process group that a file names, while anybody is in it; else 0. A
 * process of that number but another start is somebody else's; where there is
 * none, the group may still have members (initdb's own children).
 */
static pid_t running(const char *path)
{
	auto_buf struct buf text = BUF_INIT_MAX(64);
	uint64_t noted;
	uint64_t start;
	char *end;
	long pid;

	if (fs_read_file(path, &text, NULL) < 0)
		return 0;
	pid = strtol(text.s, &end, 10);
	noted = strtoull(end, NULL, 10);
	if (pid <= 1 || !noted)
		return 0;
	start = ident_start_time((pid_t)pid);
	if (start && start != noted)
		return 0;
	if (start && !is_zombie(pid))
		return (pid_t)pid;
	return kill(-(pid_t)pid, 0) == 0 ? (pid_t)pid : 0;
}

static bool is_pid_file(const char *name)
{
	size_t n = strlen(name);

	return n > strlen(LOCAL_PID) &&
	       !strcmp(name + n - strlen(LOCAL_PID), LOCAL_PID);
}

/* How many still run; with `signo` each is sent that. */
static size_t count_running(const char *dir_path, int signo)
{
	DIR *dir = opendir(dir_path);
	struct dirent *e;
	size_t n = 0;

	if (!dir)
		return 0;
	while ((e = readdir(dir))) {
		auto_free char *path = fs_join(dir_path, e->d_name);
		pid_t pid = is_pid_file(e->d_name) ? running(path) : 0;

		if (!pid)
			continue;
		n++;
		if (signo)
			kill(-pid, signo);
	}
	closedir(dir);
	return n;
}

/* The seventh line of postmaster.pid is "KEY ID" of the segment that guards the
 * data directory (src/include/utils/pidfile.h of Postgres). */
void local_free_memory(const char *data)
{
	auto_free char *path = fs_join(data, "postmaster.pid");
	auto_buf struct buf text = BUF_INIT_MAX(4096);
	unsigned long key;
	unsigned long id;
	struct shmid_ds ds;
	const char *line;
	char *end;

	if (fs_read_file(path, &text, NULL) < 0)
		return;
	line = text.s;
	for (int i = 1; line && i < 7; i++) {
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	if (!line)
		return;
	key = strtoul(line, &end, 10);
	id = strtoul(end, NULL, 10);
	if (!key || shmctl((int)id, IPC_STAT, &ds) < 0 || ds.shm_nattch ||
	    (unsigned long)ds.shm_perm.__key != key)
		return;
	shmctl((int)id, IPC_RMID, NULL);
}

static void free_memory(const char *dir_path)
{
	DIR *dir = opendir(dir_path);
	struct dirent *e;

	if (!dir)
		return;
	while ((e = readdir(dir))) {
		auto_free char *server = fs_join(dir_path, e->d_name);
		auto_free char *data = fs_join(server, "data");

		if (e->d_name[0] != '.')
			local_free_memory(data);
	}
	closedir(dir);
}

int local_sweep(const char *dir, const struct deadline *deadline,
		struct error *err)
{
	int64_t kill_at_ms = clock_now_ms() + PATIENCE_MS;

	for (;;) {
		int64_t late_ms = clock_now_ms() - kill_at_ms;

		if (!count_running(dir, late_ms >= 0 ? SIGKILL : 0) ||
		    late_ms > GIVE_UP_MS) {
			free_memory(dir);
			return 0;
		}
		if (deadline_poll(deadline, NULL, 0, LOOK_MS, "local servers",
				  err) < 0)
			return -1;
	}
}
