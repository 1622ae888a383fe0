/* The barriers of the forward pass, as it is recorded and as the graph of a decoded token replays it, fused and
 * reordered: each is needed, none is missing, and the hazard tracker, the inferring encoder, the shuffling device and
 * the simulated machine all say so. */
#include <stdio.h>

#include "models/sums.h"
#include "support/weft_check.h"

#define PROMPT 8
#define STEPS 2
#define BARRIERS_OF_A_PASS 55   /* 13 for each of four layers, then final norm, output, draw */
#define BARRIERS_OF_A_REPLAY 39 /* 9 for each layer, then first norm, output, draw */
#define SEEDS 20

/* How a token is decoded: recorded like any pass, or replayed. A prompt is recorded always. */
typedef struct way {
    const char *name;
    bool no_graph;
    uint32_t step_barriers;
} way;

static const way ways[] = {{"recorded", true, BARRIERS_OF_A_PASS}, {"replayed", false, BARRIERS_OF_A_REPLAY}};
enum {
    WAYS = sizeof ways / sizeof ways[0]
};

static uint64_t barriers_of(const way *by)
{
    return BARRIERS_OF_A_PASS + STEPS * by->step_barriers;
}

/* Barriers are left out from here on: those of the prompt are the same ones in each way. */
static uint64_t first_of(const way *by)
{
    return by->no_graph ? 1 : BARRIERS_OF_A_PASS + 1;
}

/* All that a prefill and two decode steps give. */
typedef struct outcome {
    float logits[PROMPT + STEPS][SUMS_VOCAB];
    int32_t tokens[1 + STEPS];
    weft_session_state session;
} outcome;

static const int32_t prompt_ids[PROMPT] = {21, 22, 26, 13, 20, 25, 23, 31};

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

/* A device with the model on it. */
typedef struct place {
    weft_device *device;
    weft_model *model;
} place;

static place open_place(const char *uri)
{
    weft_device *device = sums_open_device(uri);
    ck_assert_ptr_nonnull(device);
    return (place){device, sums_open_model(device, SUMS_DIRECTORY)};
}

static void close_place(place *at)
{
    weft_model_close(at->model);
    weft_device_close(at->device);
}

static const weft_encoder_options plain;

static weft_hazard_report *open_report(void)
{
    weft_hazard_report *report = NULL;
    weft_error error;
    WEFT_TEST_ASSERT_OK(weft_hazard_report_create(&report, &error), error);
    return report;
}

static void assert_count(const weft_hazard_report *report, weft_verdict verdict, size_t expected, uint64_t omitted)
{
    size_t count = weft_hazard_report_count_of(report, verdict);
    char text[WEFT_HAZARD_TEXT_BYTES] = "";
    if (weft_hazard_report_count(report))
        (void)weft_hazard_text(weft_hazard_report_at(report, 0), text);
    ck_assert_msg(count == expected, "barrier %u left out: %zu verdicts '%s' instead of %zu; the first is: %s",
                  (unsigned)omitted, count, weft_verdict_name(verdict), expected, text);
}

START_TEST(none_is_missing_needless_or_too_wide)
{
    static const char *const uris[] = {"ref", "cpu"};
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
    for (uint64_t omitted = first_of(by); omitted <= barriers_of(by) + 1; omitted++) {
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
    for (uint64_t omitted = first_of(by); omitted <= barriers_of(by); omitted++) {
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

/* ---- on a simulated machine ---- */

#define TINY "sim:" WEFT_SOURCE_DIR "/machines/tiny.yaml"
#define SIM_SEEDS 8

typedef struct sim_outcome {
    weft_status status;
    weft_error error;
    int32_t tokens[2];
    float logits[2][SUMS_VOCAB];
} sim_outcome;

/* A prefill and one decoded token. A device that has met a hazard can do no more, so each run has one of its own. */
static void run_on_sim(const char *uri, const way *by, uint64_t omitted, sim_outcome *out)
{
    place at = open_place(uri);
    const weft_context_options options = {
        .capacity_tokens = 16, .no_graph = by->no_graph, .session = {.encoder = {.omit_barrier = omitted}}};
    weft_context *context = sums_open_context(at.model, &options);
    memset(out, 0, sizeof *out);
    for (int step = 0; step < 2 && out->status == WEFT_OK; step++) {
        const int32_t *ids = step == 0 ? prompt_ids : &out->tokens[0];
        size_t count = step == 0 ? PROMPT : 1;
        out->status = weft_context_feed_and_sample(context, ids, count, NULL, &out->tokens[step], &out->error);
        if (out->status == WEFT_OK)
            out->status = weft_context_logits(context, 0, 1, out->logits[step], &out->error);
    }
    weft_context_destroy(context);
    close_place(&at);
}

static bool is_noticed(const sim_outcome *out, const sim_outcome *right)
{
    if (out->status != WEFT_OK)
        return true;
    return memcmp(out->logits, right->logits, sizeof out->logits) != 0 ||
           memcmp(out->tokens, right->tokens, sizeof out->tokens) != 0;
}

/* Without any tracker: the machine itself meets a hazard, or answers something else, at the latest when the dispatches
 * that nothing orders any more come in another order. */
START_TEST(the_machine_notices_each_one_left_out)
{
    const way *by = &ways[_i];
    const uint64_t barriers = BARRIERS_OF_A_PASS + by->step_barriers;
    sim_outcome right, out;
    run_on_sim(TINY, by, 0, &right);
    ck_assert_msg(right.status == WEFT_OK, "%s", right.error.message);
    ck_assert_int_eq(right.tokens[0], 24);
    ck_assert_int_eq(right.tokens[1], 20);
    unsigned hazards = 0, answers = 0, shuffled = 0;
    for (uint64_t omitted = first_of(by); omitted <= barriers; omitted++) {
        run_on_sim(TINY, by, omitted, &out);
        for (unsigned seed = 1; seed <= SIM_SEEDS && !is_noticed(&out, &right); seed++) {
            char uri[512];
            snprintf(uri, sizeof uri, "%s?shuffle=%u", TINY, seed);
            run_on_sim(uri, by, omitted, &out);
            shuffled += is_noticed(&out, &right);
        }
        ck_assert_msg(is_noticed(&out, &right), "%s: barrier %u left out changed nothing", by->name, (unsigned)omitted);
        if (out.status != WEFT_OK)
            ck_assert_msg(out.status == WEFT_HAZARD, "%s: barrier %u left out: %s", by->name, (unsigned)omitted,
                          out.error.message);
        hazards += out.status != WEFT_OK;
        answers += out.status == WEFT_OK;
    }
    printf("left out on %s, %s: %u hazards, %u other answers, %u of them in another order\n", TINY, by->name, hazards,
           answers, shuffled);
    run_on_sim(TINY, by, barriers + 1, &out);
    ck_assert(!is_noticed(&out, &right));
}
END_TEST

/* And the hazard report says of each which one it is, there as on every device. */
START_TEST(each_left_out_of_a_simulated_pass_is_reported)
{
    const way *by = &ways[_i];
    place at = open_place(TINY);
    weft_error error;
    for (uint64_t omitted = 1; omitted <= by->step_barriers; omitted++) {
        weft_hazard_report *report = open_report();
        const weft_context_options options = {.capacity_tokens = 16,
                                              .no_graph = by->no_graph,
                                              .session = {.encoder = {.hazards = report, .omit_barrier = omitted}}};
        weft_context *context = sums_open_context(at.model, &options);
        int32_t token;
        weft_status status = weft_context_feed_and_sample(context, prompt_ids, 1, NULL, &token, &error);
        assert_count(report, WEFT_VERDICT_MISSING, 1, omitted);
        ck_assert_uint_eq(weft_hazard_report_at(report, 0)->barrier, omitted - 1);
        weft_context_destroy(context);
        weft_hazard_report_destroy(report);
        if (status != WEFT_OK) {
            close_place(&at);
            at = open_place(TINY);
        }
    }
    close_place(&at);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("barriers");
    TCase *tcase = tcase_create("barriers");
    tcase_set_timeout(tcase, 0);
    tcase_add_loop_test(tcase, none_is_missing_needless_or_too_wide, 0, 2 * WAYS);
    tcase_add_loop_test(tcase, each_left_out_is_found_as_one, 0, WAYS);
    tcase_add_test(tcase, inferred_barriers_are_as_many);
    tcase_add_loop_test(tcase, shuffled_dispatches_give_the_same_bits, 0, 2 * WAYS);
    tcase_add_loop_test(tcase, shuffling_shows_each_one_left_out, 0, WAYS);
    tcase_add_loop_test(tcase, the_machine_notices_each_one_left_out, 0, WAYS);
    tcase_add_loop_test(tcase, each_left_out_of_a_simulated_pass_is_reported, 0, WAYS);
    suite_add_tcase(suite, tcase);
    return weft_test_run_suite(suite);
}
