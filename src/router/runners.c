/* SPDX-License-Identifier: MIT */
#include "router/runners.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "router/proc.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Names that begin so, then a version (python3.11, perl5.36). `takes` lists
 * the options whose value is an argument of its own, each in blanks. */
static const struct interpreter {
	const char *name;
	const char *takes;
	bool module; /* -m NAME runs a module */
} interpreters[] = {
    {"python", " -W -X --check-hash-based-pycs ", true},
    {"pypy", " -W -X ", true},
    {"node", " -r --require --import --loader --experimental-loader -C ",
     false},
    {"nodejs", " -r --require --import --loader ", false},
    {"bun", " -r --preload ", false},
    {"perl", " -I ", false},
    {"ruby", " -I -r -C ", false},
    {"php", " -d -c -z ", false},
    {"java", " -cp -classpath --class-path -p --module-path ", false},
    {"dotnet", " ", false},
};

static const char *const shells[] = {"sh",   "bash", "dash", "ash",  "ksh",
				     "mksh", "zsh",  "fish", "rbash"};

static const char *const wrappers[] = {
    "busybox",   "env",         "timeout",
    "nice",      "ionice",      "chrt",
    "taskset",   "nohup",       "setsid",
    "stdbuf",    "unbuffer",    "script",
    "time",      "sudo",        "doas",
    "su",        "runuser",     "setpriv",
    "chroot",    "unshare",     "nsenter",
    "npm",       "npx",         "npm-cli",
    "npx-cli",   "yarn",        "yarnpkg",
    "pnpm",      "pnpx",        "corepack",
    "bunx",      "xvfb-run",    "dbus-run-session",
    "faketime",  "fakeroot",    "eatmydata",
    "catchsegv", "strace",      "ltrace",
    "gdb",       "valgrind",    "rr",
    "perf",      "cmake",       "poetry",
    "pipenv",    "pdm",         "hatch",
    "uv",        "tox",         "nox",
    "bundle",    "rake",        "composer",
    "just",      "task",        "direnv",
    "nix-shell", "tini",        "dumb-init",
    "catatonit", "docker-init", "flock",
    "testenv",   "dotenv",      "cross-env",
    "lerna",     "turbo",       "nx",
};

/* Each child is a test, or a program of tests. */
static const struct strong {
	const char *name;
	const char *command; /* the subcommand that runs tests, or NULL */
} strong[] = {
    {"ctest", NULL},
    {"ctest3", NULL},
    {"cargo-nextest", NULL},
    {"cargo", "test"},
    {"cargo", "t"},
    {"go", "test"},
    {"meson", "test"},
    {"prove", NULL},
    {"yath", NULL},
    {"paratest", NULL},
    {"parallel_rspec", NULL},
    {"parallel_test", NULL},
    {"parallel_cucumber", NULL},
    {"bazel", NULL},
    {"bats-exec-suite", NULL},
    {"runtest-parallel", NULL},
};

static const struct mark {
	const char *interpreter; /* or NULL: any program */
	const char *text;
	const char *runner;
} marks[] = {
    /* execnet's first words; with setproctitle xdist says so itself */
    {"python", "exec(eval(sys.stdin.readline()))", "pytest"},
    {NULL, "[pytest-xdist", "pytest"},
    {"node", "/jest-worker/", "jest"},
    {"node", "/tinypool/", "vitest"},
    {"node", "/vitest/dist/workers/", "vitest"},
    {"node", "/vitest/dist/worker", "vitest"},
    {NULL, "node (vitest ", "vitest"}, /* its title, once it runs */
    {"node", "/mocha/lib/nodejs/worker.", "mocha"},
    {"node", "/playwright/lib/worker/", "playwright"},
    {"node", "/playwright/lib/common/process", "playwright"},
    {"java", "surefire", "mvn"},
    {"java", "GradleWorkerMain", "gradle"},
    {NULL, "testhost.dll", "dotnet test"},
};

/* How to see whether a weak runner runs several things at a time. */
static const struct weak {
	const char *name;
	const char *letters; /* -jN, -j N */
	const char *words;   /* --jobs=N, --jobs N; each in blanks */
	const char *takes;   /* letters whose value may be the next argument */
	bool several;        /* when it is not said */
	bool stops;          /* its options end at the first other argument */
} weak[] = {
    {"make", "j", " --jobs ", "CfIoWEl", false, false},
    {"gmake", "j", " --jobs ", "CfIoWEl", false, false},
    {"ninja", "j", " ", "CfklwtdX", true, false},
    {"samu", "j", " ", "CfklwtdX", true, false},
    {"xargs", "P", " --max-procs ", "adEILns", false, true},
    {"parallel", "jP", " --jobs --max-procs ", "aIkNnLsSCd", true, true},
};

const struct worker_variable worker_variables[] = {
    {"TESTENV_WORKER", VARIABLE_OURS, NULL},
    {"PYTEST_XDIST_WORKER", VARIABLE_NAMES, NULL},
    {"JEST_WORKER_ID", VARIABLE_NAMES, NULL},
    {"VITEST_POOL_ID", VARIABLE_NAMES, NULL},
    /* the same number, which vitest's forks are started with */
    {"TINYPOOL_WORKER_ID", VARIABLE_NAMES, NULL},
    {"TEST_PARALLEL_INDEX", VARIABLE_NAMES, NULL},
    {"MOCHA_WORKER_ID", VARIABLE_STARTS, NULL},
    {"NEXTEST_TEST_GLOBAL_SLOT", VARIABLE_STARTS, NULL},
    /* parallel_tests leaves its first worker's empty */
    {"TEST_ENV_NUMBER", VARIABLE_STARTS, "1"},
    {"TEST_TOKEN", VARIABLE_STARTS, NULL},
    {"TEST_SHARD_INDEX", VARIABLE_STARTS, NULL},
    /* one for each type of resource: the first of the first group */
    {"CTEST_RESOURCE_GROUP_0_", VARIABLE_NAMES, NULL},
    {"PARALLEL_JOBSLOT", VARIABLE_WEAK, NULL},
};
const size_t n_worker_variables = array_len(worker_variables);

const char *worker_variable_in(const struct worker_variable *v,
			       const struct buf *environ_)
{
	bool prefix = v->name[strlen(v->name) - 1] == '_';
	const char *value = proc_env(environ_, v->name, prefix);

	if (value && *value == '\0')
		return v->empty;
	return value;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

/* "bazel(shop)" and "npm run test" are titles: their first word counts. */
static void set_name(struct program *p, const char *path)
{
	static const char *const endings[] = {
	    ".js", ".mjs", ".cjs", ".ts", ".py", ".pl", ".rb", ".php", ".phar"};
	const char *name = base_name(path);

	if (*name == '-') /* a login shell */
		name++;
	snprintf(p->name, sizeof(p->name), "%s", name);
	p->name[strcspn(p->name, " (")] = '\0';
	for (size_t i = 0; i < array_len(endings); i++) {
		size_t len = strlen(p->name), n = strlen(endings[i]);

		if (len > n && strcmp(p->name + len - n, endings[i]) == 0) {
			p->name[len - n] = '\0';
			return;
		}
	}
}

/* "NAME" or "NAME3.11" */
static const struct interpreter *interpreter_of(const char *name)
{
	for (size_t i = 0; i < array_len(interpreters); i++) {
		size_t len = strlen(interpreters[i].name);

		if (strncmp(name, interpreters[i].name, len) == 0 &&
		    strspn(name + len, "0123456789.") == strlen(name + len))
			return &interpreters[i];
	}
	return NULL;
}

static bool in_list(const char *name, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(name, list[i]) == 0)
			return true;
	}
	return false;
}

/* Whether the list holds the word in blanks. */
static bool has_word(const char *list, const char *word, size_t len)
{
	const char *p = list;

	while (len > 0 && (p = strstr(p, word))) {
		if (p > list && p[-1] == ' ' && p[len] == ' ')
			return true;
		p++;
	}
	return false;
}

/* Drops the first n arguments. */
static void shift(struct program *p, size_t n)
{
	p->n_args -= n;
	memmove(p->args, p->args + n, p->n_args * sizeof(*p->args));
}

/* The script or module becomes the name; code given inline has none. */
static void read_script(struct program *p, const struct interpreter *in)
{
	for (size_t i = 0; i < p->n_args; i++) {
		const char *arg = p->args[i];

		if (in && in->module && strcmp(arg, "-m") == 0) {
			if (i + 1 < p->n_args)
				set_name(p, p->args[i + 1]);
			shift(p, i + 1 < p->n_args ? i + 2 : i + 1);
			return;
		}
		if (strcmp(arg, "-c") == 0 || strcmp(arg, "-e") == 0)
			return;
		if (*arg != '-' && *arg != '+') {
			set_name(p, arg);
			shift(p, i + 1);
			return;
		}
		/* sh -ec 'CODE' */
		if (!in && arg[1] != '-' && strchr(arg, 'c'))
			return;
		if (in && has_word(in->takes, arg, strlen(arg)))
			i++;
	}
}

void program_of(const struct buf *cmdline, struct program *ret)
{
	const char *end = cmdline->s + cmdline->len;
	const char *arg = cmdline->s;
	const struct interpreter *in;
	struct program p = {.shell = false};

	set_name(&p, arg);
	for (arg += strlen(arg) + 1; arg < end && p.n_args < PROGRAM_ARGS;
	     arg += strlen(arg) + 1)
		p.args[p.n_args++] = arg;
	in = interpreter_of(p.name);
	p.shell = in_list(p.name, shells, array_len(shells));
	if (in)
		snprintf(p.interpreter, sizeof(p.interpreter), "%s", in->name);
	if (in || p.shell)
		read_script(&p, in);
	*ret = p;
}

/* 1 one at a time, 2 several; the value is in `s`, "" for none. */
static int jobs_of(const char *s)
{
	return strcmp(s, "1") == 0 ? 1 : 2;
}

/* The value of an option is the next argument if that looks like a number. */
static const char *next_number(const struct program *p, size_t i)
{
	if (i + 1 < p->n_args && isdigit((unsigned char)*p->args[i + 1]))
		return p->args[i + 1];
	return "";
}

/* 0: this argument does not say; else as jobs_of. Sets *ret_skip when the next
 * argument belongs to it. */
static int jobs_in(const struct weak *w, const struct program *p, size_t i,
		   bool *ret_skip)
{
	const char *arg = p->args[i];
	size_t word = strcspn(arg, "=");
	char name[32];

	*ret_skip = false;
	if (arg[1] == '-') {
		snprintf(name, sizeof(name), "%.*s", (int)word, arg);
		if (!has_word(w->words, name, strlen(name)))
			return 0;
		return jobs_of(arg[word] ? arg + word + 1 : next_number(p, i));
	}
	for (const char *c = arg + 1; *c; c++) {
		if (strchr(w->letters, *c))
			return jobs_of(c[1] ? c + 1 : next_number(p, i));
		if (strchr(w->takes, *c)) {
			*ret_skip = c[1] == '\0';
			return 0;
		}
	}
	return 0;
}

/* A make below another learns from MAKEFLAGS how many jobs there may be. */
static bool makeflags_say_several(const struct buf *environ_)
{
	const char *flags = proc_env(environ_, "MAKEFLAGS", false);
	const char *j = flags ? strstr(flags, "-j") : NULL;

	if (!flags)
		return false;
	if (strstr(flags, "--jobserver"))
		return true;
	return j && (j == flags || j[-1] == ' ') &&
	       !(j[2] == '1' && !isdigit((unsigned char)j[3]));
}

static bool runs_several(const struct weak *w, const struct program *p,
			 const struct buf *environ_)
{
	int said = 0;
	bool skip;

	for (size_t i = 0; i < p->n_args; i++) {
		const char *arg = p->args[i];
		int jobs;

		if (strcmp(arg, "--") == 0 || (*arg != '-' && w->stops))
			break;
		if (*arg != '-')
			continue;
		jobs = jobs_in(w, p, i, &skip);
		if (jobs)
			said = jobs;
		if (skip)
			i++;
		else if (jobs && *next_number(p, i))
			i++; /* -j 8; a target called 8 is lost on us */
	}
	if (said)
		return said > 1;
	return w->several || makeflags_say_several(environ_);
}

/* cargo +nightly test, go -C dir test: the first argument that is no option. */
static bool has_command(const struct program *p, const char *command)
{
	for (size_t i = 0; i < p->n_args; i++) {
		if (strcmp(p->args[i], command) == 0)
			return true;
		if (strcmp(p->args[i], "-C") == 0)
			i++;
		else if (*p->args[i] != '-' && *p->args[i] != '+')
			return false;
	}
	return false;
}

enum runner_kind runner_kind_of(const struct program *p,
				const struct buf *environ_)
{
	for (size_t i = 0; i < array_len(strong); i++) {
		if (strcmp(p->name, strong[i].name) == 0 &&
		    (!strong[i].command || has_command(p, strong[i].command)))
			return RUNNER_STRONG;
	}
	for (size_t i = 0; i < array_len(weak); i++) {
		if (strcmp(p->name, weak[i].name) == 0)
			return runs_several(&weak[i], p, environ_)
				   ? RUNNER_WEAK
				   : RUNNER_WRAPPER;
	}
	if (p->shell || in_list(p->name, wrappers, array_len(wrappers)))
		return RUNNER_WRAPPER;
	return RUNNER_NONE;
}

const char *runner_of_worker(const struct program *p, const struct buf *cmdline)
{
	auto_buf struct buf text = BUF_INIT;

	buf_put(&text, cmdline->s, cmdline->len);
	for (size_t i = 0; i < text.len; i++) {
		if (text.s[i] == '\0')
			text.s[i] = ' ';
	}
	for (size_t i = 0; i < array_len(marks); i++) {
		const char *in = marks[i].interpreter;

		if ((!in || strcmp(in, p->interpreter) == 0) &&
		    strstr(text.s, marks[i].text))
			return marks[i].runner;
	}
	return NULL;
}
