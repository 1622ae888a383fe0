#include "base/utf8.h"

/* By the number of bytes of a character: the least character that needs so many. */
static const uint32_t least_character[WEFT__UTF8_BYTES_MAX + 1] = {0, 0, 0x80, 0x800, 0x10000};

static size_t bytes_of_lead(unsigned char lead)
{
    if (lead < 0x80)
        return 1;
    if (lead < 0xc2) /* a continuation byte, or an overlong form of ASCII */
        return 0;
    if (lead < 0xe0)
        return 2;
    if (lead < 0xf0)
        return 3;
    return lead < 0xf5 ? 4 : 0;
}

size_t weft__utf8_decode(const char *text, size_t bytes, uint32_t *out_character)
{
    size_t length = bytes > 0 ? bytes_of_lead((unsigned char)text[0]) : 0;
    if (length == 0 || length > bytes)
        return 0;
    uint32_t character = (unsigned char)text[0];
    if (length > 1)
        character &= 0x7fu >> length;
    for (size_t i = 1; i < length; i++) {
        unsigned char byte = (unsigned char)text[i];
        if ((byte & 0xc0u) != 0x80u)
            return 0;
        character = character << 6 | (byte & 0x3fu);
    }
    if (character < least_character[length] || character > 0x10ffff || (character >= 0xd800 && character < 0xe000))
        return 0;
    if (out_character)
        *out_character = character;
    return length;
}

size_t weft__utf8_valid_bytes(const char *text, size_t bytes)
{
    size_t valid = 0;
    while (valid < bytes) {
        size_t length = weft__utf8_decode(text + valid, bytes - valid, NULL);
        if (length == 0)
            break;
        valid += length;
    }
    return valid;
}

size_t weft__utf8_encode(uint32_t character, char text[WEFT__UTF8_BYTES_MAX])
{
    static const unsigned char lead_marks[WEFT__UTF8_BYTES_MAX + 1] = {0, 0, 0xc0, 0xe0, 0xf0};
    size_t length = 1;
    while (length < WEFT__UTF8_BYTES_MAX && character >= least_character[length + 1])
        length++;
    for (size_t i = length - 1; i > 0; i--) {
        text[i] = (char)(unsigned char)(0x80u | (character & 0x3fu));
        character >>= 6;
    }
    text[0] = (char)(unsigned char)(lead_marks[length] | character);
    return length;
}
