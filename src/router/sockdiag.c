/* SPDX-License-Identifier: MIT */
#include "router/ends.h"

#include "base/alloc.h"
#include "base/error.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct query {
	struct nlmsghdr header;
	struct inet_diag_req_v2 req;
};

/* An address and its port in the form of inet_diag; IPv4 in IPv6 becomes
 * IPv4, which is how the kernel files such a connection. Gives the family. */
static uint8_t put_address(const struct sockaddr_storage *ss, __be32 address[4],
			   __be16 *port)
{
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)ss;
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)ss;

	if (ss->ss_family == AF_INET) {
		memcpy(address, &v4->sin_addr, 4);
		*port = v4->sin_port;
		return AF_INET;
	}
	*port = v6->sin6_port;
	if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
		memcpy(address, v6->sin6_addr.s6_addr + 12, 4);
		return AF_INET;
	}
	memcpy(address, &v6->sin6_addr, 16);
	return AF_INET6;
}

/* The caller's socket has our ends the other way round. */
static void query_for(const struct peer_ends *e, struct query *q)
{
	struct inet_diag_sockid *id = &q->req.id;

	memset(q, 0, sizeof(*q));
	q->header.nlmsg_len = sizeof(*q);
	q->header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
	q->header.nlmsg_flags = NLM_F_REQUEST; /* this one, no dump */
	q->req.sdiag_protocol = IPPROTO_TCP;
	q->req.idiag_states = ~0U;
	q->req.sdiag_family =
	    put_address(&e->theirs, id->idiag_src, &id->idiag_sport);
	put_address(&e->ours, id->idiag_dst, &id->idiag_dport);
	id->idiag_cookie[0] = id->idiag_cookie[1] = INET_DIAG_NOCOOKIE;
}

/* The kernel falls back to a listener on the port when the connection is not
 * there any more; that is not who called. */
static bool is_answer(const struct inet_diag_msg *m, const struct query *q)
{
	return m->id.idiag_sport == q->req.id.idiag_sport &&
	       m->id.idiag_dport == q->req.id.idiag_dport &&
	       m->idiag_state != TCP_LISTEN && m->idiag_inode != 0;
}

static int read_answer(void *data, ssize_t len, const struct query *q,
		       struct peer_socket *ret, struct error *err)
{
	struct nlmsghdr *h = data;
	const struct nlmsgerr *e = NLMSG_DATA(h);
	const struct inet_diag_msg *m = NLMSG_DATA(h);

	if (len < (ssize_t)NLMSG_LENGTH(sizeof(*e)) ||
	    h->nlmsg_len > (size_t)len)
		return error_set(err, ERROR_REFUSED,
				 "sock_diag gave a short answer");
	if (h->nlmsg_type == NLMSG_ERROR && e->error != -ENOENT)
		return error_set_errno(err, ERROR_REFUSED, -e->error,
				       "ask sock_diag who is calling");
	if (h->nlmsg_type == NLMSG_ERROR ||
	    h->nlmsg_len < NLMSG_LENGTH(sizeof(*m)) || !is_answer(m, q))
		return error_set(err, ERROR_REFUSED,
				 "the caller's socket is not on this machine, "
				 "or has gone");
	ret->inode = m->idiag_inode;
	ret->uid = m->idiag_uid;
	return 0;
}

int ends_ask_diag(const struct peer_ends *e, struct peer_socket *ret,
		  struct error *err)
{
	auto_close int nl = -1;
	_Alignas(struct nlmsghdr) char answer[1024];
	struct query q;
	ssize_t n;

	query_for(e, &q);
	nl = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	if (nl < 0 || send(nl, &q, sizeof(q), 0) < 0)
		return error_set_errno(err, ERROR_REFUSED, errno,
				       "ask sock_diag who is calling");
	/* answered within send(2): nothing to wait for */
	n = recv(nl, answer, sizeof(answer), MSG_DONTWAIT);
	if (n < 0)
		return error_set_errno(err, ERROR_REFUSED, errno,
				       "ask sock_diag who is calling");
	return read_answer(answer, n, &q, ret, err);
}
