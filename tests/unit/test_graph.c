/* Graphs: taking, replaying and changing them, and what optimising makes of streams whose result is known. */
#include <weft/graph.h>

#include "support/failing_device.h"
#include "support/runtime_test.h"

static weft_graph *capture(weft_encoder *encoder)
{
    weft_graph *graph;
    weft_error error;
    WEFT_TEST_ASSERT_OK(weft_graph_capture(encoder, &graph, &error), error);
    return graph;
}

static weft_graph_info info_of(weft_graph *graph)
{
    weft_graph_info info;
    OK(weft_graph_get_info(graph, &info, NULL));
    return info;
}

static weft_graph_dispatch dispatch_of(weft_graph *graph, uint32_t number)
{
    weft_graph_dispatch dispatch;
    OK(weft_graph_get_dispatch(graph, number, &dispatch, NULL));
    return dispatch;
}

static void run(weft_graph *graph, weft_encoder *encoder)
{
    weft_error error;
    OK(weft_encoder_reset(encoder, NULL));
    WEFT_TEST_ASSERT_OK(weft_graph_replay(graph, encoder, &error), error);
    WEFT_TEST_ASSERT_OK(weft_encoder_commit_and_wait(encoder, "replay", &error), error);
}

static void write_all(weft_buffer *buffer, float value)
{
    for (size_t i = 0; i < weft_buffer_bytes(buffer) / sizeof value; i++)
        OK(weft_buffer_write(buffer, i * sizeof value, &value, sizeof value, NULL));
}

/* x = 2 a, barrier, y = x + b: the stream of most tests here. */
typedef struct chain {
    weft_device *device;
    weft_encoder *encoder;
    weft_buffer *a, *b, *x, *y;
} chain;

static chain open_chain(const char *uri)
{
    chain it = {.device = test_open(uri)};
    it.encoder = test_encoder(it.device, NULL);
    it.a = test_floats(it.device, 8, 1);
    it.b = test_floats(it.device, 8, 10);
    it.x = test_floats(it.device, 8, 0);
    it.y = test_floats(it.device, 8, 0);
    return it;
}

static void record_chain(const chain *it)
{
    weft_encoder_set_label(it->encoder, "first");
    OK(weft_scale(it->encoder, it->a, 2, it->x, NULL));
    OK(weft_encoder_barrier(it->encoder, NULL));
    OK(weft_add(it->encoder, it->x, it->b, it->y, NULL));
}

static void close_chain(chain *it)
{
    weft_buffer_destroy(it->a);
    weft_buffer_destroy(it->b);
    weft_buffer_destroy(it->x);
    weft_buffer_destroy(it->y);
    weft_encoder_destroy(it->encoder);
    weft_device_close(it->device);
}

START_TEST(a_replay_does_what_was_recorded_with_new_contents)
{
    static const char *const uris[] = {"ref", "cpu", "cpu?threads=2&shuffle=3"};
    chain it = open_chain(uris[_i]);
    record_chain(&it);
    weft_counters before = test_counters(it.device);
    weft_graph *graph = capture(it.encoder);
    ck_assert_uint_eq(weft_encoder_dispatch_count(it.encoder), 0);
    ck_assert_uint_eq(weft_encoder_barrier_count(it.encoder), 0);
    test_assert_counted(it.device, &before, &(weft_counters){0});
    for (int i = 0; i < 4; i++) {
        write_all(it.a, (float)i);
        run(graph, it.encoder);
        test_assert_floats(it.y, 2 * (float)i + 10);
    }
    test_assert_counted(it.device, &before,
                        &(weft_counters){.command_buffers_created = 4,
                                         .command_buffers_submitted = 4,
                                         .command_buffers_completed = 4,
                                         .dispatches = 8,
                                         .barriers = 4,
                                         .syncs = 4});
    weft_graph_info info = info_of(graph);
    ck_assert_uint_eq(info.recorded_dispatches, 2);
    ck_assert_uint_eq(info.recorded_barriers, 1);
    ck_assert_uint_eq(info.dispatches, 2);
    ck_assert_uint_eq(info.barriers, 1);
    ck_assert_uint_eq(info.fused + info.moved, 0);
    ck_assert_str_eq(dispatch_of(graph, 0).label, "first");
    ck_assert_str_eq(dispatch_of(graph, 0).op, "scale");
    ck_assert(*(const float *)dispatch_of(graph, 0).params == 2);
    ck_assert_uint_eq(dispatch_of(graph, 1).barriers_before, 1);
    ck_assert_ptr_null(dispatch_of(graph, 1).params);
    weft_graph_destroy(graph);
    close_chain(&it);
}
END_TEST

START_TEST(replays_stand_behind_what_was_recorded_and_beside_each_other)
{
    chain it = open_chain("cpu?shuffle=4");
    record_chain(&it);
    OK(weft_encoder_barrier(it.encoder, NULL)); /* barriers at the end are part of the graph */
    weft_graph *graph = capture(it.encoder);
    OK(weft_scale(it.encoder, it.b, 3, it.a, NULL)); /* a = 30 */
    OK(weft_encoder_barrier(it.encoder, NULL));
    weft_encoder_set_label(it.encoder, "kept");
    OK(weft_graph_replay(graph, it.encoder, NULL));   /* y = 70 */
    OK(weft_add(it.encoder, it.y, it.y, it.a, NULL)); /* a = 140 */
    OK(weft_encoder_barrier(it.encoder, NULL));
    OK(weft_graph_replay(graph, it.encoder, NULL)); /* y = 290 */
    ck_assert_uint_eq(weft_encoder_dispatch_count(it.encoder), 6);
    ck_assert_uint_eq(weft_encoder_barrier_count(it.encoder), 6);
    weft_graph *both = capture(it.encoder); /* a graph of graphs: what they recorded, in one */
    weft_graph_destroy(graph);
    ck_assert_uint_eq(info_of(both).recorded_dispatches, 6);
    ck_assert_str_eq(dispatch_of(both, 3).label, "kept");
    ck_assert_uint_eq(dispatch_of(both, 4).barriers_before, 4);
    ck_assert_uint_eq(dispatch_of(both, 5).place, 5);
    run(both, it.encoder);
    test_assert_floats(it.y, 290);
    weft_graph_destroy(both);
    close_chain(&it);
}
END_TEST

/* Index and barriers of a dispatch are those of its command buffer, whoever recorded it. */
START_TEST(a_timeline_tells_replays_like_recordings)
{
    chain it = open_chain("ref");
    weft_timeline *timeline;
    OK(weft_timeline_create(&timeline, NULL));
    weft_encoder *timed = test_encoder(it.device, &(weft_encoder_options){.timeline = timeline});
    record_chain(&it);
    weft_graph *graph = capture(it.encoder);
    OK(weft_add(timed, it.b, it.b, it.a, NULL));
    OK(weft_encoder_barrier(timed, NULL));
    OK(weft_graph_replay(graph, timed, NULL));
    weft_graph_destroy(graph);
    OK(weft_encoder_commit_and_wait(timed, "both", NULL));
    static const char *const ops[] = {"add", "scale", "add"}, *const labels[] = {"", "first", ""};
    ck_assert_uint_eq(weft_timeline_count(timeline), 4);
    for (uint32_t i = 0; i < 3; i++) {
        weft_timeline_entry entry;
        OK(weft_timeline_get(timeline, i + 1, &entry, NULL));
        ck_assert_uint_eq(entry.dispatch, i);
        ck_assert_uint_eq(entry.barriers, i);
        ck_assert_str_eq(entry.op, ops[i]);
        ck_assert_str_eq(entry.label, labels[i]);
    }
    weft_encoder_destroy(timed);
    weft_timeline_destroy(timeline);
    close_chain(&it);
}
END_TEST

START_TEST(an_empty_graph_records_nothing)
{
    chain it = open_chain("ref");
    weft_graph *graph = capture(it.encoder);
    OK(weft_graph_optimise(graph, NULL, NULL));
    run(graph, it.encoder);
    ck_assert_uint_eq(info_of(graph).dispatches, 0);
    weft_error error;
    weft_graph_dispatch dispatch;
    FAILS(weft_graph_get_dispatch(graph, 0, &dispatch, &error), WEFT_OUT_OF_RANGE, "Dispatch 0", "there are 0");
    weft_graph_destroy(graph);
    weft_graph_destroy(NULL);
    close_chain(&it);
}
END_TEST

START_TEST(what_cannot_be_taken_or_replayed_is_refused)
{
    chain it = open_chain("ref"), other = open_chain("cpu");
    weft_error error;
    record_chain(&it);
    weft_graph *graph = capture(it.encoder), *none = graph;
    FAILS(weft_graph_replay(graph, other.encoder, &error), WEFT_INVALID_ARGUMENT, "'ref'", "'cpu'");
    OK(weft_encoder_commit_and_wait(it.encoder, NULL, NULL));
    FAILS(weft_graph_replay(graph, it.encoder, &error), WEFT_INVALID_STATE, "replay a graph", "weft_encoder_reset");
    FAILS(weft_graph_capture(it.encoder, &none, &error), WEFT_INVALID_STATE, "take a graph");
    ck_assert_ptr_null(none);
    OK(weft_encoder_reset(it.encoder, NULL));
    weft_device_close(it.device);
    OK(weft_graph_replay(graph, it.encoder, NULL));
    FAILS(weft_encoder_commit(it.encoder, NULL, &error), WEFT_INVALID_STATE, "closed");
    it.device = NULL;
    weft_graph_destroy(graph);
    close_chain(&it);
    close_chain(&other);
}
END_TEST

START_TEST(buffers_and_encoders_may_go_before_the_graph)
{
    chain it = open_chain("cpu");
    record_chain(&it);
    weft_graph *graph = capture(it.encoder);
    weft_encoder_destroy(it.encoder);
    weft_buffer_destroy(it.a);
    weft_buffer_destroy(it.b);
    weft_buffer_destroy(it.x);
    it.a = it.b = it.x = NULL;
    it.encoder = test_encoder(it.device, NULL);
    run(graph, it.encoder);
    test_assert_floats(it.y, 12);
    weft_graph_destroy(graph);
    close_chain(&it);
}
END_TEST

/* What is in flight holds what it uses, its labels too, and the host may not write what it reads. */
START_TEST(a_graph_may_go_while_its_replays_are_in_flight)
{
    weft_test_device control;
    chain it = {.device = weft_test_device_open(&control, 0)};
    it.encoder = test_encoder(it.device, NULL);
    it.a = test_floats(it.device, 8, 1);
    it.b = test_floats(it.device, 8, 10);
    it.x = test_floats(it.device, 8, 0);
    it.y = test_floats(it.device, 8, 0);
    record_chain(&it);
    weft_graph *graph = capture(it.encoder);
    weft_error error;
    float value = 5;
    weft_test_device_fail(&control, 1, WEFT_DEVICE_LOST);
    weft_test_device_block(&control, 1);
    OK(weft_graph_replay(graph, it.encoder, NULL));
    OK(weft_encoder_commit(it.encoder, "held", NULL));
    OK(weft_graph_set_params(graph, 0, &(float){100}, NULL)); /* of the replays to come */
    OK(weft_graph_rebind(graph, it.b, it.a, NULL));
    weft_graph_destroy(graph);
    FAILS(weft_buffer_write(it.a, 0, &value, sizeof value, &error), WEFT_INVALID_STATE, "");
    FAILS(weft_buffer_read(it.y, 0, &value, sizeof value, &error), WEFT_INVALID_STATE, "");
    OK(weft_buffer_read(it.a, 0, &value, sizeof value, NULL)); /* only read */
    weft_buffer_destroy(it.a);
    it.a = NULL;
    weft_test_device_unblock(&control);
    FAILS(weft_encoder_wait(it.encoder, &error), WEFT_DEVICE_LOST, "held", "dispatch 0 (scale, first)");
    close_chain(&it);
    weft_test_device_end(&control);
}
END_TEST

START_TEST(parameters_can_be_changed)
{
    chain it = open_chain("cpu");
    record_chain(&it);
    weft_graph *graph = capture(it.encoder);
    weft_error error;
    for (int optimised = 0; optimised < 2; optimised++) {
        if (optimised)
            OK(weft_graph_optimise(graph, NULL, NULL));
        for (int i = 0; i < 3; i++) {
            float factor = (float)(i + 3 * optimised);
            OK(weft_graph_set_params(graph, 0, &factor, NULL));
            ck_assert(*(const float *)dispatch_of(graph, 0).params == factor);
            ck_assert(dispatch_of(graph, 0).varies);
            run(graph, it.encoder);
            test_assert_floats(it.y, factor + 10);
        }
    }
    FAILS(weft_graph_set_params(graph, 2, &(float){1}, &error), WEFT_OUT_OF_RANGE, "Dispatch 2", "there are 2");
    FAILS(weft_graph_set_params(graph, 1, &(float){1}, &error), WEFT_INVALID_ARGUMENT, "Dispatch 1 of the graph",
          "takes no parameters");
    FAILS(weft_graph_set_params(graph, 0, NULL, &error), WEFT_INVALID_ARGUMENT, "Dispatch 0", "NULL");
    weft_graph_destroy(graph);
    close_chain(&it);
}
END_TEST

START_TEST(parameters_that_the_op_refuses_name_the_dispatch)
{
    chain it = open_chain("ref");
    weft_error error;
    weft_copy_params box = {.rank = 1, .extent = {2}, .source_stride = {1}, .target_stride = {1}};
    weft_encoder_set_label(it.encoder, "k to cache");
    OK(weft_copy(it.encoder, it.a, it.y, &box, NULL));
    weft_graph *graph = capture(it.encoder);
    box.target_offset = 7;
    FAILS(weft_graph_set_params(graph, 0, &box, &error), WEFT_OUT_OF_RANGE,
          "Dispatch 0 of the graph (copy, k to cache)", "target");
    box.target_offset = 6;
    run(graph, it.encoder); /* as before */
    ck_assert(test_float_at(it.y, 0) == 1 && test_float_at(it.y, 6) == 0);
    OK(weft_graph_set_params(graph, 0, &box, NULL));
    run(graph, it.encoder);
    ck_assert(test_float_at(it.y, 7) == 1);
    weft_graph_destroy(graph);
    close_chain(&it);
}
END_TEST

START_TEST(buffers_can_be_exchanged)
{
    chain it = open_chain("cpu");
    weft_buffer *z = test_floats(it.device, 8, 7), *half = test_view(it.b, 0, 4);
    weft_error error;
    record_chain(&it);
    weft_graph *graph = capture(it.encoder);
    for (int optimised = 0; optimised < 2; optimised++) {
        if (optimised)
            OK(weft_graph_optimise(graph, NULL, NULL));
        OK(weft_graph_set_argument(graph, 0, 0, z, NULL));
        run(graph, it.encoder);
        test_assert_floats(it.y, 24);
        OK(weft_graph_rebind(graph, it.x, it.b, NULL)); /* y = b + b with b = 2 z: the x of both dispatches */
        run(graph, it.encoder);
        test_assert_floats(it.y, 28);
        OK(weft_graph_set_argument(graph, 0, 1, it.x, NULL));
        OK(weft_graph_set_argument(graph, 1, 0, it.x, NULL));
        OK(weft_graph_rebind(graph, z, it.a, NULL));
        OK(weft_graph_rebind(graph, it.a, it.a, NULL));
        write_all(it.b, 10);
        run(graph, it.encoder);
        test_assert_floats(it.y, 12);
    }
    FAILS(weft_graph_rebind(graph, z, it.a, &error), WEFT_NOT_FOUND, "None of the 2 dispatches");
    FAILS(weft_graph_rebind(graph, it.a, NULL, &error), WEFT_INVALID_ARGUMENT, "the new one is NULL");
    FAILS(weft_graph_rebind(graph, NULL, it.a, &error), WEFT_INVALID_ARGUMENT, "is NULL");
    FAILS(weft_graph_rebind(graph, it.b, half, &error), WEFT_SHAPE_MISMATCH, "Dispatch 1 of the graph (add)", "[4]");
    FAILS(weft_graph_set_argument(graph, 0, 2, it.a, &error), WEFT_OUT_OF_RANGE, "Argument 2 of dispatch 0", "scale",
          "2");
    FAILS(weft_graph_set_argument(graph, 5, 0, it.a, &error), WEFT_OUT_OF_RANGE, "Dispatch 5");
    FAILS(weft_graph_set_argument(graph, 0, 0, NULL, &error), WEFT_INVALID_ARGUMENT, "Dispatch 0 of the graph", "x");
    run(graph, it.encoder);
    test_assert_floats(it.y, 12);
    weft_graph_destroy(graph);
    weft_buffer_destroy(half);
    weft_buffer_destroy(z);
    close_chain(&it);
}
END_TEST

START_TEST(a_session_replays_in_its_stages)
{
    weft_device *device = test_open("cpu");
    weft_session *session = test_session(device, &(weft_session_options){.budget = {.max_dispatches = 6}});
    weft_encoder *encoder = weft_session_encoder(session);
    weft_buffer *x = test_floats(device, 4, 1);
    weft_error error;
    OK(weft_session_begin_stage(session, "kept", NULL));
    OK(weft_add(encoder, x, x, x, NULL));
    OK(weft_encoder_barrier(encoder, NULL));
    OK(weft_add(encoder, x, x, x, NULL));
    OK(weft_session_fence_stage(session, NULL, NULL));
    OK(weft_session_reset_for_next_stage(session, NULL));
    OK(weft_add(encoder, x, x, x, NULL));
    weft_graph *graph = capture(encoder); /* of the second stage, which still waits for the first */
    for (int i = 0; i < 4; i++) {
        OK(weft_graph_replay(graph, encoder, NULL));
        OK(weft_session_fence_stage(session, NULL, NULL));
        OK(weft_session_reset_for_next_stage(session, NULL));
    }
    weft_session_state state = test_info(session);
    ck_assert_uint_eq(state.wait_count, 5);
    ck_assert_uint_eq(state.spent.dispatches, 6);
    ck_assert_uint_eq(state.spent.fence_waits, 4);
    ck_assert_uint_eq(state.spent.command_buffers_created, 6);
    OK(weft_graph_replay(graph, encoder, NULL));
    FAILS(weft_session_commit_and_wait(session, &error), WEFT_BUDGET_EXCEEDED, "7 dispatches");
    OK(weft_session_wait(session, NULL));
    test_assert_floats(x, 64);
    weft_graph_destroy(graph);
    weft_session_destroy(session);
    weft_buffer_destroy(x);
    weft_device_close(device);
}
END_TEST

/* A replay is seen as what was recorded is: by the tracker, by inferred barriers, by a barrier that is left out. */
START_TEST(replays_are_tracked)
{
    chain it = open_chain("ref");
    weft_hazard_report *report;
    OK(weft_hazard_report_create(&report, NULL));
    record_chain(&it);
    weft_graph *graph = capture(it.encoder);
    const struct {
        weft_encoder_options options;
        size_t missing, needless;
        uint64_t barriers, inferred;
    } cases[] = {
        {{.hazards = report}, 1, 0, 2, 0}, /* between the two replays */
        {{.hazards = report, .omit_barrier = 2}, 2, 0, 1, 0},
        {{.hazards = report, .barriers = WEFT_BARRIERS_INFERRED}, 0, 0, 3, 1},
        {{.hazards = report, .barriers = WEFT_BARRIERS_INFERRED, .omit_barrier = 1}, 0, 0, 3, 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        weft_hazard_report_clear(report);
        weft_encoder *encoder = test_encoder(it.device, &cases[i].options);
        weft_counters before = test_counters(it.device);
        OK(weft_graph_replay(graph, encoder, NULL));
        OK(weft_graph_replay(graph, encoder, NULL));
        OK(weft_encoder_commit_and_wait(encoder, NULL, NULL));
        weft_counters after = test_counters(it.device);
        ck_assert_uint_eq(weft_hazard_report_count_of(report, WEFT_VERDICT_MISSING), cases[i].missing);
        ck_assert_uint_eq(weft_hazard_report_count_of(report, WEFT_VERDICT_NEEDLESS), cases[i].needless);
        ck_assert_uint_eq(after.barriers - before.barriers, cases[i].barriers);
        ck_assert_uint_eq(after.barriers_inferred - before.barriers_inferred, cases[i].inferred);
        weft_encoder_destroy(encoder);
    }
    /* What is taken out of an encoder leaves no verdicts behind. */
    weft_hazard_report_clear(report);
    weft_encoder *encoder = test_encoder(it.device, &cases[0].options);
    OK(weft_graph_replay(graph, encoder, NULL));
    OK(weft_graph_replay(graph, encoder, NULL));
    weft_graph *both = capture(encoder);
    ck_assert_uint_eq(weft_hazard_report_count(report), 0);
    OK(weft_graph_optimise(both, NULL, NULL)); /* takes the order for what is meant, and finds a barrier missing */
    ck_assert_uint_eq(info_of(both).barriers, 3);
    weft_graph_destroy(both);
    weft_encoder_destroy(encoder);
    weft_graph_destroy(graph);
    weft_hazard_report_destroy(report);
    close_chain(&it);
}
END_TEST

/* Two chains side by side, one after the other as recorded: they need one barrier in any order that is allowed, and
 * three as recorded. */
START_TEST(reordering_needs_fewer_barriers)
{
    chain it = open_chain("cpu?shuffle=1");
    weft_buffer *u = test_floats(it.device, 8, 0), *v = test_floats(it.device, 8, 0);
    record_chain(&it);
    OK(weft_encoder_barrier(it.encoder, NULL));
    OK(weft_encoder_barrier(it.encoder, NULL));
    OK(weft_scale(it.encoder, it.b, 3, u, NULL));
    OK(weft_encoder_barrier(it.encoder, NULL));
    OK(weft_mul(it.encoder, u, it.a, v, NULL));
    weft_graph *graph = capture(it.encoder);
    static const uint32_t places[2][4] = {{0, 1, 2, 3}, {0, 2, 1, 3}};
    for (int reorder = 0; reorder < 2; reorder++) {
        OK(weft_graph_optimise(graph, &(weft_graph_options){.no_reorder = !reorder}, NULL));
        ck_assert_uint_eq(info_of(graph).barriers, reorder ? 1 : 2);
        ck_assert_uint_eq(info_of(graph).moved, reorder ? 1 : 0);
        for (uint32_t i = 0; i < 4; i++)
            ck_assert_uint_eq(dispatch_of(graph, i).place, places[reorder][i]);
        write_all(it.y, 0);
        write_all(v, 0);
        run(graph, it.encoder);
        test_assert_floats(it.y, 12);
        test_assert_floats(v, 30);
    }
    weft_graph_destroy(graph);
    weft_buffer_destroy(u);
    weft_buffer_destroy(v);
    close_chain(&it);
}
END_TEST

/* A box of a copy that did not touch the bytes of the next dispatch may do so with other parameters: barriers must have
 * been placed for those. */
START_TEST(barriers_suffice_for_parameters_that_change)
{
    chain it = open_chain("cpu?shuffle=2");
    weft_buffer *low = test_view(it.x, 0, 4), *high = test_view(it.y, 0, 4);
    weft_hazard_report *report;
    OK(weft_hazard_report_create(&report, NULL));
    weft_copy_params box = {.rank = 1, .extent = {4}, .source_stride = {1}, .target_offset = 4, .target_stride = {1}};
    OK(weft_copy(it.encoder, it.a, it.x, &box, NULL));
    OK(weft_scale(it.encoder, low, 3, high, NULL));
    weft_graph *graph = capture(it.encoder);
    OK(weft_graph_optimise(graph, NULL, NULL));
    ck_assert_uint_eq(info_of(graph).barriers, 0);
    box.target_offset = 0;
    OK(weft_graph_set_params(graph, 0, &box, NULL));
    ck_assert_uint_eq(info_of(graph).barriers, 1);
    weft_encoder *tracked = test_encoder(it.device, &(weft_encoder_options){.hazards = report});
    for (uint64_t offset = 0; offset <= 4; offset++) {
        box.target_offset = offset;
        OK(weft_graph_set_params(graph, 0, &box, NULL));
        run(graph, tracked);
        ck_assert_uint_eq(weft_hazard_report_count_of(report, WEFT_VERDICT_MISSING), 0);
    }
    test_assert_floats(high, 3);
    weft_encoder_destroy(tracked);
    weft_graph_destroy(graph);
    weft_hazard_report_destroy(report);
    weft_buffer_destroy(low);
    weft_buffer_destroy(high);
    close_chain(&it);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("graph");
    TCase *tcase = tcase_create("graph");
    tcase_set_timeout(tcase, 0);
    tcase_add_loop_test(tcase, a_replay_does_what_was_recorded_with_new_contents, 0, 3);
    tcase_add_test(tcase, replays_stand_behind_what_was_recorded_and_beside_each_other);
    tcase_add_test(tcase, a_timeline_tells_replays_like_recordings);
    tcase_add_test(tcase, an_empty_graph_records_nothing);
    tcase_add_test(tcase, what_cannot_be_taken_or_replayed_is_refused);
    tcase_add_test(tcase, buffers_and_encoders_may_go_before_the_graph);
    tcase_add_test(tcase, a_graph_may_go_while_its_replays_are_in_flight);
    tcase_add_test(tcase, parameters_can_be_changed);
    tcase_add_test(tcase, parameters_that_the_op_refuses_name_the_dispatch);
    tcase_add_test(tcase, buffers_can_be_exchanged);
    tcase_add_test(tcase, a_session_replays_in_its_stages);
    tcase_add_test(tcase, replays_are_tracked);
    tcase_add_test(tcase, reordering_needs_fewer_barriers);
    tcase_add_test(tcase, barriers_suffice_for_parameters_that_change);
    suite_add_tcase(suite, tcase);
    return weft_test_run_suite(suite);
}
