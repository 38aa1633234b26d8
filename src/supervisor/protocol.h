/* SPDX-License-Identifier: MIT */
/*
 * supervisor/protocol.h - what both ends of the supervisor's socket agree on.
 *
 * One JSON object a line. A request has "op", may have "id" (given back in its
 * reply), and further members by op:
 *
 *   hello       version: must be PROTOCOL_VERSION; the first request
 *   wait        until the session is ready; progress: true for events meanwhile
 *   status      what runs
 *   env         slot: number, or routed: true for a command that has
 *               libtestenv-route.so; env: the session's variables,
 * "NAME=value"; of names (a list), unset: those that must not be there
 *   ctest-spec  spec: a CTest resource specification, as text
 *   target      service, slot: how to reach one server (logs, shell)
 *   root        pid, reaper: a command runs in the session, for as long as
 *               this connection lives; its processes are told apart. Before
 *               it is started, pid is its reaper and there is no other. With
 *               lease, one of this connection's: they are all its
 *   lease       worker, timeout_ms: a database of its own for whoever asks,
 *               until released or this connection ends; "lease", "slot" and
 *               "env" (as of env)
 *   release     lease
 *   reset       lease, or none: the caller's own database is as the template
 *               again; connections to it are cut. With url, it is the one
 *               that this leads to; another URL means the caller's own, and
 *               with strict: true is refused. Refused at once to whoever has
 *               none. The lease may be another connection's: its
 *               id is random, only the holder's environment has it, and the
 *               socket lets in no other user
 *   diff        service, slot; or lease, or url, or none (as of reset): how
 *               that database differs from the template: "service", "slot",
 *               "differences" and, where there are too many, "more"
 *   route       service: "path" of the caller's own SQLite file
 *   keep        by who started it: the session outlives that one, and an
 * owner's end changes nothing any more; "slots": whose databases stay down end
 * the session; answered when all is gone
 *
 * A reply is {"ok":true, …} or {"ok":false,"error":{kind,text,hint,detail}}. An
 * object with "event" is no reply: progress, for who asked for it. Requests
 * that wait do not hold up later ones of the same connection. A client that
 * closes, also only its sending side, has lost interest in what it waits for.
 */
#ifndef SUPERVISOR_PROTOCOL_H
#define SUPERVISOR_PROTOCOL_H

#include "base/error.h"
#include "base/progress.h"

#include <cjson/cJSON.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

enum {
	PROTOCOL_VERSION = 1
};
#define PROTOCOL_SOCKET "supervisor.sock"

void cleanup_cjson(cJSON **json);
#define auto_cjson __attribute__((cleanup(cleanup_cjson)))

/* A string member, or NULL when it is not there or none. */
const char *protocol_string(const cJSON *object, const char *name);
/* A member that is a whole number in 0..max, else fallback. */
unsigned protocol_number(const cJSON *object, const char *name, unsigned max,
			 unsigned fallback);

cJSON *protocol_error_to_json(const struct error *err);
/* Fills *err from what the other side said; returns -1. What cannot be read is
 * ERROR_PROTOCOL. */
int protocol_error_from_json(const cJSON *json, struct error *err);

cJSON *protocol_event_to_json(const struct progress_event *event);
/* 0, with strings borrowed from json; -1: not a progress event. */
int protocol_event_from_json(const cJSON *json, struct progress_event *ret);

/* The address of a socket; ERROR_IO for a path that is too long. */
int protocol_address(const char *path, struct sockaddr_un *ret,
		     struct error *err);
/* The user at the other end is ours: else ERROR_REFUSED. */
int protocol_check_peer(int fd, struct error *err);

#endif
