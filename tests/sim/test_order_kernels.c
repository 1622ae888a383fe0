/* Kernels that touch one tensor: what tells them of each other orders them, and time does not. Each scene is played as
 * it should be, in which nothing may be found, and with its mistake, which is found although the times were right. */
#include "order_stage.h"

typedef struct scene {
    const char *name;
    weft_tile_kernel *kernel;
    weft_kernel_hazard_kind kind;
    const char *pe, *call, *other, *other_call;
    const char *slots; /* of a queue; NULL: as many as the machine has */
} scene;

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
        (void)tl_recv_wait(tl, command);
    read_shared(tl, it);
    if (it->is_broken)
        (void)tl_recv_wait(tl, command);
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
    tl_free_slot(tl, slot);
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

/* A receive has put it there. */
static void looks_at_what_another_received(weft_tile *tl, const void *arguments)
{
    const scene_work *it = arguments;
    if (!is_first(tl)) {
        made_address = tl_recv(tl, TL_PREVIOUS, weft_shape_1d(64), WEFT_F32).address;
        be_busy(tl);
        tell(tl);
        be_busy(tl);
        return;
    }
    (void)tl_send(tl, TL_NEXT, tl_full(tl, weft_shape_1d(64), WEFT_F32, 1));
    be_busy(tl);
    if (!it->is_broken)
        hear(tl);
    (void)tl_load(tl, made_address, weft_shape_1d(64), WEFT_F32);
    if (it->is_broken)
        hear(tl);
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
        bool is_too_early = it->is_broken && i == 0;
        if (is_too_early)
            tl_free_slot(tl, slot);
        tl_wait(tl, tl_send(tl, TL_NEXT, slot));
        if (!is_too_early)
            tl_free_slot(tl, slot);
    }
    for (int i = 0; i < 2 && is_first(tl); i++)
        (void)tl_recv(tl, TL_PREVIOUS, shape, WEFT_F32);
}

/* Who has heard of a message knows that it was read, though its sender has not waited for it. */
static void hears_of_what_was_sent(weft_tile *tl, const void *arguments)
{
    const scene_work *it = arguments;
    if (!is_first(tl)) {
        tl_tensor made = tl_full(tl, all(), WEFT_F32, 3);
        made_address = made.address;
        (void)tl_send(tl, TL_NEXT, made);
        be_busy(tl);
        be_busy(tl);
        return;
    }
    tl_tensor other = tl_full(tl, all(), WEFT_F32, 4);
    be_busy(tl);
    if (!it->is_broken)
        (void)tl_recv(tl, TL_PREVIOUS, all(), WEFT_F32);
    tl_store(tl, made_address, other);
    if (it->is_broken)
        (void)tl_recv(tl, TL_PREVIOUS, all(), WEFT_F32);
}

static const scene scenes[] = {
    {"reads what was written", reads_what_was_written, WEFT_KERNEL_HAZARD_RAW, "pe1", "tl_load", "pe0", "tl_store",
     NULL},
    {"writes what was read", writes_what_was_read, WEFT_KERNEL_HAZARD_WAR, "pe1", "tl_store", "pe0", "tl_load", NULL},
    {"writes what was written", writes_what_was_written, WEFT_KERNEL_HAZARD_WAW, "pe1", "tl_store", "pe0", "tl_store",
     NULL},
    {"tells of a command", tells_of_a_command, WEFT_KERNEL_HAZARD_RAW, "pe1", "tl_load", "pe0", "tl_composite", NULL},
    {"gives a command too early", gives_a_command_too_early, WEFT_KERNEL_HAZARD_RAW, "pe1", "tl_composite", "pe0",
     "tl_store", NULL},
    {"does not wait for a receive", does_not_wait_for_a_receive, WEFT_KERNEL_HAZARD_RAW, "pe1", "tl_load", "pe0",
     "tl_store", NULL},
    {"relies on a slot", relies_on_a_slot, WEFT_KERNEL_HAZARD_WAR, "pe0", "tl_store", "pe1", "tl_load", "1"},
    {"relies on a slot in place", relies_on_a_slot_in_place, WEFT_KERNEL_HAZARD_WAR, "pe0", "tl_store", "pe1",
     "tl_load", "1"},
    {"looks into another TCM", looks_into_another_tcm, WEFT_KERNEL_HAZARD_RAW, "pe1", "tl_load", "pe0", "tl_full",
     NULL},
    {"looks at what another received", looks_at_what_another_received, WEFT_KERNEL_HAZARD_RAW, "pe0", "tl_load", "pe1",
     "tl_recv", NULL},
    {"frees what it sends on", frees_what_it_sends_on, WEFT_KERNEL_HAZARD_FREED, "pe1", "tl_send", "pe1",
     "tl_free_slot", "1"},
    {"hears of what was sent", hears_of_what_was_sent, WEFT_KERNEL_HAZARD_WAR, "pe0", "tl_store", "pe1", "tl_send",
     NULL},
};

/* ---- playing ---- */

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

static void check_hazard(const scene *played, const weft_kernel_hazard *it, uint64_t shared)
{
    if (it->kind != played->kind)
        ck_abort_msg("'%s': %s instead of %s: %s", played->name, weft_kernel_hazard_kind_name(it->kind),
                     weft_kernel_hazard_kind_name(played->kind), it->text);
    ck_assert_str_eq(it->kernel, played->name);
    ck_assert_str_eq(it->call, played->call);
    ck_assert_str_eq(it->other_call, played->other_call);
    must_name(played, it->pe, played->pe);
    must_name(played, it->other, played->other);
    must_name(played, it->text, it->other);
    bool is_of_a_slot = it->kind == WEFT_KERNEL_HAZARD_FREED;
    must_name(played, it->text, is_of_a_slot ? "has freed the slot" : played->other_call);
    must_name(played, it->text, is_of_a_slot ? "at any time" : "nothing orders");
    ck_assert(it->held);
    ck_assert_uint_gt(it->margin_ps, 0);
    ck_assert_uint_eq(it->time_ps, it->other_ps + it->margin_ps);
    ck_assert_uint_gt(it->bytes, 0);
    if (it->address >= shared && it->address < shared + TENSOR_BYTES) {
        ck_assert_uint_eq(it->address, shared);
        ck_assert_uint_eq(it->bytes, TENSOR_BYTES);
    } else {
        ck_assert(played->kernel == looks_into_another_tcm || played->kernel == looks_at_what_another_received ||
                  played->kernel == frees_what_it_sends_on || played->kernel == hears_of_what_was_sent);
    }
}

START_TEST(what_is_told_is_ordered)
{
    for (size_t i = 0; i < sizeof scenes / sizeof scenes[0]; i++) {
        stage it;
        weft_error err = {0};
        weft_kernel_hazard none;
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
        weft_kernel_hazard hazard;
        set_stage(&it, scenes[i].slots, WEFT_HAZARDS_ERROR);
        if (play(&it, &scenes[i], true, &err) != WEFT_HAZARD)
            ck_abort_msg("'%s' is not found.", scenes[i].name);
        ck_assert(weft_simulation_hazard_at(it.base.simulation, 0, &hazard));
        ck_assert_str_eq(err.message, hazard.text);
        check_hazard(&scenes[i], &hazard, it.work.shared);
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

/* ---- meanwhile ---- */

typedef struct stream_work {
    uint64_t rows, in, out;
    int delay;
} stream_work;

/* The first one streams a long tensor, the second writes its first row, sooner or later. */
static void stream_kernel(weft_tile *tl, const void *arguments)
{
    const stream_work *it = arguments;
    if (is_first(tl)) {
        const tl_composite_request request = {.op = WEFT_COMMAND_NEG,
                                              .a = tl_ref(tl, it->in, weft_shape_2d(it->rows, COLUMNS), WEFT_F32),
                                              .out = it->out,
                                              .dtype = WEFT_F32};
        tl_wait(tl, tl_composite(tl, &request));
        return;
    }
    for (int i = 0; i < it->delay; i++)
        be_busy(tl);
    tl_store(tl, it->in, tl_full(tl, weft_shape_2d(1, COLUMNS), WEFT_F32, 1));
}

START_TEST(a_write_that_comes_while_it_is_read_has_not_kept_the_order)
{
    static float data[4096 * COLUMNS];
    uint64_t meanwhile = 0, later = 0;
    for (int delay = 0; delay < 40; delay += 2) {
        stage it;
        weft_shard in, out;
        weft_kernel_hazard hazard, other;
        const weft_shape shape = weft_shape_2d(4096, COLUMNS);
        const weft_placement there = {.pes = {.pes = 1}};
        set_stage(&it, NULL, WEFT_HAZARDS_REPORT);
        weft_placed_tensor *from = make_tensor(&it.base, WEFT_F32, shape, there);
        weft_placed_tensor *to = make_tensor(&it.base, WEFT_F32, shape, there);
        set_tensor(from, data, sizeof data);
        ck_assert(weft_placed_tensor_get_shard(from, 0, &in));
        ck_assert(weft_placed_tensor_get_shard(to, 0, &out));
        const stream_work work = {.rows = 4096, .in = in.address, .out = out.address, .delay = delay};
        (void)run_launch(&it.base, &(weft_launch_options){.kernel = stream_kernel, .arguments = &work});
        ck_assert(weft_simulation_hazard_at(it.base.simulation, 0, &hazard));
        ck_assert(!weft_simulation_hazard_at(it.base.simulation, 1, &other));
        ck_assert_uint_eq(hazard.address, in.address);
        ck_assert_uint_eq(hazard.bytes, COLUMNS * sizeof(float));
        if (hazard.kind == WEFT_KERNEL_HAZARD_WAR) {
            ck_assert(hazard.held);
            ck_assert_str_eq(hazard.call, "tl_store");
            later++;
        } else if (!hazard.held) {
            ck_assert_int_eq(hazard.kind, WEFT_KERNEL_HAZARD_RAW);
            ck_assert_str_eq(hazard.call, "tl_composite");
            ck_assert_str_eq(hazard.other_call, "tl_store");
            ck_assert_msg(strstr(hazard.text, "it came meanwhile") != NULL, "%s", hazard.text);
            meanwhile++;
        }
        weft_placed_tensor_destroy(from);
        weft_placed_tensor_destroy(to);
        clear_stage(&it);
    }
    ck_assert_uint_gt(meanwhile, 0);
    ck_assert_uint_gt(later, 0);
}
END_TEST

WEFT_TEST_MAIN("order of kernels", what_is_told_is_ordered, what_is_not_told_is_found, a_mistake_is_reported_once,
               a_write_that_comes_while_it_is_read_has_not_kept_the_order)
