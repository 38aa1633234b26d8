/* SPDX-License-Identifier: MIT */
/*
 * config/setting_private.h - what the files of the table of settings share.
 */
#ifndef CONFIG_SETTING_PRIVATE_H
#define CONFIG_SETTING_PRIVATE_H

#include "config/setting.h"

/* What the words of a choice mean. */
struct choice {
	const char *word;
	int value;
};
/* The list ends with a NULL word. */
int setting_choose(const struct choice *choices, const struct place *at,
		   const char *value, int *ret, struct error *err);
/* Frees what was there; owns `value` from now on. */
void setting_replace(char **slot, char *value);
/* A path as it was meant where it was said. The caller frees. */
char *setting_absolute(const struct place *at, const char *path);

/* setting_container.c. The words of --pull; see enum config_pull. */
int setting_pull_age(const struct place *at, const char *value, int64_t *ret,
		     struct error *err);
int set_pull(struct config *c, struct config_service *s, const struct place *at,
	     const char *value, struct error *err);
/* "linux/arm64": frees what was there. */
int setting_platform(const struct place *at, const char *value, char **ret,
		     struct error *err);
int set_platform(struct config *c, struct config_service *s,
		 const struct place *at, const char *value, struct error *err);
/* A size, 32m at least. */
int setting_memory(const struct place *at, const char *value, int64_t *ret,
		   struct error *err);
int set_memory(struct config *c, struct config_service *s,
	       const struct place *at, const char *value, struct error *err);

int set_migrations(struct config *c, struct config_service *s,
		   const struct place *at, const char *value,
		   struct error *err);
int set_bookkeeping(struct config *c, struct config_service *s,
		    const struct place *at, const char *value,
		    struct error *err);
int set_layout(struct config *c, struct config_service *s,
	       const struct place *at, const char *value, struct error *err);
int set_migrate(struct config *c, struct config_service *s,
		const struct place *at, const char *value, struct error *err);
int set_seed_command(struct config *c, struct config_service *s,
		     const struct place *at, const char *value,
		     struct error *err);
int set_migrate_inputs(struct config *c, struct config_service *s,
		       const struct place *at, const char *value,
		       struct error *err);
int set_seed(struct config *c, struct config_service *s, const struct place *at,
	     const char *value, struct error *err);
int set_host(struct config *c, struct config_service *s, const struct place *at,
	     const char *value, struct error *err);
int set_mirror(struct config *c, struct config_service *s,
	       const struct place *at, const char *value, struct error *err);
int set_swarm_registry(struct config *c, struct config_service *s,
		       const struct place *at, const char *value,
		       struct error *err);
int set_swarm_constraint(struct config *c, struct config_service *s,
			 const struct place *at, const char *value,
			 struct error *err);

#endif
