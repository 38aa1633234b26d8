/* SPDX-License-Identifier: MIT */
#include "provider/carry.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/log.h"
#include "dialect/db.h"
#include "docker/container.h"
#include "docker/image.h"
#include "provider/contract.h"
#include "provider/impl.h"
#include "provider/labels.h"
#include "provider/local.h"
#include "provider/sweep.h"
#include "template/hold.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The data directory's name in the tar, and what is above it. */
#define DATA_PARENT "/testenv"
#define DATA_NAME   "data"

enum {
	CLEANUP_MS = 20000
};
/* More than any template worth carrying; a bound, so that an engine cannot
 * fill the disk. */
#define DATA_MAX ((int64_t)64 << 30)

void carried_free(struct carried *c)
{
	free(c->path);
	free(c->dialect);
	free(c->server);
	free(c->platform);
	free(c->base);
	free(c->base_name);
	strvec_free(&c->env);
	strvec_free(&c->args);
	*c = (struct carried)CARRIED_INIT;
}

/* A container that never runs a server, known by its labels. */
static int make_container(struct engine *engine, const struct ownership *owner,
			  const char *what, struct container_spec *spec,
			  const struct deadline *deadline,
			  struct container *ret, struct error *err)
{
	auto_free char *name = xasprintf("testenv-%s-%s", owner->session, what);
	auto_strvec struct strvec labels = STRVEC_INIT;

	labels_for(owner, what, -1, "carrier", &labels);
	spec->name = name;
	spec->labels = (const char *const *)labels.v;
	spec->network_mode = "none";
	if (pending_begin(owner->run_dir, name, err) < 0 ||
	    container_create(engine, spec, deadline, ret, err) < 0)
		return -1;
	pending_end(owner->run_dir, name);
	return 0;
}

static void drop_container(struct engine *engine, const struct container *c)
{
	struct deadline cleanup = deadline_in(CLEANUP_MS, NULL);
	auto_error struct error err = ERROR_INIT;

	if (container_remove(engine, c->id, &cleanup, &err) < 0)
		log_debug("carrier left to gc: %s", err.text);
}

static bool leads_out(const char *link)
{
	return link[0] == '/' || !strncmp(link, "../", 3) ||
	       strstr(link, "/../");
}

struct look {
	char *outside;
	bool owned; /* by somebody else than root */
};

/* Is an entry, or where it leads, outside of the data directory? */
static int look_at(void *ctx, const struct tar_entry *e)
{
	struct look *look = ctx;
	size_t len = strlen(e->name);
	size_t top = strlen(DATA_NAME);
	bool inside = !strncmp(e->name, DATA_NAME, top) &&
		      (e->name[top] == '/' || !e->name[top]) &&
		      !leads_out(e->name);

	/* InnoDB's link to a table that lies elsewhere */
	if (len > 4 && !strcmp(e->name + len - 4, ".isl"))
		inside = false;
	look->owned = look->owned || e->uid != 0;
	if (inside && (!e->link || !leads_out(e->link)))
		return 0;
	look->outside = xstrdup(e->name);
	return 1;
}

/* *ret_owned: the files say whose they are. Podman's archives do not. */
static int check_data(const char *path, const char *key, bool *ret_owned,
		      struct error *err)
{
	struct look look = {0};
	int got = tar_walk(path, look_at, &look, err);
	auto_free char *outside = look.outside;

	if (got == 1)
		return error_set(err, ERROR_REFUSED,
				 "template %s has data outside of its data "
				 "directory: '%s'",
				 key, outside ? outside : "?");
	if (got < 0)
		return error_wrap(err, "template %s", key);
	*ret_owned = look.owned;
	return 0;
}

static int save_data(struct engine *engine, const struct ownership *owner,
		     const struct image *image, const struct carried *c,
		     const struct deadline *deadline, struct error *err)
{
	struct container_spec spec = {.image = image->id};
	auto_close int fd =
	    open(c->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	struct container container;
	bool owned;
	int result;

	if (fd < 0)
		return error_set_errno(err, ERROR_IO, errno,
				       "cannot write '%s'", c->path);
	if (make_container(engine, owner, "export", &spec, deadline, &container,
			   err) < 0)
		return -1;
	result = container_save_archive(engine, container.id, CONTRACT_DATA_DIR,
					fd, DATA_MAX, deadline, err);
	drop_container(engine, &container);
	return result < 0 ? -1 : check_data(c->path, c->key, &owned, err);
}

static int out_of_engine(struct engine *engine, const struct ownership *owner,
			 const struct cache_row *row, struct carried *c,
			 const struct deadline *deadline, struct error *err)
{
	auto_image struct image image = IMAGE_INIT;
	int found = image_inspect(engine, row->name, deadline, &image, err);

	if (found < 0)
		return -1;
	if (!found)
		return error_set(err, ERROR_NO_IMAGE,
				 "template '%s' is not on the engine",
				 row->name);
	if (!image_label(&image, LABEL_BASE) ||
	    !image_label(&image, LABEL_BASE_NAME))
		return error_set(err, ERROR_REFUSED,
				 "template '%s' does not say what it was made "
				 "from",
				 row->name);
	c->server = xstrdup_or_null(image_label(&image, LABEL_SERVER));
	c->base = xstrdup(image_label(&image, LABEL_BASE));
	c->base_name = xstrdup(image_label(&image, LABEL_BASE_NAME));
	strvec_extend(&c->env, image.env.v);
	strvec_extend(&c->args, image.cmd.v);
	return save_data(engine, owner, &image, c, deadline, err);
}

/* Where uses of a template are noted. */
static const char *notes_of(const struct ownership *owner,
			    enum cache_place place)
{
	return place == CACHE_TREE ? owner->local_cache : owner->cache_dir;
}

int carry_out(struct engine *engine, const struct ownership *owner,
	      const struct cache_row *row, const char *path,
	      const struct deadline *deadline, struct carried *ret,
	      struct error *err)
{
	auto_carried struct carried c = CARRIED_INIT;
	auto_lock struct lock hold = LOCK_INIT;
	int result;

	c.place = row->place;
	memcpy(c.key, row->key, sizeof(c.key));
	c.path = xstrdup(path);
	c.dialect = xstrdup(row->dialect);
	if (hold_take(&hold, notes_of(owner, c.place), row->key, deadline,
		      err) < 0)
		return -1;
	if (row->place == CACHE_FILE)
		result = fs_copy_file(row->name, path, 0600, err);
	else if (row->place == CACHE_TREE)
		result = local_carry_out(row, deadline, &c, err);
	else
		result = out_of_engine(engine, owner, row, &c, deadline, err);
	if (result < 0)
		return -1;
	*ret = c;
	c = (struct carried)CARRIED_INIT;
	return 0;
}

/* The image that the template was made from: it must be that very one. */
static int find_base(struct engine *engine, const struct carried *c,
		     const struct deadline *deadline,
		     const struct progress *progress, struct image *ret,
		     struct error *err)
{
	auto_image struct image named = IMAGE_INIT;
	int found = image_inspect(engine, c->base, deadline, ret, err);

	if (found != 0)
		return found < 0 ? -1 : 0;
	found = image_inspect(engine, c->base_name, deadline, &named, err);
	if (found < 0 || (!found && (image_pull(engine, c->base_name, NULL,
						deadline, progress, err) < 0 ||
				     image_inspect(engine, c->base_name,
						   deadline, &named, err) < 0)))
		return -1;
	if (!named.id || strcmp(named.id, c->base) != 0)
		return error_set(err, ERROR_NO_IMAGE,
				 "template %s was made from another '%s' than "
				 "the engine has",
				 c->key, c->base_name);
	*ret = named;
	named = (struct image)IMAGE_INIT;
	return 0;
}

/* "ENTRYPOINT ["a","b"]" */
static void push_list(struct strvec *changes, const char *word,
		      const struct strvec *list)
{
	cJSON *array =
	    cJSON_CreateStringArray((const char *const *)list->v, (int)list->n);
	char *text = cJSON_PrintUnformatted(array);

	strvec_pushf(changes, "%s %s", word, text);
	cJSON_free(text);
	cJSON_Delete(array);
}

/*
 * What the container runs, once before the data comes and, where that does not
 * say whose it is, once afterwards. The base may have data of its own there,
 * which the template's is not to be mixed with. This changes what the image
 * would start, so that is set again. The servers' users have these names in the
 * official images and in ours.
 */
#define MARK DATA_PARENT "/.emptied"
static const char *const empty_script[] = {
    "/bin/sh", "-c",
    "[ ! -e " MARK " ] || { rm " MARK " && chown -R \"$(id -u postgres "
    "2>/dev/null || id -u mysql)\" " CONTRACT_DATA_DIR
    "; exit; }; rm -rf " CONTRACT_DATA_DIR " && mkdir -p " DATA_PARENT
    " && : >" MARK,
    NULL};

static int run_script(struct engine *engine, const struct container *c,
		      const struct deadline *deadline, struct error *err)
{
	int code = 0;

	if (container_start(engine, c, deadline, err) < 0 ||
	    container_wait(engine, c, deadline, &code, err) < 0)
		return -1;
	if (code)
		return error_set(err, ERROR_SERVER,
				 "cannot prepare '%s' in container %.12s: exit "
				 "code %d",
				 CONTRACT_DATA_DIR, c->id, code);
	return 0;
}

static int fill(struct engine *engine, const struct container *container,
		const struct carried *c, const struct image *base, bool owned,
		const struct deadline *deadline, struct error *err)
{
	auto_strvec struct strvec changes = STRVEC_INIT;
	auto_close int fd = open(c->path, O_RDONLY | O_CLOEXEC);
	auto_free char *id = NULL;
	struct template_mark mark = {
	    .key = c->key,
	    .dialect = c->dialect,
	    .server = c->server,
	    .base = c->base,
	    .base_name = c->base_name,
	    .base_size = base->size,
	};

	if (fd < 0)
		return error_set_errno(err, ERROR_IO, errno, "cannot read '%s'",
				       c->path);
	if (run_script(engine, container, deadline, err) < 0 ||
	    container_load_archive(engine, container->id, DATA_PARENT, fd,
				   deadline, err) < 0 ||
	    (!owned && run_script(engine, container, deadline, err) < 0))
		return -1;
	labels_of_template(&mark, &changes);
	push_list(&changes, "ENTRYPOINT", &base->entrypoint);
	push_list(&changes, "CMD", &c->args);
	if (base->user && *base->user)
		strvec_pushf(&changes, "USER %s", base->user);
	return image_commit(engine, container->id, TEMPLATE_REPO, c->key,
			    (const char *const *)changes.v, deadline, &id, err);
}

static int make_image(struct engine *engine, const struct ownership *owner,
		      const struct carried *c, const struct deadline *deadline,
		      const struct progress *progress, struct error *err)
{
	auto_image struct image base = IMAGE_INIT;
	struct container_spec spec = {.entrypoint = empty_script};
	struct container container;
	bool owned = false;
	int result;

	if (check_data(c->path, c->key, &owned, err) < 0 ||
	    find_base(engine, c, deadline, progress, &base, err) < 0)
		return -1;
	spec.image = base.id;
	spec.env = (const char *const *)c->env.v;
	spec.user = base.user && *base.user ? "0" : NULL;
	if (make_container(engine, owner, "import", &spec, deadline, &container,
			   err) < 0)
		return -1;
	result = fill(engine, &container, c, &base, owned, deadline, err);
	drop_container(engine, &container);
	return result;
}

/* 1: the engine has it, as this program can use it. */
static int is_there(struct engine *engine, const struct carried *c,
		    const struct deadline *deadline, struct error *err)
{
	auto_free char *ref = xasprintf(TEMPLATE_REPO ":%s", c->key);
	auto_image struct image image = IMAGE_INIT;
	int found = image_inspect(engine, ref, deadline, &image, err);
	enum dialect dialect;
	const char *key;
	const char *password;
	const char *root;

	if (found != 1)
		return found;
	key = image_label(&image, LABEL_TEMPLATE);
	return key && !strcmp(key, c->key) &&
	       !dialect_parse(c->dialect, &dialect) &&
	       contract_passwords(dialect, &image.env, &password, &root);
}

static int into_engine(struct engine *engine, const struct ownership *owner,
		       const struct carried *c, const struct deadline *deadline,
		       const struct progress *progress, struct error *err)
{
	int there = is_there(engine, c, deadline, err);

	if (there)
		return there < 0 ? -1 : 0;
	if (make_image(engine, owner, c, deadline, progress, err) < 0)
		return -1;
	there = is_there(engine, c, deadline, err);
	if (there == 0)
		return error_set(err, ERROR_ENGINE,
				 "template %s was loaded, but is not on the "
				 "engine as it should be",
				 c->key);
	return there;
}

static int into_cache(const struct ownership *owner, const struct carried *c,
		      struct error *err)
{
	auto_free char *to = sqlite_template_path(owner->cache_dir, c->key);

	if (fs_exists(to) && db_file_is_whole(to))
		return 0;
	if (!db_file_is_whole(c->path))
		return error_set(err, ERROR_CONFIG,
				 "template %s is no whole SQLite file", c->key);
	return sqlite_publish(c->path, to, err) < 0 ? -1 : 1;
}

/* The caller frees. */
static char *lock_of(const struct ownership *owner, const struct carried *c)
{
	switch (c->place) {
	case CACHE_FILE:
		return sqlite_template_lock(owner->cache_dir, c->key);
	case CACHE_TREE:
		return local_template_lock(owner->local_cache, c->key);
	case CACHE_IMAGE:
		break;
	}
	return container_template_lock(owner, c->key);
}

int carry_in(struct engine *engine, const struct ownership *owner,
	     const struct carried *c, const struct deadline *deadline,
	     const struct progress *progress, struct error *err)
{
	auto_free char *path = lock_of(owner, c);
	auto_lock struct lock hold = LOCK_INIT;
	struct lock lock = LOCK_INIT;
	int result;

	if (hold_take(&hold, notes_of(owner, c->place), c->key, deadline, err) <
	    0)
		return -1;
	result = lock_take(&lock, path, deadline, err);
	if (result == 0) {
		if (c->place == CACHE_FILE)
			result = into_cache(owner, c, err);
		else if (c->place == CACHE_TREE)
			result = local_carry_in(owner, c, deadline, err);
		else
			result = into_engine(engine, owner, c, deadline,
					     progress, err);
		lock_remove(&lock);
	}
	if (result < 0)
		hold_give_up(&hold);
	return result;
}
