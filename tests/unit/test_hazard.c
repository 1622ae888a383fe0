/* The hazard tracker by example: what exactly it says about missing, needless and too wide barriers, and how a report
 * follows the command buffers of one encoder or several. test_hazard_random.c holds it against brute force. */
#include "support/runtime_test.h"

/* One encoder with a report, and a few places to read and write. */
typedef struct scene {
    weft_device *device;
    weft_hazard_report *report;
    weft_encoder *encoder;
    weft_buffer *x, *y, *p, *q; /* 64 floats each */
} scene;

static scene make_scene(weft_encoder_options options)
{
    scene it = {.device = test_open("ref")};
    OK(weft_hazard_report_create(&it.report, NULL));
    options.hazards = it.report;
    it.encoder = test_encoder(it.device, &options);
    it.x = test_floats(it.device, 64, 1.0f);
    it.y = test_floats(it.device, 64, 1.0f);
    it.p = test_floats(it.device, 64, 1.0f);
    it.q = test_floats(it.device, 64, 1.0f);
    weft_buffer_set_label(it.x, "the x");
    return it;
}

static void end_scene(scene *it)
{
    weft_buffer *buffers[] = {it->x, it->y, it->p, it->q};
    for (size_t i = 0; i < 4; i++)
        weft_buffer_destroy(buffers[i]);
    weft_encoder_destroy(it->encoder);
    weft_hazard_report_destroy(it->report);
    weft_device_close(it->device);
}

/* out[at, at + n) = a[a_at, a_at + n) + b[0, n) */
static void add(const scene *it, weft_buffer *a, size_t a_at, weft_buffer *b, weft_buffer *out, size_t at, size_t n)
{
    weft_buffer *views[] = {test_view(a, a_at, n), test_view(b, 0, n), test_view(out, at, n)};
    OK(weft_add(it->encoder, views[0], views[1], views[2], NULL));
    for (size_t i = 0; i < 3; i++)
        weft_buffer_destroy(views[i]);
}

static void barrier(const scene *it)
{
    OK(weft_encoder_barrier(it->encoder, NULL));
}

static void commit(const scene *it, const char *label)
{
    OK(weft_encoder_commit_and_wait(it->encoder, label, NULL));
    OK(weft_encoder_reset(it->encoder, NULL));
}

static void assert_counts(const scene *it, size_t missing, size_t needless, size_t too_wide)
{
    ck_assert_uint_eq(weft_hazard_report_count_of(it->report, WEFT_VERDICT_MISSING), missing);
    ck_assert_uint_eq(weft_hazard_report_count_of(it->report, WEFT_VERDICT_NEEDLESS), needless);
    ck_assert_uint_eq(weft_hazard_report_count_of(it->report, WEFT_VERDICT_TOO_WIDE), too_wide);
    ck_assert_uint_eq(weft_hazard_report_count(it->report), missing + needless + too_wide);
    ck_assert_ptr_null(weft_hazard_report_at(it->report, missing + needless + too_wide));
}

static void assert_missing(const scene *it, size_t index, weft_hazard_kind kind, uint64_t begin, uint64_t end,
                           const char *first_argument, const char *second_argument)
{
    const weft_hazard *hazard = weft_hazard_report_at(it->report, index);
    ck_assert_ptr_nonnull(hazard);
    ck_assert_int_eq(hazard->verdict, WEFT_VERDICT_MISSING);
    ck_assert_str_eq(weft_hazard_kind_name(hazard->kind), weft_hazard_kind_name(kind));
    ck_assert_uint_eq(hazard->begin_bytes, begin);
    ck_assert_uint_eq(hazard->end_bytes, end);
    ck_assert_str_eq(hazard->first_argument, first_argument);
    ck_assert_str_eq(hazard->second_argument, second_argument);
}

START_TEST(each_kind_of_hazard_has_its_exact_bytes)
{
    scene it = make_scene((weft_encoder_options){.barriers = WEFT_BARRIERS_MANUAL});
    add(&it, it.p, 0, it.q, it.x, 0, 16);
    add(&it, it.x, 8, it.q, it.y, 0, 16);
    assert_missing(&it, 0, WEFT_HAZARD_RAW, 32, 64, "out", "a");
    barrier(&it);
    add(&it, it.p, 0, it.q, it.x, 0, 16);
    add(&it, it.p, 0, it.x, it.y, 32, 4);
    assert_missing(&it, 1, WEFT_HAZARD_RAW, 0, 16, "out", "b");
    barrier(&it);
    add(&it, it.x, 0, it.q, it.y, 0, 16);
    add(&it, it.p, 0, it.q, it.x, 4, 16);
    assert_missing(&it, 2, WEFT_HAZARD_WAR, 16, 64, "a", "out");
    barrier(&it);
    add(&it, it.p, 0, it.q, it.x, 0, 16);
    add(&it, it.q, 0, it.p, it.x, 12, 16);
    assert_missing(&it, 3, WEFT_HAZARD_WAW, 48, 64, "out", "out");
    barrier(&it);
    add(&it, it.x, 20, it.q, it.x, 20, 1); /* in place */
    add(&it, it.x, 20, it.q, it.x, 20, 1);
    assert_missing(&it, 4, WEFT_HAZARD_RAW, 80, 84, "out", "a");
    barrier(&it);
    weft_copy_params box = {.rank = 2, .extent = {4, 2}, .source_stride = {4, 1}, .target_stride = {4, 1}};
    OK(weft_copy(it.encoder, it.p, it.x, &box, NULL)); /* writes columns 0 and 1 of rows of four */
    box.target_offset = 2;
    OK(weft_copy(it.encoder, it.q, it.x, &box, NULL)); /* columns 2 and 3: apart */
    assert_counts(&it, 5, 0, 0);
    box.target_offset = 9;
    OK(weft_copy(it.encoder, it.q, it.x, &box, NULL)); /* columns 1 and 2, from row 2 */
    assert_missing(&it, 5, WEFT_HAZARD_WAW, 40, 44, "target", "target");
    const weft_hazard *hazard = weft_hazard_report_at(it.report, 5);
    ck_assert_uint_eq(hazard->first_dispatch, 11); /* the later of the two that it meets */
    ck_assert_uint_eq(hazard->second_dispatch, 12);
    assert_counts(&it, 6, 0, 0);
    end_scene(&it);
}
END_TEST

START_TEST(what_only_touches_or_only_reads_is_no_hazard)
{
    scene it = make_scene((weft_encoder_options){.barriers = WEFT_BARRIERS_MANUAL});
    add(&it, it.p, 0, it.q, it.x, 0, 16);
    add(&it, it.p, 0, it.q, it.x, 16, 16); /* ranges that touch */
    add(&it, it.p, 0, it.q, it.x, 33, 16);
    add(&it, it.p, 0, it.q, it.y, 0, 16); /* the same bytes of another allocation */
    add(&it, it.p, 0, it.p, it.x, 32, 1);
    add(&it, it.x, 49, it.p, it.y, 16, 8); /* reads what nobody has written */
    add(&it, it.x, 49, it.p, it.y, 24, 8);
    add(&it, it.x, 0, it.q, it.x, 0, 0); /* nothing */
    assert_counts(&it, 0, 0, 0);
    add(&it, it.p, 0, it.p, it.x, 49, 1);
    assert_missing(&it, 0, WEFT_HAZARD_WAR, 196, 200, "a", "out");
    ck_assert_uint_eq(weft_hazard_report_at(it.report, 0)->first_dispatch, 6); /* the last of the readers */
    end_scene(&it);
}
END_TEST

START_TEST(a_missing_barrier_is_told_in_one_sentence)
{
    scene it = make_scene((weft_encoder_options){.barriers = WEFT_BARRIERS_MANUAL});
    commit(&it, NULL);
    weft_encoder_set_label(it.encoder, "first");
    add(&it, it.p, 0, it.q, it.x, 0, 16);
    barrier(&it);
    weft_encoder_set_label(it.encoder, "second");
    add(&it, it.p, 0, it.x, it.x, 0, 16);
    add(&it, it.x, 15, it.q, it.y, 0, 2);
    const weft_hazard *hazard = weft_hazard_report_at(it.report, 0);
    ck_assert_str_eq(hazard->stage, "");
    commit(&it, "layer 3");
    ck_assert_uint_eq(hazard->command_buffer, 1);
    ck_assert_str_eq(hazard->stage, "layer 3");
    ck_assert_uint_eq(hazard->barrier, 1);
    ck_assert_uint_eq(hazard->first_dispatch, 1);
    ck_assert_uint_eq(hazard->second_dispatch, 2);
    ck_assert_str_eq(hazard->first_label, "add second");
    ck_assert_str_eq(hazard->second_label, "add");
    ck_assert_str_eq(hazard->buffer_label, "the x");
    char text[WEFT_HAZARD_TEXT_BYTES];
    ck_assert_str_eq(weft_hazard_text(hazard, text),
                     "Missing barrier in command buffer 1 'layer 3': dispatch 1 (add second, out) and dispatch 2 (add, "
                     "a) both touch bytes [60, 64) of the x: RAW.");
    assert_counts(&it, 1, 0, 0);

    add(&it, it.p, 0, it.q, it.y, 0, 1);
    add(&it, it.p, 0, it.q, it.y, 0, 1);
    commit(&it, NULL);
    hazard = weft_hazard_report_at(it.report, 1);
    ck_assert_uint_ne(hazard->allocation, weft_hazard_report_at(it.report, 0)->allocation);
    (void)weft_hazard_text(hazard, text);
    ck_assert_msg(weft_test_is_sentence(text) && strstr(text, "command buffer 2: dispatch 0") &&
                      strstr(text, "of allocation "),
                  "%s", text);
    end_scene(&it);
}
END_TEST

START_TEST(barriers_that_order_nothing_are_needless)
{
    scene it = make_scene((weft_encoder_options){.barriers = WEFT_BARRIERS_MANUAL});
    barrier(&it); /* 0: at the start */
    add(&it, it.p, 0, it.q, it.x, 0, 16);
    barrier(&it); /* 1 and 2: one of two side by side */
    barrier(&it);
    add(&it, it.x, 0, it.q, it.y, 0, 16);
    barrier(&it); /* 3: the next dispatch is at home on either side */
    add(&it, it.x, 0, it.q, it.p, 32, 16);
    barrier(&it); /* 4: the last place from which the next dispatch is ordered with the second */
    add(&it, it.y, 0, it.q, it.y, 16, 16);
    barrier(&it);                /* 5: at the end */
    assert_counts(&it, 0, 0, 0); /* verdicts on barriers come with the commit */
    commit(&it, "stage");
    assert_counts(&it, 0, 4, 0);
    static const uint32_t needless[] = {0, 1, 3, 5};
    char text[WEFT_HAZARD_TEXT_BYTES];
    for (size_t i = 0; i < 4; i++) {
        const weft_hazard *hazard = weft_hazard_report_at(it.report, i);
        ck_assert_uint_eq(hazard->barrier, needless[i]);
        ck_assert_uint_eq(hazard->first_dispatch, WEFT_NO_INDEX);
        ck_assert_str_eq(hazard->stage, "stage");
        ck_assert_ptr_null(hazard->first_argument);
    }
    ck_assert_str_eq(weft_hazard_text(weft_hazard_report_at(it.report, 2), text),
                     "Needless barrier in command buffer 0 'stage': without barrier 3, every conflict would still be "
                     "ordered.");
    ck_assert_str_eq(weft_verdict_name(WEFT_VERDICT_NEEDLESS), "needless");
    end_scene(&it);
}
END_TEST

START_TEST(a_barrier_that_holds_back_what_need_not_wait_is_too_wide)
{
    scene it = make_scene((weft_encoder_options){.barriers = WEFT_BARRIERS_MANUAL});
    add(&it, it.p, 0, it.q, it.x, 0, 16);
    barrier(&it);
    weft_encoder_set_label(it.encoder, "early");
    add(&it, it.p, 16, it.q, it.y, 0, 16);  /* held back for nothing */
    add(&it, it.x, 0, it.q, it.y, 16, 16);  /* needs the barrier */
    add(&it, it.p, 16, it.q, it.y, 32, 16); /* held back for nothing */
    barrier(&it);
    add(&it, it.y, 0, it.q, it.p, 0, 16); /* needs the second one */
    barrier(&it);
    add(&it, it.x, 0, it.q, it.x, 16, 16); /* ordered by the first one already: the third is needless */
    commit(&it, NULL);
    assert_counts(&it, 0, 1, 1);
    const weft_hazard *hazard = weft_hazard_report_at(it.report, 0);
    ck_assert_int_eq(hazard->verdict, WEFT_VERDICT_TOO_WIDE);
    ck_assert_uint_eq(hazard->barrier, 0);
    ck_assert_uint_eq(hazard->first_dispatch, 1);
    ck_assert_uint_eq(hazard->held_back, 2);
    ck_assert_uint_eq(hazard->second_dispatch, WEFT_NO_INDEX);
    ck_assert_str_eq(hazard->first_label, "add early");
    char text[WEFT_HAZARD_TEXT_BYTES];
    ck_assert_str_eq(weft_hazard_text(hazard, text),
                     "Barrier too wide in command buffer 0: barrier 0 holds back 2 dispatches that need nothing from "
                     "before it, first dispatch 1 (add early).");
    ck_assert_str_eq(weft_verdict_name(hazard->verdict), "too wide");
    end_scene(&it);
}
END_TEST

/* A chain in which every barrier is needed, over several command buffers, with one left out: that one is found. */
START_TEST(one_omission_is_one_report)
{
    enum {
        LENGTH = 100,
        STAGES = 3
    };
    for (uint64_t omit = 0; omit <= STAGES * (LENGTH - 1) + 1; omit += 1 + omit / 4) {
        scene it = make_scene((weft_encoder_options){.omit_barrier = omit});
        for (uint32_t stage = 0; stage < STAGES; stage++) {
            for (uint32_t i = 0; i < LENGTH; i++) {
                if (i)
                    barrier(&it);
                add(&it, it.x, 0, it.q, it.x, 0, 16);
                add(&it, it.y, 0, it.q, it.y, 0, 16);
            }
            commit(&it, NULL);
        }
        bool left_out = omit >= 1 && omit <= STAGES * (LENGTH - 1);
        assert_counts(&it, left_out, 0, 0);
        uint64_t dispatches, barriers;
        weft_hazard_report_totals(it.report, &dispatches, &barriers);
        ck_assert_uint_eq(dispatches, STAGES * 2 * LENGTH);
        ck_assert_uint_eq(barriers, STAGES * (LENGTH - 1) - left_out);
        if (left_out) {
            const weft_hazard *hazard = weft_hazard_report_at(it.report, 0);
            ck_assert_uint_eq(hazard->command_buffer, (omit - 1) / (LENGTH - 1));
            ck_assert_uint_eq(hazard->barrier, (omit - 1) % (LENGTH - 1));
            ck_assert_uint_eq(hazard->second_dispatch, 2 * ((omit - 1) % (LENGTH - 1) + 1));
            ck_assert_uint_eq(hazard->first_dispatch, hazard->second_dispatch - 2);
        }
        end_scene(&it);
    }
}
END_TEST

START_TEST(dropped_work_takes_its_verdicts_along)
{
    scene it = make_scene((weft_encoder_options){.barriers = WEFT_BARRIERS_MANUAL});
    add(&it, it.x, 0, it.q, it.x, 0, 16);
    add(&it, it.x, 0, it.q, it.x, 0, 16);
    commit(&it, "kept");
    assert_counts(&it, 1, 0, 0);
    for (int i = 0; i < 3; i++) {
        add(&it, it.x, 0, it.q, it.x, 0, 16);
        barrier(&it);
        barrier(&it);
        add(&it, it.x, 0, it.q, it.x, 0, 16);
        add(&it, it.x, 0, it.q, it.x, 0, 16);
        assert_counts(&it, 2, 0, 0);
        OK(weft_encoder_reset(it.encoder, NULL));
        assert_counts(&it, 1, 0, 0);
    }
    add(&it, it.x, 0, it.q, it.x, 0, 16); /* the tracker has forgotten what was dropped */
    commit(&it, "last");
    assert_counts(&it, 1, 0, 0);
    uint64_t dispatches, barriers;
    weft_hazard_report_totals(it.report, &dispatches, &barriers);
    ck_assert_uint_eq(dispatches, 3);
    ck_assert_uint_eq(barriers, 0);

    add(&it, it.x, 0, it.q, it.x, 0, 16);
    add(&it, it.x, 0, it.q, it.x, 0, 16);
    assert_counts(&it, 2, 0, 0);
    weft_encoder_destroy(it.encoder);
    it.encoder = NULL;
    assert_counts(&it, 1, 0, 0);
    end_scene(&it);
}
END_TEST

START_TEST(a_report_can_be_cleared_at_any_time)
{
    scene it = make_scene((weft_encoder_options){.barriers = WEFT_BARRIERS_MANUAL});
    for (int i = 0; i < 3; i++) {
        add(&it, it.x, 0, it.q, it.x, 0, 16);
        add(&it, it.x, 0, it.q, it.x, 0, 16);
        barrier(&it);
        if (i == 1)
            weft_hazard_report_clear(it.report); /* in the middle of a recording */
        commit(&it, "before");
    }
    assert_counts(&it, 1, 2, 0);
    weft_hazard_report_clear(it.report);
    assert_counts(&it, 0, 0, 0);
    uint64_t dispatches = 1, barriers = 1;
    weft_hazard_report_totals(it.report, &dispatches, &barriers);
    ck_assert_uint_eq(dispatches, 0);
    ck_assert_uint_eq(barriers, 0);
    weft_hazard_report_totals(it.report, NULL, NULL);

    add(&it, it.x, 0, it.q, it.x, 0, 16);
    add(&it, it.x, 0, it.q, it.x, 0, 16);
    assert_counts(&it, 1, 0, 0);
    OK(weft_encoder_reset(it.encoder, NULL));
    assert_counts(&it, 0, 0, 0);
    add(&it, it.x, 0, it.q, it.x, 0, 16);
    add(&it, it.x, 0, it.q, it.x, 0, 16);
    commit(&it, "after");
    assert_counts(&it, 1, 0, 0);
    ck_assert_str_eq(weft_hazard_report_at(it.report, 0)->stage, "after");
    ck_assert_uint_eq(weft_hazard_report_at(it.report, 0)->command_buffer, 3); /* of the encoder, not of the report */
    end_scene(&it);
}
END_TEST

/* Encoders that were all made first and then used one after the other. */
START_TEST(a_report_serves_several_encoders)
{
    scene it = make_scene((weft_encoder_options){.barriers = WEFT_BARRIERS_MANUAL});
    weft_encoder_options options = {.hazards = it.report};
    weft_encoder *encoders[4] = {it.encoder};
    for (size_t i = 1; i < 4; i++)
        encoders[i] = test_encoder(it.device, &options);
    static const char *const labels[] = {"one", "two", "three", "four"};
    for (size_t i = 0; i < 4; i++) {
        it.encoder = encoders[i];
        add(&it, it.x, 0, it.q, it.x, 0, 16);
        add(&it, it.x, 0, it.q, it.x, 0, 16);
        if (i == 2)
            weft_encoder_destroy(encoders[1]); /* one that is done takes nothing along */
        commit(&it, labels[i]);
    }
    assert_counts(&it, 4, 0, 0);
    for (size_t i = 0; i < 4; i++) {
        ck_assert_str_eq(weft_hazard_report_at(it.report, i)->stage, labels[i]);
        ck_assert_uint_eq(weft_hazard_report_at(it.report, i)->command_buffer, 0);
    }
    weft_encoder_destroy(encoders[2]);
    weft_encoder_destroy(encoders[3]);
    it.encoder = encoders[0];
    end_scene(&it);
}
END_TEST

/* A verdict stays where it is until the next commit, however many follow it. */
START_TEST(a_verdict_does_not_move_while_others_are_found)
{
    scene it = make_scene((weft_encoder_options){.barriers = WEFT_BARRIERS_MANUAL});
    add(&it, it.x, 0, it.q, it.x, 0, 16);
    add(&it, it.x, 0, it.q, it.x, 0, 16);
    const weft_hazard *first = weft_hazard_report_at(it.report, 0);
    weft_hazard copy = *first;
    for (size_t i = 0; i < 500; i++) {
        add(&it, it.x, 0, it.q, it.x, 0, 16);
        barrier(&it);
        add(&it, it.y, 0, it.q, it.y, 0, 16);
        add(&it, it.y, 0, it.q, it.y, 0, 16);
    }
    ck_assert_ptr_eq(weft_hazard_report_at(it.report, 0), first);
    ck_assert_mem_eq(first, &copy, sizeof copy);
    assert_counts(&it, 502, 0, 0);
    commit(&it, "many");
    ck_assert_uint_eq(weft_hazard_report_count_of(it.report, WEFT_VERDICT_MISSING), 502);
    end_scene(&it);
}
END_TEST

START_TEST(a_session_is_tracked_like_an_encoder)
{
    weft_device *device = test_open("ref");
    weft_hazard_report *report;
    OK(weft_hazard_report_create(&report, NULL));
    weft_session_options options = {.encoder = {.hazards = report}};
    weft_session *session = test_session(device, &options);
    weft_encoder *encoder = weft_session_encoder(session);
    weft_buffer *a = test_floats(device, 4, 1.0f);
    for (int stage = 0; stage < 3; stage++) {
        OK(weft_add(encoder, a, a, a, NULL));
        if (stage != 1)
            OK(weft_encoder_barrier(encoder, NULL));
        OK(weft_add(encoder, a, a, a, NULL));
        OK(weft_session_fence_stage(session, stage == 1 ? "faulty" : "good", NULL));
        OK(weft_session_reset_for_next_stage(session, NULL));
    }
    ck_assert_uint_eq(weft_hazard_report_count(report), 1);
    ck_assert_str_eq(weft_hazard_report_at(report, 0)->stage, "faulty");
    ck_assert_uint_eq(weft_hazard_report_at(report, 0)->command_buffer, 1);
    weft_session_destroy(session);
    weft_buffer_destroy(a);
    weft_hazard_report_destroy(report);
    weft_hazard_report_destroy(NULL);
    weft_device_close(device);
}
END_TEST

WEFT_TEST_MAIN("hazard", each_kind_of_hazard_has_its_exact_bytes, what_only_touches_or_only_reads_is_no_hazard,
               a_missing_barrier_is_told_in_one_sentence, barriers_that_order_nothing_are_needless,
               a_barrier_that_holds_back_what_need_not_wait_is_too_wide, one_omission_is_one_report,
               dropped_work_takes_its_verdicts_along, a_report_can_be_cleared_at_any_time,
               a_report_serves_several_encoders, a_verdict_does_not_move_while_others_are_found,
               a_session_is_tracked_like_an_encoder)
