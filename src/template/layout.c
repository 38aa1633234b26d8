/* SPDX-License-Identifier: MIT */
#include "template/layout.h"

#include "base/alloc.h"
#include "base/error.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const struct {
	enum layout layout;
	const char *word, *title;
	const char *tool, *mark; /* the mark is "-- TOOLMARK" */
} layouts[] = {
    {LAYOUT_AUTO, "auto", "", NULL, NULL},
    {LAYOUT_PLAIN, "plain", "plain SQL", NULL, NULL},
    {LAYOUT_UP, NULL, "golang-migrate or sqlx", NULL, NULL},
    {LAYOUT_GOLANG_MIGRATE, "golang-migrate", "golang-migrate", NULL, NULL},
    {LAYOUT_SQLX, "sqlx", "sqlx", NULL, NULL},
    {LAYOUT_FLYWAY, "flyway", "Flyway", NULL, NULL},
    {LAYOUT_DBMATE, "dbmate", "dbmate", "", "migrate:up"},
    {LAYOUT_GOOSE, "goose", "goose", "+goose ", "Up"},
    {LAYOUT_SQL_MIGRATE, "sql-migrate", "sql-migrate", "+migrate ", "Up"},
};

int layout_parse(const char *word, enum layout *ret)
{
	for (size_t i = 0; i < array_len(layouts); i++) {
		if (!layouts[i].word || strcmp(layouts[i].word, word) != 0)
			continue;
		*ret = layouts[i].layout;
		return 0;
	}
	return -1;
}

const char *layout_title(enum layout layout)
{
	return layouts[layout].title;
}

const char *layout_mark(enum layout layout)
{
	switch (layout) {
	case LAYOUT_DBMATE:
		return "-- migrate:up";
	case LAYOUT_GOOSE:
		return "-- +goose Up";
	case LAYOUT_SQL_MIGRATE:
		return "-- +migrate Up";
	default:
		return NULL;
	}
}

static const char *skip_blanks(const char *p)
{
	while (*p == ' ' || *p == '\t')
		p++;
	return p;
}

/* "-- +goose Up", with blanks as the tools take them. */
static bool is_mark(enum layout layout, const char *line)
{
	const char *tool = layouts[layout].tool;
	const char *mark = layouts[layout].mark;
	size_t n = strlen(tool);
	const char *p = skip_blanks(line);

	if (strncmp(p, "--", 2) != 0)
		return false;
	p = skip_blanks(p + 2);
	/* the blank behind the tool's name may be several */
	if (n && (strncmp(p, tool, n - 1) != 0 ||
		  (p[n - 1] != ' ' && p[n - 1] != '\t')))
		return false;
	p = skip_blanks(p + n);
	n = strlen(mark);
	return !strncasecmp(p, mark, n) && (!p[n] || strchr(" \t\r\n", p[n]));
}

bool layout_has_mark(enum layout layout, const char *text)
{
	for (const char *p = text; p; p = strchr(p, '\n')) {
		p += *p == '\n';
		if (is_mark(layout, p))
			return true;
	}
	return false;
}

/* Names */

static size_t digits(const char *s)
{
	return strspn(s, "0123456789");
}

static const char *base_name(const char *name)
{
	const char *slash = strrchr(name, '/');

	return slash ? slash + 1 : name;
}

/* 123_title.sql */
static bool take_number(struct layout_file *f)
{
	const char *name = base_name(f->name);
	size_t n = digits(name);
	const char *title = name + n + (name[n] == '_');

	if (!n)
		return false;
	f->version = xstrndup(name, n);
	f->title = xstrndup(title, strlen(title) - strlen(".sql"));
	return true;
}

/* Flyway: V1_2__title.sql, R__title.sql; 0: it is none. The version's
 * underscores become dots. */
static char flyway_name(const char *path, char **ret_version, char **ret_title)
{
	const char *name = base_name(path);
	const char *end = name[0] ? strstr(name + 1, "__") : NULL;
	size_t n = end ? (size_t)(end - name - 1) : 0;
	char kind = name[0];

	if (!end || !strchr("VURB", kind) || (kind == 'R') != (n == 0))
		return 0;
	if (n && (strspn(name + 1, "0123456789._") < n || !digits(name + 1) ||
		  !digits(end - 1)))
		return 0;
	*ret_version = n ? xstrndup(name + 1, n) : NULL;
	for (char *p = *ret_version; p && *p; p++)
		if (*p == '_')
			*p = '.';
	*ret_title = xstrndup(end + 2, strlen(end + 2) - strlen(".sql"));
	return kind;
}

bool layout_is_flyway(const char *path)
{
	auto_free char *version = NULL;
	auto_free char *title = NULL;

	return flyway_name(path, &version, &title) != 0;
}

/* What Flyway runs around its migrations: not a layout's sign by itself. */
bool layout_is_callback(const char *path)
{
	const char *name = base_name(path);
	bool before = !strncmp(name, "before", 6);

	return (before || !strncmp(name, "after", 5)) &&
	       name[before ? 6 : 5] >= 'A' && name[before ? 6 : 5] <= 'Z';
}

static size_t version_part(const char *v, const char **ret_digits)
{
	size_t n;

	while (*v == '0' && v[1] >= '0' && v[1] <= '9')
		v++;
	n = digits(v);
	*ret_digits = v;
	return n == 1 && *v == '0' ? 0 : n;
}

int layout_compare_versions(const char *a, const char *b)
{
	while (*a || *b) {
		const char *x, *y;
		size_t n = version_part(a, &x);
		size_t m = version_part(b, &y);
		int order = n == m ? strncmp(x, y, n) : n < m ? -1 : 1;

		if (order)
			return order < 0 ? -1 : 1;
		a = x + digits(x);
		b = y + digits(y);
		a += *a != '\0';
		b += *b != '\0';
	}
	return 0;
}

/* Recognising */

/* LAYOUT_AUTO: it has the marks of two tools. */
static enum layout layout_by_marks(const struct layout_file *f,
				   struct error *err)
{
	static const enum layout marked[] = {LAYOUT_DBMATE, LAYOUT_GOOSE,
					     LAYOUT_SQL_MIGRATE};
	enum layout found = LAYOUT_PLAIN;

	for (size_t i = 0; i < array_len(marked); i++) {
		if (!layout_has_mark(marked[i], f->text))
			continue;
		if (found != LAYOUT_PLAIN) {
			error_set(err, ERROR_CONFIG,
				  "'%s' has the marks of two layouts: '%s' and "
				  "'%s'",
				  f->path, layout_mark(found),
				  layout_mark(marked[i]));
			error_hint(err, "say which is meant with --layout");
			return LAYOUT_AUTO;
		}
		found = marked[i];
	}
	return found;
}

static enum layout layout_of(const struct layout_file *f, struct error *err)
{
	if (f->up)
		return LAYOUT_UP;
	if (layout_is_flyway(f->name))
		return LAYOUT_FLYWAY;
	return layout_by_marks(f, err);
}

static int two_layouts(const struct layout_file *a, enum layout one,
		       const struct layout_file *b, enum layout other,
		       struct error *err)
{
	error_set(err, ERROR_CONFIG,
		  "migrations of two layouts: '%s' is %s, '%s' is %s", a->path,
		  layout_title(one), b->path, layout_title(other));
	error_hint(err, "keep them apart, or say which are meant with "
			"--layout");
	return -1;
}

/* Folders of the directory are Flyway's alone to look into. */
static int recognise(const struct layout_files *files, enum layout *ret,
		     struct error *err)
{
	const struct layout_file *first = NULL;
	bool top = false;

	*ret = LAYOUT_PLAIN;
	for (size_t i = 0; i < files->n; i++)
		top |= !files->v[i].below;
	for (size_t i = 0; i < files->n; i++) {
		const struct layout_file *f = &files->v[i];
		enum layout layout = layout_of(f, err);

		if (layout == LAYOUT_AUTO)
			return -1;
		if (f->below ? top || layout != LAYOUT_FLYWAY
			     : layout_is_callback(f->name))
			continue;
		if (first && layout != *ret)
			return two_layouts(first, *ret, f, layout, err);
		if (!first)
			first = f;
		*ret = layout;
	}
	return 0;
}

/* What is run of a layout */

/* Ranks of Flyway's: a baseline stands for all up to its version. */
enum {
	RANK_VERSIONED,
	RANK_REPEATABLE,
	RANK_CALLBACK
};

static bool keep_flyway(struct layout_file *f)
{
	char kind = flyway_name(f->name, &f->version, &f->title);

	if (!kind && layout_is_callback(f->name)) {
		f->callback = true;
		f->rank = RANK_CALLBACK;
		/* no title of a migration is like that */
		f->title = xstrdup(base_name(f->name));
		return true;
	}
	f->rank = kind == 'R' ? RANK_REPEATABLE : RANK_VERSIONED;
	return kind == 'V' || kind == 'R' || kind == 'B';
}

/* Does the layout's tool run it? Fills in version and title. */
static bool keep(struct layout_file *f, enum layout layout)
{
	if (f->below && layout != LAYOUT_FLYWAY)
		return false;
	switch (layout) {
	case LAYOUT_FLYWAY:
		return keep_flyway(f);
	case LAYOUT_GOLANG_MIGRATE:
		return f->up && take_number(f);
	case LAYOUT_SQLX:
		return take_number(f);
	case LAYOUT_DBMATE:
		return take_number(f);
	default:
		take_number(f);
		return true;
	}
}

static void file_free(struct layout_file *f)
{
	free(f->path);
	free(f->name);
	free(f->text);
	free(f->version);
	free(f->title);
	*f = (struct layout_file){0};
}

void layout_files_free(struct layout_files *files)
{
	for (size_t i = 0; i < files->n; i++)
		file_free(&files->v[i]);
	free(files->v);
	*files = (struct layout_files){0};
}

/* Keeps those whose rank is not negative. */
static void drop_unwanted(struct layout_files *files)
{
	size_t kept = 0;

	for (size_t i = 0; i < files->n; i++) {
		if (files->v[i].rank < 0)
			file_free(&files->v[i]);
		else
			files->v[kept++] = files->v[i];
	}
	files->n = kept;
}

static bool is_baseline(const struct layout_file *f)
{
	return base_name(f->name)[0] == 'B';
}

/* An empty database begins with the newest baseline. */
static void begin_with_baseline(struct layout_files *files)
{
	const struct layout_file *newest = NULL;

	for (size_t i = 0; i < files->n; i++) {
		const struct layout_file *f = &files->v[i];

		if (is_baseline(f) &&
		    (!newest ||
		     layout_compare_versions(f->version, newest->version) > 0))
			newest = f;
	}
	for (size_t i = 0; newest && i < files->n; i++) {
		struct layout_file *f = &files->v[i];

		if (!f->version || !strcmp(f->name, newest->name))
			continue;
		if (is_baseline(f) ||
		    layout_compare_versions(f->version, newest->version) <= 0)
			f->rank = -1;
	}
	drop_unwanted(files);
}

/* Order */

static int by_name(const void *a, const void *b)
{
	const struct layout_file *x = a;
	const struct layout_file *y = b;
	int order = strcmp(x->name, y->name);

	if (!order)
		order = y->own - x->own;
	return order ? order : strcmp(x->path, y->path);
}

static int by_version(const void *a, const void *b)
{
	const struct layout_file *x = a;
	const struct layout_file *y = b;
	int order = x->rank - y->rank;

	if (!order && x->version && y->version)
		order = layout_compare_versions(x->version, y->version);
	if (!order && !x->version && !y->version)
		order = strcmp(x->title, y->title);
	return order ? order : by_name(a, b);
}

static int two_of_one(const struct layout_file *a, const struct layout_file *b,
		      struct error *err)
{
	return error_set(err, ERROR_CONFIG,
			 "two migrations of one version: '%s' and '%s'",
			 a->path, b->path);
}

static bool same_version(const struct layout_file *a,
			 const struct layout_file *b)
{
	if (a->version && b->version)
		return !layout_compare_versions(a->version, b->version);
	return !a->version && !b->version && a->title && b->title &&
	       !strcmp(a->title, b->title);
}

/* Of each name the dialect's own is left. */
static int leave_own(struct layout_files *files, bool unique, struct error *err)
{
	struct layout_file *before = NULL;

	for (size_t i = 0; i < files->n; i++) {
		struct layout_file *f = &files->v[i];
		bool same = before && !strcmp(before->name, f->name);

		if (same && before->own && !f->own) {
			f->rank = -1;
			continue;
		}
		if (before && (same || (unique && same_version(before, f))))
			return two_of_one(before, f, err);
		before = f;
	}
	drop_unwanted(files);
	return 0;
}

static bool all_numbered(const struct layout_files *files)
{
	for (size_t i = 0; i < files->n; i++)
		if (!files->v[i].version)
			return false;
	return true;
}

/* A file without the mark is one that its tool would refuse. */
static int check_marks(const struct layout_files *files, enum layout layout,
		       struct error *err)
{
	for (size_t i = 0; layout_mark(layout) && i < files->n; i++)
		if (!layout_has_mark(layout, files->v[i].text))
			return error_set(err, ERROR_CONFIG,
					 "'%s' has no line '%s'",
					 files->v[i].path, layout_mark(layout));
	return 0;
}

static int sort(struct layout_files *files, enum layout layout,
		struct error *err)
{
	bool numbers = all_numbered(files);
	/* plain files may share a number: they are nobody's versions */
	bool unique =
	    layout == LAYOUT_FLYWAY || (numbers && layout != LAYOUT_PLAIN);

	if (!files->n)
		return 0;
	if (layout == LAYOUT_DBMATE)
		numbers = false; /* it goes by name */
	qsort(files->v, files->n, sizeof(*files->v),
	      numbers || layout == LAYOUT_FLYWAY ? by_version : by_name);
	return leave_own(files, unique, err);
}

/* Files that look alike are the project's tool's; golang-migrate knows none
 * without ".up". */
static enum layout settle(const struct layout_files *files, enum layout layout,
			  enum layout project)
{
	if (!files->n || !all_numbered(files))
		return layout;
	if (layout == LAYOUT_UP ||
	    (layout == LAYOUT_PLAIN && project == LAYOUT_SQLX))
		return project;
	return layout;
}

int layout_arrange(struct layout_files *files, enum layout wanted,
		   enum layout project, enum layout *ret, struct error *err)
{
	enum layout layout = wanted;

	/* of two faults the same is told every time */
	if (files->n)
		qsort(files->v, files->n, sizeof(*files->v), by_name);
	if (wanted == LAYOUT_AUTO && recognise(files, &layout, err) < 0)
		return -1;
	for (size_t i = 0; i < files->n; i++)
		if (!keep(&files->v[i], layout))
			files->v[i].rank = -1;
	drop_unwanted(files);
	if (wanted == LAYOUT_AUTO)
		layout = settle(files, layout, project);
	if (layout == LAYOUT_FLYWAY)
		begin_with_baseline(files);
	if (check_marks(files, layout, err) < 0 || sort(files, layout, err) < 0)
		return -1;
	*ret = layout;
	return 0;
}
