#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/status.h"

const char *weft__path_tail(const char *path)
{
    size_t bytes = strlen(path);
    if (bytes <= WEFT__PATH_TAIL_BYTES)
        return path;
    const char *tail = path + bytes - WEFT__PATH_TAIL_BYTES;
    while (((unsigned char)*tail & 0xc0u) == 0x80u) /* not in the middle of a UTF-8 character */
        tail++;
    return tail;
}

/* Opens what must be a regular file of at most `bytes_max` bytes. */
static weft_status open_regular(const char *path, size_t bytes_max, int *out_file, size_t *out_bytes, weft_error *err)
{
    struct stat about;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not block before it is refused */
    if (file < 0)
        return weft__fail(err, WEFT_IO, "%s cannot be opened: %s.", weft__path_tail(path), strerror(errno));
    weft_status status = WEFT_OK;
    if (fstat(file, &about) != 0)
        status = weft__fail(err, WEFT_IO, "%s cannot be examined: %s.", weft__path_tail(path), strerror(errno));
    else if (!S_ISREG(about.st_mode))
        status = weft__fail(err, WEFT_IO, "%s is %s, expected a regular file.", weft__path_tail(path),
                            S_ISDIR(about.st_mode) ? "a directory" : "a device, pipe or socket");
    else if ((uintmax_t)about.st_size > bytes_max)
        status = weft__fail(err, WEFT_PARSE, "%s has %jd bytes, the limit for such a file is %zu.",
                            weft__path_tail(path), (intmax_t)about.st_size, bytes_max);
    if (status != WEFT_OK) {
        (void)close(file);
        return status;
    }
    *out_file = file;
    *out_bytes = (size_t)about.st_size;
    return WEFT_OK;
}

/* Reads up to `bytes` bytes; the file may have become shorter since it was measured. */
static weft_status read_all(int file, const char *path, char *text, size_t bytes, size_t *out_bytes, weft_error *err)
{
    size_t used = 0;
    while (used < bytes) {
        ssize_t got = read(file, text + used, bytes - used);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return weft__fail(err, WEFT_IO, "%s cannot be read: %s.", weft__path_tail(path), strerror(errno));
        if (got == 0)
            break;
        used += (size_t)got;
    }
    *out_bytes = used;
    return WEFT_OK;
}

weft_status weft__file_read(const char *path, size_t bytes_max, char **out, size_t *out_bytes, weft_error *err)
{
    int file = -1;
    size_t bytes = 0;
    *out = NULL;
    *out_bytes = 0;
    weft_status status = open_regular(path, bytes_max, &file, &bytes, err);
    if (status != WEFT_OK)
        return status;
    char *text = malloc(bytes + 1);
    if (!text) {
        (void)close(file);
        return weft__fail_memory(err, bytes + 1, "the text of a file");
    }
    status = read_all(file, path, text, bytes, out_bytes, err);
    (void)close(file);
    if (status != WEFT_OK) {
        free(text);
        return status;
    }
    text[*out_bytes] = '\0';
    *out = text;
    return WEFT_OK;
}

weft_status weft__file_map(const char *path, void **out, size_t *out_bytes, weft_error *err)
{
    int file = -1;
    size_t bytes = 0;
    *out = NULL;
    *out_bytes = 0;
    weft_status status = open_regular(path, SIZE_MAX, &file, &bytes, err);
    if (status != WEFT_OK)
        return status;
    void *mapped = MAP_FAILED;
    if (bytes == 0) /* which cannot be mapped */
        status = weft__fail(err, WEFT_PARSE, "%s is empty.", weft__path_tail(path));
    else if ((mapped = mmap(NULL, bytes, PROT_READ, MAP_PRIVATE, file, 0)) == MAP_FAILED)
        status = weft__fail(err, WEFT_IO, "%s, %zu bytes, cannot be mapped: %s.", weft__path_tail(path), bytes,
                            strerror(errno));
    (void)close(file);
    if (status != WEFT_OK)
        return status;
    *out = mapped;
    *out_bytes = bytes;
    return WEFT_OK;
}

void weft__file_unmap(void *mapped, size_t bytes)
{
    if (mapped)
        (void)munmap(mapped, bytes);
}

weft_status weft__path_join(const char *directory, const char *file, char **out, weft_error *err)
{
    size_t length = strlen(directory);
    size_t bytes = length + strlen(file) + 2;
    *out = malloc(bytes);
    if (!*out)
        return weft__fail_memory(err, bytes, "a path");
    (void)snprintf(*out, bytes, "%s%s%s", directory, length > 0 && directory[length - 1] == '/' ? "" : "/", file);
    return WEFT_OK;
}
