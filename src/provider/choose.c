/* SPDX-License-Identifier: MIT */
#include "provider/choose.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/progress.h"
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

/* The full name, as podman takes a short one for another registry's; with the
 * mirror in the place of docker.io. */
static char *pull_name(const char *name, const char *mirror)
{
	const char *hub = mirror ? mirror : "docker.io";
	const char *slash = strchr(name, '/');

	if (!slash)
		return xasprintf("%s/library/%s", hub, name);
	if (!strncmp(name, "docker.io/", 10))
		return xasprintf("%s/%s", hub, slash + 1);
	/* a first part with a dot, a port or "localhost" is a registry's host
	 */
	if (memchr(name, '.', (size_t)(slash - name)) ||
	    memchr(name, ':', (size_t)(slash - name)) ||
	    !strncmp(name, "localhost/", 10))
		return xstrdup(name);
	return xasprintf("%s/%s", hub, name);
}

/* "linux/arm64/v8", as far as the image says. */
static char *platform_of(const struct image *image)
{
	const char *os = image->os ? image->os : "unknown";
	const char *arch = image->architecture;
	const char *variant = image->variant;

	return xasprintf("%s%s%s%s%s", os, arch ? "/" : "", arch ? arch : "",
			 variant && *variant ? "/" : "",
			 variant ? variant : "");
}

/* Pulls `name` and looks at it under the name it then has. */
static int pull(struct engine *engine, const struct image_wish *wish,
		const char *name, const struct deadline *deadline,
		const struct progress *progress, char **ret_name,
		struct image *ret_image, struct error *err)
{
	auto_free char *full = pull_name(name, wish->mirror);
	int found;

	if (image_pull(engine, full, wish->platform, deadline, progress, err) <
	    0)
		return -1;
	found = image_inspect(engine, full, deadline, ret_image, err);
	if (found < 0)
		return -1;
	if (!found)
		return error_set(err, ERROR_NO_IMAGE,
				 "'%s' was pulled but is not on the engine",
				 full);
	if (wish->platform && !image_is_for(ret_image, wish->platform)) {
		auto_free char *got = platform_of(ret_image);

		image_free(ret_image);
		return error_set(err, ERROR_NO_IMAGE,
				 "'%s' is for '%s' only, not for '%s'", full,
				 got, wish->platform);
	}
	*ret_name = xstrdup(wish->mirror ? full : name);
	return 0;
}

/* 1: it is there, for the platform asked for, and taken; 0; -1. */
static int take_present(struct engine *engine, const struct image_wish *wish,
			const char *name, const struct deadline *deadline,
			char **ret_name, struct image *ret_image,
			struct error *err)
{
	int found = image_inspect(engine, name, deadline, ret_image, err);

	if (found == 1 && wish->platform &&
	    !image_is_for(ret_image, wish->platform)) {
		image_free(ret_image);
		return 0;
	}
	if (found == 1)
		*ret_name = xstrdup(name);
	return found;
}

/* The list says all that is asked of the image but its platform, so it is not
 * looked at unless that matters. */
static int newest_present(struct engine *engine, const struct image_wish *wish,
			  const char *repo, const struct deadline *deadline,
			  char **ret_name, struct image *ret_image,
			  struct error *err)
{
	auto_image_list struct image_list list = IMAGE_LIST_INIT;
	const char *name;

	if (image_list(engine, NULL, repo, deadline, &list, err) < 0)
		return -1;
	name = image_newest(&list, repo);
	if (!name)
		return 0;
	if (wish->platform)
		return take_present(engine, wish, name, deadline, ret_name,
				    ret_image, err);
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

/* 1: the engine has it, as *ret_name and *ret_image; 0; -1. *ret_wanted is what
 * would be pulled, the caller's to free. */
static int find_present(struct engine *engine, const struct image_wish *wish,
			const struct deadline *deadline, char **ret_wanted,
			char **ret_name, struct image *ret_image,
			struct error *err)
{
	const char *official = contract_image(wish->dialect);
	auto_free char *ours = xasprintf("testenv/%s", official);
	int found = 0;

	if (wish->image) {
		*ret_wanted = xstrdup(wish->image);
	} else if (wish->version) {
		auto_free char *tuned = xasprintf("%s:%s", ours, wish->version);

		*ret_wanted = xasprintf("%s:%s", official, wish->version);
		found = take_present(engine, wish, tuned, deadline, ret_name,
				     ret_image, err);
	} else {
		*ret_wanted = xasprintf(
		    "%s:%s", official, contract_default_version(wish->dialect));
		found = newest_present(engine, wish, ours, deadline, ret_name,
				       ret_image, err);
		if (!found)
			found = newest_present(engine, wish, official, deadline,
					       ret_name, ret_image, err);
	}
	if (!found && (wish->image || wish->version))
		found = take_present(engine, wish, *ret_wanted, deadline,
				     ret_name, ret_image, err);
	if (!found && wish->mirror) {
		auto_free char *there = pull_name(*ret_wanted, wish->mirror);

		found = take_present(engine, wish, there, deadline, ret_name,
				     ret_image, err);
	}
	return found;
}

static bool is_ours(const char *name)
{
	return !strncmp(name, "testenv/", 8) ||
	       !strncmp(name, "localhost/testenv/", 18);
}

static bool is_due(const struct image_wish *wish, const char *name,
		   const struct image *image)
{
	int64_t since = image->tagged_s ? image->tagged_s : image->created_s;

	return wish->pull_age_s >= 0 && !is_ours(name) &&
	       clock_wall_s() - since >= wish->pull_age_s;
}

/* Something older is there: a pull that fails spoils it only if it was asked
 * for each time. */
static int renew(struct engine *engine, const struct image_wish *wish,
		 const struct deadline *deadline,
		 const struct progress *progress, char **name,
		 struct image *image, struct error *err)
{
	auto_image struct image newer = IMAGE_INIT;
	auto_error struct error failed = ERROR_INIT;
	char *newer_name = NULL;

	if (pull(engine, wish, *name, deadline, progress, &newer_name, &newer,
		 &failed) < 0) {
		if (wish->pull_age_s == IMAGE_PULL_ALWAYS ||
		    failed.kind == ERROR_CANCELLED)
			return error_move(err, &failed);
		progress_notice(progress, "%s: the one that is there serves",
				error_text(&failed));
		return 0;
	}
	free(*name);
	*name = newer_name;
	image_free(image);
	*image = newer;
	newer = (struct image)IMAGE_INIT;
	return 0;
}

/* Without its tag or digest: the length. */
static size_t repo_len(const char *name)
{
	const char *slash = strrchr(name, '/');
	const char *rest = slash ? slash : name;

	return (size_t)(rest - name) + strcspn(rest, ":@");
}

const char *image_digest_of(const struct image *image, const char *name)
{
	const char *repo = short_name(name);
	size_t len = repo_len(repo);

	for (size_t i = 0; i < image->digests.n; i++) {
		const char *digest = short_name(image->digests.v[i]);

		if (repo_len(digest) == len && !strncmp(digest, repo, len))
			return image->digests.v[i];
	}
	return NULL;
}

int image_choose(struct engine *engine, const struct image_wish *wish,
		 const struct deadline *deadline,
		 const struct progress *progress, char **ret_name,
		 struct image *ret_image, struct error *err)
{
	auto_image struct image image = IMAGE_INIT;
	auto_free char *wanted = NULL;
	auto_free char *name = NULL;
	int found =
	    find_present(engine, wish, deadline, &wanted, &name, &image, err);

	if (found < 0)
		return -1;
	if (!found && wish->pull_age_s == IMAGE_PULL_NEVER)
		return error_set(err, ERROR_NO_IMAGE,
				 "'%s' is not on the engine%s%s%s, and 'pull' "
				 "is 'never'",
				 wanted, wish->platform ? " for '" : "",
				 wish->platform ? wish->platform : "",
				 wish->platform ? "'" : "");
	if (!found)
		return pull(engine, wish, wanted, deadline, progress, ret_name,
			    ret_image, err);
	if (is_due(wish, name, &image) &&
	    renew(engine, wish, deadline, progress, &name, &image, err) < 0)
		return -1;
	*ret_name = take_ptr(&name);
	*ret_image = image;
	image = (struct image)IMAGE_INIT;
	return 0;
}
