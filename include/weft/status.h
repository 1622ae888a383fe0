/* Statuses and error objects.
 *
 * Every call that can fail returns a weft_status and takes a weft_error pointer last, which may be NULL. The error is
 * written only on failure and never touched on success, so one object can serve a whole sequence of calls. The message
 * is one complete sentence that names the offending things and values; it never ends in a newline. There is no global
 * and no thread-local error: what a caller wants to know, it owns.
 *
 * Pointers must not be NULL unless the text of a function or field says what NULL means; the operands of ops alone are
 * checked for it. A weft_error pointer may always be NULL.
 *
 * Work that runs after a commit reports its failure through the same two: the status and the error come back from the
 * next wait, see encoder.h and session.h. */
#ifndef WEFT_STATUS_H
#define WEFT_STATUS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define WEFT_API __attribute__((visibility("default")))
#define WEFT_CHECKED __attribute__((warn_unused_result))
#else
#define WEFT_API
#define WEFT_CHECKED
#endif

/** What became of a call. Values are pinned: they never change meaning and are never reused. */
typedef enum weft_status {
    WEFT_OK = 0,
    WEFT_INVALID_ARGUMENT = 1, /**< the call can never succeed as made: correct the argument */
    WEFT_INVALID_STATE = 2,    /**< right call, wrong moment: correct the order of calls */
    WEFT_OUT_OF_RANGE = 3,     /**< an index, offset or length lies outside of what it addresses */
    WEFT_NOT_FOUND = 4,        /**< no such name; the message offers the nearest one */
    WEFT_UNSUPPORTED = 5,      /**< meaningful, but this build or device lacks it; the message says what is missing */
    WEFT_OUT_OF_MEMORY = 6,    /**< unless the call says otherwise, nothing was
                                    changed: free something and try again */
    WEFT_PARSE = 7,          /**< a file's text or bytes break its format; line and column say where, if it has lines */
    WEFT_IO = 8,             /**< the operating system refused a file */
    WEFT_SHAPE_MISMATCH = 9, /**< shapes or dtypes do not go together; the message names both */
    WEFT_HAZARD = 10,        /**< an access whose order nothing guarantees */
    WEFT_DEADLOCK = 11,      /**< everything waits and nothing is in flight */
    WEFT_BUDGET_EXCEEDED = 12, /**< more command buffers, barriers, ... than the caller allowed itself */
    WEFT_DEVICE_LOST = 13,     /**< the device can do no more work; close it */
    WEFT_INTERNAL = 14         /**< a bug in Weft: please report it with the message */
} weft_status;

#define WEFT_ERROR_MESSAGE_BYTES 512

/** Details of a failure. Plain data, owned by the caller, copied freely; zero-initialise it or not, as you like. */
typedef struct weft_error {
    weft_status code;
    uint32_t line;   /**< 1-based line in a text file, or 0 */
    uint32_t column; /**< 1-based column in bytes, or 0 */
    char message[WEFT_ERROR_MESSAGE_BYTES];
} weft_error;

/** The name of a status, "WEFT_OUT_OF_RANGE" say. Static storage; unknown values give "WEFT_UNKNOWN". Any thread. */
WEFT_API const char *weft_status_name(weft_status status);

#ifdef __cplusplus
}
#endif
#endif
