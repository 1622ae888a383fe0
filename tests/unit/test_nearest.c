#include "support/weft_check.h"

#include "base/nearest.h"
#include "base/rng.h"

static const char *name_at(const void *context, size_t index)
{
    const char *const *names = context;
    return names[index];
}

START_TEST(finds_the_name_that_was_meant)
{
    static const char *const names[] = {"matmul", "rms_norm", "silu_mul", NULL, "softmax", "rope", ""};
    size_t count = sizeof names / sizeof names[0];
    ck_assert_str_eq(weft__nearest("rmsnorm", count, name_at, names), "rms_norm");
    ck_assert_str_eq(weft__nearest("softmx", count, name_at, names), "softmax");
    ck_assert_str_eq(weft__nearest("slu_mul", count, name_at, names), "silu_mul");
    ck_assert_str_eq(weft__nearest("rope", count, name_at, names), "rope");
    ck_assert_str_eq(weft__nearest("x", count, name_at, names), "");
    ck_assert_ptr_null(weft__nearest("rope", 0, name_at, names));
}
END_TEST

START_TEST(the_first_of_equals_wins)
{
    static const char *const names[] = {"abd", "abe", "abc", "abc"};
    ck_assert_ptr_eq(weft__nearest("abx", 4, name_at, names), names[0]);
    ck_assert_ptr_eq(weft__nearest("abc", 4, name_at, names), names[2]);
}
END_TEST

/* The whole table, without any narrowing. */
static size_t plain_distance(const char *a, const char *b)
{
    static size_t table[64][64];
    size_t a_bytes = strlen(a);
    size_t b_bytes = strlen(b);
    for (size_t i = 0; i <= a_bytes; i++) {
        for (size_t j = 0; j <= b_bytes; j++) {
            size_t best = i == 0 ? j : j == 0 ? i : table[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            if (i > 0 && table[i - 1][j] + 1 < best)
                best = table[i - 1][j] + 1;
            if (j > 0 && table[i][j - 1] + 1 < best)
                best = table[i][j - 1] + 1;
            table[i][j] = best;
        }
    }
    return table[a_bytes][b_bytes];
}

START_TEST(agrees_with_the_plain_edit_distance)
{
    enum {
        NAMES = 20,
        BYTES = 12
    };
    static char texts[NAMES + 1][BYTES + 1];
    const char *names[NAMES];
    weft__rng rng;
    weft__rng_init(&rng, 3);
    for (size_t round = 0; round < 3000; round++) {
        for (size_t i = 0; i <= NAMES; i++) {
            size_t bytes = weft__rng_below(&rng, BYTES + 1);
            for (size_t j = 0; j < bytes; j++)
                texts[i][j] = (char)('a' + (int)weft__rng_below(&rng, 3));
            texts[i][bytes] = '\0';
            if (i < NAMES)
                names[i] = texts[i];
        }
        size_t best = 0;
        for (size_t i = 1; i < NAMES; i++)
            if (plain_distance(texts[NAMES], names[i]) < plain_distance(texts[NAMES], names[best]))
                best = i;
        ck_assert_ptr_eq(weft__nearest(texts[NAMES], NAMES, name_at, names), names[best]);
    }
}
END_TEST

START_TEST(long_names_are_compared_by_their_beginnings)
{
    static char long_a[1000];
    static char long_b[1000];
    memset(long_a, 'a', sizeof long_a - 1);
    memset(long_b, 'b', sizeof long_b - 1);
    const char *names[] = {long_b, long_a};
    ck_assert_ptr_eq(weft__nearest(long_a, 2, name_at, names), long_a);
    ck_assert_ptr_eq(weft__nearest("", 2, name_at, names), long_b);
}
END_TEST

WEFT_TEST_MAIN("nearest", finds_the_name_that_was_meant, the_first_of_equals_wins, agrees_with_the_plain_edit_distance,
               long_names_are_compared_by_their_beginnings)
