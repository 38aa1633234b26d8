/* SPDX-License-Identifier: MIT */
/*
 * fake_engine SOCKET [SCRIPT [LOG]] - the scripted engine as a program.
 *
 * Prints its TCP address once it listens, and serves until it gets a signal or
 * its standard input ends. LOG gets "METHOD /path?query" for each request. A
 * line of SCRIPT is one of
 *
 *   # a comment
 *   image NAME [LABELS]      the canned engine has it; LABELS is JSON
 *   publish PORT             containers publish their port there
 *   on METHOD PATH STATUS [BODY]     a rule: * for any method, PATH a pattern
 *   on METHOD PATH close|vanish|hang|garbage
 *   half|chunked|bytewise|unended|delay=MS|times=N, before `on` on its line
 *
 * so "times=1 delay=300 on POST /containers/create 500 <html>" answers the
 * first create badly and late.
 */
#include "fake_engine.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void bad(const char *line)
{
	fprintf(stderr, "fake_engine: cannot read: %s\n", line);
	exit(2);
}

static char *keep(const char *s)
{
	char *copy = strdup(s);

	if (!copy)
		abort();
	return copy; /* for the life of the process */
}

static void read_action(char *what, char *body, struct fake_reply *r,
			const char *line)
{
	if (!strcmp(what, "close"))
		r->flags |= FAKE_SILENT | FAKE_CLOSE;
	else if (!strcmp(what, "vanish"))
		r->flags |= FAKE_SILENT | FAKE_VANISH;
	else if (!strcmp(what, "hang"))
		r->flags |= FAKE_SILENT | FAKE_HANG;
	else if (!strcmp(what, "garbage"))
		r->raw = "\x16\x03\x01 not http at all\r\n\r\n";
	else if (!(r->status = (int)strtol(what, NULL, 10)))
		bad(line);
	if (r->raw)
		r->flags |= FAKE_CLOSE;
	r->body = keep(body ? body : "");
}

static bool read_option(const char *word, struct fake_reply *r, unsigned *times)
{
	if (!strcmp(word, "half"))
		r->flags |= FAKE_HALF;
	else if (!strcmp(word, "chunked"))
		r->flags |= FAKE_CHUNKED;
	else if (!strcmp(word, "unended"))
		r->flags |= FAKE_CHUNKED | FAKE_UNENDED;
	else if (!strcmp(word, "bytewise"))
		r->flags |= FAKE_BYTEWISE;
	else if (!strncmp(word, "delay=", 6))
		r->delay_ms = (int)strtol(word + 6, NULL, 10);
	else if (!strncmp(word, "times=", 6))
		*times = (unsigned)strtoul(word + 6, NULL, 10);
	else
		return false;
	return true;
}

static void read_rule(struct fake_engine *f, char *text, const char *line)
{
	struct fake_reply r = {0};
	unsigned times = 0;
	char *word = strsep(&text, " ");
	char *method;
	char *path;
	char *what;

	while (word && read_option(word, &r, &times))
		word = strsep(&text, " ");
	method = word && !strcmp(word, "on") ? strsep(&text, " ") : NULL;
	path = method ? strsep(&text, " ") : NULL;
	what = path ? strsep(&text, " ") : NULL;
	if (!what)
		bad(line);
	read_action(what, text, &r, line);
	fake_engine_on(f, strcmp(method, "*") ? keep(method) : NULL, keep(path),
		       &r, times);
}

static void read_line(struct fake_engine *f, char *text)
{
	char *line = keep(text);

	text[strcspn(text, "\n")] = '\0';
	if (!*text || *text == '#')
		return;
	if (!strncmp(text, "image ", 6)) {
		char *name;

		text += 6;
		name = strsep(&text, " ");
		fake_engine_add_image(f, name, text);
	} else if (!strncmp(text, "publish ", 8)) {
		fake_engine_publish(f, (int)strtol(text + 8, NULL, 10));
	} else {
		read_rule(f, text, line);
	}
}

static void read_script(struct fake_engine *f, const char *path)
{
	FILE *script = fopen(path, "re");
	char *line = NULL;
	size_t size = 0;

	if (!script) {
		perror(path);
		exit(1);
	}
	while (getline(&line, &size, script) >= 0)
		read_line(f, line);
	free(line);
	fclose(script);
}

static void on_signal(int signo)
{
	(void)signo;
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = on_signal};
	struct fake_engine *f;
	char byte;

	if (argc < 2 || argc > 4) {
		fprintf(stderr, "usage: fake_engine SOCKET [SCRIPT [LOG]]\n");
		return 2;
	}
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	f = fake_engine_start_at(argv[1]);
	if (argc > 3)
		fake_engine_log_to(f, argv[3]);
	if (argc > 2)
		read_script(f, argv[2]);
	printf("%s\n", fake_engine_tcp(f));
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	free(fake_engine_stop(f));
	return 0;
}
