/* Files that appear under their names only when they are whole, as traces, reports, recordings and run files do.
 *
 * A regular file, and one that is not there yet, is written under another name in the same folder, and takes its own in
 * weft_file_commit(): until then, and after an error, PATH is as it was. A file that is replaced leaves its permissions
 * to the new one. What exists and is no regular file (a device, a pipe, a symbolic link) is written in place, so that a
 * link is followed and a device stays one. A pipe that nobody reads any more takes the rest and drops it, which is no
 * error: its reader has seen enough. That needs SIGPIPE to be ignored; else it ends the process.
 *
 * Threads: one at a time for one file. */
#ifndef WEFT_FILE_H
#define WEFT_FILE_H

#include <stddef.h>

#include <weft/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A file that is being written. Opaque. */
typedef struct weft_file weft_file;

/** Begins a file, which weft_file_commit() or weft_file_abandon() ends. WEFT_IO if it cannot be written there. */
WEFT_API WEFT_CHECKED weft_status weft_file_begin(const char *path, weft_file **out, weft_error *err);

/** Appends @p count bytes. After the first error nothing is written any more, and this and weft_file_commit() give that
 *  error again: who writes many pieces may look at the last result alone. WEFT_IO for what the system refuses. */
WEFT_API weft_status weft_file_write(weft_file *file, const void *bytes, size_t count, weft_error *err);

/** Completes the file, gives it its name, and frees @p file, also after an error; then it is as if abandoned. */
WEFT_API WEFT_CHECKED weft_status weft_file_commit(weft_file *file, weft_error *err);

/** Drops what was written and frees @p file. What was written in place stays there, incomplete. NULL is fine. */
WEFT_API void weft_file_abandon(weft_file *file);

#ifdef __cplusplus
}
#endif
#endif
