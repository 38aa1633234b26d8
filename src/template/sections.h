/* SPDX-License-Identifier: MIT */
/*
 * template/sections.h - what is run of one migration's text: of dbmate, goose
 * and sql-migrate the part behind their mark "up", without the way back. Pure;
 * private to template/.
 */
#ifndef TEMPLATE_SECTIONS_H
#define TEMPLATE_SECTIONS_H

#include "base/buf.h"
#include "template/migrations.h"

#include <stdbool.h>

struct error;

/*
 * Into *ret, of as many lines as the file has. What goose and sql-migrate
 * keep together (StatementBegin) becomes one statement where the dialect's own
 * client would cut it (MariaDB). *ret_plain: the text or its tool says that it
 * wants no transaction. ERROR_CONFIG "PATH:LINE: …" for statements outside of
 * any section, marks that do not pair, and what is not supported.
 */
int section_up(enum layout layout, enum dialect dialect, const char *path,
	       const char *text, size_t len, struct buf *ret, bool *ret_plain,
	       struct error *err);

#endif
