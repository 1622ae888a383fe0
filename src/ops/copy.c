#include "ops/ops_impl.h"

#include <stdio.h>

#include "base/status.h"
#include "ops/runs.h"

enum {
    SOURCE = 0,
    TARGET = 1
};

static const weft_copy_params whole; /* rank 0 */

void weft__copy_resolve(const weft_dispatch *dispatch, weft__copy_box *out)
{
    const weft_copy_params *params = dispatch->params;
    *out = (weft__copy_box){
        .rank = params->rank,
        .source_offset = params->source_offset,
        .target_offset = params->target_offset,
    };
    for (uint32_t axis = 0; axis < params->rank; axis++) {
        out->extent[axis] = params->extent[axis];
        out->source_stride[axis] = params->source_stride[axis];
        out->target_stride[axis] = params->target_stride[axis];
    }
    if (params->rank == 0)
        *out = (weft__copy_box){1, {weft__buffer_elements(dispatch->arguments[SOURCE])}, 0, 0, {1}, {1}};
}

static void start_runs(const weft_dispatch *dispatch, const weft__copy_box *box, uint32_t argument, weft__runs *out)
{
    size_t bytes = weft_dtype_bytes(dispatch->arguments[argument]->dtype);
    if (argument == SOURCE)
        weft__runs_start(out, box->rank, box->extent, box->source_stride, box->source_offset, bytes);
    else
        weft__runs_start(out, box->rank, box->extent, box->target_stride, box->target_offset, bytes);
}

static bool box_is_empty(const weft__copy_box *box)
{
    for (uint32_t axis = 0; axis < box->rank; axis++)
        if (box->extent[axis] == 0)
            return true;
    return false;
}

static weft_status fail_range(const weft_dispatch *dispatch, const weft__copy_box *box, uint32_t argument,
                              weft_error *err)
{
    const uint64_t *strides = argument == SOURCE ? box->source_stride : box->target_stride;
    weft_shape extent = {.rank = box->rank}, stride = {.rank = box->rank};
    for (uint32_t axis = 0; axis < box->rank; axis++) {
        extent.extent[axis] = box->extent[axis];
        stride.extent[axis] = strides[axis];
    }
    char extent_text[WEFT_SHAPE_TEXT_BYTES], stride_text[WEFT_SHAPE_TEXT_BYTES];
    weft__argument_text text;
    return weft__fail(err, WEFT_OUT_OF_RANGE,
                      "copy: a box %s with strides %s from element %llu does not lie inside %s.",
                      weft_shape_text(&extent, extent_text), weft_shape_text(&stride, stride_text),
                      (unsigned long long)(argument == SOURCE ? box->source_offset : box->target_offset),
                      weft__argument_describe(dispatch, argument, text));
}

static weft_status check_range(const weft_dispatch *dispatch, const weft__copy_box *box, uint32_t argument,
                               weft_error *err)
{
    uint64_t last = argument == SOURCE ? box->source_offset : box->target_offset;
    const uint64_t *stride = argument == SOURCE ? box->source_stride : box->target_stride;
    bool overflows = false;
    for (uint32_t axis = 0; axis < box->rank; axis++) {
        uint64_t reach;
        overflows |= __builtin_mul_overflow(box->extent[axis] - 1, stride[axis], &reach);
        overflows |= __builtin_add_overflow(last, reach, &last);
    }
    if (overflows || last >= weft__buffer_elements(dispatch->arguments[argument]))
        return fail_range(dispatch, box, argument, err);
    return WEFT_OK;
}

/* Refuses every box in which two elements could meet: from the smallest stride up, each must step over all that the
 * axes before it reach. */
static weft_status check_targets_differ(const weft__copy_box *box, weft_error *err)
{
    bool is_placed[4] = {false, false, false, false};
    uint64_t reach = 0;
    for (uint32_t placed = 0; placed < box->rank; placed++) {
        uint32_t next = box->rank;
        for (uint32_t axis = 0; axis < box->rank; axis++)
            if (!is_placed[axis] && (next == box->rank || box->target_stride[axis] < box->target_stride[next]))
                next = axis;
        is_placed[next] = true;
        if (box->extent[next] == 1)
            continue;
        if (box->target_stride[next] <= reach)
            return weft__fail(
                err, WEFT_INVALID_ARGUMENT,
                "copy: the target stride %llu of axis %u does not step over the %llu elements that axes with "
                "smaller strides reach, so elements could share a target.",
                (unsigned long long)box->target_stride[next], (unsigned)next, (unsigned long long)reach + 1);
        reach += (box->extent[next] - 1) * box->target_stride[next];
    }
    return WEFT_OK;
}

static weft_status check_apart(const weft_dispatch *dispatch, const weft__copy_box *box, weft_error *err)
{
    if (dispatch->arguments[SOURCE]->allocation != dispatch->arguments[TARGET]->allocation)
        return WEFT_OK;
    weft__runs runs[2];
    for (uint32_t argument = SOURCE; argument <= TARGET; argument++) {
        start_runs(dispatch, box, argument, &runs[argument]);
        runs[argument].begin += dispatch->arguments[argument]->offset_bytes;
    }
    if (!weft__runs_overlap(&runs[SOURCE], &runs[TARGET]))
        return WEFT_OK;
    weft__argument_text source, target;
    return weft__fail(err, WEFT_INVALID_ARGUMENT,
                      "copy: what is read of %s and what is written of %s overlap in their common memory.",
                      weft__argument_describe(dispatch, SOURCE, source),
                      weft__argument_describe(dispatch, TARGET, target));
}

static weft_status check_dtypes(const weft_dispatch *dispatch, weft_error *err)
{
    const weft_buffer *source = dispatch->arguments[SOURCE], *target = dispatch->arguments[TARGET];
    if (source->dtype == target->dtype || (weft__takes_float(source) && weft__takes_float(target)))
        return WEFT_OK;
    weft__argument_text source_text, target_text;
    return weft__fail(
        err, WEFT_SHAPE_MISMATCH, "copy: %s and %s must have one dtype, or be of two among f32, f16 and bf16.",
        weft__argument_describe(dispatch, SOURCE, source_text), weft__argument_describe(dispatch, TARGET, target_text));
}

static weft_status check_whole(const weft_dispatch *dispatch, weft_error *err)
{
    if (weft__buffer_elements(dispatch->arguments[SOURCE]) == weft__buffer_elements(dispatch->arguments[TARGET]))
        return WEFT_OK;
    weft__argument_text source, target;
    return weft__fail(err, WEFT_SHAPE_MISMATCH, "copy: %s has %llu elements, but %s has %llu.",
                      weft__argument_describe(dispatch, SOURCE, source),
                      (unsigned long long)weft__buffer_elements(dispatch->arguments[SOURCE]),
                      weft__argument_describe(dispatch, TARGET, target),
                      (unsigned long long)weft__buffer_elements(dispatch->arguments[TARGET]));
}

static weft_status check_copy(const weft_dispatch *dispatch, weft_error *err)
{
    const weft_copy_params *params = dispatch->params;
    if (params->rank > 4)
        return weft__fail(err, WEFT_INVALID_ARGUMENT, "copy: a box has at most 4 axes, not %u.",
                          (unsigned)params->rank);
    weft_status status = check_dtypes(dispatch, err);
    if (status == WEFT_OK && params->rank == 0)
        status = check_whole(dispatch, err);
    weft__copy_box box;
    weft__copy_resolve(dispatch, &box);
    if (status != WEFT_OK || box_is_empty(&box))
        return status;
    status = check_range(dispatch, &box, SOURCE, err);
    if (status == WEFT_OK)
        status = check_range(dispatch, &box, TARGET, err);
    if (status == WEFT_OK)
        status = check_targets_differ(&box, err);
    if (status == WEFT_OK)
        status = check_apart(dispatch, &box, err);
    return status;
}

static bool ranges_copy(const weft_dispatch *dispatch, uint32_t argument, weft__range_sink *sink)
{
    weft__copy_box box;
    weft__copy_resolve(dispatch, &box);
    weft__runs runs;
    start_runs(dispatch, &box, argument, &runs);
    uint64_t begin, end;
    while (weft__runs_next_joined(&runs, &begin, &end))
        sink->take(sink, begin, end);
    return true;
}

const weft_op weft__op_copy = {
    .name = "copy",
    .index = WEFT__OP_COPY,
    .argument_count = 2,
    .arguments = {{"source", WEFT_READ, false}, {"target", WEFT_WRITE, false}},
    .params_bytes = sizeof(weft_copy_params),
    .checks_overlap_itself = true,
    .check = check_copy,
    .ranges = ranges_copy,
};

weft_status weft_copy(weft_encoder *encoder, const weft_buffer *source, weft_buffer *target,
                      const weft_copy_params *params, weft_error *err)
{
    return weft_encoder_dispatch(encoder, &weft__op_copy, (const weft_buffer *const[]){source, target}, 2,
                                 params ? params : &whole, err);
}
