/* SPDX-License-Identifier: MIT */
/* sees DIALECT: are the variables of a database in the environment? */
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
	const char *url = getenv("DATABASE_URL");
	const char *dialect = getenv("TESTENV_DIALECT");

	if (argc != 2 || !url || !dialect || strcmp(dialect, argv[1]) != 0)
		return 1;
	return strncmp(url, argv[1], strlen(argv[1])) != 0;
}
