/* Arrays for kernel tests. An input ends where its malloc block ends, so that a sanitizer sees any read past it, and
 * begins at an address that is aligned to its element only. An output lies between guards that a test checks
 * afterwards. */
#ifndef WEFT_TESTS_SUPPORT_KERNEL_ARRAYS_H
#define WEFT_TESTS_SUPPORT_KERNEL_ARRAYS_H

#include "support/weft_check.h"

#include "base/dtype.h"
#include "base/rng.h"
#include "kernels/cpu/isa.h"
#include "kernels/cpu/kernels.h"

enum {
    KERNEL_GUARD = 64,
    KERNEL_GUARD_BYTE = 0xa5
};

typedef struct kernel_array {
    unsigned char *block;
    void *data;
    size_t bytes;
    size_t tail; /* guard bytes behind the data */
} kernel_array;

static inline kernel_array kernel_array_create(size_t bytes, size_t element_bytes, size_t tail)
{
    size_t lead = KERNEL_GUARD + 3 * element_bytes;
    kernel_array array = {malloc(lead + bytes + tail), NULL, bytes, tail};
    ck_assert_ptr_nonnull(array.block);
    memset(array.block, KERNEL_GUARD_BYTE, lead + bytes + tail);
    array.data = array.block + lead;
    return array;
}

static inline kernel_array kernel_input(size_t count, size_t element_bytes)
{
    return kernel_array_create(count * element_bytes, element_bytes, 0);
}

static inline kernel_array kernel_output(size_t count, size_t element_bytes)
{
    return kernel_array_create(count * element_bytes, element_bytes, KERNEL_GUARD);
}

static inline bool kernel_array_guards_hold(const kernel_array *array)
{
    const unsigned char *data = array->data;
    for (const unsigned char *at = array->block; at < data; at++)
        if (*at != KERNEL_GUARD_BYTE)
            return false;
    for (size_t i = 0; i < array->tail; i++)
        if (data[array->bytes + i] != KERNEL_GUARD_BYTE)
            return false;
    return true;
}

/* Checks the guards, then frees. */
static inline void kernel_array_destroy(kernel_array *array)
{
    ck_assert_msg(kernel_array_guards_hold(array), "bytes outside of an array of %zu bytes have changed", array->bytes);
    free(array->block);
    *array = (kernel_array){NULL, NULL, 0, 0};
}

/* Normal numbers times `spread`, rounded to the dtype. */
static inline void kernel_fill(weft_dtype dtype, kernel_array *array, weft__rng *rng, double spread)
{
    size_t count = array->bytes / weft_dtype_bytes(dtype);
    for (size_t i = 0; i < count; i++)
        weft__float_store(dtype, array->data, i, (float)(weft__rng_normal(rng) * spread));
}

/* An input of `count` random floats of a dtype. */
static inline kernel_array kernel_random(weft_dtype dtype, size_t count, weft__rng *rng, double spread)
{
    kernel_array array = kernel_input(count, weft_dtype_bytes(dtype));
    kernel_fill(dtype, &array, rng, spread);
    return array;
}

static inline double kernel_value(weft_dtype dtype, const kernel_array *array, size_t index)
{
    return (double)weft__float_load(dtype, array->data, index);
}

/* Unit roundoff: half the distance from 1 to the next number. */
static inline double kernel_unit(weft_dtype dtype)
{
    return dtype == WEFT_F32 ? 0x1p-24 : dtype == WEFT_F16 ? 0x1p-11 : 0x1p-8;
}

/* The smallest positive number: half of it can be lost in each rounding to a subnormal. */
static inline double kernel_tiny(weft_dtype dtype)
{
    return dtype == WEFT_F32 ? 0x1p-149 : dtype == WEFT_F16 ? 0x1p-24 : 0x1p-133;
}

/* The tables of the instruction sets that this machine can run, widest last; the first is scalar. */
static inline size_t kernel_tables(const weft__cpu_kernels *tables[WEFT__ISA_COUNT])
{
    size_t count = 0;
    for (size_t isa = 0; isa < WEFT__ISA_COUNT; isa++) {
        const weft__cpu_kernels *table = weft__cpu_kernels_for((weft__isa)isa);
        if (table && weft__isa_available((weft__isa)isa))
            tables[count++] = table;
    }
    ck_assert_uint_ge(count, 1);
    return count;
}

static const weft_dtype kernel_float_dtypes[] = {WEFT_F32, WEFT_F16, WEFT_BF16};

/* Around every vector width, and odd sizes past it. */
static const size_t kernel_sizes[] = {0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 257, 1003};

#define KERNEL_LENGTH(array) (sizeof(array) / sizeof(array)[0])

#endif
