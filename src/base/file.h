/* Files read whole or mapped, with errors that name the file. Any thread. */
#ifndef WEFT_BASE_FILE_H
#define WEFT_BASE_FILE_H

#include <stddef.h>
#include <stdint.h>

#include <weft/status.h>

#define WEFT__PATH_TAIL_BYTES 120
/* The last part of a path, at most so many bytes of it: short enough for a message. Points into `path`. */
const char *weft__path_tail(const char *path);

/* Reads a whole regular file of at most `bytes_max` bytes into `*out_bytes` bytes at `*out`, which the caller frees.
 * There is a zero byte behind the last one. WEFT_IO for what the system refuses and for what is no regular file;
 * WEFT_PARSE for a file that is too large. */
weft_status weft__file_read(const char *path, size_t bytes_max, char **out, size_t *out_bytes, weft_error *err);

/* Maps a whole regular file for reading: `*out_bytes` bytes, at least one, at `*out`, until weft__file_unmap(), which
 * accepts NULL. A file that is made shorter while it is mapped ends the process with SIGBUS when the lost part is read.
 * WEFT_PARSE for an empty file; otherwise errors as above. */
weft_status weft__file_map(const char *path, void **out, size_t *out_bytes, weft_error *err);
void weft__file_unmap(void *mapped, size_t bytes);

/* DIRECTORY/FILE, for the caller to free. */
weft_status weft__path_join(const char *directory, const char *file, char **out, weft_error *err);

#endif
