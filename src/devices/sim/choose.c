/* argmax, top_k, sample. No engine chooses: rows come to the processor of who has them, which does what the kernels of
 * `ref` do, and writes the few numbers that come out. */
#include "devices/host/args.h"
#include "devices/sim/sim_impl.h"
#include "kernels/ref/ref.h"
#include "ops/ops_impl.h"

enum {
    X = 0,
    OUT = 1,
    VALUES = 1,
    INDICES = 2
};

/* Rows that the processor looks at together. */
#define ROWS_MAX 64u

/* How many of a PE's rows come in one load; a longer one comes alone and in pieces. */
static uint64_t rows_together(const weft__sim_call *call, uint64_t columns, uint64_t count)
{
    uint64_t most = count < ROWS_MAX ? count : ROWS_MAX;
    uint64_t rows = weft__sim_rows_at_once(call, columns * sizeof(float), 0, most);
    return rows ? rows : 1;
}

/* True, and noted, if there is one. */
static bool has_fault(const weft__sim_call *call, weft__fault fault, uint64_t row)
{
    if (fault.kind == WEFT__FAULT_NONE)
        return false;
    fault.row = (size_t)row; /* the kernel saw no other row */
    weft__sim_fault(call, fault);
    return true;
}

/* ---- one index for each row ---- */

/* Chooses from one row, whose number is `row`. `work` has so many bytes as choose_indices() was asked for. */
typedef weft__fault index_choice(const weft__sim_call *call, uint64_t row, const float *x, size_t columns, void *work,
                                 int32_t *out);

static void choose_indices(weft_tile *tl, const weft__sim_call *call, index_choice *choose, size_t work_bytes)
{
    size_t columns = weft__buffer_columns(call->dispatch->arguments[X]);
    weft__sim_rows own = weft__sim_own_rows(tl, &call->arguments[X], columns);
    for (uint64_t done = 0, some; done < own.count; done += some) {
        some = rows_together(call, columns, own.count - done);
        uint64_t first = own.first + done;
        float *x = weft__sim_host_memory(tl, call, some * columns * sizeof *x + work_bytes);
        weft__sim_peek(tl, call, X, first * columns, some * columns, x);
        int32_t chosen[ROWS_MAX];
        for (uint64_t i = 0; i < some; i++) {
            weft__fault fault = choose(call, first + i, x + i * columns, columns, x + some * columns, &chosen[i]);
            if (has_fault(call, fault, first + i))
                return;
        }
        weft__sim_poke(tl, call, OUT, first, some, chosen);
    }
}

static weft__fault choose_largest(const weft__sim_call *call, uint64_t row, const float *x, size_t columns, void *work,
                                  int32_t *out)
{
    (void)call, (void)row, (void)work;
    return weft__ref_argmax(x, out, 1, columns);
}

static void run_argmax(weft_tile *tl, const void *arguments)
{
    choose_indices(tl, arguments, choose_largest, 0);
}

static weft__fault choose_by_chance(const weft__sim_call *call, uint64_t row, const float *x, size_t columns,
                                    void *work, int32_t *out)
{
    (void)columns;
    weft__sample_args args = weft__host_sample_args(call->dispatch);
    args.rows = 1;
    args.first_row = row;
    args.logits = x;
    args.out = out;
    return weft__ref_sample(&args, 0, 1, work);
}

static void run_sample(weft_tile *tl, const void *arguments)
{
    const weft__sim_call *call = arguments;
    weft__sample_args args = weft__host_sample_args(call->dispatch);
    choose_indices(tl, call, choose_by_chance, weft__ref_sample_scratch_bytes(&args));
}

/* ---- several values and indices for each row ---- */

static void run_top_k(weft_tile *tl, const void *arguments)
{
    const weft__sim_call *call = arguments;
    size_t columns = weft__buffer_columns(call->dispatch->arguments[X]);
    size_t k = weft__buffer_columns(call->dispatch->arguments[VALUES]);
    weft__sim_rows own = weft__sim_own_rows(tl, &call->arguments[X], columns);
    for (uint64_t done = 0, some; done < own.count; done += some) {
        some = rows_together(call, columns, own.count - done);
        uint64_t first = own.first + done;
        size_t results = (size_t)some * k;
        float *x =
            weft__sim_host_memory(tl, call, some * columns * sizeof *x + results * (sizeof(float) + sizeof(int32_t)));
        float *values = x + some * columns;
        int32_t *indices = (int32_t *)(void *)(values + results);
        weft__sim_peek(tl, call, X, first * columns, some * columns, x);
        for (uint64_t i = 0; i < some; i++) {
            weft__fault fault = weft__ref_top_k(x + i * columns, values + i * k, indices + i * k, 1, columns, k);
            if (has_fault(call, fault, first + i))
                return;
        }
        weft__sim_poke(tl, call, VALUES, first * k, results, values);
        weft__sim_poke(tl, call, INDICES, first * k, results, indices);
    }
}

const weft__sim_kernel weft__sim_kernel_argmax = {.kernel = {&weft__op_argmax}, .tile = run_argmax};
const weft__sim_kernel weft__sim_kernel_top_k = {.kernel = {&weft__op_top_k}, .tile = run_top_k};
const weft__sim_kernel weft__sim_kernel_sample = {.kernel = {&weft__op_sample}, .tile = run_sample};
