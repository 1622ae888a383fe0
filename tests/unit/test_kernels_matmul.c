/* The CPU matrix kernels of every instruction set that this machine has, against a plain loop in double precision. */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/dtype.h"
#include "kernels/cpu/isa.h"
#include "kernels/cpu/matmul.h"
#include "kernels/cpu/matmul_kernels.h"
#include "support/weft_check.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

/* An array that ends (or begins) at an unmapped page, so that reading past it on that side ends the test, with or
 * without a sanitizer. The bytes on its other side, up to the page's edge, hold SENTINEL. */
enum {
    SENTINEL = 0xa5
};

typedef struct guarded {
    unsigned char *mapping;
    size_t mapping_bytes;
    unsigned char *data;
    size_t bytes;
    size_t page;
} guarded;

static guarded guarded_create(size_t bytes, bool at_end)
{
    guarded array = {0};
    array.page = (size_t)sysconf(_SC_PAGESIZE);
    array.bytes = bytes;
    size_t inner = (bytes + 64 + array.page - 1) / array.page * array.page;
    array.mapping_bytes = inner + 2 * array.page;
    array.mapping = mmap(NULL, array.mapping_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(array.mapping, MAP_FAILED);
    unsigned char *begin = array.mapping + array.page;
    ck_assert_int_eq(mprotect(begin, inner, PROT_READ | PROT_WRITE), 0);
    memset(begin, SENTINEL, inner);
    array.data = at_end ? begin + inner - bytes : begin;
    return array;
}

static bool guarded_is_intact(const guarded *array)
{
    const unsigned char *end = array->mapping + array->mapping_bytes - array->page;
    for (const unsigned char *at = array->mapping + array->page; at < end; ++at)
        if ((at < array->data || at >= array->data + array->bytes) && *at != SENTINEL)
            return false;
    return true;
}

static void guarded_destroy(guarded *array)
{
    munmap(array->mapping, array->mapping_bytes);
}

static uint64_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

static float random_float(uint64_t *state)
{
    return (float)next_random(state) * 0x1p-30f - 1.0f;
}

/* One product, its inputs, and what a plain loop says about it. */
typedef struct trial {
    weft_dtype dtype;
    size_t m, n, k;
    guarded x;
    guarded weight;
    double *expected;
    double *magnitude; /* sum of |x w| */
} trial;

static void *allocate(size_t bytes)
{
    void *data = calloc(bytes ? bytes : 1, 1);
    ck_assert_ptr_nonnull(data);
    return data;
}

static trial trial_create(weft_dtype dtype, size_t m, size_t n, size_t k, bool at_end)
{
    trial one = {.dtype = dtype, .m = m, .n = n, .k = k};
    one.x = guarded_create(m * k * sizeof(float), at_end);
    one.weight = guarded_create(n * k * weft_dtype_bytes(dtype), at_end);
    one.expected = allocate(m * n * sizeof(double));
    one.magnitude = allocate(m * n * sizeof(double));
    return one;
}

static void trial_fill(trial *one, uint64_t seed)
{
    uint64_t state = seed;
    for (size_t i = 0; i < one->m * one->k; ++i)
        ((float *)(void *)one->x.data)[i] = random_float(&state);
    for (size_t i = 0; i < one->n * one->k; ++i)
        weft__float_store(one->dtype, one->weight.data, i, random_float(&state));
}

static void trial_expect(trial *one)
{
    const float *x = (const float *)(void *)one->x.data;
    double *weight = allocate(one->n * one->k * sizeof(double));
    for (size_t i = 0; i < one->n * one->k; ++i)
        weight[i] = (double)weft__float_load(one->dtype, one->weight.data, i);
    for (size_t i = 0; i < one->m * one->n; ++i) {
        double sum = 0.0;
        double magnitude = 0.0;
        for (size_t k = 0; k < one->k; ++k) {
            double product = (double)x[i / one->n * one->k + k] * weight[i % one->n * one->k + k];
            sum += product;
            magnitude += fabs(product);
        }
        one->expected[i] = sum;
        one->magnitude[i] = magnitude;
    }
    free(weight);
}

static void trial_destroy(trial *one)
{
    guarded_destroy(&one->x);
    guarded_destroy(&one->weight);
    free(one->expected);
    free(one->magnitude);
}

static weft__matmul_args args_of(const trial *one, float *out)
{
    return (weft__matmul_args){one->dtype,       one->m, one->n, one->k, (const float *)(void *)one->x.data,
                               one->weight.data, out};
}

/* All tasks once: forwards, backwards, or in a shuffled order. Scratch begins as NaN. */
typedef enum task_order {
    FORWARDS,
    BACKWARDS,
    SHUFFLED
} task_order;

static void run(const weft__matmul_kernels *kernels, const weft__matmul_args *args, task_order order)
{
    size_t tasks = weft__matmul_tasks(kernels, args);
    size_t scratch_bytes = weft__matmul_scratch_bytes(kernels, args);
    ck_assert_uint_le(scratch_bytes, WEFT__MATMUL_SCRATCH_BYTES_MAX);
    ck_assert_uint_eq(scratch_bytes % 64, 0);
    void *scratch = scratch_bytes ? aligned_alloc(64, scratch_bytes) : NULL;
    ck_assert(scratch_bytes == 0 || scratch != NULL);
    if (scratch)
        memset(scratch, 0xff, scratch_bytes);
    size_t *sequence = allocate(tasks * sizeof *sequence);
    uint64_t state = 7;
    for (size_t i = 0; i < tasks; ++i) {
        size_t other = order == SHUFFLED ? (size_t)next_random(&state) % (i + 1) : i;
        sequence[i] = sequence[other];
        sequence[other] = order == BACKWARDS ? tasks - 1 - i : i;
    }
    for (size_t i = 0; i < tasks; ++i)
        weft__matmul_run(kernels, args, sequence[i], scratch);
    free(sequence);
    free(scratch);
}

/* False, with a message, at the first output that is off by more than the bound, or wrongly NaN or not NaN. */
static bool is_close(const trial *one, const float *out, const char *what)
{
    double bound = ((double)one->k / 8.0 + 16.0) * 0x1p-24;
    for (size_t i = 0; i < one->m * one->n; ++i) {
        double expected = one->expected[i];
        double actual = (double)out[i];
        bool is_right = isnan(expected)   ? isnan(actual)
                        : isinf(expected) ? actual == expected
                                          : fabs(actual - expected) <= bound * one->magnitude[i];
        if (!is_right) {
            fprintf(stderr, "%s, weights %s, m %zu n %zu k %zu: out[%zu, %zu] is %.9g and should be %.9g\n", what,
                    weft_dtype_name(one->dtype), one->m, one->n, one->k, i / one->n, i % one->n, actual, expected);
            return false;
        }
    }
    return true;
}

/* The kernels of an instruction set as they are, and with each of the two paths forced. */
typedef struct variant {
    weft__matmul_kernels kernels;
    char name[32];
} variant;

enum {
    PATHS = 3,
    VARIANTS_MAX = WEFT__ISA_COUNT * PATHS
};

static size_t variants_of_this_machine(variant variants[VARIANTS_MAX])
{
    static const char *const paths[PATHS] = {"chosen", "gemv", "gemm"};
    static const size_t rows_max[PATHS] = {0, SIZE_MAX, 0};
    size_t count = 0;
    for (size_t isa = 0; isa < WEFT__ISA_COUNT; ++isa) {
        for (size_t path = 0; weft__isa_available((weft__isa)isa) && path < PATHS; ++path) {
            variant *one = &variants[count++];
            one->kernels = *weft__matmul_kernels_for((weft__isa)isa);
            snprintf(one->name, sizeof one->name, "%s %s", weft__isa_name((weft__isa)isa), paths[path]);
            for (size_t dtype = 0; path > 0 && dtype < WEFT__MATMUL_DTYPES; ++dtype)
                one->kernels.gemv_rows_max[dtype] = rows_max[path];
        }
    }
    return count;
}

/* Runs a trial on every variant; the output lies against a guard page too. */
static void check_all_variants(const trial *one, bool at_end)
{
    variant variants[VARIANTS_MAX];
    size_t count = variants_of_this_machine(variants);
    for (size_t i = 0; i < count; ++i) {
        guarded out = guarded_create(one->m * one->n * sizeof(float), at_end);
        weft__matmul_args args = args_of(one, (float *)(void *)out.data);
        run(&variants[i].kernels, &args, FORWARDS);
        ck_assert(is_close(one, args.out, variants[i].name));
        ck_assert_msg(guarded_is_intact(&out), "%s, m %zu n %zu k %zu: wrote outside of out", variants[i].name, one->m,
                      one->n, one->k);
        guarded_destroy(&out);
    }
}

static const weft_dtype dtypes[WEFT__MATMUL_DTYPES] = {WEFT_F32, WEFT_F16, WEFT_BF16};

static void check_shape(size_t m, size_t n, size_t k, bool at_end)
{
    for (size_t i = 0; i < LENGTH(dtypes); ++i) {
        trial one = trial_create(dtypes[i], m, n, k, at_end);
        trial_fill(&one, m * 1000003 + n * 1009 + k);
        trial_expect(&one);
        check_all_variants(&one, at_end);
        trial_destroy(&one);
    }
}

START_TEST(small_shapes)
{
    for (size_t m = 1; m <= 5; ++m)
        for (size_t n = 1; n <= 18; n += n < 4 ? 1 : 7)
            for (size_t k = 0; k <= 34; k += k < 9 ? 1 : 5)
                check_shape(m, n, k, (m + n + k) % 2 == 0);
}
END_TEST

/* Sizes around every tile, vector, block and chain of the kernels. */
START_TEST(shapes_around_the_tiles)
{
    static const size_t rows[] = {1, 2, 3, 4, 5, 6, 7, 11, 12, 13, 14, 15, 16, 17, 28, 29, 48, 97, 168, 169, 193, 337};
    static const size_t columns[] = {1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 129, 255, 256, 257, 300};
    static const size_t depths[] = {1,   15,  16,  17,  31,  32,  33,  63,  64,   65,
                                    191, 192, 255, 256, 257, 448, 511, 513, 1025, 2049};
    uint64_t state = 1;
    for (int count = 0; count < 150;) {
        size_t m = rows[next_random(&state) % LENGTH(rows)];
        size_t n = columns[next_random(&state) % LENGTH(columns)];
        size_t k = depths[next_random(&state) % LENGTH(depths)];
        if (m * n * k > 400000)
            continue;
        check_shape(m, n, k, count % 4 != 0);
        ++count;
    }
    check_shape(337, 17, 257, true);
    check_shape(15, 300, 513, false);
    check_shape(6, 33, 4099, true);
}
END_TEST

START_TEST(empty_shapes)
{
    variant variants[VARIANTS_MAX];
    size_t count = variants_of_this_machine(variants);
    for (size_t i = 0; i < count; ++i) {
        weft__matmul_args args = {WEFT_BF16, 0, 5, 7, NULL, NULL, NULL};
        ck_assert_uint_eq(weft__matmul_tasks(&variants[i].kernels, &args), 0);
        ck_assert_uint_eq(weft__matmul_scratch_bytes(&variants[i].kernels, &args), 0);
        args.m = 5;
        args.n = 0;
        ck_assert_uint_eq(weft__matmul_tasks(&variants[i].kernels, &args), 0);
        float out[5 * 3];
        memset(out, 0xff, sizeof out);
        args = (weft__matmul_args){WEFT_F32, 5, 3, 0, NULL, NULL, out};
        run(&variants[i].kernels, &args, FORWARDS);
        for (size_t j = 0; j < LENGTH(out); ++j)
            ck_assert_msg(out[j] == 0.0f, "%s: k = 0 gave %g", variants[i].name, (double)out[j]);
    }
}
END_TEST

/* Equal products all round the same way, which a single running sum does not survive. */
START_TEST(bound_holds_for_one_sided_rounding)
{
    static const size_t depths[] = {100, 191, 192, 447, 448, 1023, 1024, 2047, 2048, 20000};
    for (size_t d = 0; d < LENGTH(depths); ++d) {
        for (size_t i = 0; i < LENGTH(dtypes); ++i) {
            trial one = trial_create(dtypes[i], 15, 9, depths[d], true);
            for (size_t j = 0; j < one.m * one.k; ++j) {
                size_t row = j / one.k;
                ((float *)(void *)one.x.data)[j] = 1.1f + (float)row * 0.0137f;
            }
            for (size_t j = 0; j < one.n * one.k; ++j) {
                size_t row = j / one.k;
                weft__float_store(one.dtype, one.weight.data, j, 0.1f + (float)row * 0.0173f);
            }
            trial_expect(&one);
            check_all_variants(&one, true);
            trial_destroy(&one);
        }
    }
}
END_TEST

/* The worst case: a few large products, then many that are each just over half a unit of the sum in its last place, so
 * that every addition of a chain rounds up. Row i of x begins with 2^i large ones, to meet any number of chains. */
START_TEST(bound_holds_in_the_worst_case)
{
    enum {
        ROWS = 6
    };
    static const size_t depths[] = {20, 100, 191, 192, 447, 448, 1023, 1024, 2047, 2048, 5000};
    for (size_t d = 0; d < LENGTH(depths); ++d) {
        for (size_t i = 0; i < LENGTH(dtypes); ++i) {
            trial one = trial_create(dtypes[i], ROWS, 9, depths[d], true);
            for (size_t j = 0; j < one.m * one.k; ++j)
                ((float *)(void *)one.x.data)[j] = j % one.k < (size_t)1 << (j / one.k) ? 0x1p12f : 0x1p-12f;
            for (size_t j = 0; j < one.n * one.k; ++j)
                weft__float_store(one.dtype, one.weight.data, j, 0x1p-12f * (1.0f + 0x1p-7f));
            trial_expect(&one);
            check_all_variants(&one, true);
            trial_destroy(&one);
        }
    }
}
END_TEST

START_TEST(order_of_tasks_does_not_matter)
{
    static const size_t shapes[][3] = {{1, 1000, 700}, {3, 517, 300}, {20, 600, 300}, {200, 130, 260}, {400, 300, 70}};
    variant variants[VARIANTS_MAX];
    size_t count = variants_of_this_machine(variants);
    for (size_t s = 0; s < LENGTH(shapes); ++s) {
        trial one = trial_create(dtypes[s % LENGTH(dtypes)], shapes[s][0], shapes[s][1], shapes[s][2], true);
        trial_fill(&one, s + 1);
        size_t bytes = one.m * one.n * sizeof(float);
        float *first = allocate(bytes);
        float *other = allocate(bytes);
        for (size_t i = 0; i < count; ++i) {
            weft__matmul_args args = args_of(&one, first);
            ck_assert_uint_gt(weft__matmul_tasks(&variants[i].kernels, &args), 1);
            run(&variants[i].kernels, &args, FORWARDS);
            args.out = other;
            for (int order = BACKWARDS; order <= SHUFFLED; ++order) {
                memset(other, 0xff, bytes);
                run(&variants[i].kernels, &args, (task_order)order);
                ck_assert_msg(memcmp(first, other, bytes) == 0, "%s, shape %zu: order %d differs", variants[i].name, s,
                              order);
            }
        }
        free(first);
        free(other);
        trial_destroy(&one);
    }
}
END_TEST

/* Every task writes outputs that no other writes, and together they write all. */
START_TEST(tasks_write_disjoint_parts)
{
    trial one = trial_create(WEFT_BF16, 200, 500, 40, true);
    trial_fill(&one, 3);
    size_t elements = one.m * one.n;
    float *out = allocate(elements * sizeof(float));
    unsigned char *writes = allocate(elements);
    variant variants[VARIANTS_MAX];
    size_t count = variants_of_this_machine(variants);
    for (size_t i = 0; i < count; ++i) {
        weft__matmul_args args = args_of(&one, out);
        void *scratch = aligned_alloc(64, WEFT__MATMUL_SCRATCH_BYTES_MAX);
        ck_assert_ptr_nonnull(scratch);
        memset(writes, 0, elements);
        for (size_t task = 0; task < weft__matmul_tasks(&variants[i].kernels, &args); ++task) {
            memset(out, SENTINEL, elements * sizeof(float));
            weft__matmul_run(&variants[i].kernels, &args, task, scratch);
            for (size_t j = 0; j < elements; ++j) {
                uint32_t bits;
                memcpy(&bits, &out[j], sizeof bits);
                writes[j] = (unsigned char)(writes[j] + (bits != 0xa5a5a5a5u));
            }
        }
        for (size_t j = 0; j < elements; ++j)
            ck_assert_msg(writes[j] == 1, "%s: out[%zu] written by %u tasks", variants[i].name, j, writes[j]);
        free(scratch);
    }
    free(out);
    free(writes);
    trial_destroy(&one);
}
END_TEST

START_TEST(gemv_does_not_depend_on_the_cut)
{
    enum {
        M = 5,
        N = 61,
        K = 77
    };
    uint64_t state = 5;
    for (size_t i = 0; i < LENGTH(dtypes); ++i) {
        trial one = trial_create(dtypes[i], M, N, K, true);
        trial_fill(&one, i + 11);
        const float *x = (const float *)(void *)one.x.data;
        for (size_t isa = 0; isa < WEFT__ISA_COUNT; ++isa) {
            if (!weft__isa_available((weft__isa)isa))
                continue;
            weft__gemv_function *gemv = weft__matmul_kernels_for((weft__isa)isa)->gemv[dtypes[i]];
            float whole[M * N];
            gemv(x, M, K, one.weight.data, 0, N, whole, N);
            for (int count = 0; count < 200; ++count) {
                size_t begin = (size_t)next_random(&state) % N;
                size_t end = begin + (size_t)next_random(&state) % (N - begin + 1);
                size_t row = (size_t)next_random(&state) % M;
                float part[N] = {0};
                gemv(x + row * K, 1, K, one.weight.data, begin, end, part, N);
                ck_assert_msg(memcmp(part + begin, whole + row * N + begin, (end - begin) * sizeof(float)) == 0,
                              "%s: row %zu, columns %zu to %zu", weft__isa_name((weft__isa)isa), row, begin, end);
            }
        }
        trial_destroy(&one);
    }
}
END_TEST

START_TEST(nan_and_infinity_propagate)
{
    for (size_t i = 0; i < LENGTH(dtypes); ++i) {
        static const size_t shapes[][3] = {{1, 20, 40}, {3, 33, 70}, {17, 35, 300}, {40, 9, 33}};
        for (size_t s = 0; s < LENGTH(shapes); ++s) {
            trial one = trial_create(dtypes[i], shapes[s][0], shapes[s][1], shapes[s][2], true);
            trial_fill(&one, s + 21);
            float *x = (float *)(void *)one.x.data;
            x[(one.m - 1) * one.k + one.k - 1] = NAN;
            x[one.m / 2 * one.k] = x[one.m / 2 * one.k] < 0 ? -INFINITY : INFINITY;
            weft__float_store(one.dtype, one.weight.data, one.n / 3 * one.k + one.k / 2, -INFINITY);
            weft__float_store(one.dtype, one.weight.data, one.n / 2 * one.k + 1, NAN);
            weft__float_store(one.dtype, one.weight.data, (one.n - 1) * one.k, 0.0f); /* 0 * infinity */
            trial_expect(&one);
            check_all_variants(&one, true);
            trial_destroy(&one);
        }
    }
}
END_TEST

/* k = 1 and x = 1 give the weights back, so every 16-bit pattern shows how it was converted. */
START_TEST(all_16_bit_patterns_convert_exactly)
{
    enum {
        PATTERNS = 65536
    };
    variant variants[VARIANTS_MAX];
    size_t count = variants_of_this_machine(variants);
    uint16_t *patterns = allocate(PATTERNS * sizeof *patterns);
    float *out = allocate(PATTERNS * sizeof *out);
    for (size_t j = 0; j < PATTERNS; ++j)
        patterns[j] = (uint16_t)j;
    for (size_t depth = 1; depth <= 64; depth *= 64) { /* partial and whole vectors */
        for (size_t i = 0; i < 2 * count; ++i) {
            weft_dtype dtype = i % 2 ? WEFT_F16 : WEFT_BF16;
            for (size_t place = 0; place < depth; ++place) {
                float x[64] = {0};
                x[place] = 1.0f;
                weft__matmul_args args = {dtype, 1, PATTERNS / depth, depth, x, patterns, out};
                run(&variants[i / 2].kernels, &args, FORWARDS);
                for (size_t n = 0; n < args.n; ++n) {
                    /* The neighbours of a pattern are multiplied by zero: NaN where one is not finite. */
                    double expected = 0.0;
                    for (size_t k = 0; k < depth; ++k)
                        expected += (double)weft__float_load(dtype, patterns, n * depth + k) * (double)x[k];
                    ck_assert_msg(isnan(expected) ? isnan(out[n]) : (double)out[n] == expected,
                                  "%s, %s: pattern 0x%04zx gave %.9g", variants[i / 2].name, weft_dtype_name(dtype),
                                  n * depth + place, (double)out[n]);
                }
            }
        }
    }
    free(patterns);
    free(out);
}
END_TEST

START_TEST(large_products_feed_many_threads)
{
    static const size_t shapes[][3] = {
        {512, 512, 512}, {1, 4096, 4096}, {24, 4096, 1024}, {300, 2048, 512}, {2000, 256, 256}};
    variant variants[VARIANTS_MAX];
    size_t count = variants_of_this_machine(variants);
    for (size_t i = 0; i < count; ++i) {
        for (size_t s = 0; s < LENGTH(shapes); ++s) {
            weft__matmul_args args = {WEFT_BF16, shapes[s][0], shapes[s][1], shapes[s][2], NULL, NULL, NULL};
            ck_assert_msg(weft__matmul_tasks(&variants[i].kernels, &args) >= 16, "%s, shape %zu", variants[i].name, s);
        }
    }
}
END_TEST

START_TEST(isa_names)
{
    for (size_t i = 0; i < WEFT__ISA_COUNT; ++i) {
        weft__isa isa;
        ck_assert(weft__isa_from_name(weft__isa_name((weft__isa)i), &isa));
        ck_assert_uint_eq(isa, i);
        if (weft__isa_available((weft__isa)i))
            ck_assert_ptr_nonnull(weft__matmul_kernels_for((weft__isa)i));
    }
    weft__isa isa = WEFT__ISA_AVX2;
    ck_assert(!weft__isa_from_name("AVX2", &isa));
    ck_assert_uint_eq(isa, WEFT__ISA_SCALAR);
    ck_assert(!weft__isa_from_name("", &isa));
    ck_assert_str_eq(weft__isa_name(WEFT__ISA_COUNT), "unknown");
    ck_assert(!weft__isa_available(WEFT__ISA_COUNT));
    ck_assert_ptr_null(weft__matmul_kernels_for(WEFT__ISA_COUNT));
    ck_assert(weft__isa_available(WEFT__ISA_SCALAR));
    ck_assert(weft__isa_available(weft__isa_best()));
    for (size_t i = (size_t)weft__isa_best() + 1; i < WEFT__ISA_COUNT; ++i)
        ck_assert(!weft__isa_available((weft__isa)i));
}
END_TEST

WEFT_TEST_MAIN("kernels_matmul", small_shapes, shapes_around_the_tiles, empty_shapes,
               bound_holds_for_one_sided_rounding, bound_holds_in_the_worst_case, order_of_tasks_does_not_matter,
               tasks_write_disjoint_parts, gemv_does_not_depend_on_the_cut, nan_and_infinity_propagate,
               all_16_bit_patterns_convert_exactly, large_products_feed_many_threads, isa_names)
