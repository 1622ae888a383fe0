/* Element types and shapes: what a buffer is made of. */
#ifndef WEFT_TYPES_H
#define WEFT_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weft/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Element type. Values are pinned; from 64 on they are reserved for block formats (quantised weights), whose elements
 *  come in blocks and have no size of their own. */
typedef enum weft_dtype {
    WEFT_F32 = 0,  /**< IEEE 754 binary32 */
    WEFT_F16 = 1,  /**< IEEE 754 binary16 */
    WEFT_BF16 = 2, /**< the upper half of a binary32 */
    WEFT_I8 = 3,
    WEFT_U8 = 4,
    WEFT_I16 = 5,
    WEFT_U16 = 6,
    WEFT_I32 = 7,
    WEFT_U32 = 8,
    WEFT_I64 = 9,
    WEFT_U64 = 10,
    WEFT_F64 = 11 /**< IEEE 754 binary64 */
} weft_dtype;

/** Lower-case name, "bf16" say; "unknown" for a value that is none. Static storage. Any thread. */
WEFT_API const char *weft_dtype_name(weft_dtype dtype);

/** Bytes of one element; 0 for a value that is no dtype or a block format. Any thread. */
WEFT_API size_t weft_dtype_bytes(weft_dtype dtype);

#define WEFT_RANK_MAX 8

/** Extents, outermost first; the last index runs fastest in memory. Rank 0 is a scalar: one element. An extent may be
 * 0, which makes the whole shape empty. */
typedef struct weft_shape {
    uint32_t rank;
    uint64_t extent[WEFT_RANK_MAX];
} weft_shape;

/** Shapes of one, two and three extents, for calls in one line; fill the struct by hand for more. Any thread. */
WEFT_API weft_shape weft_shape_1d(uint64_t a);
WEFT_API weft_shape weft_shape_2d(uint64_t a, uint64_t b);
WEFT_API weft_shape weft_shape_3d(uint64_t a, uint64_t b, uint64_t c);

/** Product of the extents (1 for rank 0), saturating at UINT64_MAX. Any thread. */
WEFT_API uint64_t weft_shape_elements(const weft_shape *shape);

/** True when rank and all extents are the same. Any thread. */
WEFT_API bool weft_shape_equal(const weft_shape *a, const weft_shape *b);

#define WEFT_SHAPE_TEXT_BYTES 192

/** Writes "[2, 3, 4]" into @p text, always terminated. @return @p text. Any thread. */
WEFT_API const char *weft_shape_text(const weft_shape *shape, char text[WEFT_SHAPE_TEXT_BYTES]);

#ifdef __cplusplus
}
#endif
#endif
