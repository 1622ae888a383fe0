#include "kernels/cpu/kernels.h"

#include "kernels/cpu/attention.h"

static const weft__cpu_kernels *const tables[WEFT__ISA_COUNT] = {
    [WEFT__ISA_SCALAR] = &weft__cpu_kernels_scalar,
#if WEFT__X86_64
    [WEFT__ISA_AVX2] = &weft__cpu_kernels_avx2,
    [WEFT__ISA_AVX512] = &weft__cpu_kernels_avx512,
#endif
};

const weft__cpu_kernels *weft__cpu_kernels_for(weft__isa isa)
{
    size_t index = (size_t)isa;
    return index < WEFT__ISA_COUNT ? tables[index] : NULL;
}

size_t weft__cpu_rope_scratch_bytes(const weft__rope_args *args)
{
    size_t padded_pairs = weft__pad(args->rotary_dims / 2);
    return padded_pairs * (sizeof(double) + 4 * sizeof(float));
}

weft__attention_plan weft__cpu_attention_plan(const weft__attention_args *args)
{
    weft__attention_plan plan = {0, 0, 0, 0};
    if (args->tokens == 0 || args->heads == 0 || args->head_dim == 0)
        return plan;
    weft__attention_cut cut = weft__attention_cut_of(args);
    plan.tasks = cut.head_tasks * cut.tiles * cut.chunks;
    plan.scratch_bytes =
        cut.task_heads * (sizeof(weft__attention_tile) + weft__attention_tile_floats(&cut) * sizeof(float));
    if (cut.chunks > 1) {
        plan.merge_tasks = args->kv_heads * cut.rows;
        /* the most chunks for this many keys or fewer: chunks get longer before they get more again */
        size_t most = cut.chunk_keys > WEFT__ATTENTION_CHUNK ? WEFT__ATTENTION_CHUNKS : cut.chunks;
        plan.shared_bytes = args->kv_heads * most * cut.rows * weft__attention_partial_floats(&cut) * sizeof(float);
    }
    return plan;
}
