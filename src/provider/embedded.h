/* SPDX-License-Identifier: MIT */
/*
 * provider/embedded.h - files that are part of the program: images/.
 *
 * Written by src/cmake/embed-files.cmake; the list ends with a NULL path.
 */
#ifndef PROVIDER_EMBEDDED_H
#define PROVIDER_EMBEDDED_H

#include <stddef.h>

struct embedded_file {
	const char *path; /* "postgres/Dockerfile" */
	const unsigned char *data;
	size_t len;
	unsigned mode;
};

extern const struct embedded_file images_embedded[];

#endif
