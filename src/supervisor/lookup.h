/* SPDX-License-Identifier: MIT */
/*
 * supervisor/lookup.h - which file a command's name means.
 */
#ifndef SUPERVISOR_LOOKUP_H
#define SUPERVISOR_LOOKUP_H

struct error;

/*
 * As execvp(3) looks it up: a name with a slash is a path; any other is looked
 * for in `path` (the value of PATH; NULL: the system's default), where an empty
 * part is the working directory. ERROR_NOT_FOUND when there is none such,
 * ERROR_CANNOT_RUN when it is a directory or not executable; both name it. A
 * part of PATH that the user may not enter has no commands, as in bash (where
 * env(1) and execvp say EACCES): it is not why a misspelt name is not found.
 * The caller frees *ret.
 */
int command_lookup(const char *name, const char *path, char **ret,
		   struct error *err);

#endif
