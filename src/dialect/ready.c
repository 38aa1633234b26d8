/* SPDX-License-Identifier: MIT */
#include "dialect/db.h"

#include "base/alloc.h"
#include "base/error.h"
#include "dialect/address_private.h"
#include "dialect/driver.h"

#include <sys/inotify.h>
#include <unistd.h>

enum {
	PAUSE_FIRST_MS = 5,
	PAUSE_MAX_MS = 50,
	/* A port may be accepted by a proxy with no server behind it yet: such
	 * a try is given up, and the next one finds the server. */
	TRY_MAX_MS = 10 * 1000
};

/* -1 where it cannot be watched: then only the pauses end the wait. */
static int watch(const char *dir)
{
	auto_close int fd = -1;

	if (!dir)
		return -1;
	fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (fd < 0 || inotify_add_watch(fd, dir, IN_CREATE | IN_MOVED_TO) < 0)
		return -1;
	return take_fd(&fd);
}

static void drain(int fd)
{
	char events[4096];

	while (read(fd, events, sizeof(events)) > 0)
		;
}

/* Ends early, with *pause back at its beginning, when a file appears. */
static int wait_a_little(int watch_fd, int64_t *pause, const struct deadline *d,
			 struct error *err)
{
	struct pollfd p = {.fd = watch_fd, .events = POLLIN};
	int n = deadline_poll(d, &p, watch_fd >= 0, *pause, "wait", err);

	if (n < 0)
		return -1;
	if (n > 0) {
		drain(watch_fd);
		*pause = PAUSE_FIRST_MS;
		return 0;
	}
	*pause = *pause * 2 < PAUSE_MAX_MS ? *pause * 2 : PAUSE_MAX_MS;
	return 0;
}

/* One try: a connection to the final server that answered a query. */
static int try_once(const struct db_address *a, bool only_one,
		    const struct deadline *d, struct db **ret,
		    struct error *err)
{
	struct deadline soon = deadline_sooner(*d, TRY_MAX_MS);
	auto_db struct db *db = NULL;

	if (db_driver(a->dialect)->connect(a, &soon, &db, err) < 0)
		return -1;
	if (only_one ? db_exec(db, "SELECT 1", &soon, err) < 0
		     : db->driver->check_final(db, &soon, err) < 0)
		return -1;
	*ret = take_ptr(&db);
	return 0;
}

static int gave_up(const struct db_address *a, int64_t ms,
		   const struct error *last_error, struct error *err)
{
	auto_buf struct buf place = BUF_INIT;
	const char *last = error_text(last_error);

	if (last_error->kind == ERROR_TIMEOUT)
		last = "connections are neither refused nor answered";

	db_put_place(a, &place);
	if (ms < 1000)
		error_set(err, ERROR_TIMEOUT,
			  "no answer to a query within %lld ms: %s",
			  (long long)(ms + 50) / 100 * 100, last);
	else
		error_set(err, ERROR_TIMEOUT,
			  "no answer to a query within %lld s: %s",
			  (long long)(ms + 500) / 1000, last);
	return error_wrap(err, "%s at '%s'", dialect_name(a->dialect), place.s);
}

int db_wait_ready(const struct db_address *address, const struct db_wait *wait,
		  const struct deadline *deadline, struct db **ret_db,
		  struct error *err)
{
	static const struct db_wait no_wait;
	const struct db_wait *w = wait ? wait : &no_wait;
	auto_error struct error last = ERROR_INIT;
	auto_close int watch_fd = watch(w->watch_dir);
	int64_t asked_ms = deadline_left_ms(deadline);
	int64_t pause = PAUSE_FIRST_MS;
	struct db *db;

	for (;;) {
		auto_error struct error e = ERROR_INIT;

		if (try_once(address, w->only_one, deadline, &db, &e) == 0)
			break;
		/* a disk does not get emptier by waiting */
		if (e.kind == ERROR_CANCELLED || error_is_disk_full(&e) ||
		    address->dialect == DIALECT_SQLITE)
			return error_move(err, &e);
		/* "timed out" says less than what was seen before it */
		if (e.kind != ERROR_TIMEOUT || last.kind == ERROR_NONE)
			error_move(&last, &e);
		if (w->dead && w->dead(w->ctx, err) < 0)
			return -1;
		if (wait_a_little(watch_fd, &pause, deadline, &e) == 0)
			continue;
		if (e.kind != ERROR_TIMEOUT)
			return error_move(err, &e);
		return gave_up(address, asked_ms, &last, err);
	}
	if (ret_db)
		*ret_db = db;
	else
		db_close(db);
	return 0;
}
