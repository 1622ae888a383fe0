#include "conformance/harness.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/dtype.h"
#include "runtime/buffer_impl.h"
#include "runtime/op_impl.h"

/* Elements that lie ahead of and behind every argument at least. */
#define GUARD_ELEMENTS 16u

/* What fills the bytes that an op does not declare as read: a NaN and -1, and large finite numbers. */
static const unsigned char rubbish[2] = {0xff, 0x7b};

static void *allocate(size_t bytes)
{
    void *data = calloc(1, bytes ? bytes : 1);
    ck_assert_ptr_nonnull(data);
    return data;
}

bool conf_one_in(weft__rng *rng, uint64_t n)
{
    return weft__rng_below(rng, n) == 0;
}

uint64_t conf_extent_some(weft__rng *rng, uint64_t most)
{
    static const uint64_t tiles[] = {4, 8, 14, 16, 32, 64, 128, 256};
    uint64_t extent = 1 + weft__rng_below(rng, most);
    if (conf_one_in(rng, 2))
        extent = tiles[weft__rng_below(rng, sizeof tiles / sizeof tiles[0])] + weft__rng_below(rng, 3) - 1;
    else if (conf_one_in(rng, 3))
        extent = 1 + weft__rng_below(rng, 3);
    return extent <= most ? extent : 1 + extent % most;
}

uint64_t conf_extent(weft__rng *rng, uint64_t most)
{
    return conf_one_in(rng, 24) ? 0 : conf_extent_some(rng, most);
}

uint64_t conf_extent_or(const conf_case *c, weft__rng *rng, uint64_t most, uint64_t large)
{
    return c->is_large ? large + weft__rng_below(rng, 1 + large / 8) : conf_extent(rng, most);
}

weft_shape conf_rows_shape(weft__rng *rng, uint64_t rows, uint64_t columns)
{
    uint32_t leading = (uint32_t)weft__rng_below(rng, 4);
    weft_shape shape = {.rank = leading + 1};
    for (uint32_t axis = 0; axis < leading; axis++) {
        bool is_last = axis + 1 == leading;
        uint64_t divisor = is_last || rows < 4 ? 1 : 1 + weft__rng_below(rng, 3);
        shape.extent[axis] = is_last ? rows : divisor;
        rows = rows / divisor;
    }
    shape.extent[leading] = columns;
    return shape;
}

weft_dtype conf_float_dtype(weft__rng *rng)
{
    return (weft_dtype)weft__rng_below(rng, 3);
}

static void place_at(conf_case *c, uint32_t argument, uint32_t memory, weft_shape shape, size_t offset_elements)
{
    c->arguments[argument] = (conf_argument){true, memory, c->memories[memory].dtype, shape, offset_elements};
    if (c->argument_count <= argument)
        c->argument_count = argument + 1;
}

void conf_place(conf_case *c, uint32_t argument, weft_dtype dtype, weft_shape shape, weft__rng *rng)
{
    size_t before = GUARD_ELEMENTS + (size_t)weft__rng_below(rng, 20);
    size_t after = GUARD_ELEMENTS + (size_t)weft__rng_below(rng, 20);
    size_t bytes = (before + (size_t)weft_shape_elements(&shape) + after) * weft_dtype_bytes(dtype);
    uint32_t memory = c->memory_count++;
    c->memories[memory] = (conf_memory){dtype,           bytes,           allocate(bytes),
                                        allocate(bytes), allocate(bytes), {allocate(bytes), allocate(bytes)}};
    place_at(c, argument, memory, shape, before);
}

void conf_place_same(conf_case *c, uint32_t argument, uint32_t as)
{
    place_at(c, argument, c->arguments[as].memory, c->arguments[as].shape, c->arguments[as].offset_elements);
}

void conf_place_within(conf_case *c, uint32_t argument, uint32_t of, weft_shape shape, size_t offset_elements)
{
    place_at(c, argument, c->arguments[of].memory, shape, c->arguments[of].offset_elements + offset_elements);
}

size_t conf_elements(const conf_case *c, uint32_t argument)
{
    return (size_t)weft_shape_elements(&c->arguments[argument].shape);
}

void *conf_data(const conf_case *c, uint32_t argument)
{
    const conf_argument *at = &c->arguments[argument];
    return c->memories[at->memory].data + at->offset_elements * weft_dtype_bytes(at->dtype);
}

double conf_load(weft_dtype dtype, const void *data, size_t index)
{
    if (dtype != WEFT_I32)
        return (double)weft__float_load(dtype, data, index);
    int32_t value;
    memcpy(&value, (const char *)data + index * sizeof value, sizeof value);
    return value;
}

double conf_value(const conf_case *c, uint32_t argument, size_t index)
{
    return conf_load(c->arguments[argument].dtype, conf_data(c, argument), index);
}

void conf_fill_normal(conf_case *c, uint32_t argument, weft__rng *rng, double deviation)
{
    static const float specials[] = {NAN, INFINITY, -INFINITY, 0.0f, -0.0f, 1e-40f, -3e-39f, 6e-8f};
    weft_dtype dtype = c->arguments[argument].dtype;
    void *data = conf_data(c, argument);
    size_t count = conf_elements(c, argument);
    for (size_t i = 0; i < count; i++)
        weft__float_store(dtype, data, i, (float)(deviation * weft__rng_normal(rng)));
    uint64_t changes = c->has_specials && count ? weft__rng_below(rng, 4) : 0;
    for (; changes > 0; changes--)
        weft__float_store(dtype, data, (size_t)weft__rng_below(rng, count),
                          specials[weft__rng_below(rng, sizeof specials / sizeof specials[0])]);
}

void conf_fill_bits(conf_case *c, uint32_t argument, weft__rng *rng)
{
    unsigned char *data = conf_data(c, argument);
    size_t bytes = conf_elements(c, argument) * weft_dtype_bytes(c->arguments[argument].dtype);
    for (size_t i = 0; i < bytes; i++)
        data[i] = (unsigned char)weft__rng_next_u64(rng);
}

static double unit_of(weft_dtype dtype)
{
    return dtype == WEFT_F32 ? 0x1p-24 : dtype == WEFT_F16 ? 0x1p-11 : 0x1p-8;
}

double conf_relative(weft_dtype dtype, double value, double factor)
{
    double smallest = dtype == WEFT_F16 ? 0x1p-14 : 0x1p-126;
    return factor * unit_of(dtype) * fmax(fabs(value), smallest);
}

/* Marks the declared bytes of one argument in the masks of its allocation. */
typedef struct marker {
    weft__range_sink sink;
    unsigned char *mask;
    size_t bytes;
} marker;

static void mark(weft__range_sink *sink, uint64_t begin_bytes, uint64_t end_bytes)
{
    marker *m = (marker *)(void *)sink;
    ck_assert_msg(begin_bytes < end_bytes && end_bytes <= m->bytes,
                  "a declared range [%llu, %llu) of an argument of %zu", (unsigned long long)begin_bytes,
                  (unsigned long long)end_bytes, m->bytes);
    memset(m->mask + begin_bytes, 1, (size_t)(end_bytes - begin_bytes));
}

static void mark_declared(conf_case *c)
{
    struct weft_buffer buffers[WEFT_ARGUMENTS_MAX];
    weft_dispatch dispatch = {.op = c->definition, .params = &c->params};
    for (uint32_t i = 0; i < c->argument_count; i++) {
        const conf_argument *argument = &c->arguments[i];
        memset(&buffers[i], 0, sizeof buffers[i]);
        buffers[i].dtype = argument->dtype;
        buffers[i].shape = argument->shape;
        buffers[i].bytes = conf_elements(c, i) * weft_dtype_bytes(argument->dtype);
        dispatch.arguments[i] = argument->present ? &buffers[i] : NULL;
    }
    for (uint32_t i = 0; i < c->argument_count; i++) {
        if (!c->arguments[i].present)
            continue;
        conf_memory *memory = &c->memories[c->arguments[i].memory];
        size_t offset = c->arguments[i].offset_elements * weft_dtype_bytes(memory->dtype);
        weft_role role;
        weft_op_argument(c->definition, i, NULL, &role, NULL);
        marker m = {{mark}, (role == WEFT_READ ? memory->reads : memory->writes) + offset, buffers[i].bytes};
        weft__dispatch_ranges(&dispatch, i, &m.sink);
    }
}

static void fill_before(conf_case *c)
{
    for (uint32_t i = 0; i < c->memory_count; i++) {
        const conf_memory *memory = &c->memories[i];
        for (size_t which = 0; which < 2; which++)
            for (size_t byte = 0; byte < memory->bytes; byte++)
                memory->before[which][byte] = memory->reads[byte] ? memory->data[byte] : rubbish[which];
    }
}

void conf_case_make(conf_case *c, const conf_op *op, uint64_t seed)
{
    *c = (conf_case){.op = op, .seed = seed};
    weft_error error;
    ck_assert_int_eq(weft_op_find(op->name, &c->definition, &error), WEFT_OK);
    weft__rng rng;
    weft__rng_init(&rng, seed);
    c->has_specials = conf_one_in(&rng, 6);
    c->is_large = conf_one_in(&rng, 12);
    op->make(c, &rng);
    ck_assert_uint_eq(c->argument_count, weft_op_argument_count(c->definition));
    mark_declared(c);
    fill_before(c);
}

void conf_case_free(conf_case *c)
{
    for (uint32_t i = 0; i < c->memory_count; i++) {
        free(c->memories[i].data);
        free(c->memories[i].reads);
        free(c->memories[i].writes);
        free(c->memories[i].before[0]);
        free(c->memories[i].before[1]);
    }
    c->memory_count = 0;
}

const char *conf_case_text(const conf_case *c, char text[CONF_TEXT_BYTES])
{
    int used = snprintf(text, CONF_TEXT_BYTES, "%s, seed %llu:", c->op->name, (unsigned long long)c->seed);
    for (uint32_t i = 0; i < c->argument_count && used < CONF_TEXT_BYTES; i++) {
        const conf_argument *argument = &c->arguments[i];
        const char *name;
        char shape[WEFT_SHAPE_TEXT_BYTES];
        weft_op_argument(c->definition, i, &name, NULL, NULL);
        size_t room = CONF_TEXT_BYTES - (size_t)used;
        if (!argument->present)
            used += snprintf(text + used, room, " %s NULL;", name);
        else
            used += snprintf(text + used, room, " %s %s %s at %zu of allocation %u;", name,
                             weft_shape_text(&argument->shape, shape), weft_dtype_name(argument->dtype),
                             argument->offset_elements, argument->memory);
    }
    return text;
}
