/* What the log says of messages whose slots were overwritten, through the public header. */
#include "simulation_bench.h"

#include <weft/collective.h>

static weft_shape vector(void)
{
    return weft_shape_1d(256);
}

static void be_busy(weft_tile *tl, tl_tensor with)
{
    uint64_t mark = tl_mark(tl);
    for (int i = 0; i < 40; i++) {
        (void)tl_exp(tl, with);
        tl_release(tl, mark);
    }
}

/* Three messages through the one slot of a ring. The receiver writes over the second before it takes it, in place. */
static void spoil_a_slot(weft_tile *tl, const void *arguments)
{
    (void)arguments;
    tl_tensor mine = tl_full(tl, vector(), WEFT_F32, 1);
    if (tl_program_id(tl, TL_AXIS_RANK) == 0) {
        for (int i = 0; i < 3; i++)
            tl_wait(tl, tl_send(tl, TL_NEXT, mine));
        return;
    }
    tl_tensor slot = tl_recv_in_place(tl, TL_PREVIOUS, vector(), WEFT_F32);
    tl_free_slot(tl, slot);
    be_busy(tl, mine);
    tl_copy(tl, tl_ref(tl, slot.address, vector(), WEFT_F32), mine);
    tl_free_slot(tl, tl_recv_in_place(tl, TL_PREVIOUS, vector(), WEFT_F32));
    (void)tl_recv(tl, TL_PREVIOUS, vector(), WEFT_F32);
}

START_TEST(what_has_no_record_leaves_nothing_to_others)
{
    static const char *const settings[] = {"pe.ipcq.slots", "1", NULL, NULL};
    const weft_simulation_options options = {.hazards = WEFT_HAZARDS_REPORT, .keeps_log = true};
    simulation_bench it = open_simulation("tiny", settings, &options);
    weft_kernel_launch *launch = begin_launch(&it, &(weft_launch_options){.kernel = spoil_a_slot,
                                                                          .pes = {.sips = 1, .cubes = 1, .pes = 2},
                                                                          .queues = WEFT_QUEUES_RING});
    wait_for(&it, launch);
    weft_simulation_statistics statistics;
    weft_simulation_get_statistics(it.simulation, &statistics);
    ck_assert_uint_gt(statistics.hazards, 0);
    size_t count = weft_simulation_log_count(it.simulation), receives = 0;
    for (size_t i = 0; i < count; i++) {
        weft_error err;
        weft_record record;
        WEFT_TEST_ASSERT_OK(weft_simulation_log_at(it.simulation, i, &record, &err), err);
        if (record.op != WEFT_COMMAND_QUEUE_COPY || !strstr(record.component, "pe1"))
            continue;
        receives++;
        ck_assert(!record.inputs[0].overwrite.is_overwritten);
    }
    ck_assert_uint_eq(receives, 1); /* those in place move nothing */
    weft_kernel_launch_destroy(launch);
    close_simulation(&it);
}
END_TEST

WEFT_TEST_MAIN("simulation_log", what_has_no_record_leaves_nothing_to_others)
