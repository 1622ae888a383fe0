#include "bench_machine.h"

#include <stdint.h>
#include <string.h>

#if WEFT__X86_64
#include <immintrin.h>
#endif

/* Keeps the compiler from dropping work whose result nobody uses. */
static volatile float float_sink;
static volatile uint64_t integer_sink;

void bench_copy(void *memory)
{
    bench_memory *buffers = memory;
    memcpy(buffers->to, buffers->from, buffers->bytes);
    integer_sink = (uint64_t)(unsigned char)buffers->to[buffers->bytes / 2];
}

void bench_read(void *memory)
{
    typedef uint64_t pair __attribute__((vector_size(16)));
    const bench_memory *buffers = memory;
    pair sums[4] = {{0}};
    for (const char *at = buffers->from, *end = at + buffers->bytes; at < end; at += sizeof sums) {
        pair line[4];
        memcpy(line, at, sizeof line);
        sums[0] += line[0];
        sums[1] += line[1];
        sums[2] += line[2];
        sums[3] += line[3];
    }
    pair sum = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    integer_sink = sum[0] + sum[1];
}

/* A multiply-add takes about four cycles and a core starts two in each: eight sums must be in flight, and twelve leave
 * room. They start from different values, none of them the fixed point 1, or a compiler would see that some are the
 * same sum or a constant. */
enum {
    SUMS = 12
};

#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 12")
#endif

static float peak_scalar(size_t rounds)
{
    typedef float vec __attribute__((vector_size(16)));
    vec sums[SUMS];
    vec factor = {0.5f, 0.5f, 0.5f, 0.5f};
    UNROLL for (int i = 0; i < SUMS; ++i) sums[i] = factor * (float)(4 + i);
    for (; rounds > 0; --rounds)
        UNROLL for (int i = 0; i < SUMS; ++i) sums[i] = sums[i] * factor + factor;
    vec total = {0};
    UNROLL for (int i = 0; i < SUMS; ++i) total += sums[i];
    return total[0];
}

#if WEFT__X86_64

__attribute__((target("avx2,fma"))) static float peak_avx2(size_t rounds)
{
    __m256 sums[SUMS];
    __m256 factor = _mm256_set1_ps(0.5f);
    UNROLL for (int i = 0; i < SUMS; ++i) sums[i] = _mm256_set1_ps((float)(2 + i));
    for (; rounds > 0; --rounds)
        UNROLL for (int i = 0; i < SUMS; ++i) sums[i] = _mm256_fmadd_ps(sums[i], factor, factor);
    __m256 total = factor;
    UNROLL for (int i = 0; i < SUMS; ++i) total = _mm256_add_ps(total, sums[i]);
    return _mm256_cvtss_f32(total);
}

__attribute__((target("avx512f"))) static float peak_avx512(size_t rounds)
{
    __m512 sums[SUMS];
    __m512 factor = _mm512_set1_ps(0.5f);
    UNROLL for (int i = 0; i < SUMS; ++i) sums[i] = _mm512_set1_ps((float)(2 + i));
    for (; rounds > 0; --rounds)
        UNROLL for (int i = 0; i < SUMS; ++i) sums[i] = _mm512_fmadd_ps(sums[i], factor, factor);
    __m512 total = factor;
    UNROLL for (int i = 0; i < SUMS; ++i) total = _mm512_add_ps(total, sums[i]);
    return _mm512_cvtss_f32(total);
}

#endif

static const struct {
    float (*run)(size_t rounds);
    double lanes;
} peaks[WEFT__ISA_COUNT] = {
    [WEFT__ISA_SCALAR] = {peak_scalar, 4.0},
#if WEFT__X86_64
    [WEFT__ISA_AVX2] = {peak_avx2, 8.0},
    [WEFT__ISA_AVX512] = {peak_avx512, 16.0},
#endif
};

void bench_multiply_add(void *multiply_adds)
{
    const bench_multiply_adds *work = multiply_adds;
    float_sink = peaks[work->isa].run(work->rounds);
}

double bench_multiply_add_flops(const bench_multiply_adds *multiply_adds)
{
    return 2.0 * SUMS * peaks[multiply_adds->isa].lanes * (double)multiply_adds->rounds;
}
