/* SPDX-License-Identifier: MIT */
/*
 * base/alloc.h - memory of the program: it is there, or the program aborts.
 *
 * Also the scope cleaners: a variable declared auto_free or auto_close is
 * released when its scope ends. Initialise it where it is declared; hand it on
 * with take_ptr() / take_fd(), which leave NULL / -1 behind. The cleaners
 * accept empty values and keep errno.
 */
#ifndef BASE_ALLOC_H
#define BASE_ALLOC_H

#include <stdarg.h>
#include <stddef.h>

void *xmalloc(size_t size) __attribute__((malloc, returns_nonnull));
void *xcalloc(size_t n, size_t size) __attribute__((malloc, returns_nonnull));
/* Aborts on overflow of n * size, too. */
void *xreallocarray(void *p, size_t n, size_t size)
    __attribute__((returns_nonnull));
char *xstrdup(const char *s) __attribute__((malloc, returns_nonnull));
/* NULL gives NULL. */
char *xstrdup_or_null(const char *s) __attribute__((malloc));
char *xstrndup(const char *s, size_t n)
    __attribute__((malloc, returns_nonnull));
char *xasprintf(const char *fmt, ...)
    __attribute__((malloc, returns_nonnull, format(printf, 1, 2)));
char *xvasprintf(const char *fmt, va_list args)
    __attribute__((malloc, returns_nonnull, format(printf, 1, 0)));

void cleanup_free(void *pp);
void cleanup_close(int *fd);
void cleanup_fclose(void *pp);
#define auto_free   __attribute__((cleanup(cleanup_free)))
#define auto_close  __attribute__((cleanup(cleanup_close)))
#define auto_fclose __attribute__((cleanup(cleanup_fclose)))

/* take_ptr(&p): the value of p, which is NULL afterwards. */
#define take_ptr(pp)                          \
	__extension__({                       \
		__typeof__(*(pp)) t_ = *(pp); \
		*(pp) = NULL;                 \
		t_;                           \
	})
int take_fd(int *fd);

#define array_len(a) (sizeof(a) / sizeof((a)[0]))

#endif
