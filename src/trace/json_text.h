/* JSON's numbers and strings, written by hand: the same bytes whatever the locale, and without printf where it matters.
 *
 * Each function writes at `to`, with no NUL at the end, and returns the place behind what it wrote. The caller has made
 * room: WEFT__JSON_NUMBER_BYTES for any number. Threads: any. */
#ifndef WEFT_TRACE_JSON_TEXT_H
#define WEFT_TRACE_JSON_TEXT_H

#include <stdint.h>

#define WEFT__JSON_NUMBER_BYTES 32
#define WEFT__JSON_CHARACTER_BYTES 6 /* the longest form of one character in a string */

char *weft__json_put_u64(char *to, uint64_t value);
char *weft__json_put_i64(char *to, int64_t value);

/* 0x and lower-case digits, without the quotes that JSON needs around it. */
char *weft__json_put_hex(char *to, uint64_t value);

/* Picoseconds as microseconds, exactly. Behind the point stand three digits, six where there are no whole nanoseconds,
 * and none (nor a point) for whole microseconds: 2000000 gives 2, 2000 gives 0.002, 2500 gives 0.002500. */
char *weft__json_put_microseconds(char *to, uint64_t time_ps);

/* A finite double as a decimal that reads back as the same double. Integers below 2^63 come without a point, values
 * between 2^-10 and 2^53 with as few digits as do, all others with 15 to 17 significant digits and an exponent. */
char *weft__json_put_f64(char *to, double value);

/* As much of a string, escaped, as fits before `end`; `text` moves to what is left, which is its NUL once all is
 * written. Stops when less than WEFT__JSON_CHARACTER_BYTES are free. Quotes, backslashes, control characters and DEL
 * are escaped. A byte that is no part of a valid UTF-8 character (surrogates, overlong forms and what lies above
 * U+10FFFF are none) becomes U+FFFD. */
char *weft__json_put_text(char *to, char *end, const char **text);

#endif
