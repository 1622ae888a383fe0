/* Recordings that cannot be re-timed: kernels that look at data or the time, and virtual addresses. */
#include "recording_bench.h"

#include "support/sentence.h"

static void peek_kernel(weft_tile *tl, const void *arguments)
{
    float numbers[4];
    (void)arguments;
    tl_peek(tl, tl_full(tl, weft_shape_1d(4), WEFT_F32, 1), numbers);
}

static void time_kernel(weft_tile *tl, const void *arguments)
{
    (void)arguments;
    (void)tl_now_ps(tl);
}

/* Records one launch of a kernel; gives the error of re-timing it on the same machine. */
static weft_status retime_kernel(weft_tile_kernel *kernel, weft_error *err)
{
    weft_recording_info info;
    weft_retime_result *result;
    simulation_bench it = open_simulation("tiny", NULL, NULL);
    weft_recording *recording = begin_recording(&it);
    const weft_launch_options options = {.name = "looks", .kernel = kernel};
    weft_kernel_launch *launch = begin_launch(&it, &options);
    wait_for(&it, launch);
    weft_kernel_launch_destroy(launch);
    WEFT_TEST_ASSERT_OK(weft_recording_finish(recording, err), *err);
    weft_recording_get_info(recording, &info);
    weft_status status = weft_retime(recording, it.machine, &result, err);
    ck_assert((status == WEFT_OK) == (info.refusal == NULL));
    ck_assert(status == WEFT_OK || strcmp(info.refusal, err->message) == 0);
    ck_assert((status == WEFT_OK) == (result != NULL));
    weft_retime_result_destroy(result);
    weft_recording_destroy(recording);
    close_simulation(&it);
    return status;
}

START_TEST(kernels_that_look_are_refused)
{
    weft_error err;
    weft_status status = retime_kernel(peek_kernel, &err);
    WEFT_TEST_ASSERT_FAILS(status, err, WEFT_UNSUPPORTED, "'looks'", "tl_peek", "sip0.cube0.pe", NULL);
    status = retime_kernel(time_kernel, &err);
    WEFT_TEST_ASSERT_FAILS(status, err, WEFT_UNSUPPORTED, "'looks'", "tl_now_ps", "sip0.cube0.pe", NULL);
    noted_ps[1] = 0;
    WEFT_TEST_ASSERT_OK(retime_kernel(note_kernel, &err), err);
    ck_assert_uint_gt(noted_ps[1], 0);
}
END_TEST

START_TEST(virtual_addresses_are_refused)
{
    weft_error err;
    weft_retime_result *result;
    simulation_bench it = open_simulation("tiny", NULL, NULL);
    weft_recording *recording = begin_recording(&it);
    WEFT_TEST_ASSERT_OK(weft_simulation_map(it.simulation, NULL, WEFT_VIRTUAL_BEGIN, 0, 4096, &err), err);
    WEFT_TEST_ASSERT_OK(weft_recording_finish(recording, &err), err);
    weft_status status = weft_retime(recording, it.machine, &result, &err);
    WEFT_TEST_ASSERT_FAILS(status, err, WEFT_UNSUPPORTED, "virtual addresses", NULL, NULL, NULL);
    weft_recording_destroy(recording);
    close_simulation(&it);
}
END_TEST

static void look_late(weft_tile *tl, const void *arguments)
{
    float numbers[4];
    (void)arguments;
    for (int i = 0; i < 400; i++)
        (void)tl_exp(tl, tl_full(tl, weft_shape_1d(16), WEFT_F32, 1));
    tl_peek(tl, tl_full(tl, weft_shape_1d(4), WEFT_F32, 1), numbers);
}

/* Others are launched while a kernel runs that looks at its end. */
START_TEST(a_kernel_that_looks_late_is_refused_too)
{
    weft_error err;
    weft_recording_info info;
    simulation_bench it = open_simulation("tiny", NULL, NULL);
    weft_recording *recording = begin_recording(&it);
    const weft_launch_options first = {.name = "late", .kernel = look_late, .pes = {.cubes = 1, .pes = 1}};
    const weft_launch_options other = {.kernel = note_kernel, .pes = {.cubes = 1, .pes = 1, .first_pe = 1}};
    weft_kernel_launch *late = begin_launch(&it, &first);
    for (int i = 0; i < 40; i++)
        (void)run_launch(&it, &other);
    wait_for(&it, late);
    weft_kernel_launch_destroy(late);
    WEFT_TEST_ASSERT_OK(weft_recording_finish(recording, &err), err);
    weft_recording_get_info(recording, &info);
    ck_assert_ptr_nonnull(info.refusal);
    ck_assert_ptr_nonnull(strstr(info.refusal, "'late'"));
    weft_recording_destroy(recording);
    close_simulation(&it);
}
END_TEST

static void load_virtual(weft_tile *tl, const void *arguments)
{
    (void)arguments;
    (void)tl_load(tl, WEFT_VIRTUAL_BEGIN, weft_shape_1d(16), WEFT_F32);
}

START_TEST(virtual_addresses_of_before_are_refused)
{
    weft_error err;
    weft_recording_info info;
    const weft_simulation_options options = {.values = WEFT_VALUES_NONE};
    simulation_bench it = open_simulation("tiny", NULL, &options);
    weft_placed_tensor *tensor = make_tensor(&it, WEFT_F32, weft_shape_1d(1024), (weft_placement){0});
    weft_shard shard;
    ck_assert(weft_placed_tensor_get_shard(tensor, 0, &shard));
    WEFT_TEST_ASSERT_OK(weft_simulation_map(it.simulation, NULL, WEFT_VIRTUAL_BEGIN, shard.address, 4096, &err), err);
    weft_recording *recording = begin_recording(&it);
    const weft_launch_options launch = {.kernel = load_virtual};
    (void)run_launch(&it, &launch);
    WEFT_TEST_ASSERT_OK(weft_recording_finish(recording, &err), err);
    weft_recording_get_info(recording, &info);
    ck_assert_ptr_nonnull(info.refusal);
    ck_assert_ptr_nonnull(strstr(info.refusal, "virtual addresses"));
    weft_recording_destroy(recording);
    weft_placed_tensor_destroy(tensor);
    close_simulation(&it);
}
END_TEST

WEFT_TEST_MAIN("retime_refusals", kernels_that_look_are_refused, virtual_addresses_are_refused,
               a_kernel_that_looks_late_is_refused_too, virtual_addresses_of_before_are_refused)
