/* Numbers as few bytes: seven bits in each, the lowest first, and the eighth where more follow. */
#ifndef WEFT_SIM_RETIME_BYTES_H
#define WEFT_SIM_RETIME_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Grows. All zero is empty. */
typedef struct weft__bytes {
    uint8_t *data; /* malloc'ed */
    size_t count, capacity;
    bool has_failed; /* out of memory: nothing is added any more */
} weft__bytes;

void weft__bytes_put(weft__bytes *to, uint64_t number);
void weft__bytes_put_raw(weft__bytes *to, const void *data, size_t count);
/* Its length, and its characters. */
void weft__bytes_put_text(weft__bytes *to, const char *text);
void weft__bytes_free(weft__bytes *it);

/* Reads what others may have written. Behind the end, and behind what cannot be read, all is 0. */
typedef struct weft__reader {
    const uint8_t *at, *end;
    bool is_bad;
} weft__reader;

/* Of all of them, which may be none. */
static inline weft__reader weft__reader_of(const weft__bytes *bytes)
{
    return (weft__reader){bytes->data, bytes->count ? bytes->data + bytes->count : bytes->data, false};
}

static inline uint64_t weft__reader_take(weft__reader *it)
{
    uint64_t number = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (it->at == it->end)
            break;
        uint8_t byte = *it->at++;
        if (shift == 63 && byte > 1)
            break;
        number |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return number;
    }
    it->at = it->end;
    it->is_bad = true;
    return 0;
}

/* A number of at most `most`; a larger one is bad. */
static inline uint64_t weft__reader_take_most(weft__reader *it, uint64_t most)
{
    uint64_t number = weft__reader_take(it);
    if (number <= most)
        return number;
    it->at = it->end;
    it->is_bad = true;
    return 0;
}

/* So many bytes, where they are; NULL, and bad, if there are less. */
const uint8_t *weft__reader_take_raw(weft__reader *it, uint64_t count);

#endif
