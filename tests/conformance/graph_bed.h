/* What the suites of graphs share: buffers that overlap, calls of ops on them, and graphs of such calls. */
#ifndef WEFT_TESTS_CONFORMANCE_GRAPH_BED_H
#define WEFT_TESTS_CONFORMANCE_GRAPH_BED_H

#include <weft/graph.h>

#include "base/rng.h"
#include "support/runtime_test.h"

#define TINY "sim:" WEFT_SOURCE_DIR "/machines/tiny.yaml"

static const char *const graph_uris[] = {"ref", "cpu?threads=2", "ref?shuffle=5", "cpu?threads=2&shuffle=6",
                                         TINY "?shuffle=7"};

enum {
    GRAPH_URIS = sizeof graph_uris / sizeof graph_uris[0],
    TOKENS = 3,
    HEADS = 2,
    HEAD = 8, /* elements */
    ROW = HEADS * HEAD,
    ELEMENTS = TOKENS * ROW,
    ALLOCATIONS = 4,
    PLACES = 2 * ALLOCATIONS, /* two views of each allocation that overlap */
    WEIGHTS = 3
};

/* What the allocations hold. */
typedef float contents[ALLOCATIONS][(TOKENS + 1) * ROW];

/* All that ops here work on: activations [TOKENS, HEADS, HEAD], which overlap in pairs. */
typedef struct bed {
    weft_device *device;
    weft_buffer *memory[ALLOCATIONS]; /* one row more than a place */
    weft_buffer *places[PLACES];      /* of memory[i / 2], from row 0 or 1 */
    weft_buffer *matrices[WEIGHTS];   /* [HEAD, HEAD] */
    weft_buffer *norms[2];            /* [HEAD], [ROW] */
    weft_buffer *positions;
    float matrix_values[WEIGHTS][HEAD * HEAD], norm_values[2][ROW];
} bed;

static const int32_t bed_positions[TOKENS] = {3, 0, 7};

static inline weft_buffer *bed_make(weft_device *device, weft_dtype dtype, weft_shape shape, const void *data)
{
    weft_buffer *buffer;
    weft_error error;
    WEFT_TEST_ASSERT_OK(weft_buffer_create(device, dtype, &shape, &buffer, &error), error);
    if (data)
        WEFT_TEST_ASSERT_OK(weft_buffer_write(buffer, 0, data, weft_buffer_bytes(buffer), &error), error);
    return buffer;
}

static inline void bed_draw(weft__rng *rng, float scale, size_t count, float *out)
{
    for (size_t i = 0; i < count; i++)
        out[i] = scale * (float)(2 * weft__rng_unit(rng) - 1);
}

static inline void bed_draw_activations(uint64_t seed, contents out)
{
    weft__rng rng;
    weft__rng_init(&rng, seed);
    for (size_t i = 0; i < ALLOCATIONS; i++)
        bed_draw(&rng, 2, (TOKENS + 1) * ROW, out[i]);
}

static inline void fill_activations(const bed *at, uint64_t seed)
{
    contents values;
    bed_draw_activations(seed, values);
    for (size_t i = 0; i < ALLOCATIONS; i++)
        OK(weft_buffer_write(at->memory[i], 0, values[i], sizeof values[i], NULL));
}

static inline bed open_bed(const char *uri)
{
    bed at = {.device = test_open(uri)};
    weft__rng rng;
    weft__rng_init(&rng, 1);
    const weft_shape place = weft_shape_3d(TOKENS, HEADS, HEAD);
    for (size_t i = 0; i < ALLOCATIONS; i++)
        at.memory[i] = bed_make(at.device, WEFT_F32, weft_shape_3d(TOKENS + 1, HEADS, HEAD), NULL);
    for (size_t i = 0; i < PLACES; i++)
        OK(weft_buffer_view(at.memory[i / 2], i % 2 * ROW, &place, &at.places[i], NULL));
    for (size_t i = 0; i < WEIGHTS; i++) {
        bed_draw(&rng, 0.6f, HEAD * HEAD, at.matrix_values[i]);
        at.matrices[i] = bed_make(at.device, WEFT_F32, weft_shape_2d(HEAD, HEAD), at.matrix_values[i]);
    }
    for (size_t i = 0; i < 2; i++) {
        bed_draw(&rng, 1, i ? ROW : HEAD, at.norm_values[i]);
        at.norms[i] = bed_make(at.device, WEFT_F32, weft_shape_1d(i ? ROW : HEAD), at.norm_values[i]);
    }
    at.positions = bed_make(at.device, WEFT_I32, weft_shape_1d(TOKENS), bed_positions);
    fill_activations(&at, 2);
    return at;
}

static inline void close_bed(bed *at)
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

static inline weft_status record_call(const bed *at, weft_encoder *encoder, const call *it, weft_error *err)
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
static inline weft_graph *capture(const bed *at, const call *calls, size_t count)
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

static inline void replay(const bed *at, weft_graph *graph)
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

static inline void read_all(const bed *at, contents out)
{
    for (size_t i = 0; i < ALLOCATIONS; i++)
        OK(weft_buffer_read(at->memory[i], 0, out[i], sizeof out[i], NULL));
}

#endif
