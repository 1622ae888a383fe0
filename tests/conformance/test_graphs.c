/* Graphs on every device: what may be fused and what may not, and that fused and reordered streams of random ops give
 * what the streams gave as they were recorded. */
#include <weft/graph.h>

#include "base/rng.h"
#include "support/runtime_test.h"

#define TINY "sim:" WEFT_SOURCE_DIR "/machines/tiny.yaml"

static const char *const uris[] = {"ref", "cpu?threads=2", "ref?shuffle=5", "cpu?threads=2&shuffle=6",
                                   TINY "?shuffle=7"};

enum {
    URIS = sizeof uris / sizeof uris[0],
    TOKENS = 3,
    HEADS = 2,
    HEAD = 8, /* elements */
    ROW = HEADS * HEAD,
    ELEMENTS = TOKENS * ROW,
    ALLOCATIONS = 4,
    PLACES = 2 * ALLOCATIONS, /* two views of each allocation that overlap */
    WEIGHTS = 3
};

/* All that ops here work on: activations [TOKENS, HEADS, HEAD], which overlap in pairs. */
typedef struct bed {
    weft_device *device;
    weft_buffer *memory[ALLOCATIONS]; /* one row more than a place */
    weft_buffer *places[PLACES];      /* of memory[i / 2], from row 0 or 1 */
    weft_buffer *matrices[WEIGHTS];   /* [HEAD, HEAD] */
    weft_buffer *norms[2];            /* [HEAD], [ROW] */
    weft_buffer *positions;
} bed;

static weft_buffer *make(weft_device *device, weft_dtype dtype, weft_shape shape)
{
    weft_buffer *buffer;
    weft_error error;
    WEFT_TEST_ASSERT_OK(weft_buffer_create(device, dtype, &shape, &buffer, &error), error);
    return buffer;
}

static void fill(weft_buffer *buffer, weft__rng *rng, float scale)
{
    float values[(TOKENS + 1) * ROW];
    size_t count = weft_buffer_bytes(buffer) / sizeof values[0];
    for (size_t i = 0; i < count; i++)
        values[i] = scale * (float)(2 * weft__rng_unit(rng) - 1);
    OK(weft_buffer_write(buffer, 0, values, count * sizeof values[0], NULL));
}

static void fill_activations(bed *at, uint64_t seed)
{
    weft__rng rng;
    weft__rng_init(&rng, seed);
    for (size_t i = 0; i < ALLOCATIONS; i++)
        fill(at->memory[i], &rng, 2);
}

static bed open_bed(const char *uri)
{
    static const int32_t positions[TOKENS] = {3, 0, 7};
    bed at = {.device = test_open(uri)};
    weft__rng rng;
    weft__rng_init(&rng, 1);
    const weft_shape place = weft_shape_3d(TOKENS, HEADS, HEAD);
    for (size_t i = 0; i < ALLOCATIONS; i++)
        at.memory[i] = make(at.device, WEFT_F32, weft_shape_3d(TOKENS + 1, HEADS, HEAD));
    for (size_t i = 0; i < PLACES; i++)
        OK(weft_buffer_view(at.memory[i / 2], i % 2 * ROW, &place, &at.places[i], NULL));
    for (size_t i = 0; i < WEIGHTS; i++) {
        at.matrices[i] = make(at.device, WEFT_F32, weft_shape_2d(HEAD, HEAD));
        fill(at.matrices[i], &rng, 0.6f);
    }
    for (size_t i = 0; i < 2; i++) {
        at.norms[i] = make(at.device, WEFT_F32, weft_shape_1d(i ? ROW : HEAD));
        fill(at.norms[i], &rng, 1);
    }
    at.positions = make(at.device, WEFT_I32, weft_shape_1d(TOKENS));
    OK(weft_buffer_write(at.positions, 0, positions, sizeof positions, NULL));
    fill_activations(&at, 2);
    return at;
}

static void close_bed(bed *at)
{
    for (size_t i = 0; i < PLACES; i++)
        weft_buffer_destroy(at->places[i]);
    for (size_t i = 0; i < ALLOCATIONS; i++)
        weft_buffer_destroy(at->memory[i]);
    for (size_t i = 0; i < WEIGHTS; i++)
        weft_buffer_destroy(at->matrices[i]);
    weft_buffer_destroy(at->norms[0]);
    weft_buffer_destroy(at->norms[1]);
    weft_buffer_destroy(at->positions);
    weft_device_close(at->device);
}

static const weft_rms_norm_params norm_params = {.epsilon = 1e-5f, .weight_bias = 0.5f};
static const weft_rope_params rope_params = {.theta = 100};

/* One call of an op: the places of its inputs and its output, and a weight or box. */
typedef enum kind {
    ADD,
    MUL,
    SILU_MUL,
    NORM,
    ROPE,
    MATMUL,
    COPY, /* of one row, from row w to row (w + 1) % TOKENS */
    KINDS
} kind;

typedef struct call {
    kind op;
    uint8_t a, b, out, w;
} call;

static weft_status record_call(const bed *at, weft_encoder *encoder, const call *it, weft_error *err)
{
    weft_buffer *const *p = at->places;
    const weft_copy_params box = {.rank = 1,
                                  .extent = {ROW},
                                  .source_offset = it->w * ROW,
                                  .source_stride = {1},
                                  .target_offset = (it->w + 1u) % TOKENS * ROW,
                                  .target_stride = {1}};
    switch (it->op) {
    case ADD:
        return weft_add(encoder, p[it->a], p[it->b], p[it->out], err);
    case MUL:
        return weft_mul(encoder, p[it->a], p[it->b], p[it->out], err);
    case SILU_MUL:
        return weft_silu_mul(encoder, p[it->a], p[it->b], p[it->out], err);
    case NORM:
        return weft_rms_norm(encoder, p[it->a], it->w < 2 ? at->norms[it->w] : NULL, &norm_params, p[it->out], err);
    case ROPE:
        return weft_rope(encoder, p[it->a], at->positions, &rope_params, p[it->out], err);
    case MATMUL:
        return weft_matmul(encoder, p[it->a], at->matrices[it->w], p[it->out], err);
    default:
        return weft_copy(encoder, p[it->a], p[it->out], &box, err);
    }
}

/* Barriers stand wherever the order asks for one. */
static weft_graph *capture(const bed *at, const call *calls, size_t count)
{
    weft_graph *graph;
    weft_error error;
    weft_encoder *encoder = test_encoder(at->device, &(weft_encoder_options){.barriers = WEFT_BARRIERS_INFERRED});
    for (size_t i = 0; i < count; i++)
        WEFT_TEST_ASSERT_OK(record_call(at, encoder, &calls[i], &error), error);
    WEFT_TEST_ASSERT_OK(weft_graph_capture(encoder, &graph, &error), error);
    weft_encoder_destroy(encoder);
    return graph;
}

static void replay(const bed *at, weft_graph *graph)
{
    weft_error error;
    weft_hazard_report *report;
    OK(weft_hazard_report_create(&report, NULL));
    weft_encoder *encoder = test_encoder(at->device, &(weft_encoder_options){.hazards = report});
    WEFT_TEST_ASSERT_OK(weft_graph_replay(graph, encoder, &error), error);
    WEFT_TEST_ASSERT_OK(weft_encoder_commit_and_wait(encoder, NULL, &error), error);
    ck_assert_uint_eq(weft_hazard_report_count_of(report, WEFT_VERDICT_MISSING), 0);
    ck_assert_uint_eq(weft_hazard_report_count_of(report, WEFT_VERDICT_NEEDLESS), 0);
    weft_encoder_destroy(encoder);
    weft_hazard_report_destroy(report);
}

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
    bed at = open_bed(uris[_i]);
    for (size_t i = 0; i < sizeof rule_cases / sizeof rule_cases[0]; i++)
        check_case(&at, &rule_cases[i]);
    close_bed(&at);
}
END_TEST

static void read_all(const bed *at, float out[ALLOCATIONS][(TOKENS + 1) * ROW])
{
    for (size_t i = 0; i < ALLOCATIONS; i++)
        OK(weft_buffer_read(at->memory[i], 0, out[i], sizeof out[i], NULL));
}

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
    bed at = open_bed(uris[_i]);
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
        static float replayed[ALLOCATIONS][(TOKENS + 1) * ROW], direct[ALLOCATIONS][(TOKENS + 1) * ROW];
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
    bed at = open_bed(uris[_i]);
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
    bed at = open_bed(uris[_i]);
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
    bed at = open_bed(uris[_i]);
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

/* ---- random streams ---- */

enum {
    LENGTH = 14,
    REPLAYS = 2
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
        out[1] = (call){MATMUL, a, 0, c, below(rng, 3)};
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
static void random_calls(const bed *at, weft__rng *rng, call calls[LENGTH])
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

typedef float contents[ALLOCATIONS][(TOKENS + 1) * ROW];

/* The contents after each replay. */
static void run(bed *at, weft_graph *graph, uint64_t seed, contents out[REPLAYS])
{
    fill_activations(at, seed);
    for (size_t i = 0; i < REPLAYS; i++) {
        replay(at, graph);
        read_all(at, out[i]);
    }
}

static float largest(contents all[REPLAYS])
{
    float most = 0;
    const float *values = &all[0][0][0];
    for (size_t i = 0; i < REPLAYS * sizeof(contents) / sizeof(float); i++) {
        if (!isfinite(values[i]))
            return INFINITY;
        most = fabsf(values[i]) > most ? fabsf(values[i]) : most;
    }
    return most;
}

/* Roundings differ and grow on their way through a stream; a value from elsewhere is further off. */
static void compare(contents *given, contents *expected, uint32_t temporaries, float scale, size_t round)
{
    for (size_t i = 0; i < REPLAYS; i++)
        for (size_t m = 0; m < ALLOCATIONS; m++)
            for (size_t e = 0; !(temporaries >> m & 1) && e < (TOKENS + 1) * ROW; e++)
                ck_assert_msg(fabsf(given[i][m][e] - expected[i][m][e]) <= 2e-4f * (1 + scale),
                              "round %zu, replay %zu: element %zu of memory %zu is %g instead of %g", round, i, e, m,
                              (double)given[i][m][e], (double)expected[i][m][e]);
}

START_TEST(optimised_streams_give_what_they_gave_as_recorded)
{
    static contents expected[REPLAYS], reordered[REPLAYS], fused[REPLAYS];
    bed at = open_bed(uris[_i]);
    size_t rounds = strncmp(uris[_i], "sim:", 4) == 0 ? 40 : 600, compared = 0, fusions = 0;
    weft__rng rng;
    weft__rng_init(&rng, 31);
    for (size_t round = 0; round < rounds; round++) {
        call calls[LENGTH];
        random_calls(&at, &rng, calls);
        weft_graph *graph = capture(&at, calls, LENGTH);
        uint32_t bits = (uint32_t)weft__rng_below(&rng, 1u << ALLOCATIONS);
        const weft_buffer *temporaries[ALLOCATIONS];
        weft_graph_options options = {.no_fuse = true, .temporaries = temporaries};
        for (size_t i = 0; i < ALLOCATIONS; i++)
            if (bits >> i & 1)
                temporaries[options.temporary_count++] = at.memory[i];
        run(&at, graph, round, expected);
        OK(weft_graph_optimise(graph, &options, NULL));
        run(&at, graph, round, reordered);
        ck_assert_msg(memcmp(reordered, expected, sizeof expected) == 0, "round %zu: reordered bits differ", round);
        weft_graph_info info;
        options.no_fuse = false;
        options.no_reorder = round % 4 == 0;
        OK(weft_graph_optimise(graph, &options, NULL));
        OK(weft_graph_get_info(graph, &info, NULL));
        run(&at, graph, round, fused);
        fusions += info.recorded_dispatches - info.dispatches;
        float scale = largest(expected);
        if (scale < 200) { /* else roundings have grown too much to tell */
            compare(fused, expected, bits, scale, round);
            compared++;
        }
        weft_graph_destroy(graph);
    }
    ck_assert_uint_gt(compared, rounds / 3);
    ck_assert_uint_gt(fusions, rounds / 2);
    close_bed(&at);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("graphs");
    TCase *tcase = tcase_create("graphs");
    tcase_set_timeout(tcase, 0);
    tcase_add_loop_test(tcase, only_what_nobody_else_reads_is_fused, 0, URIS);
    tcase_add_loop_test(tcase, fused_dispatches_are_the_fused_ops, 0, URIS);
    tcase_add_loop_test(tcase, changes_take_fusions_back, 0, URIS);
    tcase_add_loop_test(tcase, what_varies_is_not_fused, 0, URIS);
    tcase_add_loop_test(tcase, what_varies_may_leave_what_was_there, 0, URIS);
    tcase_add_loop_test(tcase, optimised_streams_give_what_they_gave_as_recorded, 0, URIS);
    suite_add_tcase(suite, tcase);
    return weft_test_run_suite(suite);
}
