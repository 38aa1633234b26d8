/* SPDX-License-Identifier: MIT */
#include "config/setting.h"

#include "base/alloc.h"
#include "base/error.h"
#include "config/setting_private.h"

#include <string.h>

/* Whether it can be read whole is seen when it is used; its text, which holds a
 * password, is in no message. */
int setting_url(struct config_service *s, const char *db,
		const struct place *at, const char *value, struct error *err)
{
	if (!db || !strcmp(db, "sqlite") || !strncmp(value, "pg:", 3)) {
		place_error(at, err, "'%.*s://' is no kind of server",
			    (int)strcspn(value, ":"), value);
		error_hint(err, "testenv knows postgresql://, mysql:// and "
				"mariadb://");
		return -1;
	}
	setting_replace(&s->db, xstrdup(db));
	setting_replace(&s->version, NULL);
	setting_replace(&s->url, xstrdup(value));
	return 0;
}
