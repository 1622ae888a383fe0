/* Simulations with their options: values or none, hazards, the log, perturbed runs, traces. */
#include "simulation_bench.h"

#include "support/interim.h"

/* ---- determinism ---- */

static void mixed_kernel(weft_tile *tl, const void *arguments)
{
    const add_work *work = arguments;
    tl_tensor a = tl_shard(tl, work->a), b = tl_shard(tl, work->b), out = tl_shard(tl, work->out);
    const tl_composite_request request = {
        .op = WEFT_COMMAND_GEMM, .a = a, .b = tl_trans(tl, b), .out = out.address, .dtype = WEFT_F32};
    tl_command command = tl_composite(tl, &request);
    tl_tensor there = tl_load(tl, a.address, a.shape, a.dtype);
    there = tl_softmax(tl, there, 1);
    tl_wait(tl, command);
    tl_store(tl, a.address, there);
}

typedef struct mixed_result {
    uint64_t now_ps, makespan_ps, spent_ps[WEFT_PE_TIMES];
    float a[80 * 70], out[80 * 80];
} mixed_result;

static void run_mixed(const weft_simulation_options *options, mixed_result *out, weft_simulation_statistics *statistics)
{
    weft_error err;
    memset(out, 0, sizeof *out);
    simulation_bench it = open_simulation("two-sip", NULL, options);
    const weft_placement placement = {.pes = {.sips = 1, .cubes = 2, .pes = 4}};
    weft_placement split = placement;
    split.over_cubes = split.over_pes = WEFT_SPLIT_ROWS;
    add_work work = {.a = make_tensor(&it, WEFT_F32, weft_shape_2d(80, 70), split),
                     .b = make_tensor(&it, WEFT_F32, weft_shape_2d(80, 70), placement),
                     .out = make_tensor(&it, WEFT_F32, weft_shape_2d(80, 80), split)};
    float *data = numbers(80 * 70, 10);
    for (int i = 0; i < 80 * 70; i++)
        data[i] /= 65536;
    WEFT_TEST_ASSERT_OK(weft_placed_tensor_upload(work.a, data, 80 * 70 * 4, &err), err);
    set_tensor(work.b, data, 80 * 70 * 4);
    weft_launch_report report =
        run_launch(&it, &(weft_launch_options){.kernel = mixed_kernel, .arguments = &work, .pes = placement.pes});
    out->makespan_ps = report.makespan_ps;
    memcpy(out->spent_ps, report.spent_ps, sizeof report.spent_ps);
    if (!options || options->values != WEFT_VALUES_NONE) {
        get_tensor(work.a, out->a, sizeof out->a);
        get_tensor(work.out, out->out, sizeof out->out);
    }
    out->now_ps = weft_simulation_now_ps(it.simulation);
    weft_simulation_get_statistics(it.simulation, statistics);
    drop_add(&work);
    free(data);
    close_simulation(&it);
}

START_TEST(the_same_again_in_every_mode)
{
    static mixed_result first, other;
    weft_simulation_statistics statistics, others;
    run_mixed(NULL, &first, &statistics);
    static const weft_simulation_options modes[] = {
        {0}, {.values = WEFT_VALUES_EAGER}, {.threads = 3}, {.values = WEFT_VALUES_NONE}};
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        run_mixed(&modes[i], &other, &others);
        ck_assert_uint_eq(other.now_ps, first.now_ps);
        ck_assert_uint_eq(other.makespan_ps, first.makespan_ps);
        ck_assert_mem_eq(other.spent_ps, first.spent_ps, sizeof first.spent_ps);
        ck_assert_uint_eq(others.trace_hash, statistics.trace_hash);
        ck_assert_uint_eq(others.events, statistics.events);
        if (modes[i].values == WEFT_VALUES_NONE) {
            ck_assert_uint_eq(others.values, 0);
            ck_assert_uint_eq(others.peak_bytes, 0);
        } else {
            ck_assert_mem_eq(&other, &first, sizeof first);
            ck_assert_uint_gt(others.peak_bytes, sizeof first.out);
        }
    }
}
END_TEST

START_TEST(eager_values_are_computed_unasked)
{
    const float data[8] = {1};
    for (int is_eager = 0; is_eager < 2; is_eager++) {
        const weft_simulation_options options = {.values = is_eager ? WEFT_VALUES_EAGER : WEFT_VALUES_LAZY};
        simulation_bench it = open_simulation("tiny", NULL, &options);
        add_work work = make_add(&it, WEFT_F32, weft_shape_1d(8), (weft_placement){0});
        set_tensor(work.a, data, sizeof data);
        set_tensor(work.b, data, sizeof data);
        (void)run_launch(&it, &(weft_launch_options){.kernel = add_kernel, .arguments = &work});
        weft_simulation_statistics statistics;
        weft_simulation_get_statistics(it.simulation, &statistics);
        ck_assert_uint_eq(statistics.evaluated, is_eager ? 2 : 0);
        drop_add(&work);
        close_simulation(&it);
    }
}
END_TEST

START_TEST(times_alone_need_no_data)
{
    weft_error err;
    float room[100];
    const weft_simulation_options options = {.values = WEFT_VALUES_NONE};
    simulation_bench it = open_simulation("tiny", NULL, &options);
    add_work work = make_add(&it, WEFT_F32, weft_shape_1d(100), (weft_placement){.over_pes = WEFT_SPLIT_ROWS});
    /* Nobody wrote them, and nobody asks. */
    (void)run_launch(&it, &(weft_launch_options){.kernel = add_kernel, .arguments = &work});
    WEFT_TEST_ASSERT_OK(weft_placed_tensor_set(work.a, NULL, sizeof room, &err), err);
    WEFT_TEST_ASSERT_OK(weft_placed_tensor_upload(work.a, NULL, sizeof room, &err), err);
    WEFT_TEST_ASSERT_OK(weft_placed_tensor_download(work.a, NULL, sizeof room, &err), err);
    WEFT_TEST_ASSERT_STATUS(weft_placed_tensor_set(work.a, NULL, 1, &err), WEFT_SHAPE_MISMATCH);
    WEFT_TEST_ASSERT_STATUS(weft_placed_tensor_get(work.a, room, sizeof room, &err), WEFT_UNSUPPORTED);
    ck_assert_str_eq(err.message, "The simulation keeps no values (WEFT_VALUES_NONE), so there is nothing to read.");
    WEFT_TEST_ASSERT_STATUS(weft_placed_tensor_get_of(work.a, 0, room, 200, &err), WEFT_UNSUPPORTED);
    drop_add(&work);
    close_simulation(&it);
}
END_TEST

/* ---- queues ---- */

/* What each PE was told: its place in its group, and what came from the one before it. */
typedef struct ring_work {
    uint32_t group, rank, groups, ranks;
    int32_t heard;
} ring_work;

static void ring_kernel(weft_tile *tl, const void *arguments)
{
    ring_work *work = (ring_work *)(uintptr_t)arguments + tl_program_id(tl, TL_AXIS_ALL);
    *work = (ring_work){tl_program_id(tl, TL_AXIS_GROUP), tl_program_id(tl, TL_AXIS_RANK),
                        tl_num_programs(tl, TL_AXIS_GROUP), tl_num_programs(tl, TL_AXIS_RANK), -1};
    tl_tensor own = tl_full(tl, weft_shape_1d(1), WEFT_I32, 1000 * work->group + work->rank);
    if (work->ranks == 1)
        return;
    (void)tl_send(tl, TL_NEXT, own);
    tl_tensor other = tl_recv(tl, TL_PREVIOUS, weft_shape_1d(1), WEFT_I32);
    tl_peek(tl, other, &work->heard);
}

static void looking_kernel(weft_tile *tl, const void *arguments)
{
    uint32_t *seen = (uint32_t *)(uintptr_t)arguments;
    for (int direction = 0; direction < TL_DIRECTIONS; direction++)
        if (tl_has_neighbour(tl, (tl_direction)direction))
            *seen |= 1u << direction;
}

/* Directions that somebody has, by what the launch asks for. */
START_TEST(launches_have_the_queues_that_they_ask_for)
{
    static const uint32_t directions[] = {
        1u << TL_NORTH | 1u << TL_EAST | 1u << TL_SOUTH | 1u << TL_WEST,
        1u << TL_PE_NORTH | 1u << TL_PE_EAST | 1u << TL_PE_SOUTH | 1u << TL_PE_WEST,
        1u << TL_SIP_EAST | 1u << TL_SIP_WEST, /* two-sip has a switch alone: a ring */
        1u << TL_NEXT | 1u << TL_PREVIOUS,
        1u << TL_PARENT | 1u << TL_LEFT_CHILD | 1u << TL_RIGHT_CHILD,
    };
    simulation_bench it = open_simulation("two-sip", NULL, NULL);
    for (uint32_t queues = 0; queues < 32; queues += queues < 4 ? 1 : 9) {
        uint32_t seen = 0, expected = 0;
        for (uint32_t i = 0; i < 5; i++)
            expected |= queues >> i & 1u ? directions[i] : 0;
        (void)run_launch(&it, &(weft_launch_options){.kernel = looking_kernel, .arguments = &seen, .queues = queues});
        ck_assert_uint_eq(seen, expected);
    }
    close_simulation(&it);
}
END_TEST

START_TEST(groups_have_their_rings)
{
    static const struct {
        uint32_t size, stride;
    } cases[] = {{0, 0}, {4, 0}, {0, 2}, {0, 16}, {4, 2}, {2, 8}, {16, 1}, {8, 2}};
    const weft_pe_set pes = {.sips = 1, .first_cube = 3, .cubes = 4, .first_pe = 2, .pes = 4};
    ring_work seen[16];
    simulation_bench it = open_simulation("two-sip", NULL, NULL);
    for (size_t round = 0; round < sizeof cases / sizeof cases[0]; round++) {
        uint32_t stride = cases[round].stride ? cases[round].stride : 1,
                 size = cases[round].size ? cases[round].size : 16 / stride;
        weft_launch_report report = run_launch(&it, &(weft_launch_options){.kernel = ring_kernel,
                                                                           .arguments = seen,
                                                                           .pes = pes,
                                                                           .queues = WEFT_QUEUES_RING,
                                                                           .group_size = cases[round].size,
                                                                           .group_stride = cases[round].stride});
        ck_assert_uint_eq(report.messages, size > 1 ? 16 : 0);
        if (size == 1)
            continue;
        ck_assert_uint_gt(report.spent_ps[WEFT_PE_TIME_QUEUE], 0);
        ck_assert_uint_eq(report.engines[6].bytes, 16 * 4);
        uint64_t spent = 0;
        for (int i = 0; i < WEFT_PE_TIMES; i++)
            spent += report.spent_ps[i];
        ck_assert_uint_eq(spent, 16 * report.makespan_ps);
        for (uint32_t i = 0; i < 16; i++) {
            uint32_t group = i / (size * stride) * stride + i % stride, rank = i / stride % size;
            ck_assert_uint_eq(seen[i].group, group);
            ck_assert_uint_eq(seen[i].rank, rank);
            ck_assert_uint_eq(seen[i].groups, 16 / size);
            ck_assert_uint_eq(seen[i].ranks, size);
            ck_assert_int_eq(seen[i].heard, (int32_t)(1000 * group + (rank + size - 1) % size));
        }
    }
    close_simulation(&it);
}
END_TEST

static void sending_kernel(weft_tile *tl, const void *arguments)
{
    (void)arguments;
    tl_tensor own = tl_full(tl, weft_shape_1d(16), WEFT_F16, 1);
    if (tl_has_neighbour(tl, TL_PE_EAST))
        (void)tl_send(tl, TL_PE_EAST, own);
}

/* A message that nobody receives is a hazard, and without values too. */
START_TEST(messages_that_nobody_receives)
{
    const weft_launch_options options = {.name = "sender", .kernel = sending_kernel, .queues = WEFT_QUEUES_PES};
    for (int values = 0; values < 2; values++) {
        const weft_simulation_options modes = {.values = values ? WEFT_VALUES_NONE : WEFT_VALUES_LAZY};
        simulation_bench it = open_simulation("tiny", NULL, &modes);
        weft_error err = fail_launch(&it, &options);
        ck_assert_int_eq(err.code, WEFT_HAZARD);
        char begin[256];
        (void)snprintf(
            begin, sizeof begin,
            "Kernel 'sender' on sip0.cube0.pe1 at %.3f ns, the end of the kernel: Hazard in slot 0 of queue "
            "pe_west of sip0.cube0.pe1: message 0 from pe_west, 32 bytes that sip0.cube0.pe0 sent in tl_send at ",
            (double)weft_simulation_now_ps(it.simulation) / 1000);
        ck_assert_msg(strncmp(err.message, begin, strlen(begin)) == 0, "%s", err.message);
        close_simulation(&it);
    }
    /* Kept, twice, in the other modes. */
    for (int mode = 0; mode < 4; mode++) {
        const weft_simulation_options modes = {.values = mode & 1 ? WEFT_VALUES_NONE : WEFT_VALUES_LAZY,
                                               .hazards = mode & 2 ? WEFT_HAZARDS_HARDWARE : WEFT_HAZARDS_REPORT};
        weft_kernel_hazard hazard;
        weft_simulation_statistics statistics;
        simulation_bench it = open_simulation("tiny", NULL, &modes);
        (void)run_launch(&it, &options);
        (void)run_launch(&it, &options);
        weft_simulation_get_statistics(it.simulation, &statistics);
        ck_assert_uint_eq(statistics.hazards, 2);
        ck_assert(weft_simulation_hazard_at(it.simulation, 1, &hazard));
        ck_assert_int_eq(hazard.kind, WEFT_KERNEL_HAZARD_UNRECEIVED);
        ck_assert_str_eq(hazard.kernel, "sender");
        ck_assert_str_eq(hazard.pe, "sip0.cube0.pe1");
        ck_assert_str_eq(hazard.other, "sip0.cube0.pe0");
        ck_assert_str_eq(hazard.other_call, "tl_send");
        ck_assert_uint_eq(hazard.time_ps, weft_simulation_now_ps(it.simulation));
        ck_assert_uint_lt(hazard.other_ps, hazard.time_ps);
        ck_assert_uint_eq(hazard.bytes, 32);
        ck_assert_str_eq(hazard.slot_pe, "sip0.cube0.pe1");
        ck_assert_int_eq(hazard.slot_direction, TL_PE_WEST);
        ck_assert_uint_eq(hazard.slot, 0);
        ck_assert(!hazard.held);
        ck_assert(!weft_simulation_hazard_at(it.simulation, 2, &hazard));
        close_simulation(&it);
    }
}
END_TEST

/* A kernel gives no commands of an earlier one, however many it has given itself. */
typedef struct handed_on {
    int kind;
    bool is_second;
    tl_command command;
} handed_on;

static tl_command give(weft_tile *tl, int kind)
{
    tl_tensor own = tl_full(tl, weft_shape_1d(16), WEFT_F32, 1);
    if (kind == 0) {
        tl_composite_request request = {
            .op = WEFT_COMMAND_NEG, .a = own, .out = tl_empty(tl, own.shape, own.dtype).address, .dtype = own.dtype};
        tl_command command = tl_composite(tl, &request);
        tl_wait(tl, command);
        return command;
    }
    tl_command sent = tl_send(tl, TL_NEXT, own), received = tl_recv_async(tl, TL_PREVIOUS, own.shape, own.dtype);
    (void)tl_recv_wait(tl, received);
    return kind == 1 ? sent : received;
}

static void handing_on_kernel(weft_tile *tl, const void *arguments)
{
    handed_on *it = (handed_on *)(uintptr_t)arguments;
    bool is_first = tl_program_id(tl, TL_AXIS_ALL) == 0;
    tl_command own = give(tl, it->kind);
    if (it->is_second && is_first)
        tl_wait(tl, it->command);
    if (is_first)
        it->command = own;
}

START_TEST(commands_of_an_earlier_kernel_are_none)
{
    static const char *const sentences[] = {"The command is none that this kernel has given.",
                                            "The command is no send of this kernel, which has given 1 to next.",
                                            "The command is no receive of this kernel, which has given 1."};
    for (int kind = 0; kind < 3; kind++) {
        handed_on work = {.kind = kind};
        simulation_bench it = open_simulation("tiny", NULL, NULL);
        const weft_launch_options options = {
            .kernel = handing_on_kernel, .arguments = &work, .queues = WEFT_QUEUES_RING};
        (void)run_launch(&it, &options);
        work.is_second = true;
        weft_error err = fail_launch(&it, &options);
        ck_assert_int_eq(err.code, WEFT_NOT_FOUND);
        ck_assert_msg(strstr(err.message, sentences[kind]) != NULL, "%s", err.message);
        close_simulation(&it);
    }
}
END_TEST

static void waiting_kernel(weft_tile *tl, const void *arguments)
{
    (void)arguments;
    (void)tl_recv(tl, TL_PREVIOUS, weft_shape_1d(1), WEFT_F32);
}

START_TEST(kernels_that_wait_for_one_another)
{
    weft_error again;
    weft_kernel_launch *launch;
    simulation_bench it = open_simulation("tiny", NULL, NULL);
    const weft_launch_options options = {.name = "stuck", .kernel = waiting_kernel, .queues = WEFT_QUEUES_RING};
    weft_error err = fail_launch(&it, &options);
    ck_assert_int_eq(err.code, WEFT_DEADLOCK);
    ck_assert_ptr_nonnull(strstr(err.message, "kernel 'stuck' has not ended on 2 of 2 PEs"));
    ck_assert_ptr_nonnull(strstr(err.message, "sip0.cube0.pe0 -> sip0.cube0.pe1 -> sip0.cube0.pe0"));
    WEFT_TEST_ASSERT_STATUS(weft_simulation_launch(it.simulation, &options, &launch, &again), WEFT_DEADLOCK);
    ck_assert_str_eq(again.message, err.message);
    close_simulation(&it);
}
END_TEST

/* ---- hazards ---- */

static void idle_kernel(weft_tile *tl, const void *arguments)
{
    (void)tl, (void)arguments;
}

static void careless_kernel(weft_tile *tl, const void *arguments)
{
    const add_work *work = arguments;
    tl_tensor out = tl_shard(tl, work->out);
    uint64_t mark = tl_mark(tl);
    tl_tensor one = tl_full(tl, out.shape, out.dtype, 1);
    tl_release(tl, mark);
    (void)tl_full(tl, out.shape, out.dtype, 2);
    tl_store(tl, out.address, one);
}

START_TEST(hazards_are_what_the_options_say)
{
    static const float expected[] = {0, 1, 2};
    static const weft_hazard_action actions[] = {WEFT_HAZARDS_ERROR, WEFT_HAZARDS_REPORT, WEFT_HAZARDS_HARDWARE};
    for (int i = 0; i < 3; i++) {
        const weft_simulation_options modes = {.hazards = actions[i]};
        simulation_bench it = open_simulation("tiny", NULL, &modes);
        const weft_pe_set one = {.pes = 1};
        add_work work = {.out = make_tensor(&it, WEFT_F32, weft_shape_1d(1), (weft_placement){.pes = one})};
        const weft_launch_options options = {
            .name = "careless", .kernel = careless_kernel, .arguments = &work, .pes = one};
        if (actions[i] == WEFT_HAZARDS_ERROR) {
            weft_error err = fail_launch(&it, &options);
            ck_assert_int_eq(err.code, WEFT_HAZARD);
            ck_assert_ptr_nonnull(strstr(err.message, "Kernel 'careless' on sip0.cube0.pe0 at "));
        } else {
            float out = 0;
            (void)run_launch(&it, &options);
            get_tensor(work.out, &out, sizeof out);
            ck_assert(out == expected[i]);
        }
        weft_kernel_hazard hazard;
        weft_simulation_statistics statistics;
        weft_simulation_get_statistics(it.simulation, &statistics);
        ck_assert_uint_eq(statistics.hazards, 1);
        ck_assert(weft_simulation_hazard_at(it.simulation, 0, &hazard));
        ck_assert_int_eq(hazard.kind, WEFT_KERNEL_HAZARD_OVERWRITTEN);
        ck_assert_str_eq(hazard.kernel, "careless");
        ck_assert_str_eq(hazard.call, "tl_store");
        ck_assert_str_eq(hazard.pe, "sip0.cube0.pe0");
        weft_placed_tensor_destroy(work.out);
        close_simulation(&it);
    }
}
END_TEST

/* The host writes what a launch under way has read, and reads what it has written. */
START_TEST(the_host_must_wait_too)
{
    static float data[20000];
    static const weft_pe_set first = {.pes = 1}, second = {.first_pe = 1};
    for (int what = 0; what < 4; what++) {
        bool is_error = what & 1, is_write = what & 2;
        weft_error err;
        const weft_simulation_options modes = {.hazards = is_error ? WEFT_HAZARDS_ERROR : WEFT_HAZARDS_REPORT};
        simulation_bench it = open_simulation("tiny", NULL, &modes);
        add_work work = make_add(&it, WEFT_F32, weft_shape_1d(20000), (weft_placement){.pes = first});
        set_tensor(work.a, data, sizeof data);
        set_tensor(work.b, data, sizeof data);
        set_tensor(work.out, data, sizeof data);
        weft_kernel_launch *launch =
            begin_launch(&it, &(weft_launch_options){.kernel = add_kernel, .arguments = &work, .pes = first});
        weft_kernel_launch *other = begin_launch(&it, &(weft_launch_options){.kernel = idle_kernel, .pes = second});
        wait_for(&it, other);
        /* Time for some pieces. */
        weft_placed_tensor *far = make_tensor(&it, WEFT_F32, weft_shape_1d(10000), (weft_placement){.pes = second});
        WEFT_TEST_ASSERT_OK(weft_placed_tensor_upload(far, data, sizeof data / 2, &err), err);
        weft_status status = is_write ? weft_placed_tensor_set(work.a, data, sizeof data, &err)
                                      : weft_placed_tensor_get(work.out, data, sizeof data, &err);
        ck_assert_int_eq(status, is_error ? WEFT_HAZARD : WEFT_OK);
        weft_kernel_hazard hazard;
        ck_assert(weft_simulation_hazard_at(it.simulation, 0, &hazard));
        ck_assert_int_eq(hazard.kind, is_write ? WEFT_KERNEL_HAZARD_WAR : WEFT_KERNEL_HAZARD_RAW);
        ck_assert_str_eq(hazard.pe, "host");
        ck_assert_str_eq(hazard.other, "sip0.cube0.pe0");
        if (is_error) {
            weft_error again;
            ck_assert_str_eq(err.message, hazard.text);
            WEFT_TEST_ASSERT_STATUS(weft_simulation_wait(it.simulation, launch, &again), WEFT_HAZARD);
            ck_assert_str_eq(again.message, err.message);
        } else {
            wait_for(&it, launch);
        }
        /* Now it may, and what an error has left behind it may look at. */
        WEFT_TEST_ASSERT_OK(weft_placed_tensor_get(work.out, data, sizeof data, &err), err);
        weft_kernel_launch_destroy(launch);
        weft_kernel_launch_destroy(other);
        weft_placed_tensor_destroy(far);
        drop_add(&work);
        close_simulation(&it);
    }
}
END_TEST

/* ---- the log ---- */

START_TEST(the_log_has_every_command)
{
    static const weft_command_op ops[] = {WEFT_COMMAND_DMA_READ, WEFT_COMMAND_DMA_READ, WEFT_COMMAND_ADD,
                                          WEFT_COMMAND_DMA_WRITE};
    const float a[3] = {1, 2, 3}, b[3] = {10, 20, 30};
    for (int values = 0; values < 2; values++) {
        weft_error err;
        weft_record record;
        const weft_simulation_options modes = {.values = values ? WEFT_VALUES_NONE : WEFT_VALUES_LAZY,
                                               .keeps_log = true};
        const weft_pe_set one = {.first_pe = 1};
        simulation_bench it = open_simulation("tiny", NULL, &modes);
        add_work work = make_add(&it, WEFT_F32, weft_shape_1d(3), (weft_placement){.pes = one});
        set_tensor(work.a, a, sizeof a);
        set_tensor(work.b, b, sizeof b);
        (void)run_launch(&it, &(weft_launch_options){.kernel = add_kernel, .arguments = &work, .pes = one});
        ck_assert_uint_eq(weft_simulation_log_count(it.simulation), 4);
        uint64_t last_ps = 0;
        for (size_t i = 0; i < 4; i++) {
            WEFT_TEST_ASSERT_OK(weft_simulation_log_at(it.simulation, i, &record, &err), err);
            ck_assert_int_eq(record.op, ops[i]);
            ck_assert_uint_ge(record.start_ps, last_ps);
            ck_assert_uint_gt(record.end_ps, record.start_ps);
            last_ps = record.end_ps;
            ck_assert_msg(strncmp(record.component, "sip0.cube0.pe1.", 15) == 0, "%s", record.component);
            ck_assert_uint_eq(record.input_count, i == 2 ? 2 : 1);
            const float *data = record.inputs[0].tensor.data;
            ck_assert((data == NULL) == (values == 1));
            for (int j = 0; data && j < 3; j++)
                ck_assert(data[j] == (i == 1 ? b[j] : i == 3 ? a[j] + b[j] : a[j]));
        }
        WEFT_TEST_ASSERT_STATUS(weft_simulation_log_at(it.simulation, 4, &record, &err), WEFT_OUT_OF_RANGE);
        drop_add(&work);
        close_simulation(&it);
        it = open_simulation("tiny", NULL, NULL);
        ck_assert_uint_eq(weft_simulation_log_count(it.simulation), 0);
        WEFT_TEST_ASSERT_STATUS(weft_simulation_log_at(it.simulation, 0, &record, &err), WEFT_INVALID_STATE);
        ck_assert_str_eq(err.message, "The simulation keeps no log: it was made without the option 'keeps_log'.");
        close_simulation(&it);
    }
}
END_TEST

/* ---- perturbed runs ---- */

START_TEST(perturbed_runs_take_other_times)
{
    static mixed_result exact, runs[4], again;
    weft_simulation_statistics statistics;
    run_mixed(NULL, &exact, &statistics);
    for (uint64_t seed = 1; seed <= 4; seed++) {
        const weft_simulation_options options = {.perturb_seed = seed};
        mixed_result *run = &runs[seed - 1];
        run_mixed(&options, run, &statistics);
        ck_assert_mem_eq(run->a, exact.a, sizeof exact.a);
        ck_assert_mem_eq(run->out, exact.out, sizeof exact.out);
        ck_assert_uint_gt(run->makespan_ps, exact.makespan_ps);
        run_mixed(&options, &again, &statistics);
        ck_assert_mem_eq(&again, run, sizeof again);
    }
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < i; j++)
            ck_assert_uint_ne(runs[i].makespan_ps, runs[j].makespan_ps);
}
END_TEST

/* ---- traces ---- */

#define TRACE "test_simulation_modes.trace.json"

static bool trace_has(const char *text)
{
    static char all[1 << 20];
    FILE *file = fopen(TRACE, "r");
    ck_assert_ptr_nonnull(file);
    size_t bytes = fread(all, 1, sizeof all - 1, file);
    (void)fclose(file);
    all[bytes] = '\0';
    return strstr(all, text) != NULL;
}

START_TEST(traces_show_the_pes)
{
    weft_error err;
    weft_simulation *none;
    const weft_simulation_options options = {.trace_path = TRACE}, nowhere = {.trace_path = "no/such/folder/trace"},
                                  full = {.trace_path = "/dev/full"};
    (void)remove(TRACE);
    simulation_bench it = open_simulation("tiny", NULL, &options);
    add_work work = make_add(&it, WEFT_F32, weft_shape_1d(100), (weft_placement){.over_pes = WEFT_SPLIT_ROWS});
    const float data[100] = {1};
    set_tensor(work.a, data, sizeof data);
    set_tensor(work.b, data, sizeof data);
    const weft_launch_options add = {.kernel = add_kernel, .arguments = &work};
    (void)run_launch(&it, &add);
    WEFT_TEST_ASSERT_OK(weft_simulation_finish_trace(it.simulation, &err), err);
    WEFT_TEST_ASSERT_OK(weft_simulation_finish_trace(it.simulation, &err), err);
    (void)run_launch(&it, &add);
    drop_add(&work);
    close_simulation(&it);
    ck_assert(trace_has("sip0.cube0.pe0") && trace_has("sip0.cube0.pe1") && trace_has("tl_add"));
    ck_assert(!trace_has("tl_dot"));
    (void)remove(TRACE);
    it = open_simulation("tiny", NULL, NULL);
    WEFT_TEST_ASSERT_OK(weft_simulation_finish_trace(it.simulation, &err), err);
    WEFT_TEST_ASSERT_STATUS(weft_simulation_create(it.machine, &nowhere, &none, &err), WEFT_IO);
    ck_assert_ptr_null(none);
    close_simulation(&it);
    it = open_simulation("tiny", NULL, &full);
    (void)run_launch(&it, &(weft_launch_options){.kernel = idle_kernel});
    WEFT_TEST_ASSERT_STATUS(weft_simulation_finish_trace(it.simulation, &err), WEFT_IO);
    close_simulation(&it);
}
END_TEST

static void failing_kernel(weft_tile *tl, const void *arguments)
{
    (void)arguments;
    (void)tl_load(tl, UINT64_MAX, weft_shape_1d(1), WEFT_F32);
}

/* Only a trace that is finished replaces another one; of a simulation that has failed it can be, too. */
START_TEST(an_unfinished_trace_leaves_the_old_one)
{
    const weft_simulation_options options = {.trace_path = TRACE};
    weft_error err;
    for (int fails = 0; fails < 2; fails++) {
        FILE *file = fopen(TRACE, "w");
        ck_assert(file && fputs("an older one", file) >= 0 && fclose(file) == 0);
        simulation_bench it = open_simulation("tiny", NULL, &options);
        if (fails)
            (void)fail_launch(&it, &(weft_launch_options){.kernel = failing_kernel});
        else
            (void)run_launch(&it, &(weft_launch_options){.kernel = idle_kernel});
        close_simulation(&it);
        ck_assert(trace_has("an older one"));
        ck_assert(!weft_test_has_interim(TRACE));
    }
    simulation_bench it = open_simulation("tiny", NULL, &options);
    (void)fail_launch(&it, &(weft_launch_options){.kernel = failing_kernel});
    WEFT_TEST_ASSERT_OK(weft_simulation_finish_trace(it.simulation, &err), err);
    close_simulation(&it);
    ck_assert(trace_has("traceEvents") && !trace_has("an older one"));
    (void)remove(TRACE);
}
END_TEST

WEFT_TEST_MAIN("simulation_modes", the_same_again_in_every_mode, eager_values_are_computed_unasked,
               times_alone_need_no_data, launches_have_the_queues_that_they_ask_for, groups_have_their_rings,
               messages_that_nobody_receives, commands_of_an_earlier_kernel_are_none, kernels_that_wait_for_one_another,
               hazards_are_what_the_options_say, the_host_must_wait_too, the_log_has_every_command,
               perturbed_runs_take_other_times, traces_show_the_pes, an_unfinished_trace_leaves_the_old_one)
