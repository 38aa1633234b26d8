/* SPDX-License-Identifier: MIT */
/*
 * provider/labels.h - what everything on an engine says about its owner.
 *
 * All labels are part of the create call, so nothing of ours ever exists
 * without them. gc judges by LABEL_OWNER and LABEL_LOCK; see session/gc.c.
 */
#ifndef PROVIDER_LABELS_H
#define PROVIDER_LABELS_H

#include "base/strvec.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct ownership;

#define LABEL_SESSION "dev.testenv.session"
#define LABEL_OWNER   "dev.testenv.owner"
#define LABEL_LOCK    "dev.testenv.lock"
#define LABEL_PROJECT "dev.testenv.project"
#define LABEL_CREATED "dev.testenv.created"
#define LABEL_EXPIRES "dev.testenv.expires"
#define LABEL_VERSION "dev.testenv.version"
#define LABEL_SERVICE "dev.testenv.service"
#define LABEL_SLOT    "dev.testenv.slot"
/* server, builder, template; private: a template of one session alone */
#define LABEL_ROLE     "dev.testenv.role"
#define LABEL_PRIVATE  LABEL_ROLE "=private"
#define LABEL_TEMPLATE "dev.testenv.template"
#define LABEL_DIALECT  "dev.testenv.dialect"
#define LABEL_SERVER   "dev.testenv.server" /* its version */
/* Of a database: the user who may have made another one of its name. */
#define LABEL_USER "dev.testenv.user"

/* Of a template: the image it was made from, by id and name, and its bytes. */
#define LABEL_BASE      "dev.testenv.base"
#define LABEL_BASE_NAME "dev.testenv.base-name"
#define LABEL_BASE_SIZE "dev.testenv.base-size"

#define TEMPLATE_REPO "testenv/template"
#define PRIVATE_REPO  "testenv/private"

/* "MACHINE:BOOT:PIDNS:PID:START:UID" of the calling process. */
char *label_owner(void);

/* One parsed again. A plain value; strings are cut to their arrays. */
struct label_owner {
	char machine[33];
	char boot[37];
	uint64_t pid_namespace;
	pid_t pid;
	uint64_t start_time;
	uid_t uid;
};
/* 0, or -1 for a text that label_owner() never wrote. */
int label_owner_parse(const char *text, struct label_owner *ret);

/* What the image of a template says about itself. */
struct template_mark {
	const char *key;
	const char *dialect;
	const char *server;           /* its version; NULL: not known */
	const char *base, *base_name; /* the image it was made from */
	int64_t base_size;
	bool private; /* it goes with its session */
};
/*
 * The changes for image_commit. The container's labels would be the image's:
 * those that say whose it is are blanked, or the clean-up of its maker would
 * take the template along. A private one is to be taken along.
 */
void labels_of_template(const struct template_mark *m, struct strvec *changes);

/* Adds the labels of one container; slot negative: none. */
void labels_for(const struct ownership *owner, const char *service, int slot,
		const char *role, struct strvec *ret);

#endif
