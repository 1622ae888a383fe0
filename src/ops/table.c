#include "ops/ops_impl.h"

#include <string.h>

#include "base/nearest.h"
#include "base/status.h"

static const weft_op *const ops[WEFT__OP_COUNT] = {
    [WEFT__OP_ADD] = &weft__op_add,
    [WEFT__OP_MUL] = &weft__op_mul,
    [WEFT__OP_SCALE] = &weft__op_scale,
    [WEFT__OP_SILU_MUL] = &weft__op_silu_mul,
    [WEFT__OP_GELU_MUL] = &weft__op_gelu_mul,
    [WEFT__OP_COPY] = &weft__op_copy,
    [WEFT__OP_EMBEDDING] = &weft__op_embedding,
    [WEFT__OP_RMS_NORM] = &weft__op_rms_norm,
    [WEFT__OP_ROPE] = &weft__op_rope,
    [WEFT__OP_MATMUL] = &weft__op_matmul,
    [WEFT__OP_ATTENTION] = &weft__op_attention,
    [WEFT__OP_SOFTMAX] = &weft__op_softmax,
    [WEFT__OP_ARGMAX] = &weft__op_argmax,
    [WEFT__OP_TOP_K] = &weft__op_top_k,
    [WEFT__OP_SAMPLE] = &weft__op_sample,
    [WEFT__OP_RMS_NORM_MUL] = &weft__op_rms_norm_mul,
    [WEFT__OP_ADD_RMS_NORM] = &weft__op_add_rms_norm,
    [WEFT__OP_RMS_NORM_ROPE] = &weft__op_rms_norm_rope,
    [WEFT__OP_GATE_UP_SILU] = &weft__op_gate_up_silu,
};

_Static_assert((int)WEFT__OP_COUNT <= WEFT__OPS_MAX, "a registry has room for every op");

size_t weft_op_count(void)
{
    return WEFT__OP_COUNT;
}

const weft_op *weft_op_at(size_t index)
{
    return index < WEFT__OP_COUNT ? ops[index] : NULL;
}

static const char *name_at(const void *context, size_t index)
{
    (void)context;
    return ops[index]->name;
}

weft_status weft_op_find(const char *name, const weft_op **out, weft_error *err)
{
    if (!out)
        return weft__fail(err, WEFT_INVALID_ARGUMENT, "weft_op_find: out must not be NULL.");
    *out = NULL;
    if (!name)
        return weft__fail(err, WEFT_INVALID_ARGUMENT, "weft_op_find: name must not be NULL.");
    for (size_t i = 0; i < WEFT__OP_COUNT; i++) {
        if (strcmp(ops[i]->name, name) == 0) {
            *out = ops[i];
            return WEFT_OK;
        }
    }
    return weft__fail(err, WEFT_NOT_FOUND, "There is no op '%.64s'; the nearest name is '%s'.", name,
                      weft__nearest(name, WEFT__OP_COUNT, name_at, NULL));
}

const char *weft_op_name(const weft_op *op)
{
    return op->name;
}

size_t weft_op_argument_count(const weft_op *op)
{
    return op->argument_count;
}

void weft_op_argument(const weft_op *op, size_t index, const char **name, weft_role *role, bool *optional)
{
    const weft__argument *argument = &op->arguments[index];
    if (name)
        *name = argument->name;
    if (role)
        *role = argument->role;
    if (optional)
        *optional = argument->optional;
}

size_t weft_op_params_bytes(const weft_op *op)
{
    return op->params_bytes;
}
