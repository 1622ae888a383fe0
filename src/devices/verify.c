/* Verifiers: the device `ref` beside another one. */
#include <weft/verify.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/dtype.h"
#include "base/status.h"
#include "devices/ref/driver.h"
#include "ops/bounds.h"
#include "runtime/allocation.h"
#include "runtime/device_impl.h"
#include "runtime/encoder_impl.h"
#include "runtime/label.h"
#include "runtime/verifier_impl.h"

_Static_assert(WEFT_VERIFIER_LABEL_BYTES >= WEFT__LABEL_BYTES, "labels fit");

/* Bytes of an allocation of the device that one argument has, or several that overlap. */
typedef struct region {
    const weft__allocation *of; /* NULL: taken up by another region */
    size_t begin, end;
    unsigned char *before; /* what it held */
    weft_buffer *copy;     /* the same on `ref`, which computes there; u8 */
} region;

/* A weft_verifier whose parts are known. */
typedef struct comparison {
    weft_verifier verifier; /* first */
    weft_device *ref;
    weft_encoder *encoder;
    weft_verifier_info info;
    /* Of the dispatch under way. */
    region regions[WEFT_ARGUMENTS_MAX];
    uint32_t region_of[WEFT_ARGUMENTS_MAX];
    weft_buffer *arguments[WEFT_ARGUMENTS_MAX]; /* views of the copies */
} comparison;

static comparison *of(weft_verifier *verifier)
{
    return (comparison *)(void *)verifier;
}

/* ---- what a dispatch works on ---- */

static void drop(comparison *it)
{
    for (uint32_t i = 0; i < WEFT_ARGUMENTS_MAX; i++) {
        weft_buffer_destroy(it->arguments[i]);
        weft_buffer_destroy(it->regions[i].copy);
        free(it->regions[i].before);
        it->arguments[i] = NULL;
        it->regions[i] = (region){.of = NULL};
    }
}

static bool overlaps(const region *a, const region *b)
{
    return a->of && a->of == b->of && a->begin < b->end && b->begin < a->end;
}

/* Takes b up into a. */
static void join(comparison *it, uint32_t a, uint32_t b)
{
    region *into = &it->regions[a], *from = &it->regions[b];
    into->begin = from->begin < into->begin ? from->begin : into->begin;
    into->end = from->end > into->end ? from->end : into->end;
    *from = (region){.of = NULL};
    for (uint32_t i = 0; i < WEFT_ARGUMENTS_MAX; i++)
        it->region_of[i] = it->region_of[i] == b ? a : it->region_of[i];
}

static void find_regions(comparison *it, const weft_dispatch *dispatch)
{
    uint32_t count = dispatch->op->argument_count;
    for (uint32_t i = 0; i < count; i++) {
        const weft_buffer *buffer = dispatch->arguments[i];
        it->region_of[i] = i;
        if (buffer)
            it->regions[i] = (region){
                .of = buffer->allocation, .begin = buffer->offset_bytes, .end = buffer->offset_bytes + buffer->bytes};
    }
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t j = 0; j < count; j++)
            if (i != j && overlaps(&it->regions[i], &it->regions[j])) {
                join(it, i, j);
                j = UINT32_MAX; /* it is larger now: all of them anew */
            }
}

static weft_status read_device(const weft__allocation *allocation, size_t offset, size_t bytes, void *out,
                               weft_error *err)
{
    const weft__device_table *table = allocation->device->table;
    if (bytes == 0)
        return WEFT_OK;
    if (table->memory_read)
        return table->memory_read(allocation->device, allocation, offset, out, bytes, err);
    memcpy(out, (const char *)allocation->data + offset, bytes);
    return WEFT_OK;
}

static weft_status copy_region(const comparison *it, region *at, weft_error *err)
{
    size_t bytes = at->end - at->begin;
    weft_shape shape = weft_shape_1d(bytes);
    at->before = malloc(bytes ? bytes : 1);
    if (!at->before)
        return weft__fail_memory(err, bytes, "the arguments of a dispatch");
    weft_status status = read_device(at->of, at->begin, bytes, at->before, err);
    if (status == WEFT_OK)
        status = weft_buffer_create(it->ref, WEFT_U8, &shape, &at->copy, err);
    return status == WEFT_OK ? weft_buffer_write(at->copy, 0, at->before, bytes, err) : status;
}

/* A handle on the copy of an argument, of the argument's dtype and shape. */
static weft_status view_copy(comparison *it, uint32_t argument, const weft_buffer *buffer, weft_error *err)
{
    const region *at = &it->regions[it->region_of[argument]];
    weft__allocation *allocation = at->copy->allocation;
    atomic_fetch_add_explicit(&allocation->references, 1, memory_order_relaxed);
    weft_status status =
        weft__buffer_over(allocation, buffer->dtype, &buffer->shape, buffer->bytes, &it->arguments[argument], err);
    if (status != WEFT_OK)
        return status;
    it->arguments[argument]->offset_bytes = buffer->offset_bytes - at->begin;
    it->arguments[argument]->data += it->arguments[argument]->offset_bytes;
    return WEFT_OK;
}

static weft_status begin(weft_verifier *verifier, const weft_dispatch *dispatch, weft_error *err)
{
    comparison *it = of(verifier);
    weft_status status = WEFT_OK;
    find_regions(it, dispatch);
    for (uint32_t i = 0; i < WEFT_ARGUMENTS_MAX && status == WEFT_OK; i++)
        if (it->regions[i].of)
            status = copy_region(it, &it->regions[i], err);
    for (uint32_t i = 0; i < dispatch->op->argument_count && status == WEFT_OK; i++)
        if (dispatch->arguments[i])
            status = view_copy(it, i, dispatch->arguments[i], err);
    if (status != WEFT_OK)
        drop(it);
    return status;
}

/* ---- comparing ---- */

static weft__bound_call call_of(const comparison *it, const weft_dispatch *dispatch)
{
    weft__bound_call call = {.op = dispatch->op, .params = dispatch->params};
    for (uint32_t i = 0; i < dispatch->op->argument_count; i++) {
        const weft_buffer *copy = it->arguments[i];
        if (copy)
            call.arguments[i] = (weft__bound_argument){it->regions[it->region_of[i]].before + copy->offset_bytes,
                                                       copy->dtype, copy->shape};
    }
    return call;
}

static weft_verifier_element element_at(const weft_dispatch *dispatch, uint32_t argument, size_t index, double actual,
                                        double expected, double bound)
{
    weft_verifier_element out = {.dispatch = dispatch->index,
                                 .op = dispatch->op->name,
                                 .argument = dispatch->op->arguments[argument].name,
                                 .element = index,
                                 .actual = actual,
                                 .expected = expected,
                                 .bound = bound};
    weft__label_copy(out.label, dispatch->label);
    return out;
}

static double share_of(const weft_verifier_element *at)
{
    double apart = at->actual > at->expected ? at->actual - at->expected : at->expected - at->actual;
    return at->op && at->bound > 0 && apart > 0 ? apart / at->bound : 0;
}

static weft_status fail_different(const weft_dispatch *dispatch, const weft_verifier_element *at, weft_error *err)
{
    const char *scheme = dispatch->arguments[0]->allocation->device->table->scheme;
    if (at->bound > 0)
        return weft__fail(err, WEFT_INTERNAL,
                          "Element %" PRIu64 " of %s is %.9g on device '%s' and %.9g on ref; they may differ by %.3g.",
                          at->element, at->argument, at->actual, scheme, at->expected, at->bound);
    return weft__fail(err, WEFT_INTERNAL,
                      "Element %" PRIu64 " of %s is %.9g on device '%s' and must be %.9g, as on ref.", at->element,
                      at->argument, at->actual, scheme, at->expected);
}

/* Element by element, of outputs that have not the same bytes. `expected` and `bounds` have room for all of them. */
static weft_status compare_elements(comparison *it, const weft_dispatch *dispatch, uint32_t argument,
                                    const void *actual, double *expected, double *bounds, weft_error *err)
{
    const weft_buffer *copy = it->arguments[argument];
    size_t count = weft__buffer_elements(copy), each = weft_dtype_bytes(copy->dtype);
    const weft__bound_call call = call_of(it, dispatch);
    for (size_t i = 0; i < count; i++)
        expected[i] = weft__bound_value(copy->dtype, copy->data, i);
    weft__op_bounds(&call, argument, expected, bounds);
    bool is_float = copy->dtype == WEFT_F64 || weft__dtype_is_float(copy->dtype);
    for (size_t i = 0; i < count; i++) {
        double value = weft__bound_value(copy->dtype, actual, i);
        double bound = weft__bound_slack(copy->dtype, expected[i], bounds[i]);
        const weft_verifier_element at = element_at(dispatch, argument, i, value, expected[i], bound);
        bool is_same = is_float ? weft__bound_holds(value, expected[i], bound)
                                : memcmp((const char *)actual + i * each, copy->data + i * each, each) == 0;
        if (!is_same) {
            it->info.different = at;
            return fail_different(dispatch, &at, err);
        }
        if (share_of(&at) > share_of(&it->info.closest))
            it->info.closest = at;
    }
    return WEFT_OK;
}

static weft_status compare(comparison *it, const weft_dispatch *dispatch, uint32_t argument, weft_error *err)
{
    const weft_buffer *buffer = dispatch->arguments[argument];
    size_t count = weft__buffer_elements(buffer);
    size_t value_bytes = (buffer->bytes + sizeof(double) - 1) / sizeof(double) * sizeof(double);
    size_t bytes = value_bytes + 2 * count * sizeof(double);
    unsigned char *memory = malloc(bytes ? bytes : 1);
    if (!memory)
        return weft__fail_memory(err, bytes, "the output of a dispatch");
    double *expected = (double *)(void *)(memory + value_bytes);
    weft_status status = read_device(buffer->allocation, buffer->offset_bytes, buffer->bytes, memory, err);
    it->info.elements += count;
    if (status == WEFT_OK && memcmp(memory, it->arguments[argument]->data, buffer->bytes) != 0)
        status = compare_elements(it, dispatch, argument, memory, expected, expected + count, err);
    free(memory);
    return status;
}

static weft_status run_ref(const comparison *it, const weft_dispatch *dispatch, weft_error *err)
{
    const weft_buffer *arguments[WEFT_ARGUMENTS_MAX] = {NULL};
    for (uint32_t i = 0; i < dispatch->op->argument_count; i++)
        arguments[i] = it->arguments[i];
    weft_status status = weft_encoder_reset(it->encoder, err);
    if (status == WEFT_OK)
        status = weft_encoder_dispatch(it->encoder, dispatch->op, arguments, dispatch->op->argument_count,
                                       dispatch->params, err);
    return status == WEFT_OK ? weft_encoder_commit_and_wait(it->encoder, "ref", err) : status;
}

static weft_status end(weft_verifier *verifier, const weft_dispatch *dispatch, weft_error *err)
{
    comparison *it = of(verifier);
    it->info.dispatches++;
    weft_status status = run_ref(it, dispatch, err);
    for (uint32_t i = 0; i < dispatch->op->argument_count && status == WEFT_OK; i++)
        if (dispatch->arguments[i] && dispatch->op->arguments[i].role & WEFT_WRITE)
            status = compare(it, dispatch, i, err);
    drop(it);
    return status;
}

/* ---- making and ending ---- */

weft_status weft_verifier_create(weft_verifier **out, weft_error *err)
{
    *out = NULL;
    comparison *it = calloc(1, sizeof *it);
    if (!it)
        return weft__fail_memory(err, sizeof *it, "a verifier");
    it->verifier = (weft_verifier){.begin = begin, .end = end};
    const weft__device_options options = {.path = ""};
    weft_status status = weft__device_create(&weft__ref_device, &options, &it->ref, err);
    if (status == WEFT_OK)
        status = weft_encoder_create(it->ref, NULL, &it->encoder, err);
    if (status != WEFT_OK) {
        weft_verifier_destroy(&it->verifier);
        return status;
    }
    *out = &it->verifier;
    return WEFT_OK;
}

void weft_verifier_destroy(weft_verifier *verifier)
{
    if (!verifier)
        return;
    comparison *it = of(verifier);
    drop(it);
    weft_encoder_destroy(it->encoder);
    weft_device_close(it->ref);
    free(it);
}

void weft_verifier_get_info(const weft_verifier *verifier, weft_verifier_info *out)
{
    *out = ((const comparison *)(const void *)verifier)->info;
}
