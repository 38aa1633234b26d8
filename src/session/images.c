/* SPDX-License-Identifier: MIT */
#include "session/images.h"

#include "base/alloc.h"
#include "base/error.h"
#include "docker/engine.h"

enum {
	ENGINE_MS = 10000
};

static void cleanup_engine(struct engine **engine)
{
	engine_free(*engine);
}
#define auto_engine __attribute__((cleanup(cleanup_engine)))

static int open_engine(const char *host, const struct deadline *deadline,
		       struct engine **ret, struct error *err)
{
	auto_engine_candidates struct engine_candidates candidates =
	    ENGINE_CANDIDATES_INIT;
	struct deadline limit = deadline_sooner(*deadline, ENGINE_MS);

	if (engine_discover(host, &candidates, err) < 0)
		return -1;
	return engine_open(&candidates, 0, &limit, ret, err);
}

int session_images_build(const char *host, char *const *names, const char *base,
			 const struct deadline *deadline,
			 const struct progress *progress,
			 struct strvec *ret_tags, struct error *err)
{
	auto_engine struct engine *engine = NULL;
	auto_strvec struct strvec all = STRVEC_INIT;

	if (open_engine(host, deadline, &engine, err) < 0)
		return -1;
	images_names(&all);
	for (char *const *name = *names ? names : all.v; *name; name++) {
		char *tag;

		if (images_build(engine, *name, base, deadline, progress, &tag,
				 err) < 0)
			return -1;
		strvec_take(ret_tags, tag);
	}
	return 0;
}

int session_images_list(const char *host, const struct deadline *deadline,
			struct images_list *ret, struct error *err)
{
	auto_engine struct engine *engine = NULL;

	if (open_engine(host, deadline, &engine, err) < 0)
		return -1;
	return images_list(engine, deadline, ret, err);
}

/* What is to go: the names given and, if asked for, the templates there are. */
static int wanted(struct engine *engine, char *const *names, bool templates,
		  const struct deadline *deadline, struct strvec *ret,
		  struct error *err)
{
	auto_images_list struct images_list list = IMAGES_LIST_INIT;

	strvec_extend(ret, names);
	if (!templates)
		return 0;
	if (images_list(engine, deadline, &list, err) < 0)
		return -1;
	for (size_t i = 0; i < list.n; i++)
		if (list.rows[i].kind == IMAGES_TEMPLATE)
			strvec_push(ret, list.rows[i].name);
	return 0;
}

int session_images_remove(const char *host, char *const *names, bool templates,
			  const struct deadline *deadline,
			  struct strvec *ret_removed, struct error *err)
{
	auto_engine struct engine *engine = NULL;
	auto_error struct error first = ERROR_INIT;
	auto_strvec struct strvec list = STRVEC_INIT;

	if (open_engine(host, deadline, &engine, err) < 0 ||
	    wanted(engine, names, templates, deadline, &list, err) < 0)
		return -1;
	for (size_t i = 0; i < list.n; i++) {
		auto_error struct error why = ERROR_INIT;

		if (images_remove(engine, list.v[i], deadline, &why) == 0)
			strvec_push(ret_removed, list.v[i]);
		else if (!first.kind)
			error_move(&first, &why);
	}
	return first.kind ? error_move(err, &first) : 0;
}
