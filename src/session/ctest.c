/* SPDX-License-Identifier: MIT */
#include "session/ctest.h"

#include "base/alloc.h"
#include "session/internal.h"

#include <ctype.h>

static char *type_name(const char *service)
{
	auto_buf struct buf b = BUF_INIT;

	if (isdigit((unsigned char)service[0]))
		buf_putc(&b, '_');
	for (; *service; service++) {
		int c = tolower((unsigned char)*service);

		buf_putc(&b, isalnum(c) ? (char)c : '_');
	}
	return buf_take(&b);
}

/* All that goes in is made of [a-z0-9_], so there is nothing to escape. */
void session_ctest_spec(const struct session *s, struct buf *ret)
{
	buf_puts(ret, "{\"version\": {\"major\": 1, \"minor\": 0}, "
		      "\"local\": [{");
	for (unsigned i = 0; i < s->n_services; i++) {
		auto_free char *type = type_name(s->services[i].config->name);

		buf_printf(ret, "%s\"%s\": [", i ? ", " : "", type);
		for (unsigned n = 0; n < s->services[i].n_slots; n++)
			buf_printf(ret, "%s{\"id\": \"%u\", \"slots\": 1}",
				   n ? ", " : "", n);
		buf_putc(ret, ']');
	}
	buf_puts(ret, "}]}\n");
}
