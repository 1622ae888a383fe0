/* What every error message must be: one complete sentence that names the offending things. */
#ifndef WEFT_TESTS_SUPPORT_SENTENCE_H
#define WEFT_TESTS_SUPPORT_SENTENCE_H

#include "support/weft_check.h"

/* True for text that ends in a full stop, holds no control character, and fits its buffer. */
static inline bool weft_test_is_sentence(const char *message)
{
    size_t bytes = strnlen(message, WEFT_ERROR_MESSAGE_BYTES);
    if (bytes == 0 || bytes == WEFT_ERROR_MESSAGE_BYTES || message[bytes - 1] != '.')
        return false;
    for (size_t i = 0; i < bytes; i++)
        if ((unsigned char)message[i] < 0x20 || message[i] == 0x7f)
            return false;
    return true;
}

/* A status, a sentence, and in it each of up to four fragments (NULL for none). */
#define WEFT_TEST_ASSERT_FAILS(status, error, expected, a, b, c, d)                                                    \
    do {                                                                                                               \
        const char *weft_test_fragments_[] = {(a), (b), (c), (d)};                                                     \
        weft_status weft_test_status_ = (status);                                                                      \
        ck_assert_msg(weft_test_status_ == (expected), "gave %s instead of %s: %s",                                    \
                      weft_status_name(weft_test_status_), weft_status_name(expected),                                 \
                      weft_test_status_ == WEFT_OK ? "" : (error).message);                                            \
        ck_assert_int_eq((error).code, weft_test_status_);                                                             \
        ck_assert_msg(weft_test_is_sentence((error).message), "no sentence: '%s'", (error).message);                   \
        for (size_t weft_test_i_ = 0; weft_test_i_ < 4; weft_test_i_++)                                                \
            ck_assert_msg(!weft_test_fragments_[weft_test_i_] ||                                                       \
                              strstr((error).message, weft_test_fragments_[weft_test_i_]),                             \
                          "'%s' is not in '%s'", weft_test_fragments_[weft_test_i_], (error).message);                 \
    } while (0)

#endif
