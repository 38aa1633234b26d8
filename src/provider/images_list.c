/* SPDX-License-Identifier: MIT */
#include "provider/images.h"

#include "base/alloc.h"
#include "base/error.h"
#include "docker/image.h"
#include "provider/labels.h"

#include <stdlib.h>
#include <string.h>

void images_list_free(struct images_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		free(list->rows[i].name);
		free(list->rows[i].id);
		free(list->rows[i].dialect);
		free(list->rows[i].server);
	}
	free(list->rows);
	*list = (struct images_list)IMAGES_LIST_INIT;
}

/* A template made on one of our images has that one's labels, too. */
static bool is_template(const struct image *image)
{
	const char *role = image_label(image, LABEL_ROLE);

	return role && !strcmp(role, "template");
}

static char *label_or_empty(const struct image *image, const char *key)
{
	const char *value = image_label(image, key);

	return xstrdup(value ? value : "");
}

static void add_row(struct images_list *list, const struct image *image,
		    const char *name)
{
	bool template = is_template(image);
	struct images_row *row;

	list->rows =
	    xreallocarray(list->rows, list->n + 1, sizeof(*list->rows));
	row = &list->rows[list->n++];
	*row = (struct images_row){
	    .kind = template ? IMAGES_TEMPLATE : IMAGES_SERVER,
	    .name = xstrdup(name),
	    .id = xstrdup(image->id),
	    .dialect =
		label_or_empty(image, template ? LABEL_DIALECT : LABEL_IMAGE),
	    .server = label_or_empty(image, LABEL_SERVER),
	    .size = image->size,
	    .created_s = image->created_s,
	};
}

/* A row a tag; an image that lost its last one is known by its id. */
static void add_image(struct images_list *list, const struct image *image)
{
	size_t named = 0;

	for (size_t i = 0; i < image->tags.n; i++) {
		if (image->tags.v[i][0] == '<')
			continue;
		add_row(list, image, image->tags.v[i]);
		named++;
	}
	if (!named)
		add_row(list, image, image->id);
}

static int by_kind_and_name(const void *a, const void *b)
{
	const struct images_row *x = a;
	const struct images_row *y = b;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return strcmp(x->name, y->name);
}

int images_list(struct engine *engine, const struct deadline *deadline,
		struct images_list *ret, struct error *err)
{
	auto_image_list struct image_list servers = IMAGE_LIST_INIT;
	auto_image_list struct image_list templates = IMAGE_LIST_INIT;

	if (image_list(engine, LABEL_IMAGE, NULL, deadline, &servers, err) <
		0 ||
	    image_list(engine, LABEL_ROLE "=template", NULL, deadline,
		       &templates, err) < 0)
		return -1;
	*ret = (struct images_list)IMAGES_LIST_INIT;
	for (size_t i = 0; i < servers.n; i++)
		if (!is_template(&servers.images[i]))
			add_image(ret, &servers.images[i]);
	for (size_t i = 0; i < templates.n; i++)
		add_image(ret, &templates.images[i]);
	if (ret->n)
		qsort(ret->rows, ret->n, sizeof(*ret->rows), by_kind_and_name);
	return 0;
}

int images_remove(struct engine *engine, const char *name,
		  const struct deadline *deadline, struct error *err)
{
	auto_image struct image image = IMAGE_INIT;
	int found = image_inspect(engine, name, deadline, &image, err);

	if (found < 0)
		return -1;
	if (!found)
		return error_set(err, ERROR_NO_IMAGE,
				 "image '%s' is not on the engine", name);
	if (!is_template(&image) && !image_label(&image, LABEL_IMAGE))
		return error_set(err, ERROR_REFUSED,
				 "image '%s' was not made by testenv", name);
	return image_remove(engine, name, deadline, err);
}
