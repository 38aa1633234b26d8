/* SPDX-License-Identifier: MIT */
#include "docker/config_file.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/fs.h"

#include <stdlib.h>

enum {
	CONFIG_MAX = 1024 * 1024
};

char *config_file_dir(void)
{
	const char *dir = getenv("DOCKER_CONFIG");
	const char *home = getenv("HOME");

	if (dir && *dir)
		return xstrdup(dir);
	return home && *home ? fs_join(home, ".docker") : NULL;
}

int config_file_json(const char *path, cJSON **ret, struct error *err)
{
	auto_buf struct buf text = BUF_INIT_MAX(CONFIG_MAX);
	auto_error struct error e = ERROR_INIT;
	cJSON *json;

	if (!fs_exists(path))
		return 0;
	if (fs_read_file(path, &text, &e) < 0)
		return error_set(err, ERROR_CONFIG, "%s", error_text(&e));
	json = cJSON_ParseWithLength(text.s, text.len);
	if (!cJSON_IsObject(json)) {
		cJSON_Delete(json);
		return error_set(err, ERROR_CONFIG, "'%s' is not JSON", path);
	}
	*ret = json;
	return 1;
}

int config_file_read(char **ret_path, cJSON **ret, struct error *err)
{
	auto_free char *dir = config_file_dir();

	*ret_path = dir ? fs_join(dir, "config.json") : NULL;
	return dir ? config_file_json(*ret_path, ret, err) : 0;
}
