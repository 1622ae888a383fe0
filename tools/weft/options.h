/* Options of verbs: tables from which command lines are parsed, help is printed and the man page is written, so that
 * none of the three can say what the others do not. */
#ifndef WEFT_CLI_OPTIONS_H
#define WEFT_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include <weft/status.h>

typedef enum cli_kind {
    CLI_FLAG,
    CLI_TEXT,  /* any text, also none */
    CLI_WORD,  /* a text that is not empty */
    CLI_COUNT, /* a whole number in [least, most] */
    CLI_NUMBER /* a number in [lowest, highest] */
} cli_kind;

/* What a verb reads of what an option or an operand names. */
typedef enum cli_reads {
    CLI_READS_NOTHING,
    CLI_READS_FILE,
    CLI_READS_MODEL, /* files of a directory */
    CLI_READS_DEVICE /* the machine file in a device's URI, if it has one */
} cli_reads;

typedef struct cli_option {
    const char *name; /* long name without its dashes */
    char letter;      /* short name, or 0 */
    cli_kind kind;
    const char *argument; /* what its value is called in help: "DIR"; NULL for a flag */
    const char *help;     /* one or more sentences without a capital at the start and a full stop at the end */
    const char *initial;  /* the default, as it would be written; NULL for none */
    bool is_required;
    const struct cli_option *instead; /* is not required where this one is given; NULL if it always is */
    bool may_repeat;
    bool is_output;      /* names a file that the verb writes: not for the many points of a sweep */
    bool is_begun_first; /* and that file is made before anything else is done */
    cli_reads reads;     /* must not be what is_output names */
    uint64_t least, most;
    double lowest, highest;
} cli_option;

typedef struct cli_example {
    const char *command; /* NULL ends a list */
    const char *what;
} cli_example;

typedef struct cli_values cli_values;

/* One verb of the command. */
typedef struct cli_verb {
    const char *name;
    const char *summary;     /* one line, as it stands in the list of verbs */
    const char *description; /* sentences, for help and man page */
    const char *operand;     /* what its one operand is called, or NULL if it takes none */
    const char *operand_help;
    bool operand_is_required;
    cli_reads operand_reads;
    const char *second; /* what an operand behind that one is called, which is never required, or NULL */
    const char *second_help;
    cli_reads second_reads;
    const char *rest; /* what the words behind `--` are called if another verb reads them, else NULL; one is needed */
    const char *rest_help;
    const struct cli_option *instead_of_rest; /* an option that the rest is not needed with, or NULL */
    const cli_option *const *options;         /* NULL ends the list */
    const cli_example *examples;
    int (*run)(const cli_values *values); /* gives the exit code; has printed its own errors */
    /* For `weft sweep`; NULL for verbs that cannot be swept. Gives what --json would print and the exit code, prints
     * nothing; any number of threads at once. Without a result *out is NULL and the error says why. */
    int (*measure)(const cli_values *values, json_t **out, weft_error *err);
    /* The exit code for what is wrong with the words, whatever the machine and the values of settings are; prints
     * nothing. Of all verbs that have `measure`. */
    int (*check)(const cli_values *values, weft_error *err);
    bool has_settings; /* keys without a dot that are set are the verb's, not the machine's */
} cli_verb;

#define CLI_OPTIONS_MAX 32
#define CLI_REPEATS_MAX 64

typedef struct cli_value {
    bool is_given; /* on the command line, rather than by the default */
    uint64_t count;
    double number;
    const char *texts[CLI_REPEATS_MAX];
    size_t text_count;
} cli_value;

/* A parsed command line. Texts point into argv. */
struct cli_values {
    const cli_verb *verb;
    const char *operand, *second; /* NULL if not given */
    char **rest;                  /* the words behind `--` of a verb that has a rest */
    int rest_count;
    bool wants_help;
    cli_value value[CLI_OPTIONS_MAX]; /* in the order of the verb's options */
};

/* Every verb takes it, so no verb lists it. */
extern const cli_option cli_option_help;

/* Options that several verbs take. */
extern const cli_option cli_option_model, cli_option_device, cli_option_threads, cli_option_isa, cli_option_json,
    cli_option_timing_only;
extern const cli_option cli_option_record, cli_option_trace;
extern const cli_option cli_option_machine, cli_option_set;

/* Parses what follows the verb. Returns 0, or the exit code of a usage error, whose sentence has been printed. */
int cli_parse(const cli_verb *verb, int count, char **words, cli_values *out);

/* The value of one of the verb's own options. Text is NULL, and a count or number 0, if it was not given and has no
 * default. */
bool cli_given(const cli_values *values, const cli_option *option);
const char *cli_text(const cli_values *values, const cli_option *option);
uint64_t cli_count(const cli_values *values, const cli_option *option);
double cli_number(const cli_values *values, const cli_option *option);
/* All values of an option that may repeat. */
size_t cli_texts(const cli_values *values, const cli_option *option, const char *const **out);

#endif
