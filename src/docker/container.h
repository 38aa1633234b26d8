/* SPDX-License-Identifier: MIT */
/*
 * docker/container.h - containers on one engine.
 *
 * Calls return 0, or -1 with *err; ret_ arguments are written only on success.
 * The engine's own message is in every error. A create whose answer was lost
 * may have made a container all the same: its labels, which are part of the
 * create call, let the session's owner find it.
 */
#ifndef DOCKER_CONTAINER_H
#define DOCKER_CONTAINER_H

#include "base/buf.h"
#include "base/clock.h"
#include "base/strvec.h"

#include <stdint.h>

struct engine;
struct error;

struct container_mount {
	const char *source; /* on the engine's machine; must exist there */
	const char *target;
	bool read_only;
};

/* What to run. Strings are borrowed for the call; zero means default. */
struct container_spec {
	const char *image;             /* must be on the engine */
	const char *name;              /* NULL: the engine picks one */
	const char *const *env;        /* "KEY=value", NULL-terminated */
	const char *const *cmd;        /* NULL: the image's */
	const char *const *entrypoint; /* NULL: the image's */
	const char *user;
	const char *working_dir;
	const char *const *labels;  /* "key=value", NULL-terminated */
	const char *network_mode;   /* "none"; NULL: the engine's default */
	uint16_t port;              /* this TCP port is published, 0: none */
	const uint16_t *more_ports; /* these as well; ends with a 0, or NULL */
	const char *publish_ip;     /* NULL: 127.0.0.1 */
	const struct container_mount *mounts; /* binds */
	size_t n_mounts;
	const char *const *tmpfs; /* "/run" or "/run:size=64m" */
	const char *const *hosts; /* "NAME:IP", into its /etc/hosts */
	int64_t memory_bytes;     /* 0: no limit */
	int64_t shm_bytes;        /* 0: the engine's default */
	int64_t pids_limit;
	int stop_timeout_s;  /* 0: the engine's default */
	bool init;           /* a small init as process 1 */
	bool no_healthcheck; /* the image's own is not run */
	/* Not confined by the machine's SELinux, whose labels on the sources of
	 * its binds would shut it out. Those are not changed. */
	bool no_label;
};

/* A plain value. */
struct container {
	char id[65];
	/* what of the spec the engine left out ("memory limit discarded"), or
	 * "" */
	char warning[256];
};

/* ERROR_NO_IMAGE when the image is not there; ERROR_BUSY when the name is
 * taken; else ERROR_ENGINE. A bind whose source the engine does not see:
 * ERROR_REFUSED. */
int container_create(struct engine *engine, const struct container_spec *spec,
		     const struct deadline *deadline, struct container *ret,
		     struct error *err);
/* Already started is success. */
int container_start(struct engine *engine, const struct container *c,
		    const struct deadline *deadline, struct error *err);
/* The image's stop signal, then KILL after timeout_s; already stopped is
 * success. */
int container_stop(struct engine *engine, const struct container *c,
		   int timeout_s, const struct deadline *deadline,
		   struct error *err);
int container_kill(struct engine *engine, const struct container *c,
		   const char *signal, const struct deadline *deadline,
		   struct error *err);
/* With its anonymous volumes, running or not; already gone, or being removed
 * by someone else, is success once it is gone. */
int container_remove(struct engine *engine, const char *id,
		     const struct deadline *deadline, struct error *err);
/* Blocks until it is not running. */
int container_wait(struct engine *engine, const struct container *c,
		   const struct deadline *deadline, int *ret_exit_code,
		   struct error *err);

/* A published port. */
struct container_port {
	uint16_t inside, outside;
};
enum {
	CONTAINER_PORTS_MAX = 16
};

struct container_state {
	bool running;
	char status[16]; /* created running paused restarting removing exited
			    dead */
	int exit_code;
	bool oom_killed;
	char error[256]; /* the engine's word on a failed start, or "" */
	bool tty;
	uint16_t
	    host_port; /* of the first published port; 0 when there is none */
	char host_ip[64];
	struct container_port ports[CONTAINER_PORTS_MAX]; /* all */
	size_t n_ports;
	char ip[64]; /* on its network, or "" */
	int pid;     /* of its first process, as the engine's machine counts */
};
/* ERROR_ENGINE "no such container" when it is gone. */
int container_inspect(struct engine *engine, const char *id,
		      const struct deadline *deadline,
		      struct container_state *ret, struct error *err);

/* One row of a list by label. */
struct container_row {
	char id[65];
	char *name;
	char *image;
	char *state;          /* "running" */
	struct strvec labels; /* "key=value" */
	int64_t created_s;    /* seconds since the epoch */
};
struct container_list {
	struct container_row *rows;
	size_t n;
};
#define CONTAINER_LIST_INIT \
	{                   \
		0, 0        \
	}
void container_list_free(struct container_list *list);
#define auto_container_list __attribute__((cleanup(container_list_free)))
/* In every state. `label` is "key" or "key=value". */
int container_list(struct engine *engine, const char *label,
		   const struct deadline *deadline, struct container_list *ret,
		   struct error *err);
/* The value of a label of a row, or NULL. */
const char *container_row_label(const struct container_row *row,
				const char *key);

/*
 * Logs, de-framed by Config.Tty. `fn` gets pieces of stdout (stream 1) and
 * stderr (2); anything but 0 from it ends the call as success.
 */
typedef int container_log_fn(void *ctx, int stream, const char *data,
			     size_t len);
struct container_log_options {
	bool follow;
	int tail; /* lines; 0: all */
	bool timestamps;
};
int container_logs(struct engine *engine, const char *id,
		   const struct container_log_options *options,
		   const struct deadline *deadline, container_log_fn *fn,
		   void *ctx, struct error *err);
/* The last lines of both streams into ret (its bound holds), for errors. */
int container_log_tail(struct engine *engine, const char *id, int lines,
		       const struct deadline *deadline, struct buf *ret,
		       struct error *err);

/* Runs a command inside and waits for it. Output goes to `fn`, NULL: nowhere.
 * `user` may be NULL. */
int container_exec(struct engine *engine, const char *id,
		   const char *const *cmd, const char *user,
		   const struct deadline *deadline, container_log_fn *fn,
		   void *ctx, int *ret_exit_code, struct error *err);

/* Unpacks a tar (any compression) into a directory of the container; it need
 * not run. 404: ERROR_ENGINE. */
int container_put_archive(struct engine *engine, const char *id,
			  const char *dir, const struct buf *tar,
			  const struct deadline *deadline, struct error *err);
/* The same from and to an open file, for what may be large: from its present
 * place to its end, and to its present place. `max` bytes at most: over that
 * ERROR_NO_SPACE. */
int container_load_archive(struct engine *engine, const char *id,
			   const char *dir, int fd,
			   const struct deadline *deadline, struct error *err);
int container_save_archive(struct engine *engine, const char *id,
			   const char *path, int fd, int64_t max,
			   const struct deadline *deadline, struct error *err);
/* A path of the container as a tar. */
int container_get_archive(struct engine *engine, const char *id,
			  const char *path, const struct deadline *deadline,
			  struct buf *ret_tar, struct error *err);

#endif
