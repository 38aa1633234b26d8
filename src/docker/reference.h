/* SPDX-License-Identifier: MIT */
/*
 * docker/reference.h - an image's name taken apart: [HOST/]PATH[:TAG][@DIGEST].
 * Private to docker/.
 */
#ifndef DOCKER_REFERENCE_H
#define DOCKER_REFERENCE_H

struct buf;
struct error;

struct reference {
	char *repository; /* as written: "postgres", "localhost:5000/a/b" */
	char *tag;        /* NULL where none is written */
	char *digest;     /* "sha256:…", or NULL */
};

#define REFERENCE_INIT  \
	{               \
		0, 0, 0 \
	}
void reference_free(struct reference *r);
#define auto_reference __attribute__((cleanup(reference_free)))

/* ERROR_CONFIG "'x' is not an image's name". */
int reference_parse(const char *name, struct reference *ret, struct error *err);
/* What pulls it: the digest, else the tag, else "latest". */
const char *reference_version(const struct reference *r);
/* The repository with its registry: "docker.io/library/postgres". The caller
 * frees. */
char *reference_qualified(const struct reference *r);
/* The registry alone: "docker.io", "localhost:5000". The caller frees. */
char *reference_registry(const struct reference *r);

#endif
