#include "ops/ops_impl.h"

#include <stdio.h>

#include "base/status.h"

const char *weft__argument_describe(const weft_dispatch *dispatch, uint32_t argument, weft__argument_text text)
{
    const weft_buffer *buffer = dispatch->arguments[argument];
    char shape[WEFT_SHAPE_TEXT_BYTES];
    snprintf(text, WEFT__ARGUMENT_TEXT_BYTES, "%s %s %s", dispatch->op->arguments[argument].name,
             weft_shape_text(&buffer->shape, shape), weft_dtype_name(buffer->dtype));
    return text;
}

weft_status weft__fail_dtype(const weft_dispatch *dispatch, uint32_t argument, const char *takes, weft_error *err)
{
    weft__argument_text text;
    return weft__fail(err, WEFT_UNSUPPORTED, "%s: %s must be %s.", dispatch->op->name,
                      weft__argument_describe(dispatch, argument, text), takes);
}

weft_status weft__fail_unlike(const weft_dispatch *dispatch, uint32_t argument, uint32_t like, const char *what,
                              weft_error *err)
{
    weft__argument_text text, like_text;
    return weft__fail(err, WEFT_SHAPE_MISMATCH, "%s: %s must have the %s of %s.", dispatch->op->name,
                      weft__argument_describe(dispatch, argument, text), what,
                      weft__argument_describe(dispatch, like, like_text));
}

weft_status weft__fail_rank(const weft_dispatch *dispatch, uint32_t argument, uint32_t rank, weft_error *err)
{
    weft__argument_text text;
    return weft__fail(err, WEFT_SHAPE_MISMATCH, "%s: %s must have %u ax%s.", dispatch->op->name,
                      weft__argument_describe(dispatch, argument, text), (unsigned)rank, rank == 1 ? "is" : "es");
}

uint64_t weft__buffer_rows(const weft_buffer *buffer)
{
    weft_shape leading = buffer->shape;
    if (leading.rank)
        leading.rank--;
    return weft_shape_elements(&leading);
}
