/* Launches and the host: what is waited for is ordered. */
#include "order_stage.h"

#include "support/failing_malloc.h"

static void write_kernel(weft_tile *tl, const void *arguments)
{
    write_shared(tl, arguments);
}

static void read_kernel(weft_tile *tl, const void *arguments)
{
    be_busy(tl);
    read_shared(tl, arguments);
}

static weft_kernel_launch *begin_on(stage *it, weft_tile_kernel *kernel, uint32_t pe)
{
    const weft_launch_options options = {
        .name = "on one PE", .kernel = kernel, .arguments = &it->work, .pes = {.first_pe = pe, .pes = 1}};
    return begin_launch(&it->base, &options);
}

static void end_on(stage *it, weft_kernel_launch *launch)
{
    wait_for(&it->base, launch);
    weft_kernel_launch_destroy(launch);
}

START_TEST(launches_that_are_waited_for_are_ordered)
{
    stage it;
    static float data[ROWS * COLUMNS];
    set_stage(&it, NULL, WEFT_HAZARDS_ERROR);
    for (int round = 0; round < 3; round++) {
        end_on(&it, begin_on(&it, write_kernel, 0));
        end_on(&it, begin_on(&it, read_kernel, 1));
        get_tensor(it.shared, data, sizeof data);
        set_tensor(it.shared, data, sizeof data);
    }
    weft_error err;
    WEFT_TEST_ASSERT_OK(weft_placed_tensor_upload(it.shared, data, sizeof data, &err), err);
    end_on(&it, begin_on(&it, read_kernel, 1));
    end_on(&it, begin_on(&it, write_kernel, 1));
    WEFT_TEST_ASSERT_OK(weft_placed_tensor_download(it.shared, data, sizeof data, &err), err);
    ck_assert(data[0] == 2);
    clear_stage(&it);
}
END_TEST

START_TEST(launches_under_way_together_are_ordered_on_one_pe_only)
{
    for (uint32_t pe = 0; pe < 2; pe++) {
        stage it;
        weft_error err = {0};
        set_stage(&it, NULL, WEFT_HAZARDS_ERROR);
        weft_kernel_launch *first = begin_on(&it, write_kernel, 0), *second = begin_on(&it, read_kernel, pe);
        weft_status status = weft_simulation_wait(it.base.simulation, second, &err);
        ck_assert_int_eq(status, pe ? WEFT_HAZARD : WEFT_OK);
        if (pe)
            ck_assert_msg(strstr(err.message, "nothing orders that after tl_store of sip0.cube0.pe0") != NULL, "%s",
                          err.message);
        weft_kernel_launch_destroy(first);
        weft_kernel_launch_destroy(second);
        clear_stage(&it);
    }
}
END_TEST

START_TEST(the_host_is_not_ordered_with_what_it_has_not_waited_for)
{
    static float data[ROWS * COLUMNS];
    for (int what = 0; what < 3; what++) {
        stage it;
        weft_error err = {0};
        weft_kernel_hazard hazard;
        set_stage(&it, NULL, WEFT_HAZARDS_ERROR);
        weft_kernel_launch *other = begin_on(&it, what == 1 ? read_kernel : write_kernel, 0);
        weft_status status = WEFT_OK;
        if (what == 0)
            status = weft_placed_tensor_upload(it.shared, data, sizeof data,
                                               &err); /* runs until the launch has written too */
        else
            set_tensor(it.shared, data, sizeof data);
        if (status == WEFT_OK)
            status = weft_simulation_wait(it.base.simulation, other, &err);
        ck_assert_int_eq(status, WEFT_HAZARD);
        ck_assert(weft_simulation_hazard_at(it.base.simulation, 0, &hazard));
        ck_assert_str_eq(err.message, hazard.text);
        ck_assert_int_eq(hazard.kind, what == 1 ? WEFT_KERNEL_HAZARD_RAW : WEFT_KERNEL_HAZARD_WAW);
        if (what)
            ck_assert(strcmp(hazard.other, "host") == 0 && !hazard.other_call);
        weft_kernel_launch_destroy(other);
        clear_stage(&it);
    }
}
END_TEST

static void tell_and_write_kernel(weft_tile *tl, const void *arguments)
{
    if (!is_first(tl)) {
        hear(tl);
        return;
    }
    tell(tl);
    write_shared(tl, arguments);
}

/* A send waits for the kernel of its receiver, and so for what that PE did before. */
START_TEST(a_send_is_after_earlier_kernels_of_the_receiver)
{
    stage it;
    set_stage(&it, NULL, WEFT_HAZARDS_ERROR);
    weft_kernel_launch *first = begin_on(&it, read_kernel, 1);
    const weft_launch_options options = {
        .kernel = tell_and_write_kernel, .arguments = &it.work, .queues = WEFT_QUEUES_RING};
    weft_kernel_launch *second = begin_launch(&it.base, &options);
    end_on(&it, second);
    end_on(&it, first);
    clear_stage(&it);
}
END_TEST

static void write_and_stay_kernel(weft_tile *tl, const void *arguments)
{
    write_shared(tl, arguments);
    for (int i = 0; i < 20; i++)
        be_busy(tl);
}

START_TEST(the_host_that_reads_too_early_is_told)
{
    static float data[ROWS * COLUMNS];
    for (int action = WEFT_HAZARDS_ERROR; action <= WEFT_HAZARDS_REPORT; action++) {
        stage it;
        weft_error err = {0};
        weft_kernel_hazard hazard;
        set_stage(&it, NULL, (weft_hazard_action)action);
        weft_placed_tensor *other =
            make_tensor(&it.base, WEFT_F32, all(), (weft_placement){.pes = {.pes = 1}, .home = WEFT_HOME_HBM});
        weft_kernel_launch *launch = begin_on(&it, write_and_stay_kernel, 0);
        for (int i = 0; i < 2; i++) /* so that it has written */
            WEFT_TEST_ASSERT_OK(weft_placed_tensor_upload(other, data, sizeof data, &err), err);
        weft_status status = weft_placed_tensor_get(it.shared, data, sizeof data, &err);
        ck_assert_int_eq(status, action == WEFT_HAZARDS_ERROR ? WEFT_HAZARD : WEFT_OK);
        ck_assert(weft_simulation_hazard_at(it.base.simulation, 0, &hazard));
        ck_assert_int_eq(hazard.kind, WEFT_KERNEL_HAZARD_RAW);
        ck_assert(strcmp(hazard.pe, "host") == 0 && !hazard.kernel);
        ck_assert_str_eq(hazard.other, "sip0.cube0.pe0");
        ck_assert_str_eq(hazard.other_call, "tl_store");
        ck_assert_msg(strncmp(hazard.text, "The host at ", 12) == 0, "%s", hazard.text);
        if (action == WEFT_HAZARDS_ERROR)
            ck_assert_str_eq(err.message, hazard.text);
        else
            ck_assert(data[0] == 2);
        weft_kernel_launch_destroy(launch);
        weft_placed_tensor_destroy(other);
        clear_stage(&it);
    }
}
END_TEST

/* ---- out of memory ---- */

/* What both do, with messages, a command and a slot that is sent on. */
static void exchange_kernel(weft_tile *tl, const void *arguments)
{
    const scene_work *it = arguments;
    for (int i = 0; i < 3; i++) {
        if (is_first(tl)) {
            write_shared(tl, it);
            tell(tl);
            hear(tl);
            continue;
        }
        tl_tensor slot = tl_recv_in_place(tl, TL_PREVIOUS, weft_shape_1d(1), WEFT_F32);
        const tl_composite_request request = {.op = WEFT_COMMAND_NEG,
                                              .a = tl_ref(tl, it->shared, all(), WEFT_F32),
                                              .out = tl_full(tl, all(), WEFT_F32, 0).address,
                                              .dtype = WEFT_F32};
        tl_wait(tl, tl_composite(tl, &request));
        tl_wait(tl, tl_send(tl, TL_NEXT, slot));
        tl_free_slot(tl, slot);
    }
}

START_TEST(out_of_memory_while_order_is_kept)
{
    bool failed = true;
    for (uint64_t n = 0; failed; n += 1 + n / 64) {
        stage it;
        weft_error err = {0};
        weft_kernel_launch *launch = NULL;
        set_stage(&it, "1", WEFT_HAZARDS_ERROR);
        const weft_launch_options options = {
            .name = "exchange", .kernel = exchange_kernel, .arguments = &it.work, .queues = WEFT_QUEUES_RING};
        weft_test_fail_allocation_after(n);
        weft_status status = weft_simulation_launch(it.base.simulation, &options, &launch, &err);
        if (status == WEFT_OK)
            status = weft_simulation_wait(it.base.simulation, launch, &err);
        failed = weft_test_stop_failing();
        ck_assert_msg(status == (failed ? WEFT_OUT_OF_MEMORY : WEFT_OK), "allocation %" PRIu64 ": %s", n, err.message);
        weft_kernel_launch_destroy(launch);
        clear_stage(&it);
    }
}
END_TEST

WEFT_TEST_MAIN("order of launches", launches_that_are_waited_for_are_ordered,
               launches_under_way_together_are_ordered_on_one_pe_only, a_send_is_after_earlier_kernels_of_the_receiver,
               the_host_is_not_ordered_with_what_it_has_not_waited_for, the_host_that_reads_too_early_is_told,
               out_of_memory_while_order_is_kept)
