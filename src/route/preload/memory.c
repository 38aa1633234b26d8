/* SPDX-License-Identifier: MIT */
/*
 * Files are kept in a page that the kernel empties in a child
 * (MADV_WIPEONFORK), so that nothing is inherited that another thread had half
 * done; and under the process's id, as a child of vfork() has its parent's
 * pages until it starts its program.
 *
 * Every byte is an atomic: a reader may look while another thread writes, and a
 * thread sanitizer, which knows nothing of our atomics, takes each memcpy() and
 * strcmp() of ours on what threads share for a race of the program's.
 */
#include "route/preload/memory.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
	MAX_FILES = 8,
	MAX_DIRS = 32
};

/* Written once each, by who got its index; read by anybody once it is there. */
struct known {
	atomic_bool there;
	atomic_char service[ROUTE_MAX_SERVICE];
	atomic_char path[ROUTE_MAX_PATH];
};

struct files {
	atomic_int pid;
	atomic_uint taken;
	struct known known[MAX_FILES];
};

static _Atomic(struct files *) files;

static struct {
	atomic_uint taken;
	struct known known[MAX_DIRS];
} dirs;

static void write_text(atomic_char *to, const char *from)
{
	do
		atomic_store_explicit(to++, *from, memory_order_relaxed);
	while (*from++);
}

static void read_text(char *to, atomic_char *from)
{
	do
		*to = atomic_load_explicit(from++, memory_order_relaxed);
	while (*to++);
}

static bool is_text(atomic_char *a, const char *b)
{
	for (;; a++, b++) {
		if (atomic_load_explicit(a, memory_order_relaxed) != *b)
			return false;
		if (!*b)
			return true;
	}
}

/* Two threads that learn the same at once take two places: no harm. */
static bool add(struct known *known, atomic_uint *taken, unsigned size,
		const char *service, const char *path)
{
	unsigned i = atomic_load(taken);
	struct known *k;

	if (i < size)
		i = atomic_fetch_add(taken, 1);
	if (i >= size)
		return false;
	k = &known[i];
	write_text(k->service, service);
	write_text(k->path, path);
	atomic_store(&k->there, true);
	return true;
}

/* A memory that would survive fork() is none: without the advice, no memory. */
void memory_init(void)
{
	int saved = errno;
	struct files *f = mmap(NULL, sizeof(*f), PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (f == MAP_FAILED)
		return;
	if (madvise(f, sizeof(*f), MADV_WIPEONFORK) == 0) {
		atomic_store(&f->pid, getpid());
		atomic_store(&files, f);
	} else {
		munmap(f, sizeof(*f));
	}
	errno = saved;
}

/* Those of this very process. After fork() the first who asks owns them. */
static struct files *own_files(void)
{
	struct files *f = atomic_load(&files);
	int pid = getpid(), nobody = 0;

	if (!f)
		return NULL;
	atomic_compare_exchange_strong(&f->pid, &nobody, pid);
	return atomic_load(&f->pid) == pid ? f : NULL;
}

bool memory_find_file(const char *service, char file[ROUTE_MAX_PATH])
{
	struct files *f = own_files();

	for (size_t i = 0; f && i < MAX_FILES; i++) {
		struct known *k = &f->known[i];

		if (!atomic_load(&k->there) || !is_text(k->service, service))
			continue;
		read_text(file, k->path);
		return true;
	}
	return false;
}

void memory_keep_file(const char *service, const char *file)
{
	struct files *f = own_files();

	if (f)
		add(f->known, &f->taken, MAX_FILES, service, file);
}

static struct known *find_dir(const char *dir)
{
	for (size_t i = 0; i < MAX_DIRS; i++) {
		struct known *k = &dirs.known[i];

		if (atomic_load(&k->there) && is_text(k->path, dir))
			return k;
	}
	return NULL;
}

bool memory_hand_out(const char *service, const char *dir)
{
	return find_dir(dir) ||
	       add(dirs.known, &dirs.taken, MAX_DIRS, service, dir);
}

bool memory_has_handed_out(void)
{
	return atomic_load(&dirs.taken) > 0;
}

bool memory_find_dir(const char *dir, char service[ROUTE_MAX_SERVICE])
{
	struct known *k = find_dir(dir);

	if (k)
		read_text(service, k->service);
	return k;
}
