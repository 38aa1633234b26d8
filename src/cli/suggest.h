/* SPDX-License-Identifier: MIT */
/*
 * cli/suggest.h - "did you mean": the nearest of some known words.
 */
#ifndef CLI_SUGGEST_H
#define CLI_SUGGEST_H

/*
 * The word of the NULL-terminated list that is so near to what was typed that
 * it was probably meant (letters left out, doubled, swapped or wrong), or
 * NULL. Borrowed from the list.
 */
const char *suggest(const char *typed, const char *const *words);

#endif
