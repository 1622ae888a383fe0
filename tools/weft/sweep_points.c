#include "sweep_points.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weft/version.h>

#include "help.h"
#include "json_output.h"
#include "output.h"

/* What a sweep gives to its points itself. */
static const char *const fixed_options[] = {"machine", "set", "json", "help"};

static int no_verb_to_sweep(const char *sweep, const char *name)
{
    char names[256] = "";
    for (const cli_verb *const *verb = cli_verbs; *verb; verb++) {
        size_t used = strlen(names);
        if ((*verb)->measure)
            snprintf(names + used, sizeof names - used, "%s%s", used > 0 ? ", " : "", (*verb)->name);
    }
    return cli_usage_error(sweep, "'%s' cannot be swept; what can is: %s.", name, names);
}

/* The length of the first of some values, which a comma outside of brackets ends; SIZE_MAX if brackets do not match. */
static size_t value_length(const char *text)
{
    char open[64];
    size_t depth = 0, length = 0;
    for (; text[length] && (text[length] != ',' || depth > 0); length++) {
        char letter = text[length];
        if (letter == '[' || letter == '{') {
            if (depth == sizeof open)
                return SIZE_MAX;
            open[depth++] = letter;
        } else if (letter == ']' || letter == '}') {
            if (depth == 0 || open[--depth] != (letter == ']' ? '[' : '{'))
                return SIZE_MAX;
        }
    }
    return depth == 0 ? length : SIZE_MAX;
}

/* A copy without blanks at its ends, with something before it. */
static char *trimmed_copy(const char *text, size_t length)
{
    while (length > 0 && text[0] == ' ') {
        text++;
        length--;
    }
    while (length > 0 && text[length - 1] == ' ')
        length--;
    char *copy = cli_allocate(length + 1);
    memcpy(copy, text, length);
    copy[length] = 0;
    return copy;
}

static int add_value(const char *sweep, const cli_option *option, sweep_axis *axis, char *value)
{
    axis->values = cli_reallocate(axis->values, (axis->count + 1) * sizeof *axis->values);
    axis->values[axis->count++] = value;
    if (!*value)
        return cli_usage_error(sweep, "--%s %s has an empty value.", option->name, axis->name);
    for (size_t i = 0; i + 1 < axis->count; i++) {
        if (strcmp(axis->values[i], value) == 0)
            return cli_usage_error(sweep, "--%s %s has the value '%s' twice.", option->name, axis->name, value);
    }
    return CLI_EXIT_OK;
}

static int read_values(const char *sweep, const cli_option *option, const char *text, sweep_axis *axis)
{
    for (;;) {
        size_t length = value_length(text);
        if (length == SIZE_MAX)
            return cli_usage_error(sweep, "--%s %s has brackets that do not match: '%s'.", option->name, axis->name,
                                   text);
        int code = add_value(sweep, option, axis, trimmed_copy(text, length));
        if (code != CLI_EXIT_OK || !text[length])
            return code;
        text += length + 1;
    }
}

/* The name of an axis: a key as it is, an option with its dashes. */
static char *axis_name(const char *text, size_t length, bool is_setting)
{
    const char *dashes = is_setting ? "" : "--";
    size_t bytes = length + strlen(dashes) + 1;
    char *name = cli_allocate(bytes);
    snprintf(name, bytes, "%s%.*s", dashes, (int)length, text);
    return name;
}

static int read_axis(const char *sweep, const cli_option *option, const char *text, bool is_setting, sweep_points *out)
{
    size_t length = strcspn(text, "=");
    if (length == 0 || !text[length] || text[0] == '-')
        return cli_usage_error(sweep, "--%s is '%s', but must be a %s.", option->name, text, option->argument);
    sweep_axis *axis = &out->axes[out->axis_count++];
    *axis = (sweep_axis){.is_setting = is_setting, .name = axis_name(text, length, is_setting)};
    for (size_t i = 0; i + 1 < out->axis_count; i++) {
        if (strcmp(out->axes[i].name, axis->name) == 0)
            return cli_usage_error(sweep, "--%s names '%.*s' twice; one list takes all of its values.", option->name,
                                   (int)length, text);
    }
    for (size_t i = 0; !is_setting && i < sizeof fixed_options / sizeof fixed_options[0]; i++) {
        if (strcmp(axis->name + 2, fixed_options[i]) == 0)
            return cli_usage_error(sweep, "--%s cannot vary %s, which is the same for all points.", option->name,
                                   axis->name);
    }
    return read_values(sweep, option, text + length + 1, axis);
}

static int read_axes(const cli_values *values, const cli_option *option, bool is_setting, sweep_points *out)
{
    const char *const *texts;
    size_t count = cli_texts(values, option, &texts);
    for (size_t i = 0; i < count; i++) {
        int code = read_axis(values->verb->name, option, texts[i], is_setting, out);
        if (code != CLI_EXIT_OK)
            return code;
    }
    return CLI_EXIT_OK;
}

/* How many points lie between two neighbouring values of an axis. */
static size_t stride_of(const sweep_points *points, size_t axis)
{
    size_t stride = 1;
    for (size_t i = axis + 1; i < points->axis_count; i++)
        stride *= points->axes[i].count;
    return stride;
}

const char *sweep_points_value(const sweep_points *points, size_t point, size_t axis)
{
    const sweep_axis *of = &points->axes[axis];
    return of->values[point / stride_of(points, axis) % of->count];
}

/* One word in a block of its own: prefix, name, an equals sign, value. */
static char *word_of(const char *prefix, const char *name, const char *value)
{
    size_t bytes = strlen(prefix) + strlen(name) + strlen(value) + 2;
    char *word = cli_allocate(bytes);
    snprintf(word, bytes, "%s%s=%s", prefix, name, value);
    return word;
}

/* A command line for cli_parse(): words that were made for it first, then those that were given, but for the varied
 * options, which go before a `--` that ends all options. */
typedef struct point_command {
    char *made[1 + SWEEP_AXES_MAX];
    size_t made_count;
    char **words;
    int count;
} point_command;

static void add_made(point_command *to, char *word)
{
    to->made[to->made_count++] = word;
    to->words[to->count++] = word;
}

static void add_axes(point_command *to, const sweep_points *points, size_t point, bool is_setting)
{
    for (size_t i = 0; i < points->axis_count; i++) {
        const sweep_axis *axis = &points->axes[i];
        if (axis->is_setting == is_setting)
            add_made(to, word_of(is_setting ? "--set=" : "", axis->name, sweep_points_value(points, point, i)));
    }
}

static void command_of(const sweep_points *points, size_t point, point_command *out)
{
    *out = (point_command){0};
    out->words = cli_allocate((1 + points->axis_count + (size_t)points->word_count) * sizeof *out->words);
    add_made(out, word_of("--", "machine", points->machine));
    add_axes(out, points, point, true);
    int last = 0;
    while (last < points->word_count && strcmp(points->words[last], "--") != 0)
        out->words[out->count++] = points->words[last++];
    add_axes(out, points, point, false);
    while (last < points->word_count)
        out->words[out->count++] = points->words[last++];
}

static void release_command(point_command *of)
{
    for (size_t i = 0; i < of->made_count; i++)
        free(of->made[i]);
    free(of->words);
}

static const cli_option *find_option(const cli_verb *verb, const char *name)
{
    const cli_option *const *option = verb->options;
    while (*option && strcmp((*option)->name, name) != 0)
        option++;
    return *option;
}

static int fixed_too(const char *sweep, const sweep_axis *axis, const char *text)
{
    return cli_usage_error(sweep, "%s%s is swept, and stands behind the -- too, as '%s'; only one of the two can be.",
                           axis->is_setting ? "--set " : "--vary ", axis->name, text);
}

/* A key that is swept and set behind the `--` too would have that value in all points, whatever the results say. */
static int check_keys(const char *sweep, const sweep_points *points, const cli_values *values)
{
    const cli_option *set = find_option(points->verb, "set");
    const char *const *texts = NULL;
    size_t swept = 0, count = set ? cli_texts(values, set, &texts) : 0;
    for (size_t i = 0; i < points->axis_count; i++)
        swept += points->axes[i].is_setting;
    for (size_t i = 0; i < points->axis_count; i++) {
        const sweep_axis *axis = &points->axes[i];
        size_t length = strlen(axis->name);
        for (size_t text = swept; axis->is_setting && text < count; text++) { /* those of the axes come first */
            if (strncmp(axis->name, texts[text], length) == 0 && texts[text][length] == '=')
                return fixed_too(sweep, axis, texts[text]);
        }
    }
    return CLI_EXIT_OK;
}

static bool is_option(const char *word, const sweep_axis *axis, char letter)
{
    size_t length = strlen(axis->name);
    if (letter && word[0] == '-' && word[1] == letter)
        return true;
    return strncmp(word, axis->name, length) == 0 && (word[length] == 0 || word[length] == '=');
}

/* The same of options, of which the swept one would count. */
static int check_varied(const char *sweep, const sweep_points *points)
{
    for (size_t i = 0; i < points->axis_count; i++) {
        const sweep_axis *axis = &points->axes[i];
        const cli_option *option = axis->is_setting ? NULL : find_option(points->verb, axis->name + 2);
        for (int word = 0; option && word < points->word_count && strcmp(points->words[word], "--") != 0; word++) {
            if (is_option(points->words[word], axis, option->letter))
                return fixed_too(sweep, axis, points->words[word]);
        }
    }
    return CLI_EXIT_OK;
}

/* What the verb reads from words, but must not when many points run at once. */
static int check_options(const char *sweep, const sweep_points *points, const cli_values *values)
{
    const char *machine = cli_text(values, &cli_option_machine);
    if (machine && strcmp(machine, points->machine) != 0)
        return cli_usage_error(sweep, "--machine '%s' stands behind the --; the machine of all points goes before it.",
                               machine);
    for (const cli_option *const *option = points->verb->options; *option; option++) {
        if ((*option)->is_output && cli_given(values, *option))
            return cli_usage_error(sweep, "--%s names one file, and the points of a sweep would all write it.",
                                   (*option)->name);
    }
    int code = check_keys(sweep, points, values);
    return code == CLI_EXIT_OK ? check_varied(sweep, points) : code;
}

/* In the verb's own words. */
static int check_words(const cli_verb *verb, const cli_values *values)
{
    weft_error err;
    int code = verb->check(values, &err);
    if (code != CLI_EXIT_OK)
        cli_error(verb->name, "%s", err.message);
    return code;
}

static int check_point(const char *sweep, sweep_points *points, size_t point, bool *out_wants_help)
{
    point_command command;
    command_of(points, point, &command);
    cli_values *values = cli_allocate(sizeof *values);
    int code = cli_parse(points->verb, command.count, command.words, values);
    *out_wants_help = values->wants_help;
    if (code == CLI_EXIT_OK && !values->wants_help)
        code = check_options(sweep, points, values);
    if (code == CLI_EXIT_OK && !values->wants_help)
        code = check_words(points->verb, values);
    if (code == CLI_EXIT_OK && points->verb->operand_reads == CLI_READS_FILE)
        points->input = values->operand; /* one of `words`, for what is made has dashes */
    free(values);
    release_command(&command);
    return code;
}

/* Each value once: whether one can be read does not depend on the others. */
static int check_values(const char *sweep, sweep_points *points, bool *out_wants_help)
{
    int code = check_point(sweep, points, 0, out_wants_help);
    for (size_t i = 0; i < points->axis_count; i++) {
        for (size_t value = 1; value < points->axes[i].count && code == CLI_EXIT_OK && !*out_wants_help; value++)
            code = check_point(sweep, points, value * stride_of(points, i), out_wants_help);
    }
    return code;
}

static int count_points(const char *sweep, sweep_points *points)
{
    points->count = 1;
    for (size_t i = 0; i < points->axis_count; i++) {
        if (__builtin_mul_overflow(points->count, points->axes[i].count, &points->count) ||
            points->count > SWEEP_POINTS_MAX)
            return cli_usage_error(sweep, "The values of all keys make more than %d points.", SWEEP_POINTS_MAX);
    }
    return CLI_EXIT_OK;
}

int sweep_points_read(const cli_values *values, const cli_option *set, const cli_option *vary, sweep_points *out,
                      bool *out_wants_help)
{
    const char *sweep = values->verb->name;
    *out_wants_help = false;
    *out = (sweep_points){.verb = cli_find_verb(values->rest[0]),
                          .machine = cli_text(values, &cli_option_machine),
                          .words = values->rest + 1,
                          .word_count = values->rest_count - 1};
    if (!out->verb)
        return cli_unknown_verb(sweep, values->rest[0]);
    if (!out->verb->measure)
        return no_verb_to_sweep(sweep, out->verb->name);
    int code = read_axes(values, set, true, out);
    if (code == CLI_EXIT_OK)
        code = read_axes(values, vary, false, out);
    if (code == CLI_EXIT_OK)
        code = count_points(sweep, out);
    return code == CLI_EXIT_OK ? check_values(sweep, out, out_wants_help) : code;
}

void sweep_points_release(sweep_points *points)
{
    for (size_t i = 0; i < points->axis_count; i++) {
        for (size_t value = 0; value < points->axes[i].count; value++)
            free(points->axes[i].values[value]);
        free(points->axes[i].values);
        free(points->axes[i].name);
    }
    *points = (sweep_points){0};
}

static json_t *json_of_texts(char *const *texts, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(array, cli_json_text(texts[i]));
    return array;
}

json_t *sweep_points_identity(const sweep_points *points, const char *machine_hash, const char *input_hash)
{
    json_t *object = json_object(), *command = json_of_texts(points->words, (size_t)points->word_count);
    json_t *axes = json_array();
    json_array_insert_new(command, 0, cli_json_text(points->verb->name));
    for (size_t i = 0; i < points->axis_count; i++) {
        json_t *axis = json_object();
        json_object_set_new(axis, "name", cli_json_text(points->axes[i].name));
        json_object_set_new(axis, "values", json_of_texts(points->axes[i].values, points->axes[i].count));
        json_array_append_new(axes, axis);
    }
    json_object_set_new(object, "weft", cli_json_text(weft_version()));
    json_object_set_new(object, "machine", cli_json_text(machine_hash));
    json_object_set_new(object, "retimed", cli_json_text_or_null(input_hash));
    json_object_set_new(object, "command", command);
    json_object_set_new(object, "axes", axes);
    return object;
}

/* A value as JSON has it: a number if it is written like one, else its text. */
static json_t *json_of_value(const char *text)
{
    json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);
    if (json_is_number(value))
        return value;
    json_decref(value);
    return cli_json_text(text);
}

json_t *sweep_points_measure(const sweep_points *points, size_t point)
{
    point_command command;
    command_of(points, point, &command);
    cli_values *values = cli_allocate(sizeof *values);
    json_t *result = NULL;
    weft_error err = {.message = "The command line cannot be read."};
    int code = cli_parse(points->verb, command.count, command.words, values);
    if (code == CLI_EXIT_OK)
        code = points->verb->measure(values, &result, &err);
    json_t *settings = json_object();
    for (size_t i = 0; i < points->axis_count; i++)
        json_object_set_new(settings, points->axes[i].name, json_of_value(sweep_points_value(points, point, i)));
    json_t *outcome = json_object();
    json_object_set_new(outcome, "point", cli_json_count(point));
    json_object_set_new(outcome, "settings", settings);
    json_object_set_new(outcome, "exit", cli_json_count((uint64_t)code));
    json_object_set_new(outcome, "error", result ? json_null() : cli_json_text(err.message));
    json_object_set_new(outcome, "result", result ? result : json_null());
    free(values);
    release_command(&command);
    return outcome;
}
