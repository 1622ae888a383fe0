#include "utf8.h"

/* The well-formed sequences of the Unicode standard, by their first byte; the second byte alone has limits of its own.
 */
static const struct {
    unsigned char first_least, first_most, second_least, second_most;
    size_t length;
} forms[] = {
    {0x00, 0x7f, 0x00, 0x00, 1}, {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
    {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
    {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
};

cli_utf8 cli_utf8_piece(const char *bytes, size_t count, size_t *length)
{
    const unsigned char *byte = (const unsigned char *)bytes;
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (byte[0] < forms[i].first_least || byte[0] > forms[i].first_most)
            continue;
        size_t good = 1;
        while (good < forms[i].length && good < count && byte[good] >= (good == 1 ? forms[i].second_least : 0x80) &&
               byte[good] <= (good == 1 ? forms[i].second_most : 0xbf))
            good++;
        *length = good;
        if (good == forms[i].length)
            return CLI_UTF8_WHOLE;
        return good == count ? CLI_UTF8_CUT : CLI_UTF8_BROKEN;
    }
    *length = 1;
    return CLI_UTF8_BROKEN;
}

size_t cli_utf8_settled(const char *bytes, size_t count)
{
    /* A cut character has at most three bytes, so only the last three can begin one. */
    for (size_t back = count < 3 ? count : 3; back > 0; back--) {
        size_t length;
        if (cli_utf8_piece(bytes + count - back, back, &length) == CLI_UTF8_CUT)
            return count - back;
    }
    return count;
}
