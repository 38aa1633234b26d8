/* SPDX-License-Identifier: MIT */
/*
 * base/secret.h - passwords in texts that others can read: a process's command
 * line is everybody's, what doctor prints goes into bug reports.
 */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include <stdbool.h>

/*
 * Puts "***" in place of the passwords in a URL, user:PASSWORD@ and
 * ?password=PASSWORD, in its own memory: what is left over at the end is
 * zeroed. A text that is no URL is left alone. Whether there was one.
 */
bool secret_hide(char *url);

/*
 * Makes a copy of a command line, NULL-terminated, and hides the passwords in
 * the original, which is what `ps` shows. For main(); it is never freed.
 */
char **secret_take_args(int argc, char **argv);

/* Hides the passwords in the value of an environment variable, where
 * /proc/PID/environ shows it and getenv(3) finds it. */
void secret_hide_variable(const char *name);

#endif
