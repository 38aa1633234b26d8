/* SPDX-License-Identifier: MIT */
/*
 * template/inputs.h - the files that a project's own command reads, for the
 * template's key. Private to template/.
 */
#ifndef TEMPLATE_INPUTS_H
#define TEMPLATE_INPUTS_H

#include "base/ident.h"

struct error;

/*
 * Names, order and contents of what `inputs` name below `dir`: files, folders
 * with all that is in them, and shell patterns (glob(7)) of both. In folders
 * are passed over: hidden names, __pycache__ and node_modules, which the
 * commands themselves write to. ERROR_CONFIG for one that names nothing.
 */
int inputs_digest(const char *dir, char *const *inputs, char ret[DIGEST_HEX],
		  struct error *err);

#endif
