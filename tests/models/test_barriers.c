/* The barriers of the forward pass, as it is recorded and as the graph of a decoded token replays it, fused and
 * reordered: each is needed, none is missing, and the hazard tracker, the inferring encoder and the shuffling device
 * all say so; what the simulated machine says is in test_barriers_sim.c. */
#include <stdio.h>

#include "models/barriers.h"

#define STEPS 2
#define SEEDS 20

static uint64_t barriers_of(const way *by)
{
    return BARRIERS_OF_A_PASS + STEPS * by->step_barriers;
}

/* All that a prefill and two decode steps give. */
typedef struct outcome {
    float logits[PROMPT + STEPS][SUMS_VOCAB];
    int32_t tokens[1 + STEPS];
    weft_session_state session;
} outcome;

static void run(weft_model *model, const way *by, const weft_encoder_options *encoder, outcome *out)
{
    static const int32_t answer[STEPS] = {24, 20};
    const weft_context_options options = {
        .capacity_tokens = 16, .all_logits = true, .no_graph = by->no_graph, .session = {.encoder = *encoder}};
    weft_context *context = sums_open_context(model, &options);
    weft_error error;
    weft_context_info info;
    WEFT_TEST_ASSERT_OK(weft_context_feed_and_sample(context, prompt_ids, PROMPT, NULL, &out->tokens[0], &error),
                        error);
    WEFT_TEST_ASSERT_OK(weft_context_logits(context, 0, PROMPT, out->logits[0], &error), error);
    for (int i = 0; i < STEPS; i++) {
        WEFT_TEST_ASSERT_OK(weft_context_feed_and_sample(context, &answer[i], 1, NULL, &out->tokens[1 + i], &error),
                            error);
        WEFT_TEST_ASSERT_OK(weft_context_logits(context, 0, 1, out->logits[PROMPT + i], &error), error);
    }
    weft_context_get_info(context, &info);
    out->session = info.session;
    weft_context_destroy(context);
}

static bool is_same(const outcome *a, const outcome *b)
{
    return memcmp(a->logits, b->logits, sizeof a->logits) == 0 && memcmp(a->tokens, b->tokens, sizeof a->tokens) == 0;
}

static const weft_encoder_options plain;

START_TEST(none_is_missing_needless_or_too_wide)
{
    static const char *const uris[] = {"ref", "cpu", TINY "?threads=2"};
    const way *by = &ways[_i % WAYS];
    place at = open_place(uris[_i / WAYS]);
    weft_hazard_report *report = open_report();
    outcome tracked, untracked;
    uint64_t dispatches, barriers;
    run(at.model, by, &(weft_encoder_options){.hazards = report}, &tracked);
    run(at.model, by, &plain, &untracked);
    weft_hazard_report_totals(report, &dispatches, &barriers);
    ck_assert_uint_eq(weft_hazard_report_count(report), 0);
    ck_assert_uint_eq(barriers, barriers_of(by));
    ck_assert_uint_eq(tracked.session.spent.barriers, barriers_of(by));
    ck_assert_uint_eq(tracked.session.spent.dispatches, dispatches);
    ck_assert_uint_eq(tracked.session.spent.command_buffers_submitted, 1 + STEPS);
    ck_assert(is_same(&tracked, &untracked));
    weft_hazard_report_destroy(report);
    close_place(&at);
}
END_TEST

/* With a barrier left out, dispatches that need an order may overlap. On a device of one thread they come one after
 * another, so that what is wrong on purpose here is the order alone and no race between threads. */
#define ONE_THREAD "cpu?threads=1"

START_TEST(each_left_out_is_found_as_one)
{
    const way *by = &ways[_i];
    place at = open_place(ONE_THREAD);
    for (uint64_t omitted = first_of(by); omitted <= barriers_of(by) + 1; omitted += LEFT_OUT_STEP) {
        weft_hazard_report *report = open_report();
        outcome out;
        run(at.model, by, &(weft_encoder_options){.hazards = report, .omit_barrier = omitted}, &out);
        assert_count(report, WEFT_VERDICT_MISSING, omitted <= barriers_of(by), omitted);
        assert_count(report, WEFT_VERDICT_NEEDLESS, 0, omitted);
        if (omitted <= barriers_of(by)) {
            const weft_hazard *hazard = weft_hazard_report_at(report, 0);
            uint64_t of_steps = omitted > BARRIERS_OF_A_PASS ? omitted - BARRIERS_OF_A_PASS - 1 : 0;
            bool is_of_prompt = omitted <= BARRIERS_OF_A_PASS;
            ck_assert_uint_eq(hazard->command_buffer, is_of_prompt ? 0 : 1 + of_steps / by->step_barriers);
            ck_assert_uint_eq(hazard->barrier, is_of_prompt ? omitted - 1 : of_steps % by->step_barriers);
        }
        weft_hazard_report_destroy(report);
    }
    close_place(&at);
}
END_TEST

/* The inferring encoder finds the same places by itself. */
START_TEST(inferred_barriers_are_as_many)
{
    place at = open_place("cpu");
    outcome manual, inferred;
    run(at.model, &ways[0], &plain, &manual);
    run(at.model, &ways[0], &(weft_encoder_options){.barriers = WEFT_BARRIERS_INFERRED}, &inferred);
    ck_assert_uint_eq(manual.session.spent.barriers_inferred, 0);
    ck_assert_uint_eq(inferred.session.spent.barriers_inferred, barriers_of(&ways[0]));
    ck_assert_uint_eq(inferred.session.spent.barriers, barriers_of(&ways[0]));
    ck_assert(is_same(&manual, &inferred));
    close_place(&at);
}
END_TEST

static place open_shuffled(const char *uri_start, unsigned seed)
{
    char uri[64];
    snprintf(uri, sizeof uri, "%sshuffle=%u", uri_start, seed);
    return open_place(uri);
}

START_TEST(shuffled_dispatches_give_the_same_bits)
{
    static const char *const uris[] = {"ref", "cpu"}, *const starts[] = {"ref?", "cpu?"};
    const way *by = &ways[_i % WAYS];
    place at = open_place(uris[_i / WAYS]);
    outcome right;
    run(at.model, by, &plain, &right);
    close_place(&at);
    for (unsigned seed = 1; seed <= SEEDS; seed++) {
        place shuffled = open_shuffled(starts[_i / WAYS], seed);
        outcome out;
        run(shuffled.model, by, &plain, &out);
        ck_assert_msg(is_same(&out, &right), "%s, %s, with seed %u differs", uris[_i / WAYS], by->name, seed);
        close_place(&shuffled);
    }
}
END_TEST

START_TEST(shuffling_shows_each_one_left_out)
{
    const way *by = &ways[_i];
    place at = open_place(ONE_THREAD), shuffled[SEEDS];
    outcome right, out;
    run(at.model, by, &plain, &right);
    for (unsigned seed = 0; seed < SEEDS; seed++)
        shuffled[seed] = open_shuffled(ONE_THREAD "&", seed + 1);
    for (uint64_t omitted = first_of(by); omitted <= barriers_of(by); omitted += LEFT_OUT_STEP) {
        unsigned seed = 0;
        bool differs = false;
        for (; seed < SEEDS && !differs; seed++) {
            run(shuffled[seed].model, by, &(weft_encoder_options){.omit_barrier = omitted}, &out);
            differs = !is_same(&out, &right);
        }
        ck_assert_msg(differs, "%s: barrier %u left out changed nothing with %d seeds", by->name, (unsigned)omitted,
                      SEEDS);
    }
    for (unsigned seed = 0; seed < SEEDS; seed++)
        close_place(&shuffled[seed]);
    close_place(&at);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("barriers");
    TCase *tcase = tcase_create("barriers");
    tcase_set_timeout(tcase, 0);
    tcase_add_loop_test(tcase, none_is_missing_needless_or_too_wide, 0, 3 * WAYS);
    tcase_add_loop_test(tcase, each_left_out_is_found_as_one, 0, WAYS);
    tcase_add_test(tcase, inferred_barriers_are_as_many);
    tcase_add_loop_test(tcase, shuffled_dispatches_give_the_same_bits, 0, 2 * WAYS);
    tcase_add_loop_test(tcase, shuffling_shows_each_one_left_out, 0, WAYS);
    suite_add_tcase(suite, tcase);
    return weft_test_run_suite(suite);
}
