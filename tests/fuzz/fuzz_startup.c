/* SPDX-License-Identifier: MIT */
/*
 * The first packets of both kinds of client, for libFuzzer: the input's first
 * byte chooses the parser, the rest are the bytes. What a parser takes must be
 * of the size it says, and be taken again when it was rewritten.
 *
 * tests/unit/router/test_fuzz_corpus.c replays the corpus without libFuzzer.
 */
#include "router/startup_mariadb.h"
#include "router/startup_postgres.h"

#include "base/buf.h"
#include "base/error.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int ok)
{
	if (!ok)
		abort();
}

static void postgres(const uint8_t *data, size_t size)
{
	auto_error struct error err = ERROR_INIT;
	auto_buf struct buf out = BUF_INIT;
	struct postgres_startup p, again;

	if (postgres_startup_parse(data, size, &p, &err) < 0)
		return;
	must(p.len <= size && p.len <= POSTGRES_STARTUP_MAX);
	if (p.kind != POSTGRES_STARTUP ||
	    postgres_startup_rewrite(data, &p, "clone", &out, &err) < 0)
		return;
	must(postgres_startup_parse(out.s, out.len, &again, &err) == 0);
	must(again.kind == POSTGRES_STARTUP && again.len == out.len);
	must(strcmp(again.database, "clone") == 0);
	must(strcmp(again.user, p.user) == 0);
}

static void rewritten(const uint8_t *data, const struct mariadb_packet *p)
{
	auto_error struct error err = ERROR_INIT;
	auto_buf struct buf out = BUF_INIT;
	struct mariadb_packet again;
	int rc;

	must(p->head <= p->tail && p->tail <= p->len);
	if (mariadb_rewrite(data, p, NULL, "clone", &out, &err) < 0)
		return;
	if (p->kind == MARIADB_RESPONSE)
		rc = mariadb_response_parse(out.s, out.len, &again, &err);
	else
		rc = mariadb_command_parse(out.s, out.len, p->caps, &again,
					   &err);
	must(rc == 0 && again.kind == p->kind && again.len == out.len);
	must(again.database_len == 5 &&
	     memcmp(again.database, "clone", 5) == 0);
}

static void mariadb(const uint8_t *data, size_t size, int command)
{
	auto_error struct error err = ERROR_INIT;
	struct mariadb_packet p;
	int rc;

	if (command)
		rc = mariadb_command_parse(data, size, 1U << 15, &p, &err);
	else
		rc = mariadb_response_parse(data, size, &p, &err);
	if (rc < 0 || p.kind == MARIADB_MORE || p.kind == MARIADB_OTHER)
		return;
	must(p.len <= size && p.len <= MARIADB_PACKET_MAX);
	if (p.kind != MARIADB_TLS)
		rewritten(data, &p);
}

static void greeting(const uint8_t *data, size_t size)
{
	auto_error struct error err = ERROR_INIT;
	auto_buf struct buf b = BUF_INIT;
	size_t len;

	buf_put(&b, data, size);
	if (size > 0 && mariadb_greeting_restrict(b.s, size, &len, &err) == 0)
		must(len <= size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	switch (data[0] & 3) {
	case 0:
		postgres(data + 1, size - 1);
		break;
	case 1:
		mariadb(data + 1, size - 1, 0);
		break;
	case 2:
		mariadb(data + 1, size - 1, 1);
		break;
	default:
		greeting(data + 1, size - 1);
	}
	return 0;
}
