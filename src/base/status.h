/* Filling in error objects. */
#ifndef WEFT_BASE_STATUS_H
#define WEFT_BASE_STATUS_H

#include <stddef.h>

#include <weft/status.h>

#if defined(__GNUC__)
#define WEFT_PRINTF(format_index, first) __attribute__((format(printf, format_index, first)))
#define WEFT_COLD __attribute__((cold))
#else
#define WEFT_PRINTF(format_index, first)
#define WEFT_COLD
#endif

/* Fills `err` (if any) with a sentence and returns `code`, so that a failure is one statement:
 * return weft__fail(err, WEFT_OUT_OF_RANGE, "View of ... ends at %zu, past ...", end); */
weft_status weft__fail(weft_error *err, weft_status code, const char *format, ...) WEFT_COLD WEFT_PRINTF(3, 4);

/* The same for a place in a text file. */
weft_status weft__fail_at(weft_error *err, weft_status code, uint32_t line, uint32_t column, const char *format,
                          ...) WEFT_COLD WEFT_PRINTF(5, 6);

/* "Out of memory: could not allocate N bytes for WHAT." */
weft_status weft__fail_memory(weft_error *err, size_t bytes, const char *what) WEFT_COLD;

/* Copies `from` into `to` (if any) and returns its code. */
weft_status weft__fail_copy(weft_error *to, const weft_error *from) WEFT_COLD;

/* Puts "CONTEXT: " before the message of `err` (if any); the code stays. Returns the code given. */
weft_status weft__fail_within(weft_error *err, weft_status code, const char *format, ...) WEFT_COLD WEFT_PRINTF(3, 4);

#endif
