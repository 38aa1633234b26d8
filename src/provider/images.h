/* SPDX-License-Identifier: MIT */
/*
 * provider/images.h - the server images that are part of the program.
 *
 * Each is a folder of images/ ("postgres", "mariadb"), built through the
 * engine's classic builder as "testenv/NAME:MAJOR". The version is what the
 * base's own packages give: it is read out of the built image.
 */
#ifndef PROVIDER_IMAGES_H
#define PROVIDER_IMAGES_H

#include "base/clock.h"
#include "base/strvec.h"
#include "provider/labels.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct engine;
struct error;
struct progress;

#define LABEL_IMAGE "dev.testenv.image"

/* What an images_build that was killed leaves: containers and images with this
 * label, and an owner's. */
#define IMAGES_SESSION LABEL_SESSION "=images"

/* The names there are, sorted. */
void images_names(struct strvec *ret);

/*
 * Builds one and tags it; *ret_tag ("testenv/postgres:15") is the caller's to
 * free. base NULL: the default one. What had the tag before is removed unless
 * something still uses it. On failure nothing is tagged. ERROR_USAGE for a name
 * that is none of ours, ERROR_BUILD when a step fails.
 */
int images_build(struct engine *engine, const char *name, const char *base,
		 const struct deadline *deadline,
		 const struct progress *progress, char **ret_tag,
		 struct error *err);

/* "15.20" to "15", "10.11.19" to "10.11"; NULL for what is no version of the
 * named server. The caller frees. Pure. */
char *images_tag_of(const char *name, const char *version);

enum images_kind {
	IMAGES_SERVER,  /* one of ours */
	IMAGES_TEMPLATE /* a migrated server, kept */
};
struct images_row {
	enum images_kind kind;
	char *name;    /* its tag, or its id where it has none */
	char *id;      /* "sha256:…" */
	char *dialect; /* "postgres"; "" when it does not say */
	char *server;  /* "15.20"; "" likewise */
	int64_t size;  /* bytes, all layers */
	int64_t created_s;
};
struct images_list {
	struct images_row *rows;
	size_t n;
};
#define IMAGES_LIST_INIT \
	{                \
		0, 0     \
	}
void images_list_free(struct images_list *list);
#define auto_images_list __attribute__((cleanup(images_list_free)))

/* Ours first, then the templates; by name. */
int images_list(struct engine *engine, const struct deadline *deadline,
		struct images_list *ret, struct error *err);

/* Removes one by name or id. ERROR_NO_IMAGE when it is not there, ERROR_REFUSED
 * when it is not ours, ERROR_BUSY while something uses it. */
int images_remove(struct engine *engine, const char *name,
		  const struct deadline *deadline, struct error *err);

#endif
