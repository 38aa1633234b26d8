/* SPDX-License-Identifier: MIT */
/* docker/image_path.h - an image's name in a request. Private to docker/. */
#ifndef DOCKER_IMAGE_PATH_H
#define DOCKER_IMAGE_PATH_H

struct error;

/* "/images/NAME" and `rest`, for a name or an id ("sha256:…"); ERROR_CONFIG if
 * it is neither. The caller frees *ret. */
int image_path(const char *name, const char *rest, char **ret,
	       struct error *err);
/* Podman's bare id with "sha256:" in front; others as they are. The caller
 * frees. */
char *image_full_id(const char *id);

#endif
