/* Calls of sim.h that kernels make: most do what they always do, those that let time pass are refused, and a weft_tile
 * is good for nobody but its own kernel. */
#include "simulation_bench.h"

#include <weft/sim_bench.h>

#define TRACE "test_host_calls.trace.json"

typedef struct call_work {
    const simulation_bench *bench;
    weft_placed_tensor *a, *out;
    weft_kernel_launch *launch, *ended;
    weft_recording *recording;
    weft_tile *tile;  /* of another kernel */
    uint32_t kernels; /* that have come to their end */
    bool calls, is_failed;
} call_work;

static const weft_placement everywhere = {.over_pes = WEFT_REPLICATE};

static call_work *work_of(const void *arguments)
{
    return (call_work *)(uintptr_t)arguments;
}

static call_work make_work(const simulation_bench *it)
{
    static const float data[10] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    call_work work = {.bench = it,
                      .a = make_tensor(it, WEFT_F32, weft_shape_1d(10), everywhere),
                      .out = make_tensor(it, WEFT_F32, weft_shape_1d(10), everywhere)};
    set_tensor(work.a, data, sizeof data);
    return work;
}

static void close_work(call_work *work, simulation_bench *it)
{
    weft_placed_tensor_destroy(work->a);
    weft_placed_tensor_destroy(work->out);
    close_simulation(it);
}

/* Something that takes time, before and after what a suite does in between. */
static void double_shard(weft_tile *tl, const call_work *work)
{
    uint64_t mark = tl_mark(tl);
    tl_tensor a = tl_load_tensor(tl, tl_shard(tl, work->a));
    tl_store_tensor(tl, tl_shard(tl, work->out), tl_add(tl, a, a));
    tl_release(tl, mark);
}

static void idle_kernel(weft_tile *tl, const void *arguments)
{
    (void)tl, (void)arguments;
}

/* ---- what lets time pass ---- */

static void refuse(weft_status status, const weft_error *err, const char *call)
{
    char sentence[256];
    (void)snprintf(sentence, sizeof sentence,
                   "A kernel called %s(), which lets time pass and is for the host: a kernel runs while the host "
                   "waits.",
                   call);
    WEFT_TEST_ASSERT_STATUS(status, WEFT_INVALID_STATE);
    ck_assert_str_eq(err->message, sentence);
}

static void refused_kernel(weft_tile *tl, const void *arguments)
{
    weft_error err;
    float data[10];
    call_work *work = work_of(arguments);
    weft_simulation *simulation = work->bench->simulation;
    double_shard(tl, work);
    if (work->calls) {
        refuse(weft_simulation_wait(simulation, work->launch, &err), &err, "weft_simulation_wait");
        refuse(weft_simulation_wait(simulation, work->ended, &err), &err, "weft_simulation_wait");
        refuse(weft_placed_tensor_upload(work->a, data, sizeof data, &err), &err, "weft_placed_tensor_upload");
        refuse(weft_placed_tensor_download(work->a, data, 1, &err), &err, "weft_placed_tensor_download");
        ck_assert_int_eq(weft_placed_tensor_download(work->a, data, sizeof data, NULL), WEFT_INVALID_STATE);
    }
    double_shard(tl, work);
    work->kernels++;
}

/* Times and numbers are those of a kernel that does not try. */
START_TEST(what_lets_time_pass_is_refused)
{
    weft_launch_report reports[2];
    for (int calls = 0; calls < 2; calls++) {
        float out[10];
        weft_error err;
        simulation_bench it = open_simulation("tiny", NULL, NULL);
        call_work work = make_work(&it);
        work.calls = calls;
        work.ended = begin_launch(&it, &(weft_launch_options){.kernel = idle_kernel});
        wait_for(&it, work.ended);
        work.launch = begin_launch(&it, &(weft_launch_options){.kernel = refused_kernel, .arguments = &work});
        wait_for(&it, work.launch);
        weft_kernel_launch_get_report(work.launch, &reports[calls]);
        ck_assert_uint_eq(work.kernels, reports[calls].pes);
        /* All goes on as before, for the host too. */
        WEFT_TEST_ASSERT_OK(weft_placed_tensor_download(work.out, out, sizeof out, &err), err);
        ck_assert(out[0] == 2 && out[9] == 20);
        WEFT_TEST_ASSERT_OK(weft_placed_tensor_upload(work.a, out, sizeof out, &err), err);
        (void)run_launch(&it, &(weft_launch_options){.kernel = idle_kernel});
        weft_kernel_launch_destroy(work.launch);
        weft_kernel_launch_destroy(work.ended);
        close_work(&work, &it);
    }
    ck_assert_uint_eq(reports[0].end_ps, reports[1].end_ps);
    ck_assert_uint_eq(reports[0].makespan_ps, reports[1].makespan_ps);
}
END_TEST

/* Also while the host waits for something else than a launch. */
START_TEST(what_lets_time_pass_is_refused_during_a_transfer)
{
    weft_error err;
    static float data[4096], out[4096];
    simulation_bench it = open_simulation("tiny", NULL, NULL);
    call_work work = make_work(&it);
    work.calls = true;
    weft_placed_tensor *large = make_tensor(&it, WEFT_F32, weft_shape_1d(4096), everywhere);
    work.launch = begin_launch(&it, &(weft_launch_options){.kernel = refused_kernel, .arguments = &work});
    work.ended = work.launch;
    data[4095] = 3;
    for (uint32_t tries = 0; work.kernels == 0 && tries < 100; tries++)
        WEFT_TEST_ASSERT_OK(weft_placed_tensor_upload(large, data, sizeof data, &err), err);
    ck_assert_uint_gt(work.kernels, 0);
    wait_for(&it, work.launch);
    WEFT_TEST_ASSERT_OK(weft_placed_tensor_download(large, out, sizeof out, &err), err);
    ck_assert(out[4095] == 3);
    weft_kernel_launch_destroy(work.launch);
    weft_placed_tensor_destroy(large);
    close_work(&work, &it);
}
END_TEST

/* ---- what kernels may call ---- */

static void look_around(weft_tile *tl, call_work *work)
{
    weft_error err;
    weft_simulation *simulation = work->bench->simulation;
    weft_simulation_statistics statistics;
    weft_kernel_hazard hazard;
    weft_activity *activity;
    weft_activity_info info;
    weft_launch_report report;
    weft_record record;
    char pe[48];
    uint32_t pes;
    ck_assert_uint_eq(weft_simulation_now_ps(simulation), tl_now_ps(tl));
    weft_simulation_get_statistics(simulation, &statistics);
    ck_assert_uint_gt(statistics.events, 0);
    ck_assert(!weft_simulation_hazard_at(simulation, 0, &hazard));
    WEFT_TEST_ASSERT_OK(weft_simulation_take_activity(simulation, &activity, &err), err);
    weft_activity_get_info(activity, &info);
    ck_assert_uint_gt(info.part_count, 0);
    weft_activity_destroy(activity);
    WEFT_TEST_ASSERT_OK(weft_simulation_keep_activity(simulation, &err), err);
    ck_assert_uint_gt(weft_simulation_log_count(simulation), 0);
    WEFT_TEST_ASSERT_OK(weft_simulation_log_at(simulation, 0, &record, &err), err);
    WEFT_TEST_ASSERT_OK(weft_machine_count_pes(work->bench->machine, &(weft_pe_set){0}, &pes, &err), err);
    weft_kernel_launch_get_report(work->launch, &report);
    ck_assert_uint_eq(report.pes, 0);
    weft_kernel_launch_get_report_of(work->launch, 0, pe, &report);
    ck_assert_str_eq(pe, "sip0.cube0.pe0");
    weft_kernel_launch_get_report(work->ended, &report);
    ck_assert_uint_eq(report.pes, pes);
}

static void make_things(weft_tile *tl, call_work *work)
{
    weft_error err;
    weft_shard shard;
    weft_placed_tensor *tensor;
    weft_kernel_launch *launch;
    float data[10] = {7}, out[10] = {0};
    weft_simulation *simulation = work->bench->simulation;
    const weft_shape shape = weft_shape_1d(10);
    const uint32_t me = tl_program_id(tl, TL_AXIS_ALL);
    const uint64_t at = WEFT_VIRTUAL_BEGIN + 4096 * (uint64_t)me;
    WEFT_TEST_ASSERT_OK(weft_placed_tensor_create(simulation, WEFT_F32, &shape, &everywhere, &tensor, &err), err);
    WEFT_TEST_ASSERT_OK(weft_placed_tensor_set(tensor, data, sizeof data, &err), err);
    WEFT_TEST_ASSERT_OK(weft_placed_tensor_get(tensor, out, sizeof out, &err), err);
    ck_assert(out[0] == 7);
    ck_assert(weft_placed_tensor_shard_count(tensor) > 0 && weft_placed_tensor_get_shard(work->a, me, &shard));
    WEFT_TEST_ASSERT_OK(weft_placed_tensor_get_of(tensor, 0, out, sizeof out, &err), err);
    WEFT_TEST_ASSERT_OK(weft_simulation_map(simulation, NULL, at, shard.address, sizeof data, &err), err);
    (void)tl_load(tl, at, shape, WEFT_F32);
    WEFT_TEST_ASSERT_OK(weft_simulation_unmap(simulation, NULL, at, sizeof data, &err), err);
    weft_placed_tensor_destroy(tensor);
    WEFT_TEST_ASSERT_OK(
        weft_simulation_launch(simulation, &(weft_launch_options){.kernel = idle_kernel}, &launch, &err), err);
    weft_kernel_launch_destroy(launch);
    if (work->ended)
        weft_kernel_launch_destroy(work->ended);
    work->ended = NULL;
}

static void calling_kernel(weft_tile *tl, const void *arguments)
{
    call_work *work = work_of(arguments);
    double_shard(tl, work);
    if (work->ended)
        look_around(tl, work);
    make_things(tl, work);
    double_shard(tl, work);
    work->kernels++;
}

START_TEST(kernels_may_call_the_rest)
{
    for (int values = WEFT_VALUES_LAZY; values <= WEFT_VALUES_EAGER; values++) {
        float out[10];
        weft_error err;
        const weft_simulation_options options = {
            .values = (weft_values_mode)values, .keeps_log = true, .threads = 2, .trace_path = TRACE};
        simulation_bench it = open_simulation("tiny", NULL, &options);
        call_work work = make_work(&it);
        WEFT_TEST_ASSERT_OK(weft_simulation_keep_activity(it.simulation, &err), err);
        work.ended = begin_launch(&it, &(weft_launch_options){.kernel = idle_kernel});
        wait_for(&it, work.ended);
        work.launch = begin_launch(&it, &(weft_launch_options){.kernel = calling_kernel, .arguments = &work});
        wait_for(&it, work.launch);
        ck_assert_uint_gt(work.kernels, 1);
        weft_kernel_launch_destroy(work.launch);
        get_tensor(work.out, out, sizeof out);
        ck_assert(out[0] == 2 && out[9] == 20);
        (void)run_launch(&it, &(weft_launch_options){.kernel = idle_kernel});
        WEFT_TEST_ASSERT_OK(weft_simulation_finish_trace(it.simulation, &err), err);
        close_work(&work, &it);
    }
    (void)remove(TRACE);
}
END_TEST

static void finishing_kernel(weft_tile *tl, const void *arguments)
{
    weft_error err;
    call_work *work = work_of(arguments);
    double_shard(tl, work);
    WEFT_TEST_ASSERT_OK(weft_simulation_finish_trace(work->bench->simulation, &err), err);
    double_shard(tl, work);
}

START_TEST(a_kernel_may_finish_the_trace)
{
    simulation_bench it = open_simulation("tiny", NULL, &(weft_simulation_options){.trace_path = TRACE});
    call_work work = make_work(&it);
    (void)run_launch(&it, &(weft_launch_options){.kernel = finishing_kernel, .arguments = &work});
    close_work(&work, &it);
    ck_assert_int_eq(remove(TRACE), 0);
}
END_TEST

static void nesting_kernel(weft_tile *tl, const void *arguments)
{
    weft_error err;
    float data[10] = {0};
    call_work *work = work_of(arguments);
    double_shard(tl, work);
    simulation_bench inner = {.machine = work->bench->machine};
    WEFT_TEST_ASSERT_OK(weft_simulation_create(inner.machine, NULL, &inner.simulation, &err), err);
    call_work own = make_work(&inner);
    own.calls = true;
    own.launch = begin_launch(&inner, &(weft_launch_options){.kernel = refused_kernel, .arguments = &own});
    own.ended = own.launch;
    wait_for(&inner, own.launch);
    WEFT_TEST_ASSERT_OK(weft_placed_tensor_download(own.out, data, sizeof data, &err), err);
    ck_assert(data[9] == 20);
    weft_kernel_launch_destroy(own.launch);
    weft_placed_tensor_destroy(own.a);
    weft_placed_tensor_destroy(own.out);
    weft_simulation_destroy(inner.simulation);
    weft_sim_bench_result *result;
    WEFT_TEST_ASSERT_OK(weft_sim_bench_run(inner.machine, "rms-norm", &(weft_sim_bench_options){0}, &result, &err),
                        err);
    weft_sim_bench_result_destroy(result);
    double_shard(tl, work);
    work->kernels++;
}

START_TEST(a_kernel_may_run_another_simulation)
{
    simulation_bench it = open_simulation("tiny", NULL, NULL);
    call_work work = make_work(&it);
    (void)run_launch(&it, &(weft_launch_options){
                              .kernel = nesting_kernel, .arguments = &work, .pes = {.pes = 1}, .stack_bytes = 1048576});
    ck_assert_uint_gt(work.kernels, 0);
    close_work(&work, &it);
}
END_TEST

/* An error that a call of the kernel ends the run with, and that comes back from all others. */
static void breaking_kernel(weft_tile *tl, const void *arguments)
{
    weft_error err, again;
    float data[10] = {0};
    weft_kernel_launch *launch;
    call_work *work = work_of(arguments);
    weft_simulation *simulation = work->bench->simulation;
    double_shard(tl, work);
    WEFT_TEST_ASSERT_STATUS(weft_placed_tensor_set(work->a, data, sizeof data, &err), WEFT_HAZARD);
    WEFT_TEST_ASSERT_STATUS(
        weft_simulation_launch(simulation, &(weft_launch_options){.kernel = idle_kernel}, &launch, &again),
        WEFT_HAZARD);
    ck_assert_str_eq(again.message, err.message);
    WEFT_TEST_ASSERT_STATUS(weft_simulation_map(simulation, NULL, WEFT_VIRTUAL_BEGIN, 0, 1, &again), WEFT_HAZARD);
    work->kernels++;
    double_shard(tl, work);
    work->kernels++;
}

START_TEST(an_error_from_within_ends_the_run)
{
    simulation_bench it = open_simulation("tiny", NULL, NULL);
    call_work work = make_work(&it);
    weft_error err =
        fail_launch(&it, &(weft_launch_options){.kernel = breaking_kernel, .arguments = &work, .pes = {.pes = 1}});
    ck_assert_int_eq(err.code, WEFT_HAZARD);
    ck_assert_uint_eq(work.kernels, 1);
    close_work(&work, &it);
}
END_TEST

/* ---- recordings ---- */

static void recorded_kernel(weft_tile *tl, const void *arguments)
{
    weft_error err;
    weft_kernel_launch *launch;
    call_work *work = work_of(arguments);
    double_shard(tl, work);
    if (tl_program_id(tl, TL_AXIS_ALL) > 0)
        return;
    refuse(weft_recording_finish(work->recording, &err), &err, "weft_recording_finish");
    if (!work->calls)
        return;
    WEFT_TEST_ASSERT_OK(weft_simulation_launch(work->bench->simulation,
                                               &(weft_launch_options){.name = "inner", .kernel = idle_kernel}, &launch,
                                               &err),
                        err);
    work->launch = launch;
}

/* A launch that a kernel makes comes at a time that only the kernel knows. */
START_TEST(recordings_and_launches_from_within)
{
    for (int calls = 0; calls < 2; calls++) {
        weft_error err;
        weft_recording_info info;
        simulation_bench it = open_simulation("tiny", NULL, NULL);
        call_work work = {.bench = &it, .calls = calls};
        WEFT_TEST_ASSERT_OK(weft_recording_begin(it.simulation, &work.recording, &err), err);
        call_work tensors = make_work(&it);
        work.a = tensors.a;
        work.out = tensors.out;
        (void)run_launch(&it, &(weft_launch_options){.name = "outer", .kernel = recorded_kernel, .arguments = &work});
        if (work.launch)
            wait_for(&it, work.launch);
        weft_kernel_launch_destroy(work.launch);
        WEFT_TEST_ASSERT_OK(weft_recording_finish(work.recording, &err), err);
        weft_recording_get_info(work.recording, &info);
        if (calls)
            ck_assert_str_eq(info.refusal, "The run cannot be re-timed: a kernel launched 'inner', which recordings "
                                           "have only of the host.");
        else
            ck_assert_ptr_null(info.refusal);
        weft_recording_destroy(work.recording);
        close_work(&work, &it);
    }
}
END_TEST

/* ---- tiles ---- */

static void lending_kernel(weft_tile *tl, const void *arguments)
{
    call_work *work = work_of(arguments);
    work->tile = tl;
    if (!work->calls) /* else it ends */
        for (int i = 0; i < 100; i++)
            double_shard(tl, work);
}

static void borrowing_kernel(weft_tile *tl, const void *arguments)
{
    call_work *work = work_of(arguments);
    for (int i = 0; i < 10; i++)
        double_shard(tl, work);
    ck_assert_ptr_nonnull(work->tile);
    work->kernels++;
    (void)tl_full(work->tile, weft_shape_1d(1), WEFT_F32, 1);
    work->kernels++;
}

/* The other PE is in the middle of a kernel, or has ended it; its stack is as large, or much larger. */
START_TEST(a_tile_is_for_its_own_kernel)
{
    for (int ended = 0; ended < 2; ended++) {
        for (uint32_t kib = 64; kib <= 16384; kib *= 16) {
            for (uint32_t lender = 0; lender < 2; lender++) {
                char sentence[512];
                simulation_bench it = open_simulation("tiny", NULL, NULL);
                call_work work = make_work(&it);
                work.calls = ended;
                weft_kernel_launch *lent =
                    begin_launch(&it, &(weft_launch_options){.name = "lender",
                                                             .kernel = lending_kernel,
                                                             .arguments = &work,
                                                             .stack_bytes = kib * 1024,
                                                             .pes = {.first_pe = lender, .pes = 1}});
                weft_error err = fail_launch(&it, &(weft_launch_options){.name = "borrower",
                                                                         .kernel = borrowing_kernel,
                                                                         .arguments = &work,
                                                                         .pes = {.first_pe = 1 - lender, .pes = 1}});
                (void)snprintf(sentence, sizeof sentence,
                               "Kernel 'borrower' on sip0.cube0.pe%u at %.3f ns, tl_full: The weft_tile belongs to "
                               "kernel 'lender' on sip0.cube0.pe%u%s: a kernel must use the one that it was given.",
                               1 - lender, (double)weft_simulation_now_ps(it.simulation) / 1000, lender,
                               ended ? ", which has ended" : "");
                ck_assert_str_eq(err.message, sentence);
                ck_assert_int_eq(err.code, WEFT_INVALID_ARGUMENT);
                ck_assert_uint_eq(work.kernels, 1);
                weft_kernel_launch_destroy(lent);
                close_work(&work, &it);
            }
        }
    }
}
END_TEST

WEFT_TEST_MAIN("host_calls", what_lets_time_pass_is_refused, what_lets_time_pass_is_refused_during_a_transfer,
               kernels_may_call_the_rest, a_kernel_may_finish_the_trace, a_kernel_may_run_another_simulation,
               an_error_from_within_ends_the_run, recordings_and_launches_from_within, a_tile_is_for_its_own_kernel)
