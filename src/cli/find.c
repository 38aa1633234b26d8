/* SPDX-License-Identifier: MIT */
#include "cli/find.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/fs.h"
#include "cli/command.h"
#include "config/config.h"

#include <stdlib.h>
#include <string.h>

bool find_is_below(const char *dir, const char *project)
{
	size_t n = strlen(project);

	if (!strcmp(project, "/"))
		return true;
	return !strncmp(dir, project, n) && (!dir[n] || dir[n] == '/');
}

/* How well a session fits; 0: not at all. */
static size_t fit(const struct find_wish *wish, const struct session_hello *h)
{
	if (wish->session)
		return !strcmp(h->session, wish->session);
	if (wish->inherited && !strcmp(h->session, wish->inherited))
		return SIZE_MAX;
	if (h->inner && !wish->inner)
		return 0;
	if (wish->identity && !strcmp(h->identity, wish->identity))
		return SIZE_MAX - 1;
	if (!find_is_below(wish->dir, h->project))
		return 0;
	return 1 + strlen(h->project);
}

static bool is_live(const struct session_hello *h)
{
	return !strcmp(h->state, "ready") || !strcmp(h->state, "starting");
}

/* The best fit among the live, or among the others; *ret_ties counts it and
 * its equals. */
static int best(const struct find_wish *wish, const struct session_hello *list,
		size_t n, bool live, size_t *ret_ties)
{
	size_t most = 0;
	int found = -1;

	*ret_ties = 0;
	for (size_t i = 0; i < n; i++) {
		size_t f = is_live(&list[i]) == live ? fit(wish, &list[i]) : 0;

		if (f && f == most)
			++*ret_ties;
		if (f > most) {
			most = f;
			found = (int)i;
			*ret_ties = 1;
		}
	}
	return found;
}

static void hint_at(const struct session_hello *list, size_t n,
		    struct error *err)
{
	auto_buf struct buf b = BUF_INIT;

	if (!n) {
		error_hint(err, "'testenv up' starts one");
		return;
	}
	for (size_t i = 0; i < n; i++)
		buf_printf(&b, "%s%s (%s, %s)", i ? ", " : "", list[i].session,
			   list[i].project, list[i].state);
	error_hint(err, "choose one with --session: %s", b.s);
}

int find_choose(const struct find_wish *wish, const struct session_hello *list,
		size_t n, struct error *err)
{
	size_t ties;
	int i = best(wish, list, n, true, &ties);

	if (i < 0)
		i = best(wish, list, n, false, &ties);
	if (i >= 0 && ties == 1)
		return i;
	if (i >= 0)
		error_set(err, ERROR_NO_SESSION, "%zu sessions run for '%s'",
			  ties, wish->dir);
	else if (wish->session)
		error_set(err, ERROR_NO_SESSION, "no session '%s' runs",
			  wish->session);
	else
		error_set(err, ERROR_NO_SESSION, "no session runs for '%s'",
			  wish->dir);
	hint_at(list, n, err);
	return -1;
}

/* What the command line and the working directory say. A file that cannot be
 * read must not keep anybody from ending a session, unless it was named. */
struct place {
	char *dir;
	char identity[CONFIG_IDENTITY];
	bool has_identity;
};

static int find_place(const struct options *options, struct place *ret,
		      struct error *err)
{
	auto_error struct error why = ERROR_INIT;
	struct config config = {0};

	if (config_load_any(options->flags, options->n_flags, NULL, &config,
			    &why) == 0) {
		config_identity(&config, ret->identity);
		ret->has_identity = config.n_services > 0;
		ret->dir = xstrdup_or_null(config.project_dir);
		config_free(&config);
	} else if (options_get(options, "file")) {
		return error_move(err, &why);
	}
	if (!ret->dir)
		ret->dir = fs_absolute(".");
	return 0;
}

static struct session_hello *hellos(const struct session_list *list)
{
	struct session_hello *h = xcalloc(list->n, sizeof(*h));

	for (size_t i = 0; i < list->n; i++)
		session_client_hello(list->clients[i], &h[i]);
	return h;
}

int find_session(const struct cli *cli, const struct options *options,
		 const struct deadline *deadline, struct session_client **ret,
		 struct error *err)
{
	auto_session_list struct session_list list = SESSION_LIST_INIT;
	auto_free struct session_hello *h = NULL;
	struct place place = {0};
	struct find_wish wish = {0};
	int i;

	(void)cli;
	if (find_place(options, &place, err) < 0)
		return -1;
	if (session_client_list(deadline, &list, err) < 0) {
		free(place.dir);
		return -1;
	}
	h = hellos(&list);
	wish.session = options_get(options, "session");
	if (!options_get(options, "file"))
		wish.inherited = getenv("TESTENV_SESSION");
	wish.identity = place.has_identity ? place.identity : NULL;
	wish.dir = place.dir;
	i = find_choose(&wish, h, list.n, err);
	free(place.dir);
	if (i < 0)
		return -1;
	*ret = take_ptr(&list.clients[i]);
	return 0;
}

/* Takes those out that do not fit; inside a session, all but that one. */
static void keep_fitting(struct session_list *list,
			 const struct find_wish *wish)
{
	auto_free struct session_hello *h = hellos(list);
	bool inside = false;
	size_t n = 0;

	for (size_t i = 0; i < list->n; i++)
		inside |= fit(wish, &h[i]) == SIZE_MAX;
	for (size_t i = 0; i < list->n; i++) {
		size_t f = fit(wish, &h[i]);

		if (inside ? f == SIZE_MAX : f > 0)
			list->clients[n++] = list->clients[i];
		else
			session_client_free(list->clients[i]);
	}
	list->n = n;
}

int find_sessions(const struct cli *cli, const struct options *options,
		  bool all, const struct deadline *deadline,
		  struct session_list *ret, struct error *err)
{
	struct place place = {0};
	struct find_wish wish = {0};

	(void)cli;
	if (session_client_list(deadline, ret, err) < 0)
		return -1;
	if (all)
		return 0;
	wish.session = options_get(options, "session");
	if (!wish.session && find_place(options, &place, err) < 0)
		return -1;
	if (!options_get(options, "file"))
		wish.inherited = getenv("TESTENV_SESSION");
	wish.dir = place.dir;
	wish.inner = true;
	keep_fitting(ret, &wish);
	free(place.dir);
	return 0;
}

int find_parse_target(const char *text, char **ret_service, unsigned *ret_slot,
		      struct error *err)
{
	const char *dot = text ? strrchr(text, '.') : NULL;
	size_t digits = dot ? strspn(dot + 1, "0123456789") : 0;

	if (text && !*text)
		return error_set(err, ERROR_USAGE, "'' names no service");
	/* a service may have a dot in its name; a slot is a number */
	if (!digits || dot[1 + digits] || digits > 6) {
		*ret_service = xstrdup_or_null(text);
		*ret_slot = 0;
		return 0;
	}
	*ret_service =
	    dot == text ? NULL : xstrndup(text, (size_t)(dot - text));
	*ret_slot = (unsigned)strtoul(dot + 1, NULL, 10);
	return 0;
}
