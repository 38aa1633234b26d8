/* SPDX-License-Identifier: MIT */
/*
 * docker/config_file.h - the docker CLI's own configuration. Private to
 * docker/.
 */
#ifndef DOCKER_CONFIG_FILE_H
#define DOCKER_CONFIG_FILE_H

#include <cjson/cJSON.h>

struct error;

/* "$DOCKER_CONFIG" or "~/.docker"; NULL without a home. The caller frees. */
char *config_file_dir(void);

/* The JSON of a file: 1, 0 if there is none, -1 with ERROR_CONFIG. */
int config_file_json(const char *path, cJSON **ret, struct error *err);

/* config.json: as above, and where it is or would be (the caller frees; NULL
 * without a home). */
int config_file_read(char **ret_path, cJSON **ret, struct error *err);

#endif
