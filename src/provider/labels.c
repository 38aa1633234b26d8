/* SPDX-License-Identifier: MIT */
#include "provider/labels.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/ident.h"
#include "provider/provider.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* systemd's machine-id(5); a container image mostly has none, and then the
 * owner can be judged within its own boot and pid namespace only. */
static void machine_id(char ret[33])
{
	auto_buf struct buf b = BUF_INIT_MAX(64);

	ret[0] = '\0';
	if (fs_read_file("/etc/machine-id", &b, NULL) < 0)
		return;
	if (strspn(b.s, "0123456789abcdef") == 32)
		snprintf(ret, 33, "%.32s", b.s);
}

static uint64_t pid_namespace(void)
{
	struct stat st;

	return stat("/proc/self/ns/pid", &st) < 0 ? 0 : (uint64_t)st.st_ino;
}

char *label_owner(void)
{
	char machine[33];

	machine_id(machine);
	return xasprintf("%s:%s:%llu:%ld:%llu:%ld", machine, ident_boot_id(),
			 (unsigned long long)pid_namespace(), (long)getpid(),
			 (unsigned long long)ident_start_time(getpid()),
			 (long)geteuid());
}

/* Copies up to ':' into ret[size]; NULL when it does not fit or never comes. */
static const char *field(const char *p, char *ret, size_t size)
{
	size_t len = strcspn(p, ":");

	if (len >= size || p[len] != ':')
		return NULL;
	memcpy(ret, p, len);
	ret[len] = '\0';
	return p + len + 1;
}

int label_owner_parse(const char *text, struct label_owner *ret)
{
	struct label_owner o = {.pid = 0};
	unsigned long long ns;
	unsigned long long start;
	long pid;
	long uid;
	char end;
	const char *p = field(text, o.machine, sizeof(o.machine));

	p = p ? field(p, o.boot, sizeof(o.boot)) : NULL;
	if (!p || sscanf(p, "%llu:%ld:%llu:%ld%c", &ns, &pid, &start, &uid,
			 &end) != 4)
		return -1;
	o.pid_namespace = ns;
	o.pid = (pid_t)pid;
	o.start_time = start;
	o.uid = (uid_t)uid;
	*ret = o;
	return 0;
}

void labels_for(const struct ownership *owner, const char *service, int slot,
		const char *role, struct strvec *ret)
{
	auto_free char *who = label_owner();

	strvec_pushf(ret, LABEL_SESSION "=%s", owner->session);
	strvec_pushf(ret, LABEL_OWNER "=%s", who);
	strvec_pushf(ret, LABEL_LOCK "=%s", owner->lock_path);
	strvec_pushf(ret, LABEL_PROJECT "=%s", owner->project);
	strvec_pushf(ret, LABEL_CREATED "=%lld", (long long)clock_wall_s());
	strvec_pushf(ret, LABEL_EXPIRES "=%lld", (long long)owner->expires_s);
	strvec_pushf(ret, LABEL_VERSION "=%s", TESTENV_VERSION);
	strvec_pushf(ret, LABEL_SERVICE "=%s", service);
	/* always set: an image committed from a container hands its labels on,
	 * and only a label that is set again hides the old one */
	if (slot >= 0)
		strvec_pushf(ret, LABEL_SLOT "=%d", slot);
	else
		strvec_push(ret, LABEL_SLOT "=");
	strvec_pushf(ret, LABEL_ROLE "=%s", role);
}

void labels_of_template(const struct template_mark *m, struct strvec *changes)
{
	static const char *const blank[] = {
	    LABEL_SESSION, LABEL_OWNER, LABEL_LOCK,
	    LABEL_EXPIRES, LABEL_SLOT,  LABEL_PROJECT,
	};

	for (size_t i = 0; !m->private && i < array_len(blank); i++)
		strvec_pushf(changes, "LABEL %s=\"\"", blank[i]);
	strvec_pushf(changes, "LABEL " LABEL_ROLE "=%s",
		     m->private ? "private" : "template");
	strvec_pushf(changes, "LABEL " LABEL_TEMPLATE "=%s", m->key);
	strvec_pushf(changes, "LABEL " LABEL_DIALECT "=%s", m->dialect);
	strvec_pushf(changes, "LABEL " LABEL_SERVER "=\"%.40s\"",
		     m->server ? m->server : "");
	strvec_pushf(changes, "LABEL " LABEL_BASE "=%s", m->base);
	strvec_pushf(changes, "LABEL " LABEL_BASE_NAME "=\"%s\"", m->base_name);
	strvec_pushf(changes, "LABEL " LABEL_BASE_SIZE "=%lld",
		     (long long)m->base_size);
}
