/* What the command prints: results on standard output, everything else on standard error. */
#ifndef WEFT_CLI_OUTPUT_H
#define WEFT_CLI_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weft/status.h>

/* Exit codes. */
enum {
    CLI_EXIT_OK = 0,
    CLI_EXIT_FAILED = 1, /* a check found something */
    CLI_EXIT_USAGE = 2,
    CLI_EXIT_INPUT = 3,
    CLI_EXIT_INTERNAL = 70
};

/* The exit code of a status that the library gave. */
int cli_exit_code(weft_status status);

/* The same of a call all of whose arguments are words of the command line, so that it is these that can be wrong. */
int cli_exit_code_of_words(weft_status status);

/* What an exit code means, for help and man page: fills both and returns true while there is one at the index. */
bool cli_exit_code_at(size_t index, int *code, const char **meaning);

/* Prints to standard output. What cannot be written is remembered for cli_out_flush() and cli_out_finish(). */
void cli_out(const char *format, ...) __attribute__((format(printf, 1, 2)));
void cli_out_bytes(const char *bytes, size_t count);
/* Prints a text of which nothing is known with its control characters replaced: a name in a file must not drive the
 * terminal. */
void cli_out_name(const char *name);
/* Prints text broken into lines of at most 79 columns, all but the first indented. */
void cli_out_wrapped(const char *text, size_t column, size_t indent);

/* Brings everything printed so far to its reader. False if anything so far could not be written. */
bool cli_out_flush(void);
/* The last act of a verb: flushes, and turns a failure of that into a sentence and the exit code for it, but for a pipe
 * that nobody reads any more. */
int cli_out_finish(const char *verb, int exit_code);

/* Prints "weft VERB: sentence" as one line on standard error. VERB may be NULL. */
void cli_error(const char *verb, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Prints the sentence of the library's error and gives the exit code. */
int cli_fail(const char *verb, weft_status status, const weft_error *err);
/* Prints a usage error and gives its exit code. */
int cli_usage_error(const char *verb, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same for what must not print: puts the sentence into *err. */
int cli_refuse(weft_error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Memory or the end: out of memory is a sentence and exit code 3. */
void *cli_allocate(size_t bytes);
void *cli_reallocate(void *memory, size_t bytes);

/* What a noun behind a count ends with: nothing for one, else `ending`, which is "s" or "es". */
const char *cli_plural(uint64_t count, const char *ending);

#define CLI_BYTES_TEXT 32
/* "6.5 MB". Returns text. */
const char *cli_bytes_text(uint64_t bytes, char text[CLI_BYTES_TEXT]);

/* Seconds of a clock that only goes forward. */
double cli_seconds(void);

/* How far a long task has come: a line on standard error that is written over, if standard error is a terminal and the
 * task has taken over two seconds. */
typedef struct cli_progress {
    const char *verb;
    double started, shown; /* seconds; shown is 0 if never */
} cli_progress;

void cli_progress_begin(cli_progress *progress, const char *verb);
void cli_progress_show(cli_progress *progress, uint64_t done, uint64_t total, const char *what);
/* Clears the line. */
void cli_progress_end(cli_progress *progress);

#endif
