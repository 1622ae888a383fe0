/* Mistakes of one PE with itself: commands that are not waited for, memory that is used again too early, shapes. */
#include "broken_kernels.h"

static weft_shape shape_of(const broken_work *it)
{
    return weft_shape_2d(it->rows, it->columns);
}

static tl_tensor load_in(weft_tile *tl, const broken_work *it)
{
    return tl_load(tl, tl_shard(tl, it->in).address, shape_of(it), WEFT_F32);
}

static void store_out(weft_tile *tl, const broken_work *it, tl_tensor tensor)
{
    tl_store(tl, tl_shard(tl, it->out).address, tensor);
}

/* out = in + in by a composite command. */
static tl_command double_in(weft_tile *tl, const broken_work *it, uint64_t out)
{
    tl_tensor in = tl_shard(tl, it->in);
    const tl_composite_request request = {.op = WEFT_COMMAND_ADD, .a = in, .b = in, .out = out, .dtype = WEFT_F32};
    return tl_composite(tl, &request);
}

static tl_command multiply(weft_tile *tl, tl_tensor a, tl_tensor b, uint64_t out, const tl_epilogue *step)
{
    const tl_composite_request request = {.op = WEFT_COMMAND_GEMM,
                                          .a = a,
                                          .b = b,
                                          .out = out,
                                          .dtype = WEFT_F32,
                                          .epilogues = step,
                                          .epilogue_count = step != NULL};
    return tl_composite(tl, &request);
}

/* ---- missing wait ---- */

static void loads_an_output(weft_tile *tl, const void *arguments)
{
    const broken_work *it = arguments;
    uint64_t out = tl_shard(tl, it->out).address;
    tl_command command = double_in(tl, it, out);
    if (!it->is_broken)
        tl_wait(tl, command);
    (void)tl_load(tl, out, shape_of(it), WEFT_F32);
    tl_wait(tl, command);
}

/* The load is there for its time: the composite command is done before it. */
static void loads_an_output_late(weft_tile *tl, const void *arguments)
{
    const broken_work *it = arguments;
    uint64_t out = tl_shard(tl, it->out).address;
    tl_command command = double_in(tl, it, out);
    for (int i = 0; i < 20; i++)
        (void)load_in(tl, it);
    if (!it->is_broken)
        tl_wait(tl, command);
    (void)tl_load(tl, out, shape_of(it), WEFT_F32);
    tl_wait(tl, command);
}

static void adds_an_output(weft_tile *tl, const void *arguments)
{
    const broken_work *it = arguments;
    tl_tensor place = tl_full(tl, shape_of(it), WEFT_F32, 0);
    tl_command command = double_in(tl, it, place.address);
    if (!it->is_broken)
        tl_wait(tl, command);
    tl_tensor sum = tl_ref(tl, place.address, shape_of(it), WEFT_F32);
    store_out(tl, it, tl_add(tl, sum, sum));
    tl_wait(tl, command);
}

static void overwrites_a_pinned_operand(weft_tile *tl, const void *arguments)
{
    const broken_work *it = arguments;
    tl_tensor b = load_in(tl, it);
    uint64_t mark = tl_mark(tl);
    tl_tensor a = tl_full(tl, weft_shape_2d(it->rows, it->rows), WEFT_F32, 2);
    tl_command command = multiply(tl, a, b, tl_shard(tl, it->out).address, NULL);
    if (!it->is_broken)
        tl_wait(tl, command);
    tl_release(tl, mark);
    (void)tl_full(tl, weft_shape_2d(it->rows, it->rows), WEFT_F32, 3);
    tl_wait(tl, command);
}

static void stores_over_an_operand(weft_tile *tl, const void *arguments)
{
    const broken_work *it = arguments;
    tl_tensor zeros = tl_full(tl, shape_of(it), WEFT_F32, 0);
    tl_command command = double_in(tl, it, tl_shard(tl, it->out).address);
    if (!it->is_broken)
        tl_wait(tl, command);
    tl_store(tl, tl_shard(tl, it->in).address, zeros);
    tl_wait(tl, command);
}

static void writes_an_output_twice(weft_tile *tl, const void *arguments)
{
    const broken_work *it = arguments;
    uint64_t out = tl_shard(tl, it->out).address;
    tl_command first = double_in(tl, it, out);
    if (!it->is_broken)
        tl_wait(tl, first);
    tl_wait(tl, double_in(tl, it, out));
    tl_wait(tl, first);
}

static void stores_over_an_output(weft_tile *tl, const void *arguments)
{
    const broken_work *it = arguments;
    tl_tensor zeros = tl_full(tl, shape_of(it), WEFT_F32, 0);
    tl_command command = double_in(tl, it, tl_shard(tl, it->out).address);
    if (!it->is_broken)
        tl_wait(tl, command);
    store_out(tl, it, zeros);
    tl_wait(tl, command);
}

static void chains_composites(weft_tile *tl, const void *arguments)
{
    const broken_work *it = arguments;
    tl_tensor between = tl_full(tl, shape_of(it), WEFT_F32, 0);
    tl_command first = double_in(tl, it, between.address);
    if (!it->is_broken)
        tl_wait(tl, first);
    tl_tensor sum = tl_ref(tl, between.address, shape_of(it), WEFT_F32);
    const tl_composite_request request = {
        .op = WEFT_COMMAND_MUL, .a = sum, .b = sum, .out = tl_shard(tl, it->out).address, .dtype = WEFT_F32};
    tl_wait(tl, tl_composite(tl, &request));
    tl_wait(tl, first);
}

static void overwrites_a_bias(weft_tile *tl, const void *arguments)
{
    const broken_work *it = arguments;
    tl_tensor b = load_in(tl, it), a = tl_full(tl, weft_shape_2d(it->rows, it->rows), WEFT_F32, 2);
    uint64_t mark = tl_mark(tl);
    const tl_epilogue step = {.step = {.op = WEFT_EPILOGUE_BIAS},
                              .operand = tl_full(tl, weft_shape_2d(1, it->columns), WEFT_F32, 1)};
    tl_command command = multiply(tl, a, b, tl_shard(tl, it->out).address, &step);
    if (!it->is_broken)
        tl_wait(tl, command);
    tl_release(tl, mark);
    (void)tl_full(tl, weft_shape_2d(1, it->columns), WEFT_F32, 5);
    tl_wait(tl, command);
}

static void peeks_at_an_output(weft_tile *tl, const void *arguments)
{
    const broken_work *it = arguments;
    float first[4096];
    tl_tensor place = tl_full(tl, shape_of(it), WEFT_F32, 0);
    tl_command command = double_in(tl, it, place.address);
    if (!it->is_broken)
        tl_wait(tl, command);
    tl_peek(tl, tl_slice(tl, tl_ref(tl, place.address, shape_of(it), WEFT_F32), 0, 0, 1), first);
    tl_wait(tl, command);
}

/* ---- early reuse ---- */

static void uses_what_was_released(weft_tile *tl, const void *arguments)
{
    const broken_work *it = arguments;
    uint64_t mark = tl_mark(tl);
    tl_tensor kept = load_in(tl, it);
    if (it->is_broken)
        tl_release(tl, mark);
    tl_tensor other = tl_full(tl, shape_of(it), WEFT_F32, 1);
    store_out(tl, it, tl_add(tl, kept, other));
}

static void keeps_a_result_of_a_loop(weft_tile *tl, const void *arguments)
{
    const broken_work *it = arguments;
    tl_tensor best = tl_full(tl, shape_of(it), WEFT_F32, -1);
    for (int round = 0; round < 3; round++) {
        uint64_t mark = tl_mark(tl);
        for (int i = 0; i < round; i++)
            (void)load_in(tl, it);
        best = tl_maximum(tl, best, load_in(tl, it));
        if (it->is_broken)
            tl_release(tl, mark);
    }
    store_out(tl, it, best);
}

static void slices_what_was_released(weft_tile *tl, const void *arguments)
{
    const broken_work *it = arguments;
    uint64_t mark = tl_mark(tl);
    tl_tensor row = tl_slice(tl, load_in(tl, it), 0, it->rows - 1, 1);
    if (it->is_broken)
        tl_release(tl, mark);
    (void)tl_full(tl, shape_of(it), WEFT_F32, 1);
    store_out(tl, it, tl_exp(tl, row));
}

static void stores_what_was_released(weft_tile *tl, const void *arguments)
{
    const broken_work *it = arguments;
    uint64_t mark = tl_mark(tl);
    tl_tensor kept = tl_neg(tl, load_in(tl, it));
    if (it->is_broken)
        tl_release(tl, mark);
    (void)tl_full(tl, weft_shape_2d(it->rows, 2 * it->columns), WEFT_F32, 1);
    store_out(tl, it, kept);
}

static void takes_more_than_there_is(weft_tile *tl, const void *arguments)
{
    const broken_work *it = arguments;
    for (int round = 0; round < 3000; round++) {
        uint64_t mark = tl_mark(tl);
        (void)load_in(tl, it);
        if (!it->is_broken)
            tl_release(tl, mark);
    }
}

/* ---- wrong shape ---- */

static void multiplies_other_extents(weft_tile *tl, const void *arguments)
{
    const broken_work *it = arguments;
    tl_tensor a = load_in(tl, it), b = load_in(tl, it);
    b = it->is_broken ? tl_reshape(tl, b, weft_shape_2d(2 * it->columns, it->rows / 2)) : tl_trans(tl, b);
    (void)tl_dot(tl, a, b);
}

static void adds_other_extents(weft_tile *tl, const void *arguments)
{
    const broken_work *it = arguments;
    tl_tensor a = load_in(tl, it);
    tl_tensor b = tl_full(tl, weft_shape_2d(it->is_broken ? 3 : 1, it->columns), WEFT_F32, 1);
    (void)tl_add(tl, a, b);
}

static void adds_other_dtypes(weft_tile *tl, const void *arguments)
{
    const broken_work *it = arguments;
    (void)tl_add(tl, load_in(tl, it), tl_full(tl, shape_of(it), it->is_broken ? WEFT_F16 : WEFT_F32, 1));
}

static void biases_other_columns(weft_tile *tl, const void *arguments)
{
    const broken_work *it = arguments;
    tl_tensor b = load_in(tl, it), a = tl_full(tl, weft_shape_2d(it->rows, it->rows), WEFT_F32, 2);
    const tl_epilogue step = {.step = {.op = WEFT_EPILOGUE_BIAS},
                              .operand = tl_full(tl, weft_shape_2d(1, it->columns - it->is_broken), WEFT_F32, 1)};
    tl_wait(tl, multiply(tl, a, b, tl_shard(tl, it->out).address, &step));
}

static void slices_past_the_end(weft_tile *tl, const void *arguments)
{
    const broken_work *it = arguments;
    (void)tl_slice(tl, load_in(tl, it), 1, it->columns / 2, it->columns / 2 + it->is_broken);
}

static void waits_for_nothing(weft_tile *tl, const void *arguments)
{
    const broken_work *it = arguments;
    tl_command command = double_in(tl, it, tl_shard(tl, it->out).address);
    command.number += it->is_broken;
    tl_wait(tl, command);
}

const broken_kernel broken_commands[] = {
    {"missing wait", "loads an output", loads_an_output, 1, 2, 0, WEFT_HAZARD, WEFT_KERNEL_HAZARD_RAW, "tl_load", NULL},
    {"missing wait", "loads an output late", loads_an_output_late, 1, 2, 0, WEFT_HAZARD, WEFT_KERNEL_HAZARD_RAW,
     "tl_load", NULL},
    {"missing wait", "adds an output", adds_an_output, 1, 2, 0, WEFT_HAZARD, WEFT_KERNEL_HAZARD_RAW, "tl_add", NULL},
    {"missing wait", "overwrites a pinned operand", overwrites_a_pinned_operand, 1, 2, 0, WEFT_HAZARD,
     WEFT_KERNEL_HAZARD_WAR, "tl_full", NULL},
    {"missing wait", "stores over an operand", stores_over_an_operand, 1, 2, 0, WEFT_HAZARD, WEFT_KERNEL_HAZARD_WAR,
     "tl_store", NULL},
    {"missing wait", "writes an output twice", writes_an_output_twice, 1, 2, 0, WEFT_HAZARD, WEFT_KERNEL_HAZARD_WAW,
     "tl_composite", NULL},
    {"missing wait", "stores over an output", stores_over_an_output, 1, 2, 0, WEFT_HAZARD, WEFT_KERNEL_HAZARD_WAW,
     "tl_store", NULL},
    {"missing wait", "chains composites", chains_composites, 1, 2, 0, WEFT_HAZARD, WEFT_KERNEL_HAZARD_RAW,
     "tl_composite", NULL},
    {"missing wait", "overwrites a bias", overwrites_a_bias, 1, 2, 0, WEFT_HAZARD, WEFT_KERNEL_HAZARD_WAR, "tl_full",
     NULL},
    {"missing wait", "peeks at an output", peeks_at_an_output, 1, 2, 0, WEFT_HAZARD, WEFT_KERNEL_HAZARD_RAW, "tl_peek",
     NULL},
    {"early reuse", "uses what was released", uses_what_was_released, 1, 2, 0, WEFT_HAZARD,
     WEFT_KERNEL_HAZARD_OVERWRITTEN, "tl_add", NULL},
    {"early reuse", "keeps a result of a loop", keeps_a_result_of_a_loop, 1, 2, 0, WEFT_HAZARD,
     WEFT_KERNEL_HAZARD_OVERWRITTEN, "tl_maximum", NULL},
    {"early reuse", "slices what was released", slices_what_was_released, 1, 2, 0, WEFT_HAZARD,
     WEFT_KERNEL_HAZARD_OVERWRITTEN, "tl_exp", NULL},
    {"early reuse", "stores what was released", stores_what_was_released, 1, 2, 0, WEFT_HAZARD,
     WEFT_KERNEL_HAZARD_OVERWRITTEN, "tl_store", NULL},
    {"overrun", "takes more than there is", takes_more_than_there_is, 1, 1, 0, WEFT_OUT_OF_MEMORY, 0, "tl_load",
     "Scratch memory has no room"},
    {"wrong shape", "multiplies other extents", multiplies_other_extents, 1, 2, 0, WEFT_SHAPE_MISMATCH, 0, "tl_dot",
     NULL},
    {"wrong shape", "adds other extents", adds_other_extents, 1, 2, 0, WEFT_SHAPE_MISMATCH, 0, "tl_add", NULL},
    {"wrong shape", "adds other dtypes", adds_other_dtypes, 1, 2, 0, WEFT_SHAPE_MISMATCH, 0, "tl_add", NULL},
    {"wrong shape", "biases other columns", biases_other_columns, 1, 2, 0, WEFT_SHAPE_MISMATCH, 0, "tl_composite",
     NULL},
    {"wrong shape", "slices past the end", slices_past_the_end, 1, 2, 0, WEFT_OUT_OF_RANGE, 0, "tl_slice", NULL},
    {"missing wait", "waits for nothing", waits_for_nothing, 1, 2, 0, WEFT_NOT_FOUND, 0, "tl_wait", NULL},
    {.name = NULL},
};
