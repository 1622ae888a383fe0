/* add, mul, scale, silu_mul, gelu_mul. Whose block an element of the output lies in computes it. */
#include "devices/sim/sim_impl.h"
#include "ops/ops_impl.h"

/* The tensors of a chunk that are made after the loads, at most: two results, and one of them cast. */
#define RESULT_BYTES 8u

/* What an op makes of its first `inputs` arguments, which are f32. */
typedef tl_tensor compute(weft_tile *tl, const weft__sim_call *call, const tl_tensor *inputs);

static void run(weft_tile *tl, const weft__sim_call *call, uint32_t inputs, compute *make)
{
    const weft__sim_view *out = &call->arguments[inputs];
    weft__sim_rows own = weft__sim_own_rows(tl, out, 1);
    uint64_t each = (inputs + 1) * weft__sim_f32_bytes(out) + RESULT_BYTES;
    if (own.count == 0)
        return;
    uint64_t most = weft__sim_elements_at_once(tl, call, each, own.count);
    for (uint64_t done = 0; done < own.count; done += most) {
        tl_tensor loaded[2];
        uint64_t mark = tl_mark(tl), first = own.first + done;
        uint64_t count = own.count - done < most ? own.count - done : most;
        for (uint32_t i = 0; i < inputs; i++)
            loaded[i] = weft__sim_load_f32(tl, &call->arguments[i], first, count);
        weft__sim_store_f32(tl, out, first, make(tl, call, loaded));
        tl_release(tl, mark);
    }
}

/* ---- add, mul ---- */

static tl_tensor make_sum(weft_tile *tl, const weft__sim_call *call, const tl_tensor *inputs)
{
    (void)call;
    return tl_add(tl, inputs[0], inputs[1]);
}

static void run_add(weft_tile *tl, const void *arguments)
{
    run(tl, arguments, 2, make_sum);
}

static tl_tensor make_product(weft_tile *tl, const weft__sim_call *call, const tl_tensor *inputs)
{
    (void)call;
    return tl_mul(tl, inputs[0], inputs[1]);
}

static void run_mul(weft_tile *tl, const void *arguments)
{
    run(tl, arguments, 2, make_product);
}

/* ---- scale ---- */

static tl_tensor make_scaled(weft_tile *tl, const weft__sim_call *call, const tl_tensor *inputs)
{
    const weft__scale_params *params = call->dispatch->params;
    return tl_mul(tl, inputs[0], tl_full(tl, weft_shape_1d(1), WEFT_F32, (double)params->factor));
}

static void run_scale(weft_tile *tl, const void *arguments)
{
    run(tl, arguments, 1, make_scaled);
}

/* ---- gated ---- */

static tl_tensor make_silu_product(weft_tile *tl, const weft__sim_call *call, const tl_tensor *inputs)
{
    (void)call;
    return tl_mul(tl, tl_silu(tl, inputs[0]), inputs[1]);
}

static void run_silu_mul(weft_tile *tl, const void *arguments)
{
    run(tl, arguments, 2, make_silu_product);
}

static tl_tensor make_gelu_product(weft_tile *tl, const weft__sim_call *call, const tl_tensor *inputs)
{
    (void)call;
    return tl_mul(tl, tl_gelu(tl, inputs[0]), inputs[1]);
}

static void run_gelu_mul(weft_tile *tl, const void *arguments)
{
    run(tl, arguments, 2, make_gelu_product);
}

const weft__sim_kernel weft__sim_kernel_add = {.kernel = {&weft__op_add}, .tile = run_add};
const weft__sim_kernel weft__sim_kernel_mul = {.kernel = {&weft__op_mul}, .tile = run_mul};
const weft__sim_kernel weft__sim_kernel_scale = {.kernel = {&weft__op_scale}, .tile = run_scale};
const weft__sim_kernel weft__sim_kernel_silu_mul = {.kernel = {&weft__op_silu_mul}, .tile = run_silu_mul};
const weft__sim_kernel weft__sim_kernel_gelu_mul = {.kernel = {&weft__op_gelu_mul}, .tile = run_gelu_mul};
