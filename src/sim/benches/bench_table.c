#include "sim/benches/bench.h"

const weft__bench *const weft__benches[] = {
    &weft__bench_allreduce,      &weft__bench_gemm_composite,
    &weft__bench_gemm_single_pe, &weft__bench_gpt3_qkv,
    &weft__bench_mesh_attention, &weft__bench_mlp_tensor_parallel,
    &weft__bench_qkv_gemm,       &weft__bench_rms_norm,
    &weft__bench_softmax,        NULL,
};
