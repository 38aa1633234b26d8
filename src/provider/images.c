/* SPDX-License-Identifier: MIT */
#include "provider/images.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/ident.h"
#include "base/log.h"
#include "docker/container.h"
#include "docker/image.h"
#include "provider/embedded.h"
#include "provider/labels.h"

#include <stdlib.h>
#include <string.h>

/* Where `bake` writes it; see images/. */
#define VERSION_FILE "/usr/share/testenv/version"
/* Not a name that the choice of an image would ever look at. */
#define BUILD_REPO "testenv/build"

enum {
	BUILDER_EXPIRES_S = 3600,
	CLEANUP_MS = 10000,
	VERSION_MAX = 32
};

/* The rest of an embedded path that begins with "NAME/", or NULL. */
static const char *path_in(const char *path, const char *name)
{
	size_t len = strlen(name);

	return !strncmp(path, name, len) && path[len] == '/' ? path + len + 1
							     : NULL;
}

void images_names(struct strvec *ret)
{
	for (const struct embedded_file *f = images_embedded; f->path; f++) {
		auto_free char *name = xstrndup(f->path, strcspn(f->path, "/"));

		if (!strvec_has(ret, name))
			strvec_push(ret, name);
	}
}

static int check_name(const char *name, struct error *err)
{
	auto_strvec struct strvec names = STRVEC_INIT;
	auto_buf struct buf list = BUF_INIT;

	images_names(&names);
	if (strvec_has(&names, name))
		return 0;
	for (size_t i = 0; i < names.n; i++)
		buf_printf(&list, "%s%s", i ? ", " : "", names.v[i]);
	error_set(err, ERROR_USAGE, "there is no image '%s' to build", name);
	error_hint(err, "there are: %s", list.s);
	return -1;
}

char *images_tag_of(const char *name, const char *version)
{
	size_t major = strspn(version, "0123456789");
	size_t minor;

	if (!major)
		return NULL;
	if (strcmp(name, "mariadb") != 0)
		return xstrndup(version, major);
	if (version[major] != '.')
		return NULL;
	minor = strspn(version + major + 1, "0123456789");
	return minor ? xstrndup(version, major + 1 + minor) : NULL;
}

static int make_context(const char *name, struct buf *ret, struct error *err)
{
	struct tar *tar = tar_new();

	for (const struct embedded_file *f = images_embedded; f->path; f++) {
		const char *path = path_in(f->path, name);

		if (path &&
		    tar_add(tar, path, f->data, f->len, f->mode, err) < 0) {
			tar_end(tar, ret, NULL);
			return -1;
		}
	}
	return tar_end(tar, ret, err);
}

/* What is there during a build only: gc finds it when we die in between. */
static void builder_labels(struct strvec *ret)
{
	auto_free char *owner = label_owner();

	strvec_push(ret, IMAGES_SESSION);
	strvec_push(ret, LABEL_ROLE "=builder");
	strvec_pushf(ret, LABEL_OWNER "=%s", owner);
	strvec_pushf(ret, LABEL_EXPIRES "=%lld",
		     (long long)clock_wall_s() + BUILDER_EXPIRES_S);
}

/* A container that is made to be read from, never started. */
static int make_reader(struct engine *engine, const char *image,
		       const struct deadline *deadline, struct container *ret,
		       struct error *err)
{
	auto_strvec struct strvec labels = STRVEC_INIT;
	struct container_spec spec = {.image = image, .network_mode = "none"};

	builder_labels(&labels);
	spec.labels = (const char *const *)labels.v;
	return container_create(engine, &spec, deadline, ret, err);
}

static int read_version(struct engine *engine, const char *image,
			const struct deadline *deadline, struct buf *ret,
			struct error *err)
{
	struct deadline cleanup = deadline_in(CLEANUP_MS, NULL);
	auto_buf struct buf tar = BUF_INIT_MAX(64 * 1024);
	auto_error struct error ignored = ERROR_INIT;
	struct container reader;
	int result;

	if (make_reader(engine, image, deadline, &reader, err) < 0)
		return -1;
	result = container_get_archive(engine, reader.id, VERSION_FILE,
				       deadline, &tar, err);
	if (container_remove(engine, reader.id, &cleanup, &ignored) < 0)
		log_debug("container %.12s is left to gc: %s", reader.id,
			  error_text(&ignored));
	if (result < 0 || tar_first(&tar, ret, err) < 0)
		return error_wrap(err, "read the server's version");
	buf_truncate(ret, strcspn(ret->s, "\r\n"));
	return 0;
}

/* The same build again, which the engine has in its cache but for the labels:
 * without an owner's, and with the one that only its result could tell. */
static int publish(struct engine *engine, const struct image_build *first,
		   const char *name, const char *version,
		   const struct deadline *deadline,
		   const struct progress *progress, char **ret_tag,
		   struct error *err)
{
	auto_free char *number = images_tag_of(name, version);
	auto_free char *tag = NULL;
	auto_free char *server = xasprintf(LABEL_SERVER "=%s", version);
	const char *labels[] = {server, NULL};
	struct image_build build = *first;

	if (!number)
		return error_set(err, ERROR_BUILD,
				 "build '%s': '%s' is no version of its server",
				 name, version);
	tag = xasprintf("testenv/%s:%s", name, number);
	build.tag = tag;
	build.labels = labels;
	if (image_build(engine, &build, deadline, progress, err) < 0)
		return -1;
	*ret_tag = take_ptr(&tag);
	return 0;
}

/* What had the tag before, unless it is the same or still used. */
static void remove_old(struct engine *engine, const char *tag,
		       const struct image_list *before)
{
	struct deadline deadline = deadline_in(CLEANUP_MS, NULL);

	for (size_t i = 0; i < before->n; i++) {
		const struct image *old = &before->images[i];
		auto_image struct image now = IMAGE_INIT;

		if (!strvec_has(&old->tags, tag) || old->tags.n > 1 ||
		    image_inspect(engine, tag, &deadline, &now, NULL) != 1 ||
		    !strcmp(now.id, old->id))
			continue;
		image_remove(engine, old->id, &deadline, NULL);
	}
}

static int build_under(struct engine *engine, const struct image_build *build,
		       const char *name, const struct deadline *deadline,
		       const struct progress *progress, char **ret_tag,
		       struct error *err)
{
	auto_image_list struct image_list before = IMAGE_LIST_INIT;
	auto_buf struct buf version = BUF_INIT_MAX(VERSION_MAX);
	struct deadline cleanup;
	int result;

	if (image_list(engine, LABEL_IMAGE, NULL, deadline, &before, err) < 0 ||
	    image_build(engine, build, deadline, progress, err) < 0)
		return -1;
	result = read_version(engine, build->tag, deadline, &version, err);
	if (result == 0)
		result = publish(engine, build, name, version.s, deadline,
				 progress, ret_tag, err);
	cleanup = deadline_in(CLEANUP_MS, NULL);
	image_remove(engine, build->tag, &cleanup, NULL);
	if (result == 0)
		remove_old(engine, *ret_tag, &before);
	return result;
}

int images_build(struct engine *engine, const char *name, const char *base,
		 const struct deadline *deadline,
		 const struct progress *progress, char **ret_tag,
		 struct error *err)
{
	auto_buf struct buf context = BUF_INIT;
	auto_free char *arg = base ? xasprintf("BASE=%s", base) : NULL;
	const char *args[] = {arg, NULL};
	char word[9];
	auto_free char *tag = NULL;
	auto_strvec struct strvec labels = STRVEC_INIT;
	struct image_build build = {.context = &context, .build_args = args};

	if (check_name(name, err) < 0 || make_context(name, &context, err) < 0)
		return -1;
	ident_random(word, sizeof(word) - 1);
	tag = xasprintf(BUILD_REPO ":%s-%s", name, word);
	build.tag = tag;
	builder_labels(&labels);
	build.labels = (const char *const *)labels.v;
	return build_under(engine, &build, name, deadline, progress, ret_tag,
			   err);
}
