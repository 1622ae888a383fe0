#include "sim/retime/bytes.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"

static bool make_room(weft__bytes *it, size_t more)
{
    it->has_failed = it->has_failed || !weft__array_reserve(&it->data, &it->capacity, it->count, more);
    return !it->has_failed;
}

void weft__bytes_put(weft__bytes *to, uint64_t number)
{
    if (!make_room(to, 10))
        return;
    for (; number >= 0x80; number >>= 7)
        to->data[to->count++] = (uint8_t)(number | 0x80);
    to->data[to->count++] = (uint8_t)number;
}

void weft__bytes_put_raw(weft__bytes *to, const void *data, size_t count)
{
    if (count == 0 || !make_room(to, count))
        return;
    memcpy(to->data + to->count, data, count);
    to->count += count;
}

void weft__bytes_put_text(weft__bytes *to, const char *text)
{
    size_t count = strlen(text);
    weft__bytes_put(to, count);
    weft__bytes_put_raw(to, text, count);
}

void weft__bytes_free(weft__bytes *it)
{
    free(it->data);
    *it = (weft__bytes){0};
}

const uint8_t *weft__reader_take_raw(weft__reader *it, uint64_t count)
{
    const uint8_t *data = it->at;
    if (count <= (size_t)(it->end - it->at)) {
        it->at += count;
        return data;
    }
    it->at = it->end;
    it->is_bad = true;
    return NULL;
}
