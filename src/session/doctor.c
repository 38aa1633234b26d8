/* SPDX-License-Identifier: MIT */
#include "session/doctor.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/fs.h"
#include "config/config.h"
#include "dialect/db.h"
#include "docker/engine.h"
#include "docker/image.h"
#include "provider/programs.h"
#include "provider/provider.h"
#include "session/internal.h"

#include <grp.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

enum {
	/* less than this is a problem: a database image and a few servers */
	DISK_LEAST = 1024 * 1024 * 1024
};

static void fix(struct doctor *d, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void fix(struct doctor *d, const char *fmt, ...)
{
	auto_free char *text = NULL;
	va_list args;

	va_start(args, fmt);
	text = xvasprintf(fmt, args);
	va_end(args);
	if (!strvec_has(&d->fixes, text))
		strvec_push(&d->fixes, text);
}

static void add_fact(struct doctor_fact **list, size_t *n, const char *name,
		     const char *value)
{
	if (!value || !*value)
		return;
	*list = xreallocarray(*list, *n + 1, sizeof(**list));
	(*list)[(*n)++] = (struct doctor_fact){xstrdup(name), xstrdup(value)};
}

static void fact(struct doctor *d, const char *name, const char *value)
{
	add_fact(&d->facts, &d->n_facts, name, value);
}

/* Engines */

static void fix_permission(struct doctor *d, const char *path)
{
	struct stat st;
	struct group group;
	struct group *found = NULL;
	char room[4096];

	if (stat(path, &st) == 0 && st.st_gid != 0 && st.st_mode & S_IWGRP)
		getgrgid_r(st.st_gid, &group, room, sizeof(room), &found);
	if (found)
		fix(d,
		    "you may not use '%s': run 'sudo usermod -aG %s \"$USER\"' "
		    "and log in again",
		    path, found->gr_name);
	else
		fix(d,
		    "you may not use '%s': run a rootless engine of your own, "
		    "or testenv as its owner",
		    path);
}

/* An engine that was named by the user and is not there. */
static void fix_choice(struct doctor *d, const struct engine_candidate *c)
{
	if (!strncmp(c->source, "context", 7))
		fix(d,
		    "%s leads to '%s', where no engine answers: start that "
		    "one, or choose another with 'docker context use'",
		    c->source, c->host);
	else
		fix(d,
		    "%s is '%s', where no engine answers: correct it, or "
		    "leave it out to have the engine found",
		    strcmp(c->source, "command line") ? c->source : "--host",
		    c->host);
}

static void fix_candidate(struct doctor *d, const struct engine_candidate *c)
{
	const char *path = strncmp(c->host, "unix://", 7) ? NULL : c->host + 7;

	if (path && access(path, F_OK) == 0) {
		if (access(path, R_OK | W_OK) < 0)
			fix_permission(d, path);
		else
			fix(d,
			    "'%s' is there but nobody answers: start the "
			    "engine again (systemctl restart docker)",
			    path);
	} else if (c->explicit_choice) {
		fix_choice(d, c);
	}
}

static void note_candidates(struct doctor *d,
			    const struct engine_candidates *found,
			    const struct engine *engine)
{
	const char *used = engine ? engine_host(engine) : NULL;

	d->candidates = xcalloc(found->n, sizeof(*d->candidates));
	d->n_candidates = found->n;
	for (size_t i = 0; i < found->n; i++) {
		const struct engine_candidate *c = &found->list[i];

		d->candidates[i] = (struct doctor_candidate){
		    .host = xstrdup(c->host),
		    .source = xstrdup(c->source),
		    .version = c->answered
				   ? xstrdup(c->version ? c->version : "")
				   : NULL,
		    .failure = c->answered ? NULL
					   : xstrdup(c->failure ? c->failure
								: "not asked"),
		    .used = used && !strcmp(used, c->host),
		};
		if (!engine)
			fix_candidate(d, c);
	}
	if (!engine && !d->fixes.n)
		fix(d, "no container engine is running here: install and "
		       "start Docker or Podman, or set DOCKER_HOST");
}

static void note_memory(struct doctor *d, const struct engine_info *info)
{
	auto_buf struct buf text = BUF_INIT;

	buf_printf(&text, "%lld MB, %d CPUs", info->memory_bytes >> 20,
		   info->cpus);
	fact(d, "machine", text.s);
	fact(d, "memory limits", info->memory_limit ? "yes" : "no");
	fact(d, "process limits", info->pids_limit ? "yes" : "no");
	if (!info->memory_limit)
		strvec_push(&d->warnings,
			    "the engine cannot limit memory: servers run "
			    "without a limit");
}

/* Of the nearest folder that is there: the cache is made when it is used.
 * Others than ours need not be written by us. */
static void note_disk(struct doctor *d, const char *wanted, bool ours)
{
	auto_free char *path = xstrdup(wanted);
	auto_free char *bytes = NULL;
	struct statvfs fs;
	uint64_t left;

	while (!fs_is_dir(path) && strrchr(path, '/') > path)
		*strrchr(path, '/') = '\0';
	if (statvfs(path, &fs) < 0)
		return;
	left = (uint64_t)fs.f_bavail * fs.f_frsize;
	bytes = xasprintf("%" PRIu64, left);
	add_fact(&d->disk, &d->n_disk, wanted, bytes);
	if (left < DISK_LEAST)
		fix(d, "only %" PRIu64 " MB are free in '%s': make room",
		    left >> 20, path);
	if (ours && access(path, W_OK) < 0)
		fix(d,
		    "'%s' cannot be written: set TESTENV_CACHE_DIR to a "
		    "folder that can",
		    path);
}

/* By all signs: what decides in the end is a bind, which only a container
 * shows. A virtual machine's engine has a kernel of its own. */
static bool shares_files(const struct engine *engine,
			 const struct engine_info *info)
{
	struct utsname here;

	return engine_is_local(engine) && info->name && info->kernel &&
	       uname(&here) == 0 && !strcmp(here.nodename, info->name) &&
	       !strcmp(here.release, info->kernel);
}

static void note_files(struct doctor *d, const struct engine *engine,
		       const struct engine_info *info)
{
	bool shared = shares_files(engine, info);

	fact(d, "local", engine_is_local(engine) ? "yes" : "no");
	fact(d, "shared files", shared ? "yes" : "no");
	fact(d, "SELinux", info->selinux ? "yes" : "no");
	fact(d, "data folder", info->root_dir);
	if (shared && info->root_dir && access(info->root_dir, F_OK) == 0)
		note_disk(d, info->root_dir, false);
}

static void note_engine(struct doctor *d, struct engine *engine,
			const struct deadline *deadline)
{
	auto_error struct error err = ERROR_INIT;
	auto_buf struct buf api = BUF_INIT;
	struct engine_info info = {0};
	int version = engine_api(engine);

	fact(d, "address", engine_host(engine));
	fact(d, "server", engine_server(engine));
	if (engine_info(engine, deadline, &info, &err) < 0) {
		strvec_push(&d->warnings, error_text(&err));
		return;
	}
	buf_printf(&api, "%d.%d", version / 100, version % 100);
	if (info.min_api && info.max_api)
		buf_printf(&api, " (it has %s to %s)", info.min_api,
			   info.max_api);
	fact(d, "API", api.s);
	fact(d, "system", info.operating_system);
	fact(d, "architecture", info.architecture);
	fact(d, "storage driver", info.storage_driver);
	fact(d, "cgroup driver", info.cgroup_driver);
	fact(d, "cgroup version", info.cgroup_version);
	fact(d, "rootless", info.rootless ? "yes" : "no");
	note_memory(d, &info);
	note_files(d, engine, &info);
	if (info.warnings)
		strvec_push(&d->warnings, info.warnings);
	engine_info_free(&info);
}

static void note_images(struct doctor *d, struct engine *engine,
			const struct deadline *deadline)
{
	static const char *const names[] = {"testenv/postgres", "postgres",
					    "testenv/mariadb", "mariadb"};

	for (size_t i = 0; i < array_len(names); i++) {
		auto_image_list struct image_list list = IMAGE_LIST_INIT;
		auto_error struct error err = ERROR_INIT;

		if (image_list(engine, NULL, names[i], deadline, &list, &err) <
		    0) {
			strvec_push(&d->warnings, error_text(&err));
			return;
		}
		for (size_t k = 0; k < list.n; k++)
			strvec_extend(&d->images, list.images[k].tags.v);
	}
}

static void look_at_swarm(struct doctor *d, const struct config *config,
			  struct engine *engine,
			  const struct deadline *deadline)
{
	struct provider_spec spec = {.swarm_registry = config->swarm_registry};

	if (provider_check_swarm(engine, &spec, deadline, &d->why) < 0 &&
	    d->why.hint)
		fix(d, "%s: %s", error_text(&d->why), d->why.hint);
}

static void look_for_engine(struct doctor *d, const struct config *config,
			    const struct deadline *deadline)
{
	auto_engine_candidates struct engine_candidates found =
	    ENGINE_CANDIDATES_INIT;
	struct engine *engine = NULL;

	if (engine_discover(config->host, &found, &d->why) < 0) {
		if (d->why.hint)
			fix(d, "%s: %s", error_text(&d->why), d->why.hint);
		return;
	}
	(void)engine_open(&found, ENGINE_PROBE_ALL, deadline, &engine, &d->why);
	note_candidates(d, &found, engine);
	if (!engine)
		return;
	note_engine(d, engine, deadline);
	note_images(d, engine, deadline);
	if (session_wants_swarm(config))
		look_at_swarm(d, config, engine, deadline);
	engine_free(engine);
}

/* Disks */

static void look_at_disks(struct doctor *d)
{
	auto_free char *cache = fs_cache_dir();
	auto_free char *runtime = NULL;
	auto_error struct error err = ERROR_INIT;

	if (fs_runtime_dir(&runtime, &err) < 0)
		fix(d, "%s", error_text(&err));
	note_disk(d, cache, true);
}

/* This machine's own servers */

static void look_for_programs(struct doctor *d, enum dialect dialect,
			      const struct deadline *deadline)
{
	auto_programs_list struct programs_list list = PROGRAMS_LIST_INIT;

	programs_look(dialect, deadline, &list);
	for (size_t i = 0; i < list.n; i++) {
		d->programs = xreallocarray(d->programs, d->n_programs + 1,
					    sizeof(*d->programs));
		d->programs[d->n_programs++] = (struct doctor_program){
		    dialect_name(dialect),
		    xstrdup(list.list[i].server),
		    xstrdup(list.list[i].version),
		};
	}
}

static bool has_program(const struct doctor *d, const char *db,
			const char *version)
{
	for (size_t i = 0; i < d->n_programs; i++)
		if (!strcmp(d->programs[i].dialect, db) &&
		    programs_is_version(d->programs[i].version, version))
			return true;
	return false;
}

/* Is there a program for every service that needs a server? */
static bool has_programs(const struct doctor *d, const struct config *config)
{
	for (size_t i = 0; i < config->n_services; i++) {
		const struct config_service *s = &config->services[i];

		if (s->db && strcmp(s->db, "sqlite") != 0 &&
		    !has_program(d, s->db, s->version))
			return false;
	}
	return d->n_programs > 0;
}

/* The verdict */

/* The first of the list that can serve, or NULL. */
static const char *fall_back(const struct doctor *d,
			     const struct config *config)
{
	/* a setting that cannot be read is never passed over in silence */
	if (config->backend != BACKEND_AUTO || d->why.kind == ERROR_CONFIG)
		return NULL;
	for (size_t i = 0; i < config->fallback.n; i++) {
		const char *word = config->fallback.v[i];

		if (config->require && strcmp(config->require, word) != 0)
			continue;
		if (strcmp(word, "local") != 0 || has_programs(d, config))
			return word;
	}
	return NULL;
}

static bool wants_local(const struct config *config)
{
	return config->backend == BACKEND_LOCAL ||
	       (config->require && !strcmp(config->require, "local"));
}

static void give_verdict(struct doctor *d, const struct config *config)
{
	if (wants_local(config)) {
		if (has_programs(d, config)) {
			d->backend = "local";
			return;
		}
		error_set(&d->why, ERROR_NO_SERVER,
			  "the servers asked for are not installed");
		fix(d, "install them: on Debian, packages 'postgresql' and "
		       "'mariadb-server-core'");
	} else if (session_wants_swarm(config)) {
		d->backend = d->why.kind == ERROR_NONE ? "swarm" : NULL;
	} else if (d->why.kind == ERROR_NONE) {
		d->backend = "container";
	} else {
		d->backend = fall_back(d, config);
		d->fallback = d->backend != NULL;
	}
}

static bool only_sqlite(const struct config *config)
{
	for (size_t i = 0; i < config->n_services; i++)
		if (!config->services[i].db ||
		    strcmp(config->services[i].db, "sqlite") != 0)
			return false;
	return config->n_services > 0;
}

void doctor_look(const struct config *config, const struct deadline *deadline,
		 struct doctor *ret)
{
	struct doctor d = {
	    .images = STRVEC_INIT,
	    .warnings = STRVEC_INIT,
	    .fixes = STRVEC_INIT,
	    .sqlite_version = xstrdup(db_sqlite_version()),
	};

	look_for_engine(&d, config, deadline);
	look_at_disks(&d);
	look_for_programs(&d, DIALECT_POSTGRES, deadline);
	look_for_programs(&d, DIALECT_MARIADB, deadline);
	if (config->backend == BACKEND_SQLITE || only_sqlite(config))
		d.backend = "sqlite";
	else
		give_verdict(&d, config);
	*ret = d;
}

static void facts_free(struct doctor_fact *facts, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(facts[i].name);
		free(facts[i].value);
	}
	free(facts);
}

void doctor_free(struct doctor *d)
{
	for (size_t i = 0; i < d->n_candidates; i++) {
		free(d->candidates[i].host);
		free(d->candidates[i].source);
		free(d->candidates[i].version);
		free(d->candidates[i].failure);
	}
	free(d->candidates);
	for (size_t i = 0; i < d->n_programs; i++) {
		free(d->programs[i].server);
		free(d->programs[i].version);
	}
	free(d->programs);
	facts_free(d->facts, d->n_facts);
	facts_free(d->disk, d->n_disk);
	free(d->sqlite_version);
	strvec_free(&d->images);
	strvec_free(&d->warnings);
	strvec_free(&d->fixes);
	error_clear(&d->why);
	*d = (struct doctor){0};
}
