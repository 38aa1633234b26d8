/* SPDX-License-Identifier: MIT */
#include "supervisor/proctree.h"

#include "base/alloc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

void pids_free(struct pids *p)
{
	free(p->v);
	*p = (struct pids)PIDS_INIT;
}

bool pids_has(const struct pids *p, pid_t pid)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i] == pid)
			return true;
	return false;
}

static void pids_add(struct pids *p, pid_t pid)
{
	if (p->n == p->size) {
		p->size = p->size ? 2 * p->size : 64;
		p->v = xreallocarray(p->v, p->size, sizeof(*p->v));
	}
	p->v[p->n++] = pid;
}

/* What /proc/PID/stat says of a process. */
struct process {
	pid_t parent, group;
	char comm[32];
};

/* The name may hold anything, brackets and newlines too: it ends at the last
 * bracket. */
static bool process_parse(char *text, struct process *ret)
{
	char *from = strchr(text, '(');
	char *to = strrchr(text, ')');
	char state;

	if (!from || !to || to < from)
		return false;
	*to = '\0';
	snprintf(ret->comm, sizeof(ret->comm), "%s", from + 1);
	return sscanf(to + 1, " %c %d %d", &state, &ret->parent, &ret->group) ==
	       3;
}

static bool process_read(pid_t pid, struct process *ret)
{
	char path[64], text[512];
	auto_close int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return false;
	text[n] = '\0';
	return process_parse(text, ret);
}

/* The children of one thread. False: the kernel has no such file. */
static bool add_thread_children(pid_t pid, const char *tid, struct pids *ret)
{
	char path[128];
	auto_fclose FILE *f = NULL;
	int child;

	snprintf(path, sizeof(path), "/proc/%d/task/%.20s/children", (int)pid,
		 tid);
	f = fopen(path, "re");
	if (!f)
		return false;
	while (fscanf(f, "%d", &child) == 1)
		if (child > 0 && !pids_has(ret, child))
			pids_add(ret, child);
	return true;
}

/* False when no thread's children could be read. */
static bool add_children(pid_t pid, struct pids *ret)
{
	char path[64];
	struct dirent *entry;
	bool any = false;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	dir = opendir(path);
	if (!dir)
		return false;
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.' &&
		    add_thread_children(pid, entry->d_name, ret))
			any = true;
	closedir(dir);
	return any;
}

/* For a kernel without CONFIG_PROC_CHILDREN: asks every process for its
 * parent, until a round finds no more. */
static void scan_all(pid_t root, struct pids *ret)
{
	struct process p;
	struct dirent *entry;
	size_t before;
	DIR *dir = opendir("/proc");

	if (!dir)
		return;
	do {
		before = ret->n;
		rewinddir(dir);
		while ((entry = readdir(dir))) {
			pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

			if (pid <= 0 || pids_has(ret, pid) ||
			    !process_read(pid, &p))
				continue;
			if (p.parent == root || pids_has(ret, p.parent))
				pids_add(ret, pid);
		}
	} while (ret->n != before);
	closedir(dir);
}

void proctree_list(pid_t root, struct pids *ret)
{
	if (!add_children(root, ret)) {
		scan_all(root, ret);
		return;
	}
	for (size_t i = 0; i < ret->n; i++)
		add_children(ret->v[i], ret);
}

static bool spared(pid_t pid, const struct process *p,
		   const struct proctree_spare *s)
{
	if (s->once && pids_has(s->once, pid))
		return true;
	if (s->group && p->group == s->group)
		return true;
	return s->watchdogs && strcmp(p->comm, PROCTREE_WATCHDOG) == 0;
}

static bool send_signal(pid_t pid, int fd, int signo)
{
	/* before Linux 5.3 the number must do */
	if (fd < 0)
		return kill(pid, signo) == 0;
	return syscall(SYS_pidfd_send_signal, fd, signo, NULL, 0) == 0;
}

static bool signal_one(pid_t root, const struct pids *tree, pid_t pid,
		       int signo, const struct proctree_spare *s)
{
	auto_close int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct process p;

	if (fd < 0 && errno != ENOSYS)
		return false;
	/* only what is held can be trusted to be what is asked about */
	if (!process_read(pid, &p) || spared(pid, &p, s))
		return false;
	if (p.parent != root && !pids_has(tree, p.parent))
		return false;
	if (!send_signal(pid, fd, signo))
		return false;
	if (signo == SIGTERM)
		send_signal(pid, fd, SIGCONT);
	if (s->once)
		pids_add(s->once, pid);
	return true;
}

size_t proctree_signal(pid_t root, int signo, const struct proctree_spare *s)
{
	auto_pids struct pids tree = PIDS_INIT;
	size_t n = 0;

	proctree_list(root, &tree);
	for (size_t i = 0; i < tree.n; i++)
		if (signal_one(root, &tree, tree.v[i], signo, s))
			n++;
	return n;
}
