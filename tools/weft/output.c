#include "output.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const struct {
    weft_status status;
    int exit_code;
} exit_of_status[] = {
    {WEFT_OK, CLI_EXIT_OK},
    /* The library checks what files and devices bring as well as what callers pass: by the time that a verb calls it,
     * the options have been checked, so what is left comes from the input. */
    {WEFT_INVALID_ARGUMENT, CLI_EXIT_INPUT},
    {WEFT_INVALID_STATE, CLI_EXIT_INTERNAL},
    {WEFT_OUT_OF_RANGE, CLI_EXIT_INPUT},
    {WEFT_NOT_FOUND, CLI_EXIT_INPUT},
    {WEFT_UNSUPPORTED, CLI_EXIT_INPUT},
    {WEFT_OUT_OF_MEMORY, CLI_EXIT_INPUT},
    {WEFT_PARSE, CLI_EXIT_INPUT},
    {WEFT_IO, CLI_EXIT_INPUT},
    {WEFT_SHAPE_MISMATCH, CLI_EXIT_INPUT},
    {WEFT_HAZARD, CLI_EXIT_FAILED},
    {WEFT_DEADLOCK, CLI_EXIT_FAILED},
    {WEFT_BUDGET_EXCEEDED, CLI_EXIT_FAILED},
    {WEFT_DEVICE_LOST, CLI_EXIT_INPUT},
    {WEFT_INTERNAL, CLI_EXIT_INTERNAL},
};

static const struct {
    int code;
    const char *meaning;
} exit_meanings[] = {
    {CLI_EXIT_OK, "all went well"},
    {CLI_EXIT_FAILED,
     "a check found what it looks for: a missing barrier, a hazard, a wrong number, unequal results, an exceeded "
     "budget, a claim that does not hold, a deadlock, a failed point of a sweep"},
    {CLI_EXIT_USAGE, "the command line is wrong: an option, a name, a key or a value that stands there"},
    {CLI_EXIT_INPUT,
     "a file, model, machine, prompt or device cannot be used, or standard output cannot be written; a reader that has "
     "seen enough, as `head` has, is no error"},
    {CLI_EXIT_INTERNAL, "a bug in Weft: please report it with the message"},
};

/* What of a call is wrong that was given words of the command line. */
static const weft_status statuses_of_words[] = {WEFT_INVALID_ARGUMENT, WEFT_OUT_OF_RANGE, WEFT_NOT_FOUND};

/* The first reason why standard output could not be written; stdio itself forgets it. */
static int output_errno;

int cli_exit_code(weft_status status)
{
    for (size_t i = 0; i < sizeof exit_of_status / sizeof exit_of_status[0]; i++) {
        if (exit_of_status[i].status == status)
            return exit_of_status[i].exit_code;
    }
    return CLI_EXIT_INTERNAL;
}

int cli_exit_code_of_words(weft_status status)
{
    for (size_t i = 0; i < sizeof statuses_of_words / sizeof statuses_of_words[0]; i++) {
        if (statuses_of_words[i] == status)
            return CLI_EXIT_USAGE;
    }
    return cli_exit_code(status);
}

bool cli_exit_code_at(size_t index, int *code, const char **meaning)
{
    if (index >= sizeof exit_meanings / sizeof exit_meanings[0])
        return false;
    *code = exit_meanings[index].code;
    *meaning = exit_meanings[index].meaning;
    return true;
}

static void note_output(bool ok)
{
    if (!ok && output_errno == 0)
        output_errno = errno != 0 ? errno : EIO;
}

void cli_out(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    note_output(vprintf(format, arguments) >= 0);
    va_end(arguments);
}

void cli_out_bytes(const char *bytes, size_t count)
{
    note_output(fwrite(bytes, 1, count, stdout) == count);
}

static bool is_control(char letter)
{
    unsigned char byte = (unsigned char)letter;
    return byte < 0x20 || byte == 0x7f;
}

void cli_out_name(const char *name)
{
    for (const char *letter = name; *letter; letter++)
        cli_out_bytes(is_control(*letter) ? "?" : letter, 1);
}

void cli_out_wrapped(const char *text, size_t column, size_t indent)
{
    const size_t width = 79;
    bool is_first = true;
    while (*text) {
        size_t word = strcspn(text, " ");
        if (!is_first && column + 1 + word > width) {
            cli_out("\n%*s", (int)indent, "");
            column = indent;
        } else if (!is_first) {
            cli_out(" ");
            column++;
        }
        cli_out_bytes(text, word);
        column += word;
        is_first = false;
        text += word;
        text += strspn(text, " ");
    }
    cli_out("\n");
}

bool cli_out_flush(void)
{
    note_output(fflush(stdout) == 0);
    return output_errno == 0;
}

int cli_out_finish(const char *verb, int exit_code)
{
    /* Whoever closed the pipe knows that there may have been more: nothing is told, and the result stays what it is. */
    if (cli_out_flush() || output_errno == EPIPE)
        return exit_code;
    cli_error(verb, "Standard output cannot be written: %s.", strerror(output_errno));
    return exit_code > CLI_EXIT_FAILED ? exit_code : CLI_EXIT_INPUT;
}

static void __attribute__((format(printf, 2, 0))) print_error(const char *verb, const char *format, va_list arguments)
{
    char sentence[1024];
    vsnprintf(sentence, sizeof sentence, format, arguments);
    /* Names of files and tensors are part of sentences, and may hold anything; one error stays one line. */
    for (char *letter = sentence; *letter; letter++) {
        if (is_control(*letter))
            *letter = '?';
    }
    fprintf(stderr, "weft%s%s: %s\n", verb ? " " : "", verb ? verb : "", sentence);
}

void cli_error(const char *verb, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_error(verb, format, arguments);
    va_end(arguments);
}

int cli_fail(const char *verb, weft_status status, const weft_error *err)
{
    cli_error(verb, "%s", err->message); /* a place in a text file is part of the sentence */
    return cli_exit_code(status);
}

int cli_usage_error(const char *verb, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_error(verb, format, arguments);
    va_end(arguments);
    return CLI_EXIT_USAGE;
}

int cli_refuse(weft_error *err, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    *err = (weft_error){.code = WEFT_INVALID_ARGUMENT};
    vsnprintf(err->message, sizeof err->message, format, arguments);
    va_end(arguments);
    return CLI_EXIT_USAGE;
}

void *cli_reallocate(void *memory, size_t bytes)
{
    void *result = realloc(memory, bytes > 0 ? bytes : 1);
    if (!result) {
        cli_error(NULL, "There is no memory for %zu more bytes.", bytes);
        exit(CLI_EXIT_INPUT);
    }
    return result;
}

void *cli_allocate(size_t bytes)
{
    return cli_reallocate(NULL, bytes);
}

const char *cli_plural(uint64_t count, const char *ending)
{
    return count == 1 ? "" : ending;
}

const char *cli_bytes_text(uint64_t bytes, char text[CLI_BYTES_TEXT])
{
    static const char *const units[] = {"kB", "MB", "GB", "TB", "PB", "EB"};
    if (bytes < 1000) {
        snprintf(text, CLI_BYTES_TEXT, "%llu byte%s", (unsigned long long)bytes, cli_plural(bytes, "s"));
        return text;
    }
    double value = (double)bytes / 1000;
    size_t unit = 0;
    while (value >= 999.95 && unit + 1 < sizeof units / sizeof units[0]) {
        value /= 1000;
        unit++;
    }
    snprintf(text, CLI_BYTES_TEXT, "%.1f %s", value, units[unit]);
    return text;
}

double cli_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

#define PROGRESS_AFTER_SECONDS 2.0
#define PROGRESS_EVERY_SECONDS 0.2

void cli_progress_begin(cli_progress *progress, const char *verb)
{
    *progress = (cli_progress){.verb = verb, .started = cli_seconds()};
}

void cli_progress_show(cli_progress *progress, uint64_t done, uint64_t total, const char *what)
{
    double now = cli_seconds();
    if (now - progress->started < PROGRESS_AFTER_SECONDS || now - progress->shown < PROGRESS_EVERY_SECONDS ||
        !isatty(STDERR_FILENO))
        return;
    progress->shown = now;
    fprintf(stderr, "\rweft %s: %llu of %llu %s, %.0f s ", progress->verb, (unsigned long long)done,
            (unsigned long long)total, what, now - progress->started);
}

void cli_progress_end(cli_progress *progress)
{
    if (progress->shown > 0)
        fprintf(stderr, "\r\033[K");
    progress->shown = 0;
}
