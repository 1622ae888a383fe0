#include "help.h"

#include <weft/version.h>

#include "output.h"

/* Text as roff wants it: a dash that stays a dash, backslashes shown, and no line that begins like a request. */
static void out_text(const char *text)
{
    bool starts_line = true;
    for (; *text; text++) {
        if (starts_line && (*text == '.' || *text == '\''))
            cli_out("\\&");
        if (*text == '-')
            cli_out("\\-");
        else if (*text == '\\')
            cli_out("\\e");
        else
            cli_out_bytes(text, 1);
        starts_line = *text == '\n';
    }
}

static void out_line(const char *text)
{
    out_text(text);
    cli_out("\n");
}

/* Help texts begin small and end open, as lists want them; a man page has sentences. */
static void out_sentence(const char *text)
{
    char first[2] = {text[0], 0};
    if (first[0] >= 'a' && first[0] <= 'z')
        first[0] = (char)(first[0] - 'a' + 'A');
    out_text(first);
    out_text(text + 1);
    cli_out(".\n");
}

static void out_option(const cli_option *option)
{
    cli_out(".TP\n");
    if (option->letter)
        cli_out("\\fB\\-%c\\fR, ", option->letter);
    cli_out("\\fB\\-\\-");
    out_text(option->name);
    cli_out("\\fR");
    if (option->argument)
        cli_out(" \\fI%s\\fR", option->argument);
    cli_out("\n");
    out_sentence(option->help);
    if (option->is_required)
        cli_out("Required.\n");
    if (option->may_repeat)
        cli_out("May be repeated.\n");
    if (option->initial) {
        cli_out("Default: ");
        out_text(option->initial);
        cli_out(".\n");
    }
}

static void out_verb(const cli_verb *verb)
{
    cli_out(".SS weft %s", verb->name);
    if (verb->operand)
        cli_out(verb->operand_is_required ? " \\fI%s\\fR" : " [\\fI%s\\fR]", verb->operand);
    if (verb->second)
        cli_out(" [\\fI%s\\fR]", verb->second);
    cli_out("\n");
    out_sentence(verb->summary);
    out_line(verb->description);
    if (verb->operand) {
        cli_out(".TP\n\\fI%s\\fR\n", verb->operand);
        out_sentence(verb->operand_help);
    }
    if (verb->second) {
        cli_out(".TP\n\\fI%s\\fR\n", verb->second);
        out_sentence(verb->second_help);
    }
    if (verb->rest) {
        cli_out(".TP\n\\fI%s\\fR\n", verb->rest);
        out_sentence(verb->rest_help);
    }
    for (const cli_option *const *option = verb->options; *option; option++)
        out_option(*option);
    out_option(&cli_option_help);
}

static void out_examples(void)
{
    cli_out(".SH EXAMPLES\n");
    for (const cli_verb *const *verb = cli_verbs; *verb; verb++) {
        for (const cli_example *example = (*verb)->examples; example->command; example++) {
            cli_out(".TP\n\\fB");
            out_text(example->command);
            cli_out("\\fR\n");
            out_sentence(example->what);
        }
    }
}

static void out_required(const cli_option *const *options)
{
    for (; *options; options++) {
        if (!(*options)->is_required)
            continue;
        cli_out(" \\fB\\-\\-");
        out_text((*options)->name);
        cli_out("\\fR \\fI%s\\fR", (*options)->argument);
    }
}

void cli_print_man(void)
{
    cli_out(".TH WEFT 1 \"\" \"weft %s\" \"User Commands\"\n", weft_version());
    cli_out(".SH NAME\nweft \\- ");
    out_line(cli_purpose);
    cli_out(".SH SYNOPSIS\n");
    for (const cli_verb *const *verb = cli_verbs; *verb; verb++) {
        cli_out("%s\\fBweft %s\\fR", verb == cli_verbs ? "" : ".br\n", (*verb)->name);
        if ((*verb)->operand)
            cli_out((*verb)->operand_is_required ? " \\fI%s\\fR" : " [\\fI%s\\fR]", (*verb)->operand);
        if ((*verb)->second)
            cli_out(" [\\fI%s\\fR]", (*verb)->second);
        out_required((*verb)->options);
        cli_out(" [\\fIOPTION\\fR]...");
        if ((*verb)->rest)
            cli_out(" \\-\\- \\fI%s\\fR", (*verb)->rest);
        cli_out("\n");
    }
    cli_out(".br\n\\fBweft \\-\\-help\\fR | \\fB\\-\\-version\\fR\n");
    cli_out(".SH DESCRIPTION\n");
    out_line(cli_introduction);
    cli_out("A value may follow its option as the next word or behind an equals sign.\n");
    cli_out(".SH VERBS\n");
    for (const cli_verb *const *verb = cli_verbs; *verb; verb++)
        out_verb(*verb);
    out_examples();
    cli_out(".SH EXIT STATUS\n");
    int code;
    const char *meaning;
    for (size_t i = 0; cli_exit_code_at(i, &code, &meaning); i++) {
        cli_out(".TP\n\\fB%d\\fR\n", code);
        out_sentence(meaning);
    }
}
