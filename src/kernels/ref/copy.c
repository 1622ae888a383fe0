#include "kernels/ref/ref.h"

#include <string.h>

#include "base/dtype.h"

static void copy_element(const weft__copy_args *args, size_t source, size_t target)
{
    if (args->source_dtype == args->target_dtype) {
        size_t bytes = weft_dtype_bytes(args->source_dtype);
        memcpy((char *)args->target + target * bytes, (const char *)args->source + source * bytes, bytes);
        return;
    }
    weft__float_store(args->target_dtype, args->target, target,
                      weft__float_load(args->source_dtype, args->source, source));
}

void weft__ref_copy(const weft__copy_args *args)
{
    size_t elements = 1;
    for (uint32_t axis = 0; axis < args->rank; ++axis)
        elements *= args->extent[axis];
    for (size_t element = 0; element < elements; ++element) {
        size_t rest = element;
        size_t source = 0;
        size_t target = 0;
        for (uint32_t axis = args->rank; axis-- > 0;) {
            size_t coordinate = rest % args->extent[axis];
            rest /= args->extent[axis];
            source += coordinate * args->source_stride[axis];
            target += coordinate * args->target_stride[axis];
        }
        copy_element(args, source, target);
    }
}

weft__fault weft__ref_embedding(const weft__embedding_args *args)
{
    for (size_t token = 0; token < args->tokens; ++token) {
        int32_t id = args->ids[token];
        if (id < 0 || (size_t)id >= args->vocabulary)
            return (weft__fault){WEFT__FAULT_ID, token, 0, id};
        for (size_t i = 0; i < args->dims; ++i) {
            float value = weft__float_load(args->table_dtype, args->table, (size_t)id * args->dims + i);
            args->out[token * args->dims + i] = value * args->scale;
        }
    }
    return (weft__fault){WEFT__FAULT_NONE, 0, 0, 0};
}
