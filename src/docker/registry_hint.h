/* SPDX-License-Identifier: MIT */
/* docker/registry_hint.h - what pulls and pushes have in common. Private to
 * docker/. */
#ifndef DOCKER_REGISTRY_HINT_H
#define DOCKER_REGISTRY_HINT_H

struct error;
struct reference;

/* What to do about a registry's refusal, by its words; `trouble` is that of the
 * credentials, or NULL. */
void registry_hint(const char *text, const struct reference *r,
		   const char *trouble, struct error *err);

#endif
