/* Time on the device `sim:MACHINE.yaml`: what submissions, dispatches, barriers, fences and syncs take, to the
 * picosecond; that the parts of all time add up; and that timelines tell it. */
#include "device_bench.h"

#include "base/rng.h"

/* ---- the experiment of stages, by hand ---- */

static uint64_t command_ps(const weft__machine_spec *spec, double gbs)
{
    return weft__ps_of_bytes(spec->system.command_bytes, weft__mbs_of_gbs(gbs));
}

/* From the host to the processor or back: over four links, the slowest of which all commands behind the first wait for.
 * The links of these machines have no length, and the nodes between them take no time. */
static uint64_t way_ps(const weft__machine_spec *spec, uint64_t commands)
{
    uint64_t host = command_ps(spec, spec->host.link_gbs), sip = command_ps(spec, spec->system.link_gbs);
    uint64_t io = command_ps(spec, spec->sip.io.link_gbs), slowest = host > sip ? host : sip;
    slowest = slowest > io ? slowest : io;
    return host + sip + 2 * io + (commands - 1) * slowest;
}

/* Some command buffers, all alike but for the wait for a fence that the first does not have. A dispatch takes
 * `addition_ps` from when it is sent to the PEs until the processor knows that it has ended. */
static uint64_t predict(const weft_device *device, uint64_t count, bool is_session, uint64_t addition_ps)
{
    costs its = costs_of(device);
    uint64_t end = 0;
    for (uint64_t i = 0; i < count; i++) {
        bool waits = is_session && i > 0;
        uint64_t arrival = (i + 1) * its.submit + way_ps(spec_of(device), is_session ? 5 + waits : 2);
        uint64_t begin = arrival > end ? arrival : end;
        end = begin + its.dispatch + addition_ps;
        if (is_session)
            end += (waits ? its.wait : 0) + its.barrier + its.dispatch + addition_ps + its.signal;
    }
    return end + way_ps(spec_of(device), 1) + its.sync;
}

/* A command buffer for each addition. */
static uint64_t run_plain(const pairs *it)
{
    weft_encoder *encoders[2 * PAIRS];
    uint64_t begin = weft_device_now_ps(it->device);
    for (size_t i = 0; i < 2 * PAIRS; i++) {
        encoders[i] = test_encoder(it->device, NULL);
        add(it, encoders[i], i);
        OK(weft_encoder_commit(encoders[i], NULL, NULL));
    }
    OK(weft_encoder_wait(encoders[2 * PAIRS - 1], NULL));
    for (size_t i = 0; i < 2 * PAIRS; i++)
        weft_encoder_destroy(encoders[i]);
    return weft_device_now_ps(it->device) - begin;
}

/* A command buffer for each two, with a barrier between them, and fences between the command buffers. */
static uint64_t run_session(const pairs *it)
{
    uint64_t begin = weft_device_now_ps(it->device);
    weft_session *session = test_session(it->device, NULL);
    weft_encoder *encoder = weft_session_encoder(session);
    for (size_t i = 0; i < PAIRS; i++) {
        OK(weft_session_reset_for_next_stage(session, NULL));
        add(it, encoder, 2 * i);
        OK(weft_encoder_barrier(encoder, NULL));
        add(it, encoder, 2 * i + 1);
        OK(weft_session_fence_stage(session, NULL, NULL));
    }
    OK(weft_session_wait(session, NULL));
    weft_session_destroy(session);
    return weft_device_now_ps(it->device) - begin;
}

#define FREE                                                                                                           \
    "host.submit_ns=0&host.sync_ns=0&processor.dispatch_ns=0&processor.barrier_ns=0&processor.signal_ns=0&"            \
    "processor.wait_ns=0"

/* What an addition takes on a machine where nothing else is under way meanwhile. */
static uint64_t measure_addition(const char *machine, const char *settings)
{
    char uri[512];
    (void)snprintf(uri, sizeof uri, "%s?host.submit_ns=10000&%s", machine, settings);
    pairs it = open_pairs(uri);
    costs its = costs_of(it.device);
    uint64_t others = 2 * PAIRS * its.submit + way_ps(spec_of(it.device), 2) + its.dispatch +
                      way_ps(spec_of(it.device), 1) + its.sync;
    uint64_t addition = run_plain(&it) - others;
    close_pairs(&it);
    return addition;
}

static void assert_near(uint64_t actual, uint64_t expected, uint64_t percent)
{
    uint64_t apart = actual > expected ? actual - expected : expected - actual;
    ck_assert_msg(apart * 100 <= expected * percent, "%llu ps is not %llu ps", (unsigned long long)actual,
                  (unsigned long long)expected);
}

/* Where command buffers come so fast that they meet the answers of launches at the processor's link, that costs some
 * picoseconds. */
START_TEST(stages_take_what_the_machine_file_says)
{
    static const char *const machines[] = {TINY, TWO_SIP};
    static const struct {
        const char *settings, *links;
        uint64_t percent; /* that may be missed by */
    } cases[] = {
        {"threads=1", "", 0}, /* what the machines state */
        {FREE, "", 1},
        {"host.submit_ns=0", "", 1},
        {"host.submit_ns=30&processor.dispatch_ns=400.5", "", 1},
        {"host.submit_ns=0&processor.barrier_ns=12345&processor.signal_ns=0&processor.wait_ns=0", "", 1},
        {"host.submit_ns=900&host.sync_ns=0&processor.wait_ns=7777", "", 0},
        {"processor.signal_ns=3000.25&host.sync_ns=1", "", 0},
        {"host.link_gbs=0.1&host.submit_ns=1000", "host.link_gbs=0.1", 0},
        {"host.link_gbs=0.25&system.command_bytes=64&host.submit_ns=4000", "system.command_bytes=64&host.link_gbs=0.25",
         0},
    };
    for (size_t m = 0; m < 2; m++)
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            char uri[512];
            uint64_t addition = measure_addition(machines[m], cases[i].links);
            (void)snprintf(uri, sizeof uri, "%s?%s", machines[m], cases[i].settings);
            pairs it = open_pairs(uri);
            for (int run = 0; run < 2; run++) {
                assert_near(run_plain(&it), predict(it.device, 2 * PAIRS, false, addition), cases[i].percent);
                assert_near(run_session(&it), predict(it.device, PAIRS, true, addition), cases[i].percent);
            }
            ck_assert_float_eq(test_float_at(it.sums, 4 * 2 * PAIRS - 1), 1 + 2 * 2 * PAIRS);
            close_pairs(&it);
        }
}
END_TEST

/* Where the host needs longer for a submission than the device for what it submits, a session saves the submissions
 * that it does without, less what its last command buffer has to do beside its first addition. */
START_TEST(a_session_is_faster_by_the_submissions_that_it_saves)
{
    pairs it = open_pairs(TWO_SIP);
    costs its = costs_of(it.device);
    uint64_t plain = run_plain(&it), session = run_session(&it), submit_ps = its.submit;
    ck_assert_uint_lt(session, plain);
    uint64_t commands = way_ps(spec_of(it.device), 6) - way_ps(spec_of(it.device), 2);
    uint64_t addition = plain - 2 * PAIRS * submit_ps - way_ps(spec_of(it.device), 2) - its.dispatch -
                        way_ps(spec_of(it.device), 1) - its.sync;
    uint64_t more = commands + its.wait + its.barrier + its.signal + its.dispatch + addition;
    ck_assert_uint_eq(plain - session, PAIRS * submit_ps - more);
    close_pairs(&it);
}
END_TEST

START_TEST(the_parts_of_stages_are_what_they_are_called)
{
    pairs it = open_pairs(TINY "?host.submit_ns=0");
    costs its = costs_of(it.device);
    uint64_t before_link = part_of(it.device, "host link"), before_access = part_of(it.device, "host access");
    (void)run_session(&it);
    ck_assert_uint_eq(part_of(it.device, "submit"), 0);
    ck_assert_uint_eq(part_of(it.device, "barrier"), PAIRS * its.barrier);
    ck_assert_uint_eq(part_of(it.device, "fence"), PAIRS * its.signal + (PAIRS - 1) * its.wait);
    ck_assert_uint_eq(part_of(it.device, "sync"), its.sync);
    ck_assert_uint_eq(part_of(it.device, "waiting for host"), 0);
    ck_assert_uint_eq(part_of(it.device, "host access"), before_access);
    ck_assert_uint_eq(part_of(it.device, "host link") - before_link,
                      way_ps(spec_of(it.device), 5) + way_ps(spec_of(it.device), 1));
    ck_assert_uint_gt(part_of(it.device, "dispatch"), 2 * PAIRS * its.dispatch);
    ck_assert_uint_gt(part_of(it.device, "drain"), 0);
    ck_assert_uint_gt(part_of(it.device, "kernels: dma"), 0);
    ck_assert_uint_gt(part_of(it.device, "kernels: idle"), 0);
    close_pairs(&it);
}
END_TEST

/* ---- the host ---- */

START_TEST(a_commit_does_not_wait_and_a_second_wait_is_free)
{
    weft_error error;
    pairs it = open_pairs(TINY);
    costs its = costs_of(it.device);
    weft_encoder *encoder = test_encoder(it.device, NULL);
    uint64_t begin = weft_device_now_ps(it.device);
    add(&it, encoder, 0);
    ck_assert_uint_eq(weft_device_now_ps(it.device), begin);
    OK(weft_encoder_commit(encoder, NULL, &error));
    ck_assert_uint_eq(weft_device_now_ps(it.device), begin + its.submit);
    ck_assert_uint_eq(part_of(it.device, "under way"), its.submit);
    assert_sum(it.device);
    OK(weft_encoder_wait(encoder, &error));
    uint64_t end = weft_device_now_ps(it.device);
    ck_assert_uint_gt(end, begin + its.submit + its.sync);
    ck_assert_uint_eq(part_of(it.device, "under way"), 0);
    OK(weft_encoder_wait(encoder, &error));
    weft_device_wait(it.device);
    ck_assert_uint_eq(weft_device_now_ps(it.device), end);
    weft_encoder_destroy(encoder);
    close_pairs(&it);
}
END_TEST

/* The host comes too late to wait: the end was known while it wrote. */
START_TEST(a_wait_for_what_ended_long_ago_takes_no_time)
{
    weft_error error;
    pairs it = open_pairs(TINY "?host.link_gbs=0.01");
    weft_encoder *encoder = test_encoder(it.device, NULL);
    add(&it, encoder, 0);
    OK(weft_encoder_commit(encoder, NULL, &error));
    weft_buffer *other = test_floats(it.device, 16, 3);
    uint64_t before = weft_device_now_ps(it.device);
    OK(weft_encoder_wait(encoder, &error));
    ck_assert_uint_eq(weft_device_now_ps(it.device), before);
    ck_assert_uint_eq(part_of(it.device, "sync"), 0);
    weft_buffer_destroy(other);
    weft_encoder_destroy(encoder);
    close_pairs(&it);
}
END_TEST

/* What lies in one block is one transfer, which nobody disturbs. */
START_TEST(host_access_takes_what_a_transfer_takes)
{
    weft_error error;
    weft_device *device = test_open(TWO_SIP);
    const weft__sim_device *sim = device->driver;
    weft_buffer *buffer = test_floats(device, 1024, 0);
    const weft__sim_memory *memory = buffer->allocation->handle;
    static float data[1024];
    ck_assert_uint_eq(memory->count, 1);
    weft_encoder *encoder = test_encoder(device, NULL);
    for (int is_write = 0; is_write < 2; is_write++) {
        OK(weft_encoder_commit_and_wait(encoder, NULL, &error)); /* so that the host is ahead of the device */
        OK(weft_encoder_reset(encoder, &error));
        uint64_t parts[WEFT__PARTS], sum = 0, before = weft_device_now_ps(device);
        uint64_t accesses = part_of(device, "host access");
        weft__location location;
        const weft__graph *graph = weft__simulation_graph(sim->simulation);
        OK(weft__address_resolve(graph, memory->addresses[0], 4096, &location, &error));
        const weft__transfer_request request = {
            .source = 0, .target = location.node, .offset_bytes = location.offset, .bytes = 4096, .is_write = is_write};
        weft__transfer_parts(sim->simulation->transfers, &request, parts);
        for (size_t i = 0; i < WEFT__PARTS; i++)
            sum += parts[i];
        OK(is_write ? weft_buffer_write(buffer, 0, data, sizeof data, &error)
                    : weft_buffer_read(buffer, 0, data, sizeof data, &error));
        ck_assert_uint_gt(sum, 0);
        ck_assert_uint_eq(weft_device_now_ps(device) - before, sum);
        ck_assert_uint_eq(part_of(device, "host access") - accesses, sum);
    }
    assert_sum(device);
    uint64_t before = weft_device_now_ps(device);
    OK(weft_buffer_write(buffer, 4, data, 0, &error));
    ck_assert_uint_eq(weft_device_now_ps(device), before);
    weft_encoder_destroy(encoder);
    weft_buffer_destroy(buffer);
    weft_device_close(device);
}
END_TEST

START_TEST(the_clock_of_a_host_device_goes_on_and_has_no_parts)
{
    weft_device *device = test_open("ref");
    uint64_t before = weft_device_now_ps(device), after;
    do
        after = weft_device_now_ps(device);
    while (after == before);
    ck_assert_uint_gt(after, before);
    ck_assert_uint_lt(after, UINT64_C(3600) * 1000000000000); /* since it was opened */
    ck_assert_uint_eq(weft_device_time_parts(device, NULL, 0), 0);
    weft_device_close(device);
}
END_TEST

START_TEST(a_wait_that_is_no_sync_ends_with_the_message)
{
    weft_error error;
    weft_timeline *timeline;
    pairs it = open_pairs(TINY);
    OK(weft_timeline_create(&timeline, &error));
    weft_session_options options = {.encoder = {.timeline = timeline}};
    weft_session *session = test_session(it.device, &options);
    add(&it, weft_session_encoder(session), 0);
    OK(weft_session_commit_stage(session, &error));
    weft_session_destroy(session);
    ck_assert_uint_eq(weft_device_now_ps(it.device), entry_at(timeline, 0).known_ps);
    ck_assert_uint_eq(part_of(it.device, "sync"), 0);
    weft_timeline_destroy(timeline);
    close_pairs(&it);
}
END_TEST

/* ---- the parts of a group ---- */

static uint64_t kernels_ps(const weft_device *device)
{
    static const char *const names[] = {"kernels: dispatch", "kernels: compute", "kernels: dma",
                                        "kernels: queue",    "kernels: barrier", "kernels: idle"};
    uint64_t sum = 0;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        sum += part_of(device, names[i]);
    return sum;
}

/* Two kernels, one behind the other or at once, and a dispatch with nothing to do. */
START_TEST(kernels_that_overlap_count_once)
{
    static const char *const uris[] = {TINY, TINY "?processor.dispatch_ns=5000", TINY "?processor.dispatch_ns=0"};
    for (size_t i = 0; i < sizeof uris / sizeof uris[0]; i++) {
        weft_error error;
        weft_timeline *timeline;
        pairs it = open_pairs(uris[i]);
        OK(weft_timeline_create(&timeline, &error));
        weft_encoder *encoder = test_encoder(it.device, &(weft_encoder_options){.timeline = timeline});
        weft_shape nothing = weft_shape_2d(3, 0);
        weft_buffer *empty, *more = test_floats(it.device, 4, 0);
        OK(weft_buffer_create(it.device, WEFT_F32, &nothing, &empty, &error));
        uint64_t others = part_of(it.device, "dispatch") + part_of(it.device, "drain");
        ck_assert_uint_eq(others, 0);
        add(&it, encoder, 0);
        OK(weft_add(encoder, it.hidden, it.hidden, more, &error));
        OK(weft_add(encoder, empty, empty, empty, &error));
        OK(weft_encoder_commit_and_wait(encoder, NULL, &error));
        weft_timeline_work first = entry_at(timeline, 1).work, second = entry_at(timeline, 2).work;
        weft_timeline_entry none = entry_at(timeline, 3), whole = entry_at(timeline, 0);
        ck_assert_uint_eq(none.work.pes, 0);
        ck_assert_uint_eq(none.end_ps, none.start_ps + costs_of(it.device).dispatch);
        uint64_t end = first.end_ps > second.end_ps ? first.end_ps : second.end_ps;
        uint64_t both = first.end_ps - first.begin_ps + second.end_ps - second.begin_ps;
        uint64_t running = second.begin_ps < first.end_ps ? end - first.begin_ps : both;
        ck_assert(i != 1 || running == both);
        ck_assert(i != 2 || running < both);
        ck_assert_uint_eq(kernels_ps(it.device), running);
        uint64_t last = none.end_ps > end ? none.end_ps : end;
        ck_assert(i != 1 || last > end);
        ck_assert_uint_eq(part_of(it.device, "drain"), whole.end_ps - last);
        ck_assert_uint_eq(part_of(it.device, "dispatch"), last - whole.start_ps - running);
        weft_encoder_destroy(encoder);
        weft_timeline_destroy(timeline);
        weft_buffer_destroy(empty);
        weft_buffer_destroy(more);
        close_pairs(&it);
    }
}
END_TEST

/* Spans in any order, against a mark for each picosecond. */
START_TEST(spans_are_joined_like_marks)
{
    enum {
        SPAN = 200
    };
    weft__rng rng;
    weft__rng_init(&rng, 8);
    weft__sim_times times = {.pes = 3};
    for (int round = 0; round < 300; round++) {
        bool marks[SPAN] = {false};
        uint64_t running = 0, last = 0, before = times.ps[WEFT__SIM_DISPATCH], begin = times.cursor;
        uint64_t drained = times.ps[WEFT__SIM_DRAIN], kernels = 0, given = weft__rng_below(&rng, SPAN);
        for (uint64_t i = weft__rng_below(&rng, 12); i > 0; i--) {
            weft_error error;
            weft_launch_report report = {.start_ps = weft__rng_below(&rng, SPAN - 20)};
            report.finish_ps = report.start_ps + 1 + weft__rng_below(&rng, 20);
            report.spent_ps[WEFT_PE_TIME_DMA] = 1;
            for (uint64_t ps = report.start_ps; ps < report.finish_ps; ps++) {
                running += !marks[ps];
                marks[ps] = true;
            }
            last = report.finish_ps > last ? report.finish_ps : last;
            report.start_ps += begin;
            report.finish_ps += begin;
            OK(weft__sim_times_launched(&times, &report, &error));
        }
        for (size_t i = 0; i < WEFT_PE_TIMES; i++)
            kernels -= times.ps[WEFT__SIM_KERNELS + i];
        weft__sim_times_drained(&times, begin + given, begin + SPAN);
        for (size_t i = 0; i < WEFT_PE_TIMES; i++)
            kernels += times.ps[WEFT__SIM_KERNELS + i];
        last = given > last ? given : last;
        ck_assert_uint_eq(kernels, running);
        ck_assert_uint_eq(times.ps[WEFT__SIM_DISPATCH] - before, last - running);
        ck_assert_uint_eq(times.ps[WEFT__SIM_DRAIN] - drained, SPAN - last);
    }
    weft__sim_times_destroy(&times);
}
END_TEST

/* ---- any stream ---- */

enum {
    LANES = 4,
    WIDTH = 300
};

/* Encoders that know nothing of each other, each with buffers of its own. */
typedef struct lane {
    weft_encoder *encoder;
    weft_buffer *a, *b;
    float value; /* of every element of a */
} lane;

static void record(lane *it, weft__rng *rng)
{
    weft_error error;
    for (uint64_t i = weft__rng_below(rng, 4); i > 0; i--) {
        if (weft__rng_below(rng, 3) == 0)
            OK(weft_encoder_barrier(it->encoder, &error));
        OK(weft_add(it->encoder, it->b, it->b, it->a, &error)); /* the same again and again: no order is needed */
        it->value = 4;
        OK(weft_encoder_barrier(it->encoder, &error));
    }
}

static void do_something(weft_device *device, lane *it, weft__rng *rng)
{
    weft_error error;
    switch (weft__rng_below(rng, 6)) {
    case 0:
        OK(weft_encoder_wait(it->encoder, &error));
        break;
    case 1:
        OK(weft_encoder_wait(it->encoder, &error));
        ck_assert_float_eq(test_float_at(it->a, weft__rng_below(rng, WIDTH)), it->value);
        break;
    case 2:
        weft_device_wait(device);
        ck_assert_uint_eq(part_of(device, "under way"), 0);
        break;
    default:
        OK(weft_encoder_reset(it->encoder, &error));
        record(it, rng);
        OK(weft_encoder_commit(it->encoder, NULL, &error));
    }
}

static uint64_t run_anything(const char *uri, uint64_t seed)
{
    weft__rng rng;
    weft_device *device = test_open(uri);
    lane lanes[LANES];
    weft_time_part before[WEFT_TIME_PARTS_MAX], after[WEFT_TIME_PARTS_MAX];
    weft__rng_init(&rng, seed);
    for (size_t i = 0; i < LANES; i++) {
        lanes[i] = (lane){test_encoder(device, NULL), test_floats(device, WIDTH, 0), test_floats(device, WIDTH, 2), 0};
        OK(weft_encoder_commit(lanes[i].encoder, NULL, NULL));
    }
    size_t count = weft_device_time_parts(device, before, WEFT_TIME_PARTS_MAX);
    for (int i = 0; i < 60; i++) {
        do_something(device, &lanes[weft__rng_below(&rng, LANES)], &rng);
        assert_sum(device);
        (void)weft_device_time_parts(device, after, count);
        for (size_t part = 0; part + 1 < count; part++)
            ck_assert_uint_ge(after[part].ps, before[part].ps);
        memcpy(before, after, sizeof before);
    }
    weft_device_wait(device);
    uint64_t now = weft_device_now_ps(device);
    ck_assert_uint_eq(part_of(device, "waiting for host"), 0);
    for (size_t i = 0; i < LANES; i++) {
        test_assert_floats(lanes[i].a, lanes[i].value);
        weft_encoder_destroy(lanes[i].encoder);
        weft_buffer_destroy(lanes[i].a);
        weft_buffer_destroy(lanes[i].b);
    }
    weft_device_close(device);
    return now;
}

START_TEST(the_parts_of_any_stream_add_up)
{
    static const char *const uris[] = {TINY,
                                       TINY "?host.submit_ns=0",
                                       TINY "?" FREE,
                                       TINY "?host.submit_ns=9",
                                       TINY "?processor.dispatch_ns=3000",
                                       TINY "?host.link_gbs=0.01&host.sync_ns=0",
                                       TINY "?shuffle=4&perturb=3"};
    for (size_t i = 0; i < sizeof uris / sizeof uris[0]; i++) {
        uint64_t now = run_anything(uris[i], i);
        ck_assert_uint_gt(now, 0);
        ck_assert_uint_eq(run_anything(uris[i], i), now);
    }
}
END_TEST

/* ---- timelines ---- */

static void judge_work(const weft_timeline_entry *entry, uint64_t dispatch_ps)
{
    const weft_timeline_work *work = &entry->work;
    uint64_t sum = 0;
    ck_assert_uint_eq(work->pes, 2);
    ck_assert_uint_ge(work->begin_ps, entry->start_ps + dispatch_ps);
    ck_assert_uint_lt(work->begin_ps, work->end_ps);
    ck_assert_uint_lt(work->end_ps, entry->end_ps);
    for (size_t i = 0; i < WEFT_TIMELINE_SPENT; i++)
        sum += work->spent_ps[i];
    ck_assert_uint_eq(sum, work->pes * (work->end_ps - work->begin_ps));
    ck_assert_uint_eq(work->memory_bytes, 3 * 4 * 4);
    ck_assert_uint_eq(work->macs, 0);
}

START_TEST(a_timeline_tells_what_each_part_took)
{
    weft_error error;
    weft_timeline *timeline;
    pairs it = open_pairs(TINY);
    costs its = costs_of(it.device);
    OK(weft_timeline_create(&timeline, &error));
    weft_session_options options = {.encoder = {.timeline = timeline}};
    weft_session *session = test_session(it.device, &options);
    weft_encoder *encoder = weft_session_encoder(session);
    uint64_t begin = weft_device_now_ps(it.device);
    add(&it, encoder, 0);
    OK(weft_session_fence_stage(session, "first", &error));
    OK(weft_session_reset_for_next_stage(session, &error));
    add(&it, encoder, 1);
    add(&it, encoder, 3); /* beside it */
    OK(weft_encoder_barrier(encoder, &error));
    add(&it, encoder, 2);
    OK(weft_session_fence_stage(session, "second", &error));
    ck_assert_uint_eq(weft_timeline_count(timeline), 0);
    OK(weft_session_wait(session, &error));
    weft_timeline_entry entries[9];
    static const weft_timeline_kind kinds[9] = {
        WEFT_TIMELINE_COMMAND_BUFFER, WEFT_TIMELINE_DISPATCH,   WEFT_TIMELINE_FENCE_SIGNAL,
        WEFT_TIMELINE_COMMAND_BUFFER, WEFT_TIMELINE_FENCE_WAIT, WEFT_TIMELINE_DISPATCH,
        WEFT_TIMELINE_DISPATCH,       WEFT_TIMELINE_BARRIER,    WEFT_TIMELINE_DISPATCH};
    ck_assert_uint_eq(weft_timeline_count(timeline), 10);
    for (size_t i = 0; i < 9; i++) {
        entries[i] = entry_at(timeline, i);
        ck_assert_int_eq(entries[i].kind, kinds[i]);
        ck_assert_uint_eq(entries[i].sequence, i < 3 ? 1 : 2);
        ck_assert_uint_eq(entries[i].submitted_ps, begin + (i < 3 ? 1 : 2) * its.submit);
        if (kinds[i] == WEFT_TIMELINE_DISPATCH)
            judge_work(&entries[i], its.dispatch);
        else
            ck_assert(entries[i].dispatch == UINT32_MAX && entries[i].work.pes == 0);
    }
    weft_timeline_entry last = entry_at(timeline, 9);
    const weft_timeline_entry *first = &entries[0], *second = &entries[3];
    uint64_t way = way_ps(spec_of(it.device), 1);
    ck_assert_uint_eq(first->start_ps, first->submitted_ps + way_ps(spec_of(it.device), 3));
    ck_assert_uint_eq(first->known_ps, first->end_ps + way);
    ck_assert_uint_eq(entries[1].start_ps, first->start_ps);
    ck_assert_uint_eq(entries[2].start_ps, entries[1].end_ps);
    ck_assert_uint_eq(entries[2].end_ps, entries[2].start_ps + its.signal);
    ck_assert_uint_eq(first->end_ps, entries[2].end_ps);
    ck_assert_uint_eq(second->start_ps, second->submitted_ps + way_ps(spec_of(it.device), 7));
    ck_assert_uint_eq(entries[4].end_ps, second->start_ps + its.wait);
    ck_assert_uint_eq(entries[5].start_ps, entries[4].end_ps);
    ck_assert_uint_eq(entries[6].start_ps, entries[5].start_ps + its.dispatch);
    ck_assert_uint_lt(entries[6].start_ps, entries[5].end_ps);
    ck_assert_uint_eq(entries[7].start_ps, entries[6].start_ps + its.dispatch);
    ck_assert_uint_eq(entries[7].end_ps, entries[6].end_ps + its.barrier);
    ck_assert_uint_eq(entries[8].start_ps, entries[7].end_ps);
    ck_assert_uint_eq(entries[8].barriers, 1);
    ck_assert_int_eq(last.kind, WEFT_TIMELINE_FENCE_SIGNAL);
    ck_assert_uint_eq(last.end_ps, second->end_ps);
    ck_assert_uint_eq(weft_device_now_ps(it.device), second->known_ps + its.sync);
    weft_session_destroy(session);
    weft_timeline_destroy(timeline);
    close_pairs(&it);
}
END_TEST

WEFT_TEST_MAIN("sim_device_time", stages_take_what_the_machine_file_says,
               a_session_is_faster_by_the_submissions_that_it_saves, the_parts_of_stages_are_what_they_are_called,
               a_commit_does_not_wait_and_a_second_wait_is_free, a_wait_for_what_ended_long_ago_takes_no_time,
               host_access_takes_what_a_transfer_takes, the_clock_of_a_host_device_goes_on_and_has_no_parts,
               a_wait_that_is_no_sync_ends_with_the_message, kernels_that_overlap_count_once,
               spans_are_joined_like_marks, the_parts_of_any_stream_add_up, a_timeline_tells_what_each_part_took)
