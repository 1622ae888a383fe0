#include "text/byte_level.h"

#include <stdbool.h>
#include <stddef.h>

#define SHIFTED_BASE 0x100u

/* The bytes that do not stand for themselves, and how many of them lie before each range. */
typedef struct byte_range {
    uint32_t first;
    uint32_t last;
    uint32_t before;
} byte_range;

static const byte_range shifted_ranges[] = {
    {0x00, 0x20, 0},  /* control characters and the blank */
    {0x7f, 0xa0, 33}, /* delete, the controls of Latin-1 and the no-break space */
    {0xad, 0xad, 67}, /* the soft hyphen */
};

#define RANGES (sizeof shifted_ranges / sizeof shifted_ranges[0])

uint32_t weft__byte_level_character(uint8_t byte)
{
    for (size_t i = 0; i < RANGES; i++)
        if (byte >= shifted_ranges[i].first && byte <= shifted_ranges[i].last)
            return SHIFTED_BASE + shifted_ranges[i].before + byte - shifted_ranges[i].first;
    return byte;
}

int weft__byte_level_byte(uint32_t character)
{
    for (size_t i = 0; i < RANGES; i++) {
        const byte_range *range = &shifted_ranges[i];
        uint32_t first = SHIFTED_BASE + range->before;
        if (character >= range->first && character <= range->last)
            return -1;
        if (character >= first && character <= first + range->last - range->first)
            return (int)(range->first + character - first);
    }
    return character < SHIFTED_BASE ? (int)character : -1;
}
