/* Read ahead of every source that scripts/tidy analyses below src. The analyzer sees one file at a time, so it does not
 * know that the functions of base/status.h return the code that they are given, and would follow paths on which a call
 * failed with WEFT_OK. Here that is in plain sight. */
#ifndef WEFT_SCRIPTS_TIDY_H
#define WEFT_SCRIPTS_TIDY_H

#include "base/status.h"

void weft__tidy_use(weft_error *err, const char *format, ...);

#define weft__fail(err, code, ...) (weft__tidy_use((err), __VA_ARGS__), (code))
#define weft__fail_at(err, code, line, column, ...)                                                                    \
    ((void)(line), (void)(column), weft__tidy_use((err), __VA_ARGS__), (code))
#define weft__fail_memory(err, bytes, what) ((void)(bytes), weft__tidy_use((err), (what)), WEFT_OUT_OF_MEMORY)
#define weft__fail_within(err, code, ...) (weft__tidy_use((err), __VA_ARGS__), (code))

#endif
