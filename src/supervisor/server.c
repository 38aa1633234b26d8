/* SPDX-License-Identifier: MIT */
#include "supervisor/server.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/log.h"
#include "config/config.h"
#include "session/estate.h"
#include "session/session.h"
#include "supervisor/internal.h"
#include "supervisor/watchdog.h"

#include <assert.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utlist.h>

enum {
	START_MS = 5 * 60 * 1000,   /* where the configuration says nothing */
	FORGET_MS = 10 * 60 * 1000, /* a failure that nobody asks for */
	LAST_MS = 2000,             /* for the last answers to be read */
	CHECK_MS = 5000
};

static void move(struct supervisor *s, enum supervisor_state to)
{
	assert(state_may_follow(s->state, to));
	log_debug("session %s: %s", s->id, state_name(to));
	s->state = to;
}

static void free_handle(uv_handle_t *handle)
{
	free(handle);
}

static void stop_listening(struct supervisor *s)
{
	uv_pipe_t *accepting = take_ptr(&s->accepting);

	listener_close(&s->listener);
	if (accepting)
		uv_close((uv_handle_t *)accepting, free_handle);
}

static void on_connection(uv_stream_t *accepting, int status)
{
	if (status == 0)
		peer_accept(accepting->data, accepting);
}

static int start_listening(struct supervisor *s, struct error *err)
{
	auto_free char *path = fs_join(s->run_dir, PROTOCOL_SOCKET);
	int r;

	if (listener_open(&s->listener, path, err) < 0)
		return -1;
	s->accepting = xcalloc(1, sizeof(*s->accepting));
	uv_pipe_init(&s->loop, s->accepting, 0);
	s->accepting->data = s;
	r = uv_pipe_open(s->accepting, s->listener.fd);
	if (r == 0) {
		s->listener.fd = -1;
		r = uv_listen((uv_stream_t *)s->accepting, SOMAXCONN,
			      on_connection);
	}
	if (r == 0)
		return 0;
	stop_listening(s);
	return error_set(err, ERROR_IO, "cannot listen on '%s': %s", path,
			 uv_strerror(r));
}

/* Closes all that keeps the loop going; a second time does nothing. */
static void stop(struct supervisor *s)
{
	uv_handle_t *handles[] = {
	    (uv_handle_t *)&s->idle,       (uv_handle_t *)&s->check,
	    (uv_handle_t *)&s->last,       (uv_handle_t *)&s->signals[0],
	    (uv_handle_t *)&s->signals[1], (uv_handle_t *)&s->signals[2],
	    (uv_handle_t *)&s->signals[3],
	};

	for (size_t i = 0; i < array_len(handles); i++)
		if (!uv_is_closing(handles[i]))
			uv_close(handles[i], NULL);
	relay_close(&s->relay);
	lanes_close(s->lanes);
}

static void close_peers(struct supervisor *s, void (*how)(struct peer *))
{
	struct peer *p, *next;

	DL_FOREACH_SAFE(s->peers, p, next)
	how(p);
}

static void on_last(uv_timer_t *timer)
{
	struct supervisor *s = timer->data;

	close_peers(s, peer_close);
	stop(s);
}

/* Says the last words, waits a little for them to be read, and lets the loop
 * run out. */
static void go(struct supervisor *s)
{
	move(s, STATE_GONE);
	stop_listening(s);
	ops_unpark(s, PARKED_READY, &s->failure);
	ops_unpark(s, PARKED_GONE, NULL);
	uv_timer_start(&s->last, on_last, LAST_MS, 0);
	close_peers(s, peer_leave);
	supervisor_touch(s);
}

static void on_forget(uv_timer_t *timer)
{
	struct supervisor *s = timer->data;

	supervisor_end(s, NULL);
}

static void stop_lingering(struct supervisor *s)
{
	stop_listening(s);
	fs_remove_tree(s->run_dir, NULL);
	lock_release(&s->linger);
	go(s);
}

/* Makes it reachable where it was, in a directory that gc leaves alone. */
static int listen_again(struct supervisor *s, struct error *err)
{
	auto_free char *lock = fs_join(s->run_dir, ESTATE_LOCK);

	if (fs_private_dir(s->run_dir, err) < 0 ||
	    lock_try(&s->linger, lock, err) < 0)
		return -1;
	return start_listening(s, err);
}

/*
 * Nothing of the session is left, its directory neither. Who started it may be
 * about to ask how it went; if it has detached itself, anybody may.
 */
static void linger(struct supervisor *s)
{
	auto_error struct error err = ERROR_INIT;

	move(s, STATE_FAILED);
	if (s->spec.detached && listen_again(s, &err) < 0) {
		log_debug("failure not kept: %s", error_text(&err));
		stop_lingering(s);
		return;
	}
	uv_timer_start(&s->idle, on_forget, FORGET_MS, 0);
}

static void on_ended(uv_work_t *work, int status)
{
	struct supervisor *s = work->data;
	bool asked_for = s->failure.kind == ERROR_NONE ||
			 s->failure.kind == ERROR_NO_SESSION;

	(void)status;
	s->session = NULL;
	relay_drain(s);
	stop_listening(s);
	if (ops_unpark(s, PARKED_READY, &s->failure))
		s->failure_told = true;
	if (!asked_for && !s->failure_told &&
	    (s->spec.detached || s->has_starter))
		linger(s);
	else
		go(s);
}

static void work_end(uv_work_t *work)
{
	struct supervisor *s = work->data;

	session_end(s->session);
}

static void end_session(struct supervisor *s)
{
	uv_queue_work(&s->loop, &s->work, work_end, on_ended);
}

static void begin_end(struct supervisor *s)
{
	cancel_trip(s->cancel, SIGTERM); /* slots that are being made */
	serve_close(s, end_session);
}

static void on_started(uv_work_t *work, int status)
{
	struct supervisor *s = work->data;

	(void)status;
	relay_drain(s);
	if (s->state == STATE_ENDING) {
		error_clear(&s->work_err);
		begin_end(s);
		return;
	}
	if (s->work_result < 0) {
		error_move(&s->failure, &s->work_err);
		move(s, STATE_ENDING);
		begin_end(s);
		return;
	}
	if (serve_open(s, &s->failure) < 0) {
		move(s, STATE_ENDING);
		begin_end(s);
		return;
	}
	move(s, STATE_READY);
	/* whoever started it may not have asked yet, and is to hear it all */
	if (ops_unpark(s, PARKED_READY, NULL))
		relay_forget(&s->relay);
	supervisor_touch(s);
}

static void work_start(uv_work_t *work)
{
	struct supervisor *s = work->data;
	int64_t ms = s->spec.config->start_timeout_ms;
	struct deadline deadline = deadline_in(ms ? ms : START_MS, s->cancel);

	s->work_result = session_start(s->session, &deadline, &s->work_err);
}

void supervisor_end(struct supervisor *s, const struct error *why)
{
	if (s->state == STATE_FAILED)
		stop_lingering(s);
	if (s->state != STATE_STARTING && s->state != STATE_READY)
		return;
	if (why)
		error_copy(&s->failure, why);
	if (s->state == STATE_STARTING)
		cancel_trip(s->cancel, SIGTERM); /* on_started goes on */
	else
		begin_end(s);
	move(s, STATE_ENDING);
	supervisor_touch(s);
}

static void on_idle(uv_timer_t *timer)
{
	struct supervisor *s = timer->data;
	auto_error struct error why = ERROR_INIT;

	error_set(&why, ERROR_NO_SESSION, "session '%s' was idle for too long",
		  s->id);
	supervisor_end(s, &why);
}

void supervisor_touch(struct supervisor *s)
{
	if (s->state == STATE_GONE && !s->n_peers)
		stop(s);
	if (s->state == STATE_FAILED || s->state == STATE_GONE)
		return;
	uv_timer_stop(&s->idle);
	if (s->state == STATE_READY && !s->n_peers && !s->n_calls &&
	    s->spec.idle_ms)
		uv_timer_start(&s->idle, on_idle, (uint64_t)s->spec.idle_ms, 0);
}

void supervisor_starter_left(struct supervisor *s)
{
	auto_error struct error why = ERROR_INIT;
	bool bound = s->spec.private && !s->spec.inner && !s->leases.frozen;

	s->has_starter = false;
	if (s->spec.detached ||
	    (s->state != STATE_STARTING && s->state != STATE_FAILED && !bound))
		return;
	error_set(&why, ERROR_NO_SESSION,
		  s->state == STATE_READY
		      ? "session '%s' ended with its command"
		      : "session '%s' was given up before it was ready",
		  s->id);
	supervisor_end(s, &why);
}

static void on_signal(uv_signal_t *handle, int signo)
{
	struct supervisor *s = handle->data;
	auto_error struct error why = ERROR_INIT;
	const char *name = sigabbrev_np(signo);

	error_set(&why, ERROR_NO_SESSION, "session '%s' was ended by SIG%s",
		  s->id, name ? name : "?");
	supervisor_end(s, &why);
}

static void keep_log_small(void)
{
	struct stat st;

	if (fstat(STDERR_FILENO, &st) == 0 && S_ISREG(st.st_mode) &&
	    st.st_size > LOG_MAX)
		(void)!ftruncate(STDERR_FILENO, 0);
}

/* Without its socket nobody could end the session but by a signal. */
static void on_check(uv_timer_t *timer)
{
	struct supervisor *s = timer->data;
	auto_error struct error why = ERROR_INIT;

	if (!s->spec.inner)
		keep_log_small();
	if (!s->accepting || listener_is_current(&s->listener))
		return;
	error_set(&why, ERROR_NO_SESSION,
		  "the socket of session '%s' was taken away", s->id);
	supervisor_end(s, &why);
}

/* Any thread: the estate grows while the session starts. */
static void on_estate(void *ctx, enum estate_kind kind, const char *value)
{
	struct supervisor *s = ctx;

	if (kind == ESTATE_ENGINE) {
		uv_mutex_lock(&s->engine_mutex);
		free(s->engine);
		s->engine = xstrdup(value);
		uv_mutex_unlock(&s->engine_mutex);
	}
	if (!s->spec.watchdog)
		return;
	/* the directory bears the session's id */
	if (kind == ESTATE_RUN_DIR && strrchr(value, '/'))
		watchdog_tell_session(s->spec.watchdog,
				      strrchr(value, '/') + 1);
	watchdog_tell(s->spec.watchdog, kind, value);
}

static int open_log(const char *run_dir, struct error *err)
{
	auto_free char *path = fs_join(run_dir, "supervisor.log");
	auto_close int fd =
	    open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	if (fd < 0 || dup2(fd, STDERR_FILENO) < 0)
		return error_set_errno(err, ERROR_IO, errno,
				       "cannot open log '%s'", path);
	return 0;
}

static int open_session(struct supervisor *s, struct error *err)
{
	struct estate_listener listener = {on_estate, s};

	if (session_new(s->spec.config, &listener, &s->relay.progress,
			&s->session, err) < 0)
		return -1;
	s->id = xstrdup(session_id(s->session));
	s->run_dir = xstrdup(session_run_dir(s->session));
	if (!s->spec.inner && open_log(s->run_dir, err) < 0)
		return -1;
	return start_listening(s, err);
}

static int init_loop(struct supervisor *s, struct error *err)
{
	static const int signos[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT};
	uv_timer_t *timers[] = {&s->idle, &s->check, &s->last};

	signal(SIGPIPE, SIG_IGN); /* uv writes to clients that are gone */
	uv_mutex_init(&s->engine_mutex);
	if (uv_loop_init(&s->loop) < 0)
		return error_set(err, ERROR_INTERNAL,
				 "cannot make an event loop");
	for (size_t i = 0; i < array_len(timers); i++) {
		uv_timer_init(&s->loop, timers[i]);
		timers[i]->data = s;
	}
	for (size_t i = 0; i < array_len(signos); i++) {
		uv_signal_init(&s->loop, &s->signals[i]);
		s->signals[i].data = s;
		if (!s->spec.inner)
			uv_signal_start(&s->signals[i], on_signal, signos[i]);
	}
	uv_timer_start(&s->check, on_check, CHECK_MS, CHECK_MS);
	s->lanes = lanes_new(&s->loop);
	if (!s->lanes || relay_init(&s->relay, s) < 0)
		return error_set(err, ERROR_INTERNAL,
				 "cannot make an event loop");
	s->work.data = s;
	return 0;
}

/* The pool's threads are made by the first job and inherit our mask: signals
 * are for the loop's thread alone. */
static void begin_start(struct supervisor *s)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	uv_queue_work(&s->loop, &s->work, work_start, on_started);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void supervisor_free(struct supervisor *s)
{
	lanes_free(s->lanes);
	serve_free(s);
	uv_loop_close(&s->loop);
	uv_mutex_destroy(&s->engine_mutex);
	relay_free(&s->relay);
	cancel_free(s->cancel);
	error_clear(&s->failure);
	error_clear(&s->work_err);
	free(s->engine);
	free(s->id);
	free(s->run_dir);
}

/* Before the loop has run: a starter reads the reason as its first answer. */
static void give_up(struct supervisor *s, int starter_fd,
		    const struct error *err)
{
	struct peer *starter =
	    starter_fd < 0 ? NULL : peer_adopt(s, starter_fd);

	stop_listening(s);
	if (s->session)
		session_end(s->session);
	s->session = NULL;
	s->state = STATE_GONE;
	if (starter) {
		ops_refuse(starter, NULL, err);
		peer_leave(starter);
	}
	supervisor_touch(s);
}

static int begin(struct supervisor *s, struct error *err)
{
	if (open_session(s, err) < 0)
		return -1;
	if (s->spec.starter_fd >= 0) {
		struct peer *starter = peer_adopt(s, s->spec.starter_fd);

		if (starter)
			starter->starter = s->has_starter = true;
	}
	begin_start(s);
	return 0;
}

int supervisor_run(const struct supervisor_spec *spec, struct error *err)
{
	struct supervisor s = {
	    .spec = *spec,
	    .started_s = clock_wall_s(),
	    .listener = {.fd = -1},
	    .linger = LOCK_INIT,
	    .spare_fd = -1,
	};
	auto_error struct error why = ERROR_INIT;

	s.cancel = cancel_new(err);
	if (!s.cancel)
		return -1;
	if (init_loop(&s, err) < 0)
		return -1;
	config_identity(spec->config, s.identity);
	if (begin(&s, &why) < 0)
		give_up(&s, spec->starter_fd, &why);
	uv_run(&s.loop, UV_RUN_DEFAULT);
	supervisor_free(&s);
	return why.kind ? error_move(err, &why) : 0;
}
