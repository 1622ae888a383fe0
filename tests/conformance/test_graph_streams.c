/* Streams of random ops on every device: fused and reordered they give what they gave as they were recorded, within the
 * bounds of ops.h, and on `cpu` the same bits. */
#include <math.h>

#include "graph_values.h"

enum {
    LENGTH = 14,
    REPLAYS = 2,
    MAGNITUDE = 200 /* that values may come to */
};

static uint8_t below(weft__rng *rng, uint64_t limit)
{
    return (uint8_t)weft__rng_below(rng, limit);
}

static call random_call(weft__rng *rng)
{
    static const kind often[] = {ADD, ADD, MUL, SILU_MUL, NORM, NORM, ROPE, MATMUL, MATMUL, COPY};
    call it = {often[weft__rng_below(rng, sizeof often / sizeof often[0])], below(rng, PLACES), below(rng, PLACES),
               below(rng, PLACES), below(rng, 3)};
    if (weft__rng_below(rng, 4) == 0)
        it.out = it.a;
    return it;
}

/* The producers of a fused op and what takes them in, as far as they fit. */
static size_t random_pattern(weft__rng *rng, call *out)
{
    uint8_t a = below(rng, PLACES), b = below(rng, PLACES), c = below(rng, PLACES), d = below(rng, PLACES);
    uint8_t w = below(rng, 3);
    switch (weft__rng_below(rng, 4)) {
    case 0:
        out[0] = (call){MATMUL, a, 0, b, w};
        out[1] = (call){MATMUL, below(rng, 4) ? a : d, 0, c, below(rng, 3)}; /* not of one input: not to be fused */
        out[2] = (call){SILU_MUL, b, c, weft__rng_below(rng, 2) ? b : d, 0};
        return 3;
    case 1:
        out[0] = (call){ADD, a, b, weft__rng_below(rng, 2) ? a : c, 0};
        out[1] = (call){NORM, out[0].out, 0, d, w};
        return 2;
    case 2:
        out[0] = (call){NORM, a, 0, weft__rng_below(rng, 2) ? a : b, w};
        out[1] = (call){ROPE, out[0].out, 0, weft__rng_below(rng, 2) ? out[0].out : c, 0};
        return 2;
    default:
        out[0] = (call){NORM, a, 0, b, w};
        out[1] = weft__rng_below(rng, 2) ? (call){MUL, b, c, d, 0} : (call){MUL, c, b, d, 0};
        return 2;
    }
}

/* Calls that the encoder takes: patterns, now and then with another call inside. */
static void draw_calls(const bed *at, weft__rng *rng, call calls[LENGTH])
{
    weft_encoder *encoder = test_encoder(at->device, NULL);
    size_t count = 0;
    while (count < LENGTH) {
        call pattern[4];
        size_t more = weft__rng_below(rng, 3) ? random_pattern(rng, pattern) : 0;
        if (more == 0 || weft__rng_below(rng, 3) == 0) {
            size_t where = more ? 1 + (size_t)weft__rng_below(rng, more - 1) : 0;
            for (size_t i = more; i > where; i--)
                pattern[i] = pattern[i - 1];
            pattern[where] = random_call(rng);
            more++;
        }
        for (size_t i = 0; i < more && count < LENGTH; i++)
            if (record_call(at, encoder, &pattern[i], NULL) == WEFT_OK)
                calls[count++] = pattern[i];
    }
    weft_encoder_destroy(encoder);
}

/* What the replays give, in double; no call that makes values too large is left: it is a norm then, of which none makes
 * a value larger than 6. */
static void evaluate(const bed *at, call calls[LENGTH], uint64_t seed, graph_values out[REPLAYS])
{
    contents before;
    bed_draw_activations(seed, before);
    graph_values values;
    graph_values_begin(&values, before);
    for (size_t replay = 0, i = 0; replay < REPLAYS;) {
        if (graph_values_call(&values, at, &calls[i]) > MAGNITUDE) {
            calls[i].op = NORM;
            graph_values_begin(&values, before);
            replay = i = 0;
            continue;
        }
        if (++i < LENGTH)
            continue;
        out[replay++] = values;
        i = 0;
    }
}

/* The contents after each replay. */
static void run(const bed *at, weft_graph *graph, uint64_t seed, contents out[REPLAYS])
{
    fill_activations(at, seed);
    for (size_t i = 0; i < REPLAYS; i++) {
        replay(at, graph);
        read_all(at, out[i]);
    }
}

/* Elements that were compared, and those of them whose bound is too wide to tell much. */
typedef struct tally {
    size_t compared, wide;
} tally;

static void compare(const char *what, size_t round, contents *given, const graph_values *expected, uint32_t temporaries,
                    tally *sum)
{
    for (size_t i = 0; i < REPLAYS; i++)
        for (size_t m = 0; m < ALLOCATIONS; m++)
            for (size_t e = 0; !(temporaries >> m & 1) && e < (TOKENS + 1) * ROW; e++) {
                double value = expected[i].value[m][e], bound = expected[i].error[m][e];
                ck_assert_msg(fabs((double)given[i][m][e] - value) <= bound,
                              "round %zu, replay %zu, %s: element %zu of memory %zu is %.9g instead of %.9g +- %.3g",
                              round, i, what, e, m, (double)given[i][m][e], value, bound);
                sum->compared++;
                sum->wide += bound > 1e-4 * (1 + fabs(value));
            }
}

static void assert_same(const char *what, size_t round, contents *given, contents *expected, uint32_t temporaries)
{
    for (size_t i = 0; i < REPLAYS; i++)
        for (size_t m = 0; m < ALLOCATIONS; m++)
            ck_assert_msg((temporaries >> m & 1) || memcmp(given[i][m], expected[i][m], sizeof given[i][m]) == 0,
                          "round %zu, replay %zu, %s: other bits in memory %zu", round, i, what, m);
}

/* One stream; returns how many dispatches fusing has saved. */
static size_t check_stream(const bed *at, const char *uri, weft__rng *rng, size_t round, tally *sum)
{
    static contents expected[REPLAYS], reordered[REPLAYS], fused[REPLAYS];
    static graph_values values[REPLAYS];
    call calls[LENGTH];
    draw_calls(at, rng, calls);
    evaluate(at, calls, round, values);
    weft_graph *graph = capture(at, calls, LENGTH);
    uint32_t bits = (uint32_t)weft__rng_below(rng, 1u << ALLOCATIONS);
    const weft_buffer *temporaries[ALLOCATIONS];
    weft_graph_options options = {.no_fuse = true, .temporaries = temporaries};
    for (size_t i = 0; i < ALLOCATIONS; i++)
        if (bits >> i & 1)
            temporaries[options.temporary_count++] = at->memory[i];
    run(at, graph, round, expected);
    compare("as recorded", round, expected, values, 0, sum);
    OK(weft_graph_optimise(graph, &options, NULL));
    run(at, graph, round, reordered);
    assert_same("reordered", round, reordered, expected, 0);
    weft_graph_info info;
    options.no_fuse = false;
    options.no_reorder = round % 4 == 0;
    OK(weft_graph_optimise(graph, &options, NULL));
    OK(weft_graph_get_info(graph, &info, NULL));
    run(at, graph, round, fused);
    compare("fused", round, fused, values, bits, sum);
    if (strncmp(uri, "cpu", 3) == 0)
        assert_same("fused", round, fused, expected, bits);
    weft_graph_destroy(graph);
    return info.recorded_dispatches - info.dispatches;
}

START_TEST(optimised_streams_give_what_they_gave_as_recorded)
{
    const char *uri = graph_uris[_i];
    bed at = open_bed(uri);
    size_t rounds = strncmp(uri, "sim:", 4) == 0 ? 100 : 600, fusions = 0;
    tally sum = {0};
    weft__rng rng;
    weft__rng_init(&rng, 31);
    for (size_t round = 0; round < rounds; round++)
        fusions += check_stream(&at, uri, &rng, round, &sum);
    ck_assert_uint_gt(fusions, rounds / 2);
    ck_assert_uint_lt(sum.wide, sum.compared / 10);
    close_bed(&at);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("graph_streams");
    TCase *tcase = tcase_create("graph_streams");
    tcase_set_timeout(tcase, 0);
    tcase_add_loop_test(tcase, optimised_streams_give_what_they_gave_as_recorded, 0, GRAPH_URIS);
    suite_add_tcase(suite, tcase);
    return weft_test_run_suite(suite);
}
