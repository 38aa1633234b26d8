/* SPDX-License-Identifier: MIT */
#include "cli/help.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/strvec.h"
#include "cli/command.h"

#include <string.h>

/* The words of a value like "auto|N" that may be typed as they are. */
static void choices_of(const struct option_spec *spec, struct strvec *ret)
{
	const char *p = spec->value ? spec->value : "";

	while (*p) {
		size_t len = strcspn(p, "|");
		size_t lower = strspn(p, "abcdefghijklmnopqrstuvwxyz");

		if (len == lower)
			strvec_take(ret, xstrndup(p, len));
		p += len + (p[len] == '|');
	}
}

enum value_kind {
	VALUE_NONE,
	VALUE_CHOICE,
	VALUE_FILE,
	VALUE_DIR,
	VALUE_OTHER
};

static enum value_kind value_kind(const struct option_spec *spec,
				  struct strvec *ret_choices)
{
	if (!spec->value)
		return VALUE_NONE;
	choices_of(spec, ret_choices);
	if (ret_choices->n)
		return VALUE_CHOICE;
	if (!strcmp(spec->value, "FILE"))
		return VALUE_FILE;
	return strcmp(spec->value, "DIR") ? VALUE_OTHER : VALUE_DIR;
}

/* In the single quotes of any of the three shells. */
static void put_quoted(struct buf *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '\'')
			buf_puts(out, "'\\''");
		else
			buf_putc(out, *text);
	}
}

static void put_command_names(struct buf *out)
{
	for (const struct command *const *c = commands; *c; c++)
		buf_printf(out, "%s%s", c == commands ? "" : " ", (*c)->name);
}

/* What the arguments of a command can be, "" when nobody knows. */
static const char *argument_words(const struct command *c)
{
	if (!strcmp(c->name, "completion"))
		return "bash zsh fish";
	return "";
}

/* bash */

static void put_bash_values(struct buf *out, const struct option_spec *specs)
{
	for (; specs->name; specs++) {
		auto_strvec struct strvec choices = STRVEC_INIT;
		enum value_kind kind = value_kind(specs, &choices);

		if (kind == VALUE_NONE)
			continue;
		buf_puts(out, "\t\t");
		if (specs->letter)
			buf_printf(out, "-%c|", specs->letter);
		buf_printf(out, "--%s) ", specs->name);
		if (kind == VALUE_FILE)
			buf_puts(out, "COMPREPLY=($(compgen -f -- \"$cur\"))");
		else if (kind == VALUE_DIR)
			buf_puts(out, "COMPREPLY=($(compgen -d -- \"$cur\"))");
		else if (kind == VALUE_CHOICE)
			buf_puts(out, "COMPREPLY=($(compgen -W '");
		else
			buf_puts(out, "COMPREPLY=()");
		for (size_t i = 0; i < choices.n; i++)
			buf_printf(out, "%s%s", i ? " " : "", choices.v[i]);
		if (kind == VALUE_CHOICE)
			buf_puts(out, "' -- \"$cur\"))");
		buf_puts(out, "; return ;;\n");
	}
}

static void put_bash_command(struct buf *out, const struct command *c)
{
	auto_free struct option_spec *specs = options_of(c);

	buf_printf(out, "\t%s)\n\t\tcase $prev in\n", c->name);
	put_bash_values(out, specs);
	buf_puts(out, "\t\tesac\n\t\twords='");
	for (const struct option_spec *s = specs; s->name; s++)
		buf_printf(out, "--%s ", s->name);
	if (!strcmp(c->name, "help"))
		put_command_names(out);
	buf_puts(out, argument_words(c));
	buf_puts(out, "'\n");
	if (c->takes_command)
		buf_puts(out, "\t\tcase $cur in -*) ;; *) COMPREPLY=($(compgen "
			      "-c -- \"$cur\")); return ;; esac\n");
	buf_puts(out, "\t\t;;\n");
}

/* Behind a "--", or behind the command's first word, another program's
 * arguments are typed: files are the best guess there. */
void completion_bash(struct buf *out)
{
	buf_puts(out,
		 "# bash completion for testenv\n"
		 "_testenv() {\n"
		 "\tlocal cur prev cmd i words\n"
		 "\tcur=${COMP_WORDS[COMP_CWORD]}\n"
		 "\tprev=${COMP_WORDS[COMP_CWORD-1]}\n"
		 "\tcmd=\n"
		 "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
		 "\t\tcase ${COMP_WORDS[i]} in\n"
		 "\t\t--) COMPREPLY=($(compgen -c -f -- \"$cur\")); return ;;\n"
		 "\t\t-*) ;;\n"
		 "\t\t*) [ -n \"$cmd\" ] || cmd=${COMP_WORDS[i]} ;;\n"
		 "\t\tesac\n"
		 "\tdone\n"
		 "\twords=\n"
		 "\tcase $cmd in\n"
		 "\t'') words='");
	put_command_names(out);
	buf_puts(out, " --help --version --quiet --debug' ;;\n");
	for (const struct command *const *c = commands; *c; c++)
		put_bash_command(out, *c);
	buf_puts(out, "\tesac\n"
		      "\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
		      "}\n"
		      "complete -o default -F _testenv testenv\n");
}

/* zsh */

static void put_zsh_text(struct buf *out, const char *text)
{
	for (; *text; text++) {
		if (strchr("[]:\\", *text))
			buf_putc(out, '\\');
		if (*text == '\'')
			buf_puts(out, "'\\''");
		else
			buf_putc(out, *text);
	}
}

static void put_zsh_option(struct buf *out, const struct option_spec *spec)
{
	auto_strvec struct strvec choices = STRVEC_INIT;
	enum value_kind kind = value_kind(spec, &choices);

	buf_printf(out, " \\\n\t\t\t'*--%s%s[", spec->name,
		   kind == VALUE_NONE ? "" : "=");
	put_zsh_text(out, spec->help);
	buf_putc(out, ']');
	if (kind == VALUE_FILE)
		buf_puts(out, ":file:_files");
	else if (kind == VALUE_DIR)
		buf_puts(out, ":folder:_files -/");
	else if (kind == VALUE_OTHER)
		buf_puts(out, ":value:");
	else if (kind == VALUE_CHOICE)
		buf_puts(out, ":value:(");
	for (size_t i = 0; i < choices.n; i++)
		buf_printf(out, "%s%s", i ? " " : "", choices.v[i]);
	if (kind == VALUE_CHOICE)
		buf_putc(out, ')');
	buf_putc(out, '\'');
}

static void put_zsh_command(struct buf *out, const struct command *c)
{
	auto_free struct option_spec *specs = options_of(c);

	buf_printf(out, "\t%s)\n\t\t_arguments", c->name);
	for (const struct option_spec *s = specs; s->name; s++)
		put_zsh_option(out, s);
	if (c->takes_command)
		buf_puts(out, " \\\n\t\t\t'*::command:_normal'");
	else if (!strcmp(c->name, "help"))
		buf_puts(out, " \\\n\t\t\t'1:command:_testenv_commands'");
	else if (*argument_words(c))
		buf_printf(out, " \\\n\t\t\t'1:argument:(%s)'",
			   argument_words(c));
	buf_puts(out, " ;;\n");
}

void completion_zsh(struct buf *out)
{
	buf_puts(out, "#compdef testenv\n"
		      "# zsh completion for testenv\n"
		      "_testenv_commands() {\n"
		      "\tlocal -a list\n"
		      "\tlist=(\n");
	for (const struct command *const *c = commands; *c; c++) {
		buf_printf(out, "\t\t'%s:", (*c)->name);
		put_quoted(out, (*c)->summary);
		buf_puts(out, "'\n");
	}
	buf_puts(out, "\t)\n"
		      "\t_describe command list\n"
		      "}\n"
		      "_testenv() {\n"
		      "\tlocal context state state_descr line\n"
		      "\ttypeset -A opt_args\n"
		      "\t_arguments -C '1:command:_testenv_commands' "
		      "'*::argument:->argument'\n"
		      "\t[[ $state = argument ]] || return\n"
		      "\tcase $words[1] in\n");
	for (const struct command *const *c = commands; *c; c++)
		put_zsh_command(out, *c);
	buf_puts(out, "\tesac\n"
		      "}\n"
		      "compdef _testenv testenv\n");
}

/* fish */

static void put_fish_option(struct buf *out, const struct command *c,
			    const struct option_spec *spec)
{
	auto_strvec struct strvec choices = STRVEC_INIT;
	enum value_kind kind = value_kind(spec, &choices);

	buf_printf(out,
		   "complete -c testenv -n '__fish_seen_subcommand_from %s' "
		   "-l %s",
		   c->name, spec->name);
	if (spec->letter)
		buf_printf(out, " -s %c", spec->letter);
	if (kind == VALUE_FILE || kind == VALUE_DIR)
		buf_puts(out, " -r -F");
	else if (kind != VALUE_NONE)
		buf_puts(out, " -x");
	for (size_t i = 0; i < choices.n; i++)
		buf_printf(out, "%s%s", i ? " " : " -a '", choices.v[i]);
	buf_puts(out, choices.n ? "' -d '" : " -d '");
	put_quoted(out, spec->help);
	buf_puts(out, "'\n");
}

void completion_fish(struct buf *out)
{
	buf_puts(out, "# fish completion for testenv\n"
		      "complete -c testenv -n __fish_use_subcommand -f\n");
	for (const struct command *const *c = commands; *c; c++) {
		auto_free struct option_spec *specs = options_of(*c);

		buf_printf(out,
			   "complete -c testenv -n __fish_use_subcommand -a "
			   "%s -d '",
			   (*c)->name);
		put_quoted(out, (*c)->summary);
		buf_puts(out, "'\n");
		for (const struct option_spec *s = specs; s->name; s++)
			put_fish_option(out, *c, s);
		if (*argument_words(*c))
			buf_printf(out,
				   "complete -c testenv -n "
				   "'__fish_seen_subcommand_from %s' -f -a "
				   "'%s'\n",
				   (*c)->name, argument_words(*c));
	}
}
