/* SPDX-License-Identifier: MIT */
#include "testenv/testenv.h"

const char *testenv_result_name(enum testenv_result result)
{
	switch (result) {
#define NAME_CASE(name, number, text) \
	case name:                    \
		return #name;
		TESTENV_RESULTS(NAME_CASE)
#undef NAME_CASE
	}
	return "unknown";
}

const char *testenv_result_text(enum testenv_result result)
{
	switch (result) {
#define TEXT_CASE(name, number, text) \
	case name:                    \
		return text;
		TESTENV_RESULTS(TEXT_CASE)
#undef TEXT_CASE
	}
	return "unknown";
}

const char *testenv_version(void)
{
	return TESTENV_VERSION;
}
