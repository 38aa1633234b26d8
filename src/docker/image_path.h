/* SPDX-License-Identifier: MIT */
/* docker/image_path.h - what image calls have in common. Private to docker/. */
#ifndef DOCKER_IMAGE_PATH_H
#define DOCKER_IMAGE_PATH_H

#include <cjson/cJSON.h>

struct error;
struct strvec;

/* "/images/NAME" and `rest`, for a name or an id ("sha256:…"); ERROR_CONFIG if
 * it is neither. The caller frees *ret. */
int image_path(const char *name, const char *rest, char **ret,
	       struct error *err);
/* Podman's bare id with "sha256:" in front; others as they are. The caller
 * frees. */
char *image_full_id(const char *id);
/* An image's RepoTags, without the "<none>:<none>" of an untagged one. */
void image_tags(const cJSON *json, struct strvec *ret);

#endif
