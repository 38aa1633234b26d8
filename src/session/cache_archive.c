/* SPDX-License-Identifier: MIT */
#include "session/cache_archive.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/ident.h"
#include "docker/pack.h"
#include "template/hold.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char index_name[] = "testenv-cache.json";

enum {
	FORMAT = 1, /* raise it when an older reader would go wrong */
	INDEX_MAX = 4 * 1024 * 1024
};

/* What the index says of one template's data. */
struct sum {
	int64_t size;
	char sha256[DIGEST_HEX];
};

void carried_list_free(struct carried_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		carried_free(&list->v[i]);
	free(list->v);
	*list = (struct carried_list)CARRIED_LIST_INIT;
}

struct carried *carried_list_add(struct carried_list *list)
{
	list->v = xreallocarray(list->v, list->n + 1, sizeof(*list->v));
	list->v[list->n] = (struct carried)CARRIED_INIT;
	return &list->v[list->n++];
}

static char *data_name(const struct carried *c)
{
	return xasprintf("%s.%s", c->key,
			 c->place == CACHE_FILE ? "sqlite" : "tar");
}

static void cleanup_json(cJSON **json)
{
	cJSON_Delete(*json);
}
#define auto_json __attribute__((cleanup(cleanup_json)))

static void index_image(cJSON *o, const struct carried *c)
{
	cJSON_AddStringToObject(o, "base", c->base);
	cJSON_AddStringToObject(o, "base_name", c->base_name);
	cJSON_AddItemToObject(
	    o, "env",
	    cJSON_CreateStringArray((const char *const *)c->env.v,
				    (int)c->env.n));
	cJSON_AddItemToObject(
	    o, "args",
	    cJSON_CreateStringArray((const char *const *)c->args.v,
				    (int)c->args.n));
}

static int index_one(cJSON *array, const struct carried *c, struct error *err)
{
	cJSON *o = cJSON_CreateObject();
	struct stat st;
	char hex[DIGEST_HEX];

	cJSON_AddItemToArray(array, o);
	if (digest_file(c->path, hex, err) < 0 || stat(c->path, &st) < 0)
		return -1;
	cJSON_AddStringToObject(o, "key", c->key);
	cJSON_AddStringToObject(o, "place", cache_place_name(c->place));
	cJSON_AddStringToObject(o, "dialect", c->dialect);
	cJSON_AddNumberToObject(o, "size", (double)st.st_size);
	cJSON_AddStringToObject(o, "sha256", hex);
	if (c->place == CACHE_FILE)
		return 0;
	cJSON_AddStringToObject(o, "server", c->server ? c->server : "");
	if (c->place == CACHE_TREE)
		cJSON_AddStringToObject(o, "platform", c->platform);
	else
		index_image(o, c);
	return 0;
}

/* The caller frees. */
static char *index_text(const struct carried_list *list, struct error *err)
{
	auto_json cJSON *root = cJSON_CreateObject();
	cJSON *array;

	cJSON_AddNumberToObject(root, "format", FORMAT);
	cJSON_AddStringToObject(root, "testenv", TESTENV_VERSION);
	array = cJSON_AddArrayToObject(root, "templates");
	for (size_t i = 0; i < list->n; i++)
		if (index_one(array, &list->v[i], err) < 0)
			return NULL;
	return cJSON_Print(root);
}

static int write_all(struct pack_writer *w, const char *index,
		     const struct carried_list *list, struct error *err)
{
	if (pack_add(w, index_name, index, strlen(index), err) < 0)
		return -1;
	for (size_t i = 0; i < list->n; i++) {
		auto_free char *name = data_name(&list->v[i]);

		if (pack_add_file(w, name, list->v[i].path, err) < 0)
			return -1;
	}
	return 0;
}

int cache_archive_check(const char *file, struct error *err)
{
	auto_free char *parent = fs_absolute(file);
	char *slash = strrchr(parent, '/');

	if (fs_is_dir(file))
		return error_set(err, ERROR_IO,
				 "cannot write '%s': it is a directory", file);
	slash[slash == parent] = '\0';
	if (!fs_is_dir(parent))
		return error_set(err, ERROR_IO,
				 "cannot write '%s': there is no directory "
				 "'%s'",
				 file, parent);
	if (access(parent, W_OK) < 0)
		return error_set_errno(err, ERROR_IO, errno,
				       "cannot write '%s'", file);
	return 0;
}

int cache_archive_write(const char *file, const struct carried_list *list,
			struct error *err)
{
	auto_free char *index = index_text(list, err);
	struct pack_writer *w;

	if (!index || pack_create(file, &w, err) < 0)
		return -1;
	if (write_all(w, index, list, err) == 0)
		return pack_close(w, err);
	pack_abandon(w);
	return -1;
}

static const char *text_of(const cJSON *o, const char *key)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, key));
}

static int texts_of(const cJSON *o, const char *key, struct strvec *ret)
{
	const cJSON *array = cJSON_GetObjectItemCaseSensitive(o, key);
	const cJSON *item;

	if (!cJSON_IsArray(array))
		return -1;
	cJSON_ArrayForEach (item, array) {
		if (!cJSON_IsString(item))
			return -1;
		strvec_push(ret, item->valuestring);
	}
	return 0;
}

static int read_image(const cJSON *o, struct carried *c)
{
	const char *base = text_of(o, "base");
	const char *base_name = text_of(o, "base_name");

	if (!base || !base_name || texts_of(o, "env", &c->env) < 0 ||
	    texts_of(o, "args", &c->args) < 0)
		return -1;
	c->base = xstrdup(base);
	c->base_name = xstrdup(base_name);
	c->server = xstrdup_or_null(text_of(o, "server"));
	return 0;
}

static int read_tree(const cJSON *o, struct carried *c)
{
	const char *server = text_of(o, "server");
	const char *platform = text_of(o, "platform");

	if (!server || !*server || !platform)
		return -1;
	c->server = xstrdup(server);
	c->platform = xstrdup(platform);
	return 0;
}

static int parse_place(const char *name, enum cache_place *ret)
{
	static const enum cache_place all[] = {CACHE_IMAGE, CACHE_FILE,
					       CACHE_TREE};

	for (size_t i = 0; i < array_len(all); i++) {
		if (strcmp(name, cache_place_name(all[i])) != 0)
			continue;
		*ret = all[i];
		return 0;
	}
	return -1;
}

static int read_one(const cJSON *o, struct carried *c, struct sum *sum)
{
	const char *key = text_of(o, "key");
	const char *place = text_of(o, "place");
	const char *dialect = text_of(o, "dialect");
	const char *sha256 = text_of(o, "sha256");
	const cJSON *size = cJSON_GetObjectItemCaseSensitive(o, "size");
	enum dialect d;

	if (!key || !template_is_key(key) || !place || !dialect ||
	    dialect_parse(dialect, &d) < 0 || !sha256 ||
	    strlen(sha256) != DIGEST_HEX - 1 || !cJSON_IsNumber(size) ||
	    size->valuedouble < 0 || size->valuedouble > 1e15)
		return -1;
	memcpy(c->key, key, sizeof(c->key));
	c->dialect = xstrdup(dialect);
	sum->size = (int64_t)size->valuedouble;
	memcpy(sum->sha256, sha256, DIGEST_HEX);
	if (parse_place(place, &c->place) < 0 ||
	    (c->place == CACHE_FILE) != (d == DIALECT_SQLITE))
		return -1;
	if (c->place == CACHE_TREE)
		return read_tree(o, c);
	return c->place == CACHE_FILE ? 0 : read_image(o, c);
}

static int not_ours(const char *file, const char *why, struct error *err)
{
	return error_set(err, ERROR_CONFIG,
			 "'%s' is no archive of templates: %s", file, why);
}

static int read_index(const char *file, const char *text,
		      struct carried_list *list, struct sum *sums,
		      struct error *err)
{
	auto_json cJSON *root = cJSON_Parse(text);
	const cJSON *format = cJSON_GetObjectItemCaseSensitive(root, "format");
	const cJSON *array =
	    cJSON_GetObjectItemCaseSensitive(root, "templates");
	const cJSON *o;

	if (!cJSON_IsNumber(format))
		return not_ours(file, "its index cannot be read", err);
	if (format->valueint != FORMAT) {
		const char *by = text_of(root, "testenv");

		return error_set(err, ERROR_CONFIG,
				 "'%s' has form %d, of testenv %.20s; this one "
				 "reads form %d",
				 file, format->valueint, by ? by : "?", FORMAT);
	}
	if (!cJSON_IsArray(array) ||
	    cJSON_GetArraySize(array) > CACHE_ARCHIVE_MAX)
		return not_ours(file, "its index has no list of them", err);
	cJSON_ArrayForEach (o, array) {
		struct sum *sum = &sums[list->n];

		if (read_one(o, carried_list_add(list), sum) < 0)
			return not_ours(file,
					"its index does not describe a "
					"template as it should",
					err);
	}
	return 0;
}

/* The next file must be what the index says comes next. */
static int read_data(struct pack_reader *r, const char *file, const char *dir,
		     struct carried *c, const struct sum *sum,
		     struct error *err)
{
	auto_free char *want = data_name(c);
	const char *name;
	int64_t size;
	char hex[DIGEST_HEX];
	int got = pack_next(r, &name, &size, err);

	if (got < 0)
		return -1;
	if (!got)
		return error_set(err, ERROR_CONFIG,
				 "'%s' is cut off: there is no '%s'", file,
				 want);
	if (strcmp(name, want) != 0 || size != sum->size)
		return error_set(err, ERROR_CONFIG,
				 "'%s' is damaged: '%s' is not what the index "
				 "says",
				 file, want);
	c->path = fs_join(dir, want);
	if (pack_read_file(r, c->path, err) < 0 ||
	    digest_file(c->path, hex, err) < 0)
		return -1;
	if (strcmp(hex, sum->sha256) != 0)
		return error_set(err, ERROR_CONFIG,
				 "'%s' is damaged: the sum of '%s' is wrong",
				 file, want);
	return 0;
}

static int read_all(struct pack_reader *r, const char *file, const char *dir,
		    struct carried_list *list, struct error *err)
{
	auto_free struct sum *sums =
	    xcalloc(CACHE_ARCHIVE_MAX, sizeof(struct sum));
	auto_buf struct buf text = BUF_INIT_MAX(INDEX_MAX);
	const char *name;
	int64_t size;
	int got = pack_next(r, &name, &size, err);

	if (got < 0)
		return -1;
	if (!got || strcmp(name, index_name) != 0)
		return not_ours(file, "it has no index", err);
	if (pack_read(r, &text, err) < 0 ||
	    read_index(file, text.s, list, sums, err) < 0)
		return -1;
	for (size_t i = 0; i < list->n; i++)
		if (read_data(r, file, dir, &list->v[i], &sums[i], err) < 0)
			return -1;
	got = pack_next(r, &name, &size, err);
	if (got == 1)
		return error_set(err, ERROR_CONFIG,
				 "'%s' is damaged: '%.80s' is not in its index",
				 file, name);
	return got;
}

int cache_archive_read(const char *file, const char *dir,
		       struct carried_list *ret, struct error *err)
{
	auto_carried_list struct carried_list list = CARRIED_LIST_INIT;
	struct pack_reader *r;
	int result;

	if (fs_is_dir(file))
		return not_ours(file, "it is a directory", err);
	if (pack_open(file, &r, err) < 0)
		return -1;
	result = read_all(r, file, dir, &list, err);
	pack_free(r);
	if (result < 0)
		return -1;
	*ret = list;
	list = (struct carried_list)CARRIED_LIST_INIT;
	return 0;
}
