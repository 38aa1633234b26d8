/* SPDX-License-Identifier: MIT */
#include "docker/ssh.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/child.h"
#include "base/error.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	SAID_MAX = 64 * 1024,
	ASK_MS = 5000
};

struct ssh_address {
	char *user; /* or NULL */
	char *host;
	char *port;   /* or NULL */
	char *socket; /* or NULL */
};

static void ssh_address_free(struct ssh_address *a)
{
	free(a->user);
	free(a->host);
	free(a->port);
	free(a->socket);
}

static bool is_port(const char *s)
{
	size_t digits = strspn(s, "0123456789");

	return digits && digits <= 5 && !s[digits];
}

/* What a name may hold: nothing that ssh, or a shell, takes for more. */
static bool is_name(const char *s)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._-:%";

	return *s && *s != '-' && !s[strspn(s, allowed)];
}

/* False if the address is of another form. */
static bool parse(const char *address, struct ssh_address *ret)
{
	size_t len = strcspn(address, "/");
	const char *end = address + len;
	const char *at = memchr(address, '@', len);
	const char *host = at ? at + 1 : address;
	size_t host_len;

	if (at)
		ret->user = xstrndup(address, (size_t)(at - address));
	if (*host == '[') {
		host_len = strcspn(host + 1, "]/");
		ret->host = xstrndup(host + 1, host_len);
		host += host_len + 1;
		if (*host++ != ']')
			return false;
	} else {
		host_len = strcspn(host, ":/");
		ret->host = xstrndup(host, host_len);
		host += host_len;
	}
	if (*host == ':')
		ret->port = xstrndup(host + 1, (size_t)(end - host - 1));
	else if (host != end)
		return false;
	if (end[0] && end[1])
		ret->socket = xstrdup(end);
	return is_name(ret->host) && (!ret->user || is_name(ret->user)) &&
	       (!ret->port || is_port(ret->port));
}

int ssh_program(const char *url, struct strvec *ret, char **ret_host,
		struct error *err)
{
	struct ssh_address a __attribute__((cleanup(ssh_address_free))) = {0};
	auto_buf struct buf command = BUF_INIT;
	auto_free char *host = NULL;

	if (strncmp(url, "ssh://", 6) || !parse(url + 6, &a)) {
		error_set(err, ERROR_CONFIG, "'%s' is not an engine's address",
			  url);
		error_hint(err, "ssh://[user@]host[:port][/path/of/socket]");
		return -1;
	}
	buf_puts(&command, "docker");
	if (a.socket) {
		host = xasprintf("unix://%s", a.socket);
		buf_puts(&command, " --host ");
		buf_put_shell(&command, host);
	}
	buf_puts(&command, " system dial-stdio");
	strvec_push(ret, "ssh");
	strvec_push(ret, "-oConnectTimeout=30");
	strvec_push(ret, "-T");
	if (a.user)
		strvec_pushf(ret, "-l%s", a.user);
	if (a.port)
		strvec_pushf(ret, "-p%s", a.port);
	strvec_push(ret, "--");
	strvec_push(ret, a.host);
	strvec_push(ret, command.s);
	*ret_host = take_ptr(&a.host);
	return 0;
}

/* The value of "hostname VALUE", on a line of its own. */
static char *find_hostname(const char *text)
{
	static const char key[] = "hostname ";

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!strncmp(line, key, strlen(key)))
			return xstrndup(line + strlen(key),
					strcspn(line + strlen(key), "\r\n"));
	}
	return NULL;
}

char *ssh_real_host(const struct strvec *program,
		    const struct deadline *deadline)
{
	auto_strvec struct strvec argv = STRVEC_INIT;
	auto_buf struct buf said = BUF_INIT_MAX(SAID_MAX);
	struct deadline d = deadline_sooner(*deadline, ASK_MS);
	struct child_command command = {.envp = environ, .dir = "/"};
	int status;

	/* the shell looks for it on PATH */
	strvec_push(&argv, "/bin/sh");
	strvec_push(&argv, "-c");
	strvec_push(&argv, "exec \"$@\" 2>/dev/null");
	strvec_push(&argv, "sh");
	strvec_push(&argv, program->v[0]);
	strvec_push(&argv, "-G");
	for (size_t i = 1; i + 1 < program->n; i++)
		strvec_push(&argv, program->v[i]);
	command.argv = argv.v;
	if (child_run(&command, &d, &said, &status, NULL) < 0 || status != 0)
		return NULL;
	return find_hostname(said.s);
}
