/* What can be watched of devices: traces of any, and the machine, activity and hazards of a simulated one. What a trace
 * holds is looked at by the tests of the command, which read it. */
#include "device_bench.h"

#include <stdio.h>

#include <weft/sim_device.h>
#include <weft/trace.h>

#include "support/failing_malloc.h"
#include "support/interim.h"

#define TRACE "sim_device_watch.json"

static const char *const uris[] = {"ref", "cpu?threads=2", TINY};
enum {
    URIS = 3
};

static bool exists(const char *path)
{
    FILE *file = fopen(path, "r");
    if (file)
        (void)fclose(file);
    return file != NULL;
}

static void close_any(pairs *it)
{
    free_pairs(it);
    weft_device_close(it->device);
}

static weft_timeline *make_timeline(void)
{
    weft_timeline *timeline;
    OK(weft_timeline_create(&timeline, NULL));
    return timeline;
}

/* Some stages with barriers and fences. */
static void run_session(const pairs *it, weft_timeline *timeline)
{
    const weft_session_options options = {.encoder = {.timeline = timeline}};
    weft_session *session = test_session(it->device, &options);
    weft_encoder *encoder = weft_session_encoder(session);
    for (size_t i = 0; i < PAIRS; i++) {
        OK(weft_session_reset_for_next_stage(session, NULL));
        OK(weft_add(encoder, it->hidden, it->more, it->hidden, NULL));
        OK(weft_encoder_barrier(encoder, NULL));
        OK(weft_add(encoder, it->hidden, it->more, it->hidden, NULL));
        OK(weft_session_fence_stage(session, "stage", NULL));
    }
    OK(weft_session_wait(session, NULL));
    weft_session_destroy(session);
}

START_TEST(a_trace_has_a_beginning_and_an_end)
{
    weft_error error;
    (void)remove(TRACE);
    pairs it = open_pairs(uris[_i]);
    FAILS(weft_device_end_trace(it.device, NULL, &error), WEFT_INVALID_STATE, "not being traced");
    FAILS(weft_device_begin_trace(it.device, "no/such/folder.json", &error), WEFT_IO, "no/such/folder.json");
    FAILS(weft_device_end_trace(it.device, NULL, &error), WEFT_INVALID_STATE, "not being traced");
    for (int round = 0; round < 2; round++) {
        weft_timeline *timeline = make_timeline();
        OK(weft_device_begin_trace(it.device, TRACE, NULL));
        FAILS(weft_device_begin_trace(it.device, TRACE, &error), WEFT_INVALID_STATE, "already");
        run_session(&it, timeline);
        ck_assert(!exists(TRACE) && weft_test_has_interim(TRACE));
        OK(weft_device_end_trace(it.device, round == 0 ? timeline : NULL, NULL));
        ck_assert(exists(TRACE) && !weft_test_has_interim(TRACE));
        ck_assert_int_eq(remove(TRACE), 0);
        weft_timeline_destroy(timeline);
    }
    OK(weft_device_begin_trace(it.device, TRACE, NULL));
    run_session(&it, NULL);
    close_any(&it); /* with its trace */
    ck_assert(!exists(TRACE) && !weft_test_has_interim(TRACE));
}
END_TEST

START_TEST(a_trace_may_run_out_of_memory)
{
    bool failed = true;
    pairs it = open_pairs(uris[_i]);
    weft_timeline *timeline = make_timeline();
    for (uint64_t n = 0; failed; n++) {
        weft_error error;
        weft_test_fail_allocation_after(n);
        weft_status status = weft_device_begin_trace(it.device, TRACE, &error);
        failed = weft_test_stop_failing();
        ck_assert_int_eq(status, failed ? WEFT_OUT_OF_MEMORY : WEFT_OK);
    }
    failed = true;
    for (uint64_t n = 0; failed; n++) {
        weft_error error;
        run_session(&it, timeline);
        weft_test_fail_allocation_after(n);
        weft_status status = weft_device_end_trace(it.device, timeline, &error);
        failed = weft_test_stop_failing();
        ck_assert_int_eq(status, failed ? WEFT_OUT_OF_MEMORY : WEFT_OK);
        ck_assert_int_eq(exists(TRACE), !failed);
        ck_assert(!weft_test_has_interim(TRACE));
        if (failed)
            OK(weft_device_begin_trace(it.device, TRACE, NULL));
    }
    ck_assert_int_eq(remove(TRACE), 0);
    weft_timeline_destroy(timeline);
    close_any(&it);
}
END_TEST

/* Entries tell which fences a command buffer signals and waits for. */
START_TEST(timelines_have_fences)
{
    uint64_t buffers = 0;
    pairs it = open_pairs(uris[_i]);
    weft_timeline *timeline = make_timeline();
    run_session(&it, timeline);
    for (size_t i = 0; i < weft_timeline_count(timeline); i++) {
        weft_timeline_entry entry = entry_at(timeline, i);
        bool is_buffer = entry.kind == WEFT_TIMELINE_COMMAND_BUFFER;
        ck_assert_uint_eq(entry.wait_value, is_buffer ? buffers : 0);
        buffers += is_buffer;
        ck_assert_uint_eq(entry.signal_value, is_buffer ? buffers : 0);
    }
    ck_assert_uint_eq(buffers, PAIRS);
    weft_timeline_destroy(timeline);
    close_any(&it);
}
END_TEST

START_TEST(a_simulated_device_tells_of_its_machine)
{
    weft_error error;
    weft_activity *activity;
    weft_activity_info info;
    weft_activity_part part;
    weft_machine_info machine;
    weft_kernel_hazard hazard;
    pairs it = open_pairs(TINY), other = open_pairs("ref");
    weft_machine_get_info(weft_sim_device_machine(it.device), &machine);
    ck_assert_str_eq(machine.name, "tiny");
    FAILS(weft_sim_device_take_activity(it.device, &activity, &error), WEFT_INVALID_STATE, "activity");
    run_session(&it, NULL);
    uint64_t begin_ps = weft_device_now_ps(it.device), busy_ps[3] = {0};
    OK(weft_sim_device_keep_activity(it.device, NULL));
    run_session(&it, NULL);
    OK(weft_sim_device_take_activity(it.device, &activity, NULL));
    weft_activity_get_info(activity, &info);
    ck_assert_uint_eq(info.begin_ps, begin_ps);
    ck_assert_uint_ge(begin_ps + info.bucket_count * info.bucket_ps, weft_device_now_ps(it.device));
    ck_assert_uint_eq(info.part_count, machine.links + 2 * machine.pes);
    for (size_t i = 0; weft_activity_at(activity, i, &part); i++)
        for (size_t bucket = 0; part.busy_ps && bucket < info.bucket_count; bucket++)
            busy_ps[part.kind] += part.busy_ps[bucket];
    ck_assert(busy_ps[WEFT_ACTIVITY_LINK] > 0 && busy_ps[WEFT_ACTIVITY_PE] > 0 && busy_ps[WEFT_ACTIVITY_HBM] > 0);
    ck_assert(!weft_sim_device_hazard_at(it.device, 0, &hazard));
    weft_activity_destroy(activity);

    ck_assert_ptr_null(weft_sim_device_machine(other.device));
    FAILS(weft_sim_device_keep_activity(other.device, &error), WEFT_UNSUPPORTED, "'ref'");
    FAILS(weft_sim_device_take_activity(other.device, &activity, &error), WEFT_UNSUPPORTED, "'ref'");
    ck_assert_ptr_null(activity);
    ck_assert(!weft_sim_device_hazard_at(other.device, 0, &hazard));
    close_any(&it);
    close_any(&other);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sim_device_watch");
    TCase *tests = tcase_create("sim_device_watch");
    tcase_set_timeout(tests, 0); /* that of ctest counts */
    tcase_add_loop_test(tests, a_trace_has_a_beginning_and_an_end, 0, URIS);
    tcase_add_loop_test(tests, a_trace_may_run_out_of_memory, 0, URIS);
    tcase_add_loop_test(tests, timelines_have_fences, 0, URIS);
    tcase_add_test(tests, a_simulated_device_tells_of_its_machine);
    suite_add_tcase(suite, tests);
    return weft_test_run_suite(suite);
}
