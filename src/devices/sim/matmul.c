/* matmul: out [M, N] = x [M, K] times the transpose of weight [N, K].
 *
 * A PE has the rows of the weight that begin in its block, and makes the columns of out that belong to them. All PEs
 * need all of x: one PE of each cube loads it, as many rows at once as two thirds of the scratch memory hold, and the
 * others have it from there. The weight is gone through in pieces of rows and of k, and while one is multiplied the
 * next one is brought, cast to f32 where it has another dtype. What is f32 and lies in one block is not brought, but
 * streamed tile by tile by the product itself. The sums over each piece of k are rounded to f32 and added up in order.
 * Where the sizes let it be, a piece is as deep as k, and nothing is added. */
#include "devices/sim/stream.h"

#include <inttypes.h>

#include <weft/collective.h>

#include "base/size.h"
#include "ops/ops_impl.h"

enum {
    X = 0,
    WEIGHT = 1,
    OUT = 2
};

/* So many rows of a weight that must be brought are multiplied at once: the columns of a tile of the usual array. */
#define BROUGHT_ROWS 32u
/* Where scratch memory does not hold even WHOLE_ROWS rows of x as deep as k, each PE brings X_ROWS of them piece by
 * piece, and again for all pieces of the weight. */
#define WHOLE_ROWS 8u
#define X_ROWS 64u
/* Where there is a choice, so many rows of x at once: those of a tile of the usual array. */
#define TILE_ROWS 32u
/* Pieces of k are multiples of this, the depth of a tile of the usual array. */
#define K_STEP 64u

typedef struct product {
    weft_tile *tl;
    const weft__sim_call *call;
    const weft__sim_view *x, *weight, *out;
    uint64_t m, n, k;
    weft__sim_rows own;  /* rows of the weight */
    bool has_whole_rows; /* rows of x are brought once, as deep as k */
    bool streams;        /* the weight is f32 */
    uint64_t m_step, n_step, k_step;
    weft__sim_rows rows; /* of x, which are worked on */
    tl_tensor whole_rows;
    uint64_t base; /* of scratch memory: behind it are outputs */
    weft__sim_flight stores;
} product;

/* A piece of the work: columns of out, and a part of k. */
typedef struct piece {
    uint64_t column, columns, begin, depth;
    bool is_streamed;
    tl_tensor streamed; /* rows of the weight */
} piece;

/* What is multiplied, room for it, and the commands that bring it. */
typedef struct factors {
    tl_tensor x, weight; /* [rows, depth], [columns, depth] */
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
    return it->has_whole_rows ? it->m_step * it->k * sizeof(float) : 0;
}

/* The sum so far, a new one, and both together. */
static uint64_t output_bytes(const product *it, uint64_t columns)
{
    return 3 * it->m_step * columns * sizeof(float);
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

/* The first part of k of the columns that begin with `column`. */
static piece piece_at(const product *it, uint64_t column)
{
    piece out = {.column = column,
                 .columns = weft__min_size(it->n_step, it->own.first + it->own.count - column),
                 .depth = it->k_step};
    if (!it->streams)
        return out;
    const weft__sim_matrix rows = {.view = it->weight, .columns = it->k, .pitch = it->k};
    out.is_streamed = weft__sim_name_rows(it->tl, &rows, column, out.columns, &out.streamed);
    out.columns = out.is_streamed ? out.streamed.shape.extent[0] : 1;
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
    if (at->is_streamed)
        out->weight = tl_slice(it->tl, at->streamed, 1, at->begin, at->depth);
    else
        out->weight =
            begin_rows(it, &out->flight, out->weight_room, it->weight, (weft__sim_rows){at->column, at->columns}, at);
    if (!it->has_whole_rows)
        out->x = begin_rows(it, &out->flight, out->x_room, it->x, it->rows, at);
}

/* ---- sums ---- */

static tl_tensor multiply(weft_tile *tl, const factors *given)
{
    tl_tensor weight = tl_trans(tl, given->weight);
    if (weight.space == TL_TCM)
        return tl_dot(tl, given->x, weight);
    tl_tensor out = tl_empty(tl, weft_shape_2d(given->x.shape.extent[0], weight.shape.extent[1]), WEFT_F32);
    const tl_composite_request request = {
        .op = WEFT_COMMAND_GEMM, .a = given->x, .b = weight, .out = out.address, .dtype = WEFT_F32};
    tl_wait(tl, tl_composite(tl, &request));
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

/* Multiplies a piece. `sum` is what the columns have so far. */
static void work_on(product *it, const piece *at, const factors *given, tl_tensor *sum)
{
    weft_tile *tl = it->tl;
    if (at->begin == 0 && weft__sim_rows_at_once(it->call, output_bytes(it, at->columns), tl_mark(tl), 1) == 0)
        finish_stores(it);
    if (at->depth == it->k) {
        begin_stores(it, at, multiply(tl, given));
        return;
    }
    if (at->begin == 0)
        *sum = tl_empty(tl, weft_shape_2d(it->rows.count, at->columns), WEFT_F32);
    uint64_t mark = tl_mark(tl);
    tl_tensor part = multiply(tl, given);
    tl_copy(tl, *sum, at->begin == 0 ? part : tl_add(tl, *sum, part));
    tl_release(tl, mark);
    if (at->begin + at->depth == it->k)
        begin_stores(it, at, *sum);
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

/* All pieces, beginning with `at`, which is on its way to the first of the pair. */
static void work_on_pieces(product *it, piece at, factors *pair)
{
    weft_tile *tl = it->tl;
    piece next = at;
    tl_tensor sum = {0};
    bool has_next = true;
    for (int turn = 0; has_next; turn = !turn) {
        weft__sim_flight_wait(tl, &pair[turn].flight);
        has_next = go_on(it, &next);
        if (has_next)
            begin_factors(it, &next, &pair[!turn]);
        if (it->has_whole_rows)
            pair[turn].x = tl_slice(it->tl, it->whole_rows, 1, at.begin, at.depth);
        work_on(it, &at, &pair[turn], &sum);
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

static void matmul(weft_tile *tl, const void *arguments)
{
    const weft__sim_call *call = arguments;
    const weft__sim_call here = weft__sim_call_here(tl, call);
    const weft__sim_view *weight = &call->arguments[WEIGHT], *out = &call->arguments[OUT];
    product it = {.tl = tl,
                  .call = &here,
                  .x = &call->arguments[X],
                  .weight = weight,
                  .out = out,
                  .n = weight->shape.extent[0],
                  .k = weight->shape.extent[1],
                  .streams = weight->dtype == WEFT_F32};
    it.m = out->elements / it.n;
    if (it.k == 0) {
        write_zeros(tl, call, out, it.n);
        return;
    }
    it.own = weft__sim_own_rows(tl, weight, it.k);
    choose_rows(&it, call);
    if (it.own.count)
        choose_steps(&it);
    for (uint64_t row = 0; row < it.m && (it.own.count || it.has_whole_rows); row += it.m_step) {
        it.rows = (weft__sim_rows){row, weft__min_size(it.m_step, it.m - row)};
        work_on_rows(&it);
    }
}

const weft__sim_kernel weft__sim_kernel_matmul = {
    .kernel = {&weft__op_matmul}, .tile = matmul, .queues = WEFT_QUEUES_TREE};
