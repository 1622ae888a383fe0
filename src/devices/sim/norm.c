/* rms_norm, rms_norm_mul, add_rms_norm: rows are of whoever has them in the output. */
#include "devices/sim/norm.h"

#include "ops/ops_impl.h"

/* ---- the norm ---- */

static tl_tensor number(weft_tile *tl, double value)
{
    return tl_full(tl, weft_shape_2d(1, 1), WEFT_F32, value);
}

weft__sim_norm weft__sim_norm_begin(weft_tile *tl, const weft_rms_norm_params *params, const weft__sim_view *weight,
                                    uint64_t dims)
{
    weft__sim_norm norm = {.weight = weight, .weight_bias = params->weight_bias};
    if (weight->memory)
        norm.weight_bytes = weft__sim_f32_bytes(weight) + (norm.weight_bias != 0 ? sizeof(float) : 0);
    norm.inverse = number(tl, 1 / (double)dims);
    norm.epsilon = number(tl, (double)params->epsilon);
    return norm;
}

tl_tensor weft__sim_norm_weight(weft_tile *tl, const weft__sim_norm *norm, uint64_t first, uint64_t count)
{
    tl_tensor weight = weft__sim_load_f32(tl, norm->weight, first, count);
    weight = tl_reshape(tl, weight, weft_shape_2d(1, count));
    if (norm->weight_bias != 0)
        weight = tl_add(tl, weight, number(tl, (double)norm->weight_bias));
    return weight;
}

tl_tensor weft__sim_norm_squares(weft_tile *tl, tl_tensor x)
{
    return tl_sum(tl, tl_mul(tl, x, x), 1);
}

tl_tensor weft__sim_norm_factors(weft_tile *tl, const weft__sim_norm *norm, tl_tensor squares)
{
    return tl_rsqrt(tl, tl_fma(tl, squares, norm->inverse, norm->epsilon));
}

tl_tensor weft__sim_norm_apply(weft_tile *tl, const weft__sim_norm *norm, tl_tensor x, tl_tensor factors,
                               tl_tensor weight)
{
    tl_tensor out = tl_mul(tl, x, factors);
    return norm->weight_bytes ? tl_mul(tl, out, weight) : out;
}

tl_tensor weft__sim_normalise(weft_tile *tl, const weft__sim_norm *norm, tl_tensor x, tl_tensor weight)
{
    tl_tensor factors = weft__sim_norm_factors(tl, norm, weft__sim_norm_squares(tl, x));
    return weft__sim_norm_apply(tl, norm, x, factors, weight);
}

/* ---- the ops ---- */

/* An op as one PE sees it. What it has no use for is NULL. */
typedef struct rows_op {
    const weft__sim_call *call;
    const weft__sim_view *x, *added, *sum; /* x + added is written to sum, and then normalised in place of x */
    const weft__sim_view *weight;
    const weft__sim_view *other; /* what the norm is multiplied by */
    const weft__sim_view *out;
    uint64_t dims;
    uint64_t element_bytes; /* of scratch memory for each element of a row */
    weft__sim_norm norm;
} rows_op;

static tl_tensor load_rows(weft_tile *tl, const weft__sim_view *view, uint64_t first, uint64_t rows, uint64_t columns)
{
    return tl_reshape(tl, weft__sim_load(tl, view, first, rows * columns), weft_shape_2d(rows, columns));
}

/* What is to be normalised, which is written to sum where there is one. */
static tl_tensor make_rows(weft_tile *tl, const rows_op *it, uint64_t first, uint64_t rows, uint64_t columns)
{
    tl_tensor x = load_rows(tl, it->x, first, rows, columns);
    if (!it->added)
        return x;
    tl_tensor sum = tl_add(tl, x, load_rows(tl, it->added, first, rows, columns));
    weft__sim_store(tl, it->sum, first, sum);
    return sum;
}

static void store_rows(weft_tile *tl, const rows_op *it, uint64_t first, tl_tensor norm)
{
    if (it->other)
        norm = tl_mul(tl, norm, load_rows(tl, it->other, first, norm.shape.extent[0], norm.shape.extent[1]));
    weft__sim_store(tl, it->out, first, norm);
}

/* In pieces: once for the sum of the squares, once for the result. */
static void work_on_long_row(weft_tile *tl, const rows_op *it, uint64_t row)
{
    uint64_t first = row * it->dims, mark = tl_mark(tl);
    tl_tensor squares = tl_empty(tl, weft_shape_2d(1, 1), WEFT_F32);
    tl_copy(tl, squares, number(tl, 0));
    uint64_t mark_of_squares = tl_mark(tl);
    for (uint64_t done = 0, some; done < it->dims; done += some) {
        some = weft__sim_elements_at_once(tl, it->call, it->element_bytes, it->dims - done);
        tl_tensor x = make_rows(tl, it, first + done, 1, some);
        tl_copy(tl, squares, tl_add(tl, squares, weft__sim_norm_squares(tl, x)));
        tl_release(tl, mark_of_squares);
    }
    const weft__sim_view *made = it->added ? it->sum : it->x;
    tl_tensor factor = weft__sim_norm_factors(tl, &it->norm, squares), weight = {0};
    uint64_t mark_of_factor = tl_mark(tl);
    for (uint64_t done = 0, some; done < it->dims; done += some) {
        uint64_t each = it->element_bytes + it->norm.weight_bytes;
        some = weft__sim_elements_at_once(tl, it->call, each, it->dims - done);
        if (it->norm.weight_bytes)
            weight = weft__sim_norm_weight(tl, &it->norm, done, some);
        tl_tensor x = load_rows(tl, made, first + done, 1, some);
        store_rows(tl, it, first + done, weft__sim_norm_apply(tl, &it->norm, x, factor, weight));
        tl_release(tl, mark_of_factor);
    }
    tl_release(tl, mark);
}

static void work_on_rows(weft_tile *tl, const rows_op *it, weft__sim_rows own, uint64_t together)
{
    tl_tensor weight = {0};
    if (it->norm.weight_bytes)
        weight = weft__sim_norm_weight(tl, &it->norm, 0, it->dims);
    uint64_t mark = tl_mark(tl);
    for (uint64_t done = 0, some; done < own.count; done += some) {
        some = own.count - done < together ? own.count - done : together;
        uint64_t first = (own.first + done) * it->dims;
        tl_tensor x = make_rows(tl, it, first, some, it->dims);
        store_rows(tl, it, first, weft__sim_normalise(tl, &it->norm, x, weight));
        tl_release(tl, mark);
    }
}

static void run(weft_tile *tl, rows_op *it)
{
    const weft_buffer *const *arguments = it->call->dispatch->arguments;
    it->dims = weft__rms_norm_dims(arguments[it->x - it->call->arguments], arguments[it->weight - it->call->arguments]);
    weft__sim_rows own = weft__sim_own_rows(tl, it->out, it->dims);
    if (own.count == 0)
        return;
    /* What is added, and the sum; the other factor, and the product. */
    uint64_t more = (it->added ? 2u : 0u) + (it->other ? 2u : 0u);
    it->element_bytes = (1 + more) * sizeof(float) + WEFT__SIM_NORM_ELEMENT_BYTES;
    it->norm = weft__sim_norm_begin(tl, it->call->dispatch->params, it->weight, it->dims);
    uint64_t row_bytes = it->dims * it->element_bytes + WEFT__SIM_NORM_ROW_BYTES;
    uint64_t fixed_bytes = it->dims * it->norm.weight_bytes + tl_mark(tl);
    uint64_t together = weft__sim_rows_at_once(it->call, row_bytes, fixed_bytes, own.count);
    if (together)
        work_on_rows(tl, it, own, together);
    for (uint64_t i = 0; together == 0 && i < own.count; i++)
        work_on_long_row(tl, it, own.first + i);
}

static void run_rms_norm(weft_tile *tl, const void *arguments)
{
    const weft__sim_call *call = arguments;
    const weft__sim_view *at = call->arguments;
    rows_op it = {.call = call, .x = &at[0], .weight = &at[1], .out = &at[2]};
    run(tl, &it);
}

static void run_rms_norm_mul(weft_tile *tl, const void *arguments)
{
    const weft__sim_call *call = arguments;
    const weft__sim_view *at = call->arguments;
    rows_op it = {.call = call, .x = &at[0], .weight = &at[1], .other = &at[2], .out = &at[3]};
    run(tl, &it);
}

static void run_add_rms_norm(weft_tile *tl, const void *arguments)
{
    const weft__sim_call *call = arguments;
    const weft__sim_view *at = call->arguments;
    rows_op it = {.call = call, .x = &at[0], .added = &at[1], .weight = &at[2], .sum = &at[3], .out = &at[4]};
    run(tl, &it);
}

const weft__sim_kernel weft__sim_kernel_rms_norm = {.kernel = {&weft__op_rms_norm}, .tile = run_rms_norm};
const weft__sim_kernel weft__sim_kernel_rms_norm_mul = {.kernel = {&weft__op_rms_norm_mul}, .tile = run_rms_norm_mul};
const weft__sim_kernel weft__sim_kernel_add_rms_norm = {.kernel = {&weft__op_add_rms_norm}, .tile = run_add_rms_norm};
