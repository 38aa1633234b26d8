/* SPDX-License-Identifier: MIT */
/* The file that templates travel in: there and back, cut, spoiled, foreign. */
#include "unit/cm.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/fs.h"
#include "docker/pack.h"
#include "session/cache_archive.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY  "0123456789abcdef0123456789abcdef"
#define KEY2 "fedcba9876543210fedcba9876543210"
#define KEY3 "00000000000000000000000000000003"

enum {
	DATA = 100000
};

static char place[] = "/tmp/testenv-archive-XXXXXX";
static char *file;
static char *out; /* where things are unpacked */
static char *data;
static struct error err = ERROR_INIT;

static void put(const char *path, const char *bytes, size_t len)
{
	assert_int_equal(fs_write_file(path, bytes, len, 0600, &err), 0);
}

static int setup(void **state)
{
	(void)state;
	memcpy(strrchr(place, '-') + 1, "XXXXXX", 6);
	if (!mkdtemp(place))
		return -1;
	file = fs_join(place, "archive");
	out = fs_join(place, "out");
	data = xmalloc(DATA);
	/* not to be compressed to nothing, and the same each time */
	srand(7);
	for (size_t i = 0; i < DATA; i++)
		data[i] = (char)rand();
	return mkdir(out, 0700);
}

static int teardown(void **state)
{
	(void)state;
	error_clear(&err);
	free(file);
	free(out);
	free(data);
	return fs_remove_tree(place, NULL);
}

static void write_three(void)
{
	auto_carried_list struct carried_list list = CARRIED_LIST_INIT;
	struct carried *c = carried_list_add(&list);

	memcpy(c->key, KEY, sizeof(c->key));
	c->dialect = xstrdup("postgres");
	c->server = xstrdup("15.20");
	c->base = xstrdup("sha256:abc");
	c->base_name = xstrdup("postgres:15");
	strvec_push(&c->env, "A=b \"c\"");
	strvec_push(&c->args, "-c");
	c->path = fs_join(place, "one");
	put(c->path, data, DATA);
	c = carried_list_add(&list);
	memcpy(c->key, KEY2, sizeof(c->key));
	c->place = CACHE_FILE;
	c->dialect = xstrdup("sqlite");
	c->path = fs_join(place, "two");
	put(c->path, data, 10);
	c = carried_list_add(&list);
	memcpy(c->key, KEY3, sizeof(c->key));
	c->place = CACHE_TREE;
	c->dialect = xstrdup("mariadb");
	c->server = xstrdup("10.11.6");
	c->platform = xstrdup("vax, glibc 1.09");
	c->path = fs_join(place, "three");
	put(c->path, data, 20);
	assert_int_equal(cache_archive_write(file, &list, &err), 0);
}

static void there_and_back(void **state)
{
	auto_carried_list struct carried_list list = CARRIED_LIST_INIT;
	auto_buf struct buf got = BUF_INIT;
	struct stat st;

	(void)state;
	write_three();
	/* nobody else is to read what a server's environment holds */
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(cache_archive_read(file, out, &list, &err), 0);
	assert_int_equal(list.n, 3);
	assert_string_equal(list.v[0].key, KEY);
	assert_int_equal(list.v[0].place, CACHE_IMAGE);
	assert_string_equal(list.v[0].dialect, "postgres");
	assert_string_equal(list.v[0].server, "15.20");
	assert_string_equal(list.v[0].base, "sha256:abc");
	assert_string_equal(list.v[0].base_name, "postgres:15");
	assert_string_equal(list.v[0].env.v[0], "A=b \"c\"");
	assert_string_equal(list.v[0].args.v[0], "-c");
	assert_int_equal(fs_read_file(list.v[0].path, &got, &err), 0);
	assert_int_equal(got.len, DATA);
	assert_memory_equal(got.s, data, DATA);
	assert_string_equal(list.v[1].key, KEY2);
	assert_int_equal(list.v[1].place, CACHE_FILE);
	assert_string_equal(list.v[2].key, KEY3);
	assert_int_equal(list.v[2].place, CACHE_TREE);
	assert_string_equal(list.v[2].dialect, "mariadb");
	assert_string_equal(list.v[2].server, "10.11.6");
	assert_string_equal(list.v[2].platform, "vax, glibc 1.09");
	assert_null(list.v[2].base);
}

static void nothing_yet(void)
{
	auto_strvec struct strvec names = STRVEC_INIT;

	fs_list(out, &names);
	for (size_t i = 0; i < names.n; i++) {
		auto_free char *path = fs_join(out, names.v[i]);

		unlink(path);
	}
	error_clear(&err);
}

/* Refused, in one line, with this in it. */
static void refused(const char *part)
{
	auto_carried_list struct carried_list list = CARRIED_LIST_INIT;

	nothing_yet();
	assert_int_equal(cache_archive_read(file, out, &list, &err), -1);
	assert_int_equal(err.kind, ERROR_CONFIG);
	assert_non_null(strstr(err.text, file));
	assert_null(strchr(err.text, '\n'));
	if (!strstr(err.text, part))
		fail_msg("'%s' has no '%s'", err.text, part);
	assert_int_equal(list.n, 0);
}

static void cut_anywhere(void **state)
{
	auto_buf struct buf whole = BUF_INIT;

	(void)state;
	write_three();
	assert_int_equal(fs_read_file(file, &whole, &err), 0);
	assert_true(whole.len > 20000);
	for (size_t i = 0; i < 60; i++) {
		put(file, whole.s, whole.len * i / 60);
		refused(i ? "" : "no archive of templates");
	}
	for (size_t i = 1; i < 12; i++) {
		put(file, whole.s, whole.len - i);
		refused("cut off");
	}
}

/* A byte is turned over; wherever it is, nothing wrong is taken for right. */
static void spoiled_anywhere(void **state)
{
	auto_carried_list struct carried_list list = CARRIED_LIST_INIT;
	auto_buf struct buf whole = BUF_INIT;

	(void)state;
	write_three();
	assert_int_equal(fs_read_file(file, &whole, &err), 0);
	for (size_t i = 0; i < 60; i++) {
		size_t at = whole.len * i / 60;

		whole.s[at] ^= 0x55;
		put(file, whole.s, whole.len);
		nothing_yet();
		if (cache_archive_read(file, out, &list, &err) < 0)
			assert_int_equal(err.kind, ERROR_CONFIG);
		for (size_t k = 0; k < list.n; k++) {
			auto_buf struct buf got = BUF_INIT;

			assert_int_equal(
			    fs_read_file(list.v[k].path, &got, &err), 0);
			assert_memory_equal(got.s, data, got.len);
		}
		carried_list_free(&list);
		whole.s[at] ^= 0x55;
	}
}

/* An archive with this index, and these files behind it. */
static void write_index(const char *index, const char *name, const char *bytes)
{
	struct pack_writer *w;

	assert_int_equal(pack_create(file, &w, &err), 0);
	assert_int_equal(
	    pack_add(w, "testenv-cache.json", index, strlen(index), &err), 0);
	if (name)
		assert_int_equal(pack_add(w, name, bytes, strlen(bytes), &err),
				 0);
	assert_int_equal(pack_close(w, &err), 0);
}

#define SHA_OF_X                           \
	"2d711642b726b04401627ca9fbac32f5" \
	"c8530fb1903cc4db02258717921a4881"
#define INDEX(form, key, place, dialect, size, sum)                           \
	"{\"format\":" form ",\"testenv\":\"9.9\",\"templates\":["            \
	"{\"key\":\"" key "\",\"place\":\"" place "\",\"dialect\":\"" dialect \
	"\",\"size\":" size ",\"sha256\":\"" sum "\"}]}"

static void foreign_ones(void **state)
{
	static const struct {
		const char *index, *name, *bytes, *part;
	} all[] = {
	    {"{}", NULL, NULL, "its index cannot be read"},
	    {"nonsense", NULL, NULL, "its index cannot be read"},
	    {"{\"format\":1}", NULL, NULL, "no list"},
	    {"{\"format\":1,\"templates\":[7]}", NULL, NULL, "as it should"},
	    {INDEX("2", KEY, "file", "sqlite", "1", SHA_OF_X), KEY ".sqlite",
	     "x", "has form 2, of testenv 9.9; this one reads form 1"},
	    {INDEX("1", "../../../../etc/passwd", "file", "sqlite", "1",
		   SHA_OF_X),
	     "x", "x", "as it should"},
	    {INDEX("1", KEY, "file", "oracle", "1", SHA_OF_X), KEY ".sqlite",
	     "x", "as it should"},
	    {INDEX("1", KEY, "image", "sqlite", "1", SHA_OF_X), KEY ".tar", "x",
	     "as it should"},
	    {INDEX("1", KEY, "image", "postgres", "1", SHA_OF_X), KEY ".tar",
	     "x", "as it should"},
	    {INDEX("1", KEY, "directory", "sqlite", "1", SHA_OF_X), KEY ".tar",
	     "x", "as it should"},
	    {INDEX("1", KEY, "directory", "postgres", "1", SHA_OF_X),
	     KEY ".tar", "x", "as it should"},
	    {INDEX("1", KEY, "elsewhere", "postgres", "1", SHA_OF_X),
	     KEY ".tar", "x", "as it should"},
	    {INDEX("1", KEY, "file", "sqlite", "1", SHA_OF_X), NULL, NULL,
	     "is cut off: there is no '" KEY ".sqlite'"},
	    {INDEX("1", KEY, "file", "sqlite", "1", SHA_OF_X), "../x", "x",
	     "'" KEY ".sqlite' is not what the index says"},
	    {INDEX("1", KEY, "file", "sqlite", "2", SHA_OF_X), KEY ".sqlite",
	     "x", "is not what the index says"},
	    {INDEX("1", KEY, "file", "sqlite", "1", SHA_OF_X), KEY ".sqlite",
	     "y", "the sum of '" KEY ".sqlite' is wrong"},
	    {"{\"format\":1,\"templates\":[]}", KEY ".sqlite", "x",
	     "is not in its index"},
	};

	(void)state;
	for (size_t i = 0; i < array_len(all); i++) {
		write_index(all[i].index, all[i].name, all[i].bytes);
		refused(all[i].part);
	}
	put(file, "just some text, and more of it\n", 31);
	refused("'");
}

static void not_there(void **state)
{
	struct carried_list list = CARRIED_LIST_INIT;

	(void)state;
	assert_int_equal(cache_archive_read(file, out, &list, &err), -1);
	assert_int_equal(err.kind, ERROR_IO);
	assert_non_null(strstr(err.text, strerror(ENOENT)));
}

/* What was at the place stays when the new one cannot be written. */
static void a_failure_leaves_what_was_there(void **state)
{
	auto_carried_list struct carried_list list = CARRIED_LIST_INIT;
	struct carried *c = carried_list_add(&list);
	auto_strvec struct strvec names = STRVEC_INIT;
	struct pack_writer *w;

	(void)state;
	put(file, "old", 3);
	memcpy(c->key, KEY, sizeof(c->key));
	c->place = CACHE_FILE;
	c->dialect = xstrdup("sqlite");
	c->path = fs_join(place, "missing");
	assert_int_equal(cache_archive_write(file, &list, &err), -1);
	assert_int_equal(err.kind, ERROR_IO);
	assert_int_equal(pack_create(file, &w, &err), 0);
	assert_int_equal(pack_add(w, "x", "x", 1, &err), 0);
	pack_abandon(w);
	fs_list(place, &names);
	assert_int_equal(names.n, 2); /* the file, and the directory `out` */
}

int main(void)
{
#define each(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    each(there_and_back),   each(cut_anywhere),
	    each(spoiled_anywhere), each(foreign_ones),
	    each(not_there),        each(a_failure_leaves_what_was_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
