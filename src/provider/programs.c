/* SPDX-License-Identifier: MIT */
#include "provider/programs.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/ident.h"
#include "base/log.h"
#include "base/ward.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	VERSION_MS = 10000,
	OUTPUT_MAX = 4096,
	FOUND_MAX = 32
};

/* Where to look behind PATH; * is a version. */
static const char *const postgres_dirs[] = {
    "/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/local/pgsql/bin",
    "/usr/lib/postgresql*/bin", NULL};
static const char *const mariadb_dirs[] = {
    "/usr/sbin", "/usr/local/sbin", "/usr/libexec",
    "/usr/bin",  "/usr/local/bin",  "/usr/local/mysql/bin",
    NULL};

static const char *const postgres_init[] = {"initdb", NULL};
static const char *const mariadb_init[] = {"mariadb-install-db",
					   "../bin/mariadb-install-db",
					   "../scripts/mariadb-install-db",
					   "mysql_install_db",
					   "../bin/mysql_install_db",
					   "../scripts/mysql_install_db",
					   NULL};
static const char *const postgres_server[] = {"postgres", NULL};
static const char *const mariadb_server[] = {"mariadbd", "mysqld", NULL};

void programs_list_free(struct programs_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->list[i].server);
		free(l->list[i].init);
		free(l->list[i].version);
	}
	free(l->list);
	*l = (struct programs_list)PROGRAMS_LIST_INIT;
}

char *programs_version(enum dialect d, const char *text)
{
	const char *mark = d == DIALECT_POSTGRES ? "(PostgreSQL) " : "Ver ";
	const char *at = strstr(text, mark);
	size_t len;

	if (!at || (d == DIALECT_MARIADB && !strstr(text, "MariaDB")))
		return NULL;
	at += strlen(mark);
	len = strspn(at, "0123456789.");
	while (len && at[len - 1] == '.')
		len--;
	return len ? xstrndup(at, len) : NULL;
}

/* By number, part by part. */
static int compare(const char *a, const char *b)
{
	for (;;) {
		char *a_end;
		char *b_end;
		unsigned long x = strtoul(a, &a_end, 10);
		unsigned long y = strtoul(b, &b_end, 10);

		if (x != y)
			return x < y ? -1 : 1;
		if (!*a_end || !*b_end)
			return (*a_end != 0) - (*b_end != 0);
		a = a_end + 1;
		b = b_end + 1;
	}
}

static int newest_first(const void *a, const void *b)
{
	const struct programs *x = a;
	const struct programs *y = b;
	int by_version = compare(y->version, x->version);

	/* a fixed order where two are the same version */
	return by_version ? by_version : strcmp(x->server, y->server);
}

/* The first of the names beside `dir` that can be run, without symlinks. */
static char *first_in(const char *dir, const char *const *names)
{
	for (; *names; names++) {
		auto_free char *path = fs_join(dir, *names);

		if (access(path, X_OK) == 0 && !fs_is_dir(path))
			return realpath(path, NULL);
	}
	return NULL;
}

static bool is_listed(const struct programs_list *l, const char *server)
{
	for (size_t i = 0; i < l->n; i++)
		if (!strcmp(l->list[i].server, server))
			return true;
	return false;
}

static int ask_version(struct wards *wards, const char *scratch,
		       const char *server, enum dialect d,
		       const struct deadline *deadline, char **ret,
		       struct error *err)
{
	auto_free char *log = fs_join(scratch, "version.log");
	auto_buf struct buf output = BUF_INIT_MAX(OUTPUT_MAX);
	auto_error struct error why = ERROR_INIT;
	struct deadline limit = deadline_sooner(*deadline, VERSION_MS);
	char *argv[] = {xstrdup(server), xstrdup("--version"), NULL};
	char *envp[] = {NULL};
	struct ward_spec spec = {.argv = argv, .envp = envp, .log = log};
	int status = 0;
	int result = ward_run(wards, &spec, &limit, &output, &status, &why);

	free(argv[0]);
	free(argv[1]);
	*ret = NULL;
	if (result < 0 && why.kind == ERROR_CANCELLED)
		return error_move(err, &why);
	if (result == 0 && status == 0)
		*ret = programs_version(d, output.s);
	if (!*ret)
		log_debug("'%s' tells no version: %s", server,
			  result < 0 ? why.text : output.s);
	return 0;
}

struct search {
	enum dialect dialect;
	struct wards *wards;
	const char *scratch;
	const struct deadline *deadline;
	struct programs_list found;
};

static int look_in(struct search *s, const char *dir, struct error *err)
{
	bool pg = s->dialect == DIALECT_POSTGRES;
	auto_free char *server =
	    first_in(dir, pg ? postgres_server : mariadb_server);
	auto_free char *real_dir = NULL;
	auto_free char *init = NULL;
	char *version;

	if (!server || is_listed(&s->found, server) || s->found.n >= FOUND_MAX)
		return 0;
	real_dir = xstrndup(server, (size_t)(strrchr(server, '/') - server));
	init = first_in(real_dir, pg ? postgres_init : mariadb_init);
	if (!init)
		return 0;
	if (ask_version(s->wards, s->scratch, server, s->dialect, s->deadline,
			&version, err) < 0)
		return -1;
	if (!version)
		return 0;
	s->found.list = xreallocarray(s->found.list, s->found.n + 1,
				      sizeof(*s->found.list));
	s->found.list[s->found.n++] = (struct programs){
	    .server = take_ptr(&server),
	    .init = take_ptr(&init),
	    .version = version,
	};
	return 0;
}

static int look_in_path(struct search *s, struct error *err)
{
	const char *path = getenv("PATH");

	while (path && *path) {
		size_t n = strcspn(path, ":");
		auto_free char *dir = xstrndup(path, n);

		/* what lies in the working directory is nobody's server */
		if (dir[0] == '/' && look_in(s, dir, err) < 0)
			return -1;
		path += n + (path[n] == ':');
	}
	return 0;
}

static int look_in_pattern(struct search *s, const char *pattern,
			   struct error *err)
{
	glob_t found;
	int result = 0;

	if (glob(pattern, 0, NULL, &found) != 0)
		return 0;
	for (size_t i = 0; i < found.gl_pathc && result == 0; i++)
		result = look_in(s, found.gl_pathv[i], err);
	globfree(&found);
	return result;
}

int programs_find(enum dialect d, struct wards *wards, const char *scratch,
		  const struct deadline *deadline, struct programs_list *ret,
		  struct error *err)
{
	struct search s = {d, wards, scratch, deadline, PROGRAMS_LIST_INIT};
	const char *const *dirs =
	    d == DIALECT_POSTGRES ? postgres_dirs : mariadb_dirs;
	int result = look_in_path(&s, err);

	for (; *dirs && result == 0; dirs++)
		result = look_in_pattern(&s, *dirs, err);
	if (result < 0) {
		programs_list_free(&s.found);
		return -1;
	}
	if (s.found.n)
		qsort(s.found.list, s.found.n, sizeof(*s.found.list),
		      newest_first);
	*ret = s.found;
	return 0;
}

void programs_look(enum dialect d, const struct deadline *deadline,
		   struct programs_list *ret)
{
	auto_free char *runtime = NULL;
	auto_free char *scratch = NULL;
	struct wards *wards = NULL;
	char name[] = "look-12345678";

	*ret = (struct programs_list)PROGRAMS_LIST_INIT;
	ident_random(strchr(name, '-') + 1, 8);
	if (fs_runtime_dir(&runtime, NULL) < 0 || wards_new(&wards, NULL) < 0)
		return;
	scratch = fs_join(runtime, name);
	if (fs_mkdir_p(scratch, 0700, NULL) == 0)
		programs_find(d, wards, scratch, deadline, ret, NULL);
	fs_remove_tree(scratch, NULL);
	wards_free(wards);
}

static const char *product(enum dialect d)
{
	return d == DIALECT_POSTGRES ? "PostgreSQL" : "MariaDB";
}

static int none_there(enum dialect d, struct error *err)
{
	error_set(err, ERROR_NO_SERVER,
		  "no %s server is installed on this machine", product(d));
	error_hint(err, "on Debian: apt-get install %s",
		   d == DIALECT_POSTGRES ? "postgresql"
					 : "mariadb-server-core");
	return -1;
}

bool programs_is_version(const char *version, const char *asked)
{
	size_t len = asked ? strlen(asked) : 0;

	return !len || (!strncmp(version, asked, len) &&
			(!version[len] || version[len] == '.'));
}

const struct programs *programs_choose(const struct programs_list *list,
				       enum dialect d, const char *version,
				       struct error *err)
{
	auto_buf struct buf there = BUF_INIT;

	if (!list->n) {
		none_there(d, err);
		return NULL;
	}
	for (size_t i = 0; i < list->n; i++) {
		const char *v = list->list[i].version;

		if (programs_is_version(v, version))
			return &list->list[i];
		buf_printf(&there, "%s%s", i ? ", " : "", v);
	}
	error_set(err, ERROR_NO_SERVER,
		  "%s %s is not installed on this machine, which has %s",
		  product(d), version, there.s);
	return NULL;
}
