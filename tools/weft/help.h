/* Help and the man page, printed from the tables of verbs and options. */
#ifndef WEFT_CLI_HELP_H
#define WEFT_CLI_HELP_H

#include "options.h"

/* All verbs, NULL past the last; in main.c. */
extern const cli_verb *const cli_verbs[];

/* The verb of that name, or NULL. */
const cli_verb *cli_find_verb(const char *name);
/* Prints that there is no such verb, and the nearest. Gives the exit code. */
int cli_unknown_verb(const char *asking_verb, const char *name);

/* What the command is, and its verbs. */
void cli_print_help(void);
/* One verb: how it is called, its options, examples. */
void cli_print_verb_help(const cli_verb *verb);
/* The man page in roff. */
void cli_print_man(void);

/* "DIR" as it follows an option; "" for a flag. */
const char *cli_argument(const cli_option *option);

/* What the command is, in one sentence without a full stop, and in a paragraph. */
extern const char cli_purpose[];
extern const char cli_introduction[];

#endif
