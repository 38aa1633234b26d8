/* SPDX-License-Identifier: MIT */
/*
 * config/yaml.h - a YAML file as a plain tree that knows its positions.
 *
 * Aliases and merge keys ("<<") are already followed; both the number of nodes
 * and their depth are bounded, so that a small file cannot become a large tree.
 */
#ifndef CONFIG_YAML_H
#define CONFIG_YAML_H

#include <stddef.h>

struct error;

enum yaml_kind {
	YAML_NULL, /* nothing, ~ or null */
	YAML_SCALAR,
	YAML_MAP,
	YAML_LIST
};

struct yaml {
	enum yaml_kind kind;
	char *key;        /* in a map; else NULL */
	char *text;       /* of a scalar */
	int line, column; /* 1-based: of the value, or of its key */
	int key_line, key_column;
	struct yaml *children; /* of a map or list */
	size_t n;
};

#define YAML_INIT                                          \
	{                                                  \
		YAML_NULL, NULL, NULL, 0, 0, 0, 0, NULL, 0 \
	}
void yaml_free(struct yaml *y);
#define auto_yaml __attribute__((cleanup(yaml_free)))

/* ERROR_CONFIG "NAME:LINE:COLUMN: …". An empty text is a YAML_NULL. */
int yaml_parse(const char *name, const char *text, size_t len, struct yaml *ret,
	       struct error *err);

/* The child with this key, or NULL. */
const struct yaml *yaml_get(const struct yaml *map, const char *key);

#endif
