/* The barriers of the forward pass on a simulated machine, as in test_barriers.c: with no tracker it notices each that
 * is left out, and the hazard report says which one it is. All of it happens on one thread. */
#include <stdio.h>

#include "models/barriers.h"

#define SEEDS 8

typedef struct sim_outcome {
    weft_status status;
    weft_error error;
    int32_t tokens[2];
    float logits[2][SUMS_VOCAB];
} sim_outcome;

static bool is_right(const sim_outcome *out, const sim_outcome *right, int step)
{
    return out->tokens[step] == right->tokens[step] &&
           memcmp(out->logits[step], right->logits[step], sizeof out->logits[step]) == 0;
}

/* A prefill and one decoded token, or as far as the answers are right. A device that has met a hazard can do no more,
 * so each run has one of its own. */
static void run_on_sim(const char *uri, const way *by, uint64_t omitted, const sim_outcome *right, sim_outcome *out)
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
        if (right && !is_right(out, right, step))
            break;
    }
    weft_context_destroy(context);
    close_place(&at);
}

static bool is_noticed(const sim_outcome *out, const sim_outcome *right)
{
    return out->status != WEFT_OK || !is_right(out, right, 0) || !is_right(out, right, 1);
}

/* Without any tracker: the machine itself meets a hazard, or answers something else, at the latest when the dispatches
 * that nothing orders any more come in another order. */
START_TEST(the_machine_notices_each_one_left_out)
{
    const way *by = &ways[_i];
    const uint64_t barriers = BARRIERS_OF_A_PASS + by->step_barriers;
    sim_outcome right, out;
    run_on_sim(TINY, by, 0, NULL, &right);
    ck_assert_msg(right.status == WEFT_OK, "%s", right.error.message);
    ck_assert_int_eq(right.tokens[0], 24);
    ck_assert_int_eq(right.tokens[1], 20);
    unsigned hazards = 0, answers = 0, shuffled = 0;
    for (uint64_t omitted = first_of(by); omitted <= barriers; omitted += LEFT_OUT_STEP) {
        run_on_sim(TINY, by, omitted, &right, &out);
        for (unsigned seed = 1; seed <= SEEDS && !is_noticed(&out, &right); seed++) {
            char uri[512];
            snprintf(uri, sizeof uri, "%s?shuffle=%u", TINY, seed);
            run_on_sim(uri, by, omitted, &right, &out);
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
    run_on_sim(TINY, by, barriers + 1, &right, &out);
    ck_assert(!is_noticed(&out, &right));
}
END_TEST

/* And the hazard report says of each which one it is, there as on every device. */
START_TEST(each_left_out_of_a_simulated_pass_is_reported)
{
    const way *by = &ways[_i];
    place at = open_place(TINY);
    weft_error error;
    for (uint64_t omitted = 1; omitted <= by->step_barriers; omitted += LEFT_OUT_STEP) {
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
    Suite *suite = suite_create("barriers on a machine");
    TCase *tcase = tcase_create("barriers on a machine");
    tcase_set_timeout(tcase, 0);
    tcase_add_loop_test(tcase, the_machine_notices_each_one_left_out, 0, WAYS);
    tcase_add_loop_test(tcase, each_left_out_of_a_simulated_pass_is_reported, 0, WAYS);
    suite_add_tcase(suite, tcase);
    return weft_test_run_suite(suite);
}
