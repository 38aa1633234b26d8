/* SPDX-License-Identifier: MIT */
/*
 * cli/route.h - libtestenv-route.so, for the commands that we start.
 */
#ifndef CLI_ROUTE_H
#define CLI_ROUTE_H

struct strvec;

/* Its path: $TESTENV_ROUTE_LIBRARY, else beside the program, else where it is
 * installed. NULL: it is not there. The caller frees. */
char *route_library(void);
/* Puts it in front of what an environment preloads already. */
void route_preload(struct strvec *env, const char *library);

#endif
