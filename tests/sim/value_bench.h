/* A machine whose PEs run kernels and whose memories hold values, for suites; matrices by chance to put there. */
#ifndef WEFT_TESTS_SIM_VALUE_BENCH_H
#define WEFT_TESTS_SIM_VALUE_BENCH_H

#include "tile_bench.h"

#include "base/dtype.h"
#include "base/rng.h"
#include "sim/values/values.h"

typedef struct value_bench {
    tile_bench base;
    weft__values *values;
    weft__pe_log *log; /* NULL: none */
    weft__pe_values *memory;
} value_bench;

/* Zeros are the defaults. */
typedef struct value_options {
    const char *const *settings;
    weft_hazard_action hazards;
    bool is_eager, keeps_log;
} value_options;

static inline void open_value_bench_with(value_bench *it, const char *machine, const value_options *options)
{
    weft_error err;
    const weft__values_options values = {.is_eager = options->is_eager};
    *it = (value_bench){0};
    open_tile_bench(&it->base, machine, options->settings);
    WEFT_TEST_ASSERT_OK(weft__values_create(&values, &it->values, &err), err);
    if (options->keeps_log)
        WEFT_TEST_ASSERT_OK(weft__pe_log_create(it->base.pes, it->values, &it->log, &err), err);
    const weft__pe_values_options memory = {.hazards = options->hazards, .log = it->log};
    WEFT_TEST_ASSERT_OK(weft__pe_values_create(it->base.pes, it->values, &memory, &it->memory, &err), err);
}

static inline void open_value_bench(value_bench *it, const char *machine, weft_hazard_action hazards, bool is_eager)
{
    open_value_bench_with(it, machine, &(value_options){.hazards = hazards, .is_eager = is_eager});
}

static inline void close_value_bench(value_bench *it)
{
    weft__pe_values_destroy(it->memory);
    weft__pe_log_destroy(it->log);
    weft__values_destroy(it->values);
    close_tile_bench(&it->base);
}

/* A hazard that must have been met. */
static inline weft_kernel_hazard hazard_at(const value_bench *it, size_t index)
{
    weft_kernel_hazard hazard = {0};
    ck_assert_msg(weft__pe_values_hazard_at(it->memory, index, &hazard), "there is no hazard %zu", index);
    return hazard;
}

/* How many of those that are kept are of this race, and the first of them. */
static inline size_t count_hazards(const value_bench *it, weft_kernel_hazard_kind race, weft_kernel_hazard *out_first)
{
    size_t count = 0;
    weft_kernel_hazard hazard;
    for (size_t i = 0; weft__pe_values_hazard_at(it->memory, i, &hazard); i++)
        if (hazard.kind == race && count++ == 0 && out_first)
            *out_first = hazard;
    return count;
}

/* Launches on the first PEs, and runs as far as it goes. */
static inline weft_status try_kernel(value_bench *it, weft_tile_kernel *kernel, const void *arguments, size_t pes,
                                     weft_error *err)
{
    launch_kernel(&it->base, kernel, arguments, pes);
    return weft__sim_run(it->base.base.sim, WEFT__NEVER, err);
}

/* ---- data ---- */

#define ELEMENTS_MAX 40000u

/* Matrices by chance: f32, and rounded to f16. */
typedef struct matrix {
    uint64_t rows, columns;
    float at[ELEMENTS_MAX];
    uint16_t half[ELEMENTS_MAX];
} matrix;

static inline matrix *new_matrix(uint64_t seed, uint64_t rows, uint64_t columns)
{
    weft__rng rng;
    weft__rng_init(&rng, seed);
    matrix *it = calloc(1, sizeof *it);
    it->rows = rows;
    it->columns = columns;
    for (uint64_t i = 0; i < rows * columns; i++) {
        it->half[i] = weft__f16_from_f32((float)weft__rng_below(&rng, 2001) / 1000.0f - 1.0f);
        it->at[i] = weft__f16_to_f32(it->half[i]);
    }
    return it;
}

static inline void put(value_bench *it, uint64_t address, const matrix *from, weft_dtype dtype)
{
    weft_error err;
    const weft_shape shape = weft_shape_2d(from->rows, from->columns);
    const void *data = dtype == WEFT_F16 ? (const void *)from->half : (const void *)from->at;
    WEFT_TEST_ASSERT_OK(weft__pe_values_write(it->memory, address, dtype, &shape, data, &err), err);
}

static inline void get(value_bench *it, uint64_t address, uint64_t rows, uint64_t columns, float *out)
{
    weft_error err;
    const weft_shape shape = weft_shape_2d(rows, columns);
    WEFT_TEST_ASSERT_OK(weft__pe_values_read(it->memory, address, WEFT_F32, &shape, out, &err), err);
}

/* What a kernel works on. */
typedef struct work {
    uint64_t a, b, c, out;
    uint64_t m, k, n;
    int what;
} work;

static inline work work_in(const value_bench *it, uint64_t m, uint64_t k, uint64_t n)
{
    return (work){.a = address_in(&it->base, WEFT__REGION_HBM, 0, 0, 0),
                  .b = address_in(&it->base, WEFT__REGION_HBM, 0, 1, 1 << 20),
                  .c = address_in(&it->base, WEFT__REGION_SRAM, 0, 0, 0),
                  .out = address_in(&it->base, WEFT__REGION_HBM, 0, 0, 2 << 20),
                  .m = m,
                  .k = k,
                  .n = n};
}

#endif
