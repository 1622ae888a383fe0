/* Numbers and strings as JSON: exact times, doubles that read back, and valid UTF-8 whatever comes in. */
#include "support/weft_check.h"

#include <jansson.h>
#include <stdio.h>

#include "base/rng.h"
#include "trace/json_text.h"

/* Reads back what put_microseconds wrote: digits, a point, and no, three or six more digits. */
static uint64_t picoseconds_of(const char *text)
{
    char *end;
    uint64_t us = strtoull(text, &end, 10), ps = 0;
    size_t digits = strlen(end);
    if (digits != 0) {
        ck_assert_msg(*end == '.' && (digits == 4 || digits == 7), "'%s'", text);
        ps = strtoull(end + 1, NULL, 10) * (digits == 4 ? 1000 : 1);
        ck_assert_msg(ps != 0, "'%s' has zeros that say nothing", text);
    }
    return us * 1000000 + ps;
}

START_TEST(numbers_are_exact)
{
    static const struct {
        uint64_t ps;
        const char *text;
    } times[] = {{0, "0"},
                 {1, "0.000001"},
                 {999, "0.000999"},
                 {1000, "0.001"},
                 {1001, "0.001001"},
                 {999999, "0.999999"},
                 {1000000, "1"},
                 {1000001, "1.000001"},
                 {1001000, "1.001"},
                 {12345678900, "12345.678900"},
                 {10000000000000, "10000000"},
                 {UINT64_MAX, "18446744073709.551615"}};
    char text[WEFT__JSON_NUMBER_BYTES + 1], expected[WEFT__JSON_NUMBER_BYTES + 1];
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        *weft__json_put_microseconds(text, times[i].ps) = '\0';
        ck_assert_str_eq(text, times[i].text);
    }
    weft__rng rng;
    weft__rng_init(&rng, 3);
    for (uint64_t i = 0; i < 200000; i++) {
        /* Every length, and both sides of each power of ten. */
        uint64_t value = weft__rng_next_u64(&rng) >> (i % 64);
        if (i < 60) {
            value = 1;
            for (uint64_t power = 0; power < i / 3; power++)
                value *= 10;
            value += i % 3 - 1;
        }
        (void)snprintf(expected, sizeof expected, "%" PRIu64, value);
        *weft__json_put_u64(text, value) = '\0';
        ck_assert_str_eq(text, expected);
        (void)snprintf(expected, sizeof expected, "%" PRId64, (int64_t)value);
        *weft__json_put_i64(text, (int64_t)value) = '\0';
        ck_assert_str_eq(text, expected);
        (void)snprintf(expected, sizeof expected, "0x%" PRIx64, value);
        *weft__json_put_hex(text, value) = '\0';
        ck_assert_str_eq(text, expected);
        *weft__json_put_microseconds(text, value) = '\0';
        ck_assert_msg(picoseconds_of(text) == value, "%" PRIu64 " ps became %s us", value, text);
    }
}
END_TEST

static void check_double(double value)
{
    char text[WEFT__JSON_NUMBER_BYTES + 1];
    char *end = weft__json_put_f64(text, value);
    ck_assert_int_le(end - text, WEFT__JSON_NUMBER_BYTES);
    *end = '\0';
    double back = strtod(text, &end);
    ck_assert_msg(*end == '\0' && back == value, "%a became %s", value, text);
    json_t *parsed = json_loads(text, JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, NULL);
    ck_assert_msg(parsed != NULL && json_number_value(parsed) == value, "%a became %s", value, text);
    json_decref(parsed);
}

/* Between 2^-10 and 2^50: the fewest digits that read back, and of these the nearest. (In the next octave quarters lie
 * in the middle between two tenths that both do.) */
static void check_shortest(double value)
{
    char text[WEFT__JSON_NUMBER_BYTES + 1], expected[64];
    int digits = 0;
    do
        (void)snprintf(expected, sizeof expected, "%.*f", digits++, value);
    while (strtod(expected, NULL) != value);
    *weft__json_put_f64(text, value) = '\0';
    ck_assert_str_eq(text, expected);
}

START_TEST(doubles_read_back_as_themselves)
{
    static const struct {
        double value;
        const char *text;
    } cases[] = {{0.0, "0"},
                 {-0.0, "0"},
                 {0.1, "0.1"},
                 {-0.3, "-0.3"},
                 {1.0 / 3.0, "0.3333333333333333"},
                 {2.0 / 3.0, "0.6666666666666666"},
                 {99.99, "99.99"},
                 {0x1p-10, "0.0009765625"},
                 {1.0 - 0x1p-53, "0.9999999999999999"},
                 {4503599627370495.5, "4503599627370495.5"},
                 {1e18, "1000000000000000000"},
                 {-123456789.0, "-123456789"}};
    char text[WEFT__JSON_NUMBER_BYTES + 1];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        *weft__json_put_f64(text, cases[i].value) = '\0';
        ck_assert_str_eq(text, cases[i].text);
    }
    static const double edges[] = {0x1p63, 0x1.fffffffffffffp62, 0x1.fffffffffffffp-11, 0x1p-1074,
                                   0x1.fffffffffffffp1023};
    for (size_t i = 0; i < sizeof edges / sizeof edges[0]; i++) {
        check_double(edges[i]);
        check_double(-edges[i]);
    }
    /* Around every power of two, where the distance to the next double changes, and at random. */
    for (int exponent = -70; exponent < 70; exponent++) {
        check_double(ldexp(1.0, exponent));
        check_double(nextafter(ldexp(1.0, exponent), 0.0));
        check_double(nextafter(ldexp(1.0, exponent), INFINITY));
        if (exponent > -10 && exponent <= 53)
            check_shortest(nextafter(ldexp(1.0, exponent), 0.0));
        if (exponent >= -10 && exponent < 53)
            check_shortest(nextafter(ldexp(1.0, exponent), INFINITY));
    }
    weft__rng rng;
    weft__rng_init(&rng, 4);
    for (int i = 0; i < 100000; i++) {
        double part = (double)(weft__rng_next_u64(&rng) >> 11) * 0x1p-53;
        check_double(ldexp(part, i % 80 - 15));
        if (i < 20000)
            check_shortest(ldexp(0.5 + 0.5 * part, i % 62 - 9));
        check_double((double)weft__rng_below(&rng, 1000) / (double)(1 + weft__rng_below(&rng, 1000)));
        uint64_t bits = weft__rng_next_u64(&rng);
        double any;
        memcpy(&any, &bits, sizeof any);
        if (isfinite(any))
            check_double(any);
    }
}
END_TEST

/* What a reader gets for a string that was written. */
static void check_string(const char *text, const char *expected)
{
    char written[64] = "\"";
    const char *rest = text;
    char *end = weft__json_put_text(written + 1, written + sizeof written - 2, &rest);
    ck_assert_int_eq(*rest, '\0');
    end[0] = '"';
    end[1] = '\0';
    for (const char *byte = written; byte < end; byte++)
        ck_assert_msg((unsigned char)*byte >= 0x20 && *byte != 0x7f, "a control character in %s", written);
    json_error_t error;
    json_t *parsed = json_loads(written, JSON_DECODE_ANY, &error);
    ck_assert_msg(parsed != NULL, "%s: %s", written, error.text);
    ck_assert_str_eq(json_string_value(parsed), expected);
    json_decref(parsed);
}

#define BAD "\xef\xbf\xbd"

START_TEST(strings_are_escaped_and_repaired)
{
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"", ""},
        {"a \"b\" \\ /c\b\f\n\r\t\x01\x1f\x7f", "a \"b\" \\ /c\b\f\n\r\t\x01\x1f\x7f"},
        {"\xc2\x80 \xdf\xbf \xe0\xa0\x80 \xef\xbf\xbf", "\xc2\x80 \xdf\xbf \xe0\xa0\x80 \xef\xbf\xbf"},
        {"\xf0\x90\x80\x80 \xf4\x8f\xbf\xbf \xed\x9f\xbf", "\xf0\x90\x80\x80 \xf4\x8f\xbf\xbf \xed\x9f\xbf"},
        {"\x80", BAD},                                              /* a continuation of nothing */
        {"\xff\xfe", BAD BAD},                                      /* never in UTF-8 */
        {"\xc0\xaf", BAD BAD},                                      /* overlong */
        {"\xe0\x9f\xbf", BAD BAD BAD},                              /* overlong */
        {"\xf0\x8f\xbf\xbf", BAD BAD BAD BAD},                      /* overlong */
        {"\xed\xa0\x80", BAD BAD BAD},                              /* a surrogate */
        {"\xf5\x80\x80\x80", BAD BAD BAD BAD},                      /* the same */
        {"\xf4\x90\x80\x80", BAD BAD BAD BAD},                      /* above U+10FFFF */
        {"\xc3", BAD},                                              /* cut short by the end, */
        {"\xe2\x82", BAD BAD},                                      /* here too, */
        {"\xf0\x9f\x98", BAD BAD BAD},                              /* and here, */
        {"\xf0\x9f\x98x\xe2\x82\xac", BAD BAD BAD "x\xe2\x82\xac"}, /* or by something else */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        check_string(cases[i].text, cases[i].expected);
    for (unsigned byte = 1; byte < 256; byte++) {
        char text[] = {'x', (char)(unsigned char)byte, 'y', '\0'};
        check_string(text, byte < 0x80 ? text : "x" BAD "y");
    }
}
END_TEST

START_TEST(a_string_may_be_written_in_pieces)
{
    static const char text[] = "a\x01\"\xe2\x82\xac\x02\xff\xf0\x9f\x98\x80\\\x7f\x1f\nzz";
    char whole[128], pieces[128];
    const char *rest = text;
    *weft__json_put_text(whole, whole + sizeof whole - 1, &rest) = '\0';
    for (ptrdiff_t room = WEFT__JSON_CHARACTER_BYTES; room < 20; room++) {
        char *to = pieces;
        for (rest = text; *rest != '\0';) {
            char *from = to;
            to = weft__json_put_text(from, from + room, &rest);
            ck_assert_int_gt(to - from, 0);
            ck_assert_int_le(to - from, room);
        }
        *to = '\0';
        ck_assert_str_eq(pieces, whole);
    }
}
END_TEST

WEFT_TEST_MAIN("json_text", numbers_are_exact, doubles_read_back_as_themselves, strings_are_escaped_and_repaired,
               a_string_may_be_written_in_pieces)
