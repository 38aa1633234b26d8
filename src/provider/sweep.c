/* SPDX-License-Identifier: MIT */
#include "provider/sweep.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "docker/container.h"
#include "docker/engine.h"
#include "docker/image.h"
#include "docker/service.h"
#include "provider/labels.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

/* How long a container may take to appear after its creator's death, and how
 * many removals run side by side (an engine serialises most of each). */
enum {
	SETTLE_MS = 5000,
	REMOVE_WIDTH = 8,
	/* an engine that has nothing to do but to answer, then one that may be
	 * paused */
	ANSWER_MS = 1000,
	SILENCE_MS = 7000
};

static char *pending_dir(const char *run_dir)
{
	return fs_join(run_dir, "pending");
}

int pending_begin(const char *run_dir, const char *name, struct error *err)
{
	auto_free char *dir = pending_dir(run_dir);
	auto_free char *path = fs_join(dir, name);
	auto_close int fd = -1;

	if (fs_mkdir_p(dir, 0700, err) < 0)
		return -1;
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_set_errno(err, ERROR_IO, errno,
				       "cannot write '%s'", path);
	return 0;
}

void pending_end(const char *run_dir, const char *name)
{
	auto_free char *dir = pending_dir(run_dir);
	auto_free char *path = fs_join(dir, name);

	unlink(path);
}

static bool any_pending(const char *run_dir)
{
	auto_free char *path = run_dir ? pending_dir(run_dir) : NULL;
	DIR *dir = path ? opendir(path) : NULL;
	struct dirent *e;
	bool any = false;

	if (!dir)
		return false;
	while (!any && (e = readdir(dir)))
		any = e->d_name[0] != '.';
	closedir(dir);
	return any;
}

struct removal {
	struct engine *engine;
	const struct container_list *list;
	const struct deadline *deadline;
	const char *run_dir;
};

static int remove_one(void *ctx, size_t i, struct error *err)
{
	struct removal *r = ctx;
	const struct container_row *row = &r->list->rows[i];

	log_debug("sweep: removing container '%s'", row->name);
	if (container_remove(r->engine, row->id, r->deadline, err) < 0)
		return -1;
	if (r->run_dir && row->name)
		pending_end(r->run_dir, row->name);
	return 0;
}

/* Removes what is listed now: how many there were, or -1. */
static long remove_listed(struct engine *engine, const char *label,
			  const char *run_dir, const struct deadline *deadline,
			  struct error *err)
{
	auto_container_list struct container_list list = CONTAINER_LIST_INIT;
	struct removal r = {engine, &list, deadline, run_dir};

	if (container_list(engine, label, deadline, &list, err) < 0)
		return -1;
	if (parallel_run(list.n, REMOVE_WIDTH, remove_one, &r, err) < 0)
		return -1;
	return (long)list.n;
}

/* As remove_listed. */
static long remove_services(struct engine *engine, const char *label,
			    const char *run_dir,
			    const struct deadline *deadline, struct error *err)
{
	auto_service_list struct service_list list = SERVICE_LIST_INIT;

	if (service_list(engine, label, deadline, &list, err) < 0)
		return -1;
	for (size_t i = 0; i < list.n; i++) {
		log_debug("sweep: removing service '%s'", list.rows[i].name);
		if (service_remove(engine, list.rows[i].id, deadline, err) < 0)
			return -1;
		if (run_dir)
			pending_end(run_dir, list.rows[i].name);
	}
	return (long)list.n;
}

static int remove_images(struct engine *engine, const char *label,
			 const struct deadline *deadline, struct error *err)
{
	auto_image_list struct image_list list = IMAGE_LIST_INIT;

	if (image_list(engine, label, NULL, deadline, &list, err) < 0)
		return -1;
	for (size_t i = 0; i < list.n; i++)
		if (image_remove(engine, list.images[i].id, deadline, err) < 0)
			return -1;
	return 0;
}

int sweep_session(struct engine *engine, const char *session,
		  const char *run_dir, bool swarm,
		  const struct deadline *deadline, struct error *err)
{
	auto_free char *label = xasprintf(LABEL_SESSION "=%s", session);
	struct deadline settle = deadline_sooner(*deadline, SETTLE_MS);
	int64_t pause = 20;

	for (;;) {
		long services = swarm ? remove_services(engine, label, run_dir,
							deadline, err)
				      : 0;
		long found =
		    services < 0
			? -1
			: remove_listed(engine, label, run_dir, deadline, err);

		if (found < 0)
			return -1;
		found += services;
		if (found == 0 &&
		    (!any_pending(run_dir) || deadline_left_ms(&settle) == 0))
			return remove_images(engine, label, deadline, err);
		if (found == 0 && deadline_poll(&settle, NULL, 0, pause,
						"clean-up", NULL) == 0)
			pause = pause * 2 > 200 ? 200 : pause * 2;
	}
}

static bool await_engine(struct engine *engine, const struct progress *progress,
			 const struct deadline *deadline)
{
	struct deadline soon = deadline_sooner(*deadline, ANSWER_MS);
	struct deadline last;

	if (!engine_is_silent(engine, &soon))
		return true;
	last = deadline_sooner(*deadline, SILENCE_MS);
	progress_notice(progress,
			"the engine does not answer; waiting %lld s for it to "
			"remove what this session made",
			(long long)(deadline_left_ms(&last) + 999) / 1000);
	if (!engine_is_silent(engine, &last))
		return true;
	engine_give_up(engine);
	progress_notice(progress, "the engine still does not answer: what this "
				  "session made there is left to 'testenv gc'");
	return false;
}

bool sweep_may_work(struct engine *engine, const struct progress *progress,
		    const struct deadline *deadline)
{
	static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
	bool works;

	pthread_mutex_lock(&one_at_a_time);
	works = !engine_is_given_up(engine) &&
		await_engine(engine, progress, deadline);
	pthread_mutex_unlock(&one_at_a_time);
	return works;
}
