/* copy and embedding. */
#include <math.h>
#include <string.h>

#include "conformance/harness.h"

static bool is_float(weft_dtype dtype)
{
    return dtype <= WEFT_BF16;
}

/* Strides that nest: axes in a random order, each stepping over what those before it reach, often with a gap. Returns
 * how many elements the box spans. */
static uint64_t draw_strides(weft__rng *rng, uint32_t rank, const uint64_t *extent, bool is_dense, uint64_t *stride)
{
    uint32_t order[4] = {0, 1, 2, 3};
    for (uint32_t i = rank; i-- > 1;) {
        uint32_t j = conf_one_in(rng, 2) ? i : (uint32_t)weft__rng_below(rng, i + 1);
        uint32_t other = order[j];
        order[j] = order[i];
        order[i] = other;
    }
    uint64_t span = 1;
    for (uint32_t i = rank; i-- > 0;) {
        uint32_t axis = order[i];
        uint64_t gap = is_dense || conf_one_in(rng, 2) ? 0 : weft__rng_below(rng, 4);
        stride[axis] = span + gap;
        span += extent[axis] ? (extent[axis] - 1) * stride[axis] : 0;
    }
    return span;
}

/* Source strides may also repeat elements, or let windows overlap. */
static uint64_t draw_source_strides(weft__rng *rng, weft_copy_params *p)
{
    if (!conf_one_in(rng, 4))
        return draw_strides(rng, p->rank, p->extent, conf_one_in(rng, 2), p->source_stride);
    uint64_t span = 1;
    for (uint32_t axis = 0; axis < p->rank; axis++) {
        p->source_stride[axis] = weft__rng_below(rng, 4);
        span += p->extent[axis] ? (p->extent[axis] - 1) * p->source_stride[axis] : 0;
    }
    return span;
}

static void draw_dtypes(weft__rng *rng, weft_dtype *source, weft_dtype *target)
{
    if (conf_one_in(rng, 2)) {
        *source = conf_float_dtype(rng);
        *target = conf_float_dtype(rng);
    } else {
        *source = *target = (weft_dtype)weft__rng_below(rng, WEFT_F64 + 1);
    }
}

static void make_whole_copy(conf_case *c, weft__rng *rng)
{
    weft_dtype source, target;
    draw_dtypes(rng, &source, &target);
    uint64_t rows = conf_extent_or(c, rng, 9, 50), columns = conf_extent_or(c, rng, 70, 700);
    conf_place(c, 0, source, weft_shape_2d(rows, columns), rng);
    conf_place(c, 1, target, conf_rows_shape(rng, 1, rows * columns), rng);
}

/* Columns of one buffer into other columns of the same rows: bytes that lie between each other without being shared. */
static void make_copy_between_columns(conf_case *c, weft__rng *rng)
{
    weft_copy_params *p = &c->params.copy;
    uint64_t rows = conf_extent_some(rng, c->is_large ? 300 : 9),
             columns = conf_extent_some(rng, c->is_large ? 140 : 17);
    uint64_t gap = weft__rng_below(rng, 3), pitch = 2 * columns + gap + weft__rng_below(rng, 3);
    bool is_swapped = conf_one_in(rng, 2);
    c->has_params = true;
    *p = (weft_copy_params){
        .rank = 2,
        .extent = {rows, columns},
        .source_offset = is_swapped ? columns + gap : 0,
        .source_stride = {pitch, 1},
        .target_offset = is_swapped ? 0 : columns + gap,
        .target_stride = {pitch, 1},
    };
    conf_place(c, 0, (weft_dtype)weft__rng_below(rng, WEFT_F64 + 1), weft_shape_2d(rows, pitch), rng);
    conf_place_within(c, 1, 0, weft_shape_2d(rows, pitch), 0);
}

static void make_box_copy(conf_case *c, weft__rng *rng)
{
    static const uint64_t small[4] = {300, 40, 9, 9}, large[4] = {40000, 200, 34, 14};
    weft_copy_params *p = &c->params.copy;
    weft_dtype source, target;
    draw_dtypes(rng, &source, &target);
    c->has_params = true;
    p->rank = 1 + (uint32_t)weft__rng_below(rng, 4);
    for (uint32_t axis = 0; axis < p->rank; axis++)
        p->extent[axis] = conf_extent_or(c, rng, small[p->rank - 1], large[p->rank - 1]);
    p->source_offset = weft__rng_below(rng, 5);
    p->target_offset = weft__rng_below(rng, 5);
    uint64_t reads = draw_source_strides(rng, p);
    uint64_t writes = draw_strides(rng, p->rank, p->extent, conf_one_in(rng, 2), p->target_stride);
    conf_place(c, 0, source, weft_shape_1d(p->source_offset + reads + weft__rng_below(rng, 5)), rng);
    conf_place(c, 1, target, weft_shape_1d(p->target_offset + writes + weft__rng_below(rng, 5)), rng);
}

static void make_copy(conf_case *c, weft__rng *rng)
{
    if (conf_one_in(rng, 5))
        make_whole_copy(c, rng);
    else if (conf_one_in(rng, 5))
        make_copy_between_columns(c, rng);
    else
        make_box_copy(c, rng);
    if (c->arguments[0].dtype == c->arguments[1].dtype)
        conf_fill_bits(c, 0, rng);
    else
        conf_fill_normal(c, 0, rng, conf_one_in(rng, 4) ? 1e-6 : 1);
}

static weft_status record_copy(weft_encoder *encoder, weft_buffer *const *a, const conf_case *c, weft_error *err)
{
    return weft_copy(encoder, a[0], a[1], c->has_params ? &c->params.copy : NULL, err);
}

/* Walks the box with four plain loops and compares bytes, or, where a conversion lies between, values. */
static const char *judge_copy(const conf_case *c, const void *const outputs[WEFT_ARGUMENTS_MAX])
{
    weft_copy_params p = c->params.copy;
    if (!c->has_params)
        p = (weft_copy_params){.rank = 1, .extent = {conf_elements(c, 0)}, .source_stride = {1}, .target_stride = {1}};
    uint64_t n[4] = {1, 1, 1, 1};
    memcpy(n, p.extent, p.rank * sizeof n[0]);
    weft_dtype from = c->arguments[0].dtype, to = c->arguments[1].dtype;
    size_t bytes = weft_dtype_bytes(from);
    for (uint64_t i = 0; i < n[0] * n[1] * n[2] * n[3]; i++) {
        uint64_t at[4] = {i / (n[3] * n[2] * n[1]), i / (n[3] * n[2]) % n[1], i / n[3] % n[2], i % n[3]};
        size_t source = (size_t)p.source_offset, target = (size_t)p.target_offset;
        for (uint32_t axis = 0; axis < p.rank; axis++) {
            source += (size_t)(at[axis] * p.source_stride[axis]);
            target += (size_t)(at[axis] * p.target_stride[axis]);
        }
        if (from == to) {
            const unsigned char *x = conf_data(c, 0), *y = outputs[1];
            if (memcmp(x + source * bytes, y + target * bytes, bytes) != 0)
                return "an element differs from its source";
            continue;
        }
        double x = conf_value(c, 0, source), y = conf_load(to, outputs[1], target);
        double bound = is_float(from) && from != WEFT_F32 && to == WEFT_F32 ? 0 : conf_relative(to, x, 1);
        bool overflows = to == WEFT_F16 && fabs(x) > 65504 && isinf(y);
        if (!overflows && !(isnan(x) && isnan(y)) && !(x == y) && !(fabs(x - y) <= bound))
            return "an element is not its source, rounded";
    }
    return NULL;
}

static void make_embedding(conf_case *c, weft__rng *rng)
{
    uint64_t tokens = conf_extent_or(c, rng, 20, 150), rows = conf_extent_some(rng, 60),
             dims = conf_extent_or(c, rng, 140, 260);
    conf_place(c, 0, conf_float_dtype(rng), weft_shape_2d(rows, dims), rng);
    conf_fill_normal(c, 0, rng, 1);
    conf_place(c, 1, WEFT_I32, weft_shape_1d(tokens), rng);
    int32_t *ids = conf_data(c, 1);
    for (uint64_t i = 0; i < tokens; i++)
        ids[i] = (int32_t)weft__rng_below(rng, rows);
    conf_place(c, 2, WEFT_F32, weft_shape_2d(tokens, dims), rng);
    c->params.number = conf_one_in(rng, 2) ? 1 : (float)weft__rng_normal(rng);
}

static weft_status record_embedding(weft_encoder *encoder, weft_buffer *const *a, const conf_case *c, weft_error *err)
{
    return weft_embedding(encoder, a[0], a[1], c->params.number, a[2], err);
}

static void expect_embedding(const conf_case *c, uint32_t argument, double *expected)
{
    size_t dims = (size_t)c->arguments[0].shape.extent[1];
    for (size_t i = 0; i < conf_elements(c, argument); i++)
        expected[i] = conf_value(c, 0, (size_t)conf_value(c, 1, i / dims) * dims + i % dims) * (double)c->params.number;
}

const conf_op conf_copy = {"copy", make_copy, record_copy, NULL, judge_copy};
const conf_op conf_embedding = {"embedding", make_embedding, record_embedding, expect_embedding, NULL};
