/* SPDX-License-Identifier: MIT */
/*
 * Making a local service's template: a new cluster, filled by a server on it,
 * shut down cleanly, and moved into the cache in one step. In the cache it is a
 * directory KEY with data/, `login` (the passwords of its roles) and `origin`.
 */
#include "provider/local.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/ident.h"
#include "base/log.h"
#include "base/progress.h"
#include "dialect/db.h"
#include "provider/clean.h"
#include "provider/doorway.h"
#include "template/hold.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOGIN_FILE  "login"
#define ORIGIN_FILE "origin"

/* What is before and after the first `divider` of a file's one text, which ends
 * with a line's end. */
static bool read_two(const char *template, const char *name, char divider,
		     char **ret_a, char **ret_b)
{
	auto_free char *path = fs_join(template, name);
	auto_buf struct buf text = BUF_INIT_MAX(256);
	char *middle;
	char *end;

	if (fs_read_file(path, &text, NULL) < 0)
		return false;
	middle = strchr(text.s, divider);
	end = middle ? strchr(middle + 1, '\n') : NULL;
	if (!end || end[1])
		return false;
	*ret_a = xstrndup(text.s, (size_t)(middle - text.s));
	*ret_b = xstrndup(middle + 1, (size_t)(end - middle - 1));
	return true;
}

/* "PASSWORD ROOT\n": both are of [a-z0-9]. */
static bool read_login(struct local_provider *p, const char *template)
{
	char *password;
	char *root;

	if (!read_two(template, LOGIN_FILE, ' ', &password, &root))
		return false;
	free(p->password);
	free(p->root_password);
	p->password = password;
	p->root_password = root;
	return true;
}

void local_origin_free(struct local_origin *o)
{
	free(o->server);
	free(o->platform);
	*o = (struct local_origin){0};
}

/* "15.14\nx86_64, glibc 2.36\n" */
bool local_origin_read(const char *template, struct local_origin *ret)
{
	*ret = (struct local_origin){0};
	return read_two(template, ORIGIN_FILE, '\n', &ret->server,
			&ret->platform);
}

static bool is_password(const char *s)
{
	return strlen(s) == LOCAL_PASSWORD &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789") ==
		   LOCAL_PASSWORD;
}

bool local_template_is_whole(const char *template, enum dialect d)
{
	auto_local_origin struct local_origin origin = {0};
	auto_free char *mark =
	    fs_join(template, d == DIALECT_POSTGRES ? "data/global/pg_control"
						    : "data/ibdata1");
	auto_free char *password = NULL;
	auto_free char *root = NULL;

	return fs_exists(mark) && local_origin_read(template, &origin) &&
	       read_two(template, LOGIN_FILE, ' ', &password, &root) &&
	       is_password(password) && is_password(root);
}

char *local_template_path(const char *local_cache, const char *key)
{
	return fs_join(local_cache, key);
}

char *local_template_lock(const char *local_cache, const char *key)
{
	return xasprintf("%s/%s.lock", local_cache, key);
}

int local_template_publish(const char *whole, const char *template,
			   const char *old, struct error *err)
{
	if (rename(template, old) < 0 && errno != ENOENT)
		log_debug("'%s' cannot be moved away", template);
	if (rename(whole, template) < 0)
		return error_set_errno(err, ERROR_IO, errno,
				       "cannot publish '%s'", template);
	return 0;
}

static bool is_cached(struct local_provider *p, const char *template)
{
	auto_free char *data = fs_join(template, "data");

	return !p->base.spec.rebuild && fs_is_dir(data) &&
	       read_login(p, template);
}

/* The project's own command may know TCP only. */
static int migrate(struct local_provider *p, struct local_server *s,
		   const struct deadline *deadline, struct error *err)
{
	auto_db_address struct db_address a = {.dialect = s->address.dialect};
	struct doorway *doorway = NULL;
	int result;

	db_address_copy(&s->address, &a);
	if (migrations_has_command(p->base.spec.migrations)) {
		if (doorway_open(a.socket, &doorway, &a.port, err) < 0)
			return -1;
		a.host = xstrdup("127.0.0.1");
	}
	result = clean_migrate(&p->base, &a, p->base.spec.database, p->password,
			       deadline, err);
	doorway_close(doorway);
	return result;
}

static int fill(struct local_provider *p, struct local_server *s,
		const struct deadline *deadline, struct error *err)
{
	auto_db struct db *db = NULL;

	if (local_init_cluster(p, s, p->password, deadline, err) < 0 ||
	    local_server_start(p, s, p->password, "", deadline, &db, err) < 0)
		return -1;
	if (local_init_database(p, db, p->password, p->root_password, deadline,
				err) < 0 ||
	    migrate(p, s, deadline, err) < 0 ||
	    clean_keep(&p->base, db, deadline, err) < 0)
		return -1;
	db_close(take_ptr(&db));
	return local_server_shut_down(s, deadline, err);
}

/* Everything under a name of this session's, then one rename. What was there
 * under the key (with --rebuild) goes to the session, and with it. */
static int publish(struct local_provider *p, const struct local_server *s,
		   const char *template, struct error *err)
{
	auto_free char *half = xasprintf("%s.new", s->dir);
	auto_free char *old = xasprintf("%s.old", s->dir);
	auto_free char *data = fs_join(half, "data");
	auto_free char *login_file = fs_join(half, LOGIN_FILE);
	auto_free char *origin_file = fs_join(half, ORIGIN_FILE);
	auto_free char *platform = local_platform();
	auto_buf struct buf login = BUF_INIT;
	auto_buf struct buf origin = BUF_INIT;

	buf_printf(&login, "%s %s\n", p->password, p->root_password);
	buf_printf(&origin, "%s\n%s\n", p->programs.version, platform);
	if (mkdir(half, 0700) < 0 || rename(s->data, data) < 0)
		return error_set_errno(err, ERROR_IO, errno,
				       "cannot make directory '%s'", half);
	if (fs_write_file(login_file, login.s, login.len, 0600, err) < 0 ||
	    fs_write_file(origin_file, origin.s, origin.len, 0600, err) < 0)
		return -1;
	return local_template_publish(half, template, old, err);
}

static int build(struct local_provider *p, const char *template,
		 const struct deadline *deadline, struct error *err)
{
	struct local_server *s;
	int result;

	free(p->password);
	free(p->root_password);
	p->password = xcalloc(1, LOCAL_PASSWORD + 1);
	p->root_password = xcalloc(1, LOCAL_PASSWORD + 1);
	ident_random(p->password, LOCAL_PASSWORD);
	ident_random(p->root_password, LOCAL_PASSWORD);
	if (local_server_new(p, LOCAL_BUILDER, &s, err) < 0)
		return -1;
	result = fill(p, s, deadline, err);
	if (result == 0)
		result = publish(p, s, template, err);
	if (result < 0)
		local_about_disk(p, s, err);
	local_server_remove(p, s, NULL);
	p->built = result == 0;
	return result;
}

static int build_said(struct local_provider *p, const char *template,
		      const struct deadline *deadline, struct error *err)
{
	const char *service = p->base.spec.service;
	auto_free char *what = migrations_describe(p->base.spec.migrations);

	progress_step(p->base.progress, service,
		      "making the template of '%s' with '%s'", service,
		      p->programs.server);
	if (build(p, template, deadline, err) < 0)
		return -1;
	progress_done(p->base.progress, service,
		      "made the template of '%s'%s%s", service,
		      what ? ": " : "", what ? what : "");
	return 0;
}

/* With the cache usable: under a lock, so that of two processes one builds. */
static int ensure_cached(struct local_provider *p, const char *dir,
			 const struct deadline *deadline, struct error *err)
{
	auto_free char *template = local_template_path(dir, p->key);
	auto_free char *lock_path = local_template_lock(dir, p->key);
	struct lock lock = LOCK_INIT;
	int result = 0;

	if (hold_take(&p->hold, dir, p->key, deadline, err) < 0)
		return -1;
	if (!is_cached(p, template)) {
		if (template_lock(&p->base, &lock, lock_path, deadline, err) <
		    0)
			return -1;
		if (!is_cached(p, template))
			result = build_said(p, template, deadline, err);
		lock_remove(&lock);
	}
	if (result < 0) {
		hold_give_up(&p->hold);
		return -1;
	}
	p->template = take_ptr(&template);
	return 0;
}

int local_template_ensure(struct provider *base,
			  const struct deadline *deadline, struct error *err)
{
	struct local_provider *p = (struct local_provider *)base;
	const char *dir = base->owner.local_cache;
	auto_free char *template = NULL;

	if (!base->spec.no_cache && dir && !fs_mkdir_p(dir, 0700, NULL) &&
	    !access(dir, W_OK))
		return ensure_cached(p, dir, deadline, err);
	template = xasprintf("%s/%s-template", base->owner.local_dir,
			     base->spec.service);
	if (build_said(p, template, deadline, err) < 0)
		return -1;
	p->template = take_ptr(&template);
	return 0;
}
