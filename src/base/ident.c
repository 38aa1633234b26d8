/* SPDX-License-Identifier: MIT */
#include "base/ident.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

void ident_random(char *ret, size_t n)
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	unsigned char bytes[32];
	size_t i = 0;

	while (i < n) {
		ssize_t got = getrandom(bytes, sizeof(bytes), 0);

		/* 7 * 36: no character likelier than another */
		for (ssize_t k = 0; k < got && i < n; k++)
			if (bytes[k] < 252)
				ret[i++] = alphabet[bytes[k] % 36];
	}
	explicit_bzero(bytes, sizeof(bytes)); /* it may be a password */
	ret[n] = '\0';
}

struct digest {
	EVP_MD_CTX *ctx;
};

/* OpenSSL fails here only when it has no memory. */
static void must(int ok)
{
	if (ok != 1)
		abort();
}

struct digest *digest_new(void)
{
	struct digest *d = xcalloc(1, sizeof(*d));

	d->ctx = EVP_MD_CTX_new();
	must(d->ctx != NULL);
	must(EVP_DigestInit_ex(d->ctx, EVP_sha256(), NULL));
	return d;
}

void digest_add(struct digest *d, const void *data, size_t len)
{
	char frame[32];
	int n = snprintf(frame, sizeof(frame), "%zu:", len);

	must(EVP_DigestUpdate(d->ctx, frame, (size_t)n));
	must(EVP_DigestUpdate(d->ctx, data, len));
}

void digest_add_str(struct digest *d, const char *s)
{
	if (s)
		digest_add(d, s, strlen(s));
	else
		must(EVP_DigestUpdate(d->ctx, "-", 1));
}

static void to_hex(const unsigned char *bytes, char *ret)
{
	for (size_t i = 0; i < 32; i++)
		snprintf(ret + 2 * i, 3, "%02x", bytes[i]);
}

void digest_end(struct digest *d, char ret_hex[DIGEST_HEX])
{
	unsigned char bytes[EVP_MAX_MD_SIZE];

	must(EVP_DigestFinal_ex(d->ctx, bytes, NULL));
	EVP_MD_CTX_free(d->ctx);
	free(d);
	to_hex(bytes, ret_hex);
}

void digest_of(const void *data, size_t len, char ret_hex[DIGEST_HEX])
{
	unsigned char bytes[EVP_MAX_MD_SIZE];

	must(EVP_Digest(data, len, bytes, NULL, EVP_sha256(), NULL));
	to_hex(bytes, ret_hex);
}

void digest_384_of(const void *data, size_t len, char ret_hex[DIGEST_384_HEX])
{
	static const char digits[] = "0123456789abcdef";
	unsigned char bytes[EVP_MAX_MD_SIZE];

	must(EVP_Digest(data, len, bytes, NULL, EVP_sha384(), NULL));
	for (size_t i = 0; i < DIGEST_384_HEX / 2; i++) {
		ret_hex[2 * i] = digits[bytes[i] >> 4];
		ret_hex[2 * i + 1] = digits[bytes[i] & 15];
	}
	ret_hex[DIGEST_384_HEX - 1] = '\0';
}

int digest_file(const char *path, char ret_hex[DIGEST_HEX], struct error *err)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct digest *d = digest_new();
	char piece[16384];
	ssize_t n = -1;

	while (fd >= 0 && (n = read(fd, piece, sizeof(piece))) > 0)
		must(EVP_DigestUpdate(d->ctx, piece, (size_t)n));
	if (n < 0)
		error_set_errno(err, ERROR_IO, errno, "cannot read '%s'", path);
	digest_end(d, ret_hex);
	return n < 0 ? -1 : 0;
}

void ident_mysql_hash(const char *password, char ret[IDENT_MYSQL_HASH])
{
	unsigned char bytes[EVP_MAX_MD_SIZE];
	unsigned len;

	must(EVP_Digest(password, strlen(password), bytes, &len, EVP_sha1(),
			NULL));
	must(EVP_Digest(bytes, len, bytes, &len, EVP_sha1(), NULL));
	*ret++ = '*';
	for (unsigned i = 0; i < len; i++)
		snprintf(ret + 2 * (size_t)i, 3, "%02X", bytes[i]);
}

static char boot_id[64];

static void read_boot_id(void)
{
	auto_buf struct buf b = BUF_INIT_MAX(sizeof(boot_id) - 1);

	if (fs_read_file("/proc/sys/kernel/random/boot_id", &b, NULL) < 0)
		return;
	memcpy(boot_id, b.s, b.len);
	boot_id[strcspn(boot_id, "\n")] = '\0';
}

const char *ident_boot_id(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, read_boot_id);
	return boot_id;
}

uint64_t ident_start_time(pid_t pid)
{
	enum {
		FIELD = 22
	}; /* starttime of proc_pid_stat(5) */
	auto_free char *path = xasprintf("/proc/%ld/stat", (long)pid);
	auto_buf struct buf b = BUF_INIT_MAX(4096);
	const char *p;

	if (pid <= 0 || fs_read_file(path, &b, NULL) < 0)
		return 0;
	/* the name, in parentheses, may itself hold anything */
	p = strrchr(b.s, ')');
	for (int field = 2; p && field < FIELD; field++)
		p = strchr(p + 1, ' ');
	return p ? strtoull(p, NULL, 10) : 0;
}

char *base64_encode(const void *data, size_t len)
{
	char *text = xmalloc((len + 2) / 3 * 4 + 1);

	EVP_EncodeBlock((unsigned char *)text, data, (int)len);
	return text;
}

char *base64_decode(const char *text, size_t *ret_len)
{
	size_t len = strlen(text);
	size_t padding = len && text[len - 1] == '=';
	char *data;
	int n;

	padding += padding && len > 1 && text[len - 2] == '=';
	data = xmalloc(len / 4 * 3 + 1);
	n = len % 4 ? -1
		    : EVP_DecodeBlock((unsigned char *)data,
				      (const unsigned char *)text, (int)len);
	if (n < (int)padding) {
		free(data);
		return NULL;
	}
	*ret_len = (size_t)n - padding;
	data[*ret_len] = '\0';
	return data;
}
