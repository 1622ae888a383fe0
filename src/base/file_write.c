#include <weft/file.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/status.h"

/* For the small pieces of which texts are made; larger ones are not copied. */
#define BUFFER_BYTES 16384
/* Bytes of its name that the name until then begins with; NAME_MAX is 255. */
#define NAME_KEPT 200u
#define SUFFIX_BYTES 48
#define NAMES_TRIED 1000

struct weft_file {
    int file;       /* -1 for none */
    int error;      /* errno of the first failure, or 0 */
    char *path;     /* in the same block as all of this */
    char *interim;  /* where the file is until it is whole; NULL if it is written in place */
    bool is_unread; /* a pipe, and its last reader has gone */
    size_t used;    /* of the buffer */
    char buffer[BUFFER_BYTES];
};

static void note(weft_file *file, bool is_done)
{
    if (!is_done && file->error == 0)
        file->error = errno != 0 ? errno : EIO;
}

static weft_status status_of(const weft_file *file, weft_error *err)
{
    if (file->error == 0)
        return WEFT_OK;
    return weft__fail(err, WEFT_IO, "'%s' cannot be written: %s.", weft__path_tail(file->path), strerror(file->error));
}

/* Under a name that nothing has. It is not mkstemp()'s, whose files nobody else may read: what the umask would allow
 * cannot be known without changing it, under the other threads. */
static int create_interim(weft_file *file)
{
    static atomic_uint_least64_t made;
    const char *slash = strrchr(file->path, '/');
    size_t folder = slash ? (size_t)(slash + 1 - file->path) : 0, length = strlen(file->path);
    int created = -1;
    if (length - folder > NAME_KEPT) /* with what is put behind it, it would be too long for a name */
        length = folder + NAME_KEPT;
    memcpy(file->interim, file->path, length);
    for (int tried = 0; created < 0 && tried < NAMES_TRIED; tried++) {
        uint64_t number = atomic_fetch_add(&made, 1);
        (void)snprintf(file->interim + length, SUFFIX_BYTES, ".part.%ld.%" PRIu64, (long)getpid(), number);
        created = open(file->interim, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (created < 0 && errno != EEXIST)
            break;
    }
    return created;
}

static void open_file(weft_file *file)
{
    struct stat about;
    bool is_there = lstat(file->path, &about) == 0;
    if (!is_there && errno != ENOENT) {
        file->file = -1;
        file->interim = NULL;
        note(file, false);
        return;
    }
    if (file->path[0] == '\0' || (is_there && !S_ISREG(about.st_mode))) {
        file->interim = NULL;
        file->file = open(file->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    } else {
        file->file = create_interim(file);
    }
    note(file, file->file >= 0);
    if (is_there && file->interim) /* who may not write into it may not replace it */
        note(file, access(file->path, W_OK) == 0);
    if (is_there && file->file >= 0 && file->interim)
        note(file, fchmod(file->file, about.st_mode & 0777) == 0);
}

weft_status weft_file_begin(const char *path, weft_file **out, weft_error *err)
{
    size_t path_bytes = strlen(path) + 1, bytes = sizeof(weft_file) + 2 * path_bytes + SUFFIX_BYTES;
    weft_file *file = malloc(bytes);
    *out = NULL;
    if (!file)
        return weft__fail_memory(err, bytes, "a file that is written");
    file->error = 0;
    file->is_unread = false;
    file->used = 0;
    file->path = memcpy((char *)(file + 1), path, path_bytes);
    file->interim = file->path + path_bytes;
    open_file(file);
    weft_status status = status_of(file, err);
    if (status != WEFT_OK)
        weft_file_abandon(file);
    else
        *out = file;
    return status;
}

static void write_all(weft_file *file, const char *from, size_t count)
{
    while (count > 0 && file->error == 0 && !file->is_unread) {
        ssize_t written = write(file->file, from, count);
        if (written > 0) {
            from += written;
            count -= (size_t)written;
        } else if (written < 0 && errno == EPIPE) {
            file->is_unread = true; /* who closed the pipe has read what they wanted */
        } else if (written == 0 || errno != EINTR) {
            errno = written == 0 ? ENOSPC : errno;
            note(file, false);
        }
    }
}

static void flush(weft_file *file)
{
    write_all(file, file->buffer, file->used);
    file->used = 0;
}

weft_status weft_file_write(weft_file *file, const void *bytes, size_t count, weft_error *err)
{
    if (count > BUFFER_BYTES - file->used)
        flush(file);
    if (count > BUFFER_BYTES) {
        write_all(file, bytes, count);
    } else if (count > 0) {
        memcpy(file->buffer + file->used, bytes, count);
        file->used += count;
    }
    return status_of(file, err);
}

/* Some file systems say only here that they are full. */
static void close_file(weft_file *file)
{
    if (file->file >= 0)
        note(file, close(file->file) == 0 || errno == EINTR);
}

weft_status weft_file_commit(weft_file *file, weft_error *err)
{
    flush(file);
    if (file->interim && file->error == 0) /* else a crash may leave the name with nothing behind it */
        note(file, fsync(file->file) == 0 || errno == EINVAL);
    close_file(file);
    if (file->interim && file->error == 0)
        note(file, rename(file->interim, file->path) == 0);
    if (file->interim && file->error != 0)
        (void)unlink(file->interim);
    weft_status status = status_of(file, err);
    free(file);
    return status;
}

void weft_file_abandon(weft_file *file)
{
    if (!file)
        return;
    if (file->interim && file->file >= 0)
        (void)unlink(file->interim);
    close_file(file);
    free(file);
}
