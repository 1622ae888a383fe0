#include "trace/json_text.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

#define PS_PER_NS 1000u
#define PS_PER_US 1000000u
#define NS_PER_US 1000u

static const char digit_pairs[] = "0001020304050607080910111213141516171819"
                                  "2021222324252627282930313233343536373839"
                                  "4041424344454647484950515253545556575859"
                                  "6061626364656667686970717273747576777879"
                                  "8081828384858687888990919293949596979899";

static const char hex_digits[] = "0123456789abcdef";

/* Exactly `digits` digits, with zeros in front. */
static char *put_digits(char *to, uint64_t value, unsigned digits)
{
    char *at = to + digits;
    for (; digits >= 2; digits -= 2) {
        at -= 2;
        memcpy(at, digit_pairs + 2 * (value % 100), 2);
        value /= 100;
        to += 2;
    }
    if (digits != 0) {
        *--at = (char)('0' + value % 10);
        to++;
    }
    return to;
}

static unsigned count_digits(uint64_t value)
{
    /* The first is 0 rather than 1, so that 0 has a digit. */
    static const uint64_t powers_of_ten[] = {0,
                                             10,
                                             100,
                                             1000,
                                             10000,
                                             100000,
                                             1000000,
                                             10000000,
                                             100000000,
                                             1000000000,
                                             10000000000,
                                             100000000000,
                                             1000000000000,
                                             10000000000000,
                                             100000000000000,
                                             1000000000000000,
                                             10000000000000000,
                                             100000000000000000,
                                             1000000000000000000,
                                             10000000000000000000u};
    unsigned bits = 64u - (unsigned)__builtin_clzll(value | 1u);
    unsigned log10 = bits * 1233u >> 12; /* 1233 / 4096 is log10(2): one too many at most */
    return log10 + 1 - (value < powers_of_ten[log10]);
}

char *weft__json_put_u64(char *to, uint64_t value)
{
    return put_digits(to, value, count_digits(value));
}

char *weft__json_put_i64(char *to, int64_t value)
{
    if (value >= 0)
        return weft__json_put_u64(to, (uint64_t)value);
    *to++ = '-';
    return weft__json_put_u64(to, 0u - (uint64_t)value);
}

char *weft__json_put_hex(char *to, uint64_t value)
{
    unsigned digits = (67u - (unsigned)__builtin_clzll(value | 1u)) / 4u;
    *to++ = '0';
    *to++ = 'x';
    for (unsigned i = digits; i > 0; i--)
        *to++ = hex_digits[value >> (4 * (i - 1)) & 15u];
    return to;
}

char *weft__json_put_microseconds(char *to, uint64_t time_ps)
{
    uint64_t us = time_ps / PS_PER_US, ps = time_ps % PS_PER_US;
    to = weft__json_put_u64(to, us);
    if (ps == 0)
        return to;
    *to++ = '.';
    return ps % PS_PER_NS == 0 ? put_digits(to, ps / PS_PER_NS, 3) : put_digits(to, ps, 6);
}

/* Multiplies a fraction of 2^64 by ten; returns the digit that comes out in front. */
static unsigned take_digit(uint64_t *fraction)
{
    uint64_t low = (*fraction & UINT32_MAX) * 10, high = (*fraction >> 32) * 10 + (low >> 32);
    *fraction = high << 32 | (low & UINT32_MAX);
    return (unsigned)(high >> 32);
}

static uint64_t times_ten(uint64_t distance)
{
    uint64_t product;
    return __builtin_mul_overflow(distance, 10, &product) ? UINT64_MAX : product;
}

/* A value that is no integer, from 2^-10 to 2^53: the integer part, then digits until what is left of the fraction is
 * less than half the distance to the next double, or would be if the last digit were one more. Everything is a whole
 * number of 2^-64, so nothing is rounded on the way. The last digit is never raised from 9 to 10, since the one before
 * it would then have been close enough. Below a power of two doubles lie closer, but the powers in this range end
 * exactly, after ten digits at most, long before that matters. */
static char *put_fraction(char *to, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint64_t mantissa = (bits & (((uint64_t)1 << 52) - 1)) | (uint64_t)1 << 52;
    unsigned shift = 1075u - (unsigned)(bits >> 52); /* the value is mantissa / 2^shift; 1 to 62 */
    uint64_t fraction = mantissa << (64 - shift);
    uint64_t near = (uint64_t)1 << (63 - shift); /* half the distance to the next double */
    bool is_low, is_high;
    to = weft__json_put_u64(to, mantissa >> shift);
    *to++ = '.';
    do {
        *to++ = (char)('0' + take_digit(&fraction));
        near = times_ten(near);
        is_low = fraction < near;
        is_high = fraction != 0 && 0u - fraction < near;
    } while (!is_low && !is_high);
    uint64_t half = ((uint64_t)1 << 63) - (to[-1] & 1); /* of two that are as near, the even digit */
    if (is_high && (!is_low || fraction > half))
        to[-1]++;
    return to;
}

/* Very small and very large values, which are rare: printf's digits, with a full stop for the locale's point. */
static char *put_with_exponent(char *to, double value)
{
    char text[WEFT__JSON_NUMBER_BYTES + 16];
    for (int digits = 15; digits <= 17; digits++) {
        (void)snprintf(text, sizeof text, "%.*e", digits - 1, value);
        if (strtod(text, NULL) == value)
            break;
    }
    const char *at = text;
    if (*at == '-')
        *to++ = *at++;
    *to++ = *at++;
    *to++ = '.';
    for (at += strcspn(at, "0123456789"); *at != '\0'; at++)
        *to++ = *at;
    return to;
}

char *weft__json_put_f64(char *to, double value)
{
    double size = fabs(value);
    assert(isfinite(value));
    if (size < 0x1p63 && size == trunc(size))
        return weft__json_put_i64(to, (int64_t)value);
    if (size < 0x1p-10 || size >= 0x1p63)
        return put_with_exponent(to, value);
    if (value < 0)
        *to++ = '-';
    return put_fraction(to, size);
}

/* A control character, quote or backslash. */
static char *put_escape(char *to, unsigned char character)
{
    static const char *const special = "\"\\\b\f\n\r\t", *const letters = "\"\\bfnrt";
    const char *found = strchr(special, character);
    *to++ = '\\';
    if (found) {
        *to++ = letters[found - special];
        return to;
    }
    memcpy(to, "u00", 3);
    to[3] = hex_digits[character >> 4];
    to[4] = hex_digits[character & 15u];
    return to + 5;
}

static bool is_plain(unsigned char character)
{
    return character >= 0x20 && character < 0x7f && character != '"' && character != '\\';
}

char *weft__json_put_text(char *to, char *end, const char **text)
{
    const unsigned char *at = (const unsigned char *)*text;
    while (end - to >= WEFT__JSON_CHARACTER_BYTES) {
        if (is_plain(*at)) {
            *to++ = (char)*at++;
        } else if (*at == '\0') {
            break;
        } else if (*at < 0x80) {
            to = put_escape(to, *at++);
        } else {
            size_t bytes = weft__utf8_decode((const char *)at, WEFT__UTF8_BYTES_MAX, NULL);
            memcpy(to, bytes ? (const char *)at : "\xef\xbf\xbd", bytes ? bytes : 3);
            to += bytes ? bytes : 3;
            at += bytes ? bytes : 1;
        }
    }
    *text = (const char *)at;
    return to;
}
