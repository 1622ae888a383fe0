/* Graphs on every device: what may be fused and what may not. What random streams give is in test_graph_streams.c. */
#include "graph_bed.h"

/* ---- one rule at a time ---- */

/* Place numbers: even ones do not overlap one another. */
enum {
    A = 0,
    B = 2,
    C = 4,
    D = 6,
    D_LATER = 7 /* overlaps D from its second row on */
};

/* A stream and how many of its dispatches are left when the temporaries are as said. */
typedef struct rule_case {
    const char *what;
    call calls[5];
    size_t count;
    uint32_t temporaries; /* bits of places */
    uint32_t left;
} rule_case;

#define OF(place) (1u << (place))

static const rule_case rule_cases[] = {
    {"norm and mul", {{NORM, A, 0, B, 0}, {MUL, B, C, D, 0}}, 2, OF(B), 1},
    {"norm and mul, other way round", {{NORM, A, 0, B, 1}, {MUL, C, B, D, 0}}, 2, OF(B), 1},
    {"norm and mul in place of the norm", {{NORM, A, 0, B, 0}, {MUL, B, C, B, 0}}, 2, 0, 1},
    {"norm and mul in place of all", {{NORM, A, 0, A, 0}, {MUL, A, C, A, 0}}, 2, 0, 1},
    {"norm that the host may read", {{NORM, A, 0, B, 0}, {MUL, B, C, D, 0}}, 2, 0, 2},
    {"norm squared", {{NORM, A, 0, B, 0}, {MUL, B, B, D, 0}}, 2, OF(B), 2},
    {"norm that the host may read in part", {{NORM, A, 0, D, 0}, {MUL, D, C, B, 0}}, 2, OF(D_LATER), 2},
    {"norm that the host may read at its end", {{NORM, A, 0, D_LATER, 0}, {MUL, D_LATER, C, B, 0}}, 2, OF(D), 2},
    {"norm that is private by two views",
     {{NORM, A, 0, D_LATER, 0}, {MUL, D_LATER, C, B, 0}},
     2,
     OF(D) | OF(D_LATER),
     1},
    {"norm read by another", {{NORM, A, 0, B, 0}, {MUL, B, C, D, 0}, {ADD, B, A, A, 0}}, 3, OF(B), 3},
    {"norm read in part by another", {{NORM, A, 0, B, 0}, {MUL, B, C, D, 0}, {COPY, B, 0, A, 1}}, 3, OF(B), 3},
    {"norm that is written over", {{NORM, A, 0, B, 0}, {MUL, B, C, D, 0}, {ADD, A, A, B, 0}}, 3, 0, 2},
    {"norm that is written over in part", {{NORM, A, 0, B, 0}, {MUL, B, C, D, 0}, {COPY, A, 0, B, 1}}, 3, 0, 3},
    {"norm that the next replay reads", {{MUL, B, C, A, 0}, {NORM, A, 0, B, 0}, {MUL, B, C, D, 0}}, 3, OF(B), 3},
    {"norm that is changed before it is used",
     {{NORM, A, 0, B, 0}, {COPY, A, 0, B, 1}, {MUL, B, C, D, 0}},
     3,
     OF(B),
     3},
    {"norm of what is changed before it is used",
     {{NORM, A, 0, B, 0}, {ADD, C, C, A, 0}, {MUL, B, C, D, 0}},
     3,
     OF(B),
     3},
    {"norm with others in between", {{NORM, A, 0, B, 0}, {ADD, C, C, C, 0}, {MUL, B, C, D, 0}}, 3, OF(B), 2},
    {"add and norm", {{ADD, A, B, C, 0}, {NORM, C, 0, D, 0}}, 2, 0, 1},
    {"add in place and norm", {{ADD, A, B, A, 0}, {NORM, A, 0, B, 2}}, 2, 0, 1},
    {"add and norm in place", {{ADD, A, B, C, 0}, {NORM, C, 0, C, 0}}, 2, OF(A) | OF(B) | OF(C) | OF(D), 2},
    {"add read by others", {{ADD, A, B, C, 0}, {NORM, C, 0, D, 0}, {ADD, C, A, A, 0}, {ADD, C, B, B, 0}}, 4, 0, 3},
    {"add read in between", {{ADD, A, B, C, 0}, {COPY, C, 0, B, 0}, {NORM, C, 0, D, 0}}, 3, 0, 3},
    {"add and two norms", {{ADD, A, B, C, 0}, {NORM, C, 0, D, 0}, {NORM, C, 0, B, 1}}, 3, 0, 2},
    {"norm and rope", {{NORM, A, 0, B, 0}, {ROPE, B, 0, C, 0}}, 2, OF(B), 1},
    {"norm and rope in place", {{NORM, A, 0, A, 0}, {ROPE, A, 0, A, 0}}, 2, 0, 1},
    {"norm of whole rows and rope", {{NORM, A, 0, A, 1}, {ROPE, A, 0, A, 0}}, 2, 0, 2},
    {"norm without weight and rope", {{NORM, A, 0, A, 2}, {ROPE, A, 0, A, 0}}, 2, 0, 1},
    {"gate, up and silu", {{MATMUL, A, 0, B, 0}, {MATMUL, A, 0, C, 1}, {SILU_MUL, B, C, B, 0}}, 3, OF(C), 1},
    {"up, gate and silu", {{MATMUL, A, 0, B, 0}, {MATMUL, A, 0, C, 1}, {SILU_MUL, C, B, D, 0}}, 3, OF(B) | OF(C), 1},
    {"up that the host may read", {{MATMUL, A, 0, B, 0}, {MATMUL, A, 0, C, 1}, {SILU_MUL, B, C, B, 0}}, 3, OF(B), 3},
    {"gate and up of two inputs",
     {{MATMUL, A, 0, B, 0}, {MATMUL, D, 0, C, 1}, {SILU_MUL, B, C, B, 0}},
     3,
     OF(B) | OF(C),
     3},
    {"gate and up in one", {{MATMUL, A, 0, B, 0}, {SILU_MUL, B, B, C, 0}}, 2, OF(B), 2},
    {"silu into what the products read",
     {{MATMUL, A, 0, B, 0}, {MATMUL, A, 0, C, 1}, {SILU_MUL, B, C, A, 0}},
     3,
     OF(B) | OF(C),
     3},
    {"norm of a view that overlaps", {{NORM, A, 0, D, 0}, {MUL, D_LATER, C, B, 0}}, 2, OF(D), 2},
};

static void check_case(bed *at, const rule_case *it)
{
    const weft_buffer *temporaries[PLACES];
    weft_graph_options options = {.temporaries = temporaries};
    for (size_t i = 0; i < PLACES; i++)
        if (it->temporaries & OF(i))
            temporaries[options.temporary_count++] = at->places[i];
    weft_graph *graph = capture(at, it->calls, it->count);
    weft_graph_info info;
    OK(weft_graph_optimise(graph, &options, NULL));
    OK(weft_graph_get_info(graph, &info, NULL));
    ck_assert_msg(info.dispatches == it->left, "%s: %u dispatches are left instead of %u", it->what,
                  (unsigned)info.dispatches, (unsigned)it->left);
    options.no_fuse = true;
    OK(weft_graph_optimise(graph, &options, NULL));
    OK(weft_graph_get_info(graph, &info, NULL));
    ck_assert_uint_eq(info.dispatches, it->count);
    weft_graph_destroy(graph);
}

START_TEST(only_what_nobody_else_reads_is_fused)
{
    bed at = open_bed(graph_uris[_i]);
    for (size_t i = 0; i < sizeof rule_cases / sizeof rule_cases[0]; i++)
        check_case(&at, &rule_cases[i]);
    close_bed(&at);
}
END_TEST

typedef weft_status fused_call(const bed *at, weft_encoder *encoder);

static weft_status norm_mul(const bed *at, weft_encoder *encoder)
{
    return weft_rms_norm_mul(encoder, at->places[A], at->norms[0], at->places[C], &norm_params, at->places[D], NULL);
}

static weft_status add_norm(const bed *at, weft_encoder *encoder)
{
    return weft_add_rms_norm(encoder, at->places[A], at->places[B], at->norms[0], &norm_params, at->places[C],
                             at->places[D], NULL);
}

static weft_status norm_rope(const bed *at, weft_encoder *encoder)
{
    const weft_rms_norm_rope_params params = {norm_params, rope_params};
    return weft_rms_norm_rope(encoder, at->places[A], at->norms[0], at->positions, &params, at->places[A], NULL);
}

static weft_status gate_up_silu(const bed *at, weft_encoder *encoder)
{
    return weft_gate_up_silu(encoder, at->places[A], at->matrices[1], at->matrices[0], at->places[D], NULL);
}

/* A replay that is fused gives the bits of the fused op. */
START_TEST(fused_dispatches_are_the_fused_ops)
{
    static const struct {
        const char *what; /* of rule_cases */
        const char *op;
        fused_call *direct;
    } pairs[] = {{"norm and mul, other way round", "rms_norm_mul", NULL},
                 {"norm and mul", "rms_norm_mul", norm_mul},
                 {"add and norm", "add_rms_norm", add_norm},
                 {"norm and rope in place", "rms_norm_rope", norm_rope},
                 {"up, gate and silu", "gate_up_silu", gate_up_silu}};
    bed at = open_bed(graph_uris[_i]);
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        const rule_case *it = rule_cases;
        while (strcmp(it->what, pairs[i].what) != 0)
            it++;
        const weft_buffer *const temporaries[] = {at.memory[1], at.memory[2]}; /* B and C */
        bool sum_is_read = pairs[i].direct == add_norm;
        const weft_graph_options options = {.temporaries = temporaries, .temporary_count = sum_is_read ? 0 : 2};
        weft_graph *graph = capture(&at, it->calls, it->count);
        weft_graph_dispatch dispatch;
        OK(weft_graph_optimise(graph, &options, NULL));
        for (uint32_t d = 0; d < it->count; d++) {
            OK(weft_graph_get_dispatch(graph, d, &dispatch, NULL));
            ck_assert_str_eq(dispatch.replayed_as, pairs[i].op);
            ck_assert_uint_eq(dispatch.place, 0);
        }
        static contents replayed, direct;
        fill_activations(&at, 3);
        replay(&at, graph);
        read_all(&at, replayed);
        weft_graph_destroy(graph);
        if (!pairs[i].direct)
            continue;
        fill_activations(&at, 3);
        weft_encoder *encoder = test_encoder(at.device, NULL);
        OK(pairs[i].direct(&at, encoder));
        OK(weft_encoder_commit_and_wait(encoder, NULL, NULL));
        weft_encoder_destroy(encoder);
        read_all(&at, direct);
        ck_assert_msg(memcmp(replayed, direct, sizeof direct) == 0, "%s: other bits than %s", it->what, pairs[i].op);
    }
    close_bed(&at);
}
END_TEST

/* New parameters, or other buffers, undo what they make wrong. */
START_TEST(changes_take_fusions_back)
{
    bed at = open_bed(graph_uris[_i]);
    const call calls[] = {{NORM, A, 0, B, 0}, {MUL, B, C, D, 0}};
    weft_graph *graph = capture(&at, calls, 2);
    const weft_buffer *const temporaries[] = {at.memory[1]};
    weft_graph_info info;
    weft_rms_norm_params params = norm_params;
    OK(weft_graph_optimise(graph, &(weft_graph_options){.temporaries = temporaries, .temporary_count = 1}, NULL));
    OK(weft_graph_set_argument(graph, 1, 0, at.places[A], NULL)); /* reads the norm no more, so nothing reads it */
    OK(weft_graph_get_info(graph, &info, NULL));
    ck_assert_uint_eq(info.dispatches, 2);
    OK(weft_graph_set_argument(graph, 1, 0, at.places[B], NULL));
    OK(weft_graph_get_info(graph, &info, NULL));
    ck_assert_uint_eq(info.dispatches, 1);
    ck_assert_uint_eq(info.fused, 2);
    params.epsilon = 0.25f;
    OK(weft_graph_set_params(graph, 0, &params, NULL));
    OK(weft_graph_get_info(graph, &info, NULL));
    ck_assert_uint_eq(info.dispatches, 2);
    ck_assert_uint_eq(info.fused, 0);
    weft_graph_destroy(graph);
    close_bed(&at);
}
END_TEST

/* Also where nobody could read what vanishes, since the graph writes over it. */
START_TEST(what_varies_is_not_fused)
{
    bed at = open_bed(graph_uris[_i]);
    const call calls[] = {{NORM, A, 0, B, 0}, {ROPE, B, 0, C, 0}, {ADD, A, A, B, 0}};
    weft_graph_info info;
    for (uint32_t varying = 0; varying < 2; varying++) {
        weft_graph *graph = capture(&at, calls, 3);
        OK(weft_graph_optimise(graph, NULL, NULL));
        OK(weft_graph_get_info(graph, &info, NULL));
        ck_assert_uint_eq(info.dispatches, 2);
        OK(weft_graph_set_params(graph, varying, varying ? (const void *)&rope_params : &norm_params, NULL));
        OK(weft_graph_get_info(graph, &info, NULL));
        ck_assert_uint_eq(info.dispatches, 3);
        weft_graph_destroy(graph);
    }
    close_bed(&at);
}
END_TEST

/* A copy that writes over a part of what a norm wrote may, with other parameters, write another part. */
START_TEST(what_varies_may_leave_what_was_there)
{
    bed at = open_bed(graph_uris[_i]);
    const call calls[] = {{NORM, A, 0, B, 0}, {MUL, B, C, D, 0}, {COPY, A, 0, B, 1}};
    weft_graph *graph = capture(&at, calls, 3);
    weft_graph_dispatch copy;
    weft_graph_info info;
    OK(weft_graph_optimise(graph, NULL, NULL));
    OK(weft_graph_get_dispatch(graph, 2, &copy, NULL));
    const weft_copy_params params = *(const weft_copy_params *)copy.params;
    OK(weft_graph_set_params(graph, 2, &params, NULL));
    OK(weft_graph_get_info(graph, &info, NULL));
    ck_assert_uint_eq(info.dispatches, 3);
    weft_graph_destroy(graph);
    close_bed(&at);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("graphs");
    TCase *tcase = tcase_create("graphs");
    tcase_set_timeout(tcase, 0);
    tcase_add_loop_test(tcase, only_what_nobody_else_reads_is_fused, 0, GRAPH_URIS);
    tcase_add_loop_test(tcase, fused_dispatches_are_the_fused_ops, 0, GRAPH_URIS);
    tcase_add_loop_test(tcase, changes_take_fusions_back, 0, GRAPH_URIS);
    tcase_add_loop_test(tcase, what_varies_is_not_fused, 0, GRAPH_URIS);
    tcase_add_loop_test(tcase, what_varies_may_leave_what_was_there, 0, GRAPH_URIS);
    suite_add_tcase(suite, tcase);
    return weft_test_run_suite(suite);
}
