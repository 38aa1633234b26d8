/* SPDX-License-Identifier: MIT */
/* A directory as a tar and back, and tars that want to write elsewhere. */
#include "unit/cm.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/fs.h"
#include "docker/tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char place[] = "/tmp/testenv-tree-XXXXXX";
static char *from, *tar, *to;
static struct error err = ERROR_INIT;

static int setup(void **state)
{
	(void)state;
	memcpy(strrchr(place, '-') + 1, "XXXXXX", 6);
	if (!mkdtemp(place))
		return -1;
	from = fs_join(place, "from");
	tar = fs_join(place, "tar");
	to = fs_join(place, "to");
	return mkdir(from, 0700);
}

static int teardown(void **state)
{
	(void)state;
	error_clear(&err);
	free(from);
	free(tar);
	free(to);
	return fs_remove_tree(place, NULL);
}

static void put(const char *name, const char *text, size_t len)
{
	auto_free char *path = fs_join(from, name);
	char *slash = strrchr(path, '/');

	*slash = '\0';
	assert_int_equal(fs_mkdir_p(path, 0755, &err), 0);
	*slash = '/';
	assert_int_equal(fs_write_file(path, text, len, 0644, &err), 0);
}

static int pack(void)
{
	struct deadline deadline = deadline_in(30000, NULL);

	error_clear(&err);
	unlink(tar);
	return tree_pack(from, tar, &deadline, &err);
}

static int unpack(void)
{
	struct deadline deadline = deadline_in(30000, NULL);

	error_clear(&err);
	return tree_unpack(tar, to, &deadline, &err);
}

static void has(const char *name, const char *text, size_t len)
{
	auto_free char *path = fs_join(to, name);
	auto_buf struct buf got = BUF_INIT;
	struct stat st;

	assert_int_equal(fs_read_file(path, &got, &err), 0);
	assert_int_equal(got.len, len);
	assert_memory_equal(got.s, text, len);
	assert_int_equal(lstat(path, &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	assert_int_equal(st.st_uid, geteuid());
}

static void there_and_back(void **state)
{
	auto_free char *big = xcalloc(1, 200001);
	auto_free char *empty = fs_join(to, "data/pg_empty");
	char long_name[150];
	struct stat st;

	(void)state;
	memset(big, 'b', 200000);
	memset(long_name, 'n', sizeof(long_name));
	memcpy(long_name, "data/", 5);
	long_name[sizeof(long_name) - 1] = '\0';
	put("login", "a b\n", 4);
	put("data/big", big, 200000);
	put("data/zero", "", 0);
	put("data/sub/x@0020y", "x", 1);
	put(long_name, "long", 4);
	put("data/pg_empty/gone", "", 0);
	{
		auto_free char *gone = fs_join(from, "data/pg_empty/gone");

		unlink(gone);
	}
	assert_int_equal(pack(), 0);
	assert_int_equal(stat(tar, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(unpack(), 0);
	has("login", "a b\n", 4);
	has("data/big", big, 200000);
	has("data/zero", "", 0);
	has("data/sub/x@0020y", "x", 1);
	has(long_name, "long", 4);
	assert_int_equal(lstat(empty, &st), 0);
	assert_int_equal(st.st_mode, S_IFDIR | 0700);
	/* never into what is there */
	assert_int_equal(unpack(), -1);
	assert_int_equal(err.kind, ERROR_IO);
	has("login", "a b\n", 4);
}

static void what_leads_elsewhere_is_not_packed(void **state)
{
	auto_free char *link = fs_join(from, "data/pg_tblspc");
	auto_free char *fifo = fs_join(from, "fifo");
	auto_buf struct buf expected = BUF_INIT;

	(void)state;
	put("data/x", "x", 1);
	assert_int_equal(symlink("/etc", link), 0);
	assert_int_equal(pack(), -1);
	assert_int_equal(err.kind, ERROR_REFUSED);
	buf_printf(&expected, "'%s' is neither a file nor a directory", link);
	assert_string_equal(err.text, expected.s);
	assert_false(fs_exists(tar));
	unlink(link);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(pack(), -1);
	assert_int_equal(err.kind, ERROR_REFUSED);
}

static void it_ends_when_it_is_told(void **state)
{
	struct deadline past = deadline_in(0, NULL);

	(void)state;
	put("x", "x", 1);
	assert_int_equal(tree_pack(from, tar, &past, &err), -1);
	assert_int_equal(err.kind, ERROR_TIMEOUT);
	assert_false(fs_exists(tar));
	assert_int_equal(pack(), 0);
	assert_int_equal(tree_unpack(tar, to, &past, &err), -1);
	assert_int_equal(err.kind, ERROR_TIMEOUT);
	assert_false(fs_exists(to));
}

/* One entry as ustar has it; `type` is '0' a file, '1' a hard link, '2' a
 * symbolic one, '3' a device, '5' a directory, 'S' GNU's file with holes. */
static void entry(struct buf *b, const char *name, char type, const char *link,
		  const char *text)
{
	char h[512] = {0};
	unsigned sum = 0;

	snprintf(h, 100, "%s", name);
	snprintf(h + 100, 8, "%07o", 0777U);
	snprintf(h + 108, 8, "%07o", 0U);
	snprintf(h + 116, 8, "%07o", 0U);
	snprintf(h + 124, 12, "%011o", (unsigned)strlen(text));
	snprintf(h + 136, 12, "%011o", 0U);
	h[156] = type;
	snprintf(h + 157, 100, "%s", link);
	memcpy(h + 257, type == 'S' ? "ustar  " : "ustar\00000", 8);
	if (type == 'S') {
		/* one piece at 1 GiB, the size a byte more */
		snprintf(h + 386, 12, "%011o", 1U << 30);
		snprintf(h + 398, 12, "%011o", (unsigned)strlen(text));
		snprintf(h + 483, 12, "%011o",
			 (1U << 30) + (unsigned)strlen(text));
	}
	memset(h + 148, ' ', 8);
	for (size_t i = 0; i < sizeof(h); i++)
		sum += (unsigned char)h[i];
	snprintf(h + 148, 8, "%06o", sum);
	buf_put(b, h, sizeof(h));
	if (*text) {
		char block[512] = {0};

		snprintf(block, sizeof(block), "%s", text);
		buf_put(b, block, sizeof(block));
	}
}

static void end(struct buf *b)
{
	char block[1024] = {0};

	buf_put(b, block, sizeof(block));
	assert_int_equal(fs_write_file(tar, b->s, b->len, 0600, &err), 0);
}

static void refused(enum error_kind kind, const char *part)
{
	assert_int_equal(unpack(), -1);
	if (err.kind != kind || !strstr(err.text, part))
		fail_msg("%d: '%s' has no '%s'", (int)err.kind, err.text, part);
	/* nothing is left, and nothing came beside it */
	assert_false(fs_exists(to));
}

static void nothing_is_written_outside(void **state)
{
	static const struct {
		const char *name, *link;
		char type;
		const char *part;
	} all[] = {
	    {"../beside", "", '0', "leads out of it: '../beside'"},
	    {"a/../../beside", "", '0', "leads out of it"},
	    {"a/..", "", '5', "leads out of it"},
	    {"..", "", '5', "leads out of it"},
	    {"/tmp/testenv-tree-beside", "", '0', "leads out of it"},
	    {"./x", "", '0', "leads out of it"},
	    {"a//x", "", '0', "leads out of it"},
	    {"out", "/etc", '2', "neither a file nor a directory: 'out'"},
	    {"out", "../beside", '2', "neither a file nor a directory"},
	    {"out", "a/x", '1', "neither a file nor a directory"},
	    {"out", "../beside", '1', "neither a file nor a directory"},
	    {"null", "", '3', "neither a file nor a directory: 'null'"},
	    {"a", "", '5', "comes twice"},
	    {"a/x", "", '0', "comes twice"},
	};
	auto_free char *beside = fs_join(place, "beside");

	(void)state;
	for (size_t i = 0; i < array_len(all); i++) {
		auto_buf struct buf b = BUF_INIT;

		entry(&b, "a/", '5', "", "");
		entry(&b, "a/x", '0', "", "x");
		entry(&b, all[i].name, all[i].type, all[i].link,
		      all[i].type == '0' ? "y" : "");
		end(&b);
		refused(ERROR_REFUSED, all[i].part);
		assert_false(fs_exists(beside));
		assert_false(fs_exists("/tmp/testenv-tree-beside"));
	}
}

/* Through a link that the tar itself brought. */
static void no_link_is_gone_through(void **state)
{
	auto_buf struct buf b = BUF_INIT;
	auto_free char *inside = fs_join(from, "x");

	(void)state;
	entry(&b, "out", '2', from, "");
	entry(&b, "out/x", '0', "", "x");
	end(&b);
	refused(ERROR_REFUSED, "neither a file nor a directory: 'out'");
	assert_false(fs_exists(inside));
}

static void holes_do_not_fill_the_disk(void **state)
{
	auto_buf struct buf b = BUF_INIT;

	(void)state;
	entry(&b, "hole", 'S', "", "x");
	end(&b);
	refused(ERROR_REFUSED, "has more bytes in it than it is long");
}

static void cut_and_spoiled(void **state)
{
	auto_buf struct buf whole = BUF_INIT;

	(void)state;
	put("data/x", "x", 1);
	put("data/y", "y", 1);
	assert_int_equal(pack(), 0);
	assert_int_equal(fs_read_file(tar, &whole, &err), 0);
	assert_int_equal(fs_write_file(tar, whole.s, 700, 0600, &err), 0);
	refused(ERROR_CONFIG, "cut off or damaged");
	assert_int_equal(fs_write_file(tar, "no tar at all", 13, 0600, &err),
			 0);
	refused(ERROR_CONFIG, "cut off or damaged");
	unlink(tar);
	refused(ERROR_IO, "cannot read");
}

int main(void)
{
#define each(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    each(there_and_back),
	    each(what_leads_elsewhere_is_not_packed),
	    each(it_ends_when_it_is_told),
	    each(nothing_is_written_outside),
	    each(no_link_is_gone_through),
	    each(holes_do_not_fill_the_disk),
	    each(cut_and_spoiled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
