/* SPDX-License-Identifier: MIT */
#include "provider/choose.h"

#include "base/alloc.h"
#include "base/error.h"
#include "provider/contract.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* The reference without what podman and docker put in front of a short one. */
static const char *short_name(const char *reference)
{
	static const char *const prefixes[] = {"docker.io/library/",
					       "docker.io/", "localhost/"};

	for (size_t i = 0; i < array_len(prefixes); i++)
		if (!strncmp(reference, prefixes[i], strlen(prefixes[i])))
			return reference + strlen(prefixes[i]);
	return reference;
}

/* The tag of a reference to `repo`, or NULL. */
static const char *tag_of(const char *reference, const char *repo)
{
	const char *name = short_name(reference);
	size_t len = strlen(repo);

	if (strncmp(name, repo, len) != 0 || name[len] != ':')
		return NULL;
	return name + len + 1;
}

/* Like strcmp, by version: 9 < 16 < 16.3 < latest; 16-alpine < 16. */
static int tag_compare(const char *a, const char *b)
{
	if (!strcmp(a, "latest") || !strcmp(b, "latest"))
		return !strcmp(a, "latest") - !strcmp(b, "latest");
	for (;;) {
		char *a_end;
		char *b_end;
		long x = strtol(a, &a_end, 10);
		long y = strtol(b, &b_end, 10);

		if (a_end == a || b_end == b || x != y) {
			bool a_number = a_end != a;
			bool b_number = b_end != b;

			if (a_number != b_number)
				return a_number - b_number;
			return x != y ? (x > y) - (x < y) : strcmp(b, a);
		}
		if (*a_end != '.' || *b_end != '.') {
			/* the end beats a suffix, and more digits the end */
			int rank_a = *a_end == '.' ? 2 : *a_end ? 0 : 1;
			int rank_b = *b_end == '.' ? 2 : *b_end ? 0 : 1;

			return rank_a != rank_b ? rank_a - rank_b
						: strcmp(b_end, a_end);
		}
		a = a_end + 1;
		b = b_end + 1;
	}
}

const char *image_newest(const struct image_list *list, const char *repo)
{
	const char *best = NULL;

	for (size_t i = 0; i < list->n; i++) {
		const struct strvec *tags = &list->images[i].tags;

		for (size_t t = 0; t < tags->n; t++) {
			const char *tag = tag_of(tags->v[t], repo);

			if (tag &&
			    (!best || tag_compare(tag, tag_of(best, repo)) > 0))
				best = tags->v[t];
		}
	}
	return best;
}

/* The full name, as podman takes a short one for another registry's. */
static char *pull_name(const char *name)
{
	const char *slash = strchr(name, '/');

	if (!slash)
		return xasprintf("docker.io/library/%s", name);
	/* a first part with a dot, a port or "localhost" is a registry's host
	 */
	if (memchr(name, '.', (size_t)(slash - name)) ||
	    memchr(name, ':', (size_t)(slash - name)) ||
	    !strncmp(name, "localhost/", 10))
		return xstrdup(name);
	return xasprintf("docker.io/%s", name);
}

/* Pulls `name` and looks at it under the name it then has. */
static int pull(struct engine *engine, const char *name,
		const struct deadline *deadline,
		const struct progress *progress, char **ret_name,
		struct image *ret_image, struct error *err)
{
	auto_free char *full = pull_name(name);
	int found;

	if (image_pull(engine, full, deadline, progress, err) < 0)
		return -1;
	found = image_inspect(engine, full, deadline, ret_image, err);
	if (found < 0)
		return -1;
	if (!found)
		return error_set(err, ERROR_NO_IMAGE,
				 "'%s' was pulled but is not on the engine",
				 full);
	*ret_name = xstrdup(name);
	return 0;
}

/* 1: it is there and taken; 0; -1. */
static int take_present(struct engine *engine, const char *name,
			const struct deadline *deadline, char **ret_name,
			struct image *ret_image, struct error *err)
{
	int found = image_inspect(engine, name, deadline, ret_image, err);

	if (found == 1)
		*ret_name = xstrdup(name);
	return found;
}

/* The list says all that is asked of the image, so it is not looked at. */
static int newest_present(struct engine *engine, const char *repo,
			  const struct deadline *deadline, char **ret_name,
			  struct image *ret_image, struct error *err)
{
	auto_image_list struct image_list list = IMAGE_LIST_INIT;
	const char *name;

	if (image_list(engine, NULL, repo, deadline, &list, err) < 0)
		return -1;
	name = image_newest(&list, repo);
	if (!name)
		return 0;
	*ret_name = xstrdup(name);
	for (size_t i = 0; i < list.n; i++) {
		if (!strvec_has(&list.images[i].tags, name))
			continue;
		*ret_image = list.images[i];
		list.images[i] = (struct image)IMAGE_INIT;
		break;
	}
	return 1;
}

int image_choose(struct engine *engine, const struct image_wish *wish,
		 const struct deadline *deadline,
		 const struct progress *progress, char **ret_name,
		 struct image *ret_image, struct error *err)
{
	const char *official = contract_image(wish->dialect);
	auto_free char *ours = xasprintf("testenv/%s", official);
	auto_free char *name = NULL;
	int found = 0;

	if (wish->image) {
		name = xstrdup(wish->image);
		found = take_present(engine, name, deadline, ret_name,
				     ret_image, err);
	} else if (wish->version) {
		auto_free char *tuned = xasprintf("%s:%s", ours, wish->version);

		name = xasprintf("%s:%s", official, wish->version);
		found = take_present(engine, tuned, deadline, ret_name,
				     ret_image, err);
		if (!found)
			found = take_present(engine, name, deadline, ret_name,
					     ret_image, err);
	} else {
		name = xasprintf("%s:%s", official,
				 contract_default_version(wish->dialect));
		found = newest_present(engine, ours, deadline, ret_name,
				       ret_image, err);
		if (!found)
			found = newest_present(engine, official, deadline,
					       ret_name, ret_image, err);
	}
	if (found)
		return found < 0 ? -1 : 0;
	return pull(engine, name, deadline, progress, ret_name, ret_image, err);
}
