/* rms_norm: rows are of whoever has them in the output. */
#include "devices/sim/sim_impl.h"
#include "ops/ops_impl.h"

enum {
    X = 0,
    WEIGHT = 1,
    OUT = 2
};

/* The op as one PE sees it. */
typedef struct rms_norm {
    const weft__sim_call *call;
    uint64_t dims;
    uint64_t weight_bytes; /* of scratch memory for each element of the weight; 0 if there is none */
    float weight_bias;
    tl_tensor inverse, epsilon; /* 1 / dims, and what is added: [1, 1] */
} rms_norm;

/* Scratch memory for each element of a row: itself, its square, itself times the factor, and that times the weight. */
#define ELEMENT_BYTES (4 * sizeof(float))
/* And for a row: sum, mean and factor. */
#define ROW_BYTES (3 * sizeof(float))

static tl_tensor number(weft_tile *tl, double value)
{
    return tl_full(tl, weft_shape_2d(1, 1), WEFT_F32, value);
}

/* Elements of the weight, with what is added to them: [1, count]. */
static tl_tensor load_weight(weft_tile *tl, const rms_norm *it, uint64_t first, uint64_t count)
{
    tl_tensor weight = weft__sim_load_f32(tl, &it->call->arguments[WEIGHT], first, count);
    weight = tl_reshape(tl, weight, weft_shape_2d(1, count));
    if (it->weight_bias != 0)
        weight = tl_add(tl, weight, number(tl, (double)it->weight_bias));
    return weight;
}

static tl_tensor load_rows(weft_tile *tl, const rms_norm *it, uint64_t first, uint64_t rows, uint64_t columns)
{
    tl_tensor x = weft__sim_load(tl, &it->call->arguments[X], first, rows * columns);
    return tl_reshape(tl, x, weft_shape_2d(rows, columns));
}

static tl_tensor sum_squares(weft_tile *tl, tl_tensor x)
{
    return tl_sum(tl, tl_mul(tl, x, x), 1);
}

/* What the rows are multiplied by, from their sums of squares. */
static tl_tensor factors(weft_tile *tl, const rms_norm *it, tl_tensor squares)
{
    return tl_rsqrt(tl, tl_fma(tl, squares, it->inverse, it->epsilon));
}

/* A weight of rank 0 is none. */
static void store_rows(weft_tile *tl, const rms_norm *it, uint64_t first, tl_tensor x, tl_tensor factor,
                       tl_tensor weight)
{
    tl_tensor out = tl_mul(tl, x, factor);
    if (it->weight_bytes)
        out = tl_mul(tl, out, weight);
    weft__sim_store(tl, &it->call->arguments[OUT], first, out);
}

/* In pieces: once for the sum of the squares, once for the result. */
static void work_on_long_row(weft_tile *tl, const rms_norm *it, uint64_t row)
{
    uint64_t first = row * it->dims, mark = tl_mark(tl);
    tl_tensor sum = tl_empty(tl, weft_shape_2d(1, 1), WEFT_F32);
    tl_copy(tl, sum, number(tl, 0));
    uint64_t mark_of_sum = tl_mark(tl);
    for (uint64_t done = 0, some; done < it->dims; done += some) {
        some = weft__sim_elements_at_once(tl, it->call, ELEMENT_BYTES, it->dims - done);
        tl_tensor x = load_rows(tl, it, first + done, 1, some);
        tl_copy(tl, sum, tl_add(tl, sum, sum_squares(tl, x)));
        tl_release(tl, mark_of_sum);
    }
    tl_tensor factor = factors(tl, it, sum), weight = {0};
    uint64_t mark_of_factor = tl_mark(tl);
    for (uint64_t done = 0, some; done < it->dims; done += some) {
        some = weft__sim_elements_at_once(tl, it->call, ELEMENT_BYTES + it->weight_bytes, it->dims - done);
        if (it->weight_bytes)
            weight = load_weight(tl, it, done, some);
        store_rows(tl, it, first + done, load_rows(tl, it, first + done, 1, some), factor, weight);
        tl_release(tl, mark_of_factor);
    }
    tl_release(tl, mark);
}

static void work_on_rows(weft_tile *tl, const rms_norm *it, weft__sim_rows own, uint64_t together)
{
    tl_tensor weight = {0};
    if (it->weight_bytes)
        weight = load_weight(tl, it, 0, it->dims);
    uint64_t mark = tl_mark(tl);
    for (uint64_t done = 0, some; done < own.count; done += some) {
        some = own.count - done < together ? own.count - done : together;
        uint64_t first = (own.first + done) * it->dims;
        tl_tensor x = load_rows(tl, it, first, some, it->dims);
        store_rows(tl, it, first, x, factors(tl, it, sum_squares(tl, x)), weight);
        tl_release(tl, mark);
    }
}

static void run_rms_norm(weft_tile *tl, const void *arguments)
{
    const weft__sim_call *call = arguments;
    const weft_rms_norm_params *params = call->dispatch->params;
    rms_norm it = {.call = call, .dims = weft__rms_norm_dims(call->dispatch), .weight_bias = params->weight_bias};
    weft__sim_rows own = weft__sim_own_rows(tl, &call->arguments[OUT], it.dims);
    if (own.count == 0)
        return;
    if (call->arguments[WEIGHT].memory)
        it.weight_bytes = weft__sim_f32_bytes(&call->arguments[WEIGHT]) + (it.weight_bias != 0 ? sizeof(float) : 0);
    it.inverse = number(tl, 1 / (double)it.dims);
    it.epsilon = number(tl, (double)params->epsilon);
    uint64_t together = weft__sim_rows_at_once(call, it.dims * ELEMENT_BYTES + ROW_BYTES,
                                               it.dims * it.weight_bytes + tl_mark(tl), own.count);
    if (together)
        work_on_rows(tl, &it, own, together);
    for (uint64_t i = 0; together == 0 && i < own.count; i++)
        work_on_long_row(tl, &it, own.first + i);
}

const weft__sim_kernel weft__sim_kernel_rms_norm = {.kernel = {&weft__op_rms_norm}, .tile = run_rms_norm};
