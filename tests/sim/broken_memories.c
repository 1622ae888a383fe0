/* Mistakes with memories: bytes that nobody wrote, addresses with nothing behind them, PEs that touch the same bytes
 * with nothing between them. */
#include "broken_kernels.h"

static weft_shape shape_of(const broken_work *it)
{
    return weft_shape_2d(it->rows, it->columns);
}

static tl_tensor load_in(weft_tile *tl, const broken_work *it)
{
    return tl_load(tl, tl_shard(tl, it->in).address, shape_of(it), WEFT_F32);
}

static weft_shape word(void)
{
    return weft_shape_1d(1);
}

/* Tells the next rank that something is done, or hears it from the one before. */
static void tell_next(weft_tile *tl)
{
    tl_wait(tl, tl_send(tl, TL_NEXT, tl_full(tl, word(), WEFT_F32, 1)));
}

static void hear_previous(weft_tile *tl)
{
    (void)tl_recv(tl, TL_PREVIOUS, word(), WEFT_F32);
}

/* ---- uninitialised ---- */

static void loads_what_nobody_wrote(weft_tile *tl, const void *arguments)
{
    const broken_work *it = arguments;
    uint64_t out = tl_shard(tl, it->out).address;
    if (!it->is_broken)
        tl_store(tl, out, load_in(tl, it));
    (void)tl_load(tl, out, shape_of(it), WEFT_F32);
}

static void loads_more_than_was_written(weft_tile *tl, const void *arguments)
{
    const broken_work *it = arguments;
    uint64_t out = tl_shard(tl, it->out).address;
    tl_store(tl, out, load_in(tl, it));
    (void)tl_load(tl, out, weft_shape_2d(it->rows + it->is_broken, it->columns), WEFT_F32);
}

static void adds_what_nobody_made(weft_tile *tl, const void *arguments)
{
    const broken_work *it = arguments;
    tl_tensor mine = load_in(tl, it);
    tl_tensor other = tl_ref(tl, mine.address + (it->is_broken ? 128 * 1024u : 0), shape_of(it), WEFT_F32);
    (void)tl_add(tl, mine, other);
}

static void multiplies_what_nobody_wrote(weft_tile *tl, const void *arguments)
{
    const broken_work *it = arguments;
    tl_tensor a = tl_full(tl, weft_shape_2d(it->rows, it->rows), WEFT_F32, 2);
    const tl_composite_request request = {.op = WEFT_COMMAND_GEMM,
                                          .a = a,
                                          .b = tl_shard(tl, it->is_broken ? it->out : it->in),
                                          .out = tl_full(tl, shape_of(it), WEFT_F32, 0).address,
                                          .dtype = WEFT_F32};
    tl_wait(tl, tl_composite(tl, &request));
}

static void peeks_at_what_nobody_made(weft_tile *tl, const void *arguments)
{
    const broken_work *it = arguments;
    float number;
    tl_tensor mine = load_in(tl, it);
    tl_peek(tl, tl_ref(tl, mine.address + (it->is_broken ? 128 * 1024u : 0), word(), WEFT_F32), &number);
}

static void sends_what_nobody_made(weft_tile *tl, const void *arguments)
{
    const broken_work *it = arguments;
    tl_tensor mine = load_in(tl, it);
    (void)tl_send(tl, TL_NEXT, tl_ref(tl, mine.address + (it->is_broken ? 128 * 1024u : 0), word(), WEFT_F32));
    (void)tl_recv(tl, TL_PREVIOUS, word(), WEFT_F32);
}

/* ---- nothing between ---- */

/* Rank 0 writes its part of a common buffer, rank 1 reads it: long after, in any case. */
static void reads_without_a_message(weft_tile *tl, const void *arguments)
{
    const broken_work *it = arguments;
    if (tl_program_id(tl, TL_AXIS_RANK) == 0) {
        tl_store(tl, it->shared_address, load_in(tl, it));
        tell_next(tl);
        return;
    }
    if (it->is_broken)
        for (int i = 0; i < 40; i++)
            (void)load_in(tl, it);
    else
        hear_previous(tl);
    (void)tl_load(tl, it->shared_address, shape_of(it), WEFT_F32);
    if (it->is_broken)
        hear_previous(tl);
}

static void writes_over_what_is_read(weft_tile *tl, const void *arguments)
{
    const broken_work *it = arguments;
    if (tl_program_id(tl, TL_AXIS_RANK) == 0) {
        (void)tl_load(tl, it->shared_address, shape_of(it), WEFT_F32);
        tell_next(tl);
        return;
    }
    if (it->is_broken)
        for (int i = 0; i < 40; i++)
            (void)load_in(tl, it);
    else
        hear_previous(tl);
    tl_store(tl, it->shared_address, load_in(tl, it));
    if (it->is_broken)
        hear_previous(tl);
}

static void both_write(weft_tile *tl, const void *arguments)
{
    const broken_work *it = arguments;
    tl_tensor mine = load_in(tl, it);
    uint32_t rank = tl_program_id(tl, TL_AXIS_RANK);
    if (!it->is_broken && rank > 0)
        hear_previous(tl);
    tl_store(tl, it->shared_address, mine);
    if (!it->is_broken && rank + 1 < tl_num_programs(tl, TL_AXIS_RANK))
        tell_next(tl);
}

/* Each adds its part to a common sum: in turns, or all at once. */
static void adds_up_without_order(weft_tile *tl, const void *arguments)
{
    const broken_work *it = arguments;
    tl_tensor mine = load_in(tl, it);
    uint32_t rank = tl_program_id(tl, TL_AXIS_RANK);
    if (!it->is_broken && rank > 0)
        hear_previous(tl);
    tl_tensor sum = tl_load(tl, it->shared_address, shape_of(it), WEFT_F32);
    tl_store(tl, it->shared_address, tl_add(tl, sum, mine));
    if (!it->is_broken && rank + 1 < tl_num_programs(tl, TL_AXIS_RANK))
        tell_next(tl);
}

/* The message is there, but it was sent before the store. */
static void tells_too_early(weft_tile *tl, const void *arguments)
{
    const broken_work *it = arguments;
    if (tl_program_id(tl, TL_AXIS_RANK) == 0) {
        tl_tensor mine = load_in(tl, it);
        if (it->is_broken)
            tell_next(tl);
        tl_store(tl, it->shared_address, mine);
        if (!it->is_broken)
            tell_next(tl);
        return;
    }
    hear_previous(tl);
    for (int i = 0; i < 40; i++)
        (void)load_in(tl, it);
    (void)tl_load(tl, it->shared_address, shape_of(it), WEFT_F32);
}

/* Two PEs write halves of a buffer that overlap by one row. */
static void halves_overlap(weft_tile *tl, const void *arguments)
{
    const broken_work *it = arguments;
    uint64_t half = it->rows / 2, row_bytes = it->columns * sizeof(float);
    uint32_t rank = tl_program_id(tl, TL_AXIS_RANK);
    tl_tensor mine = tl_slice(tl, load_in(tl, it), 0, 0, half + it->is_broken);
    if (rank == 0)
        tl_store(tl, it->shared_address, mine);
    else
        tl_store(tl, it->shared_address + half * row_bytes, tl_slice(tl, mine, 0, 0, half));
}

/* ---- nowhere ---- */

static void stores_to_nowhere(weft_tile *tl, const void *arguments)
{
    const broken_work *it = arguments;
    uint64_t address = tl_shard(tl, it->out).address;
    tl_store(tl, it->is_broken ? address | UINT64_C(31) << 42 : address, load_in(tl, it));
}

static void loads_past_a_memory(weft_tile *tl, const void *arguments)
{
    const broken_work *it = arguments;
    uint64_t sram_bytes = UINT64_C(32) << 20, bytes = it->rows * it->columns * sizeof(float);
    uint64_t address = it->shared_address + (it->is_broken ? sram_bytes - bytes / 2 : 0);
    (void)tl_load(tl, address, shape_of(it), WEFT_F32);
}

#define RING WEFT_QUEUES_RING

const broken_kernel broken_memories[] = {
    {"uninitialised read", "loads what nobody wrote", loads_what_nobody_wrote, 1, 2, 0, WEFT_HAZARD,
     WEFT_KERNEL_HAZARD_UNWRITTEN, "tl_load", NULL},
    {"uninitialised read", "loads more than was written", loads_more_than_was_written, 1, 2, 0, WEFT_HAZARD,
     WEFT_KERNEL_HAZARD_UNWRITTEN, "tl_load", NULL},
    {"uninitialised read", "adds what nobody made", adds_what_nobody_made, 1, 2, 0, WEFT_HAZARD,
     WEFT_KERNEL_HAZARD_UNWRITTEN, "tl_add", NULL},
    {"uninitialised read", "multiplies what nobody wrote", multiplies_what_nobody_wrote, 1, 2, 0, WEFT_HAZARD,
     WEFT_KERNEL_HAZARD_UNWRITTEN, "tl_composite", NULL},
    {"uninitialised read", "peeks at what nobody made", peeks_at_what_nobody_made, 1, 2, 0, WEFT_HAZARD,
     WEFT_KERNEL_HAZARD_UNWRITTEN, "tl_peek", NULL},
    {"uninitialised read", "sends what nobody made", sends_what_nobody_made, 1, 2, RING, WEFT_HAZARD,
     WEFT_KERNEL_HAZARD_UNWRITTEN, "tl_send", NULL},
    {"unordered", "reads without a message", reads_without_a_message, 1, 2, RING, WEFT_HAZARD, WEFT_KERNEL_HAZARD_RAW,
     "tl_load", NULL},
    {"unordered", "writes over what is read", writes_over_what_is_read, 1, 2, RING, WEFT_HAZARD, WEFT_KERNEL_HAZARD_WAR,
     "tl_store", NULL},
    {"unordered", "both write", both_write, 1, 3, RING, WEFT_HAZARD, WEFT_KERNEL_HAZARD_WAW, "tl_store", NULL},
    {"unordered", "adds up without order", adds_up_without_order, 1, 3, RING, WEFT_HAZARD, WEFT_KERNEL_HAZARD_WAR,
     "tl_store", NULL},
    {"unordered", "tells too early", tells_too_early, 1, 2, RING, WEFT_HAZARD, WEFT_KERNEL_HAZARD_RAW, "tl_load", NULL},
    {"unordered", "halves overlap", halves_overlap, 1, 2, 0, WEFT_HAZARD, WEFT_KERNEL_HAZARD_WAW, "tl_store", NULL},
    {"overrun", "stores to nowhere", stores_to_nowhere, 1, 2, 0, WEFT_OUT_OF_RANGE, 0, "tl_store", NULL},
    {"overrun", "loads past a memory", loads_past_a_memory, 1, 2, 0, WEFT_OUT_OF_RANGE, 0, "tl_load", NULL},
    {.name = NULL},
};
