/* softmax: rows are of whoever has them in the output. */
#include <inttypes.h>
#include <math.h>

#include "devices/sim/sim_impl.h"
#include "ops/ops_impl.h"

enum {
    X = 0,
    OUT = 1
};

/* ---- a row that has no room ----
 *
 * Here what is subtracted from the greatest is rounded to f32, which tl_softmax() does not do. Down to the smallest
 * result that counts, exp(-85), that makes it wrong by up to 64 roundings: the bound of rows from this length on. */
#define SHORTEST_LONG_ROW 448u

/* The part of a row that is worked on, and what is known of all of it: [1] each. */
typedef struct long_row {
    uint64_t first, count;
    tl_tensor greatest, sum;
} long_row;

typedef void row_step(weft_tile *tl, const weft__sim_call *call, const long_row *row);

static tl_tensor load_part(weft_tile *tl, const weft__sim_call *call, const long_row *row)
{
    return weft__sim_load(tl, &call->arguments[X], row->first, row->count);
}

static tl_tensor exponentials(weft_tile *tl, const weft__sim_call *call, const long_row *row)
{
    return tl_exp(tl, tl_sub(tl, load_part(tl, call, row), row->greatest));
}

static void find_greatest(weft_tile *tl, const weft__sim_call *call, const long_row *row)
{
    tl_tensor greatest = tl_max(tl, load_part(tl, call, row), 0);
    tl_copy(tl, row->greatest, tl_maximum(tl, row->greatest, greatest));
}

static void add_up(weft_tile *tl, const weft__sim_call *call, const long_row *row)
{
    tl_copy(tl, row->sum, tl_add(tl, row->sum, tl_sum(tl, exponentials(tl, call, row), 0)));
}

static void write_quotients(weft_tile *tl, const weft__sim_call *call, const long_row *row)
{
    weft__sim_store(tl, &call->arguments[OUT], row->first, tl_div(tl, exponentials(tl, call, row), row->sum));
}

/* Takes one step on all parts of a row. */
static void walk_row(weft_tile *tl, const weft__sim_call *call, row_step *step, uint64_t columns, long_row row)
{
    uint64_t end = row.first + columns, mark = tl_mark(tl);
    for (; row.first < end; row.first += row.count) {
        /* No step makes more than four tensors as large as the part. */
        row.count = weft__sim_elements_at_once(tl, call, 4 * sizeof(float), end - row.first);
        step(tl, call, &row);
        tl_release(tl, mark);
    }
}

/* A number that changes. */
static tl_tensor variable(weft_tile *tl, double number)
{
    tl_tensor place = tl_empty(tl, weft_shape_1d(1), WEFT_F32);
    tl_copy(tl, place, tl_full(tl, weft_shape_1d(1), WEFT_F32, number));
    return place;
}

static void work_on_long_row(weft_tile *tl, const weft__sim_call *call, uint64_t columns, uint64_t first)
{
    if (columns < SHORTEST_LONG_ROW)
        weft__sim_refuse(tl, WEFT_OUT_OF_MEMORY,
                         "Scratch memory of %" PRIu64 " bytes has no room for a row of %" PRIu64 " elements.",
                         call->room_bytes, columns);
    uint64_t mark = tl_mark(tl);
    long_row row = {.first = first, .greatest = variable(tl, -HUGE_VAL), .sum = variable(tl, 0)};
    walk_row(tl, call, find_greatest, columns, row);
    walk_row(tl, call, add_up, columns, row);
    walk_row(tl, call, write_quotients, columns, row);
    tl_release(tl, mark);
}

/* ---- the kernel ---- */

static void run_softmax(weft_tile *tl, const void *arguments)
{
    const weft__sim_call *call = arguments;
    uint64_t columns = weft__buffer_columns(call->dispatch->arguments[X]);
    weft__sim_rows own = weft__sim_own_rows(tl, &call->arguments[OUT], columns);
    for (uint64_t done = 0, some; done < own.count; done += some) {
        uint64_t first = (own.first + done) * columns, mark = tl_mark(tl);
        some = weft__sim_rows_at_once(call, 2 * columns * sizeof(float), 0, own.count - done);
        if (some == 0) {
            work_on_long_row(tl, call, columns, first);
            some = 1;
            continue;
        }
        tl_tensor x = weft__sim_load(tl, &call->arguments[X], first, some * columns);
        tl_tensor rows = tl_reshape(tl, x, weft_shape_2d(some, columns));
        weft__sim_store(tl, &call->arguments[OUT], first, tl_softmax(tl, rows, 1));
        tl_release(tl, mark);
    }
}

const weft__sim_kernel weft__sim_kernel_softmax = {.kernel = {&weft__op_softmax}, .tile = run_softmax};
