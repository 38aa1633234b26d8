/* SPDX-License-Identifier: MIT */
#include "cli/help.h"

#include <stddef.h>

const char help_about[] =
    "testenv gives a test suite real databases: it finds the container engine, "
    "starts PostgreSQL or MariaDB servers that nobody else uses, applies the "
    "migrations once, tells the tests where their databases are through "
    "environment variables, runs them, and leaves nothing behind. Where no "
    "engine answers, the same command runs on SQLite files, and says so.\n\n"
    "What is wanted is said by options, by variables named TESTENV_ and the "
    "option's name (TESTENV_WORKERS for --workers), or in a Compose file "
    "(compose.yaml, compose.yml, testenv.yaml or docker-compose.yaml, looked "
    "for from the working directory upwards), in this order of precedence. "
    "In the file, what Compose has no word for stands under x-testenv.\n\n"
    "What else the file has, a cache or a mock, is started with the databases: "
    "one for all, or with 'per: worker' one for each worker. It counts as "
    "ready "
    "when its healthcheck, or a TCP, HTTP, Redis or exec probe, says so.";

const char help_examples[] =
    "$ testenv exec --db postgres --migrations db/migrations -- ctest -j8\n"
    "$ testenv exec --db mariadb:10.11 --workers 4 -- ./run-tests.sh\n"
    "$ testenv doctor";

const struct help_variable help_variables_read[] = {
    {"TESTENV_*", "The value of the option of that name, in upper case with _ "
		  "for -. Options go before variables."},
    {"TESTENV_DEBUG", "1 logs every step on standard error, as --debug."},
    {"TESTENV_QUIET", "1 shows no progress, as --quiet."},
    {"TESTENV_CACHE_DIR",
     "Where templates are kept. Else XDG_CACHE_HOME/testenv or "
     "HOME/.cache/testenv."},
    {"XDG_RUNTIME_DIR", "Where sockets and locks of sessions live."},
    {"DOCKER_HOST, DOCKER_CONTEXT, DOCKER_CONFIG",
     "Which container engine, as the docker command reads them."},
    {"NO_COLOR", "Not empty: no colours."},
    {NULL, NULL},
};

const struct help_variable help_variables_set[] = {
    {"DATABASE_URL, NAME_URL",
     "The address of the first database service, and of each by its name."},
    {"NAME_URL, NAME_HOST, NAME_PORT",
     "The address of each other service; of several ports each is also "
     "NAME_PORT_8080."},
    {"PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE",
     "The same for PostgreSQL's own clients."},
    {"MYSQL_HOST, MYSQL_TCP_PORT, MYSQL_USER, MYSQL_PWD, MYSQL_DATABASE, "
     "MYSQL_UNIX_PORT",
     "The same for MariaDB's."},
    {"TESTENV_BACKEND", "container or sqlite: what serves."},
    {"TESTENV_DIALECT", "postgres, mariadb or sqlite."},
    {"TESTENV_FALLBACK_REASON",
     "Why it is not the first choice; not set where it is."},
    {"TESTENV_SESSION", "The session's id."},
    {"TESTENV_SOCKET", "Where the session answers."},
    {"TESTENV_LEASE, TESTENV_SCRATCH",
     "Inside a lease: its id, and an empty directory that goes with it."},
    {"TESTENV_URL_0, TESTENV_URL_1 ...",
     "The address of each worker's own database."},
    {NULL, NULL},
};

const char *help_of_kind(enum error_kind kind)
{
	switch (kind) {
	case ERROR_NONE:
		break;
	case ERROR_INTERNAL:
		return "a fault of testenv itself, or of the system under it";
	case ERROR_USAGE:
		return "the options or arguments are wrong";
	case ERROR_CONFIG:
		return "a file or a variable says something wrong";
	case ERROR_NO_ENGINE:
		return "no container engine answers";
	case ERROR_ENGINE:
		return "the container engine said no";
	case ERROR_PROTOCOL:
		return "an answer that cannot be read";
	case ERROR_TIMEOUT:
		return "something took longer than it may";
	case ERROR_NO_IMAGE:
		return "the image is neither here nor to be had";
	case ERROR_PULL:
		return "an image could not be pulled";
	case ERROR_BUILD:
		return "an image could not be built";
	case ERROR_MIGRATION:
		return "a migration or a seed failed";
	case ERROR_SERVER:
		return "a database server did not start, or died";
	case ERROR_DATABASE:
		return "a connection or a statement failed";
	case ERROR_IO:
		return "a file could not be read or written";
	case ERROR_NO_SPACE:
		return "the disk is full";
	case ERROR_BUSY:
		return "somebody else holds what is needed";
	case ERROR_NO_SESSION:
		return "there is no such session";
	case ERROR_REQUIRED:
		return "what --require asks for cannot be had";
	case ERROR_REFUSED:
		return "not testenv's own, so it is left alone";
	case ERROR_CANCELLED:
		return "stopped on request";
	case ERROR_NO_SERVER:
		return "no database server is installed, or none is at the URL";
	case ERROR_CANNOT_RUN:
		return "the command is there, but cannot be run";
	case ERROR_NOT_FOUND:
		return "there is no such command";
	}
	return "";
}
