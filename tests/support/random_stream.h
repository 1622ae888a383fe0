/* Random streams of additions and strided copies over two small allocations, and what they touch, element by element:
 * one bit of a mask per float. So that orders, conflicts and results can be worked out by brute force. */
#ifndef WEFT_TESTS_SUPPORT_RANDOM_STREAM_H
#define WEFT_TESTS_SUPPORT_RANDOM_STREAM_H

#include "base/rng.h"
#include "support/runtime_test.h"

enum {
    STREAM_PLACES = 2,
    STREAM_FLOATS = 64 /* of a place: as many as a mask has bits */
};

/* A run of floats, or a box of `rows` rows of `columns` floats that are `stride` apart from row to row. */
typedef struct stream_box {
    size_t place, offset, rows, columns, stride;
} stream_box;

typedef struct stream_op {
    bool is_copy;
    stream_box in[2], out; /* a copy has one input */
    uint64_t reads[STREAM_PLACES], writes[STREAM_PLACES];
} stream_op;

static inline uint64_t stream_mask(const stream_box *box)
{
    uint64_t mask = 0;
    for (size_t row = 0; row < box->rows; row++)
        for (size_t column = 0; column < box->columns; column++)
            mask |= UINT64_C(1) << (box->offset + row * box->stride + column);
    return mask;
}

static inline stream_box stream_random_box(weft__rng *rng, size_t rows, size_t columns)
{
    stream_box box = {(size_t)weft__rng_below(rng, STREAM_PLACES), 0, rows, columns, columns};
    size_t most = rows > 1 ? (STREAM_FLOATS - columns) / (rows - 1) : columns;
    box.stride = columns + (size_t)weft__rng_below(rng, most - columns + 1);
    box.offset = (size_t)weft__rng_below(rng, STREAM_FLOATS - ((rows - 1) * box.stride + columns) + 1);
    return box;
}

static inline bool stream_same_run(const stream_box *a, const stream_box *b)
{
    return a->place == b->place && a->offset == b->offset;
}

static inline bool stream_apart(const stream_box *a, const stream_box *b)
{
    return a->place != b->place || (stream_mask(a) & stream_mask(b)) == 0;
}

/* An op that the encoder accepts. */
static inline stream_op stream_random_op(weft__rng *rng)
{
    stream_op op;
    bool valid;
    do {
        op = (stream_op){.is_copy = weft__rng_below(rng, 2)};
        size_t rows = op.is_copy ? 1 + (size_t)weft__rng_below(rng, 4) : 1;
        size_t columns = 1 + (size_t)weft__rng_below(rng, 10);
        valid = true;
        op.out = stream_random_box(rng, rows, columns);
        for (size_t i = 0; i < (op.is_copy ? 1u : 2u); i++) {
            op.in[i] = stream_random_box(rng, rows, columns);
            valid &= stream_apart(&op.in[i], &op.out) || (!op.is_copy && stream_same_run(&op.in[i], &op.out));
            op.reads[op.in[i].place] |= stream_mask(&op.in[i]);
        }
    } while (!valid);
    op.writes[op.out.place] |= stream_mask(&op.out);
    return op;
}

/* Two ops whose order matters. */
static inline bool stream_conflict(const stream_op *a, const stream_op *b)
{
    uint64_t both = 0;
    for (size_t p = 0; p < STREAM_PLACES; p++)
        both |= (a->writes[p] & (b->reads[p] | b->writes[p])) | (a->reads[p] & b->writes[p]);
    return both != 0;
}

static inline void stream_places(weft_device *device, weft_buffer *places[STREAM_PLACES])
{
    for (size_t p = 0; p < STREAM_PLACES; p++) {
        places[p] = test_floats(device, STREAM_FLOATS, 0);
        for (size_t i = 0; i < STREAM_FLOATS; i++) {
            float value = (float)(1 + (p * STREAM_FLOATS + i) * 37 % 101);
            OK(weft_buffer_write(places[p], i * sizeof value, &value, sizeof value, NULL));
        }
    }
}

static inline weft_status stream_record_add(weft_encoder *encoder, const stream_op *op, weft_buffer *const *places)
{
    const stream_box *boxes[3] = {&op->in[0], &op->in[1], &op->out};
    weft_buffer *views[3];
    for (size_t i = 0; i < 3; i++)
        views[i] = test_view(places[boxes[i]->place], boxes[i]->offset, boxes[i]->columns);
    weft_status status = weft_add(encoder, views[0], views[1], views[2], NULL);
    for (size_t i = 0; i < 3; i++)
        weft_buffer_destroy(views[i]);
    return status;
}

static inline weft_copy_params stream_copy_params(const stream_op *op)
{
    return (weft_copy_params){
        .rank = 2,
        .extent = {op->out.rows, op->out.columns},
        .source_offset = op->in[0].offset,
        .source_stride = {op->in[0].stride, 1},
        .target_offset = op->out.offset,
        .target_stride = {op->out.stride, 1},
    };
}

static inline weft_status stream_record(weft_encoder *encoder, const stream_op *op, weft_buffer *const *places)
{
    if (!op->is_copy)
        return stream_record_add(encoder, op, places);
    weft_copy_params params = stream_copy_params(op);
    return weft_copy(encoder, places[op->in[0].place], places[op->out.place], &params, NULL);
}

/* Reads the places and destroys them. */
static inline void stream_results(weft_buffer *places[STREAM_PLACES], float results[STREAM_PLACES][STREAM_FLOATS])
{
    for (size_t p = 0; p < STREAM_PLACES; p++) {
        OK(weft_buffer_read(places[p], 0, results[p], sizeof results[p], NULL));
        weft_buffer_destroy(places[p]);
    }
}

#endif
