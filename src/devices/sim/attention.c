/* attention: out [T, H, D] = softmax(mask(scale * q k^T)) v.
 *
 * The unit of work is a key head and some queries that follow one another: of all heads that share the key head, so
 * many that a tile of the product has rows enough. Keys are taken in chunks. Of each chunk the scores are made, [keys,
 * rows], and from them the weights beside the greatest score so far; what was summed up before is made what it is
 * beside that one, too. In the end the values are divided by the sum of the weights.
 *
 * Which query sees which keys is known before. Keys that all queries of a unit see are one chunk for all of them; those
 * at both ends are for each query alone, so that nothing is masked, and what a query does not see, NaN or infinity
 * perhaps, never meets it.
 *
 * Where there are many units each PE has some. Where there are few, a cube has each of them: its PEs share the keys of
 * a unit among themselves, and join what they have in the end: first the greatest scores, then the sums. Few queries
 * that see many keys are another way, attention_spread.c.
 *
 * Keys and values that are f32 are streamed by the products from where they lie, those of the head only. Others are
 * brought as whole rows, of all heads, and cast. */
#include <float.h>
#include <inttypes.h>

#include <weft/collective.h>

#include "base/size.h"
#include "devices/host/args.h"
#include "devices/sim/attention_spread.h"
#include "devices/sim/stream.h"
#include "ops/ops_impl.h"
#include "sim/collective/messages.h"

enum {
    Q = 0,
    K = 1,
    V = 2,
    OUT = 3
};

/* Rows of a unit: those of a tile of the usual array. */
#define UNIT_ROWS 32u
/* So many keys for each PE at least are worth sharing. */
#define SHARED_KEYS 32u
/* A collective needs room for some messages. */
#define JOIN_MESSAGES 6u

/* Keys or values. */
typedef struct cache {
    weft__sim_matrix head; /* of all tokens */
    tl_tensor brought;     /* of the chunk, f32, all heads; not where they are streamed */
} cache;

typedef struct attention {
    weft_tile *tl;
    const weft__sim_call *call;
    weft__attention_args sizes;
    uint64_t sharers; /* heads that share a key head */
    bool streams;     /* keys and values are f32 */
    bool is_shared;   /* a cube has the unit, and not a PE */
    uint64_t tokens_step, keys_step;
    uint64_t parts; /* blocks that keys or values of a product may lie in */

    uint64_t head, token, tokens; /* of the unit */
    cache keys, values;
    uint64_t first_brought;
    tl_tensor queries;          /* [rows, D] */
    tl_tensor sums;             /* the two that follow, one behind the other */
    tl_tensor output;           /* [rows, D] */
    tl_tensor weight, greatest; /* [1, rows]: sums of weights, and scores */
} attention;

/* Rows of queries and keys that see each other. */
typedef struct meeting {
    weft__sim_rows rows, keys;
} meeting;

/* ---- sizes ---- */

static void choose_keys(attention *it)
{
    const uint64_t each = sizeof(float);
    uint64_t rows = it->tokens_step * it->sharers, row_bytes = it->sizes.head_dim * each;
    uint64_t part_bytes = (rows + 1) * row_bytes;
    it->parts = weft__sim_rows_at_once(it->call, 4 * part_bytes, 0, WEFT__SIM_FLIGHT_MAX);
    it->parts = weft__max_size(it->parts, 1);
    /* Queries, output, two of its sums, and the result; numbers for each row. */
    uint64_t fixed = 5 * rows * row_bytes + 16 * rows * each + it->parts * part_bytes;
    if (it->is_shared)
        fixed += JOIN_MESSAGES * weft__message_elements(it->tl, WEFT_F32) * each;
    uint64_t key_bytes = 5 * rows * each + (it->streams ? 0 : 2 * it->sizes.kv_heads * row_bytes);
    it->keys_step = weft__sim_rows_at_once(it->call, key_bytes, fixed, it->sizes.kv_length);
}

static uint64_t unit_count(const attention *it)
{
    return weft__ceil_div(it->sizes.tokens, it->tokens_step) * it->sizes.kv_heads;
}

/* Where it takes half of the time, if joining took none. */
static bool is_worth_sharing(const attention *it)
{
    uint64_t ranks = tl_num_programs(it->tl, TL_AXIS_RANK), groups = tl_num_programs(it->tl, TL_AXIS_GROUP);
    uint64_t seen = it->sizes.window ? weft__min_size(it->sizes.window, it->sizes.kv_length) : it->sizes.kv_length;
    return 2 * weft__ceil_div(unit_count(it), groups) <= ranks && seen >= ranks * SHARED_KEYS;
}

/* As many queries as give each PE a unit, but no more than a tile has rows for. */
static void choose_steps(attention *it)
{
    uint64_t units = it->sizes.tokens * it->sizes.kv_heads / tl_num_programs(it->tl, TL_AXIS_ALL);
    uint64_t most = weft__min_size(weft__max_size(UNIT_ROWS / it->sharers, 1), it->sizes.tokens);
    it->tokens_step = weft__min_size(weft__max_size(units, 1), most);
    it->is_shared = is_worth_sharing(it);
    choose_keys(it);
    while (it->keys_step == 0 && (it->is_shared || it->tokens_step > 1)) {
        it->tokens_step = it->is_shared ? it->tokens_step : it->tokens_step / 2;
        it->is_shared = false;
        choose_keys(it);
    }
    if (it->keys_step == 0)
        weft__sim_refuse(it->tl, WEFT_OUT_OF_MEMORY,
                         "%" PRIu64 " bytes of scratch memory have no room for one key of %zu elements and %" PRIu64
                         " queries.",
                         it->call->room_bytes, it->sizes.head_dim, it->sharers);
}

/* ---- keys and values ---- */

/* Some of the rows [key, end), as a tensor [some, D]. */
static tl_tensor next_rows(const attention *it, const cache *from, uint64_t key, uint64_t end)
{
    tl_tensor out;
    uint64_t dims = it->sizes.head_dim;
    if (!it->streams)
        return tl_slice(it->tl, tl_slice(it->tl, from->brought, 0, key - it->first_brought, end - key), 1,
                        it->head * dims, dims);
    if (weft__sim_name_rows(it->tl, &from->head, key, end - key, &out))
        return out;
    out = weft__sim_load(it->tl, from->head.view, from->head.first + key * from->head.pitch, dims);
    return tl_reshape(it->tl, out, weft_shape_2d(1, dims));
}

static void begin_bringing(attention *it, weft__sim_flight *flight, cache *into, weft__sim_rows keys)
{
    uint64_t pitch = into->head.pitch;
    into->brought = tl_empty(it->tl, weft_shape_2d(keys.count, pitch), WEFT_F32);
    weft__sim_begin_load(it->tl, flight, into->brought, into->head.view, keys.first * pitch);
}

/* ---- one meeting ---- */

/* [keys, rows]. */
static tl_tensor make_scores(attention *it, const meeting *at)
{
    weft_tile *tl = it->tl;
    uint64_t rows = at->rows.count, end = at->keys.first + at->keys.count;
    double cap = (double)it->sizes.soft_cap;
    tl_epilogue scale = {.step = {WEFT_EPILOGUE_SCALE, WEFT_SCOPE_OUTPUT_TILE, (double)it->sizes.scale}};
    if (cap != 0)
        scale.step.factor /= cap;
    tl_tensor queries = tl_trans(tl, tl_slice(tl, it->queries, 0, at->rows.first, rows));
    tl_tensor scores = tl_empty(tl, weft_shape_2d(at->keys.count, rows), WEFT_F32);
    for (uint64_t key = at->keys.first; key < end;) {
        uint64_t mark = tl_mark(tl);
        weft__sim_flight flight = {0};
        for (uint64_t i = 0; i < it->parts && key < end; i++) {
            tl_tensor keys = next_rows(it, &it->keys, key, end);
            const tl_composite_request request = {
                .op = WEFT_COMMAND_GEMM,
                .a = keys,
                .b = queries,
                .out = scores.address + (key - at->keys.first) * rows * sizeof(float),
                .dtype = WEFT_F32,
                .epilogues = &scale,
                .epilogue_count = 1,
            };
            weft__sim_flight_add(tl, &flight, &request);
            key += keys.shape.extent[0];
        }
        weft__sim_flight_wait(tl, &flight);
        tl_release(tl, mark);
    }
    if (cap != 0)
        scores = tl_mul(tl, tl_tanh(tl, scores), tl_full(tl, weft_shape_2d(1, 1), WEFT_F32, cap));
    return scores;
}

/* The output, made what it is beside a new greatest score, and the values times their weights. */
static void add_values(attention *it, const meeting *at, tl_tensor weights, tl_tensor share)
{
    weft_tile *tl = it->tl;
    uint64_t rows = at->rows.count, dims = it->sizes.head_dim, end = at->keys.first + at->keys.count;
    tl_tensor output = tl_slice(tl, it->output, 0, at->rows.first, rows);
    tl_tensor parts = tl_empty(tl, weft_shape_3d(it->parts, rows, dims), WEFT_F32);
    share = tl_reshape(tl, share, weft_shape_2d(rows, 1));
    for (uint64_t key = at->keys.first; key < end;) {
        uint64_t mark = tl_mark(tl), count = 0;
        bool is_first = key == at->keys.first;
        weft__sim_flight flight = {0};
        for (; count < it->parts && key < end; count++) {
            tl_tensor values = next_rows(it, &it->values, key, end);
            uint64_t keys = values.shape.extent[0];
            const tl_composite_request request = {
                .op = WEFT_COMMAND_GEMM,
                .a = tl_trans(tl, tl_slice(tl, weights, 0, key - at->keys.first, keys)),
                .b = values,
                .out = tl_slice(tl, parts, 0, count, 1).address,
                .dtype = WEFT_F32,
            };
            weft__sim_flight_add(tl, &flight, &request);
            key += keys;
        }
        weft__sim_flight_wait(tl, &flight);
        tl_tensor part = tl_slice(tl, parts, 0, 0, count);
        if (count > 1)
            part = tl_sum(tl, part, 0);
        part = tl_reshape(tl, part, weft_shape_2d(rows, dims));
        tl_copy(tl, output, is_first ? tl_fma(tl, output, share, part) : tl_add(tl, output, part));
        tl_release(tl, mark);
    }
}

static void meet(attention *it, const meeting *at)
{
    weft_tile *tl = it->tl;
    uint64_t mark = tl_mark(tl);
    tl_tensor greatest = tl_slice(tl, it->greatest, 1, at->rows.first, at->rows.count);
    tl_tensor weight = tl_slice(tl, it->weight, 1, at->rows.first, at->rows.count);
    tl_tensor scores = make_scores(it, at);
    tl_tensor now = tl_maximum(tl, greatest, tl_max(tl, scores, 0));
    tl_tensor weights = tl_exp(tl, tl_sub(tl, scores, now));
    tl_tensor share = tl_exp(tl, tl_sub(tl, greatest, now));
    tl_copy(tl, weight, tl_fma(tl, weight, share, tl_sum(tl, weights, 0)));
    tl_copy(tl, greatest, now);
    add_values(it, at, weights, share);
    tl_release(tl, mark);
}

/* ---- one unit ---- */

/* The rows of a query of the unit, as elements of q and out. */
static uint64_t rows_of(const attention *it, uint64_t token)
{
    return ((it->token + token) * it->sizes.heads + it->head * it->sharers) * it->sizes.head_dim;
}

static void name_sums(attention *it, tl_tensor sums)
{
    weft_tile *tl = it->tl;
    uint64_t rows = it->tokens * it->sharers, dims = it->sizes.head_dim;
    it->sums = sums;
    it->output = tl_reshape(tl, tl_slice(tl, sums, 0, 0, rows * dims), weft_shape_2d(rows, dims));
    it->weight = tl_reshape(tl, tl_slice(tl, sums, 0, rows * dims, rows), weft_shape_2d(1, rows));
}

/* A meeting has not been yet. Its greatest score is the least finite number, not infinity: the difference of two of
 * those would be NaN, where all scores of a chunk are minus infinity. */
static void begin_unit(attention *it)
{
    weft_tile *tl = it->tl;
    uint64_t rows = it->tokens * it->sharers, dims = it->sizes.head_dim;
    weft__sim_flight flight = {0};
    it->queries = tl_empty(tl, weft_shape_2d(rows, dims), WEFT_F32);
    it->greatest = tl_empty(tl, weft_shape_2d(1, rows), WEFT_F32);
    name_sums(it, tl_empty(tl, weft_shape_1d(rows * (dims + 1)), WEFT_F32));
    for (uint64_t token = 0; token < it->tokens; token++)
        weft__sim_begin_load(tl, &flight, tl_slice(tl, it->queries, 0, token * it->sharers, it->sharers),
                             &it->call->arguments[Q], rows_of(it, token));
    uint64_t mark = tl_mark(tl);
    tl_copy(tl, it->sums, tl_full(tl, it->sums.shape, WEFT_F32, 0));
    tl_copy(tl, it->greatest, tl_full(tl, it->greatest.shape, WEFT_F32, -(double)FLT_MAX));
    tl_release(tl, mark);
    weft__sim_flight_wait(tl, &flight);
}

/* What the PEs of a cube have, beside the greatest score of all of them, is added up. */
static void join(attention *it)
{
    weft_tile *tl = it->tl;
    tl_tensor greatest = tl_all_reduce_ring(tl, it->greatest, TL_REDUCE_MAX);
    tl_tensor share = tl_exp(tl, tl_sub(tl, it->greatest, greatest));
    tl_tensor of_rows = tl_reshape(tl, share, weft_shape_2d(it->tokens * it->sharers, 1));
    tl_copy(tl, it->weight, tl_mul(tl, it->weight, share));
    tl_copy(tl, it->output, tl_mul(tl, it->output, of_rows));
    name_sums(it, tl_all_reduce_ring(tl, it->sums, TL_REDUCE_SUM));
}

static void end_unit(attention *it)
{
    weft_tile *tl = it->tl;
    weft__sim_flight flight = {0};
    tl_tensor weight = tl_reshape(tl, it->weight, weft_shape_2d(it->tokens * it->sharers, 1));
    tl_tensor result = tl_div(tl, it->output, weight);
    for (uint64_t token = 0; token < it->tokens; token++)
        weft__sim_begin_store(tl, &flight, &it->call->arguments[OUT], rows_of(it, token),
                              tl_slice(tl, result, 0, token * it->sharers, it->sharers));
    weft__sim_flight_wait(tl, &flight);
}

/* The keys [first, last) meet all queries of the unit, or each one those that it sees. */
static void meet_chunk(attention *it, size_t first, size_t last, bool is_for_all)
{
    weft_tile *tl = it->tl;
    uint64_t mark = tl_mark(tl);
    weft__sim_flight flight = {0};
    meeting at = {.rows = {0, it->tokens * it->sharers}, .keys = {first, last - first}};
    it->first_brought = first;
    if (!it->streams) {
        begin_bringing(it, &flight, &it->keys, at.keys);
        begin_bringing(it, &flight, &it->values, at.keys);
        weft__sim_flight_wait(tl, &flight);
    }
    if (is_for_all)
        meet(it, &at);
    for (uint64_t token = 0; !is_for_all && token < it->tokens; token++) {
        weft__key_range seen = weft__attention_keys(&it->sizes, (size_t)(it->token + token));
        uint64_t begin = weft__max_size(first, seen.first), end = weft__min_size(last, seen.last);
        at = (meeting){.rows = {token * it->sharers, it->sharers}, .keys = {begin, end - begin}};
        if (begin < end)
            meet(it, &at);
    }
    tl_release(tl, mark);
}

/* The part of the keys that this PE meets. */
static weft__key_range own_keys(const attention *it, weft__key_range all)
{
    if (!it->is_shared)
        return all;
    size_t rank = tl_program_id(it->tl, TL_AXIS_RANK), ranks = tl_num_programs(it->tl, TL_AXIS_RANK);
    size_t count = all.last - all.first;
    return (weft__key_range){all.first + count * rank / ranks, all.first + count * (rank + 1) / ranks};
}

static void attend(attention *it)
{
    uint64_t mark = tl_mark(it->tl);
    /* Neither end goes back from query to query. */
    weft__key_range of_first = weft__attention_keys(&it->sizes, (size_t)it->token);
    weft__key_range of_last = weft__attention_keys(&it->sizes, (size_t)(it->token + it->tokens - 1));
    weft__key_range own = own_keys(it, (weft__key_range){of_first.first, of_last.last});
    begin_unit(it);
    for (size_t key = own.first; key < own.last;) {
        /* Between these two are the keys that all queries see, if there are any. */
        size_t cut = key < of_last.first ? of_last.first : key < of_first.last ? of_first.last : own.last;
        size_t end = weft__min_size(weft__min_size(own.last, key + (size_t)it->keys_step), cut);
        meet_chunk(it, key, end, key >= of_last.first && end <= of_first.last);
        key = end;
    }
    if (it->is_shared)
        join(it);
    if (!it->is_shared || tl_program_id(it->tl, TL_AXIS_RANK) == 0)
        end_unit(it);
    tl_release(it->tl, mark);
}

/* ---- the kernel ---- */

static cache cache_of(const attention *it, uint32_t argument)
{
    uint64_t dims = it->sizes.head_dim;
    return (cache){.head = {.view = &it->call->arguments[argument],
                            .first = it->head * dims,
                            .columns = dims,
                            .pitch = it->sizes.kv_heads * dims}};
}

static void run_attention(weft_tile *tl, const void *arguments)
{
    const weft__sim_call *call = arguments;
    if (weft__sim_attention_is_spread(call)) {
        weft__sim_attention_spread(tl, call);
        return;
    }
    const weft__sim_call here = weft__sim_call_here(tl, call);
    attention it = {.tl = tl, .call = &here, .sizes = weft__host_attention_args(call->dispatch)};
    it.sharers = it.sizes.heads / it.sizes.kv_heads;
    it.streams = it.sizes.kv_dtype == WEFT_F32;
    choose_steps(&it);
    tl_axis axis = it.is_shared ? TL_AXIS_GROUP : TL_AXIS_ALL;
    uint64_t count = unit_count(&it), programs = tl_num_programs(tl, axis), id = tl_program_id(tl, axis);
    weft__sim_note_split(tl, &call->arguments[Q], count, it.tokens_step * it.sharers * it.sizes.head_dim,
                         (count + programs - 1 - id) / programs);
    for (uint64_t unit = tl_program_id(tl, axis); unit < count; unit += tl_num_programs(tl, axis)) {
        it.head = unit % it.sizes.kv_heads;
        it.token = unit / it.sizes.kv_heads * it.tokens_step;
        it.tokens = weft__min_size(it.tokens_step, it.sizes.tokens - it.token);
        it.keys = cache_of(&it, K);
        it.values = cache_of(&it, V);
        attend(&it);
    }
}

static uint32_t choose_queues(const weft__sim_call *call)
{
    return weft__sim_attention_is_spread(call) ? WEFT__SIM_SPREAD_QUEUES : WEFT_QUEUES_RING;
}

const weft__sim_kernel weft__sim_kernel_attention = {
    .kernel = {&weft__op_attention}, .tile = run_attention, .choose_queues = choose_queues};
