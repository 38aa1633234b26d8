/* SPDX-License-Identifier: MIT */
#include "session/estate.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/ident.h"
#include "base/log.h"
#include "docker/engine.h"
#include "provider/existing.h"
#include "provider/local_sweep.h"
#include "provider/sweep.h"
#include "session/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* At the end of an encoded engine. */
#define ENCODED_SWARM "\tswarm"

/* The parts of a candidate that are needed to reach it again, one a line. No
 * path of a key file holds a newline on a sane machine, and one that did would
 * only make the engine unreachable for the clean-up. */
char *engine_encode(const struct engine *engine, bool swarm)
{
	const struct engine_candidate *c = engine_candidate(engine);

	return xasprintf(
	    "%s\t%s\t%s\t%s\t%d%s", c->host, c->ca_file ? c->ca_file : "",
	    c->cert_file ? c->cert_file : "", c->key_file ? c->key_file : "",
	    c->skip_verify, swarm ? ENCODED_SWARM : "");
}

bool engine_encoded_swarm(const char *encoded)
{
	size_t len = strlen(encoded);
	size_t mark = strlen(ENCODED_SWARM);

	return len > mark && !strcmp(encoded + len - mark, ENCODED_SWARM);
}

static char *next_field(const char **p)
{
	size_t len = strcspn(*p, "\t");
	char *s = len ? xstrndup(*p, len) : NULL;

	*p += len + ((*p)[len] == '\t');
	return s;
}

int engine_open_encoded(const char *encoded, const struct deadline *deadline,
			struct engine **ret, struct error *err)
{
	struct engine_candidates one = {xcalloc(1, sizeof(*one.list)), 1};
	struct engine_candidate *c = one.list;
	const char *p = encoded;
	int result;

	c->host = next_field(&p);
	c->ca_file = next_field(&p);
	c->cert_file = next_field(&p);
	c->key_file = next_field(&p);
	c->skip_verify = *p == '1';
	if (!c->host)
		result = error_set(err, ERROR_INTERNAL, "no engine is noted");
	else
		result = engine_open_host(c, deadline, ret, err);
	engine_candidates_free(&one);
	return result;
}

static const char *kind_word(enum estate_kind kind)
{
	switch (kind) {
	case ESTATE_RUN_DIR:
		return "run";
	case ESTATE_DATA_DIR:
		return "data";
	case ESTATE_LOCAL_DIR:
		return "local";
	case ESTATE_SERVERS:
		return "servers";
	case ESTATE_ENGINE:
		return "engine";
	}
	return "?";
}

int estate_note(const char *run_dir, enum estate_kind kind, const char *value,
		struct error *err)
{
	auto_free char *path = fs_join(run_dir, ESTATE_FILE);
	auto_close int fd =
	    open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	auto_buf struct buf line = BUF_INIT;

	buf_printf(&line, "%s %s\n", kind_word(kind), value);
	if (fd < 0 || write(fd, line.s, line.len) != (ssize_t)line.len)
		return error_set_errno(err, ERROR_IO, errno,
				       "cannot write '%s'", path);
	return 0;
}

void estate_free(struct estate *e)
{
	free(e->session);
	free(e->run_dir);
	free(e->data_dir);
	free(e->local_dir);
	free(e->engine);
	free(e->servers);
	*e = (struct estate){0};
}

static void take_line(struct estate *e, const char *line)
{
	char **slot = NULL;

	if (!strncmp(line, "data ", 5))
		slot = &e->data_dir;
	else if (!strncmp(line, "local ", 6))
		slot = &e->local_dir;
	else if (!strncmp(line, "servers ", 8))
		slot = &e->servers;
	else if (!strncmp(line, "engine ", 7))
		slot = &e->engine;
	if (!slot)
		return;
	free(*slot);
	*slot = xstrdup(strchr(line, ' ') + 1);
}

int estate_read(const char *run_dir, struct estate *ret, struct error *err)
{
	auto_free char *path = fs_join(run_dir, ESTATE_FILE);
	auto_buf struct buf text = BUF_INIT_MAX(65536);
	const char *slash = strrchr(run_dir, '/');
	struct estate e = {0};
	char *save = NULL;

	if (fs_exists(path) && fs_read_file(path, &text, err) < 0)
		return -1;
	e.run_dir = xstrdup(run_dir);
	e.session = xstrdup(slash ? slash + 1 : run_dir);
	for (char *line = strtok_r(text.s, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save))
		take_line(&e, line);
	*ret = e;
	return 0;
}

static int clean_engine(const struct estate *e, const struct deadline *deadline,
			struct error *err)
{
	struct engine *engine = NULL;
	int result;

	if (engine_open_encoded(e->engine, deadline, &engine, err) < 0)
		return -1;
	result = sweep_session(engine, e->session, e->run_dir,
			       engine_encoded_swarm(e->engine), deadline, err);
	engine_free(engine);
	return result;
}

/* Each in turn, past one that does not answer. */
static int clean_servers(const struct estate *e,
			 const struct deadline *deadline, struct error *err)
{
	const char *p = e->servers;
	int result = 0;

	while (*p) {
		size_t len = strcspn(p, "\t");
		auto_free char *url = xstrndup(p, len);

		if (len && existing_sweep(url, e->session, deadline,
					  result < 0 ? NULL : err) < 0)
			result = -1;
		p += len + (p[len] == '\t');
	}
	return result;
}

/* A directory is only removed if its last part is the session's id: no estate
 * file, however it came to be, makes us remove anything else. */
static bool is_sessions_dir(const char *path, const char *session)
{
	const char *slash = path ? strrchr(path, '/') : NULL;

	return slash && path[0] == '/' && session[0] &&
	       !strcmp(slash + 1, session);
}

/* A server that has only just lost its owner may still write there. */
static int clean_dir(const struct estate *e, const char *dir,
		     const struct deadline *deadline, struct error *err)
{
	auto_free char *early = NULL;

	if (!is_sessions_dir(dir, e->session))
		return 0;
	/* it may have been in the making */
	early =
	    xasprintf("%.*s" ESTATE_EARLY "%s",
		      (int)(strlen(dir) - strlen(e->session)), dir, e->session);
	if (local_sweep(dir, deadline, err) < 0 ||
	    fs_remove_tree(early, err) < 0)
		return -1;
	return fs_remove_tree(dir, err);
}

int estate_clean(const struct estate *estate, const struct deadline *deadline,
		 struct error *err)
{
	if (estate->engine && clean_engine(estate, deadline, err) < 0)
		return error_wrap(err, "session '%s'", estate->session);
	if (estate->servers && clean_servers(estate, deadline, err) < 0)
		return error_wrap(err, "session '%s'", estate->session);
	/* the run directory goes last: while it is there, gc finds the rest */
	if (clean_dir(estate, estate->local_dir, deadline, err) < 0 ||
	    clean_dir(estate, estate->data_dir, deadline, err) < 0 ||
	    clean_dir(estate, estate->run_dir, deadline, err) < 0)
		return error_wrap(err, "session '%s'", estate->session);
	return 0;
}
