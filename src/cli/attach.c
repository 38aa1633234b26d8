/* SPDX-License-Identifier: MIT */
#include "cli/attach.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/progress.h"
#include "cli/command.h"
#include "cli/find.h"
#include "session/session.h"
#include "supervisor/client.h"
#include "supervisor/daemon.h"
#include "supervisor/inner.h"
#include "supervisor/protocol.h"
#include "supervisor/watchdog.h"

#include <stdlib.h>

enum {
	JOIN_MS = 2000, /* a session that does not answer is not joined */
	FIND_MS = 30000,
	CALL_MS = 10000,
	KEEP_MS = 60 * 60 * 1000,
	GRACE_MS = 5000, /* between TERM and KILL */
	/* past the start's own limit, whose error says what it was at */
	SETTLE_MS = 30000,
	END_MS = 90000,     /* for all that has to be removed */
	CLEAN_UP_MS = 60000 /* of the watchdog, for a dead testenv */
};

/* In the watchdog, when testenv was killed. */
static void clean_up(const struct estate *estate)
{
	struct deadline deadline = deadline_in(CLEAN_UP_MS, NULL);

	/* what cannot be reached now is left to gc; nobody listens */
	estate_clean(estate, &deadline, NULL);
}

int attach_watchdog(struct attached *a, struct error *err)
{
	return a->watchdog ? 0 : watchdog_start(clean_up, &a->watchdog, err);
}

void attach_inherited(const struct deadline *deadline,
		      struct session_client **ret)
{
	const char *socket = getenv("TESTENV_SOCKET");
	auto_error struct error err = ERROR_INIT;

	*ret = NULL;
	if (socket && *socket &&
	    session_client_open(socket, deadline, ret, &err) < 0)
		log_debug("TESTENV_SOCKET: %s", error_text(&err));
}

static bool names_configuration(const struct options *options)
{
	return options_get(options, "db") || options_get(options, "image") ||
	       options_get(options, "file");
}

/* Somebody else's session will be there afterwards, too. */
static int join(struct cli *cli, struct attached *a)
{
	struct deadline deadline = deadline_in(JOIN_MS, cli->cancel);
	auto_error struct error why = ERROR_INIT;
	char identity[CONFIG_IDENTITY];

	config_identity(&a->config, identity);
	if (session_client_join(identity, getenv("TESTENV_SESSION"), &deadline,
				&a->client, &why) < 0)
		log_debug("no session to join: %s", error_text(&why));
	return a->client ? 0 : -1;
}

static int start_own(struct cli *cli, struct attached *a, struct error *err)
{
	struct deadline deadline =
	    deadline_in(a->config.start_timeout_ms, cli->cancel);

	if (a->config.keep != KEEP_NEVER)
		return error_set(err, ERROR_CONFIG,
				 "'lease' cannot keep servers: 'keep' has to "
				 "be 'never'");
	if (attach_watchdog(a, err) < 0)
		return -1;
	a->own = true;
	return inner_start(&a->config, a->watchdog, &deadline, &a->inner,
			   &a->client, err);
}

int attach_configured(struct cli *cli, struct attached *a, struct error *err)
{
	return join(cli, a) == 0 ? 0 : start_own(cli, a, err);
}

int attach_keeping(struct cli *cli, struct attached *a, struct error *err)
{
	struct deadline deadline =
	    deadline_in(a->config.start_timeout_ms, cli->cancel);
	const struct daemon_spec spec = {
	    .config = &a->config, .idle_ms = KEEP_MS, .private = true};

	if (join(cli, a) == 0)
		return 0;
	a->own = true;
	return daemon_start(&spec, &deadline, &a->client, err);
}

static void say_kept(struct cli *cli, struct attached *a, const cJSON *slots)
{
	const char *service = a->config.services[0].name;
	const cJSON *slot;
	struct session_hello hello;

	session_client_hello(a->client, &hello);
	cJSON_ArrayForEach (slot, slots) {
		const char *owner = protocol_string(slot, "owner");
		unsigned n = protocol_number(slot, "slot", 1U << 20, 0);

		progress_notice(cli->progress,
				"'%s.%u', the database of '%s', is kept until "
				"nobody has used it for 1h: "
				"testenv shell --session %s %s.%u",
				service, n, owner ? owner : "?", hello.session,
				service, n);
	}
	progress_notice(cli->progress,
			"'testenv down --session %s' removes what is kept",
			hello.session);
}

void attach_keep(struct cli *cli, struct attached *a)
{
	struct deadline deadline = deadline_in(CALL_MS, NULL);
	auto_error struct error err = ERROR_INIT;
	auto_cjson cJSON *reply = NULL;
	const cJSON *slots;

	if (!a->own) {
		progress_notice(cli->progress,
				"nothing is kept: the session was there "
				"before the command");
		return;
	}
	if (session_client_call(a->client, "keep", NULL, NULL, &deadline,
				&reply, &err) < 0) {
		progress_notice(cli->progress, "nothing is kept: %s",
				error_text(&err));
		return;
	}
	slots = cJSON_GetObjectItemCaseSensitive(reply, "slots");
	if (!cJSON_GetArraySize(slots)) {
		progress_notice(cli->progress,
				"nothing is kept: no process of the command "
				"has used a database of its own to the end");
		return;
	}
	a->own = false;
	say_kept(cli, a, slots);
}

static int find_or_start(struct cli *cli, const struct options *options,
			 struct attached *a, struct error *err)
{
	struct deadline deadline = deadline_in(FIND_MS, cli->cancel);
	auto_error struct error why = ERROR_INIT;

	attach_inherited(&deadline, &a->client);
	if (a->client ||
	    find_session(cli, options, &deadline, &a->client, &why) == 0)
		return 0;
	if (why.kind == ERROR_NO_SESSION && a->config.n_services)
		return start_own(cli, a, err);
	if (why.kind == ERROR_NO_SESSION)
		error_hint(&why, "'testenv up' starts one, or say which "
				 "database: --db postgres");
	return error_move(err, &why);
}

static int find_or_make(struct cli *cli, const struct options *options,
			struct attached *a, struct error *err)
{
	struct deadline deadline = deadline_in(FIND_MS, cli->cancel);

	if (options_get(options, "session"))
		return find_session(cli, options, &deadline, &a->client, err);
	if (names_configuration(options))
		return attach_configured(cli, a, err);
	return find_or_start(cli, options, a, err);
}

int attach_wait(struct cli *cli, struct attached *a, struct error *err)
{
	struct deadline deadline =
	    deadline_in(a->config.start_timeout_ms + SETTLE_MS, cli->cancel);

	return session_client_wait(a->client, cli->progress, &deadline, err);
}

int attach(struct cli *cli, const struct options *options, struct attached *ret,
	   struct error *err)
{
	*ret = (struct attached){.client = NULL};
	if (config_load_any(options->flags, options->n_flags, cli->progress,
			    &ret->config, err) < 0)
		return -1;
	if (find_or_make(cli, options, ret, err) < 0)
		return -1;
	return attach_wait(cli, ret, err);
}

/* In this order: nothing may use a database when it goes, and until the last is
 * gone the watchdog stands guard. */
void attach_end(struct cli *cli, struct attached *a)
{
	struct deadline deadline = deadline_in(END_MS, NULL);
	auto_error struct error err = ERROR_INIT;

	if (a->watchdog)
		watchdog_sweep(a->watchdog, GRACE_MS);
	if (a->own && a->client &&
	    session_client_down(a->client, cli->progress, &deadline, &err) < 0)
		log_debug("end of the session: %s", error_text(&err));
	session_client_free(a->client);
	inner_join(a->inner);
	watchdog_end(a->watchdog, 0);
	config_free(&a->config);
	*a = (struct attached){.client = NULL};
}
