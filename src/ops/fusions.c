/* Which ops graphs may put in the place of others: see graph.h. */
#include <weft/graph.h>

#include <string.h>

#include "ops/ops_impl.h"
#include "runtime/graph_impl.h"

static void params_of_norm_first(const weft_dispatch *const *parts, void *out)
{
    memcpy(out, parts[0]->params, sizeof(weft_rms_norm_params));
}

static void params_of_norm_last(const weft_dispatch *const *parts, void *out)
{
    memcpy(out, parts[1]->params, sizeof(weft_rms_norm_params));
}

static void params_of_norm_and_rope(const weft_dispatch *const *parts, void *out)
{
    weft_rms_norm_rope_params *params = out;
    memcpy(&params->norm, parts[0]->params, sizeof params->norm);
    memcpy(&params->rope, parts[1]->params, sizeof params->rope);
}

/* Of a rule, the first that fits counts. Arguments are those of the ops in ops.h, part by part. */
static const weft__fusion fusions[] = {
    /* gate = matmul(x, gate_weight), up = matmul(x, up_weight), silu_mul(gate, up) */
    {.fused = &weft__op_gate_up_silu,
     .last = &weft__op_silu_mul,
     .producer_count = 2,
     .producers = {{&weft__op_matmul, 0, false}, {&weft__op_matmul, 1, false}},
     .arguments = {{0, 0}, {0, 1}, {1, 1}, {2, 2}},
     .shares_first = true},
    /* sum = add(a, b), rms_norm(sum, weight) */
    {.fused = &weft__op_add_rms_norm,
     .last = &weft__op_rms_norm,
     .producer_count = 1,
     .producers = {{&weft__op_add, 0, true}},
     .arguments = {{0, 0}, {0, 1}, {1, 1}, {0, 2}, {1, 2}},
     .params = params_of_norm_last},
    /* normed = rms_norm(x, weight), rope(normed, positions) */
    {.fused = &weft__op_rms_norm_rope,
     .last = &weft__op_rope,
     .producer_count = 1,
     .producers = {{&weft__op_rms_norm, 0, false}},
     .arguments = {{0, 0}, {0, 1}, {1, 1}, {1, 2}},
     .params = params_of_norm_and_rope},
    /* normed = rms_norm(x, weight), mul(normed, other) or mul(other, normed) */
    {.fused = &weft__op_rms_norm_mul,
     .last = &weft__op_mul,
     .producer_count = 1,
     .producers = {{&weft__op_rms_norm, 0, false}},
     .arguments = {{0, 0}, {0, 1}, {1, 1}, {1, 2}},
     .params = params_of_norm_first},
    {.fused = &weft__op_rms_norm_mul,
     .last = &weft__op_mul,
     .producer_count = 1,
     .producers = {{&weft__op_rms_norm, 1, false}},
     .arguments = {{0, 0}, {0, 1}, {1, 0}, {1, 2}},
     .params = params_of_norm_first},
};

weft_status weft_graph_optimise(weft_graph *graph, const weft_graph_options *options, weft_error *err)
{
    return weft__replay_optimise(graph, options, fusions, sizeof fusions / sizeof fusions[0], err);
}
