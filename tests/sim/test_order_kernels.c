/* Kernels and hosts that touch one tensor: what tells them of each other orders them, and time does not. Each scene is
 * played as it should be, in which nothing may be found, and with its mistake, which is found although the times were
 * right. */
#include "simulation_bench.h"

#include "support/failing_malloc.h"

#define ROWS 32
#define COLUMNS 32
#define TENSOR_BYTES (ROWS * COLUMNS * sizeof(float))
#define LONG 60

typedef struct scene_work {
    bool is_broken;
    uint64_t shared; /* a tensor that the host has written, f32 [ROWS, COLUMNS] */
} scene_work;

typedef struct scene {
    const char *name;
    weft_tile_kernel *kernel;
    weft_race race;
    const char *pe, *call, *other, *other_call;
    const char *slots; /* of a queue; NULL: as many as the machine has */
} scene;

static weft_shape all(void)
{
    return weft_shape_2d(ROWS, COLUMNS);
}

static bool is_first(const weft_tile *tl)
{
    return tl_program_id(tl, TL_AXIS_ALL) == 0;
}

static void be_busy(weft_tile *tl)
{
    uint64_t mark = tl_mark(tl);
    for (int i = 0; i < LONG; i++) {
        (void)tl_full(tl, all(), WEFT_F32, 0);
        tl_release(tl, mark);
    }
}

static void tell(weft_tile *tl)
{
    tl_wait(tl, tl_send(tl, TL_NEXT, tl_full(tl, weft_shape_1d(1), WEFT_F32, 1)));
}

static void hear(weft_tile *tl)
{
    (void)tl_recv(tl, TL_PREVIOUS, weft_shape_1d(1), WEFT_F32);
}

static void write_shared(weft_tile *tl, const scene_work *it)
{
    tl_store(tl, it->shared, tl_full(tl, all(), WEFT_F32, 2));
}

static void read_shared(weft_tile *tl, const scene_work *it)
{
    (void)tl_load(tl, it->shared, all(), WEFT_F32);
}

/* ---- scenes ---- */

/* The message is there in both, but it says something in one only. */
static void reads_what_was_written(weft_tile *tl, const void *arguments)
{
    const scene_work *it = arguments;
    if (is_first(tl)) {
        if (it->is_broken)
            tell(tl);
        write_shared(tl, it);
        if (!it->is_broken)
            tell(tl);
        return;
    }
    hear(tl);
    be_busy(tl);
    read_shared(tl, it);
}

static void writes_what_was_read(weft_tile *tl, const void *arguments)
{
    const scene_work *it = arguments;
    if (is_first(tl)) {
        if (it->is_broken)
            tell(tl);
        read_shared(tl, it);
        if (!it->is_broken)
            tell(tl);
        return;
    }
    hear(tl);
    be_busy(tl);
    write_shared(tl, it);
}

static void writes_what_was_written(weft_tile *tl, const void *arguments)
{
    const scene_work *it = arguments;
    if (is_first(tl)) {
        write_shared(tl, it);
        tell(tl);
        return;
    }
    if (it->is_broken)
        be_busy(tl);
    else
        hear(tl);
    write_shared(tl, it);
    if (it->is_broken)
        hear(tl);
}

/* Nobody waits for the command that writes, though it is done long before. */
static void tells_of_a_command(weft_tile *tl, const void *arguments)
{
    const scene_work *it = arguments;
    if (is_first(tl)) {
        tl_tensor half = tl_full(tl, all(), WEFT_F16, 1);
        const tl_composite_request request = {
            .op = WEFT_COMMAND_GEMM, .a = half, .b = half, .out = it->shared, .dtype = WEFT_F32};
        tl_command command = tl_composite(tl, &request);
        if (!it->is_broken)
            tl_wait(tl, command);
        be_busy(tl);
        tell(tl);
        return;
    }
    hear(tl);
    be_busy(tl);
    read_shared(tl, it);
}

/* A command that was given before the message came may have read before. */
static void gives_a_command_too_early(weft_tile *tl, const void *arguments)
{
    const scene_work *it = arguments;
    if (is_first(tl)) {
        write_shared(tl, it);
        tell(tl);
        return;
    }
    tl_tensor ones = tl_full(tl, weft_shape_2d(512, ROWS), WEFT_F32, 1);
    tl_composite_request long_one = {.op = WEFT_COMMAND_EXP, .a = ones, .out = ones.address, .dtype = WEFT_F32};
    (void)tl_composite(tl, &long_one);
    if (!it->is_broken)
        hear(tl);
    tl_composite_request request = {.op = WEFT_COMMAND_NEG,
                                    .a = tl_ref(tl, it->shared, all(), WEFT_F32),
                                    .out = tl_full(tl, all(), WEFT_F32, 0).address,
                                    .dtype = WEFT_F32};
    tl_wait(tl, tl_composite(tl, &request)); /* which waits for the long one to be fed */
    if (it->is_broken)
        hear(tl);
}

/* What a receive brings is known when the kernel has waited for it. */
static void does_not_wait_for_a_receive(weft_tile *tl, const void *arguments)
{
    const scene_work *it = arguments;
    if (is_first(tl)) {
        write_shared(tl, it);
        tell(tl);
        return;
    }
    tl_command command = tl_recv_async(tl, TL_PREVIOUS, weft_shape_1d(1), WEFT_F32);
    be_busy(tl);
    if (!it->is_broken)
        (void)tl_received(tl, command);
    read_shared(tl, it);
    if (it->is_broken)
        (void)tl_received(tl, command);
}

/* A queue of one slot: who gets it again knows what was done before it was freed. */
static void relies_on_a_slot(weft_tile *tl, const void *arguments)
{
    const scene_work *it = arguments;
    if (is_first(tl)) {
        tell(tl);
        if (it->is_broken)
            be_busy(tl);
        else
            tell(tl);
        write_shared(tl, it);
        if (it->is_broken)
            tell(tl);
        return;
    }
    read_shared(tl, it);
    hear(tl);
    be_busy(tl);
    hear(tl);
}

/* The same, where the kernel frees it itself. */
static void relies_on_a_slot_in_place(weft_tile *tl, const void *arguments)
{
    const scene_work *it = arguments;
    if (is_first(tl)) {
        tell(tl);
        tell(tl);
        write_shared(tl, it);
        return;
    }
    tl_tensor slot = tl_recv_in_place(tl, TL_PREVIOUS, weft_shape_1d(1), WEFT_F32);
    if (!it->is_broken)
        read_shared(tl, it);
    tl_free(tl, slot);
    if (it->is_broken)
        read_shared(tl, it);
    hear(tl);
}

/* In the memory of the other one, who says where by a short cut. */
static uint64_t made_address;

static void looks_into_another_tcm(weft_tile *tl, const void *arguments)
{
    const scene_work *it = arguments;
    if (is_first(tl)) {
        if (it->is_broken)
            tell(tl);
        made_address = tl_full(tl, all(), WEFT_F32, 3).address;
        if (!it->is_broken)
            tell(tl);
        be_busy(tl);
        be_busy(tl);
        return;
    }
    hear(tl);
    be_busy(tl);
    (void)tl_load(tl, made_address, all(), WEFT_F32);
}

/* A slot that is sent on has to be read before it is free. */
static void frees_what_it_sends_on(weft_tile *tl, const void *arguments)
{
    const scene_work *it = arguments;
    const weft_shape shape = weft_shape_1d(64);
    for (int i = 0; i < 2; i++) {
        if (is_first(tl)) {
            (void)tl_send(tl, TL_NEXT, tl_full(tl, shape, WEFT_F32, i));
            be_busy(tl);
            continue;
        }
        tl_tensor slot = tl_recv_in_place(tl, TL_PREVIOUS, shape, WEFT_F32);
        if (it->is_broken)
            tl_free(tl, slot);
        tl_wait(tl, tl_send(tl, TL_NEXT, slot));
        if (!it->is_broken)
            tl_free(tl, slot);
    }
    for (int i = 0; i < 2 && is_first(tl); i++)
        (void)tl_recv(tl, TL_PREVIOUS, shape, WEFT_F32);
}

/* But who has heard of it knows that it was. */
static void hears_of_what_was_sent_on(weft_tile *tl, const void *arguments)
{
    const scene_work *it = arguments;
    const weft_shape shape = weft_shape_1d(64);
    for (int i = 0; i < 2; i++) {
        if (is_first(tl)) {
            (void)tl_send(tl, TL_NEXT, tl_full(tl, shape, WEFT_F32, i));
            be_busy(tl);
            if (!it->is_broken)
                (void)tl_recv(tl, TL_PREVIOUS, shape, WEFT_F32);
            continue;
        }
        tl_tensor slot = tl_recv_in_place(tl, TL_PREVIOUS, shape, WEFT_F32);
        tl_free(tl, slot);
        (void)tl_send(tl, TL_NEXT, slot);
    }
    for (int i = 0; i < 2 && is_first(tl) && it->is_broken; i++)
        (void)tl_recv(tl, TL_PREVIOUS, shape, WEFT_F32);
}

static const scene scenes[] = {
    {"reads what was written", reads_what_was_written, WEFT_RACE_RAW, "pe1", "tl_load", "pe0", "tl_store", NULL},
    {"writes what was read", writes_what_was_read, WEFT_RACE_WAR, "pe1", "tl_store", "pe0", "tl_load", NULL},
    {"writes what was written", writes_what_was_written, WEFT_RACE_WAW, "pe1", "tl_store", "pe0", "tl_store", NULL},
    {"tells of a command", tells_of_a_command, WEFT_RACE_RAW, "pe1", "tl_load", "pe0", "tl_composite", NULL},
    {"gives a command too early", gives_a_command_too_early, WEFT_RACE_RAW, "pe1", "tl_composite", "pe0", "tl_store",
     NULL},
    {"does not wait for a receive", does_not_wait_for_a_receive, WEFT_RACE_RAW, "pe1", "tl_load", "pe0", "tl_store",
     NULL},
    {"relies on a slot", relies_on_a_slot, WEFT_RACE_WAR, "pe0", "tl_store", "pe1", "tl_load", "1"},
    {"relies on a slot in place", relies_on_a_slot_in_place, WEFT_RACE_WAR, "pe0", "tl_store", "pe1", "tl_load", "1"},
    {"looks into another TCM", looks_into_another_tcm, WEFT_RACE_RAW, "pe1", "tl_load", "pe0", "tl_full", NULL},
    {"frees what it sends on", frees_what_it_sends_on, WEFT_RACE_WAR, "pe0", "tl_send", "pe1", "tl_send", "1"},
    {"hears of what was sent on", hears_of_what_was_sent_on, WEFT_RACE_WAR, "pe0", "tl_send", "pe1", "tl_send", "1"},
};

/* ---- playing ---- */

typedef struct stage {
    simulation_bench base;
    weft_placed_tensor *shared;
    scene_work work;
} stage;

static void set_stage(stage *it, const char *slots, weft_hazard_action action)
{
    static float data[ROWS * COLUMNS];
    weft_shard shard;
    const char *const settings[] = {slots ? "pe.ipcq.slots" : NULL, slots, NULL};
    const weft_placement there = {.pes = {.pes = 1}, .home = WEFT_HOME_SRAM};
    it->base = open_simulation("tiny", settings, &(weft_simulation_options){.hazards = action});
    it->shared = make_tensor(&it->base, WEFT_F32, all(), there);
    set_tensor(it->shared, data, sizeof data);
    weft_tensor_get_shard(it->shared, 0, &shard);
    it->work = (scene_work){.shared = shard.address};
}

static void clear_stage(stage *it)
{
    weft_tensor_destroy(it->shared);
    close_simulation(&it->base);
}

static weft_status play(stage *it, const scene *played, bool is_broken, weft_error *err)
{
    weft_kernel_launch *launch;
    it->work.is_broken = is_broken;
    const weft_launch_options options = {
        .name = played->name, .kernel = played->kernel, .arguments = &it->work, .queues = WEFT_QUEUES_RING};
    WEFT_TEST_ASSERT_OK(weft_simulation_launch(it->base.simulation, &options, &launch, err), *err);
    weft_status status = weft_simulation_wait(it->base.simulation, launch, err);
    weft_kernel_launch_destroy(launch);
    return status;
}

static void must_name(const scene *played, const char *text, const char *what)
{
    if (!strstr(text, what))
        ck_abort_msg("'%s': \"%s\" does not name %s.", played->name, text, what);
}

static void check_hazard(const scene *played, const weft_simulation_hazard *it)
{
    if (it->race != played->race)
        ck_abort_msg("'%s': %s instead of %s: %s", played->name, weft_race_name(it->race), weft_race_name(played->race),
                     it->text);
    ck_assert_str_eq(it->kernel, played->name);
    ck_assert_str_eq(it->call, played->call);
    ck_assert_str_eq(it->other_call, played->other_call);
    must_name(played, it->pe, played->pe);
    must_name(played, it->other, played->other);
    must_name(played, it->text, it->other);
    must_name(played, it->text, played->other_call);
    must_name(played, it->text, "nothing orders");
    ck_assert(it->held);
    ck_assert_uint_gt(it->margin_ps, 0);
    ck_assert_uint_eq(it->time_ps, it->other_ps + it->margin_ps);
    ck_assert_uint_gt(it->bytes, 0);
}

START_TEST(what_is_told_is_ordered)
{
    for (size_t i = 0; i < sizeof scenes / sizeof scenes[0]; i++) {
        stage it;
        weft_error err = {0};
        weft_simulation_hazard none;
        set_stage(&it, scenes[i].slots, WEFT_HAZARDS_ERROR);
        if (play(&it, &scenes[i], false, &err) != WEFT_OK)
            ck_abort_msg("'%s' as it should be: %s", scenes[i].name, err.message);
        ck_assert(!weft_simulation_hazard_at(it.base.simulation, 0, &none));
        clear_stage(&it);
    }
}
END_TEST

START_TEST(what_is_not_told_is_found)
{
    for (size_t i = 0; i < sizeof scenes / sizeof scenes[0]; i++) {
        stage it;
        weft_error err = {0};
        weft_simulation_hazard hazard;
        set_stage(&it, scenes[i].slots, WEFT_HAZARDS_ERROR);
        if (play(&it, &scenes[i], true, &err) != WEFT_HAZARD)
            ck_abort_msg("'%s' is not found.", scenes[i].name);
        ck_assert(weft_simulation_hazard_at(it.base.simulation, 0, &hazard));
        ck_assert_str_eq(err.message, hazard.text);
        check_hazard(&scenes[i], &hazard);
        clear_stage(&it);
    }
}
END_TEST

START_TEST(a_mistake_is_reported_once)
{
    for (size_t i = 0; i < sizeof scenes / sizeof scenes[0]; i++) {
        stage it;
        weft_error err = {0};
        weft_simulation_statistics statistics;
        set_stage(&it, scenes[i].slots, WEFT_HAZARDS_REPORT);
        if (play(&it, &scenes[i], true, &err) != WEFT_OK)
            ck_abort_msg("'%s', reported: %s", scenes[i].name, err.message);
        weft_simulation_get_statistics(it.base.simulation, &statistics);
        if (statistics.hazards != 1)
            ck_abort_msg("'%s' is found %llu times.", scenes[i].name, (unsigned long long)statistics.hazards);
        clear_stage(&it);
    }
}
END_TEST

/* ---- launches and the host ---- */

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
    WEFT_TEST_ASSERT_OK(weft_tensor_upload(it.shared, data, sizeof data, &err), err);
    end_on(&it, begin_on(&it, read_kernel, 1));
    end_on(&it, begin_on(&it, write_kernel, 1));
    WEFT_TEST_ASSERT_OK(weft_tensor_download(it.shared, data, sizeof data, &err), err);
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
        weft_simulation_hazard hazard;
        set_stage(&it, NULL, WEFT_HAZARDS_ERROR);
        weft_kernel_launch *other = begin_on(&it, what == 1 ? read_kernel : write_kernel, 0);
        weft_status status = WEFT_OK;
        if (what == 0)
            status = weft_tensor_upload(it.shared, data, sizeof data, &err); /* runs until the launch has written too */
        else
            set_tensor(it.shared, data, sizeof data);
        if (status == WEFT_OK)
            status = weft_simulation_wait(it.base.simulation, other, &err);
        ck_assert_int_eq(status, WEFT_HAZARD);
        ck_assert(weft_simulation_hazard_at(it.base.simulation, 0, &hazard));
        ck_assert_str_eq(err.message, hazard.text);
        ck_assert_int_eq(hazard.race, what == 1 ? WEFT_RACE_RAW : WEFT_RACE_WAW);
        if (what)
            ck_assert(strcmp(hazard.other, "host") == 0 && !hazard.other_call);
        weft_kernel_launch_destroy(other);
        clear_stage(&it);
    }
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
        weft_simulation_hazard hazard;
        set_stage(&it, NULL, (weft_hazard_action)action);
        weft_placed_tensor *other =
            make_tensor(&it.base, WEFT_F32, all(), (weft_placement){.pes = {.pes = 1}, .home = WEFT_HOME_HBM});
        weft_kernel_launch *launch = begin_on(&it, write_and_stay_kernel, 0);
        for (int i = 0; i < 2; i++) /* so that it has written */
            WEFT_TEST_ASSERT_OK(weft_tensor_upload(other, data, sizeof data, &err), err);
        weft_status status = weft_tensor_get(it.shared, data, sizeof data, &err);
        ck_assert_int_eq(status, action == WEFT_HAZARDS_ERROR ? WEFT_HAZARD : WEFT_OK);
        ck_assert(weft_simulation_hazard_at(it.base.simulation, 0, &hazard));
        ck_assert_int_eq(hazard.race, WEFT_RACE_RAW);
        ck_assert(strcmp(hazard.pe, "host") == 0 && !hazard.kernel);
        ck_assert_str_eq(hazard.other, "sip0.cube0.pe0");
        ck_assert_str_eq(hazard.other_call, "tl_store");
        ck_assert_msg(strncmp(hazard.text, "The host at ", 12) == 0, "%s", hazard.text);
        if (action == WEFT_HAZARDS_ERROR)
            ck_assert_str_eq(err.message, hazard.text);
        else
            ck_assert(data[0] == 2);
        weft_kernel_launch_destroy(launch);
        weft_tensor_destroy(other);
        clear_stage(&it);
    }
}
END_TEST

/* ---- out of memory ---- */

START_TEST(out_of_memory_while_order_is_kept)
{
    bool failed = true;
    for (uint64_t n = 0; failed; n += 1 + n / 64) {
        stage it;
        weft_error err = {0};
        weft_kernel_launch *launch = NULL;
        const scene *played = &scenes[8 + n % 2];
        set_stage(&it, "1", WEFT_HAZARDS_ERROR);
        const weft_launch_options options = {
            .name = played->name, .kernel = played->kernel, .arguments = &it.work, .queues = WEFT_QUEUES_RING};
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

WEFT_TEST_MAIN("order of kernels", what_is_told_is_ordered, what_is_not_told_is_found, a_mistake_is_reported_once,
               launches_that_are_waited_for_are_ordered, launches_under_way_together_are_ordered_on_one_pe_only,
               the_host_is_not_ordered_with_what_it_has_not_waited_for, the_host_that_reads_too_early_is_told,
               out_of_memory_while_order_is_kept)
