/* softmax, argmax, top_k, sample. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "conformance/harness.h"

static size_t columns_of(const conf_case *c, uint32_t argument)
{
    const weft_shape *shape = &c->arguments[argument].shape;
    return shape->rank ? (size_t)shape->extent[shape->rank - 1] : 1;
}

static void make_softmax(conf_case *c, weft__rng *rng)
{
    weft_shape shape = conf_rows_shape(rng, conf_extent_or(c, rng, 12, 40), conf_extent_or(c, rng, 400, 500));
    conf_place(c, 0, WEFT_F32, shape, rng);
    conf_fill_normal(c, 0, rng, conf_one_in(rng, 3) ? 30 : 1);
    if (conf_one_in(rng, 6) && conf_elements(c, 0)) /* a row without anything to choose */
        for (size_t i = 0; i < columns_of(c, 0); i++)
            ((float *)conf_data(c, 0))[i] = -INFINITY;
    if (conf_one_in(rng, 3))
        conf_place_same(c, 1, 0);
    else
        conf_place(c, 1, WEFT_F32, shape, rng);
}

static weft_status record_softmax(weft_encoder *encoder, weft_buffer *const *a, const conf_case *c, weft_error *err)
{
    (void)c;
    return weft_softmax(encoder, a[0], a[1], err);
}

static void expect_softmax(const conf_case *c, uint32_t argument, double *expected)
{
    size_t columns = columns_of(c, 0);
    for (size_t row = 0; row < conf_elements(c, argument); row += columns) {
        double largest = -INFINITY, sum = 0;
        for (size_t i = row; i < row + columns; i++)
            largest = fmax(largest, conf_value(c, 0, i));
        for (size_t i = row; i < row + columns; i++)
            sum += expected[i] = exp(conf_value(c, 0, i) - largest);
        for (size_t i = row; i < row + columns; i++)
            expected[i] /= sum;
    }
}

/* Numbers among which there are many equals, and infinities, but never NaN. */
static void fill_choices(conf_case *c, weft__rng *rng, bool has_infinities)
{
    float *x = conf_data(c, 0);
    bool is_coarse = conf_one_in(rng, 3);
    for (size_t i = 0; i < conf_elements(c, 0); i++) {
        x[i] = (float)(3 * weft__rng_normal(rng));
        if (is_coarse)
            x[i] = rintf(x[i] / 2);
        if (has_infinities && conf_one_in(rng, 40))
            x[i] = conf_one_in(rng, 4) ? INFINITY : -INFINITY;
    }
}

static uint64_t make_rows(conf_case *c, weft__rng *rng)
{
    uint64_t rows = conf_extent_or(c, rng, 9, 100);
    conf_place(c, 0, WEFT_F32, conf_rows_shape(rng, rows, conf_extent_some(rng, 600)), rng);
    fill_choices(c, rng, conf_one_in(rng, 3));
    return conf_elements(c, 0) / columns_of(c, 0);
}

static void make_argmax(conf_case *c, weft__rng *rng)
{
    uint64_t rows = make_rows(c, rng);
    conf_place(c, 1, WEFT_I32, weft_shape_1d(rows), rng);
}

static weft_status record_argmax(weft_encoder *encoder, weft_buffer *const *a, const conf_case *c, weft_error *err)
{
    (void)c;
    return weft_argmax(encoder, a[0], a[1], err);
}

/* How many elements of a row come before element `index`: larger ones, and equal ones with a lower index. */
static size_t place_of(const conf_case *c, size_t row, size_t index)
{
    size_t columns = columns_of(c, 0), place = 0;
    const float *x = (const float *)conf_data(c, 0) + row * columns;
    for (size_t i = 0; i < columns; i++)
        place += x[i] > x[index] || (x[i] == x[index] && i < index);
    return place;
}

static int32_t index_at(const void *indices, size_t at)
{
    int32_t index;
    memcpy(&index, (const char *)indices + at * sizeof index, sizeof index);
    return index;
}

static const char *judge_argmax(const conf_case *c, const void *const outputs[WEFT_ARGUMENTS_MAX])
{
    for (size_t row = 0; row < conf_elements(c, 1); row++) {
        int32_t index = index_at(outputs[1], row);
        if (index < 0 || (size_t)index >= columns_of(c, 0) || place_of(c, row, (size_t)index) != 0)
            return "an index is not that of the first largest element";
    }
    return NULL;
}

static void make_top_k(conf_case *c, weft__rng *rng)
{
    make_rows(c, rng);
    weft_shape shape = c->arguments[0].shape;
    uint64_t *k = &shape.extent[shape.rank - 1];
    *k = !c->is_large && conf_one_in(rng, 6) ? *k : conf_extent_some(rng, c->is_large && *k > 5 ? 5 : *k);
    conf_place(c, 1, WEFT_F32, shape, rng);
    conf_place(c, 2, WEFT_I32, shape, rng);
}

static weft_status record_top_k(weft_encoder *encoder, weft_buffer *const *a, const conf_case *c, weft_error *err)
{
    (void)c;
    return weft_top_k(encoder, a[0], a[1], a[2], err);
}

static const char *judge_top_k(const conf_case *c, const void *const outputs[WEFT_ARGUMENTS_MAX])
{
    size_t k = columns_of(c, 1), columns = columns_of(c, 0);
    for (size_t i = 0; i < conf_elements(c, 1); i++) {
        int32_t index = index_at(outputs[2], i);
        if (index < 0 || (size_t)index >= columns || place_of(c, i / k, (size_t)index) != i % k)
            return "an index is not in its place";
        if (conf_load(WEFT_F32, outputs[1], i) != conf_value(c, 0, i / k * columns + (size_t)index))
            return "a value is not that of its index";
    }
    return NULL;
}

static void make_sample(conf_case *c, weft__rng *rng)
{
    uint64_t rows = conf_extent(rng, 9);
    conf_place(c, 0, WEFT_F32, conf_rows_shape(rng, rows, conf_extent_some(rng, 600)), rng);
    fill_choices(c, rng, false);
    if (columns_of(c, 0) > 4 && conf_one_in(rng, 3)) /* what has no chance at all */
        for (size_t i = 0; i < conf_elements(c, 0); i += columns_of(c, 0))
            ((float *)conf_data(c, 0))[i + 2] = -INFINITY;
    conf_place(c, 1, WEFT_I32, weft_shape_1d(conf_elements(c, 0) / columns_of(c, 0)), rng);
    c->params.sample = (weft_sample_params){
        .temperature = conf_one_in(rng, 5) ? 0 : (float)(0.2 + weft__rng_unit(rng)),
        .top_k = conf_one_in(rng, 2) ? 0 : (uint32_t)(1 + weft__rng_below(rng, 50)),
        .top_p = conf_one_in(rng, 2) ? 0 : (float)weft__rng_unit(rng),
        .min_p = conf_one_in(rng, 2) ? 0 : (float)(0.3 * weft__rng_unit(rng)),
        .seed = weft__rng_next_u64(rng),
        .draw = weft__rng_below(rng, 100),
    };
}

static weft_status record_sample(weft_encoder *encoder, weft_buffer *const *a, const conf_case *c, weft_error *err)
{
    return weft_sample(encoder, a[0], &c->params.sample, a[1], err);
}

/* Whether the filters may let an index through. Sums that end at the very edge of a filter are given the benefit. */
static bool may_be_drawn(const conf_case *c, size_t row, size_t index)
{
    const weft_sample_params *p = &c->params.sample;
    size_t columns = columns_of(c, 0), place = place_of(c, row, index);
    const float *x = (const float *)conf_data(c, 0) + row * columns;
    if (p->temperature <= 0 || place == 0)
        return place == 0;
    if (p->top_k && place >= p->top_k)
        return false;
    double largest = -INFINITY, before = 0, all = 0;
    for (size_t i = 0; i < columns; i++)
        largest = fmax(largest, (double)x[i]);
    for (size_t i = 0; i < columns; i++) {
        size_t other = place_of(c, row, i);
        double weight = exp(((double)x[i] - largest) / (double)p->temperature);
        if (!p->top_k || other < p->top_k)
            all += weight;
        if (other < place)
            before += weight;
    }
    double weight = exp(((double)x[index] - largest) / (double)p->temperature);
    if (p->top_p > 0 && p->top_p < 1 && before >= (double)p->top_p * all * (1 + 1e-9))
        return false;
    return weight > 0 && weight >= (double)p->min_p * (1 - 1e-9);
}

static const char *judge_sample(const conf_case *c, const void *const outputs[WEFT_ARGUMENTS_MAX])
{
    for (size_t row = 0; row < conf_elements(c, 1); row++) {
        int32_t index = index_at(outputs[1], row);
        if (index < 0 || (size_t)index >= columns_of(c, 0) || !may_be_drawn(c, row, (size_t)index))
            return "an index was drawn that the filters leave out";
    }
    return NULL;
}

const conf_op conf_softmax = {"softmax", make_softmax, record_softmax, expect_softmax, NULL};
const conf_op conf_argmax = {"argmax", make_argmax, record_argmax, NULL, judge_argmax};
const conf_op conf_top_k = {"top_k", make_top_k, record_top_k, NULL, judge_top_k};
const conf_op conf_sample = {"sample", make_sample, record_sample, NULL, judge_sample};
