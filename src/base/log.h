/* SPDX-License-Identifier: MIT */
/*
 * base/log.h - the debug log (TESTENV_DEBUG=1 or --debug), on stderr.
 *
 * The one thing below cli/ that prints. Never a secret in it. Safe from any
 * thread; a line is one write.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>

void log_enable(bool on);
bool log_enabled(void);
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
