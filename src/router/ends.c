/* SPDX-License-Identifier: MIT */
#include "router/ends.h"

#include "base/error.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum {
	ADDRESS_TEXT = 40, /* 32 digits, ':', 4 digits */
	LINE_MAX_BYTES = 512,
	LOOKS = 2
};

/* Whether this kernel has sock_diag and lets us ask: found out once. */
enum {
	DIAG_UNKNOWN,
	DIAG_WORKS,
	DIAG_MISSING
};
static atomic_int diag;

int ends_of(int fd, struct peer_ends *e, struct error *err)
{
	socklen_t ours = sizeof(e->ours), theirs = sizeof(e->theirs);

	if (getsockname(fd, (struct sockaddr *)&e->ours, &ours) < 0 ||
	    getpeername(fd, (struct sockaddr *)&e->theirs, &theirs) < 0)
		return error_set_errno(err, ERROR_REFUSED, errno,
				       "the caller has gone");
	if (e->ours.ss_family != AF_INET && e->ours.ss_family != AF_INET6)
		return error_set(err, ERROR_REFUSED, "not a TCP connection");
	return 0;
}

/* As the kernel prints it: each 32 bits as one number, in our byte order. An
 * IPv4 address is one of those, or, for a socket of IPv6, the last of four. */
static void print_address(const struct sockaddr_storage *ss, bool in_tcp6,
			  char ret[ADDRESS_TEXT])
{
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)ss;
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)ss;
	uint32_t part[4] = {0, 0, htonl(0xffff), 0};
	in_port_t port = v4->sin_port;

	if (ss->ss_family == AF_INET6) {
		memcpy(part, &v6->sin6_addr, sizeof(part));
		port = v6->sin6_port;
	} else {
		memcpy(&part[3], &v4->sin_addr, sizeof(part[3]));
	}
	if (in_tcp6)
		snprintf(ret, ADDRESS_TEXT,
			 "%08" PRIX32 "%08" PRIX32 "%08" PRIX32 "%08" PRIX32
			 ":%04X",
			 part[0], part[1], part[2], part[3], ntohs(port));
	else
		snprintf(ret, ADDRESS_TEXT, "%08" PRIX32 ":%04X", part[3],
			 ntohs(port));
}

/* "sl: local remote state queues timer retransmits uid timeout inode ..." */
static bool read_row(const char *line, const char *local, const char *remote,
		     struct peer_socket *ret)
{
	char from[ADDRESS_TEXT], to[ADDRESS_TEXT];
	unsigned state, uid;
	uint64_t inode;

	if (sscanf(line, "%*s %39s %39s %x %*s %*s %*s %u %*s %" SCNu64, from,
		   to, &state, &uid, &inode) != 5 ||
	    strcmp(from, local) != 0 || strcmp(to, remote) != 0 ||
	    state == TCP_LISTEN || !inode)
		return false;
	*ret = (struct peer_socket){.inode = inode, .uid = uid};
	return true;
}

/* The caller's socket has our ends the other way round. */
static bool find_in(const struct peer_ends *e, const char *proc, bool tcp6,
		    struct peer_socket *ret)
{
	char path[256], line[LINE_MAX_BYTES];
	char local[ADDRESS_TEXT], remote[ADDRESS_TEXT];
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "%s/net/tcp%s", proc, tcp6 ? "6" : "");
	f = fopen(path, "re");
	if (!f)
		return false;
	print_address(&e->theirs, tcp6, local);
	print_address(&e->ours, tcp6, remote);
	while (!found && fgets(line, sizeof(line), f))
		found = read_row(line, local, remote, ret);
	fclose(f);
	return found;
}

static bool is_ipv4(const struct sockaddr_storage *ss)
{
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)ss;

	return ss->ss_family == AF_INET || IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr);
}

/* A row can be missed when others go while the kernel lists them. */
bool ends_find_in_proc(const struct peer_ends *e, const char *proc,
		       struct peer_socket *ret)
{
	for (int i = 0; i < LOOKS; i++)
		if ((is_ipv4(&e->theirs) && find_in(e, proc, false, ret)) ||
		    find_in(e, proc, true, ret))
			return true;
	return false;
}

/*
 * A kernel without the module for TCP answers as if there were no such socket;
 * so that answer counts once there was another one.
 */
int peer_socket_of(int fd, const char *proc, struct peer_socket *ret,
		   struct error *err)
{
	auto_error struct error why = ERROR_INIT;
	int known = atomic_load(&diag);
	struct peer_ends e;

	if (ends_of(fd, &e, err) < 0)
		return -1;
	if (known != DIAG_MISSING) {
		if (ends_ask_diag(&e, ret, &why) == 0) {
			atomic_store(&diag, DIAG_WORKS);
			return 0;
		}
		if (known == DIAG_WORKS)
			return error_move(err, &why);
	}
	if (ends_find_in_proc(&e, proc ? proc : "/proc", ret)) {
		atomic_store(&diag, DIAG_MISSING);
		return 0;
	}
	if (why.kind)
		return error_move(err, &why);
	return error_set(err, ERROR_REFUSED,
			 "the caller's socket is not on this machine, or has "
			 "gone");
}
