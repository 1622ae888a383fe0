/* Re-timing what a device `sim` was asked: command buffers, fences, transfers and syncs, launch by launch and to the
 * picosecond what full runs on other machines take. */
#include "device_bench.h"

#include <weft/model.h>
#include <weft/sim_device.h>

#include "base/rng.h"
#include "devices/sim/processor_impl.h"
#include "sim/retime/recording.h"

/* The host commits so much that the first has ended before it waits for that, and goes on from where it was. */
static void wait_late(const pairs *it)
{
    float number = 0;
    weft_encoder *encoders[12];
    weft_buffer *other = test_floats(it->device, 1, 0);
    for (size_t i = 0; i < 12; i++) {
        encoders[i] = test_encoder(it->device, NULL);
        add(it, encoders[i], i % 2);
        OK(weft_encoder_commit(encoders[i], NULL, NULL));
    }
    OK(weft_encoder_wait(encoders[0], NULL));
    OK(weft_buffer_write(other, 0, &number, sizeof number, NULL));
    OK(weft_encoder_reset(encoders[0], NULL));
    add(it, encoders[0], 0);
    OK(weft_encoder_commit(encoders[0], NULL, NULL));
    for (size_t i = 0; i < 12; i++) {
        OK(weft_encoder_wait(encoders[i], NULL));
        weft_encoder_destroy(encoders[i]);
    }
    weft_buffer_destroy(other);
}

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
    wait_late(it);
    weft_session *dropped = test_session(it->device, NULL); /* its end is a wait that is no sync */
    add(it, weft_session_encoder(dropped), 0);
    OK(weft_session_fence_stage(dropped, NULL, NULL));
    weft_session_destroy(dropped);
    OK(weft_buffer_read(it->sums, 0, numbers, 16, NULL));
    weft_encoder_destroy(apart);
    weft_session_destroy(session);
}

static void run_pairs(weft_device *device, uint64_t seed)
{
    const pairs it = make_pairs(device);
    work(&it, seed);
    free_pairs(&it);
}

/* A prompt in two stages with a fence between them, and a decoded token, which is a graph that is replayed. */
static void run_model(weft_device *device, uint64_t seed)
{
    static const int32_t prompt[] = {21, 22, 26, 31};
    const weft_context_options options = {.capacity_tokens = 16, .batch_tokens = 2};
    float logits[384];
    weft_error err;
    weft_model *model;
    weft_context *context;
    int32_t token;
    WEFT_TEST_ASSERT_OK(weft_model_open(device, WEFT_SOURCE_DIR "/models/sums", NULL, &model, &err), err);
    WEFT_TEST_ASSERT_OK(weft_context_create(model, &options, &context, &err), err);
    WEFT_TEST_ASSERT_OK(weft_context_feed_and_sample(context, prompt, 3 + seed % 2, NULL, &token, &err), err);
    WEFT_TEST_ASSERT_OK(weft_context_feed_and_sample(context, &token, 1, NULL, &token, &err), err);
    WEFT_TEST_ASSERT_OK(weft_context_logits(context, 0, 1, logits, &err), err);
    weft_context_destroy(context);
    weft_model_close(model);
}

/* A few numbers of a field, out of the same few places again and again: flits of one pseudo-channel of HBM and of
 * others, in one row and in others. */
static weft_buffer *some_place(weft_buffer *field, weft__rng *rng)
{
    static const size_t places[] = {0, 64, 512, 4096, 4096 + 64, 8192};
    return test_view(field, places[weft__rng_below(rng, sizeof places / sizeof places[0])], 4);
}

/* Two dispatches that may meet at the memory, and a barrier. */
static void record_group(weft_encoder *encoder, weft_buffer *const fields[3], weft__rng *rng)
{
    weft_buffer *a = some_place(fields[0], rng), *b = some_place(fields[0], rng), *c = some_place(fields[0], rng);
    weft_buffer *sum = some_place(fields[1], rng), *product = some_place(fields[2], rng);
    OK(weft_add(encoder, a, b, sum, NULL));
    OK(weft_mul(encoder, b, c, product, NULL));
    OK(weft_encoder_barrier(encoder, NULL));
    weft_buffer *const all[] = {a, b, c, sum, product};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        weft_buffer_destroy(all[i]);
}

/* Groups that are the same, or nearly, in command buffers of which the host sends some while others are at work. */
static void run_repeats(weft_device *device, uint64_t seed)
{
    weft__rng rng;
    weft__rng_init(&rng, seed);
    weft_buffer *const fields[] = {test_floats(device, 40000, 1), test_floats(device, 40000, 0),
                                   test_floats(device, 50000, 0)};
    for (int round = 0; round < 8; round++) {
        weft_encoder *encoders[3];
        for (size_t i = 0; i < 3; i++) {
            encoders[i] = test_encoder(device, NULL);
            for (size_t group = 0; group < 4; group++)
                record_group(encoders[i], fields, &rng);
            OK(weft_encoder_commit(encoders[i], NULL, NULL));
            if (weft__rng_below(&rng, 3) == 0)
                OK(weft_encoder_wait(encoders[i], NULL));
        }
        for (size_t i = 0; i < 3; i++) {
            OK(weft_encoder_wait(encoders[i], NULL));
            weft_encoder_destroy(encoders[i]);
        }
    }
    for (size_t i = 0; i < 3; i++)
        weft_buffer_destroy(fields[i]);
}

typedef void run_fn(weft_device *device, uint64_t seed);

/* ---- full runs ---- */

enum {
    LAUNCHES_MAX = 512
};

/* What a full run took: the host's time at the end, and the report of each launch, in the order of launches. */
typedef struct taken {
    uint64_t end_ps;
    size_t count;
    const weft_kernel_launch *launches[LAUNCHES_MAX];
    weft_launch_report reports[LAUNCHES_MAX];
} taken;

static taken *listener;

static bool on_launches(void *context, const weft__launch_origin *origin)
{
    const weft__sim_processor *it = context;
    if (!weft__sim_processor_client.launches(context, origin))
        return false;
    ck_assert_uint_lt(listener->count, LAUNCHES_MAX);
    listener->launches[listener->count++] = it->jobs->launch;
    return true;
}

static void on_job_ends(void *context, weft__processor_job *head)
{
    const weft__sim_job *job = (const weft__sim_job *)(const void *)head;
    size_t at = listener->count; /* from the end: a launch that is gone may have had the same address */
    while (listener->launches[--at] != job->launch) {
    }
    weft_kernel_launch_get_report(job->launch, &listener->reports[at]);
    weft__sim_processor_client.job_ends(context, head);
}

/* Looks at launches between the device and its command processor, and with `recording` records too. */
static void run_fully(run_fn *run, const char *uri, uint64_t seed, weft_recording **recording, taken *out)
{
    weft_error err;
    weft_device *device = test_open(uri);
    weft__processor_client client = weft__sim_processor_client;
    client.launches = on_launches;
    client.job_ends = on_job_ends;
    weft__sim_device_of(device)->processor->core.client = &client;
    listener = out;
    out->count = 0;
    if (recording)
        WEFT_TEST_ASSERT_OK(weft_sim_device_record(device, recording, &err), err);
    run(device, seed);
    out->end_ps = weft_device_now_ps(device);
    if (recording)
        WEFT_TEST_ASSERT_OK(weft_recording_finish(*recording, &err), err);
    weft_device_close(device);
}

/* ---- on other machines ---- */

typedef struct variant {
    const char *settings[7];
    bool is_of_model; /* a few small additions take the same */
} variant;

static const variant variants[] = {
    {{"host.submit_ns", "12345"}, false},
    {{"host.sync_ns", "4321", "processor.dispatch_ns", "777"}, false},
    {{"processor.barrier_ns", "999"}, false},
    {{"processor.signal_ns", "0"}, false},
    {{"processor.wait_ns", "0"}, false},
    {{"processor.wait_ns", "7000", "processor.signal_ns", "3000", "host.submit_ns", "0"}, false},
    {{"host.link_gbs", "1"}, false},
    {{"system.command_bytes", "64", "sip.io.link_gbs", "2", "host.submit_ns", "300"}, false},
    {{"host.submit_ns", "0", "host.sync_ns", "0"}, false},
    {{"pe.clock_ghz", "0.3"}, false},
    {{"cube.link_gbs", "9", "sip.io.cpu_overhead_ns", "31"}, false},
    {{"cube.hbm.channels", "2", "cube.hbm.channel_gbs", "7"}, false},
    {{"cube.hbm.overhead_ns", "40"}, false},
    {{"pe.ipcq.tcm.overhead_ns", "30", "pe.ipcq.tcm.gbs", "8"}, true},
    {{"pe.dma.channels", "3", "pe.dma.setup_ns", "9"}, false},
    {{"cube.hbm.open_ns", "4000", "cube.hbm.turnaround_ns", "700"}, false},
    {{"cube.hbm.open_ns", "90", "processor.barrier_ns", "300"}, false},
    {{"pe.dma.outstanding", "4", "pe.scheduler.tiles", "1"}, true},
    {{"cube.buffer_flits", "2", "cube.vcs", "2"}, true},
    {{"pe.gemm.tile_m", "8", "pe.gemm.tile_n", "8"}, true},
};
#define VARIANTS (sizeof variants / sizeof variants[0])

static void assert_equal(const char *what, const weft_launch_report *retimed, const weft_launch_report *full, size_t at)
{
    const uint64_t given[] = {retimed->begin_ps, retimed->start_ps, retimed->finish_ps, retimed->end_ps},
                   wanted[] = {full->begin_ps, full->start_ps, full->finish_ps, full->end_ps};
    for (size_t i = 0; i < 4; i++)
        ck_assert_msg(given[i] == wanted[i], "%s: launch %zu: time %zu is %" PRIu64 " instead of %" PRIu64, what, at, i,
                      given[i], wanted[i]);
    ck_assert_uint_eq(retimed->pes, full->pes);
    ck_assert_uint_eq(retimed->commands, full->commands);
    ck_assert_mem_eq(retimed->spent_ps, full->spent_ps, sizeof full->spent_ps);
    for (size_t i = 0; i < WEFT_ENGINES; i++) {
        ck_assert_uint_eq(retimed->engines[i].busy_ps, full->engines[i].busy_ps);
        ck_assert_uint_eq(retimed->engines[i].stall_ps, full->engines[i].stall_ps);
    }
}

/* Re-times a recording on the machine of a URI: the end, and each launch, are those of a full run there. Gives the
 * events. */
static uint64_t check_retimed(const weft_recording *recording, const char *uri, bool skips, const taken *full)
{
    weft_error err;
    weft_retime_result *result;
    weft_device *device = test_open(uri);
    WEFT_TEST_ASSERT_OK(weft__retime(recording, weft_sim_device_machine(device), skips, &result, &err), err);
    weft_device_close(device);
    ck_assert_uint_eq(result->launch_count, full->count);
    for (size_t i = 0; i < full->count; i++)
        assert_equal(uri, &result->launches[i], &full->reports[i], i);
    ck_assert_msg(result->end_ps == full->end_ps, "%s: the end is %" PRIu64 " instead of %" PRIu64, uri, result->end_ps,
                  full->end_ps);
    uint64_t events = result->statistics.events;
    weft_retime_result_destroy(result);
    return events;
}

/* The layers of a model are alike, so most of its events need not be simulated, where flits move as trains. */
static void check_on(const weft_recording *recording, run_fn *run, const char *uri, uint64_t seed, taken *full)
{
    run_fully(run, uri, seed, NULL, full);
    uint64_t all = check_retimed(recording, uri, false, full), some = check_retimed(recording, uri, true, full);
    if (run == run_model && !strstr(uri, "buffer_flits"))
        ck_assert_msg(3 * some < 2 * all, "%s: %" PRIu64 " of %" PRIu64 " events", uri, some, all);
}

static void check_variants(const weft_recording *recording, run_fn *run, const char *machine, uint64_t seed,
                           const taken *recorded)
{
    static taken full;
    for (size_t i = 0; i < VARIANTS; i++) {
        char uri[512];
        const char *const *settings = variants[i].settings;
        int used = snprintf(uri, sizeof uri, "%s?values=none", machine);
        for (size_t k = 0; settings[k]; k += 2)
            used += snprintf(uri + used, sizeof uri - (size_t)used, "&%s=%s", settings[k], settings[k + 1]);
        check_on(recording, run, uri, seed, &full);
        ck_assert_uint_eq(full.count, recorded->count);
        if (run == run_model || (run == run_pairs && !variants[i].is_of_model))
            ck_assert_msg(full.end_ps != recorded->end_ps, "%s changes nothing", uri);
    }
}

static void check(run_fn *run, const char *machine, const char *uri, uint64_t seed)
{
    static taken recorded, full;
    weft_recording *recording;
    run_fully(run, uri, seed, &recording, &recorded);
    ck_assert_uint_gt(recorded.count, 0);
    check_on(recording, run, uri, seed, &full);
    ck_assert_uint_eq(full.end_ps, recorded.end_ps); /* recording takes no time */
    check_variants(recording, run, machine, seed, &recorded);
    weft_recording_destroy(recording);
}

START_TEST(command_buffers_take_what_they_take_in_a_full_run)
{
    static const char *const machines[] = {TINY, TWO_SIP};
    for (uint64_t seed = 1; seed < 9; seed++)
        check(run_pairs, machines[seed % 4 == 0], machines[seed % 4 == 0], seed);
}
END_TEST

START_TEST(what_repeats_takes_what_it_takes_in_a_full_run)
{
    for (uint64_t seed = 1; seed < 4; seed++)
        check(run_repeats, TINY, TINY, seed);
}
END_TEST

/* Kernels that choose a token look at data, so this is recorded without any. */
START_TEST(a_decoded_token_takes_what_it_takes_in_a_full_run)
{
    check(run_model, TINY, TINY "?values=none", 1);
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

/* A command buffer that nobody has waited for has not been simulated, and the machine is still at its beginning. */
START_TEST(what_has_been_committed_to_is_not_recorded)
{
    weft_error err;
    weft_recording *recording;
    for (int has_ended = 0; has_ended < 2; has_ended++) {
        weft_device *device = test_open(TINY);
        weft_buffer *zeros = test_floats(device, 4, 0);
        weft_encoder *encoder = test_encoder(device, NULL);
        OK(weft_add(encoder, zeros, zeros, zeros, NULL));
        OK(weft_encoder_commit(encoder, NULL, NULL));
        if (has_ended)
            OK(weft_encoder_wait(encoder, NULL));
        weft_status status = weft_sim_device_record(device, &recording, &err);
        WEFT_TEST_ASSERT_FAILS(status, err, WEFT_INVALID_STATE, "1 command buffers", "before the first", NULL, NULL);
        ck_assert_ptr_null(recording);
        OK(weft_encoder_wait(encoder, NULL));
        weft_encoder_destroy(encoder);
        weft_buffer_destroy(zeros);
        weft_device_close(device);
    }
}
END_TEST

START_TEST(command_buffers_under_way_are_refused)
{
    weft_error err;
    weft_recording *recording;
    weft_device *device = test_open(TINY);
    WEFT_TEST_ASSERT_OK(weft_sim_device_record(device, &recording, &err), err);
    const pairs it = make_pairs(device);
    weft_encoder *encoder = test_encoder(device, NULL);
    add(&it, encoder, 0);
    OK(weft_encoder_commit(encoder, NULL, NULL));
    weft_status status = weft_recording_finish(recording, &err);
    WEFT_TEST_ASSERT_FAILS(status, err, WEFT_INVALID_STATE, "Of 1 command buffers 1", NULL, NULL, NULL);
    weft_recording_destroy(recording);
    OK(weft_encoder_wait(encoder, NULL));
    weft_encoder_destroy(encoder);
    free_pairs(&it);
    weft_device_close(device);
}
END_TEST

WEFT_TEST_MAIN("retime_device", command_buffers_take_what_they_take_in_a_full_run,
               what_repeats_takes_what_it_takes_in_a_full_run, a_decoded_token_takes_what_it_takes_in_a_full_run,
               devices_that_cannot_be_recorded, what_has_been_committed_to_is_not_recorded,
               command_buffers_under_way_are_refused)
