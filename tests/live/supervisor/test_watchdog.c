/* SPDX-License-Identifier: MIT */
/* The watchdog with real processes: what runs, and what is left of it. */
#include "live/supervisor/watchdog_lib.h"

#include <sys/stat.h>

static void status_comes_back(void **state)
{
	(void)state;
	assert_exit(run_sh("exit 0"), 0);
	assert_exit(run_sh("exit 3"), 3);
	assert_exit(run_sh("exit 255"), 255);
	assert_signalled(run_sh("kill -KILL $$"), SIGKILL);
	assert_signalled(run_sh("kill -INT $$"), SIGINT);
}

static void without_a_command(void **state)
{
	struct watchdog *w = start(NULL);

	(void)state;
	assert_int_equal(watchdog_signal(w, SIGTERM), 0);
	watchdog_sweep(w, 0);
	watchdog_end(w, 0);
	watchdog_end(NULL, 0);
	assert_no_child(0);
}

static char *put_file(const char *name, const char *text, size_t len,
		      mode_t mode)
{
	char *path = fs_join(dir, name);

	assert_int_equal(fs_write_file(path, text, len, mode, NULL), 0);
	return path;
}

static void cannot_run(struct watchdog *w, char *file, enum error_kind kind,
		       const char *fmt)
{
	auto_error struct error err = ERROR_INIT;
	auto_free char *text = NULL;
	char *argv[] = {file, NULL};
	struct buf b = BUF_INIT;

	for (; *fmt; fmt++)
		if (*fmt == '@')
			buf_puts(&b, file);
		else
			buf_putc(&b, *fmt);
	text = buf_take(&b);
	assert_int_equal(spawn(w, argv, &err), -1);
	assert_string_equal(error_text(&err), text);
	assert_int_equal(err.kind, kind);
}

static void what_cannot_run_says_so(void **state)
{
	struct watchdog *w = start(NULL);
	auto_free char *plain = put_file("plain", "x", 1, 0600);
	auto_free char *junk = put_file("junk", "\177ELF\0\0\0", 7, 0700);
	auto_free char *line = xasprintf("#!%s/missing\n", dir);
	auto_free char *lost = put_file("lost", line, strlen(line), 0700);
	char nosuch[] = "no-such-command";

	(void)state;
	cannot_run(w, nosuch, ERROR_NOT_FOUND, "command '@' not found");
	cannot_run(w, plain, ERROR_CANNOT_RUN,
		   "cannot run '@': Permission denied");
	cannot_run(w, dir, ERROR_CANNOT_RUN, "cannot run '@': Is a directory");
	cannot_run(w, junk, ERROR_CANNOT_RUN,
		   "cannot run '@': Exec format error");
	cannot_run(w, lost, ERROR_CANNOT_RUN,
		   "cannot run '@': its interpreter is missing");
	/* and none of that is the end of the watchdog */
	spawn_sh(w, "exit 5");
	assert_exit(wait_for(w, (struct watchdog_wait){0}, NULL), 5);
	watchdog_end(w, 0);
	assert_no_child(0);
}

static void one_command_a_watchdog(void **state)
{
	auto_error struct error err = ERROR_INIT;
	struct watchdog *w = start(NULL);
	char name[] = "true";
	char *argv[] = {name, NULL};

	(void)state;
	spawn_sh(w, "exit 0");
	assert_int_equal(spawn(w, argv, &err), -1);
	assert_int_equal(err.kind, ERROR_INTERNAL);
	watchdog_end(w, 0);
	assert_no_child(0);
}

static void a_script_without_a_first_line_runs(void **state)
{
	struct watchdog *w = start(NULL);
	auto_error struct error err = ERROR_INIT;
	auto_free char *script = put_file("bare", "exit $1\n", 8, 0700);
	char arg[] = "17";
	char *argv[] = {script, arg, NULL};

	(void)state;
	assert_int_equal(spawn(w, argv, &err), 0);
	assert_exit(wait_for(w, (struct watchdog_wait){0}, NULL), 17);
	watchdog_end(w, 0);
	assert_no_child(0);
}

static void the_environment_is_the_commands(void **state)
{
	auto_strvec struct strvec env = STRVEC_INIT;
	auto_error struct error err = ERROR_INIT;
	auto_free char *tool =
	    put_file("te-tool", "#!/bin/sh\nexit $CODE\n", 21, 0700);
	struct watchdog *w = start(NULL);
	char name[] = "te-tool";
	char *argv[] = {name, NULL};
	struct watchdog_command c = {argv, NULL, false};
	pid_t pid;

	(void)state;
	(void)tool; /* only to be freed */
	strvec_env_set(&env, "PATH", dir);
	strvec_env_set(&env, "CODE", "23");
	c.envp = env.v;
	if (watchdog_spawn(w, &c, &pid, &err) < 0)
		fail_msg("%s", error_text(&err));
	assert_exit(wait_for(w, (struct watchdog_wait){0}, NULL), 23);
	watchdog_end(w, 0);
	assert_no_child(0);
}

/* main() ignored XFSZ and blocked nothing before signals_save; later it ignores
 * PIPE and blocks USR1. */
static void signals_are_as_at_the_start(void **state)
{
	(void)state;
	assert_exit(run_sh("set -- $(grep SigIgn /proc/self/status)\n"
			   "[ $((0x$2 & 1 << 24)) != 0 ] || exit 1\n"
			   "[ $((0x$2 & 1 << 12)) = 0 ] || exit 2\n"
			   "set -- $(grep SigBlk /proc/self/status)\n"
			   "[ $((0x$2)) = 0 ] || exit 3"),
		    0);
	assert_signalled(run_sh("kill -PIPE $$"), SIGPIPE);
}

struct poke {
	int fd;
	int signo;
	int left;
};

static void send_when_ready(void *ctx)
{
	struct poke *p = ctx;
	char c;

	if (read(p->fd, &c, 1) == 1 && p->left-- > 0)
		kill(getpid(), p->signo);
}

/* The command says that it is ready through a pipe that it inherits. */
static void passed_on(int signo, const char *name)
{
	auto_free char *script = NULL;
	struct poke poke = {-1, signo, 1};
	struct watchdog *w;
	int fds[2], status;

	assert_int_equal(pipe(fds), 0);
	assert_int_equal(fcntl(fds[0], F_SETFD, FD_CLOEXEC), 0);
	script = xasprintf("trap 'exit 42' %s; echo > /dev/fd/%d; "
			   "while :; do sleep 0.02; done",
			   name, fds[1]);
	w = start(NULL);
	spawn_sh(w, script);
	close(fds[1]);
	poke.fd = fds[0];
	status =
	    wait_for(w,
		     (struct watchdog_wait){
			 .fd = fds[0], .fn = send_when_ready, .ctx = &poke},
		     NULL);
	close(fds[0]);
	assert_exit(status, 42);
	watchdog_end(w, 0);
	assert_no_child(0);
}

static void signals_are_passed_on(void **state)
{
	(void)state;
	passed_on(SIGINT, "INT");
	passed_on(SIGTERM, "TERM");
	passed_on(SIGHUP, "HUP");
	passed_on(SIGQUIT, "QUIT");
	passed_on(SIGUSR1, "USR1");
	passed_on(SIGUSR2, "USR2");
	passed_on(SIGWINCH, "WINCH");
}

static void signals_before_the_wait_are_not_lost(void **state)
{
	struct watchdog *w = start(NULL);

	(void)state;
	spawn_sh(w, "exec sleep 60");
	kill(getpid(), SIGTERM);
	assert_signalled(wait_for(w, (struct watchdog_wait){0}, NULL), SIGTERM);
	/* nor do they break what comes after */
	kill(getpid(), SIGINT);
	watchdog_sweep(w, 0);
	kill(getpid(), SIGINT);
	watchdog_end(w, 0);
	assert_no_child(0);
}

static volatile sig_atomic_t handled;

static void handle(int signo)
{
	handled = signo;
}

static void handlers_are_put_back(void **state)
{
	void (*before)(int) = signal(SIGINT, handle);

	(void)state;
	handled = 0;
	assert_exit(run_sh("exit 0"), 0);
	kill(getpid(), SIGINT);
	assert_int_equal(handled, SIGINT);
	signal(SIGINT, before);
}

/* Runs `before`, waits until that is done, goes on with `after`: what a trap
 * does is tested, not how fast a shell comes to set it. */
static struct watchdog *prepared(const char *before, const char *after)
{
	auto_buf struct buf out = BUF_INIT;
	auto_free char *script = NULL;
	struct watchdog *w;
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	assert_int_equal(fcntl(fds[0], F_SETFD, FD_CLOEXEC), 0);
	script = xasprintf("%s; echo >/dev/fd/%d; %s", before, fds[1], after);
	w = start(NULL);
	spawn_sh(w, script);
	close(fds[1]);
	assert_true(read_until(fds[0], "\n", 60000, &out));
	close(fds[0]);
	return w;
}

static void time_is_limited(void **state)
{
	struct watchdog *w;
	int64_t start_ms = clock_now_ms();
	bool timed_out = false;

	(void)state;
	make_alive();
	w = start(NULL);
	spawn_sh(w, "sleep 60 & sleep 60");
	assert_signalled(
	    wait_for(w, (struct watchdog_wait){.timeout_ms = 200}, &timed_out),
	    SIGTERM);
	assert_true(timed_out);
	assert_in_range(clock_now_ms() - start_ms, 190, 50000);
	watchdog_end(w, 0);
	assert_all_dead(0);
	assert_no_child(0);
}

static void who_ignores_term_gets_kill(void **state)
{
	struct watchdog *w;
	int64_t start_ms;
	bool timed_out = false;

	(void)state;
	make_alive();
	w = prepared("trap '' TERM", "sleep 60 & sleep 60; sleep 60");
	start_ms = clock_now_ms();
	assert_signalled(
	    wait_for(w,
		     (struct watchdog_wait){.timeout_ms = 200, .grace_ms = 300},
		     &timed_out),
	    SIGKILL);
	assert_true(timed_out);
	assert_in_range(clock_now_ms() - start_ms, 490, 50000);
	watchdog_end(w, 0);
	assert_all_dead(0);
	assert_no_child(0);
}

static void its_own_end_after_term_is_kept(void **state)
{
	struct watchdog *w = prepared("trap 'exit 9' TERM", "sleep 60 & wait");
	bool timed_out = false;

	(void)state;
	assert_exit(
	    wait_for(w, (struct watchdog_wait){.timeout_ms = 200}, &timed_out),
	    9);
	assert_true(timed_out);
	watchdog_end(w, 0);
	assert_no_child(0);
}

static void leftovers(const char *script, int64_t grace_ms, int64_t min_ms,
		      int64_t max_ms)
{
	struct watchdog *w;
	int64_t start_ms;

	make_alive();
	w = start(NULL);
	spawn_sh(w, script);
	assert_exit(wait_for(w, (struct watchdog_wait){0}, NULL), 6);
	start_ms = clock_now_ms();
	watchdog_sweep(w, grace_ms);
	assert_in_range(clock_now_ms() - start_ms, min_ms, max_ms);
	close_fd(&alive[1]);
	assert_all_dead(0);
	watchdog_end(w, grace_ms);
	assert_no_child(0);
}

/* Whoever ignores TERM has to say so before it comes. */
#define WHEN_DEAF "until [ -e deaf ]; do sleep 0.01; done; exit 6"

static void what_is_left_running_is_ended(void **state)
{
	static const char *const deaf[] = {
	    "(trap '' TERM; : >deaf; setsid sleep 60) & " WHEN_DEAF,
	    "(trap '' TERM; : >deaf; while :; do sleep 0.01; done) "
	    "& " WHEN_DEAF,
	};

	(void)state;
	assert_int_equal(chdir(dir), 0);
	leftovers("sleep 60 & exit 6", 60000, 0, 50000);
	leftovers("setsid sleep 60 & exit 6", 60000, 0, 50000);
	leftovers("(setsid sh -c 'sleep 60 & sleep 60' &) ; exit 6", 60000, 0,
		  50000);
	leftovers("sleep 60 & kill -STOP $!; exit 6", 60000, 0, 50000);
	for (size_t i = 0; i < array_len(deaf); i++) {
		unlink("deaf");
		leftovers(deaf[i], 300, 290, 50000);
		unlink("deaf");
		leftovers(deaf[i], 0, 0, 50000);
	}
	assert_int_equal(chdir("/"), 0);
}

static void a_thousand_grandchildren(void **state)
{
	(void)state;
	leftovers("i=0; while [ $i -lt 1000 ]; do (setsid sleep 60 &); "
		  "i=$((i + 1)); done; exit 6",
		  60000, 0, 50000);
}

static void term_comes_first(void **state)
{
	auto_free char *bye = fs_join(dir, "bye");
	auto_free char *script =
	    xasprintf("setsid sh -c 'trap \"echo > %s; exit\" TERM; "
		      "echo >&7; while :; do sleep 0.02; done' 7>%s/fifo & "
		      "read x <%s/fifo; exit 6",
		      bye, dir, dir);
	auto_free char *fifo = fs_join(dir, "fifo");

	(void)state;
	assert_int_equal(mkfifo(fifo, 0600), 0);
	leftovers(script, 60000, 0, 50000);
	assert_true(fs_exists(bye));
}

/* ---- descriptors ---- */

static int count_fds(pid_t pid, bool null_only)
{
	auto_free char *path = xasprintf("/proc/%d/fd", (int)pid);
	DIR *d = opendir(path);
	struct dirent *e;
	char target[256];
	int n = 0;

	assert_non_null(d);
	while ((e = readdir(d))) {
		auto_free char *link = fs_join(path, e->d_name);
		ssize_t len = readlink(link, target, sizeof(target) - 1);

		if (len < 0)
			continue;
		target[len] = '\0';
		if (!null_only || strcmp(target, "/dev/null") == 0)
			n++;
	}
	closedir(d);
	return n;
}

static void no_descriptor_is_lost(void **state)
{
	int before;

	(void)state;
	run_sh("exit 0");
	before = count_fds(getpid(), false);
	for (int i = 0; i < 20; i++)
		run_sh("sleep 1 & exit 0");
	assert_int_equal(count_fds(getpid(), false), before);
}

static void the_watchdog_holds_nothing_of_ours(void **state)
{
	auto_close int own = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	int handed = open("/dev/zero", O_RDONLY);
	auto_free char *script =
	    xasprintf("[ -e /proc/self/fd/%d ] || exit 1; "
		      "[ ! -e /proc/self/fd/%d ] || exit 2; read x",
		      handed, own);
	struct watchdog *w = start(NULL);
	pid_t pid = find_watchdog();

	(void)state;
	close(handed);
	spawn_sh(w, script);
	/* stdin, stdout, stderr; socket, pidfd, signalfd */
	assert_int_equal(count_fds(pid, true), 3);
	assert_int_equal(count_fds(pid, false), 6);
	watchdog_signal(w, SIGKILL);
	wait_for(w, (struct watchdog_wait){0}, NULL);
	watchdog_end(w, 0);
	assert_no_child(0);
}

static void inherited_descriptors_are_the_commands(void **state)
{
	auto_close int own = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	int handed = open("/dev/zero", O_RDONLY);
	auto_free char *script =
	    xasprintf("[ -e /proc/self/fd/%d ] || exit 1; "
		      "[ ! -e /proc/self/fd/%d ] || exit 2",
		      handed, own);

	(void)state;
	assert_exit(run_sh(script), 0);
	close(handed);
}

/* ---- much of everything ---- */

static int run_large(size_t n, size_t size, struct error *err)
{
	auto_strvec struct strvec argv = STRVEC_INIT;
	struct watchdog *w = start(NULL);
	int failed, status = 0;

	strvec_push(&argv, "sh");
	strvec_push(&argv, "-c");
	strvec_push(&argv, "exit $(($# % 200))");
	for (size_t i = 0; i < n; i++) {
		char *arg = xmalloc(size + 1);

		memset(arg, 'x', size);
		arg[size] = '\0';
		strvec_take(&argv, arg);
	}
	failed = spawn(w, argv.v, err);
	if (!failed)
		status = wait_for(w, (struct watchdog_wait){0}, NULL);
	watchdog_end(w, 0);
	assert_no_child(0);
	return failed ? -1 : WEXITSTATUS(status);
}

static void huge_arguments(void **state)
{
	auto_error struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(run_large(151, 10000, &err), 150);
	for (size_t n = 40; n <= 2000; n *= 10) {
		assert_int_equal(run_large(n, n == 40 ? 200000 : 100000, &err),
				 -1);
		assert_int_equal(err.kind, ERROR_CANNOT_RUN);
		assert_string_equal(err.text,
				    "cannot run 'sh': Argument list too long");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(status_comes_back),
	    cmocka_unit_test(without_a_command),
	    cmocka_unit_test(what_cannot_run_says_so),
	    cmocka_unit_test(one_command_a_watchdog),
	    cmocka_unit_test(a_script_without_a_first_line_runs),
	    cmocka_unit_test(the_environment_is_the_commands),
	    cmocka_unit_test(signals_are_as_at_the_start),
	    cmocka_unit_test(signals_are_passed_on),
	    cmocka_unit_test(signals_before_the_wait_are_not_lost),
	    cmocka_unit_test(handlers_are_put_back),
	    cmocka_unit_test(time_is_limited),
	    cmocka_unit_test(who_ignores_term_gets_kill),
	    cmocka_unit_test(its_own_end_after_term_is_kept),
	    cmocka_unit_test(what_is_left_running_is_ended),
	    cmocka_unit_test(a_thousand_grandchildren),
	    cmocka_unit_test(term_comes_first),
	    cmocka_unit_test(no_descriptor_is_lost),
	    cmocka_unit_test(the_watchdog_holds_nothing_of_ours),
	    cmocka_unit_test(inherited_descriptors_are_the_commands),
	    cmocka_unit_test(huge_arguments),
	};
	sigset_t usr1;

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	signal(SIGXFSZ, SIG_IGN);
	signals_save();
	signal(SIGXFSZ, SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGALRM);
	sigprocmask(SIG_BLOCK, &usr1, NULL);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
