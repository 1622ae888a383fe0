#include "sweep_store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "json_output.h"
#include "output.h"

/* What of a sweep's identity may differ, and how that is told. */
static const struct {
    const char *member, *difference;
} differences[] = {
    {"weft", "was begun by another version of weft"},
    {"machine", "was begun with another content of the machine file"},
    {"retimed", "was begun with another content of the saved run"},
    {"command", "was begun with other words behind the --"},
    {"axes", "was begun with other values of --set or --vary"},
};

static int fail(const sweep_store *store, const char *what)
{
    cli_error(store->verb, "'%s' %s: %s.", store->path ? store->path : "a temporary file", what, strerror(errno));
    return CLI_EXIT_INPUT;
}

static int fail_fresh(const sweep_store *store, const char *difference)
{
    cli_error(store->verb, "'%s' %s; --fresh throws it away and starts afresh.", store->path, difference);
    return CLI_EXIT_INPUT;
}

static int open_temporary(sweep_store *store)
{
    FILE *file = tmpfile();
    store->file = file ? dup(fileno(file)) : -1;
    if (file)
        fclose(file);
    return store->file >= 0 ? CLI_EXIT_OK : fail(store, "cannot be made");
}

char *sweep_store_path(const char *path)
{
    size_t bytes = strlen(path) + sizeof ".partial";
    char *partial = cli_allocate(bytes);
    snprintf(partial, bytes, "%s.partial", path);
    return partial;
}

static int open_partial(sweep_store *store, const char *path, bool is_fresh)
{
    store->path = sweep_store_path(path);
    store->file = open(store->path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (store->file < 0)
        return fail(store, "cannot be opened");
    /* The lock goes with the process, also if that is killed. */
    if (flock(store->file, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        cli_error(store->verb, "Another sweep is writing '%s'.", store->path);
        return CLI_EXIT_INPUT;
    }
    if (is_fresh && ftruncate(store->file, 0) != 0)
        return fail(store, "cannot be emptied");
    return CLI_EXIT_OK;
}

/* Appends a line and its newline. */
static int append(sweep_store *store, const char *line, size_t bytes)
{
    char *whole = cli_allocate(bytes + 1);
    memcpy(whole, line, bytes);
    whole[bytes] = '\n';
    int code = CLI_EXIT_OK;
    for (size_t at = 0; at <= bytes && code == CLI_EXIT_OK;) {
        ssize_t written = pwrite(store->file, whole + at, bytes + 1 - at, (off_t)(store->bytes + at));
        if (written > 0)
            at += (size_t)written;
        else if (written == 0 || errno != EINTR)
            code = fail(store, "cannot be written");
    }
    free(whole);
    if (code == CLI_EXIT_OK)
        store->bytes += bytes + 1;
    return code;
}

/* Takes note of an outcome, whose line stands at an offset. False if it is none, or one of a point that is finished
 * already. */
static bool note(sweep_store *store, const json_t *outcome, size_t bytes, uint64_t offset)
{
    const json_t *point = json_object_get(outcome, "point"), *exit_code = json_object_get(outcome, "exit");
    json_int_t index = json_integer_value(point), code = json_integer_value(exit_code);
    bool is_good = json_is_integer(point) && json_is_integer(exit_code) && index >= 0 &&
                   (uint64_t)index < store->count && !sweep_store_has(store, (size_t)index) && code >= 0 && code < 256;
    if (!is_good)
        return false;
    store->lines[index] = (sweep_line){.offset = offset, .bytes = bytes};
    store->done++;
    store->failed += code != CLI_EXIT_OK;
    if (code > store->worst_exit)
        store->worst_exit = (int)code;
    return true;
}

static int compare_identity(const sweep_store *store, const char *line, size_t bytes, const json_t *identity)
{
    json_t *found = json_loadb(line, bytes, 0, NULL);
    const char *difference = json_is_object(found) ? NULL : "is not of a sweep";
    for (size_t i = 0; i < sizeof differences / sizeof differences[0] && !difference; i++) {
        const char *member = differences[i].member;
        if (!json_equal(json_object_get(found, member), json_object_get(identity, member)))
            difference = differences[i].difference;
    }
    json_decref(found);
    return difference ? fail_fresh(store, difference) : CLI_EXIT_OK;
}

static bool note_line(sweep_store *store, const char *line, size_t bytes)
{
    json_t *outcome = json_loadb(line, bytes, 0, NULL);
    bool is_good = note(store, outcome, bytes, store->bytes);
    json_decref(outcome);
    return is_good;
}

/* Reads what an earlier run left. Its last line may be torn, if the run was killed in the middle of a write; then the
 * file counts up to that line. */
static int read_lines(sweep_store *store, FILE *file, const json_t *identity)
{
    char *line = NULL;
    size_t room = 0;
    int code = CLI_EXIT_OK;
    for (size_t number = 1; code == CLI_EXIT_OK; number++) {
        ssize_t bytes = getline(&line, &room, file);
        if (bytes <= 0 || line[bytes - 1] != '\n')
            break;
        if (number == 1) {
            code = compare_identity(store, line, (size_t)bytes - 1, identity);
        } else if (!note_line(store, line, (size_t)bytes - 1)) {
            if (fgetc(file) == EOF)
                break;
            char difference[96];
            snprintf(difference, sizeof difference, "is damaged: line %zu is no outcome of a point of its own", number);
            code = fail_fresh(store, difference);
        }
        store->bytes += (uint64_t)bytes;
    }
    free(line);
    if (code == CLI_EXIT_OK && ferror(file))
        code = fail(store, "cannot be read");
    store->resumed = store->done;
    return code;
}

static int resume(sweep_store *store, const json_t *identity)
{
    int copy = dup(store->file);
    FILE *file = copy >= 0 ? fdopen(copy, "r") : NULL;
    if (!file) {
        int code = fail(store, "cannot be read");
        if (copy >= 0)
            close(copy);
        return code;
    }
    int code = read_lines(store, file, identity);
    fclose(file);
    if (code == CLI_EXIT_OK && ftruncate(store->file, (off_t)store->bytes) != 0)
        code = fail(store, "cannot be cut");
    return code;
}

int sweep_store_open(const char *verb, const char *path, bool is_fresh, const json_t *identity, size_t count,
                     sweep_store *out)
{
    *out = (sweep_store){.verb = verb, .file = -1, .count = count};
    out->lines = cli_allocate(count * sizeof *out->lines);
    for (size_t i = 0; i < count; i++)
        out->lines[i] = (sweep_line){0};
    int code = path ? open_partial(out, path, is_fresh) : open_temporary(out);
    if (code == CLI_EXIT_OK)
        code = resume(out, identity);
    if (code == CLI_EXIT_OK && out->bytes == 0) {
        char *line = cli_json_line(identity);
        code = append(out, line, strlen(line));
        free(line);
    }
    return code;
}

bool sweep_store_has(const sweep_store *store, size_t point)
{
    return store->lines[point].bytes > 0;
}

int sweep_store_add(sweep_store *store, const json_t *outcome, const char *line, size_t bytes)
{
    uint64_t offset = store->bytes;
    int code = append(store, line, bytes);
    if (code == CLI_EXIT_OK && !note(store, outcome, bytes, offset)) {
        cli_error(store->verb, "A point has been run twice: %.200s.", line);
        code = CLI_EXIT_INTERNAL;
    }
    return code;
}

json_t *sweep_store_read(const sweep_store *store, size_t point)
{
    const sweep_line *at = &store->lines[point];
    char *line = cli_allocate(at->bytes);
    json_t *outcome = NULL;
    size_t have = 0;
    ssize_t got = 1;
    while (have < at->bytes && got > 0) {
        errno = EIO; /* for a file that has become shorter */
        got = pread(store->file, line + have, at->bytes - have, (off_t)(at->offset + have));
        if (got > 0)
            have += (size_t)got;
        else if (got < 0 && errno == EINTR)
            got = 1;
    }
    if (have == at->bytes)
        outcome = json_loadb(line, have, 0, NULL);
    if (!outcome)
        fail(store, "cannot be read again");
    free(line);
    return outcome;
}

void sweep_store_remove(const sweep_store *store)
{
    if (store->path)
        unlink(store->path);
}

void sweep_store_close(sweep_store *store)
{
    if (store->file >= 0)
        close(store->file);
    free(store->path);
    free(store->lines);
    *store = (sweep_store){.file = -1};
}
