/* The text that a model writes, as it comes: bytes in, characters out. */
#ifndef WEFT_CLI_COMPLETION_H
#define WEFT_CLI_COMPLETION_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes of a text, of which some may be shown: never a part of a character, and never what may turn out to be the begin
 * of a stop string. Zero-initialise it, but for the stop strings. */
typedef struct cli_completion {
    const char *const *stops; /* borrowed; none is empty */
    size_t stop_count;
    char *text;
    size_t bytes, room;
    size_t shown;    /* of the bytes, those that cli_completion_next() has given */
    bool is_stopped; /* the text was cut where a stop string began */
} cli_completion;

/* Appends bytes. False if the text now holds a stop string: it is cut before the first one, and nothing more is to
 * come. */
bool cli_completion_append(cli_completion *completion, const char *bytes, size_t count);

/* The bytes that may be shown and have not been; marks them as shown. With is_last, all that are left. */
const char *cli_completion_next(cli_completion *completion, bool is_last, size_t *count);

void cli_completion_release(cli_completion *completion);

#endif
