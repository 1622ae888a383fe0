/* What of a text may be shown while it still grows. */
#include "support/weft_check.h"

#include "completion.h"
#include "output.h"
#include "utf8.h"

/* The command ends when memory does; a test fails. */
void *cli_reallocate(void *memory, size_t bytes)
{
    void *result = realloc(memory, bytes);
    ck_assert_ptr_nonnull(result);
    return result;
}

/* Appends a piece and compares what may be shown after it. */
static void append(cli_completion *completion, const char *piece, bool goes_on, const char *shown)
{
    size_t count;
    ck_assert_int_eq(cli_completion_append(completion, piece, strlen(piece)), goes_on);
    const char *next = cli_completion_next(completion, !goes_on, &count);
    ck_assert_uint_eq(count, strlen(shown));
    ck_assert(memcmp(next, shown, count) == 0);
}

static void finish(cli_completion *completion, const char *shown, const char *text)
{
    size_t count;
    const char *next = cli_completion_next(completion, true, &count);
    ck_assert_uint_eq(count, strlen(shown));
    ck_assert(memcmp(next, shown, count) == 0);
    ck_assert_uint_eq(completion->bytes, strlen(text));
    ck_assert(memcmp(completion->text, text, completion->bytes) == 0);
    cli_completion_release(completion);
}

START_TEST(whole_characters_only)
{
    cli_completion completion = {0};
    append(&completion, "a\xe2", true, "a");
    append(&completion, "\x82", true, "");
    append(&completion,
           "\xac"
           "b",
           true,
           "\xe2\x82\xac"
           "b");
    append(&completion, "\xf0\x9f\x98", true, "");
    append(&completion, "\x80\xc3", true, "\xf0\x9f\x98\x80");
    finish(&completion, "\xc3",
           "a\xe2\x82\xac"
           "b\xf0\x9f\x98\x80\xc3");
}
END_TEST

START_TEST(broken_bytes_are_not_waited_for)
{
    cli_completion completion = {0};
    append(&completion, "\xff", true, "\xff");
    append(&completion, "\x80\x80", true, "\x80\x80");
    append(&completion, "\xe2", true, "");
    append(&completion, "x", true, "\xe2x");
    append(&completion, "\xf4\x90", true, "\xf4\x90");
    finish(&completion, "", "\xff\x80\x80\xe2x\xf4\x90");
}
END_TEST

START_TEST(a_stop_text_may_come_in_pieces)
{
    static const char *const stops[] = {"END", "\n\n"};
    cli_completion completion = {.stops = stops, .stop_count = 2};
    append(&completion, "one E", true, "one ");
    append(&completion, "N", true, "");
    append(&completion, "N\n", true, "ENN");
    append(&completion, "x", true, "\nx");
    append(&completion, "EEN", true, "E");
    append(&completion, "D and more", false, "");
    finish(&completion, "", "one ENN\nxE");
}
END_TEST

START_TEST(the_first_stop_text_ends_it)
{
    static const char *const stops[] = {"cd", "bc", "abcx"};
    cli_completion completion = {.stops = stops, .stop_count = 3};
    append(&completion, "-abcd-", false, "-a");
    finish(&completion, "", "-a");
}
END_TEST

START_TEST(what_only_began_a_stop_text_is_shown_at_the_end)
{
    static const char *const stops[] = {"aab"};
    cli_completion completion = {.stops = stops, .stop_count = 1};
    append(&completion, "aaa", true, "a");
    append(&completion, "", true, "");
    finish(&completion, "aa", "aaa");
}
END_TEST

START_TEST(nothing_is_nothing)
{
    size_t count;
    cli_completion completion = {0};
    cli_completion_next(&completion, false, &count);
    ck_assert_uint_eq(count, 0);
    append(&completion, "", true, "");
    cli_completion_release(&completion);
}
END_TEST

typedef struct piece {
    const char *bytes;
    cli_utf8 kind;
    size_t length;
} piece;

START_TEST(pieces)
{
    static const piece expected[] = {
        {"a", CLI_UTF8_WHOLE, 1},
        {"\x7f\x80", CLI_UTF8_WHOLE, 1},
        {"\xc2\x80", CLI_UTF8_WHOLE, 2},
        {"\xc1\x80", CLI_UTF8_BROKEN, 1},
        {"\xe0\xa0\x80", CLI_UTF8_WHOLE, 3},
        {"\xe0\x9f\xbf", CLI_UTF8_BROKEN, 1},
        {"\xed\x9f\xbf", CLI_UTF8_WHOLE, 3},
        {"\xed\xa0\x80", CLI_UTF8_BROKEN, 1},
        {"\xef\xbf\xbd", CLI_UTF8_WHOLE, 3},
        {"\xf0\x90\x80\x80", CLI_UTF8_WHOLE, 4},
        {"\xf0\x8f\xbf\xbf", CLI_UTF8_BROKEN, 1},
        {"\xf4\x8f\xbf\xbf", CLI_UTF8_WHOLE, 4},
        {"\xf4\x90\x80\x80", CLI_UTF8_BROKEN, 1},
        {"\xf5\x80\x80\x80", CLI_UTF8_BROKEN, 1},
        {"\xe2", CLI_UTF8_CUT, 1},
        {"\xe2\x82", CLI_UTF8_CUT, 2},
        {"\xe2\x82x", CLI_UTF8_BROKEN, 2},
        {"\xf0\x9f\x98", CLI_UTF8_CUT, 3},
        {"\xf0\x9f\x98\xc2", CLI_UTF8_BROKEN, 3},
    };
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        size_t length;
        ck_assert_int_eq(cli_utf8_piece(expected[i].bytes, strlen(expected[i].bytes), &length), expected[i].kind);
        ck_assert_uint_eq(length, expected[i].length);
    }
}
END_TEST

WEFT_TEST_MAIN("completion", whole_characters_only, broken_bytes_are_not_waited_for, a_stop_text_may_come_in_pieces,
               the_first_stop_text_ends_it, what_only_began_a_stop_text_is_shown_at_the_end, nothing_is_nothing, pieces)
