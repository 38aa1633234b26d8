/* SPDX-License-Identifier: MIT */
#include "router/proc.h"

#include "base/alloc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	PATH_SIZE = 512,
	LIST_MAX = 100 * 1000 /* more processes than this nobody searches */
};

/* "ROOT/PID/NAME", open for reading; -1 when it is not there. */
static int open_of(const char *root, pid_t pid, const char *name, int flags)
{
	char path[PATH_SIZE];
	int n =
	    snprintf(path, sizeof(path), "%s/%ld/%s", root, (long)pid, name);

	if (n < 0 || (size_t)n >= sizeof(path) || pid <= 0) {
		errno = ESRCH;
		return -1;
	}
	return open(path, O_RDONLY | O_CLOEXEC | flags);
}

/* Reads on to the end or to what `ret` still takes. */
static bool read_rest(int fd, struct buf *ret)
{
	char piece[4096];
	size_t room = ret->max - ret->len;

	while (room > 0) {
		size_t want = room < sizeof(piece) ? room : sizeof(piece);
		ssize_t n = read(fd, piece, want);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false; /* ESRCH: it died under our hands */
		if (n == 0)
			return true;
		buf_put(ret, piece, (size_t)n);
		room -= (size_t)n;
	}
	return true;
}

static bool read_of(const char *root, pid_t pid, const char *name,
		    struct buf *ret)
{
	auto_close int fd = open_of(root, pid, name, 0);

	buf_clear(ret);
	return fd >= 0 && read_rest(fd, ret);
}

/* The fields of proc_pid_stat(5) behind the name, which is in parentheses and
 * may itself hold anything, parentheses too. */
static bool parse_stat(const char *text, struct proc *p)
{
	const char *rest = strrchr(text, ')');
	int ppid, pgrp, session;
	uint64_t start;
	long threads;
	char state;

	if (!rest ||
	    sscanf(rest + 1,
		   " %c %d %d %d %*s %*s %*s %*s %*s %*s %*s %*s %*s"
		   " %*s %*s %*s %*s %ld %*s %" SCNu64,
		   &state, &ppid, &pgrp, &session, &threads, &start) != 6)
		return false;
	/* the first thread is a zombie until the last one has ended */
	if (state == 'X' || state == 'x' || (state == 'Z' && threads <= 1))
		return false;
	p->ppid = ppid;
	p->pgrp = pgrp;
	p->session = session;
	p->start = start;
	return true;
}

bool proc_read(const char *root, pid_t pid, struct proc *ret)
{
	auto_close int fd = open_of(root, pid, "stat", 0);
	char text[1024]; /* one line of 52 numbers, few of them long */
	struct proc p = {.pid = pid};
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	if (n < 0)
		return false;
	text[n] = '\0';
	if (!parse_stat(text, &p)) {
		errno = ESRCH;
		return false;
	}
	*ret = p;
	return true;
}

bool proc_unreadable(int errno_value)
{
	return errno_value != ENOENT && errno_value != ESRCH &&
	       errno_value != EACCES && errno_value != EPERM;
}

const char *proc_env(const struct buf *environ_, const char *name, bool prefix)
{
	const char *end = environ_->s + environ_->len;
	size_t len = strlen(name);

	for (const char *p = environ_->s; p < end; p += strlen(p) + 1) {
		const char *eq;

		if (strncmp(p, name, len) != 0)
			continue;
		if (!prefix && p[len] != '=')
			continue;
		eq = strchr(p, '=');
		if (eq)
			return eq + 1;
	}
	return NULL;
}

void proc_list_free(struct proc_list *l)
{
	free(l->v);
	*l = (struct proc_list){0};
}

void proc_list_add(struct proc_list *l, pid_t pid)
{
	if (l->n >= LIST_MAX)
		return;
	if (l->n == l->size) {
		l->size = l->size ? 2 * l->size : 64;
		l->v = xreallocarray(l->v, l->size, sizeof(*l->v));
	}
	l->v[l->n++] = pid;
}

static void cleanup_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}
#define auto_dir __attribute__((cleanup(cleanup_dir)))

static DIR *open_dir(const char *root, pid_t pid, const char *name)
{
	int fd = open_of(root, pid, name, O_DIRECTORY);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

	if (!dir && fd >= 0)
		close(fd);
	return dir;
}

/* A name that is a number, or 0. */
static pid_t number(const char *name)
{
	char *end;
	long n = strtol(name, &end, 10);

	return *name >= '1' && *name <= '9' && *end == '\0' ? (pid_t)n : 0;
}

static void add_children(const char *root, pid_t pid, pid_t tid,
			 struct proc_list *l)
{
	auto_buf struct buf text = BUF_INIT;
	char name[64];
	char *p, *end;

	snprintf(name, sizeof(name), "task/%ld/children", (long)tid);
	if (!read_of(root, pid, name, &text))
		return;
	for (p = text.s;; p = end) {
		long child = strtol(p, &end, 10);

		if (end == p)
			return;
		proc_list_add(l, (pid_t)child);
	}
}

static void list_threads(const char *root, pid_t pid, struct proc_list *l)
{
	auto_dir DIR *dir = open_dir(root, pid, "task");
	const struct dirent *e;

	while (dir && (e = readdir(dir))) {
		pid_t tid = number(e->d_name);

		if (tid > 0)
			proc_list_add(l, tid);
	}
}

/* A directory with one folder in it, told without reading it. */
static bool has_one_thread(const char *root, pid_t pid)
{
	char path[PATH_SIZE];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%ld/task", root, (long)pid);
	return stat(path, &st) == 0 && st.st_nlink == 3;
}

void proc_children(const char *root, pid_t pid, struct proc_list *l)
{
	auto_proc_list struct proc_list threads = {0};

	if (has_one_thread(root, pid)) {
		add_children(root, pid, pid, l);
		return;
	}
	list_threads(root, pid, &threads);
	for (size_t i = 0; i < threads.n; i++)
		add_children(root, pid, threads.v[i], l);
}

/* Of a process whose first thread has ended /proc says nothing, but of its
 * others. */
static bool read_of_any(const char *root, pid_t pid, const char *name,
			struct buf *ret)
{
	auto_proc_list struct proc_list threads = {0};
	char path[64];

	if (!read_of(root, pid, name, ret))
		return false;
	if (ret->len || has_one_thread(root, pid))
		return true;
	list_threads(root, pid, &threads);
	for (size_t i = 0; i < threads.n && !ret->len; i++) {
		snprintf(path, sizeof(path), "task/%ld/%s", (long)threads.v[i],
			 name);
		read_of(root, pid, path, ret);
	}
	return true;
}

bool proc_cmdline(const char *root, pid_t pid, struct buf *ret)
{
	ret->max = PROC_CMDLINE_MAX;
	return read_of_any(root, pid, "cmdline", ret);
}

bool proc_environ(const char *root, pid_t pid, struct buf *ret)
{
	ret->max = PROC_ENVIRON_MAX;
	return read_of_any(root, pid, "environ", ret);
}

void proc_all(const char *root, uid_t uid, struct proc_list *l)
{
	auto_dir DIR *dir = opendir(root);
	const struct dirent *e;

	while (dir && (e = readdir(dir))) {
		pid_t pid = number(e->d_name);
		struct stat st;

		/* a process that may not be dumped is root's to look at; its
		 * descriptors are then not for us either, unless we are root */
		if (pid > 0 && fstatat(dirfd(dir), e->d_name, &st, 0) == 0 &&
		    (st.st_uid == uid || st.st_uid == geteuid()))
			proc_list_add(l, pid);
	}
}

static int socket_name(uint64_t inode, char *ret, size_t size)
{
	return snprintf(ret, size, "socket:[%" PRIu64 "]", inode);
}

enum {
	FD_NOT = -1,
	FD_NONE_AT_ALL = -2
};

/* In one list of descriptors: the number, or FD_... */
static int find_in(const char *root, pid_t pid, const char *list,
		   uint64_t inode)
{
	auto_dir DIR *dir = open_dir(root, pid, list);
	const struct dirent *e;
	char want[64];
	int len = socket_name(inode, want, sizeof(want));
	int found = dir ? FD_NONE_AT_ALL : FD_NOT;

	while (dir && (e = readdir(dir))) {
		char link[64];
		ssize_t n;

		if (e->d_name[0] == '.')
			continue;
		found = FD_NOT;
		n = readlinkat(dirfd(dir), e->d_name, link, sizeof(link));
		if (n == len && memcmp(link, want, (size_t)n) == 0)
			return (int)strtol(e->d_name, NULL, 10);
	}
	return found;
}

int proc_find_socket(const char *root, pid_t pid, uint64_t inode)
{
	auto_proc_list struct proc_list threads = {0};
	int found = find_in(root, pid, "fd", inode);
	char list[64];

	if (found != FD_NONE_AT_ALL || has_one_thread(root, pid))
		return found < 0 ? -1 : found;
	/* its first thread has ended */
	list_threads(root, pid, &threads);
	for (size_t i = 0; i < threads.n && found < 0; i++) {
		snprintf(list, sizeof(list), "task/%ld/fd", (long)threads.v[i]);
		found = find_in(root, pid, list, inode);
	}
	return found < 0 ? -1 : found;
}

bool proc_is_socket(const char *root, pid_t pid, int fd, uint64_t inode)
{
	char path[PATH_SIZE], link[64], want[64];
	int len = socket_name(inode, want, sizeof(want));
	ssize_t n;

	snprintf(path, sizeof(path), "%s/%ld/fd/%d", root, (long)pid, fd);
	n = readlink(path, link, sizeof(link));
	return n == len && memcmp(link, want, (size_t)n) == 0;
}
