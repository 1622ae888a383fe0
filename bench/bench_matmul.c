/* Matrix kernels against what one core of this machine can do: bytes of weights per second as a share of a memory copy,
 * and operations per second as a share of multiply-adds on registers alone.
 *
 * Everything is measured in turns, several rounds over all cases, and the fastest sample of each counts: a neighbour
 * that slows the machine down for a while then slows both sides of a ratio, or neither. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench_machine.h"
#include "bench_timer.h"
#include "kernels/cpu/isa.h"
#include "kernels/cpu/matmul.h"

enum {
    ROUNDS = 5,
    SAMPLES_PER_ROUND = 3,
    CASES_MAX = 160,
    LONGEST_SIDE = 16384
};

static const double sample_ns = 2e6;
static const size_t copy_bytes = (size_t)256 << 20;
static const size_t weight_bytes = (size_t)256 << 20;

typedef struct shape {
    size_t m, n, k;
} shape;

/* The first four fit in a cache, the others in none. */
static const shape gemv_shapes[] = {
    {1, 256, 256}, {1, 768, 256}, {1, 1000, 768}, {1, 2048, 2048}, {1, 16384, 4096}, {4, 16384, 4096},
};
static const shape gemm_shapes[] = {
    {8, 768, 256},    {24, 768, 256},     {128, 1000, 768},   {512, 512, 512},
    {512, 2048, 768}, {1024, 1024, 1024}, {2048, 2048, 2048},
};
static const weft_dtype gemv_dtypes[] = {WEFT_BF16, WEFT_F16, WEFT_F32};
static const weft_dtype gemm_dtypes[] = {WEFT_F32, WEFT_BF16};

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

typedef struct product {
    weft__isa isa;
    const weft__matmul_kernels *kernels;
    weft__matmul_args args;
    void *scratch;
    bench_samples samples;
} product;

typedef struct peak {
    bench_multiply_adds work;
    bench_samples samples;
} peak;

typedef struct bench {
    bench_memory memory;
    bench_samples copy;
    bench_samples read;
    peak peaks[WEFT__ISA_COUNT];
    product *products;
    size_t gemv_count; /* these come first */
    size_t count;
    float *x;
    float *out;
    void *scratch;
} bench;

static void run_product(void *context)
{
    product *work = context;
    size_t tasks = weft__matmul_tasks(work->kernels, &work->args);
    for (size_t task = 0; task < tasks; ++task)
        weft__matmul_run(work->kernels, &work->args, task, work->scratch);
}

/* 16-bit patterns that are ordinary numbers below 2 in f16 and bf16, and in pairs in f32. */
static void fill(void *data, size_t bytes)
{
    uint16_t *halves = data;
    uint32_t state = 1;
    for (size_t i = 0; i < bytes / sizeof halves[0]; ++i) {
        state = state * 1664525u + 1013904223u;
        halves[i] = (uint16_t)(0x3c00u | (state >> 22));
    }
}

static void *allocate(size_t bytes)
{
    void *data = aligned_alloc(64, bytes);
    if (!data) {
        fprintf(stderr, "bench_matmul: could not allocate %zu bytes.\n", bytes);
        exit(EXIT_FAILURE);
    }
    fill(data, bytes);
    return data;
}

static void add_products(bench *all, const shape *shapes, size_t shape_count, const weft_dtype *dtypes,
                         size_t dtype_count)
{
    for (size_t isa = WEFT__ISA_COUNT; isa-- > 0;) {
        for (size_t i = 0; weft__isa_available((weft__isa)isa) && i < shape_count * dtype_count; ++i) {
            const shape *extent = &shapes[i % shape_count];
            product *work = &all->products[all->count++];
            work->isa = (weft__isa)isa;
            work->kernels = weft__matmul_kernels_for(work->isa);
            work->args = (weft__matmul_args){dtypes[i / shape_count], extent->m, extent->n, extent->k, all->x,
                                             all->memory.from,        all->out};
            work->scratch = all->scratch;
        }
    }
}

static void prepare(bench *all)
{
    all->memory = (bench_memory){allocate(weight_bytes), allocate(copy_bytes), copy_bytes};
    all->x = allocate((size_t)2048 * 2048 * sizeof(float));
    all->out = allocate((size_t)2048 * LONGEST_SIDE * sizeof(float));
    all->scratch = allocate(WEFT__MATMUL_SCRATCH_BYTES_MAX);
    all->products = calloc(CASES_MAX, sizeof all->products[0]);
    if (!all->products) {
        fprintf(stderr, "bench_matmul: could not allocate the cases.\n");
        exit(EXIT_FAILURE);
    }
    add_products(all, gemv_shapes, LENGTH(gemv_shapes), gemv_dtypes, LENGTH(gemv_dtypes));
    all->gemv_count = all->count;
    add_products(all, gemm_shapes, LENGTH(gemm_shapes), gemm_dtypes, LENGTH(gemm_dtypes));
    for (size_t isa = 0; isa < WEFT__ISA_COUNT; ++isa)
        all->peaks[isa].work = (bench_multiply_adds){(weft__isa)isa, 100000};
}

static void measure(bench *all)
{
    for (int round = 0; round < ROUNDS; ++round) {
        bench_measure(&all->copy, bench_copy, &all->memory, SAMPLES_PER_ROUND, sample_ns);
        bench_measure(&all->read, bench_read, &all->memory, SAMPLES_PER_ROUND, sample_ns);
        for (size_t isa = 0; isa < WEFT__ISA_COUNT; ++isa) {
            peak *one = &all->peaks[isa];
            if (weft__isa_available((weft__isa)isa))
                bench_measure(&one->samples, bench_multiply_add, &one->work, SAMPLES_PER_ROUND, sample_ns);
        }
        for (size_t i = 0; i < all->count; ++i)
            bench_measure(&all->products[i].samples, run_product, &all->products[i], SAMPLES_PER_ROUND, sample_ns);
    }
}

static double copy_gbs(const bench *all)
{
    return 2.0 * (double)all->memory.bytes / bench_fastest_ns(&all->copy);
}

static double peak_gflops(const bench *all, weft__isa isa)
{
    const peak *one = &all->peaks[isa];
    return bench_multiply_add_flops(&one->work) / bench_fastest_ns(&one->samples);
}

/* Bytes of weights for a matrix-vector product, operations for a matrix-matrix product, per call. */
static double amount(const bench *all, size_t index)
{
    const weft__matmul_args *args = &all->products[index].args;
    double per_row = (double)args->n * (double)args->k;
    return index < all->gemv_count ? per_row * (double)weft_dtype_bytes(args->weight_dtype)
                                   : 2.0 * per_row * (double)args->m;
}

static void print_text(const bench *all)
{
    printf("one core; fastest of %d samples, in brackets the median\n", ROUNDS * SAMPLES_PER_ROUND);
    printf("copy %.1f GB/s (memcpy of 256 MiB, bytes read + bytes written)\n", copy_gbs(all));
    printf("read %.1f GB/s (256 MiB)\n", (double)all->memory.bytes / bench_fastest_ns(&all->read));
    for (size_t isa = 0; isa < WEFT__ISA_COUNT; ++isa)
        if (weft__isa_available((weft__isa)isa))
            printf("peak %-6s %.1f GFLOP/s (multiply-adds on registers)\n", weft__isa_name((weft__isa)isa),
                   peak_gflops(all, (weft__isa)isa));
    for (size_t i = 0; i < all->count; ++i) {
        const product *work = &all->products[i];
        bool is_gemv = i < all->gemv_count;
        double rate = amount(all, i) / bench_fastest_ns(&work->samples);
        double share = rate / (is_gemv ? copy_gbs(all) : peak_gflops(all, work->isa));
        printf("%s %-6s %-4s m %5zu n %5zu k %5zu: %10.2f us [%10.2f] %7.1f %s, %3.0f %% of %s\n",
               is_gemv ? "gemv" : "gemm", weft__isa_name(work->isa), weft_dtype_name(work->args.weight_dtype),
               work->args.m, work->args.n, work->args.k, bench_fastest_ns(&work->samples) / 1e3,
               bench_median_ns(&work->samples) / 1e3, rate, is_gemv ? "GB/s" : "GFLOP/s", 100.0 * share,
               is_gemv ? "copy" : "peak");
    }
}

static void print_json(const bench *all)
{
    printf("{\n  \"samples\": %d,\n  \"copy_gbs\": %.3f,\n  \"read_gbs\": %.3f,\n  \"peak_gflops\": {",
           ROUNDS * SAMPLES_PER_ROUND, copy_gbs(all), (double)all->memory.bytes / bench_fastest_ns(&all->read));
    const char *separator = "";
    for (size_t isa = 0; isa < WEFT__ISA_COUNT; ++isa) {
        if (weft__isa_available((weft__isa)isa)) {
            printf("%s\"%s\": %.3f", separator, weft__isa_name((weft__isa)isa), peak_gflops(all, (weft__isa)isa));
            separator = ", ";
        }
    }
    printf("},\n  \"cases\": [\n");
    for (size_t i = 0; i < all->count; ++i) {
        const product *work = &all->products[i];
        bool is_gemv = i < all->gemv_count;
        double rate = amount(all, i) / bench_fastest_ns(&work->samples);
        double share = rate / (is_gemv ? copy_gbs(all) : peak_gflops(all, work->isa));
        printf("    {\"kind\": \"%s\", \"isa\": \"%s\", \"weight_dtype\": \"%s\", \"m\": %zu, \"n\": %zu, \"k\": %zu, "
               "\"fastest_ns\": %.1f, \"median_ns\": %.1f, \"%s\": %.3f, \"%s\": %.4f}%s\n",
               is_gemv ? "gemv" : "gemm", weft__isa_name(work->isa), weft_dtype_name(work->args.weight_dtype),
               work->args.m, work->args.n, work->args.k, bench_fastest_ns(&work->samples),
               bench_median_ns(&work->samples), is_gemv ? "weight_gbs" : "gflops", rate,
               is_gemv ? "share_of_copy" : "share_of_peak", share, i + 1 < all->count ? "," : "");
    }
    printf("  ]\n}\n");
}

int main(int argc, char **argv)
{
    bool as_json = argc == 2 && strcmp(argv[1], "--json") == 0;
    if (argc > 1 && !as_json) {
        fprintf(stderr, "usage: bench_matmul [--json]\n");
        return 2;
    }
    bench all = {0};
    prepare(&all);
    measure(&all);
    (as_json ? print_json : print_text)(&all);
    free(all.memory.from);
    free(all.memory.to);
    free(all.x);
    free(all.out);
    free(all.scratch);
    free(all.products);
    return EXIT_SUCCESS;
}
