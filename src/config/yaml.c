/* SPDX-License-Identifier: MIT */
#include "config/yaml.h"

#include "base/alloc.h"
#include "base/error.h"

#include <libfyaml.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
	NODES_MAX = 20000,
	DEPTH_MAX = 32
};

struct reading {
	const char *name;
	unsigned nodes;
	struct error *err;
};

void yaml_free(struct yaml *y)
{
	for (size_t i = 0; i < y->n; i++)
		yaml_free(&y->children[i]);
	free(y->children);
	free(y->key);
	free(y->text);
	*y = (struct yaml)YAML_INIT;
}

const struct yaml *yaml_get(const struct yaml *map, const char *key)
{
	for (size_t i = 0; map && map->kind == YAML_MAP && i < map->n; i++)
		if (!strcmp(map->children[i].key, key))
			return &map->children[i];
	return NULL;
}

/* libfyaml counts both from 0. */
static void mark(struct fy_node *node, int *line, int *column)
{
	struct fy_token *token = fy_node_get_scalar_token(node);
	const struct fy_mark *at = token ? fy_token_start_mark(token) : NULL;

	if (!at)
		return;
	*line = at->line + 1;
	*column = at->column + 1;
}

static int read_node(struct reading *r, struct fy_node *node, int depth,
		     struct yaml *ret);

static int fail(struct reading *r, const struct yaml *at, const char *what)
{
	return error_set(r->err, ERROR_CONFIG, "%s:%d:%d: %s", r->name,
			 at->line, at->column, what);
}

static void read_scalar(struct fy_node *node, struct yaml *ret)
{
	size_t len = 0;
	const char *text = fy_node_get_scalar(node, &len);

	ret->text = xstrndup(text ? text : "", text ? len : 0);
	ret->kind = YAML_SCALAR;
	if (fy_node_get_style(node) != FYNS_PLAIN &&
	    fy_node_get_style(node) != FYNS_ANY)
		return;
	if (!*ret->text || !strcmp(ret->text, "~") ||
	    !strcmp(ret->text, "null"))
		ret->kind = YAML_NULL;
}

static struct yaml *add_child(struct yaml *parent)
{
	struct yaml *child;

	parent->children = xreallocarray(parent->children, parent->n + 1,
					 sizeof(*parent->children));
	child = &parent->children[parent->n++];
	*child = (struct yaml)YAML_INIT;
	child->line = child->key_line = parent->line;
	child->column = child->key_column = parent->column;
	return child;
}

static int read_list(struct reading *r, struct fy_node *node, int depth,
		     struct yaml *ret)
{
	void *iter = NULL;
	struct fy_node *item;

	ret->kind = YAML_LIST;
	while ((item = fy_node_sequence_iterate(node, &iter)))
		if (read_node(r, item, depth, add_child(ret)) < 0)
			return -1;
	return 0;
}

/* What "<<" names: a map, or a list of maps. Keys that are there stay. */
static int read_merge(struct reading *r, struct fy_node *value, int depth,
		      struct yaml *ret)
{
	struct yaml from = YAML_INIT;
	struct yaml *maps = &from;
	size_t n = 1;
	int rc = 0;

	from.line = ret->line;
	from.column = ret->column;
	rc = read_node(r, value, depth, &from);
	if (rc == 0 && from.kind == YAML_LIST) {
		maps = from.children;
		n = from.n;
	}
	for (size_t i = 0; rc == 0 && i < n; i++) {
		if (maps[i].kind != YAML_MAP)
			rc = fail(r, &maps[i], "'<<' needs a mapping");
		for (size_t k = 0; rc == 0 && k < maps[i].n; k++) {
			struct yaml *child;

			if (yaml_get(ret, maps[i].children[k].key))
				continue;
			child = add_child(ret);
			*child = maps[i].children[k];
			maps[i].children[k] = (struct yaml)YAML_INIT;
		}
	}
	yaml_free(&from);
	return rc;
}

static int read_pair(struct reading *r, struct fy_node_pair *pair, int depth,
		     struct yaml *ret)
{
	struct fy_node *key = fy_node_pair_key(pair);
	struct yaml *child;
	size_t len = 0;
	const char *text;

	if (!key || !fy_node_is_scalar(key))
		return fail(r, ret, "a key must be a word");
	text = fy_node_get_scalar(key, &len);
	child = add_child(ret);
	child->key = xstrndup(text ? text : "", text ? len : 0);
	mark(key, &child->line, &child->column);
	child->key_line = child->line;
	child->key_column = child->column;
	return read_node(r, fy_node_pair_value(pair), depth, child);
}

static bool is_merge(struct fy_node_pair *pair)
{
	size_t len = 0;
	struct fy_node *key = fy_node_pair_key(pair);
	const char *text =
	    key && fy_node_is_scalar(key) ? fy_node_get_scalar(key, &len) : "";

	return text && len == 2 && !strncmp(text, "<<", 2);
}

static int read_map(struct reading *r, struct fy_node *node, int depth,
		    struct yaml *ret)
{
	void *iter = NULL;
	struct fy_node_pair *pair;

	ret->kind = YAML_MAP;
	while ((pair = fy_node_mapping_iterate(node, &iter)))
		if (!is_merge(pair) && read_pair(r, pair, depth, ret) < 0)
			return -1;
	iter = NULL;
	while ((pair = fy_node_mapping_iterate(node, &iter)))
		if (is_merge(pair) &&
		    read_merge(r, fy_node_pair_value(pair), depth, ret) < 0)
			return -1;
	return 0;
}

static int read_node(struct reading *r, struct fy_node *node, int depth,
		     struct yaml *ret)
{
	if (!node) {
		ret->kind = YAML_NULL;
		return 0;
	}
	mark(node, &ret->line, &ret->column);
	if (++r->nodes > NODES_MAX)
		return fail(r, ret, "too large, with its aliases followed");
	if (depth >= DEPTH_MAX)
		return fail(r, ret, "nested too deeply");
	if (fy_node_is_alias(node)) {
		node = fy_node_resolve_alias(node);
		if (!node)
			return fail(r, ret, "no such anchor");
		return read_node(r, node, depth + 1, ret);
	}
	switch (fy_node_get_type(node)) {
	case FYNT_SEQUENCE:
		return read_list(r, node, depth + 1, ret);
	case FYNT_MAPPING:
		return read_map(r, node, depth + 1, ret);
	case FYNT_SCALAR:
		break;
	}
	read_scalar(node, ret);
	return 0;
}

/* Nothing but blanks and comments: no document for the parser, an empty one for
 * people. */
static bool is_blank(const char *text, size_t len)
{
	bool comment = false;

	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\n')
			comment = false;
		else if (text[i] == '#')
			comment = true;
		else if (!comment && text[i] != ' ' && text[i] != '\r')
			return false;
	}
	return true;
}

/* The first thing the parser complained about. */
static int syntax_error(const char *name, struct fy_diag *diag,
			struct error *err)
{
	void *iter = NULL;
	struct fy_diag_error *e = fy_diag_errors_iterate(diag, &iter);

	if (!e)
		return error_set(err, ERROR_CONFIG, "%s: not a YAML file",
				 name);
	return error_set(err, ERROR_CONFIG, "%s:%d:%d: %s", name, e->line,
			 e->column, e->msg);
}

static int read_document(const char *name, struct fy_document *doc,
			 struct yaml *ret, struct error *err)
{
	struct reading r = {name, 0, err};
	struct yaml root = YAML_INIT;

	root.line = root.column = root.key_line = root.key_column = 1;
	if (read_node(&r, fy_document_root(doc), 0, &root) < 0) {
		yaml_free(&root);
		return -1;
	}
	*ret = root;
	return 0;
}

int yaml_parse(const char *name, const char *text, size_t len, struct yaml *ret,
	       struct error *err)
{
	struct fy_diag_cfg diag_cfg;
	struct fy_parse_cfg cfg = {.flags = FYPCF_DISABLE_MMAP_OPT};
	struct fy_document *doc;
	int rc;

	if (is_blank(text, len)) {
		*ret = (struct yaml){.line = 1, .column = 1};
		return 0;
	}
	fy_diag_cfg_default(&diag_cfg);
	diag_cfg.fp = NULL;
	cfg.diag = fy_diag_create(&diag_cfg);
	if (!cfg.diag)
		return error_set(err, ERROR_INTERNAL, "no YAML parser");
	fy_diag_set_collect_errors(cfg.diag, true);
	doc = fy_document_build_from_string(&cfg, text, len);
	if (doc)
		rc = read_document(name, doc, ret, err);
	else
		rc = syntax_error(name, cfg.diag, err);
	fy_document_destroy(doc);
	fy_diag_destroy(cfg.diag);
	return rc;
}
