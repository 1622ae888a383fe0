#include "completion.h"

#include <stdlib.h>
#include <string.h>

#include "output.h"
#include "utf8.h"

/* Where the first stop string begins at or after a byte; the end of the text if there is none. */
static size_t find_stop(const cli_completion *completion, size_t from)
{
    size_t found = completion->bytes;
    for (size_t i = 0; i < completion->stop_count; i++) {
        const char *stop = completion->stops[i];
        const char *at = memmem(completion->text + from, completion->bytes - from, stop, strlen(stop));
        if (at && (size_t)(at - completion->text) < found)
            found = (size_t)(at - completion->text);
    }
    return found;
}

/* How many bytes at the end of the text are the begin of a stop string. */
static size_t stop_begun(const cli_completion *completion)
{
    size_t most = 0;
    for (size_t i = 0; i < completion->stop_count; i++) {
        const char *stop = completion->stops[i];
        size_t length = strlen(stop) - 1;
        if (length > completion->bytes)
            length = completion->bytes;
        while (length > most && memcmp(completion->text + completion->bytes - length, stop, length) != 0)
            length--;
        if (length > most)
            most = length;
    }
    return most;
}

bool cli_completion_append(cli_completion *completion, const char *bytes, size_t count)
{
    if (count > completion->room - completion->bytes) {
        completion->room = 2 * completion->room + count;
        completion->text = cli_reallocate(completion->text, completion->room);
    }
    if (count > 0)
        memcpy(completion->text + completion->bytes, bytes, count);
    size_t begun =
        stop_begun(completion); /* a stop string may have begun in earlier bytes, but is not older than this */
    size_t from = completion->bytes - begun;
    completion->bytes += count;
    size_t found = completion->bytes > 0 ? find_stop(completion, from) : 0;
    if (found < completion->bytes) {
        completion->bytes = found;
        completion->is_stopped = true;
    }
    return !completion->is_stopped;
}

const char *cli_completion_next(cli_completion *completion, bool is_last, size_t *count)
{
    size_t end = completion->bytes;
    if (!is_last && end > 0)
        end = cli_utf8_settled(completion->text, end - stop_begun(completion));
    const char *next = completion->text ? completion->text + completion->shown : "";
    *count = end > completion->shown ? end - completion->shown : 0;
    completion->shown += *count;
    return next;
}

void cli_completion_release(cli_completion *completion)
{
    free(completion->text);
    completion->text = NULL;
}
