#include "devices/sim/attention_spread.h"

#include <float.h>
#include <inttypes.h>

#include <weft/collective.h>

#include "base/size.h"
#include "devices/host/args.h"
#include "devices/sim/stream.h"
#include "ops/ops_impl.h"

enum {
    Q = 0,
    K = 1,
    V = 2,
    OUT = 3
};

/* What a PE may have queues to: next and previous, parent and two children, four cubes and four SIPs. */
#define QUEUES_MOST 13u
/* So many keys at once at least must have room; fewer would be many small products. */
#define KEYS_LEAST 8u
/* Each query is a pass of its own, and where they are more, one pass over all keys serves several. */
#define TOKENS_MOST 4u
/* One key for so many PEs, and for each query, is worth what joining all of them takes. */
#define PES_PER_KEY 8u
/* Collectives need room for so many messages. */
#define JOIN_MESSAGES 24u

typedef struct spread {
    weft_tile *tl;
    const weft__sim_call *call;
    weft__attention_args sizes;
    uint64_t sharers; /* heads that share a key head */
    uint64_t ranks, rank;
    uint64_t share; /* rows that each PE of a cube is given of the result */
    uint64_t keys_step;
    uint64_t token;
    tl_tensor queries;          /* [ranks * share, D], of which the first rows are those of the query */
    tl_tensor greatest, weight; /* [kv heads, 1, sharers]: scores, and sums of weights */
    tl_tensor output;           /* [heads, D] */
} spread;

/* Some keys and their values, of all heads. */
typedef struct brought {
    weft__sim_rows rows;
    tl_tensor keys, values; /* [rows, kv heads * D] */
} brought;

/* ---- whether ---- */

static uint64_t key_bytes(const weft__attention_args *sizes)
{
    /* Scores, these beside the greatest, weights, and two for a soft cap. */
    return (2 * sizes->kv_heads * sizes->head_dim + 5 * sizes->heads) * sizeof(float);
}

/* Queries; output with two of its sums, or with what is joined, which takes twice as much, and its result. */
static uint64_t fixed_bytes(const weft__attention_args *sizes, uint64_t ranks, uint64_t slot_bytes)
{
    uint64_t rows = weft__ceil_div(sizes->heads, ranks) * ranks;
    return 6 * rows * (sizes->head_dim + 4) * sizeof(float) + JOIN_MESSAGES * slot_bytes;
}

bool weft__sim_attention_is_spread(const weft__sim_call *call)
{
    const weft__attention_args sizes = weft__host_attention_args(call->dispatch);
    if (sizes.tokens > TOKENS_MOST || sizes.kv_heads == 0 || sizes.head_dim == 0)
        return false;
    weft__key_range seen = weft__attention_keys(&sizes, sizes.tokens - 1);
    uint64_t bytes = fixed_bytes(&sizes, call->cube_pes, call->slot_bytes) + KEYS_LEAST * key_bytes(&sizes) +
                     (uint64_t)QUEUES_MOST * call->slots * call->slot_bytes;
    return (seen.last - seen.first) * PES_PER_KEY >= sizes.tokens * call->arguments[K].memory->pes &&
           weft__sim_rows_at_once(call, 0, bytes, 1) > 0;
}

/* ---- queries ---- */

/* Rows of the result that are this PE's. */
static weft__sim_rows own_rows(const spread *it)
{
    uint64_t first = weft__min_size(it->rank * it->share, it->sizes.heads);
    return (weft__sim_rows){first, weft__min_size(it->share, it->sizes.heads - first)};
}

static uint64_t element_of(const spread *it, uint64_t row)
{
    return (it->token * it->sizes.heads + row) * it->sizes.head_dim;
}

/* Each PE of a cube brings some rows, and all of them have all. Rows behind the last one are zeros. */
static void bring_queries(spread *it)
{
    weft_tile *tl = it->tl;
    weft__sim_flight flight = {0};
    weft__sim_rows own = own_rows(it);
    tl_tensor rows = tl_empty(tl, weft_shape_2d(it->share, it->sizes.head_dim), WEFT_F32);
    if (own.count < it->share)
        tl_copy(tl, rows, tl_full(tl, rows.shape, WEFT_F32, 0));
    if (own.count > 0)
        weft__sim_begin_load(tl, &flight, tl_slice(tl, rows, 0, 0, own.count), &it->call->arguments[Q],
                             element_of(it, own.first));
    weft__sim_flight_wait(tl, &flight);
    it->queries = tl_all_gather(tl, rows);
}

/* ---- keys ---- */

static tl_tensor begin_bringing(const spread *it, weft__sim_flight *flight, uint32_t argument, weft__sim_rows keys)
{
    uint64_t pitch = it->sizes.kv_heads * it->sizes.head_dim;
    tl_tensor out = tl_empty(it->tl, weft_shape_2d(keys.count, pitch), WEFT_F32);
    weft__sim_begin_load(it->tl, flight, out, &it->call->arguments[argument], keys.first * pitch);
    return out;
}

static tl_tensor of_head(const spread *it, tl_tensor rows, uint64_t head)
{
    return tl_slice(it->tl, rows, 1, head * it->sizes.head_dim, it->sizes.head_dim);
}

/* [kv heads, keys, sharers]. */
static tl_tensor make_scores(const spread *it, const brought *at)
{
    weft_tile *tl = it->tl;
    double cap = (double)it->sizes.soft_cap;
    tl_epilogue scale = {.step = {WEFT_EPILOGUE_SCALE, WEFT_SCOPE_OUTPUT_TILE, (double)it->sizes.scale}};
    if (cap != 0)
        scale.step.factor /= cap;
    weft__sim_flight flight = {0};
    tl_tensor scores = tl_empty(tl, weft_shape_3d(it->sizes.kv_heads, at->rows.count, it->sharers), WEFT_F32);
    for (uint64_t head = 0; head < it->sizes.kv_heads; head++) {
        const tl_composite_request request = {
            .op = WEFT_COMMAND_GEMM,
            .a = of_head(it, at->keys, head),
            .b = tl_trans(tl, tl_slice(tl, it->queries, 0, head * it->sharers, it->sharers)),
            .out = tl_slice(tl, scores, 0, head, 1).address,
            .dtype = WEFT_F32,
            .epilogues = &scale,
            .epilogue_count = 1,
        };
        weft__sim_flight_add(tl, &flight, &request);
    }
    weft__sim_flight_wait(tl, &flight);
    if (cap != 0)
        scores = tl_mul(tl, tl_tanh(tl, scores), tl_full(tl, weft_shape_3d(1, 1, 1), WEFT_F32, cap));
    return scores;
}

/* The values times their weights, [heads, D]. */
static void weigh(const spread *it, const brought *at, tl_tensor weights, tl_tensor out)
{
    weft_tile *tl = it->tl;
    weft__sim_flight flight = {0};
    for (uint64_t head = 0; head < it->sizes.kv_heads; head++) {
        tl_tensor of_keys =
            tl_reshape(tl, tl_slice(tl, weights, 0, head, 1), weft_shape_2d(at->rows.count, it->sharers));
        const tl_composite_request request = {
            .op = WEFT_COMMAND_GEMM,
            .a = tl_trans(tl, of_keys),
            .b = of_head(it, at->values, head),
            .out = tl_slice(tl, out, 0, head * it->sharers, it->sharers).address,
            .dtype = WEFT_F32,
        };
        weft__sim_flight_add(tl, &flight, &request);
    }
    weft__sim_flight_wait(tl, &flight);
}

/* The first keys of a PE find nothing to be made what it is beside a new greatest score. */
static void meet(spread *it, weft__sim_rows keys, bool is_first)
{
    weft_tile *tl = it->tl;
    uint64_t mark = tl_mark(tl);
    weft__sim_flight of_keys = {0}, of_values = {0};
    brought at = {.rows = keys};
    at.keys = begin_bringing(it, &of_keys, K, keys);
    at.values = begin_bringing(it, &of_values, V, keys);
    weft__sim_flight_wait(tl, &of_keys);
    tl_tensor scores = make_scores(it, &at);
    tl_tensor now = tl_maximum(tl, it->greatest, tl_max(tl, scores, 1));
    tl_tensor weights = tl_exp(tl, tl_sub(tl, scores, now));
    tl_tensor share = tl_exp(tl, tl_sub(tl, it->greatest, now));
    tl_copy(tl, it->weight, tl_fma(tl, it->weight, share, tl_sum(tl, weights, 1)));
    tl_copy(tl, it->greatest, now);
    weft__sim_flight_wait(tl, &of_values);
    tl_tensor part = is_first ? it->output : tl_empty(tl, it->output.shape, WEFT_F32);
    weigh(it, &at, weights, part);
    if (!is_first)
        tl_copy(tl, it->output, tl_fma(tl, it->output, tl_reshape(tl, share, weft_shape_2d(it->sizes.heads, 1)), part));
    tl_release(tl, mark);
}

/* The greatest score is the least finite number at first, as of a PE that no key lies with. */
static void meet_own(spread *it)
{
    weft_tile *tl = it->tl;
    const weft__attention_args *sizes = &it->sizes;
    weft__key_range seen = weft__attention_keys(sizes, (size_t)it->token);
    weft__sim_rows own = weft__sim_own_rows(tl, &it->call->arguments[K], sizes->kv_heads * sizes->head_dim);
    uint64_t first = weft__max_size(own.first, seen.first);
    uint64_t last = weft__min_size(own.first + own.count, seen.last);
    const weft_shape shape = weft_shape_3d(sizes->kv_heads, 1, it->sharers);
    it->greatest = tl_empty(tl, shape, WEFT_F32);
    it->weight = tl_empty(tl, shape, WEFT_F32);
    it->output = tl_empty(tl, weft_shape_2d(sizes->heads, sizes->head_dim), WEFT_F32);
    uint64_t mark = tl_mark(tl);
    tl_copy(tl, it->greatest, tl_full(tl, shape, WEFT_F32, -(double)FLT_MAX));
    tl_copy(tl, it->weight, tl_full(tl, shape, WEFT_F32, 0));
    if (first >= last)
        tl_copy(tl, it->output, tl_full(tl, it->output.shape, WEFT_F32, 0));
    tl_release(tl, mark);
    for (uint64_t key = first; key < last; key += it->keys_step)
        meet(it, (weft__sim_rows){key, weft__min_size(it->keys_step, last - key)}, key == first);
}

/* ---- joining ---- */

/* For each rank of the cube, outputs and then weights of its rows, beside the greatest score of all PEs. */
static tl_tensor make_sums(const spread *it)
{
    weft_tile *tl = it->tl;
    uint64_t heads = it->sizes.heads, dims = it->sizes.head_dim;
    tl_tensor greatest = tl_all_reduce_centre(tl, tl_all_reduce(tl, it->greatest, TL_REDUCE_MAX), TL_REDUCE_MAX);
    tl_tensor factor = tl_reshape(tl, tl_exp(tl, tl_sub(tl, it->greatest, greatest)), weft_shape_2d(heads, 1));
    tl_tensor output = tl_mul(tl, it->output, factor);
    tl_tensor weight = tl_mul(tl, tl_reshape(tl, it->weight, factor.shape), factor);
    tl_tensor sums = tl_empty(tl, weft_shape_2d(it->ranks, it->share * (dims + 1)), WEFT_F32);
    if (it->ranks * it->share > heads)
        tl_copy(tl, sums, tl_full(tl, sums.shape, WEFT_F32, 0));
    weft__sim_flight flight = {0};
    for (uint64_t rank = 0; rank * it->share < heads; rank++) {
        uint64_t first = rank * it->share, count = weft__min_size(it->share, heads - first);
        uint64_t place = tl_slice(tl, sums, 0, rank, 1).address;
        tl_composite_request request = {
            .op = WEFT_COMMAND_CAST,
            .a = tl_slice(tl, output, 0, first, count),
            .out = place,
            .dtype = WEFT_F32,
        };
        weft__sim_flight_add(tl, &flight, &request);
        request.a = tl_slice(tl, weight, 0, first, count);
        request.out = place + it->share * dims * sizeof(float);
        weft__sim_flight_add(tl, &flight, &request);
    }
    weft__sim_flight_wait(tl, &flight);
    return sums;
}

/* The cube that an element lies in, as a group. */
static uint64_t group_of(const spread *it, const weft__sim_view *view, uint64_t element)
{
    const weft__sim_memory *memory = view->memory;
    uint64_t byte = view->offset_bytes + element * weft_dtype_bytes(view->dtype);
    return (memory->first + byte / memory->block_bytes) % memory->pes / it->ranks;
}

/* All cubes have the sums of a rank; each row is written by the cube that it lies in. */
static void write_own(const spread *it, tl_tensor sums)
{
    weft_tile *tl = it->tl;
    const weft__sim_view *out = &it->call->arguments[OUT];
    uint64_t dims = it->sizes.head_dim;
    weft__sim_rows own = own_rows(it);
    weft__sim_flight flight = {0};
    sums = tl_reshape(tl, sums, weft_shape_1d(it->share * (dims + 1)));
    for (uint64_t i = 0; i < own.count; i++) {
        uint64_t element = element_of(it, own.first + i);
        if (group_of(it, out, element) != tl_program_id(tl, TL_AXIS_GROUP))
            continue;
        tl_tensor result =
            tl_div(tl, tl_slice(tl, sums, 0, i * dims, dims), tl_slice(tl, sums, 0, it->share * dims + i, 1));
        weft__sim_begin_store(tl, &flight, out, element, result);
    }
    weft__sim_flight_wait(tl, &flight);
}

/* ---- the kernel ---- */

void weft__sim_attention_spread(weft_tile *tl, const weft__sim_call *call)
{
    const weft__sim_call here = weft__sim_call_here(tl, call);
    spread it = {.tl = tl, .call = &here, .sizes = weft__host_attention_args(call->dispatch)};
    it.sharers = it.sizes.heads / it.sizes.kv_heads;
    it.ranks = tl_num_programs(tl, TL_AXIS_RANK);
    it.rank = tl_program_id(tl, TL_AXIS_RANK);
    it.share = weft__ceil_div(it.sizes.heads, it.ranks);
    it.keys_step = weft__sim_rows_at_once(&here, key_bytes(&it.sizes),
                                          fixed_bytes(&it.sizes, it.ranks, call->slot_bytes), it.sizes.kv_length);
    for (; it.token < it.sizes.tokens; it.token++) {
        uint64_t mark = tl_mark(tl);
        bring_queries(&it);
        meet_own(&it);
        tl_tensor sums = tl_reduce_scatter(tl, make_sums(&it), TL_REDUCE_SUM);
        write_own(&it, tl_all_reduce_centre(tl, sums, TL_REDUCE_SUM));
        tl_release(tl, mark);
    }
}
