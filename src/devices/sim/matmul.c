/* matmul: out [M, N] = x [M, K] times the transpose of weight [N, K]; gate_up_silu, two such products.
 *
 * A PE has the rows of the weight that begin in its block, and makes the columns of out that belong to them. All PEs
 * need all of x: one PE of each cube loads it, as many rows at once as two thirds of the scratch memory hold, and the
 * others have it from there. The weight is gone through in pieces of rows and of k, and while one is multiplied the
 * next one is brought, cast to f32 where it has another dtype. What is f32 and lies in one block is not brought, but
 * streamed tile by tile by the product itself. The sums over each piece of k are rounded to f32 and added up in order.
 * Where the sizes let it be, a piece is as deep as k, and nothing is added.
 *
 * A few rows of x leave most of a tile empty. Then a weight that is bf16 is streamed as it is, too: each row of x
 * becomes three of bf16, which together are the row, in all bits unless it is near the ends of the range of f32. Their
 * products are added up. Of an infinite sum only the first says how: the others may have zeros where the weight is
 * infinite.
 *
 * With two weights a PE has the columns of the rows of the first one, the gate's, that begin in its block, and all
 * pieces of the gate are followed by those of the same columns of the other. Weights of one shape that fill all PEs lie
 * alike; of others, the second weight may lie at another PE. */
#include "devices/sim/stream.h"

#include <inttypes.h>

#include <weft/collective.h>

#include "base/size.h"
#include "ops/ops_impl.h"

/* So many rows of a weight that must be brought are multiplied at once: the columns of a tile of the usual array. */
#define BROUGHT_ROWS 32u
/* Where scratch memory does not hold even WHOLE_ROWS rows of x as deep as k, each PE brings X_ROWS of them piece by
 * piece, and again for all pieces of the weight. */
#define WHOLE_ROWS 8u
#define X_ROWS 64u
/* Where there is a choice, so many rows of x at once: those of a tile of the usual array. */
#define TILE_ROWS 32u
/* Numbers of bf16 that add up to one of f32. */
#define PARTS 3u
/* Pieces of k are multiples of this, the depth of a tile of the usual array. */
#define K_STEP 64u

typedef struct product {
    weft_tile *tl;
    const weft__sim_call *call;
    const weft__sim_view *x, *weights, *out;
    uint32_t weight_count; /* 1 or 2 */
    uint64_t m, n, k;
    weft__sim_rows own;  /* rows of the weights */
    bool has_whole_rows; /* rows of x are brought once, as deep as k */
    bool streams;        /* the weights are f32, or bf16 and x has been split */
    bool splits;
    uint64_t m_step, n_step, k_step;
    weft__sim_rows rows;              /* of x, which are worked on */
    tl_tensor whole_rows, split_rows; /* the latter [PARTS * rows, k] */
    tl_tensor sum, gate; /* of the columns that are worked on: over k so far, and with the first of two weights */
    uint64_t base;       /* of scratch memory: behind it are outputs */
    weft__sim_flight stores;
} product;

/* A piece of the work: columns of out, one of the weights, and a part of k. */
typedef struct piece {
    uint64_t column, columns, begin, depth;
    uint32_t which;
    bool is_streamed[2];   /* of each weight */
    tl_tensor streamed[2]; /* its rows */
} piece;

/* What is multiplied, room for it, and the commands that bring it. */
typedef struct factors {
    tl_tensor x, weight; /* [rows, depth], [columns, depth] */
    tl_tensor split_x;   /* [PARTS * rows, depth] */
    tl_tensor x_room, weight_room;
    weft__sim_flight flight;
} factors;

/* ---- sizes ---- */

/* Rows that are brought for each of two pieces at once. Of a streamed weight that is one that lies in two blocks. */
static uint64_t weight_rows_brought(const product *it)
{
    return it->streams ? 1 : it->n_step;
}

static uint64_t x_rows_brought(const product *it)
{
    return it->has_whole_rows ? 0 : it->m_step;
}

/* Of rows of x that are brought once. */
static uint64_t x_bytes(const product *it)
{
    uint64_t each = sizeof(float) + (it->splits ? PARTS * weft_dtype_bytes(WEFT_BF16) : 0);
    return it->has_whole_rows ? it->m_step * it->k * each : 0;
}

/* The sum so far, a new one, and both together. Of two weights: the gate and these; or gate, sum, silu and product. */
static uint64_t output_bytes(const product *it, uint64_t columns)
{
    uint64_t of_parts = it->splits ? PARTS + 6 : 0; /* and what they are joined by */
    return (2 + it->weight_count + of_parts) * it->m_step * columns * sizeof(float);
}

/* Rows of x: the same for all PEs, as they bring them together; so of the scratch memory that all of them have. */
static void choose_rows(product *it, const weft__sim_call *call)
{
    uint64_t whole = weft__sim_rows_at_once(call, it->k * sizeof(float) * 3 / 2, 0, it->m);
    if (whole < it->m && whole > TILE_ROWS)
        whole -= whole % TILE_ROWS;
    it->has_whole_rows = whole >= weft__min_size(it->m, WHOLE_ROWS);
    it->m_step = it->has_whole_rows ? whole : weft__min_size(it->m, X_ROWS);
}

/* Elements of k for which the other steps leave room. */
static uint64_t depth_at_once(const product *it)
{
    uint64_t brought = 2 * (x_rows_brought(it) + weight_rows_brought(it)) * sizeof(float);
    return weft__sim_rows_at_once(it->call, brought, x_bytes(it) + output_bytes(it, it->n_step), it->k);
}

/* Where the parts have no more rows than a tile, and room beside two rows of the weight. */
static void choose_split(product *it)
{
    it->splits = it->weights->dtype == WEFT_BF16 && it->has_whole_rows && PARTS * it->m_step <= TILE_ROWS;
    uint64_t brought = 2 * it->k * sizeof(float);
    it->splits = it->splits && weft__sim_rows_at_once(it->call, brought, x_bytes(it) + output_bytes(it, TILE_ROWS), 1);
    it->streams = it->streams || it->splits;
}

static void choose_steps(product *it)
{
    it->n_step = weft__min_size(it->own.count, BROUGHT_ROWS);
    it->k_step = depth_at_once(it);
    while (it->k_step == 0 && (it->n_step > 1 || (!it->has_whole_rows && it->m_step > 1))) {
        uint64_t *step = it->n_step > 1 ? &it->n_step : &it->m_step;
        *step /= 2;
        it->k_step = depth_at_once(it);
    }
    if (it->k_step == 0)
        weft__sim_refuse(it->tl, WEFT_OUT_OF_MEMORY,
                         "%" PRIu64 " bytes of scratch memory have no room for %" PRIu64
                         " rows of x and one of the weight.",
                         it->call->room_bytes, it->m_step);
    if (it->k_step < it->k && it->k_step > K_STEP)
        it->k_step -= it->k_step % K_STEP;
    uint64_t brought = 2 * (x_rows_brought(it) + 1) * it->k_step * sizeof(float);
    if (it->streams)
        it->n_step = weft__sim_rows_at_once(it->call, output_bytes(it, 1), x_bytes(it) + brought, it->own.count);
}

/* ---- pieces ---- */

/* The first weight and the first part of k of the columns that begin with `column`. */
static piece piece_at(const product *it, uint64_t column)
{
    piece out = {.column = column,
                 .columns = weft__min_size(it->n_step, it->own.first + it->own.count - column),
                 .depth = it->k_step};
    for (uint32_t i = 0; it->streams && i < it->weight_count; i++) {
        const weft__sim_matrix rows = {.view = &it->weights[i], .columns = it->k, .pitch = it->k};
        out.is_streamed[i] = weft__sim_name_rows(it->tl, &rows, column, out.columns, &out.streamed[i]);
        out.columns = out.is_streamed[i] ? out.streamed[i].shape.extent[0] : 1;
    }
    /* As many as lie in one block of each weight. */
    for (uint32_t i = 0; it->streams && i < it->weight_count; i++)
        out.streamed[i].shape.extent[0] = out.columns;
    return out;
}

/* False behind the last one. */
static bool go_on(const product *it, piece *at)
{
    uint64_t end = at->begin + at->depth;
    if (end < it->k) {
        at->begin = end;
        at->depth = weft__min_size(it->k_step, it->k - end);
        return true;
    }
    if (at->which + 1 < it->weight_count) {
        at->which++;
        at->begin = 0;
        at->depth = it->k_step;
        return true;
    }
    uint64_t next = at->column + at->columns;
    if (next == it->own.first + it->own.count)
        return false;
    *at = piece_at(it, next);
    return true;
}

/* A part of k of some rows, into the beginning of `room`. */
static tl_tensor begin_rows(product *it, weft__sim_flight *flight, tl_tensor room, const weft__sim_view *view,
                            weft__sim_rows rows, const piece *at)
{
    tl_tensor line = tl_slice(it->tl, room, 0, 0, rows.count * at->depth);
    bool is_whole = at->depth == it->k;
    uint64_t each = is_whole ? rows.count * it->k : at->depth, times = is_whole ? 1 : rows.count;
    for (uint64_t i = 0; i < times; i++)
        weft__sim_begin_load(it->tl, flight, tl_slice(it->tl, line, 0, i * each, each), view,
                             (rows.first + i) * it->k + at->begin);
    return tl_reshape(it->tl, line, weft_shape_2d(rows.count, at->depth));
}

static void begin_factors(product *it, const piece *at, factors *out)
{
    const weft__sim_rows rows = {at->column, at->columns};
    if (at->is_streamed[at->which])
        out->weight = tl_slice(it->tl, at->streamed[at->which], 1, at->begin, at->depth);
    else
        out->weight = begin_rows(it, &out->flight, out->weight_room, &it->weights[at->which], rows, at);
    if (!it->has_whole_rows)
        out->x = begin_rows(it, &out->flight, out->x_room, it->x, it->rows, at);
}

/* ---- sums ---- */

static tl_tensor multiply_streamed(weft_tile *tl, tl_tensor x, tl_tensor weight)
{
    tl_tensor out = tl_empty(tl, weft_shape_2d(x.shape.extent[0], weight.shape.extent[1]), WEFT_F32);
    const tl_composite_request request = {
        .op = WEFT_COMMAND_GEMM, .a = x, .b = weight, .out = out.address, .dtype = WEFT_F32};
    tl_wait(tl, tl_composite(tl, &request));
    return out;
}

/* The sums of three rows; of those that are not finite, the first. */
static tl_tensor join_parts(weft_tile *tl, tl_tensor parts, uint64_t rows)
{
    tl_tensor first = tl_slice(tl, parts, 0, 0, rows);
    tl_tensor rest = tl_add(tl, tl_slice(tl, parts, 0, rows, rows), tl_slice(tl, parts, 0, 2 * rows, rows));
    tl_tensor nothing = tl_sub(tl, first, first); /* or NaN */
    return tl_where(tl, tl_eq(tl, nothing, nothing), tl_add(tl, first, rest), first);
}

static tl_tensor multiply(weft_tile *tl, const factors *given)
{
    tl_tensor weight = tl_trans(tl, given->weight);
    if (weight.space == TL_TCM)
        return tl_dot(tl, given->x, weight);
    if (weight.dtype == WEFT_F32)
        return multiply_streamed(tl, given->x, weight);
    uint64_t rows = given->x.shape.extent[0];
    tl_tensor out = tl_empty(tl, weft_shape_2d(rows, weight.shape.extent[1]), WEFT_F32);
    uint64_t mark = tl_mark(tl);
    tl_copy(tl, out, join_parts(tl, multiply_streamed(tl, given->split_x, weight), rows));
    tl_release(tl, mark);
    return out;
}

static void begin_stores(product *it, const piece *at, tl_tensor sum)
{
    for (uint64_t row = 0; row < it->rows.count; row++)
        weft__sim_begin_store(it->tl, &it->stores, it->out, (it->rows.first + row) * it->n + at->column,
                              tl_slice(it->tl, sum, 0, row, 1));
}

/* Waits until outputs are where they belong, and gives their memory back. */
static void finish_stores(product *it)
{
    weft__sim_flight_wait(it->tl, &it->stores);
    tl_release(it->tl, it->base);
}

/* All of k has been summed. */
static void finish_sum(product *it, const piece *at, tl_tensor sum)
{
    if (at->which + 1 < it->weight_count) {
        it->gate = sum;
        return;
    }
    if (at->which > 0)
        sum = tl_mul(it->tl, tl_silu(it->tl, it->gate), sum);
    begin_stores(it, at, sum);
}

static void work_on(product *it, const piece *at, const factors *given)
{
    weft_tile *tl = it->tl;
    bool is_new = at->begin == 0 && at->which == 0;
    if (is_new && weft__sim_rows_at_once(it->call, output_bytes(it, at->columns), tl_mark(tl), 1) == 0)
        finish_stores(it);
    if (at->depth == it->k) {
        finish_sum(it, at, multiply(tl, given));
        return;
    }
    if (at->begin == 0)
        it->sum = tl_empty(tl, weft_shape_2d(it->rows.count, at->columns), WEFT_F32);
    uint64_t mark = tl_mark(tl);
    tl_tensor part = multiply(tl, given);
    tl_copy(tl, it->sum, at->begin == 0 ? part : tl_add(tl, it->sum, part));
    tl_release(tl, mark);
    if (at->begin + at->depth == it->k)
        finish_sum(it, at, it->sum);
}

/* Rows of x as deep as k: from one PE of the cube to all of them. */
static void bring_whole_rows(product *it)
{
    weft_tile *tl = it->tl;
    tl_tensor rows = {0};
    uint64_t mark = tl_mark(tl);
    rows = tl_empty(tl, weft_shape_2d(it->rows.count, it->k), WEFT_F32);
    if (tl_program_id(tl, TL_AXIS_RANK) == 0)
        weft__sim_load_to(tl, rows, it->x, it->rows.first * it->k);
    else
        tl_release(tl, mark);
    it->whole_rows = tl_broadcast(tl, rows, 0);
}

/* Elements of one row of x, from `begin` on, as three. What is left of each part is exact. */
static void split_piece(product *it, uint64_t row, uint64_t begin, uint64_t count)
{
    weft_tile *tl = it->tl;
    uint64_t mark = tl_mark(tl);
    tl_tensor left = tl_slice(tl, tl_slice(tl, it->whole_rows, 0, row, 1), 1, begin, count);
    for (uint32_t i = 0; i < PARTS; i++) {
        tl_tensor part = tl_cast(tl, left, WEFT_BF16);
        tl_tensor place = tl_slice(tl, it->split_rows, 0, i * it->rows.count + row, 1);
        tl_copy(tl, tl_slice(tl, place, 1, begin, count), part);
        if (i + 1 < PARTS)
            left = tl_sub(tl, left, tl_cast(tl, part, WEFT_F32));
    }
    tl_release(tl, mark);
}

static void split_rows(product *it)
{
    it->split_rows = tl_empty(it->tl, weft_shape_2d(PARTS * it->rows.count, it->k), WEFT_BF16);
    uint64_t each = PARTS * (2 * sizeof(float) + weft_dtype_bytes(WEFT_BF16));
    uint64_t step = weft__sim_elements_at_once(it->tl, it->call, each, it->k);
    for (uint64_t row = 0; row < it->rows.count; row++)
        for (uint64_t begin = 0; begin < it->k; begin += step)
            split_piece(it, row, begin, weft__min_size(step, it->k - begin));
}

/* All pieces, beginning with `at`, which is on its way to the first of the pair. */
static void work_on_pieces(product *it, piece at, factors *pair)
{
    weft_tile *tl = it->tl;
    piece next = at;
    bool has_next = true;
    for (int turn = 0; has_next; turn = !turn) {
        weft__sim_flight_wait(tl, &pair[turn].flight);
        has_next = go_on(it, &next);
        if (has_next)
            begin_factors(it, &next, &pair[!turn]);
        if (it->has_whole_rows)
            pair[turn].x = tl_slice(it->tl, it->whole_rows, 1, at.begin, at.depth);
        if (it->splits)
            pair[turn].split_x = tl_slice(it->tl, it->split_rows, 1, at.begin, at.depth);
        work_on(it, &at, &pair[turn]);
        at = next;
    }
    finish_stores(it);
}

/* All own columns of some rows of x. */
static void work_on_rows(product *it)
{
    weft_tile *tl = it->tl;
    uint64_t mark = tl_mark(tl);
    uint64_t x_elements = x_rows_brought(it) * it->k_step, weight_elements = weight_rows_brought(it) * it->k_step;
    factors pair[2] = {0};
    for (int i = 0; i < 2 && it->own.count; i++) {
        pair[i].weight_room = tl_empty(tl, weft_shape_1d(weight_elements), WEFT_F32);
        if (!it->has_whole_rows)
            pair[i].x_room = tl_empty(tl, weft_shape_1d(x_elements), WEFT_F32);
    }
    piece first = {0};
    if (it->own.count) {
        first = piece_at(it, it->own.first);
        begin_factors(it, &first, &pair[0]);
    }
    if (it->has_whole_rows)
        bring_whole_rows(it);
    if (it->splits && it->own.count)
        split_rows(it);
    it->base = tl_mark(tl);
    if (it->own.count)
        work_on_pieces(it, first, pair);
    tl_release(tl, mark);
}

/* ---- the kernel ---- */

/* Without k: zeros in the rows of out that are this PE's. */
static void write_zeros(weft_tile *tl, const weft__sim_call *call, const weft__sim_view *out, uint64_t columns)
{
    weft__sim_rows own = weft__sim_own_rows(tl, out, columns);
    uint64_t count = own.count * columns;
    if (count == 0)
        return;
    uint64_t at_once = weft__sim_rows_at_once(call, sizeof(float), 0, count);
    tl_tensor zeros = tl_full(tl, weft_shape_1d(at_once), WEFT_F32, 0);
    for (uint64_t done = 0; done < count; done += at_once)
        weft__sim_store(tl, out, own.first * columns + done,
                        tl_slice(tl, zeros, 0, 0, weft__min_size(at_once, count - done)));
}

static void run(weft_tile *tl, const weft__sim_call *call, uint32_t weight_count)
{
    const weft__sim_call here = weft__sim_call_here(tl, call);
    const weft__sim_view *weights = &call->arguments[1], *out = &weights[weight_count];
    product it = {.tl = tl,
                  .call = &here,
                  .x = &call->arguments[0],
                  .weights = weights,
                  .weight_count = weight_count,
                  .out = out,
                  .n = weights->shape.extent[0],
                  .k = weights->shape.extent[1],
                  .streams = weights->dtype == WEFT_F32};
    it.m = out->elements / it.n;
    if (it.k == 0) {
        write_zeros(tl, call, out, it.n);
        return;
    }
    it.own = weft__sim_own_rows(tl, weights, it.k);
    choose_rows(&it, call);
    choose_split(&it);
    if (it.own.count)
        choose_steps(&it);
    for (uint64_t row = 0; row < it.m && (it.own.count || it.has_whole_rows); row += it.m_step) {
        it.rows = (weft__sim_rows){row, weft__min_size(it.m_step, it.m - row)};
        work_on_rows(&it);
    }
}

static void matmul(weft_tile *tl, const void *arguments)
{
    run(tl, arguments, 1);
}

static void gate_up_silu(weft_tile *tl, const void *arguments)
{
    run(tl, arguments, 2);
}

const weft__sim_kernel weft__sim_kernel_matmul = {
    .kernel = {&weft__op_matmul}, .tile = matmul, .queues = WEFT_QUEUES_TREE};
const weft__sim_kernel weft__sim_kernel_gate_up_silu = {
    .kernel = {&weft__op_gate_up_silu}, .tile = gate_up_silu, .queues = WEFT_QUEUES_TREE};
