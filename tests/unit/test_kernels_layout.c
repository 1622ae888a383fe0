/* Strided copies and embedding rows: ref against a walk over coordinates, every instruction set against ref, bit for
 * bit. */
#include "support/kernel_arrays.h"

#include "kernels/ref/ref.h"

static const weft_dtype all_dtypes[] = {WEFT_F32, WEFT_F16, WEFT_BF16, WEFT_I8,  WEFT_U8,  WEFT_I16,
                                        WEFT_U16, WEFT_I32, WEFT_U32,  WEFT_I64, WEFT_U64, WEFT_F64};

static size_t box_elements(const weft__copy_args *box)
{
    size_t elements = 1;
    for (uint32_t axis = 0; axis < box->rank; axis++)
        elements *= box->extent[axis];
    return elements;
}

static size_t span(const weft__copy_args *box, const uint64_t *stride)
{
    size_t last = 0;
    for (uint32_t axis = 0; axis < box->rank; axis++)
        last += (box->extent[axis] - 1) * stride[axis];
    return box_elements(box) ? last + 1 : 0;
}

/* Strides of a dense array whose axes lie in random order, with some gaps: no two elements share a place. */
static void random_strides(const weft__copy_args *box, uint64_t *stride, weft__rng *rng)
{
    uint32_t order[4] = {0, 1, 2, 3};
    bool is_shuffled = weft__rng_below(rng, 2) != 0;
    for (uint32_t i = box->rank; i-- > 1 && is_shuffled;) {
        uint32_t j = (uint32_t)weft__rng_below(rng, i + 1);
        uint32_t kept = order[i];
        order[i] = order[j];
        order[j] = kept;
    }
    uint64_t next = weft__rng_below(rng, 4) ? 1 : 2;
    for (uint32_t i = box->rank; i-- > 0;) {
        stride[order[i]] = next;
        next = next * box->extent[order[i]] + (weft__rng_below(rng, 3) ? 0 : 1);
    }
}

static weft__copy_args random_box(weft__rng *rng)
{
    weft__copy_args box = {.rank = (uint32_t)weft__rng_below(rng, 5)};
    for (uint32_t axis = 0; axis < box.rank; axis++)
        box.extent[axis] = weft__rng_below(rng, 4) ? 1 + weft__rng_below(rng, 6) : 1 + weft__rng_below(rng, 40);
    if (box.rank && weft__rng_below(rng, 20) == 0)
        box.extent[weft__rng_below(rng, box.rank)] = 0;
    random_strides(&box, box.source_stride, rng);
    random_strides(&box, box.target_stride, rng);
    if (box.rank && weft__rng_below(rng, 5) == 0)
        box.source_stride[weft__rng_below(rng, box.rank)] = 0;
    return box;
}

/* What ref must leave in the target, by counting coordinates up. */
static void copy_by_coordinates(const weft__copy_args *box, unsigned char *target)
{
    size_t from_bytes = weft_dtype_bytes(box->source_dtype);
    size_t to_bytes = weft_dtype_bytes(box->target_dtype);
    uint64_t at[4] = {0};
    for (size_t left = box_elements(box); left > 0; left--) {
        size_t from = 0, to = 0;
        for (uint32_t axis = 0; axis < box->rank; axis++) {
            from += at[axis] * box->source_stride[axis];
            to += at[axis] * box->target_stride[axis];
        }
        const unsigned char *source = (const unsigned char *)box->source + from * from_bytes;
        if (box->source_dtype == box->target_dtype)
            memcpy(target + to * to_bytes, source, to_bytes);
        else
            weft__float_store(box->target_dtype, target + to * to_bytes, 0,
                              weft__float_load(box->source_dtype, source, 0));
        for (uint32_t axis = box->rank; axis-- > 0 && ++at[axis] == box->extent[axis];)
            at[axis] = 0;
    }
}

static void check_box(weft__copy_args *box, weft__rng *rng)
{
    const weft__cpu_kernels *tables[WEFT__ISA_COUNT];
    size_t table_count = kernel_tables(tables);
    size_t from_bytes = weft_dtype_bytes(box->source_dtype);
    size_t to_bytes = weft_dtype_bytes(box->target_dtype);
    kernel_array source = kernel_input(span(box, box->source_stride), from_bytes);
    for (size_t i = 0; i < source.bytes; i++)
        ((unsigned char *)source.data)[i] = (unsigned char)weft__rng_below(rng, 256);
    if (box->source_dtype != box->target_dtype) /* NaN has many encodings: not here */
        kernel_fill(box->source_dtype, &source, rng, 100);
    kernel_array want = kernel_output(span(box, box->target_stride), to_bytes);
    kernel_array got = kernel_output(span(box, box->target_stride), to_bytes);
    box->source = source.data;
    copy_by_coordinates(box, want.data);
    box->target = got.data;
    weft__ref_copy(box);
    ck_assert_mem_eq(got.data, want.data, want.bytes);
    for (size_t t = 0; t < table_count; t++) {
        memset(got.data, KERNEL_GUARD_BYTE, got.bytes);
        size_t elements = box_elements(box);
        size_t step = t % 2 ? elements : 1 + (size_t)weft__rng_below(rng, 50);
        for (size_t begin = 0; begin < elements; begin += step)
            tables[t]->copy(box, begin, elements - begin < step ? elements : begin + step);
        ck_assert_mem_eq(got.data, want.data, want.bytes);
    }
    kernel_array_destroy(&source);
    kernel_array_destroy(&want);
    kernel_array_destroy(&got);
}

START_TEST(boxes_of_every_dtype)
{
    weft__rng rng;
    weft__rng_init(&rng, 201);
    for (size_t round = 0; round < 600; round++) {
        weft__copy_args box = random_box(&rng);
        box.source_dtype = all_dtypes[round % KERNEL_LENGTH(all_dtypes)];
        box.target_dtype = box.source_dtype;
        check_box(&box, &rng);
    }
}
END_TEST

START_TEST(boxes_with_conversion)
{
    weft__rng rng;
    weft__rng_init(&rng, 202);
    for (size_t round = 0; round < 540; round++) {
        weft__copy_args box = random_box(&rng);
        box.source_dtype = kernel_float_dtypes[round % 3];
        box.target_dtype = kernel_float_dtypes[round / 3 % 3];
        check_box(&box, &rng);
    }
}
END_TEST

/* Runs around the vector widths, dense on both sides. */
START_TEST(dense_runs_of_every_size)
{
    weft__rng rng;
    weft__rng_init(&rng, 203);
    for (size_t s = 0; s < KERNEL_LENGTH(kernel_sizes); s++) {
        for (size_t d = 0; d < 9; d++) {
            weft__copy_args box = {1,    {kernel_sizes[s]},          {1}, {1}, kernel_float_dtypes[d / 3],
                                   NULL, kernel_float_dtypes[d % 3], NULL};
            check_box(&box, &rng);
        }
    }
}
END_TEST

/* A part of a box writes its own elements only. */
START_TEST(parts_stay_within_their_range)
{
    enum {
        OUTER = 6,
        INNER = 41
    };
    const weft__cpu_kernels *tables[WEFT__ISA_COUNT];
    size_t table_count = kernel_tables(tables);
    uint16_t from[OUTER * INNER], to[OUTER * 50];
    for (size_t i = 0; i < OUTER * INNER; i++)
        from[i] = (uint16_t)(i + 1);
    for (size_t t = 0; t < table_count; t++) {
        for (size_t begin = 0; begin < OUTER * INNER; begin += 13) {
            for (size_t end = begin; end <= OUTER * INNER; end += 17) {
                weft__copy_args box = {2, {OUTER, INNER}, {INNER, 1}, {50, 1}, WEFT_U16, from, WEFT_U16, to};
                memset(to, 0, sizeof to);
                tables[t]->copy(&box, begin, end);
                for (size_t i = 0; i < OUTER * INNER; i++)
                    ck_assert_uint_eq(to[i / INNER * 50 + i % INNER], i >= begin && i < end ? i + 1 : 0);
            }
        }
    }
}
END_TEST

static weft__fault run_embedding(const weft__cpu_kernels *table, const weft__embedding_args *args)
{
    return table ? table->embedding(args, 0, args->tokens) : weft__ref_embedding(args);
}

START_TEST(embedding_rows)
{
    enum {
        VOCABULARY = 7,
        TOKENS = 9
    };
    static const int32_t ids[TOKENS] = {0, 6, 3, 3, 1, 5, 2, 6, 4};
    const weft__cpu_kernels *tables[WEFT__ISA_COUNT + 1] = {NULL};
    size_t table_count = kernel_tables(tables + 1) + 1;
    weft__rng rng;
    weft__rng_init(&rng, 204);
    for (size_t s = 0; s < KERNEL_LENGTH(kernel_sizes); s++) {
        for (size_t d = 0; d < 3; d++) {
            size_t dims = kernel_sizes[s];
            weft_dtype dtype = kernel_float_dtypes[d];
            kernel_array rows = kernel_random(dtype, VOCABULARY * dims, &rng, 2);
            for (size_t t = 0; t < table_count; t++) {
                kernel_array out = kernel_output(TOKENS * dims, sizeof(float));
                float factor = t % 2 ? 11.3137f : 1.0f;
                weft__embedding_args args = {TOKENS, VOCABULARY, dims, dtype, rows.data, ids, factor, out.data};
                ck_assert_int_eq(run_embedding(tables[t], &args).kind, WEFT__FAULT_NONE);
                for (size_t i = 0; i < TOKENS * dims; i++) {
                    float value = weft__float_load(dtype, rows.data, (size_t)ids[i / dims] * dims + i % dims);
                    ck_assert(((float *)out.data)[i] == value * factor);
                }
                kernel_array_destroy(&out);
            }
            kernel_array_destroy(&rows);
        }
    }
}
END_TEST

START_TEST(embedding_names_the_first_bad_id)
{
    static const int32_t bad[] = {5, -1, INT32_MAX, INT32_MIN};
    const weft__cpu_kernels *tables[WEFT__ISA_COUNT + 1] = {NULL};
    size_t table_count = kernel_tables(tables + 1) + 1;
    static const float rows[5 * 3] = {0};
    float out[4 * 3];
    for (size_t t = 0; t < table_count; t++) {
        for (size_t b = 0; b < KERNEL_LENGTH(bad); b++) {
            const int32_t ids[4] = {4, 0, bad[b], -7};
            weft__embedding_args args = {4, 5, 3, WEFT_F32, rows, ids, 1, out};
            weft__fault fault = run_embedding(tables[t], &args);
            ck_assert_int_eq(fault.kind, WEFT__FAULT_ID);
            ck_assert_uint_eq(fault.row, 2);
            ck_assert_int_eq(fault.value, bad[b]);
        }
        const int32_t none[1] = {0};
        weft__embedding_args empty = {1, 0, 3, WEFT_F32, rows, none, 1, out};
        ck_assert_int_eq(run_embedding(tables[t], &empty).kind, WEFT__FAULT_ID);
    }
}
END_TEST

WEFT_TEST_MAIN("kernels_layout", boxes_of_every_dtype, boxes_with_conversion, dense_runs_of_every_size,
               parts_stay_within_their_range, embedding_rows, embedding_names_the_first_bad_id)
