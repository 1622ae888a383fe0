/* Queues as kernels see them: who has neighbours, what goes wrong and is named, who waits for whom for ever. */
#include "queue_bench.h"

#include "support/failing_malloc.h"

/* ---- directions ---- */

START_TEST(directions_have_names)
{
    for (int i = 0; i < TL_DIRECTIONS; i++)
        for (int j = 0; j < i; j++)
            ck_assert_str_ne(tl_direction_name((tl_direction)i), tl_direction_name((tl_direction)j));
    ck_assert_str_eq(tl_direction_name(TL_NORTH), "north");
    ck_assert_str_eq(tl_direction_name(TL_PE_EAST), "pe_east");
    ck_assert_str_eq(tl_direction_name(TL_SIP_WEST), "sip_west");
    ck_assert_str_eq(tl_direction_name(TL_RIGHT_CHILD), "right");
    ck_assert_ptr_null(tl_direction_name((tl_direction)TL_DIRECTIONS));
    ck_assert_ptr_null(tl_direction_name((tl_direction)-1));
}
END_TEST

static void neighbour_kernel(weft_tile *tl, const void *arguments)
{
    uint32_t *masks = (uint32_t *)(uintptr_t)arguments;
    for (int i = -1; i <= TL_DIRECTIONS; i++)
        if (tl_has_neighbour(tl, (tl_direction)i))
            masks[tl_program_id(tl, TL_AXIS_ALL)] |= 1u << i;
}

START_TEST(pes_know_their_neighbours)
{
    static const uint32_t pes[] = {0, 1, 9};
    static const weft__ipcq_pair pairs[] = {
        {0, 1, TL_NEXT, TL_PREVIOUS}, {1, 0, TL_PREVIOUS, TL_NEXT}, {9, 1, TL_LEFT_CHILD, TL_PARENT}};
    tile_bench it;
    uint32_t masks[3] = {0};
    open_tile_bench(&it, "two-sip", NULL);
    run_queued(&it, &(queued_launch){neighbour_kernel, masks, pes, 3, pairs, 3, 0, 0});
    ck_assert_uint_eq(masks[0], 1u << TL_NEXT);
    ck_assert_uint_eq(masks[1], 1u << TL_PREVIOUS);
    ck_assert_uint_eq(masks[2], 1u << TL_LEFT_CHILD);
    memset(masks, 0, sizeof masks);
    run_queued(&it, &(queued_launch){neighbour_kernel, masks, pes, 3, NULL, 0, 0, 0});
    ck_assert_uint_eq(masks[0] | masks[1] | masks[2], 0);
    close_tile_bench(&it);
}
END_TEST

/* ---- groups ---- */

typedef struct group_seen {
    uint32_t group, rank, groups, size;
} group_seen;

static void group_kernel(weft_tile *tl, const void *arguments)
{
    group_seen *it = (group_seen *)(uintptr_t)arguments + tl_program_id(tl, TL_AXIS_ALL);
    *it = (group_seen){tl_program_id(tl, TL_AXIS_GROUP), tl_program_id(tl, TL_AXIS_RANK),
                       tl_num_programs(tl, TL_AXIS_GROUP), tl_num_programs(tl, TL_AXIS_RANK)};
}

/* Twelve PEs; a character for the group and the rank of each. */
START_TEST(groups_are_numbered)
{
    static const struct {
        uint32_t size, stride, groups, ranks;
        const char *group, *rank;
    } rows[] = {
        {0, 0, 1, 12, "000000000000", "0123456789:;"}, {4, 1, 3, 4, "000011112222", "012301230123"},
        {3, 2, 4, 3, "010101232323", "001122001122"},  {2, 6, 6, 2, "012345012345", "000000111111"},
        {0, 2, 2, 6, "010101010101", "001122334455"},  {0, 12, 12, 1, "0123456789:;", "000000000000"},
    };
    static const uint32_t pes[] = {0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 30, 200};
    tile_bench it;
    weft_error err;
    group_seen seen[12];
    open_tile_bench(&it, "two-sip", NULL);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        run_queued(&it, &(queued_launch){group_kernel, seen, pes, 12, NULL, 0, rows[i].size, rows[i].stride});
        for (size_t j = 0; j < 12; j++) {
            ck_assert_int_eq('0' + (int)seen[j].group, rows[i].group[j]);
            ck_assert_int_eq('0' + (int)seen[j].rank, rows[i].rank[j]);
            ck_assert_uint_eq(seen[j].groups, rows[i].groups);
            ck_assert_uint_eq(seen[j].size, rows[i].ranks);
        }
    }
    static const uint32_t wrong[][2] = {{5, 1}, {4, 2}, {UINT32_MAX, UINT32_MAX}, {24, 1}, {0, 5}, {0, 13}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        weft__kernel_run *run = NULL;
        const queued_launch launch = {group_kernel, seen, pes, 12, NULL, 0, wrong[i][0], wrong[i][1]};
        WEFT_TEST_ASSERT_STATUS(try_queued(&it, &launch, &run, &err), WEFT_INVALID_ARGUMENT);
        ck_assert_ptr_nonnull(strstr(err.message, "The launch has 12 PEs, which is no multiple of group size "));
        ck_assert_ptr_null(run);
    }
    close_tile_bench(&it);
}
END_TEST

/* ---- mistakes ---- */

/* Each is made by the first PE; the second does what goes with it. */
#define MISTAKE(name)                                                                                                  \
    static void name(weft_tile *tl, const void *arguments)                                                             \
    {                                                                                                                  \
        (void)arguments;
#define END_MISTAKE }

/* clang-format off */
MISTAKE(sends_north) if (is_first(tl)) (void)tl_send(tl, TL_NORTH, own_tensor(tl, 64)); END_MISTAKE
MISTAKE(receives_from_east) if (is_first(tl)) (void)receive(tl, TL_EAST, 64); END_MISTAKE
MISTAKE(receives_ahead_from_east)
    if (is_first(tl)) (void)tl_recv_async(tl, TL_EAST, weft_shape_1d(64), WEFT_U8);
END_MISTAKE
MISTAKE(holds_from_east)
    if (is_first(tl)) (void)tl_recv_in_place(tl, TL_EAST, weft_shape_1d(64), WEFT_U8);
END_MISTAKE
MISTAKE(sends_nowhere) if (is_first(tl)) (void)tl_send(tl, (tl_direction)17, own_tensor(tl, 64)); END_MISTAKE
MISTAKE(receives_from_nowhere) if (is_first(tl)) (void)receive(tl, (tl_direction)-1, 64); END_MISTAKE
MISTAKE(sends_too_much) if (is_first(tl)) (void)tl_send(tl, TL_NEXT, own_tensor(tl, 4097)); END_MISTAKE
MISTAKE(receives_too_much) if (is_first(tl)) (void)receive(tl, TL_NEXT, 4097); END_MISTAKE
MISTAKE(holds_too_much)
    if (is_first(tl)) (void)tl_recv_in_place(tl, TL_NEXT, weft_shape_1d(5000), WEFT_U8);
END_MISTAKE
MISTAKE(sends_nothing)
    if (is_first(tl)) {
        tl_tensor tensor = own_tensor(tl, 64);
        tensor.shape.extent[0] = 0;
        (void)tl_send(tl, TL_NEXT, tensor);
    }
END_MISTAKE
MISTAKE(sends_what_is_elsewhere)
    if (is_first(tl)) (void)tl_send(tl, TL_NEXT, tl_ref(tl, 0, weft_shape_1d(64), WEFT_U8));
END_MISTAKE
MISTAKE(receives_other_bytes)
    if (is_first(tl))
        (void)receive(tl, TL_NEXT, 65);
    else
        (void)tl_send(tl, TL_PREVIOUS, own_tensor(tl, 64));
END_MISTAKE
MISTAKE(receives_another_dtype)
    if (is_first(tl)) {
        (void)tl_recv_async(tl, TL_NEXT, weft_shape_2d(4, 8), WEFT_F16);
        (void)tl_full(tl, weft_shape_1d(4096), WEFT_F32, 0);
    } else {
        (void)tl_send(tl, TL_PREVIOUS, own_tensor(tl, 64));
    }
END_MISTAKE
MISTAKE(holds_other_bytes)
    if (is_first(tl))
        (void)tl_recv_in_place(tl, TL_NEXT, weft_shape_2d(2, 31), WEFT_U8);
    else
        (void)tl_send(tl, TL_PREVIOUS, own_tensor(tl, 64));
END_MISTAKE
MISTAKE(takes_no_receive) if (is_first(tl)) (void)tl_recv_wait(tl, (tl_command){1}); END_MISTAKE
MISTAKE(takes_a_send)
    if (is_first(tl)) (void)tl_recv_wait(tl, tl_send(tl, TL_NEXT, own_tensor(tl, 64)));
END_MISTAKE
MISTAKE(takes_what_was_not_given)
    if (is_first(tl)) {
        tl_command command = tl_recv_async(tl, TL_NEXT, weft_shape_1d(64), WEFT_U8);
        command.number++;
        (void)tl_recv_wait(tl, command);
    } else {
        (void)tl_send(tl, TL_PREVIOUS, own_tensor(tl, 64));
    }
END_MISTAKE
MISTAKE(takes_twice)
    if (is_first(tl)) {
        tl_command command = tl_recv_async(tl, TL_NEXT, weft_shape_1d(64), WEFT_U8);
        (void)tl_recv_wait(tl, command);
        tl_wait(tl, command); /* which may be */
        (void)tl_recv_wait(tl, command);
    } else {
        (void)tl_send(tl, TL_PREVIOUS, own_tensor(tl, 64));
    }
END_MISTAKE
MISTAKE(takes_again_what_it_took_out_of_order)
    tl_command commands[3];
    for (int i = 0; i < 3 && is_first(tl); i++)
        commands[i] = tl_recv_async(tl, TL_NEXT, weft_shape_1d(64), WEFT_U8);
    for (int i = 0; i < 3 && !is_first(tl); i++)
        (void)tl_send(tl, TL_PREVIOUS, own_tensor(tl, 64));
    for (int i = 0; i < 3 && is_first(tl); i++)
        (void)tl_recv_wait(tl, commands[i ? 0 : 1]);
END_MISTAKE
MISTAKE(waits_for_no_receive) if (is_first(tl)) tl_wait(tl, (tl_command){UINT64_C(2) << 62 | 1}); END_MISTAKE
MISTAKE(waits_for_receive_0) if (is_first(tl)) tl_wait(tl, (tl_command){UINT64_C(2) << 62}); END_MISTAKE
MISTAKE(waits_for_no_send)
    if (is_first(tl)) {
        tl_command command = tl_send(tl, TL_NEXT, own_tensor(tl, 64));
        tl_wait(tl, command);
        command.number++;
        tl_wait(tl, command);
    }
END_MISTAKE
MISTAKE(waits_for_a_send_to_nowhere) if (is_first(tl)) tl_wait(tl, (tl_command){UINT64_C(1) << 62}); END_MISTAKE
MISTAKE(waits_for_a_send_to_no_direction) if (is_first(tl)) tl_wait(tl, (tl_command){UINT64_C(95) << 56}); END_MISTAKE
MISTAKE(waits_for_anything) if (is_first(tl)) tl_wait(tl, (tl_command){UINT64_MAX}); END_MISTAKE
MISTAKE(frees_scratch) if (is_first(tl)) tl_free_slot(tl, own_tensor(tl, 64)); END_MISTAKE
MISTAKE(frees_twice)
    if (is_first(tl)) {
        tl_tensor tensor = tl_recv_in_place(tl, TL_NEXT, weft_shape_1d(64), WEFT_U8);
        tl_free_slot(tl, tensor);
        tl_free_slot(tl, tensor);
    } else {
        (void)tl_send(tl, TL_PREVIOUS, own_tensor(tl, 64));
    }
END_MISTAKE
MISTAKE(frees_out_of_order_twice)
    if (is_first(tl)) {
        (void)tl_recv_in_place(tl, TL_NEXT, weft_shape_1d(64), WEFT_U8);
        tl_tensor second = tl_recv_in_place(tl, TL_NEXT, weft_shape_1d(64), WEFT_U8);
        tl_free_slot(tl, second);
        tl_free_slot(tl, second);
    } else {
        (void)tl_send(tl, TL_PREVIOUS, own_tensor(tl, 64));
        (void)tl_send(tl, TL_PREVIOUS, own_tensor(tl, 64));
    }
END_MISTAKE
MISTAKE(frees_what_it_copied)
    if (is_first(tl)) {
        tl_tensor held = tl_recv_in_place(tl, TL_NEXT, weft_shape_1d(64), WEFT_U8);
        (void)receive(tl, TL_NEXT, 64);
        held.address += 4096;
        tl_free_slot(tl, held);
    } else {
        (void)tl_send(tl, TL_PREVIOUS, own_tensor(tl, 64));
        (void)tl_send(tl, TL_PREVIOUS, own_tensor(tl, 64));
    }
END_MISTAKE
MISTAKE(frees_what_it_has_not_received)
    if (is_first(tl)) {
        tl_tensor held = tl_recv_in_place(tl, TL_NEXT, weft_shape_1d(64), WEFT_U8);
        sleep_ps(tl, SLEEP_PS);
        held.address += 4096;
        tl_free_slot(tl, held);
    } else {
        (void)tl_send(tl, TL_PREVIOUS, own_tensor(tl, 64));
        (void)tl_send(tl, TL_PREVIOUS, own_tensor(tl, 64));
    }
END_MISTAKE
MISTAKE(holds_to_the_end)
    if (is_first(tl)) {
        (void)receive(tl, TL_NEXT, 64);
        (void)tl_recv_in_place(tl, TL_NEXT, weft_shape_1d(64), WEFT_U8);
    } else {
        (void)tl_send(tl, TL_PREVIOUS, own_tensor(tl, 64));
        (void)tl_send(tl, TL_PREVIOUS, own_tensor(tl, 64));
    }
END_MISTAKE
MISTAKE(fills_scratch)
    if (is_first(tl)) {
        (void)tl_full(tl, weft_shape_1d(1048576 - 16384 - 64), WEFT_U8, 0);
        (void)receive(tl, TL_NEXT, 64);
        (void)receive(tl, TL_NEXT, 1);
    } else {
        (void)tl_send(tl, TL_PREVIOUS, own_tensor(tl, 64));
    }
END_MISTAKE
/* clang-format on */

typedef struct mistake {
    weft_tile_kernel *kernel;
    weft_status status;
    const char *call, *says;
} mistake;

static const mistake mistakes[] = {
    {sends_north, WEFT_NOT_FOUND, "tl_send",
     "There is no neighbour north: weft_launch_options.queues does not ask for WEFT_QUEUES_CUBES, which gives"},
    {receives_from_east, WEFT_NOT_FOUND, "tl_recv",
     "There is no neighbour east: weft_launch_options.queues does not ask for WEFT_QUEUES_CUBES, which gives"},
    {receives_ahead_from_east, WEFT_NOT_FOUND, "tl_recv_async", "no neighbour east: "},
    {holds_from_east, WEFT_NOT_FOUND, "tl_recv_in_place", "no neighbour east: "},
    {sends_nowhere, WEFT_INVALID_ARGUMENT, "tl_send", "Direction 17 is none; there are 17."},
    {receives_from_nowhere, WEFT_INVALID_ARGUMENT, "tl_recv", "Direction -1 is none; there are 17."},
    {sends_too_much, WEFT_OUT_OF_RANGE, "tl_send",
     "The tensor has 4097 bytes, but a slot has pe.ipcq.slot_bytes 4096."},
    {receives_too_much, WEFT_OUT_OF_RANGE, "tl_recv", "The result has 4097 bytes, but a slot has pe.ipcq.slot_bytes"},
    {holds_too_much, WEFT_OUT_OF_RANGE, "tl_recv_in_place", "The result has 5000 bytes"},
    {sends_nothing, WEFT_INVALID_ARGUMENT, "tl_send", "The tensor of shape [0] has no elements."},
    {sends_what_is_elsewhere, WEFT_INVALID_ARGUMENT, "tl_send", "The tensor at address 0x0 is not in the PE's own"},
    {receives_other_bytes, WEFT_SHAPE_MISMATCH, "tl_recv",
     "The message from next, sip0.cube0.pe1, is u8 of shape [64], but u8 of shape [65] was asked for."},
    {receives_another_dtype, WEFT_SHAPE_MISMATCH, "tl_recv_async",
     "The message from next, sip0.cube0.pe1, is u8 of shape [64], but f16 of shape [4, 8] was asked for."},
    {holds_other_bytes, WEFT_SHAPE_MISMATCH, "tl_recv_in_place", "is u8 of shape [64], but u8 of shape [2, 31]"},
    {takes_no_receive, WEFT_NOT_FOUND, "tl_recv_wait", "is no receive of this kernel, which has given 0."},
    {takes_a_send, WEFT_NOT_FOUND, "tl_recv_wait", "is no receive of this kernel"},
    {takes_what_was_not_given, WEFT_NOT_FOUND, "tl_recv_wait", "is no receive of this kernel, which has given 1."},
    {takes_twice, WEFT_INVALID_STATE, "tl_recv_wait", "The tensor of receive 1 has been taken before."},
    {takes_again_what_it_took_out_of_order, WEFT_INVALID_STATE, "tl_recv_wait",
     "The tensor of receive 1 has been taken before."},
    {waits_for_no_receive, WEFT_NOT_FOUND, "tl_wait", "is no receive of this kernel, which has given 0."},
    {waits_for_receive_0, WEFT_NOT_FOUND, "tl_wait", "is no receive of this kernel, which has given 0."},
    {waits_for_no_send, WEFT_NOT_FOUND, "tl_wait", "is no send of this kernel, which has given 1 to next."},
    {waits_for_a_send_to_nowhere, WEFT_NOT_FOUND, "tl_wait", "is no send of this kernel, which has given 0 to north."},
    {waits_for_a_send_to_no_direction, WEFT_NOT_FOUND, "tl_wait", "which has given 0 to nowhere."},
    {waits_for_anything, WEFT_NOT_FOUND, "tl_wait", "The command is none that this kernel has given."},
    {holds_to_the_end, WEFT_INVALID_STATE, "the end of the kernel",
     "Message 1 from next, which sip0.cube0.pe1 sent, is still in its slot: it was received in place"},
    {frees_scratch, WEFT_INVALID_ARGUMENT, "tl_free_slot", "is in no slot that this kernel holds."},
    {frees_twice, WEFT_INVALID_ARGUMENT, "tl_free_slot", "is in no slot that this kernel holds."},
    {frees_out_of_order_twice, WEFT_INVALID_ARGUMENT, "tl_free_slot", "is in no slot that this kernel holds."},
    {frees_what_it_copied, WEFT_INVALID_ARGUMENT, "tl_free_slot", "is in no slot that this kernel holds."},
    {frees_what_it_has_not_received, WEFT_INVALID_ARGUMENT, "tl_free_slot", "is in no slot that this kernel holds."},
    {fills_scratch, WEFT_OUT_OF_MEMORY, "tl_recv", "1032192 of 1032192 bytes are in use"},
};

/* Launches on the two PEs of a machine, and fails. */
static void fail_with(const char *const *settings, weft_tile_kernel *kernel, weft_status expected, const char *call,
                      const char *says, size_t pair_count)
{
    tile_bench it;
    weft_error err;
    char begin[128];
    open_tile_bench(&it, "tiny", settings);
    const queued_launch launch = {kernel, NULL, two, 2, both_ways, pair_count, 0, 0};
    WEFT_TEST_ASSERT_OK(try_queued(&it, &launch, &it.run, &err), err);
    weft_status status = weft__sim_run(it.base.sim, WEFT__NEVER, &err);
    ck_assert_msg(status == expected, "%s gave %s: %s", says, weft_status_name(status),
                  status == WEFT_OK ? "" : err.message);
    (void)snprintf(begin, sizeof begin,
                   "Kernel 'kernel' on sip0.cube0.pe0 at %.3f ns, %s: ", (double)weft__sim_now(it.base.sim) / 1000,
                   call);
    ck_assert_msg(strncmp(err.message, begin, strlen(begin)) == 0, "%s does not begin with %s", err.message, begin);
    ck_assert_msg(strstr(err.message, says) != NULL, "%s does not say %s", err.message, says);
    ck_assert_msg(err.message[strlen(err.message) - 1] == '.', "%s does not end", err.message);
    close_tile_bench(&it);
}

START_TEST(each_mistake_is_named)
{
    for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++)
        fail_with(NULL, mistakes[i].kernel, mistakes[i].status, mistakes[i].call, mistakes[i].says, 2);
}
END_TEST

/* clang-format off */
MISTAKE(sends_next) if (is_first(tl)) (void)tl_send(tl, TL_NEXT, own_tensor(tl, 64)); END_MISTAKE
MISTAKE(receives_next) if (is_first(tl)) (void)receive(tl, TL_NEXT, 64); END_MISTAKE
MISTAKE(holds_next) if (is_first(tl)) (void)tl_recv_in_place(tl, TL_NEXT, weft_shape_1d(64), WEFT_U8); END_MISTAKE
/* clang-format on */

START_TEST(mistakes_without_queues_are_named)
{
    static const char *const sram[] = {"cube.sram.mib", "1", "pe.ipcq.memory", "sram", NULL, NULL};
    static const char *const hbm[] = {"pe.ipcq.memory", "hbm", NULL, NULL};
    fail_with(NULL, sends_next, WEFT_NOT_FOUND, "tl_send",
              "There is no neighbour next: weft_launch_options.queues does not ask for WEFT_QUEUES_RING, which gives "
              "TL_NEXT and TL_PREVIOUS.",
              0);
    for (size_t pairs = 0; pairs <= 1; pairs++) /* no queues at all, or one that leads the other way */
        fail_with(NULL, receives_next, WEFT_NOT_FOUND, "tl_recv", "There is no neighbour next: ", pairs);
    fail_with(NULL, takes_no_receive, WEFT_NOT_FOUND, "tl_recv_wait", "has given 0.", 0);
    fail_with(NULL, waits_for_no_receive, WEFT_NOT_FOUND, "tl_wait", "is no receive of this kernel", 0);
    fail_with(NULL, waits_for_a_send_to_nowhere, WEFT_NOT_FOUND, "tl_wait", "which has given 0 to north.", 0);
    fail_with(NULL, frees_scratch, WEFT_INVALID_ARGUMENT, "tl_free_slot", "is in no slot", 0);
    fail_with(sram, holds_next, WEFT_UNSUPPORTED, "tl_recv_in_place",
              "A message can stay in its slot only where pe.ipcq.memory is tcm, and it is sram.", 2);
    fail_with(hbm, holds_next, WEFT_UNSUPPORTED, "tl_recv_in_place", "pe.ipcq.memory is tcm, and it is hbm.", 2);
}
END_TEST

/* ---- barriers ---- */

static void barrier_kernel(weft_tile *tl, const void *arguments)
{
    (void)arguments;
    for (int i = 0; i < 2; i++) {
        if (i == 1)
            weft__tile_begin_collective(tl, "tl_barrier", true);
        if (is_first(tl))
            (void)tl_send(tl, TL_NEXT, own_tensor(tl, 64));
        else
            (void)receive(tl, TL_PREVIOUS, 64);
    }
    weft__tile_end_collective(tl);
}

START_TEST(waits_inside_of_a_barrier_are_told_apart)
{
    tile_bench it;
    weft__kernel_report report;
    open_tile_bench(&it, "tiny", NULL);
    run_queued(&it, &(queued_launch){barrier_kernel, NULL, two, 2, both_ways, 2, 0, 0});
    weft__kernel_run_report(it.run, 1, &report);
    uint64_t queue = report.times.processor_ps[WEFT__PE_WAIT_QUEUE];
    uint64_t barrier = report.times.processor_ps[WEFT__PE_WAIT_BARRIER];
    ck_assert_uint_gt(queue, 0);
    ck_assert_uint_gt(barrier, 0);
    ck_assert_uint_eq(queue + barrier + report.times.processor_ps[WEFT__PE_DISPATCH], report.end - report.start);
    ck_assert_str_eq(weft__pe_activity_name(WEFT__PE_WAIT_QUEUE), "wait for a queue");
    ck_assert_str_eq(weft__pe_activity_name(WEFT__PE_WAIT_BARRIER), "wait in a barrier");
    close_tile_bench(&it);
}
END_TEST

/* ---- memory ---- */

static void many_kernel(weft_tile *tl, const void *arguments)
{
    (void)arguments;
    tl_direction other = is_first(tl) ? TL_NEXT : TL_PREVIOUS;
    tl_command ahead[2];
    for (int i = 0; i < 2; i++)
        ahead[i] = tl_recv_async(tl, other, weft_shape_1d(64), WEFT_U8);
    for (int i = 0; i < 8; i++)
        if (i < 4)
            tl_wait(tl, tl_send(tl, other, own_tensor(tl, 64)));
        else if (i < 6)
            (void)tl_recv_wait(tl, ahead[i - 4]);
        else
            tl_free_slot(tl, tl_recv_in_place(tl, other, weft_shape_1d(64), WEFT_U8));
}

static weft_status try_many(tile_bench *it, weft_error *err)
{
    const queued_launch launch = {many_kernel, NULL, two, 2, both_ways, 2, 0, 0};
    weft_status status = weft__pes_create(it->base.fabric, it->base.transfers, &it->pes, err);
    if (status == WEFT_OK)
        status = try_queued(it, &launch, &it->run, err);
    if (status == WEFT_OK)
        status = weft__sim_run(it->base.sim, WEFT__NEVER, err);
    return status == WEFT_OK ? weft__kernel_run_check(it->run, err) : status;
}

START_TEST(every_allocation_may_fail)
{
    bool failed = true;
    uint64_t tried = 0;
    for (; failed; tried++) {
        tile_bench it;
        weft_error err;
        open_tile_bench(&it, "tiny", NULL);
        weft__pes_destroy(it.pes);
        it.pes = NULL;
        weft_test_fail_allocation_after(tried);
        weft_status status = try_many(&it, &err);
        failed = weft_test_stop_failing();
        ck_assert_msg(status == (failed ? WEFT_OUT_OF_MEMORY : WEFT_OK), "allocation %" PRIu64 " gave %s: %s", tried,
                      weft_status_name(status), status == WEFT_OK ? "" : err.message);
        close_tile_bench(&it);
    }
    ck_assert_uint_gt(tried, 20);
}
END_TEST

/* Many rounds, of which only the first ones may allocate, and the last, as the PEs end one after another. */
static void steady_kernel(weft_tile *tl, const void *arguments)
{
    uint64_t *allocations = (uint64_t *)(uintptr_t)arguments;
    for (int round = 0; round < 100; round++) {
        uint64_t mark = tl_mark(tl);
        many_kernel(tl, NULL);
        tl_release(tl, mark);
        if (is_first(tl) && (round == 19 || round == 89))
            allocations[round == 89] = weft_test_allocations();
    }
}

START_TEST(a_steady_flow_allocates_nothing)
{
    tile_bench it;
    uint64_t allocations[2] = {0};
    open_tile_bench(&it, "tiny", NULL);
    run_queued(&it, &(queued_launch){steady_kernel, allocations, two, 2, both_ways, 2, 0, 0});
    ck_assert_uint_gt(allocations[0], 0);
    ck_assert_uint_eq(allocations[0], allocations[1]);
    close_tile_bench(&it);
}
END_TEST

WEFT_TEST_MAIN("tile_queue", directions_have_names, pes_know_their_neighbours, groups_are_numbered,
               each_mistake_is_named, mistakes_without_queues_are_named, waits_inside_of_a_barrier_are_told_apart,
               every_allocation_may_fail, a_steady_flow_allocates_nothing)
