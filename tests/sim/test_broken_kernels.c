/* Kernels with one mistake each, of sizes that vary by seed: each must be found, with the right kind, call and PE; and
 * nothing must be found in the same kernels without it. */
#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "broken_kernels.h"
#include "support/weft_check.h"

enum {
    SEEDS = 4
};

typedef struct bench {
    weft_machine *machine;
    weft_simulation *simulation;
    weft_placed_tensor *in, *out, *shared;
    broken_work work;
} bench;

static void fill(weft_placed_tensor *tensor, uint64_t elements, weft__rng *rng)
{
    weft_error err;
    float *data = malloc(elements * sizeof *data);
    for (uint64_t i = 0; i < elements; i++)
        data[i] = (float)weft__rng_below(rng, 1000) / 500.0f - 1.0f;
    WEFT_TEST_ASSERT_OK(weft_placed_tensor_set(tensor, data, elements * sizeof *data, &err), err);
    free(data);
}

static void open_bench(bench *it, const broken_kernel *kernel, bool is_broken, weft_simulation_options options,
                       uint64_t seed)
{
    char path[512];
    weft_error err;
    weft__rng rng;
    weft__rng_init(&rng, seed);
    const weft_pe_set pes = {.sips = 1, .cubes = kernel->cubes, .pes = kernel->pes};
    uint64_t rows = 4 * (1 + weft__rng_below(&rng, 4)), columns = 4 * (4 + weft__rng_below(&rng, 11));
    uint32_t count = kernel->cubes * kernel->pes;
    (void)snprintf(path, sizeof path, "%s/machines/two-sip.yaml", WEFT_SOURCE_DIR);
    *it = (bench){0};
    WEFT_TEST_ASSERT_OK(weft_machine_open(path, NULL, 0, &it->machine, &err), err);
    WEFT_TEST_ASSERT_OK(weft_simulation_create(it->machine, &options, &it->simulation, &err), err);
    const weft_shape all = weft_shape_2d(rows * count, columns), one = weft_shape_2d(rows, columns);
    const weft_placement spread = {.pes = pes, .over_cubes = WEFT_SPLIT_ROWS, .over_pes = WEFT_SPLIT_ROWS};
    const weft_placement there = {.pes = {.sips = 1, .cubes = 1, .pes = 1}, .home = WEFT_HOME_SRAM};
    WEFT_TEST_ASSERT_OK(weft_placed_tensor_create(it->simulation, WEFT_F32, &all, &spread, &it->in, &err), err);
    WEFT_TEST_ASSERT_OK(weft_placed_tensor_create(it->simulation, WEFT_F32, &all, &spread, &it->out, &err), err);
    WEFT_TEST_ASSERT_OK(weft_placed_tensor_create(it->simulation, WEFT_F32, &one, &there, &it->shared, &err), err);
    fill(it->in, rows * count * columns, &rng);
    fill(it->shared, rows * columns, &rng);
    weft_shard shard;
    ck_assert(weft_placed_tensor_get_shard(it->shared, 0, &shard));
    it->work = (broken_work){is_broken, rows, columns, it->in, it->out, it->shared, shard.address};
}

static void close_bench(bench *it)
{
    weft_placed_tensor_destroy(it->in);
    weft_placed_tensor_destroy(it->out);
    weft_placed_tensor_destroy(it->shared);
    weft_simulation_destroy(it->simulation);
    weft_machine_close(it->machine);
}

static weft_status run(bench *it, const broken_kernel *kernel, weft_error *err)
{
    weft_kernel_launch *launch;
    const weft_launch_options options = {.name = kernel->name,
                                         .kernel = kernel->kernel,
                                         .arguments = &it->work,
                                         .pes = {.sips = 1, .cubes = kernel->cubes, .pes = kernel->pes},
                                         .queues = kernel->queues};
    WEFT_TEST_ASSERT_OK(weft_simulation_launch(it->simulation, &options, &launch, err), *err);
    weft_status status = weft_simulation_wait(it->simulation, launch, err);
    weft_kernel_launch_destroy(launch);
    return status;
}

static void must_say(const broken_kernel *kernel, uint64_t seed, const char *message, const char *what)
{
    if (what && !strstr(message, what))
        ck_abort_msg("'%s', seed %" PRIu64 ": \"%s\" does not say %s", kernel->name, seed, message, what);
}

/* The run ends with a sentence. */
static void must_be_found(const broken_kernel *kernel, uint64_t seed)
{
    bench it;
    weft_error err = {0};
    open_bench(&it, kernel, true, (weft_simulation_options){0}, seed);
    weft_status status = run(&it, kernel, &err);
    if (status != kernel->status)
        ck_abort_msg("'%s', seed %" PRIu64 ": status %d instead of %d: %s", kernel->name, seed, (int)status,
                     (int)kernel->status, status ? err.message : "ok");
    must_say(kernel, seed, err.message, kernel->name);
    must_say(kernel, seed, err.message, "sip0.cube");
    must_say(kernel, seed, err.message, kernel->call);
    must_say(kernel, seed, err.message, kernel->says);
    close_bench(&it);
}

/* A hazard that is only reported says what it is. */
static void must_be_reported(const broken_kernel *kernel, uint64_t seed)
{
    bench it;
    weft_error err;
    weft_kernel_hazard hazard;
    open_bench(&it, kernel, true, (weft_simulation_options){.hazards = WEFT_HAZARDS_REPORT}, seed);
    weft_status status = run(&it, kernel, &err);
    if (status != WEFT_OK)
        ck_abort_msg("'%s', seed %" PRIu64 ", reported: %s", kernel->name, seed, err.message);
    if (!weft_simulation_hazard_at(it.simulation, 0, &hazard))
        ck_abort_msg("'%s', seed %" PRIu64 ": no hazard is reported", kernel->name, seed);
    if (hazard.kind != kernel->hazard)
        ck_abort_msg("'%s', seed %" PRIu64 ": %s instead of %s: %s", kernel->name, seed,
                     weft_kernel_hazard_kind_name(hazard.kind), weft_kernel_hazard_kind_name(kernel->hazard),
                     hazard.text);
    ck_assert_str_eq(hazard.kernel, kernel->name);
    ck_assert_str_eq(hazard.call, kernel->call);
    must_say(kernel, seed, hazard.text, hazard.pe);
    must_say(kernel, seed, hazard.text, hazard.call);
    close_bench(&it);
}

/* Whatever the latencies are. */
static void must_be_clean(const broken_kernel *kernel, uint64_t seed, uint64_t perturb_seed)
{
    bench it;
    weft_error err;
    weft_simulation_statistics statistics;
    open_bench(&it, kernel, false, (weft_simulation_options){.perturb_seed = perturb_seed}, seed);
    weft_status status = run(&it, kernel, &err);
    if (status != WEFT_OK)
        ck_abort_msg("'%s' repaired, seed %" PRIu64 ", perturbed by %" PRIu64 ": %s", kernel->name, seed, perturb_seed,
                     err.message);
    weft_simulation_get_statistics(it.simulation, &statistics);
    ck_assert_uint_eq(statistics.hazards, 0);
    close_bench(&it);
}

static void run_all(const broken_kernel *kernels)
{
    for (const broken_kernel *kernel = kernels; kernel->name; kernel++)
        for (uint64_t seed = 0; seed < SEEDS; seed++) {
            must_be_found(kernel, seed);
            if (kernel->status == WEFT_HAZARD)
                must_be_reported(kernel, seed);
            must_be_clean(kernel, seed, 0);
            must_be_clean(kernel, seed, seed + 1);
        }
}

START_TEST(mistakes_with_commands_are_found)
{
    run_all(broken_commands);
}
END_TEST

START_TEST(mistakes_with_queues_are_found)
{
    run_all(broken_queues);
}
END_TEST

START_TEST(mistakes_with_memories_are_found)
{
    run_all(broken_memories);
}
END_TEST

/* What the suite promises: so many kernels, of all these kinds. */
START_TEST(the_suite_is_whole)
{
    static const char *const kinds[] = {"missing wait", "early reuse",       "wrong direction", "unmatched receive",
                                        "cyclic wait",  "overrun",           "wrong shape",     "uninitialised read",
                                        "unordered",    "unlike collectives"};
    const broken_kernel *const lists[] = {broken_commands, broken_queues, broken_memories};
    size_t counts[sizeof kinds / sizeof *kinds] = {0}, all = 0;
    for (size_t list = 0; list < 3; list++)
        for (const broken_kernel *kernel = lists[list]; kernel->name; kernel++, all++)
            for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; kind++)
                counts[kind] += strcmp(kinds[kind], kernel->kind) == 0;
    size_t of_these = 0;
    for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; kind++) {
        ck_assert_uint_ge(counts[kind], 4);
        of_these += counts[kind];
    }
    ck_assert_uint_eq(of_these, all);
    ck_assert_uint_ge(all, 40);
}
END_TEST

WEFT_TEST_MAIN("broken_kernels", mistakes_with_commands_are_found, mistakes_with_queues_are_found,
               mistakes_with_memories_are_found, the_suite_is_whole)
