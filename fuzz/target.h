/* What a fuzz target defines, and what it uses to say that something is wrong. */
#ifndef WEFT_FUZZ_TARGET_H
#define WEFT_FUZZ_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weft/status.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the program, in every build, if what must hold does not. */
#define FUZZ_ASSERT(condition)                                                                                         \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #condition);                              \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

/* A failure must come with its code and one complete sentence. */
static inline void fuzz_assert_failure(weft_status status, const weft_error *error)
{
    size_t bytes = strnlen(error->message, sizeof error->message);
    FUZZ_ASSERT(error->code == status);
    FUZZ_ASSERT(bytes > 0 && bytes < sizeof error->message - 1);
    FUZZ_ASSERT(error->message[bytes - 1] == '.');
    for (size_t i = 0; i < bytes; i++)
        FUZZ_ASSERT((unsigned char)error->message[i] >= 0x20);
}

#endif
