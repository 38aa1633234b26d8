/* SPDX-License-Identifier: MIT */
/*
 * session/ctest.h - the session as a CTest resource specification.
 *
 * One resource type a service, named as CTest wants it (lower-case letters,
 * digits, '_'), one resource a slot; the id is the slot's number, as in
 * TESTENV_URL_n. Source: Kitware/CMake, Help/manual/ctest.1.rst.
 */
#ifndef SESSION_CTEST_H
#define SESSION_CTEST_H

struct buf;
struct session;

void session_ctest_spec(const struct session *s, struct buf *ret);

#endif
