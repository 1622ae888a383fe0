/* Mistakes with queues: directions, messages that nobody sends or takes, circles, slots. */
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

static tl_tensor receive(weft_tile *tl, const broken_work *it, tl_direction from)
{
    return tl_recv(tl, from, shape_of(it), WEFT_F32);
}

/* Something that takes about as long as a few messages. */
static void be_busy(weft_tile *tl, const broken_work *it)
{
    uint64_t mark = tl_mark(tl);
    for (int i = 0; i < 8; i++)
        (void)load_in(tl, it);
    tl_release(tl, mark);
}

/* ---- early reuse ---- */

static void overwrites_what_it_sends(weft_tile *tl, const void *arguments)
{
    const broken_work *it = arguments;
    for (int round = 0; round < 4; round++) {
        uint64_t mark = tl_mark(tl);
        tl_command command = tl_send(tl, TL_NEXT, load_in(tl, it));
        if (!it->is_broken)
            tl_wait(tl, command);
        tl_release(tl, mark);
        (void)tl_full(tl, shape_of(it), WEFT_F32, 1);
        tl_wait(tl, command);
        tl_release(tl, mark);
        (void)receive(tl, it, TL_PREVIOUS);
    }
}

/* The ranks go in step, so that nothing is written to the slot in time: it is read as it was, but nothing says so. */
static void reads_a_slot_that_is_free(weft_tile *tl, const void *arguments)
{
    const broken_work *it = arguments;
    tl_tensor mine = load_in(tl, it);
    enum {
        ROUNDS = 10
    };
    for (int round = 0; round < ROUNDS; round++) {
        tl_wait(tl, tl_send(tl, TL_NEXT, mine));
        if (round < 3)
            continue; /* so that slots are full */
        tl_tensor slot = tl_recv_in_place(tl, TL_PREVIOUS, shape_of(it), WEFT_F32);
        if (it->is_broken)
            tl_free_slot(tl, slot);
        be_busy(tl, it);
        store_out(tl, it, tl_add(tl, slot, mine));
        if (!it->is_broken)
            tl_free_slot(tl, slot);
        mine = tl_add(tl, mine, mine);
    }
    for (int round = 0; round < 3; round++)
        (void)receive(tl, it, TL_PREVIOUS);
}

/* The same, where the slot is handed on. */
static void forwards_a_slot_that_is_free(weft_tile *tl, const void *arguments)
{
    const broken_work *it = arguments;
    uint32_t rank = tl_program_id(tl, TL_AXIS_RANK), last = tl_num_programs(tl, TL_AXIS_RANK) - 1;
    tl_tensor mine = load_in(tl, it);
    for (int round = 0; round < 12; round++) {
        if (rank == 0) {
            tl_wait(tl, tl_send(tl, TL_NEXT, mine));
            mine = tl_add(tl, mine, mine);
            continue;
        }
        tl_tensor slot = tl_recv_in_place(tl, TL_PREVIOUS, shape_of(it), WEFT_F32);
        if (it->is_broken)
            tl_free_slot(tl, slot);
        be_busy(tl, it);
        if (rank < last)
            tl_wait(tl, tl_send(tl, TL_NEXT, slot));
        if (!it->is_broken)
            tl_free_slot(tl, slot);
    }
}

/* A part of a slot. */
static void slices_a_slot_that_is_free(weft_tile *tl, const void *arguments)
{
    const broken_work *it = arguments;
    bool is_sender = tl_program_id(tl, TL_AXIS_RANK) == 0;
    tl_tensor mine = load_in(tl, it);
    for (int round = 0; round < 12; round++) {
        if (is_sender) {
            tl_wait(tl, tl_send(tl, TL_NEXT, mine));
            mine = tl_neg(tl, mine);
            continue;
        }
        tl_tensor slot = tl_recv_in_place(tl, TL_PREVIOUS, shape_of(it), WEFT_F32);
        tl_tensor row = tl_slice(tl, slot, 0, it->rows - 1, 1);
        if (it->is_broken)
            tl_free_slot(tl, slot);
        be_busy(tl, it);
        store_out(tl, it, tl_exp(tl, row));
        if (!it->is_broken)
            tl_free_slot(tl, slot);
    }
}

/* Waits for the first message, whose slot the last one has by now. */
static void waits_for_an_older_send(weft_tile *tl, const void *arguments)
{
    const broken_work *it = arguments;
    enum {
        ONE_MORE_THAN_SLOTS = 5
    };
    tl_command commands[ONE_MORE_THAN_SLOTS];
    if (tl_program_id(tl, TL_AXIS_RANK) == 1) {
        (void)tl_send(tl, TL_PREVIOUS, load_in(tl, it));
        for (int i = 0; i < ONE_MORE_THAN_SLOTS; i++)
            (void)receive(tl, it, TL_PREVIOUS);
        return;
    }
    tl_tensor mine = load_in(tl, it), last = tl_empty(tl, mine.shape, mine.dtype);
    tl_copy(tl, last, mine);
    for (int i = 0; i < ONE_MORE_THAN_SLOTS; i++)
        commands[i] = tl_send(tl, TL_NEXT, i + 1 < ONE_MORE_THAN_SLOTS ? mine : last);
    tl_wait(tl, commands[it->is_broken ? 0 : ONE_MORE_THAN_SLOTS - 1]);
    (void)receive(tl, it, TL_NEXT);
    tl_copy(tl, last, mine);
}

/* ---- wrong direction ---- */

static void sends_beyond_the_edge(weft_tile *tl, const void *arguments)
{
    const broken_work *it = arguments;
    if (it->is_broken || tl_has_neighbour(tl, TL_WEST))
        (void)tl_send(tl, TL_WEST, load_in(tl, it));
    if (tl_has_neighbour(tl, TL_EAST))
        (void)receive(tl, it, TL_EAST);
}

static void sends_beyond_the_cube(weft_tile *tl, const void *arguments)
{
    const broken_work *it = arguments;
    if (it->is_broken || tl_has_neighbour(tl, TL_PE_EAST))
        (void)tl_send(tl, TL_PE_EAST, load_in(tl, it));
    if (tl_has_neighbour(tl, TL_PE_WEST))
        (void)receive(tl, it, TL_PE_WEST);
}

static void receives_from_the_wrong_side(weft_tile *tl, const void *arguments)
{
    const broken_work *it = arguments;
    (void)tl_send(tl, TL_NEXT, load_in(tl, it));
    (void)receive(tl, it, it->is_broken ? TL_NEXT : TL_PREVIOUS);
}

static void uses_queues_that_are_not_there(weft_tile *tl, const void *arguments)
{
    const broken_work *it = arguments;
    (void)tl_send(tl, it->is_broken ? TL_SIP_EAST : TL_NEXT, load_in(tl, it));
    (void)receive(tl, it, TL_PREVIOUS);
}

static void leaf_sends_to_a_child(weft_tile *tl, const void *arguments)
{
    const broken_work *it = arguments;
    if (it->is_broken || tl_has_neighbour(tl, TL_LEFT_CHILD))
        (void)tl_send(tl, TL_LEFT_CHILD, load_in(tl, it));
    if (tl_program_id(tl, TL_AXIS_RANK) % 2 == 1)
        (void)receive(tl, it, TL_PARENT);
}

static void root_receives_from_a_parent(weft_tile *tl, const void *arguments)
{
    const broken_work *it = arguments;
    if (tl_has_neighbour(tl, TL_LEFT_CHILD))
        (void)tl_send(tl, TL_LEFT_CHILD, load_in(tl, it));
    if (it->is_broken || tl_program_id(tl, TL_AXIS_RANK) % 2 == 1)
        (void)receive(tl, it, TL_PARENT);
}

/* ---- unmatched ---- */

static void receives_once_more(weft_tile *tl, const void *arguments)
{
    const broken_work *it = arguments;
    for (int round = 0; round < 3; round++)
        (void)tl_send(tl, TL_NEXT, load_in(tl, it));
    for (int round = 0; round < 3 + it->is_broken; round++)
        (void)receive(tl, it, TL_PREVIOUS);
}

static void sends_once_more(weft_tile *tl, const void *arguments)
{
    const broken_work *it = arguments;
    for (int round = 0; round < 2 + it->is_broken; round++)
        (void)tl_send(tl, TL_NEXT, load_in(tl, it));
    for (int round = 0; round < 2; round++)
        (void)receive(tl, it, TL_PREVIOUS);
}

static void first_rank_forgets_to_send(weft_tile *tl, const void *arguments)
{
    const broken_work *it = arguments;
    if (!it->is_broken || tl_program_id(tl, TL_AXIS_RANK) != 0)
        (void)tl_send(tl, TL_NEXT, load_in(tl, it));
    (void)receive(tl, it, TL_PREVIOUS);
}

static void nobody_sends(weft_tile *tl, const void *arguments)
{
    const broken_work *it = arguments;
    if (!it->is_broken)
        (void)tl_send(tl, TL_PREVIOUS, load_in(tl, it));
    (void)receive(tl, it, TL_NEXT);
}

static void takes_a_message_twice(weft_tile *tl, const void *arguments)
{
    const broken_work *it = arguments;
    (void)tl_send(tl, TL_NEXT, load_in(tl, it));
    tl_command command = tl_recv_async(tl, TL_PREVIOUS, shape_of(it), WEFT_F32);
    (void)tl_recv_wait(tl, command);
    if (it->is_broken)
        (void)tl_recv_wait(tl, command);
}

static void last_rank_skips_the_barrier(weft_tile *tl, const void *arguments)
{
    const broken_work *it = arguments;
    uint32_t rank = tl_program_id(tl, TL_AXIS_RANK), last = tl_num_programs(tl, TL_AXIS_RANK) - 1;
    if (!it->is_broken || rank != last)
        tl_barrier(tl);
}

/* ---- cyclic wait ---- */

static void all_receive_first(weft_tile *tl, const void *arguments)
{
    const broken_work *it = arguments;
    if (it->is_broken)
        (void)receive(tl, it, TL_PREVIOUS);
    (void)tl_send(tl, TL_NEXT, load_in(tl, it));
    if (!it->is_broken)
        (void)receive(tl, it, TL_PREVIOUS);
}

static void all_fill_their_rings(weft_tile *tl, const void *arguments)
{
    const broken_work *it = arguments;
    enum {
        MORE_THAN_SLOTS = 9
    };
    tl_tensor mine = load_in(tl, it);
    for (int round = 0; round < MORE_THAN_SLOTS; round++) {
        (void)tl_send(tl, TL_NEXT, mine);
        if (!it->is_broken)
            (void)receive(tl, it, TL_PREVIOUS);
    }
    for (int round = 0; it->is_broken && round < MORE_THAN_SLOTS; round++)
        (void)receive(tl, it, TL_PREVIOUS);
}

static void parent_and_child_wait(weft_tile *tl, const void *arguments)
{
    const broken_work *it = arguments;
    if (tl_program_id(tl, TL_AXIS_RANK) == 0) {
        if (!it->is_broken)
            (void)tl_send(tl, TL_LEFT_CHILD, load_in(tl, it));
        (void)receive(tl, it, TL_LEFT_CHILD);
        if (it->is_broken)
            (void)tl_send(tl, TL_LEFT_CHILD, load_in(tl, it));
        return;
    }
    (void)receive(tl, it, TL_PARENT);
    (void)tl_send(tl, TL_PARENT, load_in(tl, it));
}

static void half_reduce_and_half_receive(weft_tile *tl, const void *arguments)
{
    const broken_work *it = arguments;
    tl_tensor mine = load_in(tl, it);
    if (it->is_broken && tl_program_id(tl, TL_AXIS_RANK) % 2)
        (void)receive(tl, it, TL_NEXT);
    else
        (void)tl_all_reduce_ring(tl, mine, TL_REDUCE_SUM);
}

/* ---- overrun ---- */

static void sends_more_than_a_slot(weft_tile *tl, const void *arguments)
{
    const broken_work *it = arguments;
    weft_shape shape = weft_shape_1d(it->is_broken ? 1025 : 1024); /* slots are 4 KiB */
    (void)tl_send(tl, TL_NEXT, tl_full(tl, shape, WEFT_F32, 1));
    (void)tl_recv(tl, TL_PREVIOUS, shape, WEFT_F32);
}

static void frees_a_slot_twice(weft_tile *tl, const void *arguments)
{
    const broken_work *it = arguments;
    (void)tl_send(tl, TL_NEXT, load_in(tl, it));
    tl_tensor slot = tl_recv_in_place(tl, TL_PREVIOUS, shape_of(it), WEFT_F32);
    tl_free_slot(tl, slot);
    if (it->is_broken)
        tl_free_slot(tl, slot);
}

static void frees_what_is_no_slot(weft_tile *tl, const void *arguments)
{
    const broken_work *it = arguments;
    (void)tl_send(tl, TL_NEXT, load_in(tl, it));
    tl_tensor slot = tl_recv_in_place(tl, TL_PREVIOUS, shape_of(it), WEFT_F32);
    tl_free_slot(tl, it->is_broken ? tl_neg(tl, slot) : slot);
}

static void forgets_to_free_a_slot(weft_tile *tl, const void *arguments)
{
    const broken_work *it = arguments;
    (void)tl_send(tl, TL_NEXT, load_in(tl, it));
    tl_tensor slot = tl_recv_in_place(tl, TL_PREVIOUS, shape_of(it), WEFT_F32);
    store_out(tl, it, tl_neg(tl, slot));
    if (!it->is_broken)
        tl_free_slot(tl, slot);
}

static void holds_more_than_a_ring(weft_tile *tl, const void *arguments)
{
    const broken_work *it = arguments;
    enum {
        MORE_THAN_SLOTS = 6
    };
    tl_tensor slots[MORE_THAN_SLOTS];
    for (int round = 0; round < MORE_THAN_SLOTS; round++) {
        (void)tl_send(tl, TL_NEXT, load_in(tl, it));
        slots[round] = tl_recv_in_place(tl, TL_PREVIOUS, shape_of(it), WEFT_F32);
        if (!it->is_broken)
            tl_free_slot(tl, slots[round]);
    }
    for (int round = 0; it->is_broken && round < MORE_THAN_SLOTS; round++)
        tl_free_slot(tl, slots[round]);
}

/* ---- wrong shape ---- */

static void expects_other_rows(weft_tile *tl, const void *arguments)
{
    const broken_work *it = arguments;
    (void)tl_send(tl, TL_NEXT, load_in(tl, it));
    (void)tl_recv(tl, TL_PREVIOUS, weft_shape_2d(it->rows - it->is_broken, it->columns), WEFT_F32);
}

static void expects_another_dtype(weft_tile *tl, const void *arguments)
{
    const broken_work *it = arguments;
    (void)tl_send(tl, TL_NEXT, load_in(tl, it));
    (void)tl_recv(tl, TL_PREVIOUS, shape_of(it), it->is_broken ? WEFT_I32 : WEFT_F32);
}

static void swaps_two_messages(weft_tile *tl, const void *arguments)
{
    const broken_work *it = arguments;
    tl_tensor o = load_in(tl, it), m = tl_max(tl, o, 1);
    (void)tl_send(tl, TL_NEXT, it->is_broken ? o : m);
    (void)tl_send(tl, TL_NEXT, it->is_broken ? m : o);
    (void)tl_recv(tl, TL_PREVIOUS, m.shape, WEFT_F32);
    (void)tl_recv(tl, TL_PREVIOUS, o.shape, WEFT_F32);
}

/* ---- unlike collectives ---- */

static bool is_odd_one(weft_tile *tl, const broken_work *it)
{
    return it->is_broken && tl_program_id(tl, TL_AXIS_RANK) == tl_num_programs(tl, TL_AXIS_RANK) / 2;
}

static void one_rank_wants_the_maximum(weft_tile *tl, const void *arguments)
{
    const broken_work *it = arguments;
    tl_reduction reduction = is_odd_one(tl, it) ? TL_REDUCE_MAX : TL_REDUCE_SUM;
    store_out(tl, it, tl_all_reduce_ring(tl, load_in(tl, it), reduction));
}

static void one_rank_swaps_two_reductions(weft_tile *tl, const void *arguments)
{
    const broken_work *it = arguments;
    bool is_swapped = is_odd_one(tl, it);
    tl_tensor mine = load_in(tl, it);
    tl_tensor first = tl_all_reduce_tree(tl, mine, is_swapped ? TL_REDUCE_MIN : TL_REDUCE_SUM);
    tl_tensor second = tl_all_reduce_tree(tl, mine, is_swapped ? TL_REDUCE_SUM : TL_REDUCE_MIN);
    store_out(tl, it, tl_add(tl, first, second));
}

static void one_rank_names_another_root(weft_tile *tl, const void *arguments)
{
    const broken_work *it = arguments;
    tl_tensor mine = load_in(tl, it);
    store_out(tl, it, tl_broadcast(tl, mine, is_odd_one(tl, it) ? 1 : 0));
}

/* Its first message is what a plain receive takes. */
static void receives_what_a_collective_sends(weft_tile *tl, const void *arguments)
{
    const broken_work *it = arguments;
    tl_tensor mine = load_in(tl, it);
    if (is_odd_one(tl, it))
        (void)tl_recv(tl, TL_PARENT, mine.shape, mine.dtype);
    else
        mine = tl_broadcast(tl, mine, 0);
    store_out(tl, it, mine);
}

#define RING WEFT_QUEUES_RING
#define TREE WEFT_QUEUES_TREE

const broken_kernel broken_queues[] = {
    {"early reuse", "overwrites what it sends", overwrites_what_it_sends, 1, 4, RING, WEFT_HAZARD,
     WEFT_KERNEL_HAZARD_WAR, "tl_full", NULL},
    {"early reuse", "waits for an older send", waits_for_an_older_send, 1, 2, RING, WEFT_HAZARD, WEFT_KERNEL_HAZARD_WAR,
     "tl_copy", NULL},
    {"early reuse", "reads a slot that is free", reads_a_slot_that_is_free, 1, 4, RING, WEFT_HAZARD,
     WEFT_KERNEL_HAZARD_FREED, "tl_add", "freed the slot"},
    {"early reuse", "forwards a slot that is free", forwards_a_slot_that_is_free, 1, 4, RING, WEFT_HAZARD,
     WEFT_KERNEL_HAZARD_OVERWRITTEN, "tl_send", NULL},
    {"early reuse", "slices a slot that is free", slices_a_slot_that_is_free, 1, 2, RING, WEFT_HAZARD,
     WEFT_KERNEL_HAZARD_OVERWRITTEN, "tl_exp", NULL},
    {"wrong direction", "sends beyond the edge", sends_beyond_the_edge, 4, 1, WEFT_QUEUES_CUBES, WEFT_NOT_FOUND, 0,
     "tl_send", "west"},
    {"wrong direction", "sends beyond the cube", sends_beyond_the_cube, 1, 4, WEFT_QUEUES_PES, WEFT_NOT_FOUND, 0,
     "tl_send", "pe_east"},
    {"wrong direction", "receives from the wrong side", receives_from_the_wrong_side, 1, 4, RING, WEFT_DEADLOCK, 0,
     "tl_recv", "next"},
    {"wrong direction", "uses queues that are not there", uses_queues_that_are_not_there, 1, 4, RING, WEFT_NOT_FOUND, 0,
     "tl_send", "sip_east"},
    {"wrong direction", "leaf sends to a child", leaf_sends_to_a_child, 1, 6, TREE, WEFT_NOT_FOUND, 0, "tl_send",
     "left"},
    {"wrong direction", "root receives from a parent", root_receives_from_a_parent, 1, 6, TREE, WEFT_NOT_FOUND, 0,
     "tl_recv", "parent"},
    {"unmatched receive", "receives once more", receives_once_more, 1, 4, RING, WEFT_DEADLOCK, 0, "tl_recv",
     "previous"},
    {"unmatched receive", "sends once more", sends_once_more, 1, 4, RING, WEFT_HAZARD, WEFT_KERNEL_HAZARD_UNRECEIVED,
     "the end of the kernel", NULL},
    {"unmatched receive", "first rank forgets to send", first_rank_forgets_to_send, 1, 4, RING, WEFT_DEADLOCK, 0,
     "tl_recv", "ended"},
    {"unmatched receive", "nobody sends", nobody_sends, 1, 3, RING, WEFT_DEADLOCK, 0, "tl_recv", "next"},
    {"unmatched receive", "takes a message twice", takes_a_message_twice, 1, 2, RING, WEFT_INVALID_STATE, 0,
     "tl_recv_wait", NULL},
    {"unmatched receive", "last rank skips the barrier", last_rank_skips_the_barrier, 1, 4, TREE, WEFT_DEADLOCK, 0,
     "tl_barrier", NULL},
    {"cyclic wait", "all receive first", all_receive_first, 1, 4, RING, WEFT_DEADLOCK, 0, "tl_recv", "circle"},
    {"cyclic wait", "all fill their rings", all_fill_their_rings, 1, 4, RING, WEFT_DEADLOCK, 0, "tl_send", "circle"},
    {"cyclic wait", "parent and child wait", parent_and_child_wait, 1, 2, TREE, WEFT_DEADLOCK, 0, "tl_recv", "circle"},
    {"cyclic wait", "half reduce and half receive", half_reduce_and_half_receive, 1, 4, RING, WEFT_DEADLOCK, 0,
     "tl_recv", NULL},
    {"overrun", "sends more than a slot", sends_more_than_a_slot, 1, 3, RING, WEFT_OUT_OF_RANGE, 0, "tl_send",
     "pe.ipcq.slot_bytes"},
    {"overrun", "frees a slot twice", frees_a_slot_twice, 1, 3, RING, WEFT_INVALID_ARGUMENT, 0, "tl_free_slot", NULL},
    {"overrun", "frees what is no slot", frees_what_is_no_slot, 1, 3, RING, WEFT_INVALID_ARGUMENT, 0, "tl_free_slot",
     NULL},
    {"overrun", "forgets to free a slot", forgets_to_free_a_slot, 1, 4, RING, WEFT_INVALID_STATE, 0,
     "the end of the kernel", "Message 0 from previous, which sip0.cube0.pe"},
    {"overrun", "holds more than a ring", holds_more_than_a_ring, 1, 2, RING, WEFT_DEADLOCK, 0, "tl_send", NULL},
    {"wrong shape", "expects other rows", expects_other_rows, 1, 2, RING, WEFT_SHAPE_MISMATCH, 0, "tl_recv", NULL},
    {"wrong shape", "expects another dtype", expects_another_dtype, 1, 2, RING, WEFT_SHAPE_MISMATCH, 0, "tl_recv",
     "i32"},
    {"wrong shape", "swaps two messages", swaps_two_messages, 1, 2, RING, WEFT_SHAPE_MISMATCH, 0, "tl_recv", NULL},
    {"unlike collectives", "one rank wants the maximum", one_rank_wants_the_maximum, 1, 8, RING, WEFT_INVALID_STATE, 0,
     "tl_all_reduce_ring", "of max, collective 1 of sip0.cube0.pe4 in its group"},
    {"unlike collectives", "one rank swaps two reductions", one_rank_swaps_two_reductions, 1, 6, TREE,
     WEFT_INVALID_STATE, 0, "tl_all_reduce_tree", "of min, collective 1 of sip0.cube0.pe3 in its group"},
    {"unlike collectives", "one rank names another root", one_rank_names_another_root, 1, 8, TREE, WEFT_INVALID_STATE,
     0, "tl_broadcast", "from rank 1, collective 1 of sip0.cube0.pe4 in its group"},
    {"unlike collectives", "receives what a collective sends", receives_what_a_collective_sends, 1, 8, TREE,
     WEFT_INVALID_STATE, 0, "tl_recv", "tl_broadcast from rank 0, collective 1 of sip0.cube0.pe1 in its group"},
    {.name = NULL},
};
