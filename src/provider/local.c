/* SPDX-License-Identifier: MIT */
#include "provider/local.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/ident.h"
#include "base/log.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "dialect/clone.h"
#include "dialect/db.h"
#include "provider/cache.h"
#include "provider/clean.h"
#include "provider/slot_user.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	CLOSE_WIDTH = 8
};

static struct local_provider *of(struct provider *p)
{
	return (struct local_provider *)p;
}

static void slot_address(const struct local_provider *p,
			 const struct local_server *s, const char *database,
			 struct db_address *ret)
{
	db_address_copy(&s->address, ret);
	free(ret->user);
	free(ret->password);
	free(ret->database);
	ret->user = xstrdup(p->base.spec.user);
	ret->password = xstrdup(p->slot_password);
	ret->database = xstrdup(database);
}

/* Gives its roles the session's passwords: the template's are every session's
 * that uses it. */
static int claim(struct local_provider *p, struct local_server *s,
		 struct db *db, const struct deadline *deadline,
		 struct error *err)
{
	bool mariadb = p->base.spec.dialect == DIALECT_MARIADB;
	const char *admin = mariadb ? p->slot_root_password : p->slot_password;

	if (db_set_passwords(db, p->base.spec.user, p->slot_password,
			     mariadb ? admin : NULL, deadline, err) < 0 ||
	    clones_open(db,
			s->slot == LOCAL_SHARED ? NULL : p->base.spec.database,
			deadline, &s->clones, err) < 0)
		return error_wrap(err, "server '%s'", s->dir);
	free(s->address.password);
	s->address.password = xstrdup(admin);
	return 0;
}

static int start_server(struct local_provider *p, int slot,
			const struct deadline *deadline,
			struct local_server **ret, struct error *err)
{
	auto_free char *template = fs_join(p->template, "data");
	uid_t uid = p->drop ? p->uid : (uid_t)-1;
	auto_db struct db *db = NULL;
	struct local_server *s;

	if (local_server_new(p, slot, &s, err) < 0)
		return -1;
	if (fs_copy_tree(template, s->data, uid, p->gid, err) < 0 ||
	    local_server_start(p, s, p->password, p->root_password, deadline,
			       &db, err) < 0 ||
	    claim(p, s, db, deadline, err) < 0) {
		local_about_disk(p, s, err);
		local_server_remove(p, s, NULL);
		return -1;
	}
	*ret = s;
	return 0;
}

static int slot_start(struct provider *base, unsigned slot,
		      const struct deadline *deadline, struct db_address *ret,
		      struct error *err)
{
	struct local_server *s;

	if (start_server(of(base), (int)slot, deadline, &s, err) < 0)
		return -1;
	slot_address(of(base), s, base->spec.database, ret);
	return 0;
}

static int restore(struct local_provider *p, struct local_server *s,
		   const struct deadline *deadline, struct error *err)
{
	auto_db struct db *db = NULL;

	if (db_connect(&s->address, deadline, &db, err) < 0)
		return err && err->kind == ERROR_CANCELLED ? -1 : 0;
	return clean_restore(&p->base, s->clones, db, s->dir, deadline, err);
}

static int slot_clean(struct provider *base, unsigned slot, bool same_owner,
		      const struct deadline *deadline, struct db_address *ret,
		      struct error *err)
{
	struct local_provider *p = of(base);
	struct local_server *s = local_server_find(p, (int)slot);
	auto_error struct error why = ERROR_INIT;
	int done = s ? restore(p, s, deadline, &why) : 0;

	(void)same_owner; /* its way there is the same, whatever is behind */
	if (done == 1) {
		slot_address(p, s, base->spec.database, ret);
		return 0;
	}
	if (done < 0)
		return error_move(err, &why);
	/* whatever is wrong with it, a new one from the template is right */
	log_debug("slot %u gets a new server: %s", slot, error_text(&why));
	if (s && local_server_remove(p, s, err) < 0)
		return -1;
	return slot_start(base, slot, deadline, ret, err);
}

static int slot_stop(struct provider *base, unsigned slot,
		     const struct deadline *deadline, struct error *err)
{
	struct local_server *s = local_server_find(of(base), (int)slot);

	(void)deadline;
	return s ? local_server_remove(of(base), s, err) : 0;
}

/* The first slot that is started brings up the server; the others wait. */
static int shared_server(struct local_provider *p,
			 const struct deadline *deadline,
			 struct local_server **ret, struct error *err)
{
	int result = 0;

	pthread_mutex_lock(&p->start_mutex);
	*ret = local_server_find(p, LOCAL_SHARED);
	if (*ret && local_server_retire(p, *ret))
		*ret = NULL;
	if (!*ret) {
		p->public_dropped = false;
		result = start_server(p, LOCAL_SHARED, deadline, ret, err);
	}
	if (result == 0 && !p->public_dropped) {
		auto_db struct db *db = NULL;

		/* it would be common to all who name it in full */
		result = local_server_admin(*ret, deadline, &db, err);
		if (result == 0)
			result = clone_drop(db, p->base.spec.database, deadline,
					    err);
		p->public_dropped = result == 0;
	}
	pthread_mutex_unlock(&p->start_mutex);
	return result;
}

static int shared_clean(struct provider *base, unsigned slot, bool same_owner,
			const struct deadline *deadline, struct db_address *ret,
			struct error *err)
{
	auto_free char *database = clean_name(base, slot);
	auto_free char *user = slot_user_name(base, slot);
	const char *password = of(base)->slot_password;
	auto_db struct db *db = NULL;
	struct local_server *s = NULL;

	(void)same_owner;
	if (shared_server(of(base), deadline, &s, err) < 0 ||
	    local_server_admin(s, deadline, &db, err) < 0 ||
	    (user && slot_user_shut_out(db, user, deadline, err) < 0) ||
	    clean_database(base, s->clones, db, &s->address, database, password,
			   s->dir, deadline, err) < 0 ||
	    (user &&
	     slot_user_let_in(db, user, password, database, deadline, err) < 0))
		return local_about_disk(of(base), s, err);
	slot_address(of(base), s, database, ret);
	ret->slot_user = take_ptr(&user);
	return 0;
}

static int shared_start(struct provider *base, unsigned slot,
			const struct deadline *deadline, struct db_address *ret,
			struct error *err)
{
	return shared_clean(base, slot, false, deadline, ret, err);
}

static int shared_stop(struct provider *base, unsigned slot,
		       const struct deadline *deadline, struct error *err)
{
	auto_free char *database = clean_name(base, slot);
	struct local_server *s = local_server_find(of(base), LOCAL_SHARED);
	auto_db struct db *db = NULL;

	/* with a server its databases end */
	if (!s || local_server_retire(of(base), s))
		return 0;
	if (local_server_admin(s, deadline, &db, err) < 0)
		return -1;
	return clone_drop(db, database, deadline, err);
}

static int slot_states(struct provider *base, unsigned slot,
		       const struct deadline *deadline,
		       struct db_state *ret_template, struct db_state *ret_now,
		       struct error *err)
{
	bool shared = base->spec.isolation == ISOLATE_DATABASE;
	auto_free char *name =
	    shared ? clean_name(base, slot) : xstrdup(base->spec.database);
	struct local_server *s =
	    local_server_find(of(base), shared ? LOCAL_SHARED : (int)slot);
	auto_db struct db *db = NULL;

	if (!s)
		return error_set(err, ERROR_REFUSED, "slot %u has no database",
				 slot);
	if (local_server_admin(s, deadline, &db, err) < 0)
		return -1;
	return clean_states(base, s->clones, db, name, deadline, ret_template,
			    ret_now, err);
}

static char *slot_name(struct provider *base, unsigned slot)
{
	struct local_server *s = local_server_find(
	    of(base), base->spec.isolation == ISOLATE_DATABASE ? LOCAL_SHARED
							       : (int)slot);

	return s ? xstrdup(s->dir) : NULL;
}

static void facts(const struct provider *base, struct provider_facts *ret)
{
	const struct local_provider *p = (const struct local_provider *)base;

	*ret = (struct provider_facts){
	    .image = p->programs.server,
	    .template_key = p->key,
	    .template_built = p->built,
	    .server_version = p->programs.version,
	    .via = "unix socket",
	};
}

struct close_ctx {
	struct local_provider *p;
	struct local_server **servers;
};

static int close_one(void *arg, size_t i, struct error *err)
{
	struct close_ctx *ctx = arg;
	auto_error struct error why = ERROR_INIT;

	(void)err; /* the others are still to be removed */
	if (local_server_remove(ctx->p, ctx->servers[i], &why) < 0)
		progress_notice(ctx->p->base.progress,
				"%s (left to 'testenv gc')", why.text);
	return 0;
}

static void close_provider(struct provider *base,
			   const struct deadline *deadline)
{
	struct local_provider *p = of(base);
	auto_free struct local_server **servers = NULL;
	size_t n = p->n_servers;
	struct close_ctx ctx = {p, NULL};

	/* each end is bounded */
	/* a copy: each removal takes its own out of the list */
	if (n) {
		servers = xcalloc(n, sizeof(struct local_server *));
		memcpy(servers, p->servers, n * sizeof(struct local_server *));
	}
	ctx.servers = servers;
	parallel_run(n, CLOSE_WIDTH, close_one, &ctx, NULL);
	lock_release(&p->hold);
	if (p->built && !base->spec.no_cache)
		cache_trim(&(struct cache){NULL, base->owner.cache_dir,
					   base->owner.local_cache},
			   base->spec.cache_bytes, deadline);
	wards_free(p->wards);
	pthread_mutex_destroy(&p->start_mutex);
	pthread_mutex_destroy(&p->mutex);
	free(p->servers);
	free(p->programs.server);
	free(p->programs.init);
	free(p->programs.version);
	free(p->locale);
	free(p->template);
	free(p->password);
	free(p->root_password);
	free(p);
}

static const struct provider_ops local_ops = {
    .template_ensure = local_template_ensure,
    .slot_start = slot_start,
    .slot_clean = slot_clean,
    .slot_states = slot_states,
    .slot_stop = slot_stop,
    .slot_name = slot_name,
    .facts = facts,
    .close = close_provider,
};

static const struct provider_ops shared_ops = {
    .template_ensure = local_template_ensure,
    .slot_start = shared_start,
    .slot_clean = shared_clean,
    .slot_states = slot_states,
    .slot_stop = shared_stop,
    .slot_name = slot_name,
    .facts = facts,
    .close = close_provider,
};

/* No server runs as root (Postgres refuses it). `nobody` owns nothing else on
 * the machine, unlike the user of an installed server. */
static int choose_user(struct local_provider *p, struct error *err)
{
	static const char *const names[] = {"nobody", "postgres", "mysql"};
	struct passwd entry;
	struct passwd *found = NULL;
	char room[4096];

	if (geteuid() != 0)
		return 0;
	for (size_t i = 0; i < array_len(names) && !found; i++)
		getpwnam_r(names[i], &entry, room, sizeof(room), &found);
	if (!found || !found->pw_uid)
		return error_set(err, ERROR_NO_SERVER,
				 "there is no user 'nobody' for a server that "
				 "root starts");
	p->drop = true;
	p->uid = found->pw_uid;
	p->gid = found->pw_gid;
	return 0;
}

static int choose_programs(struct local_provider *p,
			   const struct deadline *deadline, struct error *err)
{
	auto_programs_list struct programs_list list = PROGRAMS_LIST_INIT;
	const struct provider_spec *spec = &p->base.spec;
	const struct programs *chosen;

	if (programs_find(spec->dialect, p->wards, p->base.owner.run_dir,
			  deadline, &list, err) < 0)
		return -1;
	chosen = programs_choose(&list, spec->dialect, spec->version, err);
	if (!chosen)
		return -1;
	p->programs = (struct programs){
	    .server = xstrdup(chosen->server),
	    .init = xstrdup(chosen->init),
	    .version = xstrdup(chosen->version),
	};
	return 0;
}

static void make_key(struct local_provider *p)
{
	const struct provider_spec *spec = &p->base.spec;
	auto_free char *base = xasprintf("local %s", p->programs.version);
	auto_free char *platform = local_platform();
	auto_buf struct buf settings = BUF_INIT;

	/* 2: the version of how a template is made; raise it when its content
	 * changes for the same migrations */
	buf_printf(&settings, "2\n%s\n%s\n%s\n%s\n", spec->user, spec->database,
		   p->locale, platform);
	migrations_key(spec->migrations, spec->dialect, base, settings.s,
		       p->key);
}

int provider_open_local(const struct provider_spec *spec,
			const struct ownership *owner,
			const struct deadline *deadline,
			const struct progress *progress, struct provider **ret,
			struct error *err)
{
	struct local_provider *p = xcalloc(1, sizeof(*p));

	p->hold = (struct lock)LOCK_INIT;
	p->base = (struct provider){
	    spec->isolation == ISOLATE_DATABASE ? &shared_ops : &local_ops,
	    *spec, *owner, progress};
	p->uid = (uid_t)-1;
	p->gid = (gid_t)-1;
	pthread_mutex_init(&p->mutex, NULL);
	pthread_mutex_init(&p->start_mutex, NULL);
	ident_random(p->slot_password, LOCAL_PASSWORD);
	ident_random(p->slot_root_password, LOCAL_PASSWORD);
	p->locale = xstrdup(local_locale());
	if (choose_user(p, err) < 0 || wards_new(&p->wards, err) < 0 ||
	    choose_programs(p, deadline, err) < 0) {
		provider_close(&p->base, deadline);
		return -1;
	}
	make_key(p);
	*ret = &p->base;
	return 0;
}
