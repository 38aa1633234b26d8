/* SPDX-License-Identifier: MIT */
/*
 * The watchdog's owner under a terminal, as a job of a shell with job control:
 * a few lines of C in the place of the shell, the test at the keyboard.
 */
#include "live/supervisor/watchdog_lib.h"

#include "supervisor/terminal.h"

#include <pty.h>
#include <termios.h>

enum job_flags {
	JOB_BACKGROUND = 1 << 0, /* started with & */
	JOB_SCRIPT = 1 << 1,     /* a process of the same group waits for it */
	JOB_NO_SHELL = 1 << 2    /* it is the session's leader */
};

/* The keyboard and screen, and two pipes to the "shell". */
struct desk {
	int master;
	pid_t pid;
	int said[2], go[2];
	struct buf screen, shell;
};

static void owner(const struct desk *d, const char *script)
{
	struct watchdog *w = start(NULL);
	struct watchdog_wait wait = {.fd = -1};
	struct termios modes;
	bool timed_out, interrupted;
	int status = 0;
	int tty;

	spawn_sh(w, script);
	watchdog_wait(w, &wait, &status, &timed_out, NULL);
	interrupted = watchdog_interrupted(w);
	watchdog_end(w, 1000);
	tty = terminal_open();
	tcgetattr(tty, &modes);
	dprintf(d->said[1], "%s %s\n",
		terminal_is(tty, getpgrp()) ? "front" : "back",
		modes.c_lflag & ECHO ? "echo" : "silent");
	if (interrupted)
		signals_die_of(SIGINT);
	_exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status)
				  : WEXITSTATUS(status));
}

static void job(const struct desk *d, const char *script, unsigned flags)
{
	int status;
	pid_t pid;

	setpgid(0, 0);
	signal(SIGTTOU, SIG_DFL);
	if (flags & JOB_SCRIPT) {
		pid = fork();
		if (pid == 0)
			owner(d, script);
		waitpid(pid, &status, 0);
		/* a script is not killed by its child's exit code */
		sleep(2);
		_exit(99);
	}
	owner(d, script);
}

static void shell(const struct desk *d, const char *script, unsigned flags)
{
	int status;
	char c;
	pid_t pid;

	signal(SIGTTOU, SIG_IGN);
	pid = fork();
	if (pid == 0)
		job(d, script, flags);
	setpgid(pid, pid);
	if (!(flags & JOB_BACKGROUND))
		tcsetpgrp(0, pid);
	while (waitpid(pid, &status, WUNTRACED) == pid) {
		tcsetpgrp(0, getpgrp());
		if (WIFSIGNALED(status))
			dprintf(d->said[1], "signal %d\n", WTERMSIG(status));
		if (WIFEXITED(status))
			dprintf(d->said[1], "exit %d\n", WEXITSTATUS(status));
		if (!WIFSTOPPED(status))
			break;
		dprintf(d->said[1], "stopped %d\n", WSTOPSIG(status));
		if (read(d->go[0], &c, 1) == 1) {
			tcsetpgrp(0, pid);
			kill(-pid, SIGCONT);
		}
	}
	_exit(0);
}

static void sit_down(struct desk *d, const char *script, unsigned flags)
{
	*d = (struct desk){.screen = BUF_INIT, .shell = BUF_INIT};
	assert_int_equal(pipe2(d->said, O_CLOEXEC), 0);
	assert_int_equal(pipe2(d->go, O_CLOEXEC), 0);
	d->pid = forkpty(&d->master, NULL, NULL, NULL);
	if (d->pid == 0) {
		if (flags & JOB_NO_SHELL)
			owner(d, script);
		shell(d, script, flags);
	}
	fcntl(d->master, F_SETFD, FD_CLOEXEC);
	close(d->said[1]);
}

static void sees(struct desk *d, const char *text)
{
	if (!read_until(d->master, text, 30000, &d->screen))
		fail_msg("no '%s' on the screen: %s", text, d->screen.s);
}

static void says(struct desk *d, const char *text)
{
	if (!read_until(d->said[0], text, 30000, &d->shell))
		fail_msg("no '%s' from the shell: %s", text, d->shell.s);
}

static void type(struct desk *d, const char *keys)
{
	assert_int_equal(write(d->master, keys, strlen(keys)), strlen(keys));
}

static void foreground(struct desk *d)
{
	assert_int_equal(write(d->go[1], "g", 1), 1);
}

static void get_up(struct desk *d)
{
	close(d->said[0]);
	close(d->go[0]);
	close(d->go[1]);
	/* a session leader's end waits for its output to be read */
	read_until(d->master, NULL, 200, &d->screen);
	close(d->master);
	buf_free(&d->screen);
	buf_free(&d->shell);
	assert_no_child(30000);
}

static void the_command_has_the_terminal(void **state)
{
	struct desk d;

	(void)state;
	sit_down(&d, "echo ready; read x; exit 9", 0);
	sees(&d, "ready");
	type(&d, "a\n");
	says(&d, "front echo\nexit 9\n");
	get_up(&d);
}

static void ctrl_z_stops_both_and_fg_continues_both(void **state)
{
	struct desk d;

	(void)state;
	sit_down(&d, "echo ready; read x; echo more; read y; exit $x$y", 0);
	sees(&d, "ready");
	type(&d, "\032");
	says(&d, "stopped 20\n");
	foreground(&d);
	type(&d, "4\n");
	sees(&d, "more");
	buf_clear(&d.shell);
	type(&d, "\032");
	says(&d, "stopped 20\n");
	foreground(&d);
	type(&d, "2\n");
	says(&d, "front echo\nexit 42\n");
	get_up(&d);
}

static void ctrl_c_is_the_commands(void **state)
{
	struct desk d;

	(void)state;
	sit_down(&d, "echo ready; exec sleep 60", 0);
	sees(&d, "ready");
	type(&d, "\003");
	says(&d, "front echo\nsignal 2\n");
	get_up(&d);
	sit_down(&d,
		 "trap 'exit 7' INT; echo ready; while :; do sleep 0.02; done",
		 0);
	sees(&d, "ready");
	type(&d, "\003");
	says(&d, "front echo\nexit 7\n");
	get_up(&d);
}

static void ctrl_c_ends_a_script_around_it(void **state)
{
	struct desk d;

	(void)state;
	sit_down(&d, "echo ready; exec sleep 60", JOB_SCRIPT);
	sees(&d, "ready");
	type(&d, "\003");
	says(&d, "signal 2\n");
	get_up(&d);
}

static void a_reader_in_the_background_stops(void **state)
{
	struct desk d;

	(void)state;
	sit_down(&d, "read x; exit 9", JOB_BACKGROUND);
	says(&d, "stopped 21\n");
	foreground(&d);
	type(&d, "a\n");
	says(&d, "front echo\nexit 9\n");
	get_up(&d);
}

static void who_cannot_be_continued_does_not_stop(void **state)
{
	struct desk d;

	(void)state;
	sit_down(&d, "echo ready; read x; exit 9", JOB_NO_SHELL);
	sees(&d, "ready");
	type(&d, "\032");
	sees(&d, "^Z");
	type(&d, "a\n");
	says(&d, "front echo\n");
	get_up(&d);
}

static void a_killed_commands_modes_are_undone(void **state)
{
	struct desk d;

	(void)state;
	sit_down(&d, "stty raw -echo; kill -KILL $$", 0);
	says(&d, "front echo\nexit 137\n");
	get_up(&d);
}

/* ---- without a terminal ---- */

static pid_t owner_of(const char *script, int *ret_said)
{
	int said[2];
	pid_t pid;

	assert_int_equal(pipe(said), 0);
	assert_int_equal(fcntl(said[0], F_SETFD, FD_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		auto_free char *s = NULL;
		const struct watchdog_wait wait = {.fd = -1};
		struct watchdog *w;
		bool timed_out;
		int status = 0;

		setsid();
		s = xasprintf("echo $$ > /dev/fd/%d; %s", said[1], script);
		w = start(NULL);
		spawn_sh(w, s);
		watchdog_wait(w, &wait, &status, &timed_out, NULL);
		watchdog_end(w, 0);
		_exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status)
					  : WEXITSTATUS(status));
	}
	close(said[1]);
	*ret_said = said[0];
	return pid;
}

static pid_t command_of(int said)
{
	auto_buf struct buf text = BUF_INIT;

	assert_true(read_until(said, "\n", 30000, &text));
	close(said);
	return (pid_t)strtol(text.s, NULL, 10);
}

static void a_stopped_command_stops_its_owner(void **state)
{
	int said, status;
	pid_t pid = owner_of("exec sleep 60", &said);
	pid_t command = command_of(said);

	(void)state;
	kill(command, SIGSTOP);
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	assert_true(WIFSTOPPED(status));
	assert_int_equal(WSTOPSIG(status), SIGSTOP);
	/* whichever of the two is continued */
	kill(command, SIGCONT);
	assert_int_equal(waitpid(pid, &status, WCONTINUED), pid);
	kill(command, SIGSTOP);
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	assert_true(WIFSTOPPED(status));
	kill(pid, SIGCONT);
	assert_int_equal(waitpid(pid, &status, WCONTINUED), pid);
	kill(pid, SIGTERM);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_exit(status, 128 + SIGTERM);
	assert_no_child(30000);
}

static void a_command_killed_while_stopped_frees_its_owner(void **state)
{
	int said, status;
	pid_t pid = owner_of("exec sleep 60", &said);
	pid_t command = command_of(said);

	(void)state;
	kill(command, SIGSTOP);
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	kill(command, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_exit(status, 128 + SIGKILL);
	assert_no_child(30000);
}

static void an_owner_killed_while_stopped_leaves_nothing(void **state)
{
	int said, status;
	pid_t pid = owner_of("sleep 60 & kill -STOP $$; exit 3", &said);

	(void)state;
	command_of(said);
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	assert_true(WIFSTOPPED(status));
	kill(pid, SIGKILL);
	assert_no_child(30000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_command_has_the_terminal),
	    cmocka_unit_test(ctrl_z_stops_both_and_fg_continues_both),
	    cmocka_unit_test(ctrl_c_is_the_commands),
	    cmocka_unit_test(ctrl_c_ends_a_script_around_it),
	    cmocka_unit_test(a_reader_in_the_background_stops),
	    cmocka_unit_test(who_cannot_be_continued_does_not_stop),
	    cmocka_unit_test(a_killed_commands_modes_are_undone),
	    cmocka_unit_test(a_stopped_command_stops_its_owner),
	    cmocka_unit_test(a_command_killed_while_stopped_frees_its_owner),
	    cmocka_unit_test(an_owner_killed_while_stopped_leaves_nothing),
	};

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
