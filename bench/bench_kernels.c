/* Kernels of the cpu device other than matmul, on one core: bytes moved per second as a share of a memory copy, prefill
 * attention as a share of the multiply-adds that the registers can take.
 *
 * Everything is measured in turns, several rounds over all cases, and the fastest sample of each counts: a neighbour
 * that slows the machine down for a while then slows both sides of a ratio, or neither. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench_data.h"
#include "bench_machine.h"
#include "bench_timer.h"
#include "kernels/cpu/kernels.h"
#include "kernels/ref/ref.h"

enum {
    ROUNDS = 4,
    SAMPLES_PER_ROUND = 4,
    HEAD_DIM = 128
};

static const double sample_ns = 2e6;
static const size_t array_bytes = (size_t)128 << 20;

typedef struct bench bench;
typedef struct bench_case bench_case;

/* One line of the report. `bytes` and `flops` are per call; those that are 0 are not reported. */
struct bench_case {
    const char *name;
    void (*run)(const bench_case *);
    size_t size;
    weft_dtype dtype;
    double bytes;
    double flops;
    size_t tokens, heads, kv_heads; /* attention, whose size is the number of keys */
    const bench *all;
    const weft__cpu_kernels *kernels;
    bench_samples samples;
};

struct bench {
    void *arrays[4];      /* each of array_bytes; two to read, one to write, one for scratch */
    float logits[151936]; /* as a language model gives them: a few stand out */
    bench_memory memory;
    bench_samples copy;
    bench_samples read;
    bench_multiply_adds peak_work[WEFT__ISA_COUNT];
    bench_samples peaks[WEFT__ISA_COUNT];
};

static void run_case(void *context)
{
    const bench_case *one = context;
    one->run(one);
}

static void run_add(const bench_case *one)
{
    one->kernels->add(one->dtype, one->all->arrays[0], one->all->arrays[1], one->all->arrays[2], 0, one->size);
}

static void run_silu_mul(const bench_case *one)
{
    one->kernels->silu_mul(one->dtype, one->all->arrays[0], one->all->arrays[1], one->all->arrays[2], 0, one->size);
}

static void run_gelu_mul(const bench_case *one)
{
    one->kernels->gelu_mul(one->dtype, one->all->arrays[0], one->all->arrays[1], one->all->arrays[2], 0, one->size);
}

static void run_copy_convert(const bench_case *one)
{
    const weft__copy_args args = {1,        {one->size},         {1},        {1},
                                  WEFT_F32, one->all->arrays[0], one->dtype, one->all->arrays[2]};
    one->kernels->copy(&args, 0, one->size);
}

static void run_rms_norm(const bench_case *one)
{
    const weft__rms_norm_args args = {1, one->size, one->all->arrays[0], one->dtype, one->all->arrays[1],
                                      0, 1e-6f,     one->all->arrays[2]};
    one->kernels->rms_norm(&args, 0, 1);
}

static void run_rope(const bench_case *one)
{
    static const int32_t position = 1234;
    const weft__rope_args args = {1,     16,  one->size, one->size,           one->size, one->size / 2,
                                  false, 1e6, 1,         one->all->arrays[0], &position, one->all->arrays[2]};
    one->kernels->rope(&args, 0, 1, one->all->arrays[3]);
}

static void run_softmax(const bench_case *one)
{
    one->kernels->softmax(one->all->arrays[0], one->all->arrays[2], one->size, 0, 1);
}

static void run_argmax(const bench_case *one)
{
    one->kernels->argmax(one->all->arrays[0], one->all->arrays[2], one->size, 0, 1);
}

static void run_top_k(const bench_case *one)
{
    one->kernels->top_k(one->all->arrays[0], one->all->arrays[2], one->all->arrays[3], one->size, 50, 0, 1);
}

static void run_sample(const bench_case *one)
{
    const weft__sample_args args = {.rows = 1,
                                    .vocabulary = one->size,
                                    .logits = one->all->logits,
                                    .temperature = 0.7f,
                                    .top_p = 0.9f,
                                    .seed = 1,
                                    .draw = 1,
                                    .out = one->all->arrays[2]};
    weft__ref_sample(&args, 0, 1, one->all->arrays[3]);
}

static void run_attention(const bench_case *one)
{
    const weft__attention_args args = {one->tokens,
                                       one->heads,
                                       one->kv_heads,
                                       HEAD_DIM,
                                       one->size,
                                       0,
                                       false,
                                       0.1f,
                                       0,
                                       one->all->arrays[2],
                                       one->dtype,
                                       one->all->arrays[0],
                                       one->all->arrays[1],
                                       (float *)one->all->arrays[2] + one->tokens * one->heads * HEAD_DIM};
    weft__attention_plan plan = weft__cpu_attention_plan(&args);
    char *scratch = one->all->arrays[3];
    for (size_t task = 0; task < plan.tasks; ++task)
        one->kernels->attention(&args, task, scratch, scratch + plan.scratch_bytes);
    for (size_t task = 0; task < plan.merge_tasks; ++task)
        one->kernels->attention_merge(&args, task, scratch + plan.scratch_bytes);
}

#define MILLION ((size_t)1 << 20)
static const bench_case cases[] = {
    {.name = "add f32, 16 Mi", .run = run_add, .size = 16 * MILLION, .dtype = WEFT_F32, .bytes = 192.0 * MILLION},
    {.name = "add bf16, 32 Mi", .run = run_add, .size = 32 * MILLION, .dtype = WEFT_BF16, .bytes = 192.0 * MILLION},
    {.name = "add f32, 4 Ki", .run = run_add, .size = 4096, .dtype = WEFT_F32, .bytes = 12.0 * 4096},
    {.name = "silu_mul f32, 16 Mi",
     .run = run_silu_mul,
     .size = 16 * MILLION,
     .dtype = WEFT_F32,
     .bytes = 192.0 * MILLION},
    {.name = "silu_mul f32, 4 Ki", .run = run_silu_mul, .size = 4096, .dtype = WEFT_F32, .bytes = 12.0 * 4096},
    {.name = "gelu_mul f32, 4 Ki", .run = run_gelu_mul, .size = 4096, .dtype = WEFT_F32, .bytes = 12.0 * 4096},
    {.name = "copy f32 to bf16, 16 Mi",
     .run = run_copy_convert,
     .size = 16 * MILLION,
     .dtype = WEFT_BF16,
     .bytes = 96.0 * MILLION},
    {.name = "copy f32 to f16, 16 Mi",
     .run = run_copy_convert,
     .size = 16 * MILLION,
     .dtype = WEFT_F16,
     .bytes = 96.0 * MILLION},
    {.name = "rms_norm, 4096 dims", .run = run_rms_norm, .size = 4096, .dtype = WEFT_F32, .bytes = 12.0 * 4096},
    {.name = "rope, 16 heads of 128", .run = run_rope, .size = 128, .dtype = WEFT_F32, .bytes = 16.0 * 128 * 8},
    {.name = "softmax, 151936", .run = run_softmax, .size = 151936, .dtype = WEFT_F32, .bytes = 8.0 * 151936},
    {.name = "argmax, 151936", .run = run_argmax, .size = 151936, .dtype = WEFT_F32, .bytes = 4.0 * 151936},
    {.name = "top_k 50, 151936", .run = run_top_k, .size = 151936, .dtype = WEFT_F32, .bytes = 4.0 * 151936},
    {.name = "sample top_p 0.9, 151936", .run = run_sample, .size = 151936, .dtype = WEFT_F32, .bytes = 4.0 * 151936},
    {.name = "decode f32, 16 Ki keys, 32 / 8 heads",
     .run = run_attention,
     .size = 16384,
     .dtype = WEFT_F32,
     .tokens = 1,
     .heads = 32,
     .kv_heads = 8},
    {.name = "decode bf16, 16 Ki keys, 32 / 8 heads",
     .run = run_attention,
     .size = 16384,
     .dtype = WEFT_BF16,
     .tokens = 1,
     .heads = 32,
     .kv_heads = 8},
    {.name = "decode f16, 16 Ki keys, 32 / 8 heads",
     .run = run_attention,
     .size = 16384,
     .dtype = WEFT_F16,
     .tokens = 1,
     .heads = 32,
     .kv_heads = 8},
    {.name = "decode bf16, 16 Ki keys, 16 / 8 heads",
     .run = run_attention,
     .size = 16384,
     .dtype = WEFT_BF16,
     .tokens = 1,
     .heads = 16,
     .kv_heads = 8},
    {.name = "decode bf16, 16 Ki keys, 8 / 8 heads",
     .run = run_attention,
     .size = 16384,
     .dtype = WEFT_BF16,
     .tokens = 1,
     .heads = 8,
     .kv_heads = 8},
    {.name = "decode bf16, 64 Ki keys, 8 / 1 heads",
     .run = run_attention,
     .size = 65536,
     .dtype = WEFT_BF16,
     .tokens = 1,
     .heads = 8,
     .kv_heads = 1},
    {.name = "decode f32, 256 keys, 16 / 8 heads",
     .run = run_attention,
     .size = 256,
     .dtype = WEFT_F32,
     .tokens = 1,
     .heads = 16,
     .kv_heads = 8},
    {.name = "prefill f32, 512 tokens, 16 / 8 heads",
     .run = run_attention,
     .size = 512,
     .dtype = WEFT_F32,
     .tokens = 512,
     .heads = 16,
     .kv_heads = 8},
    {.name = "prefill bf16, 2048 tokens, 8 / 2 heads",
     .run = run_attention,
     .size = 2048,
     .dtype = WEFT_BF16,
     .tokens = 2048,
     .heads = 8,
     .kv_heads = 2},
};

#define CASES (sizeof cases / sizeof cases[0])

static void report(const bench *all, const bench_case *one, double copy_gbs)
{
    double ns = bench_fastest_ns(&one->samples);
    printf("%-7s %-40s %12.0f ns", weft__isa_name(one->kernels->isa), one->name, ns);
    if (one->bytes > 0)
        printf("  %8.2f GB/s  %6.1f %% of copy\n", one->bytes / ns, 100 * one->bytes / ns / copy_gbs);
    weft__isa isa = one->kernels->isa;
    double peak = bench_multiply_add_flops(&all->peak_work[isa]) / bench_fastest_ns(&all->peaks[isa]);
    if (one->flops > 0)
        printf("  %8.2f GFLOP/s %5.1f %% of peak\n", one->flops / ns, 100 * one->flops / ns / peak);
}

/* Decoding is measured by the keys and values that it reads. In prefill a causal mask leaves half of the square of
 * scores, and each score, as each weighted value, takes a multiply-add per dim. */
static void count_attention(bench_case *one)
{
    double keys = (double)one->size;
    if (one->tokens == 1)
        one->bytes = 2 * keys * (double)(one->kv_heads * HEAD_DIM * weft_dtype_bytes(one->dtype));
    else
        one->flops = 4 * HEAD_DIM * (double)one->heads * keys * (keys + 1) / 2;
}

static bench_case *make_cases(const bench *all, size_t *out_count)
{
    bench_case *made = calloc(CASES * WEFT__ISA_COUNT, sizeof *made);
    if (!made) {
        fprintf(stderr, "bench_kernels: could not allocate the cases.\n");
        exit(EXIT_FAILURE);
    }
    *out_count = 0;
    for (size_t isa = WEFT__ISA_COUNT; isa-- > 0;) {
        for (size_t i = 0; weft__isa_available((weft__isa)isa) && i < CASES; ++i) {
            bench_case *one = &made[(*out_count)++];
            *one = cases[i];
            if (one->run == run_attention)
                count_attention(one);
            one->all = all;
            one->kernels = weft__cpu_kernels_for((weft__isa)isa);
        }
    }
    return made;
}

int main(int argc, char **argv)
{
    bench *all = calloc(1, sizeof *all);
    if (!all)
        return EXIT_FAILURE;
    for (size_t i = 0; i < 4; ++i)
        all->arrays[i] = bench_numbers(array_bytes);
    all->memory = (bench_memory){all->arrays[0], all->arrays[2], array_bytes};
    for (size_t isa = 0; isa < WEFT__ISA_COUNT; ++isa)
        all->peak_work[isa] = (bench_multiply_adds){(weft__isa)isa, 100000};
    uint32_t state = 1;
    for (size_t i = 0; i < sizeof all->logits / sizeof all->logits[0]; ++i) {
        for (int j = 0; j < 4; ++j, state = state * 1664525u + 1013904223u)
            all->logits[i] += (float)(state >> 8) * 0x1p-22f;
        all->logits[i] += i % 30000 == 77 ? 8 : 0;
    }
    size_t count;
    bench_case *made = make_cases(all, &count);
    const char *filter = argc > 1 ? argv[1] : "";
    for (size_t round = 0; round < ROUNDS; ++round) {
        bench_measure(&all->copy, bench_copy, &all->memory, SAMPLES_PER_ROUND, sample_ns);
        bench_measure(&all->read, bench_read, &all->memory, SAMPLES_PER_ROUND, sample_ns);
        for (size_t isa = 0; isa < WEFT__ISA_COUNT; ++isa)
            if (weft__isa_available((weft__isa)isa))
                bench_measure(&all->peaks[isa], bench_multiply_add, &all->peak_work[isa], SAMPLES_PER_ROUND, sample_ns);
        for (size_t i = 0; i < count; ++i)
            if (strstr(made[i].name, filter))
                bench_measure(&made[i].samples, run_case, &made[i], SAMPLES_PER_ROUND, sample_ns);
    }
    double copy_gbs = 2.0 * (double)all->memory.bytes / bench_fastest_ns(&all->copy);
    double read_gbs = (double)all->memory.bytes / bench_fastest_ns(&all->read);
    printf("copy: %.2f GB/s read and written; reading alone: %.2f GB/s, %.1f %% of copy\n", copy_gbs, read_gbs,
           100 * read_gbs / copy_gbs);
    for (size_t i = 0; i < count; ++i)
        if (strstr(made[i].name, filter))
            report(all, &made[i], copy_gbs);
    free(made);
    for (size_t i = 0; i < 4; ++i)
        free(all->arrays[i]);
    free(all);
    return EXIT_SUCCESS;
}
