/* SPDX-License-Identifier: MIT */
/*
 * A local server's kept template as a tar of its directory, and back. Its bytes
 * are right only for the same version of the server, the same kind of processor
 * and the same C library; owners need not travel, as every slot's copy is given
 * to the servers' user.
 */
#include "provider/local.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/fs.h"
#include "docker/image.h"
#include "docker/tree.h"
#include "provider/carry.h"

#include <stdlib.h>
#include <string.h>

/* InnoDB's word, in a file, of a table that lies elsewhere. */
static int is_elsewhere(void *ctx, const struct tar_entry *e)
{
	char **ret = ctx;
	size_t len = strlen(e->name);

	if (len <= 4 || strcmp(e->name + len - 4, ".isl") != 0)
		return 0;
	*ret = xstrdup(e->name);
	return 1;
}

static int check_inside(const char *tar, const char *key, struct error *err)
{
	auto_free char *outside = NULL;
	int got = tar_walk(tar, is_elsewhere, &outside, err);

	if (got == 1)
		return error_set(err, ERROR_REFUSED,
				 "template %s has data outside of its data "
				 "directory: '%s'",
				 key, outside);
	return got < 0 ? error_wrap(err, "template %s", key) : 0;
}

int local_carry_out(const struct cache_row *row,
		    const struct deadline *deadline, struct carried *c,
		    struct error *err)
{
	auto_local_origin struct local_origin origin = {0};

	if (!local_origin_read(row->name, &origin))
		return error_set(err, ERROR_REFUSED,
				 "template '%s' does not say what it was made "
				 "with",
				 row->name);
	c->server = take_ptr(&origin.server);
	c->platform = take_ptr(&origin.platform);
	if (tree_pack(row->name, c->path, deadline, err) < 0)
		return error_wrap(err, "template %s", c->key);
	return check_inside(c->path, c->key, err);
}

/* Can the servers of this machine read it? */
static int check_machine(const struct carried *c, enum dialect d,
			 const struct deadline *deadline, struct error *err)
{
	auto_programs_list struct programs_list list = PROGRAMS_LIST_INIT;
	auto_free char *platform = local_platform();

	if (strcmp(c->platform, platform) != 0)
		return error_set(err, ERROR_NO_SERVER,
				 "template %s was made on '%.80s', and this "
				 "machine is '%s'",
				 c->key, c->platform, platform);
	programs_look(d, deadline, &list);
	if (!programs_choose(&list, d, c->server, err))
		return error_wrap(err, "template %s", c->key);
	return 0;
}

static int check_content(const struct carried *c, const char *template,
			 enum dialect d, struct error *err)
{
	auto_local_origin struct local_origin origin = {0};

	if (local_template_is_whole(template, d) &&
	    local_origin_read(template, &origin) &&
	    !strcmp(origin.server, c->server) &&
	    !strcmp(origin.platform, c->platform))
		return 0;
	return error_set(err, ERROR_CONFIG,
			 "template %s is no data directory of a %s %.20s",
			 c->key, c->dialect, c->server);
}

int local_carry_in(const struct ownership *owner, const struct carried *c,
		   const struct deadline *deadline, struct error *err)
{
	auto_free char *template =
	    local_template_path(owner->local_cache, c->key);
	auto_free char *half =
	    xasprintf("%s/import-%s", owner->local_dir, c->key);
	auto_free char *old = xasprintf("%s.old", half);
	enum dialect d;

	if (dialect_parse(c->dialect, &d) < 0 || d == DIALECT_SQLITE)
		return error_set(err, ERROR_CONFIG,
				 "template %s is of no server", c->key);
	if (local_template_is_whole(template, d))
		return 0;
	if (check_machine(c, d, deadline, err) < 0)
		return -1;
	if (tree_unpack(c->path, half, deadline, err) < 0)
		return error_wrap(err, "template %s", c->key);
	if (check_content(c, half, d, err) < 0 ||
	    local_template_publish(half, template, old, err) < 0) {
		fs_remove_tree(half, NULL);
		return -1;
	}
	return 1;
}
