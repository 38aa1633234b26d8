/* SPDX-License-Identifier: MIT */
/*
 * docker/image.h - images on one engine: look, pull, build, commit, remove.
 */
#ifndef DOCKER_IMAGE_H
#define DOCKER_IMAGE_H

#include "base/buf.h"
#include "base/clock.h"
#include "base/strvec.h"

#include <stdint.h>

struct engine;
struct error;
struct progress;

struct image {
	char *id;           /* "sha256:…" (podman's bare hex is completed) */
	struct strvec tags; /* as docker lists them */
	struct strvec env;  /* "KEY=value" */
	struct strvec entrypoint, cmd;
	struct strvec volumes; /* paths */
	struct strvec labels;  /* "key=value" */
	struct strvec ports;   /* exposed: "6379/tcp" */
	/* "CMD" and words, or "CMD-SHELL" and a text; none */
	struct strvec healthcheck;
	char *user;
	char *os, *architecture, *variant; /* "linux", "arm64", "v8"; or NULL */
	/* "postgres@sha256:…": as registries know it; none for what was built
	 */
	struct strvec digests;
	int64_t size;      /* bytes */
	int64_t created_s; /* seconds since the epoch, 0: not known */
	int64_t tagged_s;  /* likewise: when this engine got it (docker) */
};
#define IMAGE_INIT                                                            \
	{                                                                     \
		0, STRVEC_INIT, STRVEC_INIT, STRVEC_INIT, STRVEC_INIT,        \
		    STRVEC_INIT, STRVEC_INIT, STRVEC_INIT, STRVEC_INIT, 0, 0, \
		    0, 0, STRVEC_INIT, 0, 0, 0                                \
	}
void image_free(struct image *image);
#define auto_image __attribute__((cleanup(image_free)))
/* The value of a label, or of an environment entry; borrowed, or NULL. */
const char *image_label(const struct image *image, const char *key);
const char *image_env(const struct image *image, const char *key);

/* 1 found, 0 not on the engine, -1 error. */
int image_inspect(struct engine *engine, const char *name,
		  const struct deadline *deadline, struct image *ret,
		  struct error *err);

/* Is it for the platform, "linux/arm64" or "linux/arm64/v8"? What an image does
 * not say is not held against it. */
bool image_is_for(const struct image *image, const char *platform);

/*
 * Pulls exactly one tag (or digest); "postgres" means "postgres:latest", and of
 * an image for several platforms the one named, or the engine's (NULL). The
 * stream is read to its end, an error inside its 200 is an error here
 * (ERROR_PULL with the engine's text; ERROR_NO_IMAGE for one that does not
 * exist), and the image is looked at afterwards. Layers go to `progress`.
 */
int image_pull(struct engine *engine, const char *name, const char *platform,
	       const struct deadline *deadline, const struct progress *progress,
	       struct error *err);

/* Gives an image one more name, "REPO:TAG". */
int image_tag(struct engine *engine, const char *name, const char *repo,
	      const char *tag, const struct deadline *deadline,
	      struct error *err);
/*
 * Pushes "HOST/PATH:TAG", with the log-in that a pull would take; what the
 * registry has already is not sent. *ret_digest ("sha256:…", the caller's to
 * free) is what its manifest is known by there. ERROR_PULL when the registry
 * says no or cannot be reached.
 */
int image_push(struct engine *engine, const char *name,
	       const struct deadline *deadline, const struct progress *progress,
	       char **ret_digest, struct error *err);

/*
 * Builds with the classic builder from a tar of the context, tagged `tag` and
 * labelled. Build output goes to `progress` as PROGRESS_LINE. A step that fails
 * is ERROR_BUILD with the engine's text and, as detail, the output's tail.
 */
struct image_build {
	const struct buf *context; /* tar; Dockerfile at its root */
	const char *tag;
	const char *const *build_args; /* "NAME=value", NULL-terminated */
	const char *const *labels;
	bool no_cache;
};
int image_build(struct engine *engine, const struct image_build *build,
		const struct deadline *deadline,
		const struct progress *progress, struct error *err);

/* A tar for image_build, put together in memory with libarchive. mtime is 0, so
 * that equal content is an equal tar. */
struct tar;
struct tar *tar_new(void);
int tar_add(struct tar *tar, const char *path, const void *data, size_t len,
	    unsigned mode, struct error *err);
/* Ends it into ret and frees it, also on failure. */
int tar_end(struct tar *tar, struct buf *ret, struct error *err);
/* The content of a tar's first file, as container_get_archive() gives one, up
 * to ret's bound; ERROR_PROTOCOL when there is none or it is longer. */
int tar_first(const struct buf *tar, struct buf *ret, struct error *err);

/* One entry of a tar. */
struct tar_entry {
	const char *name;
	const char *link; /* where a link leads, or NULL */
	int64_t uid;
};
/* Calls fn with each entry of a tar in a file. 1: fn ended it by returning
 * anything but 0; 0: it is whole; -1. */
int tar_walk(const char *path,
	     int (*fn)(void *ctx, const struct tar_entry *entry), void *ctx,
	     struct error *err);

/*
 * Makes an image "REPO:TAG" of a stopped container in one step. `changes` are
 * Dockerfile lines ("LABEL a=b", "CMD [...]"), NULL-terminated. The container's
 * labels and environment are in the image unless a change overrides them.
 */
int image_commit(struct engine *engine, const char *container, const char *repo,
		 const char *tag, const char *const *changes,
		 const struct deadline *deadline, char **ret_id,
		 struct error *err);

/* Already gone is success; in use by a container: ERROR_BUSY. */
int image_remove(struct engine *engine, const char *name,
		 const struct deadline *deadline, struct error *err);

struct image_list {
	struct image *images; /* id, tags, digests, labels, size, created_s */
	size_t n;
};
#define IMAGE_LIST_INIT \
	{               \
		0, 0    \
	}
void image_list_free(struct image_list *list);
#define auto_image_list __attribute__((cleanup(image_list_free)))
/* Those that carry the label ("key" or "key=value") or match the reference
 * ("postgres", "testenv/postgres"); NULL: no such filter. */
int image_list(struct engine *engine, const char *label, const char *reference,
	       const struct deadline *deadline, struct image_list *ret,
	       struct error *err);

#endif
