/* SPDX-License-Identifier: MIT */
/*
 * base/ident.h - random names, digests, and who a process is.
 */
#ifndef BASE_IDENT_H
#define BASE_IDENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct error;

/* n random characters of [a-z0-9] (about 5.2 bits each) and a NUL into
 * ret[n + 1]. Never fails: getrandom(2) cannot, for so few bytes. */
void ident_random(char *ret, size_t n);

/* SHA-256, fed in pieces; each piece is framed by its length, so that "ab","c"
 * and "a","bc" differ. */
struct digest;
enum {
	DIGEST_HEX = 65
};
struct digest *digest_new(void);
void digest_add(struct digest *d, const void *data, size_t len);
void digest_add_str(struct digest *d, const char *s); /* NULL counts too */
/* Lower-case hex; frees d. */
void digest_end(struct digest *d, char ret_hex[DIGEST_HEX]);
/* Of one string as it is, without framing (a docker context's folder). */
void digest_of(const void *data, size_t len, char ret_hex[DIGEST_HEX]);
/* The same by SHA-384. */
enum {
	DIGEST_384_HEX = 97
};
void digest_384_of(const void *data, size_t len, char ret_hex[DIGEST_384_HEX]);
/* Of a file's content, as sha256sum prints it. */
int digest_file(const char *path, char ret_hex[DIGEST_HEX], struct error *err);

/* How MariaDB and MySQL store a password (mysql_native_password): '*' and
 * SHA1(SHA1(password)) in upper-case hex. */
enum {
	IDENT_MYSQL_HASH = 42
};
void ident_mysql_hash(const char *password, char ret[IDENT_MYSQL_HASH]);

/* RFC 4648 base64, with padding; the caller frees. */
char *base64_encode(const void *data, size_t len);
/* The bytes, with a NUL behind them that *ret_len does not count; NULL for what
 * is not base64. The caller frees. */
char *base64_decode(const char *text, size_t *ret_len);

/* The kernel's boot id, "" where it has none. */
const char *ident_boot_id(void);

/* When the process started, in clock ticks since boot: with the pid it names
 * one process for ever. 0 when there is none such. */
uint64_t ident_start_time(pid_t pid);

#endif
