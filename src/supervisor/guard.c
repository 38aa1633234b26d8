/* SPDX-License-Identifier: MIT */
#include "supervisor/guard.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "supervisor/fds.h"
#include "supervisor/frame.h"
#include "supervisor/proctree.h"
#include "supervisor/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	/* between looks at what is left: SIGCHLD tells of our own children
	 * only, and a process may be born at any time */
	LOOK_MS_MIN = 5,
	LOOK_MS_MAX = 100,
	WAKE_MS = 50,
	/* another run's watchdog has this long for its own clean-up */
	SPARE_MS = 10000,
	/* and then what even KILL cannot end (a dead disk) is left alone */
	GIVE_UP_MS = 15000,
	STOPS_PENDING_MAX = 4096
};

struct guard {
	int fd, owner, children; /* socket, pidfd, signalfd of SIGCHLD */
	struct buf in, out;
	watchdog_clean_fn *clean;
	struct estate estate;
	pid_t command; /* 0: none yet */
	bool running, stopped;
	int32_t stops, followed; /* numbers of the last of each */
	bool sweeping, orphaned, farewell;
	int64_t kill_at_ms, look_ms;
	struct pids terminated;
};

static void say(struct guard *g, enum frame_type type, const void *data,
		size_t len)
{
	/* an owner that is stopped hears of the last few only */
	if (type == FRAME_STOPPED && g->out.len > STOPS_PENDING_MAX)
		return;
	frame_put(&g->out, type, data, len);
}

/* From here on a reader of the owner's pipes waits for the command alone, and
 * no directory is kept busy. */
static void let_go(struct guard *g)
{
	const int keep[] = {g->fd, g->owner, g->children};
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = 0; fd < 3; fd++)
		if (null < 0 || dup2(null, fd) < 0)
			close(fd);
	fds_close(keep, array_len(keep), FDS_ALL);
	if (chdir("/") < 0)
		return; /* it stays where it is: no harm but a busy mount */
}

static void signal_command(struct guard *g, int signo)
{
	if (!g->running)
		return;
	kill(-g->command, signo);
	/* it may have left the group that it was started in */
	if (getpgid(g->command) != g->command)
		kill(g->command, signo);
}

static void owner_followed(struct guard *g, int32_t number)
{
	g->followed = number;
	if (g->stopped && number == g->stops)
		signal_command(g, SIGCONT);
}

static void sweep_start(struct guard *g, int64_t grace_ms)
{
	g->sweeping = true;
	g->kill_at_ms = clock_now_ms() + grace_ms;
	g->look_ms = LOOK_MS_MIN;
	pids_free(&g->terminated);
}

static void owner_died(struct guard *g)
{
	g->orphaned = true;
	close(take_fd(&g->fd));
	if (g->owner >= 0)
		close(take_fd(&g->owner));
	let_go(g);
	signal_command(g, SIGKILL);
	sweep_start(g, 0);
}

static void spawn(struct guard *g, const struct frame *f)
{
	struct spawn_result result = {0, EALREADY, 0};

	if (!g->command)
		spawn_run(f->data, f->len, &result);
	if (!result.failure) {
		g->command = result.pid;
		g->running = true;
		let_go(g);
	}
	say(g, FRAME_SPAWNED, &result, sizeof(result));
}

static void replace(char **field, const char *data, size_t len)
{
	free(*field);
	*field = xstrndup(data, len);
}

static void note_estate(struct guard *g, const struct frame *f)
{
	char **field = NULL;
	uint32_t kind;

	if (f->len < sizeof(kind))
		return;
	memcpy(&kind, f->data, sizeof(kind));
	switch ((enum estate_kind)kind) {
	case ESTATE_RUN_DIR:
		field = &g->estate.run_dir;
		break;
	case ESTATE_DATA_DIR:
		field = &g->estate.data_dir;
		break;
	case ESTATE_LOCAL_DIR:
		field = &g->estate.local_dir;
		break;
	case ESTATE_SERVERS:
		field = &g->estate.servers;
		break;
	case ESTATE_ENGINE:
		field = &g->estate.engine;
		break;
	}
	if (field)
		replace(field, f->data + sizeof(kind), f->len - sizeof(kind));
}

static void obey(struct guard *g, const struct frame *f)
{
	/* the types that only the watchdog sends are nothing to it */
	if (f->type == FRAME_SESSION)
		replace(&g->estate.session, f->data, f->len);
	else if (f->type == FRAME_ESTATE)
		note_estate(g, f);
	else if (f->type == FRAME_SPAWN)
		spawn(g, f);
	else if (f->type == FRAME_SIGNAL)
		signal_command(g, frame_int32(f));
	else if (f->type == FRAME_FOLLOWED)
		owner_followed(g, frame_int32(f));
	else if (f->type == FRAME_SWEEP)
		sweep_start(g, frame_int64(f));
	else if (f->type == FRAME_FAREWELL)
		g->farewell = true;
}

static void hear(struct guard *g)
{
	struct frame f;
	int got = frame_read(g->fd, &g->in);

	while (frame_peek(&g->in, &f) == 1) {
		obey(g, &f);
		frame_drop(&g->in);
	}
	if (got <= 0 && !g->farewell)
		owner_died(g);
}

/* The owner stops with its command, and is to go on with it. A signal may come
 * just before it stops: it is repeated until the owner says that it is back. */
static bool owner_sleeps(const struct guard *g)
{
	return g->owner >= 0 && !g->stopped && g->followed != g->stops;
}

static void command_changed(struct guard *g, int status)
{
	int32_t value = status;

	g->stopped = WIFSTOPPED(status);
	if (g->stopped) {
		struct stop stop = {++g->stops, WSTOPSIG(status)};

		say(g, FRAME_STOPPED, &stop, sizeof(stop));
	} else if (!WIFCONTINUED(status)) {
		g->running = false;
		say(g, FRAME_EXITED, &value, sizeof(value));
	}
}

/* Takes in what has ended. True when there is no child at all: to a subreaper
 * that says that there is no descendant, either. */
static bool reap(struct guard *g)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG | WUNTRACED | WCONTINUED)) >
	       0)
		if (pid == g->command && g->running)
			command_changed(g, status);
	return pid < 0 && errno == ECHILD;
}

static void sweep_more(struct guard *g)
{
	struct proctree_spare spare = {0};
	int64_t late = clock_now_ms() - g->kill_at_ms;

	spare.watchdogs = late < SPARE_MS;
	if (late < 0)
		spare.once = &g->terminated;
	if (proctree_signal(getpid(), late < 0 ? SIGTERM : SIGKILL, &spare))
		g->look_ms = LOOK_MS_MIN;
	else if (g->look_ms < LOOK_MS_MAX)
		g->look_ms *= 2;
}

static void sweep_end(struct guard *g)
{
	g->sweeping = false;
	if (!g->orphaned) {
		say(g, FRAME_SWEPT, NULL, 0);
		return;
	}
	if (g->clean && g->estate.session)
		g->clean(&g->estate);
	_exit(0);
}

static void sweep(struct guard *g, bool childless)
{
	if (childless || clock_now_ms() >= g->kill_at_ms + GIVE_UP_MS)
		sweep_end(g);
	else
		sweep_more(g);
}

static int pause_ms(const struct guard *g)
{
	int64_t left;

	if (!g->sweeping)
		return owner_sleeps(g) ? WAKE_MS : -1;
	left = g->kill_at_ms - clock_now_ms();
	return (int)(left > 0 && left < g->look_ms ? left : g->look_ms);
}

static void turn(struct guard *g)
{
	struct pollfd fds[] = {{g->fd, POLLIN, 0},
			       {g->owner, POLLIN, 0},
			       {g->children, POLLIN, 0}};
	struct signalfd_siginfo info;
	bool childless;

	if (g->out.len)
		fds[0].events |= POLLOUT;
	if (poll(fds, array_len(fds), pause_ms(g)) < 0)
		return;
	if (fds[2].revents && read(g->children, &info, sizeof(info)) < 0)
		return; /* somebody else's wake-up: there is nothing to read */
	if (fds[0].revents & POLLOUT)
		frame_write(g->fd, &g->out);
	if (fds[0].revents & ~POLLOUT)
		hear(g);
	else if (fds[1].revents)
		owner_died(g);
	childless = reap(g);
	if (owner_sleeps(g))
		syscall(SYS_pidfd_send_signal, g->owner, SIGCONT, NULL, 0);
	if (g->sweeping)
		sweep(g, childless);
}

static void set_up(struct guard *g)
{
	const int keep[] = {g->fd, g->owner};
	sigset_t child;

	setpgid(0, 0);
	prctl(PR_SET_NAME, PROCTREE_WATCHDOG);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	fds_close(keep, array_len(keep), FDS_CLOEXEC);
	/* ignored, it would make the kernel throw the exit statuses away */
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	g->children = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
	/* the owner sees the closed socket */
	if (g->children < 0)
		_exit(1);
}

void guard_run(int fd, int owner, watchdog_clean_fn *clean)
{
	struct guard g = {.fd = fd,
			  .owner = owner,
			  .in = BUF_INIT_MAX(FRAME_BUF_MAX),
			  .out = BUF_INIT_MAX(FRAME_BUF_MAX),
			  .clean = clean};

	set_up(&g);
	while (!g.farewell)
		turn(&g);
	_exit(0);
}
