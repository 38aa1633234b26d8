/* SPDX-License-Identifier: MIT */
#include "supervisor/inner.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/log.h"
#include "supervisor/client.h"
#include "supervisor/server.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct inner {
	pthread_t thread;
	struct supervisor_spec spec;
};

static void *run(void *arg)
{
	struct inner *inner = arg;
	auto_error struct error err = ERROR_INIT;

	/* its starter was told, too */
	if (supervisor_run(&inner->spec, &err) < 0)
		log_debug("session: %s", error_text(&err));
	return NULL;
}

static int start_thread(struct inner *inner, struct error *err)
{
	sigset_t all, before;
	int failed;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	failed = pthread_create(&inner->thread, NULL, run, inner);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (failed)
		return error_set_errno(err, ERROR_INTERNAL, failed,
				       "cannot start a thread");
	return 0;
}

int inner_start(const struct config *config, struct watchdog *watchdog,
		const struct deadline *deadline, struct inner **ret,
		struct session_client **ret_client, struct error *err)
{
	struct inner *inner;
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
		       fds) < 0)
		return error_set_errno(err, ERROR_INTERNAL, errno,
				       "socketpair");
	inner = xcalloc(1, sizeof(*inner));
	inner->spec = (struct supervisor_spec){
	    .config = config,
	    .starter_fd = fds[1],
	    .private = true,
	    .inner = true,
	    .watchdog = watchdog,
	};
	if (start_thread(inner, err) < 0) {
		close(fds[0]);
		close(fds[1]);
		free(inner);
		return -1;
	}
	if (session_client_adopt(fds[0], deadline, ret_client, err) < 0) {
		inner_join(inner);
		return -1;
	}
	*ret = inner;
	return 0;
}

void inner_join(struct inner *inner)
{
	if (!inner)
		return;
	pthread_join(inner->thread, NULL);
	free(inner);
}
