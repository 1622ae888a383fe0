/* Re-timing what a device `sim` was asked: command buffers, fences, transfers and syncs, to the picosecond. */
#include "device_bench.h"

#include <weft/sim_device.h>

#include "base/rng.h"

/* Some work by chance, the same for the same seed: sessions with fences and barriers, command buffers that are not
 * waited for at once, and reads and writes in between. */
static void work(const pairs *it, uint64_t seed)
{
    float numbers[8] = {0};
    weft__rng rng;
    weft__rng_init(&rng, seed);
    weft_session *session = test_session(it->device, NULL);
    weft_encoder *encoder = weft_session_encoder(session), *apart = test_encoder(it->device, NULL);
    OK(weft_buffer_write(it->hidden, 0, numbers, 16, NULL));
    for (size_t stage = 0; stage < 4; stage++) {
        OK(weft_session_reset_for_next_stage(session, NULL));
        for (uint64_t i = weft__rng_below(&rng, 4); i-- > 0;) {
            add(it, encoder, 0);
            OK(weft_encoder_barrier(encoder, NULL));
            add(it, encoder, 1);
            if (weft__rng_below(&rng, 2))
                OK(weft_encoder_barrier(encoder, NULL));
        }
        OK(weft_session_fence_stage(session, NULL, NULL));
        if (weft__rng_below(&rng, 3) == 0)
            continue;
        OK(weft_session_wait(session, NULL));
        if (weft__rng_below(&rng, 2))
            OK(weft_buffer_read(it->sums, 0, numbers, 32, NULL));
    }
    OK(weft_session_wait(session, NULL));
    add(it, apart, 0);
    OK(weft_encoder_commit(apart, NULL, NULL));
    OK(weft_encoder_wait(apart, NULL));
    OK(weft_buffer_read(it->sums, 0, numbers, 16, NULL));
    weft_encoder_destroy(apart);
    weft_session_destroy(session);
}

/* The picosecond at which the host is at the end; with `out`, also the recording. */
static uint64_t run_work(const char *uri, uint64_t seed, weft_recording **out)
{
    weft_error err;
    weft_device *device = test_open(uri);
    if (out)
        WEFT_TEST_ASSERT_OK(weft_sim_device_record(device, out, &err), err);
    const pairs it = {device, test_floats(device, 4, 1), test_floats(device, 4, 2),
                      test_floats(device, 4 * 2 * PAIRS, 0)};
    work(&it, seed);
    uint64_t end_ps = weft_device_now_ps(device);
    if (out)
        WEFT_TEST_ASSERT_OK(weft_recording_finish(*out, &err), err);
    weft_buffer_destroy(it.hidden);
    weft_buffer_destroy(it.more);
    weft_buffer_destroy(it.sums);
    weft_device_close(device);
    return end_ps;
}

static const char *const variants[][5] = {
    {NULL},
    {"host.submit_ns", "12345", NULL},
    {"host.sync_ns", "4321", "processor.dispatch_ns", "777", NULL},
    {"processor.barrier_ns", "999", "processor.signal_ns", "0", NULL},
    {"processor.wait_ns", "0", "host.submit_ns", "0", NULL},
    {"host.link_gbs", "1", "pe.clock_ghz", "0.3", NULL},
    {"cube.link_gbs", "9", "sip.io.cpu_overhead_ns", "31", NULL},
};

static void check_variant(const weft_recording *recording, const char *machine, const char *const *settings,
                          uint64_t seed)
{
    weft_error err;
    weft_retime_result *result;
    char uri[512];
    int used = snprintf(uri, sizeof uri, "%s?values=none", machine);
    for (size_t i = 0; settings[i]; i += 2)
        used += snprintf(uri + used, sizeof uri - (size_t)used, "&%s=%s", settings[i], settings[i + 1]);
    weft_device *device = test_open(uri);
    WEFT_TEST_ASSERT_OK(weft_retime(recording, weft_sim_device_machine(device), &result, &err), err);
    weft_device_close(device);
    ck_assert_uint_eq(result->end_ps, run_work(uri, seed, NULL));
    weft_retime_result_destroy(result);
}

START_TEST(command_buffers_take_what_they_take_in_a_full_run)
{
    static const char *const machines[] = {TINY, TWO_SIP};
    for (uint64_t seed = 1; seed < 9; seed++) {
        const char *machine = machines[seed % 4 == 0];
        weft_recording *recording;
        uint64_t end_ps = run_work(machine, seed, &recording);
        ck_assert_uint_gt(end_ps, 0);
        for (size_t i = 0; i < sizeof variants / sizeof variants[0]; i++)
            check_variant(recording, machine, variants[i], seed);
        weft_recording_destroy(recording);
    }
}
END_TEST

START_TEST(devices_that_cannot_be_recorded)
{
    weft_error err;
    weft_recording *recording;
    weft_device *device = test_open("ref");
    weft_status status = weft_sim_device_record(device, &recording, &err);
    WEFT_TEST_ASSERT_FAILS(status, err, WEFT_UNSUPPORTED, "'ref'", NULL, NULL, NULL);
    ck_assert_ptr_null(recording);
    weft_device_close(device);
    pairs it = open_pairs(TINY);
    status = weft_sim_device_record(it.device, &recording, &err);
    WEFT_TEST_ASSERT_FAILS(status, err, WEFT_INVALID_STATE, "begins with its simulation", NULL, NULL, NULL);
    close_pairs(&it);
}
END_TEST

START_TEST(command_buffers_under_way_are_refused)
{
    weft_error err;
    weft_recording *recording;
    weft_device *device = test_open(TINY);
    WEFT_TEST_ASSERT_OK(weft_sim_device_record(device, &recording, &err), err);
    const pairs it = {device, test_floats(device, 4, 1), test_floats(device, 4, 2),
                      test_floats(device, 4 * 2 * PAIRS, 0)};
    weft_encoder *encoder = test_encoder(device, NULL);
    add(&it, encoder, 0);
    OK(weft_encoder_commit(encoder, NULL, NULL));
    weft_status status = weft_recording_finish(recording, &err);
    WEFT_TEST_ASSERT_FAILS(status, err, WEFT_INVALID_STATE, "Of 1 command buffers 1", NULL, NULL, NULL);
    weft_recording_destroy(recording);
    OK(weft_encoder_wait(encoder, NULL));
    weft_encoder_destroy(encoder);
    weft_buffer_destroy(it.hidden);
    weft_buffer_destroy(it.more);
    weft_buffer_destroy(it.sums);
    weft_device_close(device);
}
END_TEST

WEFT_TEST_MAIN("retime_device", command_buffers_take_what_they_take_in_a_full_run, devices_that_cannot_be_recorded,
               command_buffers_under_way_are_refused)
