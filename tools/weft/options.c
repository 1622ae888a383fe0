#include "options.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nearest.h"
#include "output.h"

/* A command line while it is parsed. */
typedef struct parser {
    const cli_verb *verb;
    cli_values *values;
    char **words;
    int count, next; /* the word to be looked at next */
} parser;

static size_t index_of(const cli_verb *verb, const cli_option *option)
{
    size_t index = 0;
    while (verb->options[index] && verb->options[index] != option)
        index++;
    return index;
}

static const cli_value *value_of(const cli_values *values, const cli_option *option)
{
    static const cli_value none;
    size_t index = index_of(values->verb, option);
    return values->verb->options[index] ? &values->value[index] : &none;
}

bool cli_given(const cli_values *values, const cli_option *option)
{
    return value_of(values, option)->is_given;
}

const char *cli_text(const cli_values *values, const cli_option *option)
{
    const cli_value *value = value_of(values, option);
    return value->text_count > 0 ? value->texts[value->text_count - 1] : NULL;
}

uint64_t cli_count(const cli_values *values, const cli_option *option)
{
    return value_of(values, option)->count;
}

double cli_number(const cli_values *values, const cli_option *option)
{
    return value_of(values, option)->number;
}

size_t cli_texts(const cli_values *values, const cli_option *option, const char *const **out)
{
    const cli_value *value = value_of(values, option);
    *out = value->texts;
    return value->text_count;
}

/* Reads digits only: no sign, no blanks, no other base. Too large a number is UINT64_MAX. */
static bool read_count(const char *text, uint64_t *out)
{
    if (!*text || text[strspn(text, "0123456789")])
        return false;
    errno = 0;
    *out = strtoull(text, NULL, 10);
    return true;
}

static bool read_number(const char *text, double *out)
{
    char *end;
    if (!*text || text[strspn(text, "0123456789.eE+-")])
        return false;
    *out = strtod(text, &end);
    return *end == 0 && isfinite(*out);
}

static int set_count(const parser *at, const cli_option *option, const char *text, cli_value *value)
{
    bool is_count = read_count(text, &value->count);
    if (is_count && errno == 0 && value->count >= option->least && value->count <= option->most)
        return CLI_EXIT_OK;
    if (option->most == UINT64_MAX)
        return cli_usage_error(at->verb->name, "--%s is '%s', but must be a whole number from %llu to 2^64 - 1.",
                               option->name, text, (unsigned long long)option->least);
    return cli_usage_error(at->verb->name, "--%s is '%s', but must be a whole number from %llu to %llu.", option->name,
                           text, (unsigned long long)option->least, (unsigned long long)option->most);
}

static int set_number(const parser *at, const cli_option *option, const char *text, cli_value *value)
{
    if (read_number(text, &value->number) && value->number >= option->lowest && value->number <= option->highest)
        return CLI_EXIT_OK;
    return cli_usage_error(at->verb->name, "--%s is '%s', but must be a number from %g to %g.", option->name, text,
                           option->lowest, option->highest);
}

static int set_text(const parser *at, const cli_option *option, const char *text, cli_value *value)
{
    if (option->kind == CLI_WORD && !*text)
        return cli_usage_error(at->verb->name, "--%s is empty, but must be a %s.", option->name, option->argument);
    if (!option->may_repeat)
        value->text_count = 0;
    if (value->text_count == CLI_REPEATS_MAX)
        return cli_usage_error(at->verb->name, "--%s is given more than %d times: '%s' is one too many.", option->name,
                               CLI_REPEATS_MAX, text);
    value->texts[value->text_count++] = text;
    return CLI_EXIT_OK;
}

static int set_value(const parser *at, const cli_option *option, const char *text)
{
    cli_value *value = &at->values->value[index_of(at->verb, option)];
    switch (option->kind) {
    case CLI_COUNT:
        return set_count(at, option, text, value);
    case CLI_NUMBER:
        return set_number(at, option, text, value);
    case CLI_TEXT:
    case CLI_WORD:
        return set_text(at, option, text, value);
    case CLI_FLAG:
        break;
    }
    return CLI_EXIT_OK;
}

static const cli_option *find_option(const cli_verb *verb, const char *name, size_t length)
{
    for (const cli_option *const *option = verb->options; *option; option++) {
        if (strlen((*option)->name) == length && memcmp((*option)->name, name, length) == 0)
            return *option;
    }
    bool is_help = length == strlen(cli_option_help.name) && memcmp(cli_option_help.name, name, length) == 0;
    return is_help ? &cli_option_help : NULL;
}

static const cli_option *find_letter(const cli_verb *verb, char letter)
{
    for (const cli_option *const *option = verb->options; *option; option++) {
        if ((*option)->letter == letter)
            return *option;
    }
    return letter == cli_option_help.letter ? &cli_option_help : NULL;
}

static int unknown_option(const parser *at, const char *word)
{
    const char *nearest = cli_option_help.name;
    const char *name = word + strspn(word, "-");
    size_t length = strcspn(name, "=");
    char asked[64] = {0};
    memcpy(asked, name, length < sizeof asked ? length : sizeof asked - 1);
    size_t best = cli_distance(asked, nearest);
    for (const cli_option *const *option = at->verb->options; *option; option++) {
        size_t distance = cli_distance(asked, (*option)->name);
        if (distance < best) {
            best = distance;
            nearest = (*option)->name;
        }
    }
    return cli_usage_error(at->verb->name, "There is no option '%.*s'; the nearest is --%s.",
                           (int)(length + (size_t)(name - word)), word, nearest);
}

/* A word that is an option of this verb is no value of another one: the value was forgotten. It can still be given,
 * behind a '='. */
static bool is_an_option(const parser *at, const char *word)
{
    if (strncmp(word, "--", 2) != 0)
        return false;
    return find_option(at->verb, word + 2, strcspn(word + 2, "=")) != NULL;
}

static int apply(parser *at, const cli_option *option, const char *attached)
{
    if (option == &cli_option_help) {
        at->values->wants_help = true;
        return CLI_EXIT_OK;
    }
    cli_value *value = &at->values->value[index_of(at->verb, option)];
    if (option->kind == CLI_FLAG && attached)
        return cli_usage_error(at->verb->name, "--%s takes no value, but was given '%s'.", option->name, attached);
    if (option->kind == CLI_FLAG) {
        value->is_given = true;
        return CLI_EXIT_OK;
    }
    if (!attached) {
        const char *next = at->next < at->count ? at->words[at->next] : NULL;
        if (!next)
            return cli_usage_error(at->verb->name, "--%s needs a value: --%s %s.", option->name, option->name,
                                   option->argument);
        if (is_an_option(at, next))
            return cli_usage_error(at->verb->name,
                                   "--%s needs a value, and '%s' is another option; to mean it, write --%s=%s.",
                                   option->name, next, option->name, next);
        attached = at->words[at->next++];
    }
    if (!value->is_given)
        value->text_count = 0; /* the default goes, whether or not the option may repeat */
    value->is_given = true;
    return set_value(at, option, attached);
}

static int parse_operand(parser *at, const char *word)
{
    if (at->verb->rest)
        return cli_usage_error(at->verb->name, "'%s' is not expected here: %s goes behind a --.", word, at->verb->rest);
    if (!at->verb->operand)
        return cli_usage_error(at->verb->name, "'%s' is not expected here: this verb takes options only.", word);
    if (!at->values->operand)
        at->values->operand = word;
    else if (at->verb->second && !at->values->second)
        at->values->second = word;
    else
        return cli_usage_error(at->verb->name, "'%s' is one too many: the %s is '%s'.", word,
                               at->verb->second ? at->verb->second : at->verb->operand,
                               at->verb->second ? at->values->second : at->values->operand);
    return CLI_EXIT_OK;
}

static int parse_word(parser *at, const char *word)
{
    if (word[0] != '-' || !word[1])
        return parse_operand(at, word);
    if (word[1] != '-') {
        const cli_option *option = find_letter(at->verb, word[1]);
        if (!option || (option->kind == CLI_FLAG && word[2]))
            return unknown_option(at, word);
        return apply(at, option, word[2] ? word + 2 : NULL);
    }
    const char *equals = strchr(word, '=');
    size_t length = equals ? (size_t)(equals - word) - 2 : strlen(word) - 2;
    const cli_option *option = find_option(at->verb, word + 2, length);
    return option ? apply(at, option, equals ? equals + 1 : NULL) : unknown_option(at, word);
}

static int check_complete(const parser *at)
{
    if (at->verb->operand_is_required && !at->values->operand)
        return cli_usage_error(at->verb->name, "%s is needed: %s.", at->verb->operand, at->verb->operand_help);
    for (const cli_option *const *option = at->verb->options; *option; option++) {
        const cli_option *instead = (*option)->instead;
        if (!(*option)->is_required || cli_given(at->values, *option) || (instead && cli_given(at->values, instead)))
            continue;
        if (instead)
            return cli_usage_error(at->verb->name, "--%s %s is needed, or --%s %s.", (*option)->name,
                                   (*option)->argument, instead->name, instead->argument);
        return cli_usage_error(at->verb->name, "--%s %s is needed.", (*option)->name, (*option)->argument);
    }
    bool has_instead = at->verb->instead_of_rest && cli_given(at->values, at->verb->instead_of_rest);
    if (at->verb->rest && at->values->rest_count == 0 && !has_instead)
        return cli_usage_error(at->verb->name, "-- %s is needed: %s.", at->verb->rest, at->verb->rest_help);
    return CLI_EXIT_OK;
}

int cli_parse(const cli_verb *verb, int count, char **words, cli_values *out)
{
    *out = (cli_values){.verb = verb};
    parser at = {.verb = verb, .values = out, .words = words, .count = count};
    int code = CLI_EXIT_OK;
    size_t option_count = 0;
    for (const cli_option *const *option = verb->options; *option && code == CLI_EXIT_OK; option++) {
        if (++option_count > CLI_OPTIONS_MAX) {
            cli_error(verb->name, "There is room for %d options, and --%s is one more.", CLI_OPTIONS_MAX,
                      (*option)->name);
            return CLI_EXIT_INTERNAL;
        }
        if ((*option)->initial)
            code = set_value(&at, *option, (*option)->initial);
    }
    bool has_options = true;
    while (code == CLI_EXIT_OK && at.next < count && !out->wants_help) {
        const char *word = words[at.next++];
        if (has_options && strcmp(word, "--") == 0 && verb->rest) {
            out->rest = words + at.next;
            out->rest_count = count - at.next;
            break;
        }
        if (has_options && strcmp(word, "--") == 0)
            has_options = false;
        else
            code = has_options ? parse_word(&at, word) : parse_operand(&at, word);
    }
    if (code != CLI_EXIT_OK || out->wants_help)
        return code;
    return check_complete(&at);
}
