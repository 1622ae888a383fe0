#include <stdio.h>

#include <weft/types.h>

weft_shape weft_shape_1d(uint64_t a)
{
    return (weft_shape){.rank = 1, .extent = {a}};
}

weft_shape weft_shape_2d(uint64_t a, uint64_t b)
{
    return (weft_shape){.rank = 2, .extent = {a, b}};
}

weft_shape weft_shape_3d(uint64_t a, uint64_t b, uint64_t c)
{
    return (weft_shape){.rank = 3, .extent = {a, b, c}};
}

uint64_t weft_shape_elements(const weft_shape *shape)
{
    uint64_t product = 1;
    bool overflow = false;
    for (uint32_t i = 0; i < shape->rank && i < WEFT_RANK_MAX; i++) {
        if (shape->extent[i] == 0)
            return 0; /* an empty axis wins over an overflow in the others */
        overflow |= __builtin_mul_overflow(product, shape->extent[i], &product);
    }
    return overflow ? UINT64_MAX : product;
}

bool weft_shape_equal(const weft_shape *a, const weft_shape *b)
{
    if (a->rank != b->rank)
        return false;
    for (uint32_t i = 0; i < a->rank && i < WEFT_RANK_MAX; i++)
        if (a->extent[i] != b->extent[i])
            return false;
    return true;
}

const char *weft_shape_text(const weft_shape *shape, char text[WEFT_SHAPE_TEXT_BYTES])
{
    size_t used = 0;
    text[used++] = '[';
    for (uint32_t i = 0; i < shape->rank && i < WEFT_RANK_MAX; i++) {
        int wrote = snprintf(text + used, WEFT_SHAPE_TEXT_BYTES - used, "%s%llu", i ? ", " : "",
                             (unsigned long long)shape->extent[i]);
        used += wrote > 0 ? (size_t)wrote : 0; /* 8 extents of 20 digits and ", " fit */
    }
    text[used++] = ']';
    text[used] = '\0';
    return text;
}
